/** Virtual time of a machine without running vCPUs, as a client of qtest moves it. */
import type { EventQueue } from '../core/clock.ts';
import type { SteppedTime } from './virtual-clock.ts';

/** How often timers may arm themselves for the moment that it is: what a guest's lists order without end must not stop the time. */
const MAX_ROUNDS = 1024;

export class SteppedMachineTime {
  readonly #time: SteppedTime;
  readonly #clock: EventQueue;
  readonly #isRunning: () => boolean;

  /** @param isRunning QEMU: timers of a stopped machine wait */
  constructor(time: SteppedTime, clock: EventQueue, isRunning: () => boolean) {
    this.#time = time;
    this.#clock = clock;
    this.#isRunning = isRunning;
  }

  get nowNs(): number {
    return this.#time.nowNs();
  }

  /** Nanoseconds; Infinity: no timer is armed. */
  get nextDeadlineNs(): number {
    return this.#clock.nextDeadlineNs();
  }

  /** Something is to be done at the moment that it is. */
  get isDue(): boolean {
    return this.#isRunning() && this.nextDeadlineNs <= this.nowNs;
  }

  /** Moves on to `ns`, not back, and runs each timer on the way when it is its time. */
  stepTo(ns: number): void {
    while (this.nowNs < ns) {
      const next = this.#isRunning() ? Math.max(this.nextDeadlineNs, this.nowNs + 1) : ns;
      this.#time.moveTo(Math.min(ns, next));
      this.runDue();
    }
  }

  /** Runs what is to be done at the moment that it is. */
  runDue(): void {
    for (let round = 0; round < MAX_ROUNDS && this.isDue; round++) this.#clock.runDue();
  }
}
