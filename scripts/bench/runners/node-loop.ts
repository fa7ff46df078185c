/** The loop around our machine in Node. */
import type { Machine } from '../../../src/emu/index.ts';

const SLICE_MS = 20;
const MAX_SLEEP_MS = 100;

/** Lets a machine run; a sleep ends when something wakes it. */
export class NodeLoop {
  #wake = (): void => {};
  #woken = false;

  /** A request of the guest is done. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Until `done`, asked after each slice. Throws when the guest stops by itself, or after `limitMs`. */
  async run(machine: Machine, limitMs: number, done: () => boolean): Promise<void> {
    machine.cont();
    const start = performance.now();
    for (;;) {
      this.#woken = false;
      const { idleMs } = machine.run(SLICE_MS);
      if (done()) return;
      if (machine.runState !== 'running') throw new Error(`the guest is ${machine.runState}`);
      if (performance.now() - start > limitMs) throw new Error(`no end within ${limitMs} ms`);
      await this.#breathe(idleMs);
    }
  }

  /** Requests, timers and messages have their turn. */
  #breathe(idleMs: number): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        if (idleMs <= 0 || this.#woken) resolve();
        else {
          const sleep = setTimeout(resolve, Math.min(idleMs, MAX_SLEEP_MS));
          this.#wake = () => {
            clearTimeout(sleep);
            resolve();
          };
        }
      });
    });
  }
}
