/**
 * Work that a guest orders by one access and that has no end of its own: rings that are refilled while they are served, lists that
 * lead back to their start, transfers of gigabytes. QEMU: a bottom half (QEMUBH), there without the limits.
 *
 * One portion is done in the access itself, so that an ordinary request is as fast as can be. What is left goes on from the machine's
 * clock, a portion at a time: between two of them the guest runs, and the host has its turn at the end of a slice. The limits count
 * requests and bytes, not time, and the next portion has a deadline of virtual time: a deterministic run repeats.
 */
import type { Clock, Timer } from './clock.ts';

/** What a portion may still do; who does it counts down. One request may be begun while `bytes` is above 0. */
export interface Portion {
  requests: number;
  bytes: number;
}

/** Nanoseconds at which the next portion is due, or null. */
export type BottomHalfState = number | null;

export class BottomHalf {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #limits: Readonly<Portion>;
  readonly #work: (portion: Portion) => boolean;

  /** @param work does what the portion allows; true: there is more to do */
  constructor(clock: Clock, limits: Readonly<Portion>, work: (portion: Portion) => boolean) {
    this.#clock = clock;
    this.#limits = limits;
    this.#work = work;
    this.#timer = clock.timer(() => this.#run());
  }

  /** There is something to do: a portion is done now, unless one is due anyway. */
  kick(): void {
    if (!this.#isDue()) this.#run();
  }

  /** There is something to do later: after all that is under way. */
  schedule(): void {
    if (!this.#isDue()) this.#timer.arm(this.#clock.nowNs());
  }

  cancel(): void {
    this.#timer.cancel();
  }

  save(): BottomHalfState {
    return this.#isDue() ? this.#timer.deadlineNs : null;
  }

  restore(state: BottomHalfState): void {
    this.#timer.cancel();
    if (state !== null) this.#timer.arm(state);
  }

  #isDue(): boolean {
    return this.#timer.deadlineNs !== Number.POSITIVE_INFINITY;
  }

  #run(): void {
    if (this.#work({ ...this.#limits })) this.schedule();
  }
}
