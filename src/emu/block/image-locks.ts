import { type ImageLockMode, lockError } from './block-backend.ts';

/** Gives a lock up; what it returns settles when `isHeld` no longer counts this holder, wherever it is asked. */
export type ReleaseLock = () => void | Promise<void>;

/** Locks that every user of an image respects; each environment brings its own. */
export interface ImageLocks {
  /** Gives the function that unlocks, or undefined at once when another holder is in the way. */
  acquire(name: string, mode: ImageLockMode): Promise<ReleaseLock | undefined>;
  /** Somebody holds it. Asking is in nobody's way. */
  isHeld(name: string): Promise<boolean>;
}

/** Locks among the users of this one object. */
export class LocalLocks implements ImageLocks {
  /** Readers of each name; -1 for a writer. */
  readonly #holders = new Map<string, number>();

  async acquire(name: string, mode: ImageLockMode): Promise<ReleaseLock | undefined> {
    const held = this.#holders.get(name) ?? 0;
    if (held < 0 || (mode === 'write' && held > 0)) return undefined;
    this.#holders.set(name, mode === 'write' ? -1 : held + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = mode === 'write' ? 0 : (this.#holders.get(name) ?? 1) - 1;
      if (left === 0) this.#holders.delete(name);
      else this.#holders.set(name, left);
    };
  }

  async isHeld(name: string): Promise<boolean> {
    return this.#holders.has(name);
  }
}

/** One user's lock on one image. */
export class ImageLock {
  readonly #locks: ImageLocks;
  readonly #name: string;
  readonly #path: string;
  #held: ImageLockMode | undefined;
  #release: ReleaseLock | undefined;
  #turn: Promise<void> = Promise.resolve();

  /** @param path what the error names */
  constructor(locks: ImageLocks, name: string, path: string) {
    this.#locks = locks;
    this.#name = name;
    this.#path = path;
  }

  get held(): ImageLockMode | undefined {
    return this.#held;
  }

  /** Changes the lock to `mode`; rejects with QEMU's lock error, and then an earlier lock is lost. */
  lock(mode: ImageLockMode): Promise<void> {
    const turn = this.#turn.then(() => this.#lockNow(mode));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Resolves when others can have it. */
  async unlock(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    this.#held = undefined;
    await release?.();
  }

  async #lockNow(mode: ImageLockMode): Promise<void> {
    if (this.#held === mode || this.#held === 'write') return;
    await this.unlock();
    this.#release = await this.#locks.acquire(this.#name, mode);
    if (this.#release === undefined) throw lockError(mode, this.#path);
    this.#held = mode;
  }
}
