/** Where virtual time comes from. */
import type { Host } from '../core/host.ts';

export interface TimeSource {
  nowNs(): number;
  /** The guest starts or stops: time stands still while it is stopped. */
  start(): void;
  stop(): void;
  /** Nothing happens before `deadlineNs`: true when time was moved there at once, false when the host must be waited for. */
  skipTo(deadlineNs: number): boolean;
  /** A snapshot was restored: it is `nowNs`, and the count of instructions may have changed. */
  restore(nowNs: number): void;
}

/**
 * The most that time may advance per instruction. A host so loaded that it runs fewer than 10 million instructions a second
 * would else spend them all on timer interrupts; QEMU on a host that slow stalls in the same way.
 */
const MAX_NS_PER_INSTRUCTION = 100;

/** Follows the host's clock while the guest runs. */
export class HostTime implements TimeSource {
  readonly #host: Host;
  readonly #retired: () => number;
  /** Virtual time, host time and instructions at the last `sync`. */
  #base = 0;
  #hostNs: number | undefined;
  #retiredBefore = 0;
  /** Instructions run: time may not outrun them. */
  #busy = false;

  constructor(host: Host, retired: () => number) {
    this.#host = host;
    this.#retired = retired;
  }

  nowNs(): number {
    if (this.#hostNs === undefined) return this.#base;
    const elapsed = this.#host.monotonicNs() - this.#hostNs;
    if (!this.#busy) return this.#base + elapsed;
    const allowed = (this.#retired() - this.#retiredBefore) * MAX_NS_PER_INSTRUCTION;
    return this.#base + Math.min(elapsed, allowed);
  }

  start(): void {
    this.#hostNs ??= this.#host.monotonicNs();
  }

  stop(): void {
    this.#base = this.nowNs();
    this.#hostNs = undefined;
  }

  /** Instructions are about to run (`busy`), or have run: what time lost meanwhile is not made up for. */
  sync(busy: boolean): void {
    this.#base = this.nowNs();
    if (this.#hostNs !== undefined) this.#hostNs = this.#host.monotonicNs();
    this.#retiredBefore = this.#retired();
    this.#busy = busy;
  }

  skipTo(): boolean {
    return false;
  }

  restore(nowNs: number): void {
    this.#base = nowNs;
    if (this.#hostNs !== undefined) this.#hostNs = this.#host.monotonicNs();
    this.#retiredBefore = this.#retired();
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

  restore(nowNs: number): void {
    this.#skipped = nowNs - this.#retired() * this.#nsPerInstruction;
  }
}
