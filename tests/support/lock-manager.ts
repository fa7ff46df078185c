/** `navigator.locks` of several tabs: one manager, and a client of it for each tab. Spec: Web Locks API. */

interface Request {
  readonly name: string;
  readonly mode: LockMode;
  readonly tab: object;
  grant(lock: Lock | null): Promise<unknown>;
  settle(result: Promise<unknown>): void;
}

export type TabLocks = Pick<LockManager, 'request' | 'query'> & {
  /** The tab dies: its locks and its requests go. */
  kill(): void;
};

/** As in Chromium, a lock that is given up is still held for those who ask before the next turn of the event loop. */
export class FakeLockManager {
  #held: Request[] = [];
  #waiting: Request[] = [];

  tab(): TabLocks {
    const tab = {};
    const request = (name: string, ...rest: readonly unknown[]): Promise<unknown> => {
      const callback = rest.at(-1) as Request['grant'];
      const options = (rest.length > 1 ? rest[0] : {}) as LockOptions;
      const mode = options.mode ?? 'exclusive';
      return new Promise((settle) => {
        const wanted: Request = { name, mode, tab, grant: callback, settle };
        if (!this.#isFree(wanted)) {
          if (options.ifAvailable === true) settle(callback(null));
          else this.#waiting.push(wanted);
        } else this.#grant(wanted);
      });
    };
    return {
      request: request as unknown as LockManager['request'],
      query: async () => {
        await new Promise(setImmediate);
        return { held: this.#held.map(({ name, mode }) => ({ name, mode })), pending: [] };
      },
      kill: () => {
        this.#held = this.#held.filter((one) => one.tab !== tab);
        this.#waiting = this.#waiting.filter((one) => one.tab !== tab);
        this.#grantWaiting();
      },
    };
  }

  #isFree({ name, mode }: Request): boolean {
    return !this.#held.some(
      (other) => other.name === name && (mode === 'exclusive' || other.mode === 'exclusive'),
    );
  }

  #grant(request: Request): void {
    this.#held.push(request);
    const { name, mode } = request;
    const result = Promise.resolve().then(() => request.grant({ name, mode }));
    request.settle(result);
    this.#giveBack(request, result).catch(() => {});
  }

  async #giveBack(request: Request, result: Promise<unknown>): Promise<void> {
    await result.catch(() => {});
    await new Promise(setImmediate);
    this.#held = this.#held.filter((one) => one !== request);
    this.#grantWaiting();
  }

  #grantWaiting(): void {
    for (const request of [...this.#waiting]) {
      if (!this.#isFree(request)) continue;
      this.#waiting = this.#waiting.filter((one) => one !== request);
      this.#grant(request);
    }
  }
}
