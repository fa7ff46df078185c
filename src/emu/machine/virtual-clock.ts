/** Where virtual time comes from. */
import type { Host } from '../core/host.ts';

/** Instructions of one run of the engine, at most. */
export const CHUNK_MAX = 400_000;

export interface TimeSource {
  nowNs(): number;
  /** The guest starts or stops: time stands still while it is stopped. */
  start(): void;
  stop(): void;
  /** Nothing happens before `deadlineNs`: true when time moved on at once, false when the host must be waited for. */
  skipTo(deadlineNs: number): boolean;
  /** Instructions that time may wait for next: of the wanted ones, or to `deadlineNs`. */
  budget(wanted: number, deadlineNs: number): number;
  /** Instructions are about to run (`busy`), or have run. */
  sync(busy: boolean): void;
  /** A snapshot was restored: it is `nowNs`, and the count of instructions may have changed. */
  restore(nowNs: number): void;
}

/**
 * The most that time may advance per instruction. A host so loaded that it runs fewer than 10 million instructions a second
 * would else spend them all on timer interrupts; QEMU on a host that slow stalls in the same way.
 */
const MAX_NS_PER_INSTRUCTION = 100;
/** Between two looks at the deadlines by a guest that catches up: half a millisecond of its time. */
const CATCH_UP_INSTRUCTIONS = 5000;
/** The most that time may leap. Guest: Linux takes a processor for stuck after 20 s without its watchdog's thread. */
const MAX_LEAP_NS = 4e9;
/** Between two leaps of a busy guest: its kernel's watchdogs need some ticks. */
const LEAP_INSTRUCTIONS = 1e6;
/** A guest that never idles is so far behind only when its tab was frozen: no instructions make up for that. */
const STALL_NS = 10e9;

/** Follows the host's clock while the guest runs. What it falls behind, because the host was busy, it makes up for. */
export class HostTime implements TimeSource {
  readonly #host: Host;
  readonly #retired: () => number;
  /** Virtual time, host time and instructions at the last `sync`. */
  #base = 0;
  #hostNs: number | undefined;
  #retiredBefore = 0;
  /** What virtual time lacked then. */
  #behindNs = 0;
  #leapRetired = 0;
  /** Instructions run: time may not outrun them. */
  #busy = false;

  constructor(host: Host, retired: () => number) {
    this.#host = host;
    this.#retired = retired;
  }

  nowNs(): number {
    if (this.#hostNs === undefined) return this.#base;
    return this.#base + this.#passed(this.#host.monotonicNs() - this.#hostNs);
  }

  start(): void {
    this.#hostNs ??= this.#host.monotonicNs();
  }

  stop(): void {
    this.#base = this.nowNs();
    this.#hostNs = undefined;
    this.#behindNs = 0;
  }

  sync(busy: boolean): void {
    if (this.#hostNs !== undefined) {
      const hostNs = this.#host.monotonicNs();
      const elapsed = hostNs - this.#hostNs;
      const passed = this.#passed(elapsed);
      this.#hostNs = hostNs;
      this.#base += passed;
      this.#behindNs = Math.max(0, Math.floor(this.#behindNs + elapsed - passed));
    }
    this.#retiredBefore = this.#retired();
    this.#busy = busy;
    if (!busy || this.#behindNs < STALL_NS) return;
    if (this.#retiredBefore - this.#leapRetired >= LEAP_INSTRUCTIONS) this.#leap();
  }

  /** What was lost while instructions ran is made up for here, where no instruction misses it. */
  skipTo(): boolean {
    this.sync(false);
    if (this.#behindNs === 0) return false;
    this.#leap();
    return true;
  }

  budget(wanted: number): number {
    return this.#behindNs === 0 ? wanted : Math.min(wanted, CATCH_UP_INSTRUCTIONS);
  }

  restore(nowNs: number): void {
    this.#base = nowNs;
    this.#behindNs = 0;
    if (this.#hostNs !== undefined) this.#hostNs = this.#host.monotonicNs();
    this.#retiredBefore = this.#leapRetired = this.#retired();
  }

  /** Virtual time since the last `sync`, when `elapsed` went by for the host. */
  #passed(elapsed: number): number {
    if (!this.#busy) return Math.min(elapsed, MAX_LEAP_NS);
    const allowed = (this.#retired() - this.#retiredBefore) * MAX_NS_PER_INSTRUCTION;
    return Math.min(elapsed + this.#behindNs, allowed);
  }

  #leap(): void {
    const leap = Math.min(this.#behindNs, MAX_LEAP_NS);
    this.#base += leap;
    this.#behindNs -= leap;
    this.#leapRetired = this.#retiredBefore;
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

  budget(_wanted: number, deadlineNs: number): number {
    const left = Math.ceil((deadlineNs - this.nowNs()) / this.#nsPerInstruction);
    return Math.max(1, Math.min(left, CHUNK_MAX));
  }

  nowNs(): number {
    return this.#retired() * this.#nsPerInstruction + this.#skipped;
  }

  start(): void {}

  stop(): void {}

  sync(): void {}

  skipTo(deadlineNs: number): boolean {
    if (deadlineNs === Number.POSITIVE_INFINITY) return false;
    this.#skipped += Math.max(0, deadlineNs - this.nowNs());
    return true;
  }

  restore(nowNs: number): void {
    this.#skipped = nowNs - this.#retired() * this.#nsPerInstruction;
  }
}
