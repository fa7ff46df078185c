import type { Machine } from '../emu/index.ts';

/** Host time between two looks at terminals, sockets and files. */
const SLICE_MS = 20;
/** Longest sleep: a timer of Node's must be there, or the process would end. */
const MAX_SLEEP_MS = 1000;
/** Bytes that a slow reader may leave waiting before the guest has to wait for it. */
const MAX_QUEUED_BYTES = 1024 * 1024;
const FULL_SLEEP_MS = 5;

export interface RunLoopHost {
  /** Output that nobody has taken yet. */
  queuedBytes(): number;
  /** The machine threw: a fault of ours. The loop stands still. */
  crashed(error: unknown): void;
}

/** Runs the machine in slices; terminals, sockets and files get their turn in between. */
export class RunLoop {
  readonly #machine: Pick<Machine, 'run'>;
  readonly #host: RunLoopHost;
  #pending: NodeJS.Immediate | undefined;
  #sleep: NodeJS.Timeout | undefined;
  /** The last turn ended idle. */
  #idle = false;
  #stopped = false;

  constructor(machine: Pick<Machine, 'run'>, host: RunLoopHost) {
    this.#machine = machine;
    this.#host = host;
  }

  /** Something changed: input came, a request is done, the machine was started. */
  wake(): void {
    if (this.#stopped || this.#pending !== undefined) return;
    clearTimeout(this.#sleep);
    this.#pending = setImmediate(() => this.#turn());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#sleep);
    clearImmediate(this.#pending);
  }

  #turn(): void {
    this.#pending = undefined;
    const idleMs = this.#slice();
    if (this.#stopped || this.#pending !== undefined) return;
    // A device may go on in a microtask of this turn; only a machine that is idle twice sleeps.
    const sleepy = idleMs > 0 && this.#idle;
    this.#idle = idleMs > 0;
    if (!sleepy) this.wake();
    else this.#sleep = setTimeout(() => this.wake(), Math.min(idleMs, MAX_SLEEP_MS));
  }

  /** Milliseconds until something may happen by itself. */
  #slice(): number {
    if (this.#host.queuedBytes() > MAX_QUEUED_BYTES) return FULL_SLEEP_MS;
    try {
      return this.#machine.run(SLICE_MS).idleMs;
    } catch (error) {
      this.stop();
      this.#host.crashed(error);
      return 0;
    }
  }
}
