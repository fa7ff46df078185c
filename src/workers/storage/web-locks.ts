import type { ImageLockMode, ImageLocks, ReleaseLock } from '../../emu/index.ts';

/** Locks among all tabs of this origin. A tab that dies lets go of its own. */
export class WebLocks implements ImageLocks {
  readonly #locks: Pick<LockManager, 'request' | 'query'>;

  constructor(locks: Pick<LockManager, 'request' | 'query'>) {
    this.#locks = locks;
  }

  acquire(name: string, mode: ImageLockMode): Promise<ReleaseLock | undefined> {
    return new Promise((resolve, reject) => {
      const options: LockOptions = { mode: mode === 'write' ? 'exclusive' : 'shared', ifAvailable: true };
      const hold = (lock: Lock | null): Promise<void> => {
        if (lock === null) {
          resolve(undefined);
          return Promise.resolve();
        }
        return new Promise((end) =>
          resolve(async () => {
            end();
            // Chromium settles the request before the browser has taken the lock back; a query is answered after that.
            await released.then(() => this.#locks.query()).catch(() => {});
          }),
        );
      };
      const released = this.#locks.request(`hotslot/${name}`, options, hold);
      released.catch(reject);
    });
  }

  async isHeld(name: string): Promise<boolean> {
    const { held = [] } = await this.#locks.query();
    return held.some((lock) => lock.name === `hotslot/${name}`);
  }
}
