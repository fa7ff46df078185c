/** Where virtual time comes from. */
import type { Host } from '../core/host.ts';

export interface TimeSource {
  nowNs(): number;
  /** The guest starts or stops: time stands still while it is stopped. */
  start(): void;
  stop(): void;
  /** Nothing happens before `deadlineNs`: true when time was moved there at once, false when the host must be waited for. */
  skipTo(deadlineNs: number): boolean;
}

/** Follows the host's clock while the guest runs. */
export class HostTime implements TimeSource {
  readonly #host: Host;
  #base = 0;
  #startedAt: number | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  nowNs(): number {
    const since = this.#startedAt;
    return since === undefined ? this.#base : this.#base + (this.#host.monotonicNs() - since);
  }

  start(): void {
    this.#startedAt ??= this.#host.monotonicNs();
  }

  stop(): void {
    this.#base = this.nowNs();
    this.#startedAt = undefined;
  }

  skipTo(): boolean {
    return false;
  }
}

/** Deterministic: 2^shift nanoseconds per instruction, and idle time passes at once. QEMU: -icount shift=N,sleep=off. */
export class InstructionTime implements TimeSource {
  readonly #retired: () => number;
  readonly #nsPerInstruction: number;
  #skipped = 0;

  constructor(retired: () => number, shift: number) {
    this.#retired = retired;
    this.#nsPerInstruction = 2 ** shift;
  }

  /** Instructions that fit before `deadlineNs`, at least one. */
  budgetUntil(deadlineNs: number): number {
    return Math.max(1, Math.ceil((deadlineNs - this.nowNs()) / this.#nsPerInstruction));
  }

  nowNs(): number {
    return this.#retired() * this.#nsPerInstruction + this.#skipped;
  }

  start(): void {}

  stop(): void {}

  skipTo(deadlineNs: number): boolean {
    this.#skipped += Math.max(0, deadlineNs - this.nowNs());
    return true;
  }
}
