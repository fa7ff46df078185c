/**
 * Work that a guest orders by one access and that has no end of its own: rings that are refilled while they are served, lists that
 * lead back to their start, transfers of gigabytes. QEMU: a bottom half (QEMUBH), there without the limits.
 *
 * One portion is done in the accesses themselves, so that an ordinary request is as fast as can be. What is left goes on from the
 * machine's clock, a portion at a time: between two of them the guest runs, and the host has its turn at the end of a slice. The limits
 * count requests, descriptors and bytes, not time, and the next portion has a deadline of virtual time: a deterministic run repeats.
 */
import type { Clock, Timer } from './clock.ts';
import { DEADLINE_NS, integer, record } from './state-fields.ts';

/** What may still be done; who does it counts down. A request may be begun while no count is used up. */
export interface Portion {
  requests: number;
  /** Entries of the guest's lists of buffers that are read. */
  descriptors: number;
  bytes: number;
}

/** More than an ordinary driver has under way at once, and done within a slice of the run loop. */
export const PORTION: Readonly<Portion> = { requests: 128, descriptors: 8192, bytes: 8 << 20 };

/**
 * All accesses in so much virtual time share one portion: a driver may order the same small work ten thousand times before the clock
 * is looked at. What they have no room for waits for the clock, which then is looked at soon.
 */
const PERIOD_NS = 250_000;

/** Another request may be begun. */
export function hasRoom({ requests, descriptors, bytes }: Readonly<Portion>): boolean {
  return requests > 0 && descriptors > 0 && bytes > 0;
}

export type BottomHalfState = {
  /** When the next portion is due, or null. */
  readonly deadlineNs: number | null;
  /** When the last portion was begun, or null. */
  readonly begunNs: number | null;
  /** What is left of it. */
  readonly left: Readonly<Portion>;
};

/** The last piece of work may take more than was left. */
const OVERDRAWN = -(2 ** 41);

export const BOTTOM_HALF_STATE = record<BottomHalfState>({
  deadlineNs: DEADLINE_NS,
  begunNs: DEADLINE_NS,
  left: record<Readonly<Portion>>({
    requests: integer(OVERDRAWN, PORTION.requests),
    descriptors: integer(OVERDRAWN, PORTION.descriptors),
    bytes: integer(OVERDRAWN, PORTION.bytes),
  }),
});

/** Nothing is due, and nothing of a portion is used. */
export const NO_BOTTOM_HALF: BottomHalfState = { deadlineNs: null, begunNs: null, left: PORTION };

export class BottomHalf {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #work: (portion: Portion) => boolean;
  #begunNs: number | null = null;
  #left: Portion = { ...PORTION };

  /** @param work does what the portion allows; true: there is more to do */
  constructor(clock: Clock, work: (portion: Portion) => boolean) {
    this.#clock = clock;
    this.#work = work;
    this.#timer = clock.timer(() => {
      this.#begin();
      this.#run();
    });
  }

  /** There is something to do: what the portion allows is done now, unless the next one is due anyway. */
  kick(): void {
    if (this.#isDue()) return;
    if (this.#begunNs === null || this.#clock.nowNs() - this.#begunNs >= PERIOD_NS) this.#begin();
    this.#run();
  }

  /** There is something to do later: after all that is under way. */
  schedule(): void {
    if (!this.#isDue()) this.#timer.arm(this.#clock.nowNs());
  }

  cancel(): void {
    this.#timer.cancel();
  }

  /** Nothing is due, and nothing of the portion is used. */
  reset(): void {
    this.cancel();
    this.#begunNs = null;
    this.#left = { ...PORTION };
  }

  save(): BottomHalfState {
    const deadlineNs = this.#isDue() ? this.#timer.deadlineNs : null;
    return { deadlineNs, begunNs: this.#begunNs, left: { ...this.#left } };
  }

  restore({ deadlineNs, begunNs, left }: BottomHalfState): void {
    this.#timer.cancel();
    this.#begunNs = begunNs;
    this.#left = { ...left };
    if (deadlineNs !== null) this.#timer.arm(deadlineNs);
  }

  #isDue(): boolean {
    return this.#timer.deadlineNs !== Number.POSITIVE_INFINITY;
  }

  #begin(): void {
    this.#begunNs = this.#clock.nowNs();
    this.#left = { ...PORTION };
  }

  /** After a portion that was used up there is another turn, even when nothing is left to do: that it comes does not depend on the host's speed. */
  #run(): void {
    const more = this.#work(this.#left);
    if (more || !hasRoom(this.#left)) this.schedule();
  }
}
