/** Virtual time, in nanoseconds since the machine was made (exact: below 2^53 ns is 104 days). */

export const MAX_TIME_NS = Number.MAX_SAFE_INTEGER;

/** No machine lets a timer wait as long when its guest runs. */
const LATE_MAX_NS = 1e9;

/**
 * The moment as of which a periodic timer acts that is late: its deadline, so that no period is lost. What is later than a second comes from
 * a state that was never saved like that, or from a period that no processor can follow: to make up for each period of it might take for ever.
 */
export function actingNs(deadlineNs: number, nowNs: number): number {
  return nowNs - deadlineNs > LATE_MAX_NS ? nowNs : deadlineNs;
}

export interface Timer {
  /** Calls back once at or after `deadlineNs`; arming again replaces the deadline. */
  arm(deadlineNs: number): void;
  cancel(): void;
  /** Infinity when not armed. */
  readonly deadlineNs: number;
}

/** The machine's one clock. It does not move during a device access, so devices may read it freely. */
export interface Clock {
  nowNs(): number;
  timer(callback: () => void): Timer;
}

class QueuedTimer implements Timer {
  deadlineNs = Number.POSITIVE_INFINITY;
  readonly callback: () => void;
  /** Timers with the same deadline run in the order in which they were made, however they came to be armed. */
  readonly order: number;
  /** The call of `runDue` that ran it last. */
  ranIn = 0;
  readonly #queue: EventQueue;

  constructor(queue: EventQueue, callback: () => void, order: number) {
    this.#queue = queue;
    this.callback = callback;
    this.order = order;
  }

  isBefore(other: QueuedTimer): boolean {
    return (
      this.deadlineNs < other.deadlineNs || (this.deadlineNs === other.deadlineNs && this.order < other.order)
    );
  }

  arm(deadlineNs: number): void {
    this.#queue.remove(this);
    this.deadlineNs = deadlineNs;
    this.#queue.insert(this);
  }

  cancel(): void {
    this.#queue.remove(this);
    this.deadlineNs = Number.POSITIVE_INFINITY;
  }
}

/** The clock's deadlines, soonest first. A machine has some dozen timers, so that a sorted array is the fastest queue. */
export class EventQueue implements Clock {
  readonly #now: () => number;
  readonly #armed: QueuedTimer[] = [];
  #made = 0;
  #runs = 0;
  #onEarlier: () => void = () => {};

  /** @param now virtual time in nanoseconds; never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  nowNs(): number {
    return this.#now();
  }

  timer(callback: () => void): Timer {
    return new QueuedTimer(this, callback, this.#made++);
  }

  /** Called when a deadline earlier than all others was armed: the run loop may have to shorten its slice. */
  onEarlierDeadline(listener: () => void): void {
    this.#onEarlier = listener;
  }

  /** Nanoseconds; Infinity when nothing is armed. */
  nextDeadlineNs(): number {
    return this.#armed[0]?.deadlineNs ?? Number.POSITIVE_INFINITY;
  }

  /** Runs what is due. A callback that arms itself again in the past runs again in the next call, not in this one. */
  runDue(): void {
    const now = this.#now();
    const run = ++this.#runs;
    for (let at = 0; ; ) {
      const timer = this.#armed[at];
      if (timer === undefined || timer.deadlineNs > now) return;
      if (timer.ranIn === run) {
        at++;
        continue;
      }
      this.#armed.splice(at, 1);
      timer.deadlineNs = Number.POSITIVE_INFINITY;
      timer.ranIn = run;
      timer.callback();
      // It may have armed and cancelled others.
      at = 0;
    }
  }

  insert(timer: QueuedTimer): void {
    let at = this.#armed.length;
    for (let before = this.#armed[at - 1]; before !== undefined && timer.isBefore(before); ) {
      before = this.#armed[--at - 1];
    }
    this.#armed.splice(at, 0, timer);
    if (at === 0) this.#onEarlier();
  }

  remove(timer: QueuedTimer): void {
    const at = this.#armed.indexOf(timer);
    if (at >= 0) this.#armed.splice(at, 1);
  }
}
