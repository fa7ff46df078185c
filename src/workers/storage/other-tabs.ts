/** The other tabs of this origin that show the same images: they are told of changes, and it is seen when one dies. */

const CHANNEL = 'hotslot-images';
const DEATH_MS = 500;
const LOCK_PREFIX = 'hotslot/tab/';

/** What a tab says; `id` names its lock. */
interface TabMessage {
  readonly id: string;
  /** Only to be known: the tab has just opened. */
  readonly hello?: true;
}

/**
 * Each tab holds a lock of its own for as long as it lives, and every other tab waits for that lock: who gets it knows that
 * the tab is gone, closed or killed, and with it its use of images.
 */
export class OtherTabs {
  readonly #locks: Pick<LockManager, 'request' | 'query'>;
  readonly #channel = new BroadcastChannel(CHANNEL);
  readonly #id = crypto.randomUUID();
  readonly #onChange: () => void;
  readonly #watched = new Set<string>();

  /**
   * @param onChange told when another tab says that the images changed, and when another tab is gone
   */
  constructor(locks: Pick<LockManager, 'request' | 'query'>, onChange: () => void) {
    this.#locks = locks;
    this.#onChange = onChange;
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      this.#watch(data.id);
      if (data.hello !== true) onChange();
    };
    this.#begin().catch(() => {});
  }

  /** The images are not what they were. */
  tell(): void {
    this.#channel.postMessage({ id: this.#id } satisfies TabMessage);
  }

  close(): void {
    this.#channel.close();
  }

  async #begin(): Promise<void> {
    await new Promise<void>((holds, reject) => {
      const forever = (): Promise<never> => {
        holds();
        return new Promise(() => {});
      };
      this.#locks.request(`${LOCK_PREFIX}${this.#id}`, forever).catch(reject);
    });
    this.#channel.postMessage({ id: this.#id, hello: true } satisfies TabMessage);
    const { held = [] } = await this.#locks.query();
    for (const { name } of held) {
      if (name?.startsWith(LOCK_PREFIX) === true) this.#watch(name.slice(LOCK_PREFIX.length));
    }
  }

  #watch(id: string): void {
    if (id === this.#id || this.#watched.has(id)) return;
    this.#watched.add(id);
    this.#locks
      .request(`${LOCK_PREFIX}${id}`, { mode: 'shared' }, () => {
        this.#watched.delete(id);
        this.#onChange();
        // The browser takes the dead tab's locks back one by one, this one perhaps before the images'.
        setTimeout(this.#onChange, DEATH_MS);
      })
      .catch(() => {});
  }
}
