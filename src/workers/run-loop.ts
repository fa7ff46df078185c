import type { WorkerMachine } from './machine-types.ts';

/** Guest time between two looks at the messages; typing waits no longer than this. */
const SLICE_MS = 4;
/** Longest sleep; keeps the status fresh. */
const MAX_SLEEP_MS = 1000;

export interface RunLoopHost {
  /** After each slice. */
  afterSlice(): void;
  /** The machine threw: a bug of ours. The loop stands still. */
  crashed(error: unknown): void;
}

/** Runs the machine in slices; messages, timers and storage get their turn in between. */
export class RunLoop {
  readonly #machine: Pick<WorkerMachine, 'run'>;
  readonly #host: RunLoopHost;
  readonly #channel = new MessageChannel();
  #pending = false;
  /** The last turn ended idle. */
  #idle = false;
  #stopped = false;
  #sleep: ReturnType<typeof setTimeout> | undefined;

  constructor(machine: Pick<WorkerMachine, 'run'>, host: RunLoopHost) {
    this.#machine = machine;
    this.#host = host;
    this.#channel.port1.onmessage = () => this.#turn();
  }

  /** Something changed: input came, a request is done, the machine was started. */
  wake(): void {
    if (this.#stopped || this.#pending) return;
    clearTimeout(this.#sleep);
    this.#pending = true;
    // Behind the messages that wait already, and without the 4 ms that nested timers take.
    this.#channel.port2.postMessage(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#sleep);
    this.#channel.port1.close();
  }

  #turn(): void {
    this.#pending = false;
    if (this.#stopped) return;
    let idleMs: number;
    try {
      idleMs = this.#machine.run(SLICE_MS).idleMs;
      this.#host.afterSlice();
    } catch (error) {
      this.stop();
      this.#host.crashed(error);
      return;
    }
    // A device may go on in a microtask of this turn; only a machine that is idle twice sleeps.
    const idle = idleMs > 0;
    const sleepy = idle && this.#idle;
    this.#idle = idle;
    if (this.#pending) return;
    if (!sleepy) this.wake();
    else this.#sleep = setTimeout(() => this.wake(), Math.min(idleMs, MAX_SLEEP_MS));
  }
}
