/** Where virtual time comes from. */
import type { Host } from '../core/host.ts';

/** What decides where a machine's time comes from. */
export interface TimeChoice {
  readonly accel?: 'tcg' | 'qtest' | undefined;
  readonly icountShift?: number | undefined;
}

/** @param retired instructions so far */
export function timeSourceOf(
  { accel, icountShift }: TimeChoice,
  host: Host,
  retired: () => number,
): TimeSource {
  if (accel === 'qtest') return new SteppedTime();
  return icountShift === undefined ? new HostTime(host, retired) : new InstructionTime(retired, icountShift);
}

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
  /** Nanoseconds of the host that the guest never sees, since the last call. */
  takeLostNs(): number;
  /** A snapshot was restored: it is `nowNs`, and the count of instructions may have changed. */
  restore(nowNs: number): void;
}

/**
 * The most that time may advance per instruction. A host so loaded that it runs fewer than 10 million instructions a second
 * would else spend them all on timer interrupts; QEMU on a host that slow stalls in the same way.
 */
const MAX_NS_PER_INSTRUCTION = 100;
/**
 * How much faster than the host's clock time may go while instructions run, until it has caught up.
 * Guest: Linux takes a processor for stuck when its watchdog's thread has not run for 20 s, however many ticks there were.
 */
const CATCH_UP_RATE = 2;
/** What of that a starved guest may save up until it runs again. A longer stall earns it no more. */
const MAX_CREDIT_NS = 200e6;
/** What the guest is further behind than this it never makes up for: the host slept, or is too slow for a guest that never idles. */
const MAX_BEHIND_NS = 120e9;

/** Between two chunks of instructions, inside one, or from a halt to the next deadline. */
type Phase = 'between' | 'busy' | 'idle';

/**
 * Follows the host's clock while the guest runs, and is never ahead of it. A host that stalls leaves it behind. While the guest has
 * instructions to run, time moves with them only, so that no stall falls between two of them, as between the guest's reads of
 * two clocks that it compares. While the guest is halted, time moves to its next deadline at once, if it is behind: the guest
 * then sees every one of its deadlines, as if nothing had happened.
 */
export class HostTime implements TimeSource {
  readonly #host: Host;
  readonly #retired: () => number;
  #started = false;
  /** The host's clock when it was last looked at. */
  #hostNs = 0;
  /** Virtual time when the phase began, and by how much it was behind the host's. */
  #base = 0;
  #behindNs = 0;
  #phase: Phase = 'between';
  /** Host time since then. */
  #elapsedNs = 0;
  /** By how much time may move on in the next busy phase, beside what the host's clock allows during it. */
  #creditNs = 0;
  /** Instructions at the beginning of a busy phase. */
  #retiredBefore = 0;
  /** Where an idle phase ends. */
  #deadlineNs = 0;
  #lostNs = 0;

  constructor(host: Host, retired: () => number) {
    this.#host = host;
    this.#retired = retired;
  }

  nowNs(): number {
    this.#settle(this.#phase);
    return this.#base;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#hostNs = Math.floor(this.#host.monotonicNs());
    this.#elapsedNs = 0;
    this.#retiredBefore = this.#retired();
  }

  stop(): void {
    this.#settle('between');
    this.#started = false;
    this.#behindNs = 0;
  }

  sync(busy: boolean): void {
    this.#settle(busy ? 'busy' : 'between');
  }

  skipTo(deadlineNs: number): boolean {
    this.#settle('idle');
    this.#deadlineNs = deadlineNs;
    if (this.#passedNs() === 0) return false;
    this.#settle('idle');
    return true;
  }

  budget(wanted: number): number {
    return wanted;
  }

  takeLostNs(): number {
    const lostNs = this.#lostNs;
    this.#lostNs = 0;
    return lostNs;
  }

  restore(nowNs: number): void {
    this.#settle('between');
    this.#base = nowNs;
    this.#behindNs = 0;
    this.#lostNs = 0;
    this.#retiredBefore = this.#retired();
  }

  /** Ends the phase, and begins the next: also at each look at the clock, so that all limits hold between any two looks. */
  #settle(next: Phase): void {
    if (this.#started) {
      this.#lookAtHost();
      const passedNs = this.#passedNs();
      this.#base += passedNs;
      this.#behindNs += this.#elapsedNs - passedNs;
      const usedNs = this.#phase === 'busy' ? passedNs : 0;
      this.#creditNs = Math.min(this.#allowedNs() - usedNs, MAX_CREDIT_NS);
      this.#elapsedNs = 0;
      if (this.#behindNs > MAX_BEHIND_NS) {
        this.#lostNs += this.#behindNs;
        this.#behindNs = 0;
      }
    }
    this.#phase = next;
    this.#retiredBefore = Math.max(this.#retiredBefore, this.#retired());
  }

  /** A host's clock that goes backwards stands still for us. */
  #lookAtHost(): void {
    const hostNs = Math.floor(this.#host.monotonicNs());
    this.#elapsedNs += Math.max(0, hostNs - this.#hostNs);
    this.#hostNs = hostNs;
  }

  #allowedNs(): number {
    return this.#creditNs + this.#elapsedNs * CATCH_UP_RATE;
  }

  /** Virtual time since the phase began. */
  #passedNs(): number {
    const lackingNs = this.#behindNs + this.#elapsedNs;
    switch (this.#phase) {
      case 'between':
        return 0;
      case 'busy':
        return Math.min(
          lackingNs,
          this.#allowedNs(),
          Math.max(0, this.#retired() - this.#retiredBefore) * MAX_NS_PER_INSTRUCTION,
        );
      case 'idle':
        return Math.min(lackingNs, Math.max(0, Math.ceil(this.#deadlineNs - this.#base)));
    }
  }
}

/** Deterministic: 2^shift nanoseconds per instruction, and idle time passes at once. QEMU: -icount shift=N,sleep=off. */
export class InstructionTime implements TimeSource {
  readonly #retired: () => number;
  readonly #nsPerInstruction: number;
  /** The time when `#since` instructions had run, and with it all that was skipped since. */
  #base = 0;
  #since = 0;

  constructor(retired: () => number, shift: number) {
    this.#retired = retired;
    this.#nsPerInstruction = 2 ** shift;
  }

  budget(_wanted: number, deadlineNs: number): number {
    const left = Math.ceil((deadlineNs - this.nowNs()) / this.#nsPerInstruction);
    return Math.max(1, Math.min(left, CHUNK_MAX));
  }

  nowNs(): number {
    return this.#base + (this.#retired() - this.#since) * this.#nsPerInstruction;
  }

  start(): void {}

  stop(): void {}

  sync(): void {}

  takeLostNs(): number {
    return 0;
  }

  skipTo(deadlineNs: number): boolean {
    if (deadlineNs === Number.POSITIVE_INFINITY) return false;
    this.#base += Math.max(0, deadlineNs - this.nowNs());
    return true;
  }

  restore(nowNs: number): void {
    this.#base = nowNs;
    this.#since = this.#retired();
  }
}

/** Stands still but when it is told to move. QEMU: -accel qtest. */
export class SteppedTime implements TimeSource {
  #nowNs = 0;

  /** To a later time. */
  moveTo(ns: number): void {
    this.#nowNs = ns;
  }

  nowNs(): number {
    return this.#nowNs;
  }

  budget(wanted: number): number {
    return wanted;
  }

  start(): void {}

  stop(): void {}

  sync(): void {}

  takeLostNs(): number {
    return 0;
  }

  skipTo(): boolean {
    return false;
  }

  restore(nowNs: number): void {
    this.#nowNs = nowNs;
  }
}
