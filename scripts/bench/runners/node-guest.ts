/** A machine run in this Node process until its console says something. */
import { randomFillSync } from 'node:crypto';
import { Machine, type MachineConfig, type MachineHost } from '../../../src/emu/machine/machine.ts';

/** Guest time between two looks at timers and completed requests. */
const SLICE_MS = 20;
const MAX_SLEEP_MS = 100;

const IMAGES: MachineHost['images'] = {
  open: (name) => Promise.reject(new Error(`no image ${name} in a bench run`)),
};

export class NodeGuest {
  readonly machine: Machine;
  /** All that the guest printed. */
  output = '';
  readonly #decoder = new TextDecoder();

  constructor(config: MachineConfig, images: MachineHost['images'] = IMAGES) {
    this.machine = new Machine(config, {
      monotonicNs: () => performance.now() * 1e6,
      wallClockMs: () => Date.now(),
      random: (bytes) => {
        randomFillSync(bytes);
      },
      images,
      warn: (message) => process.stderr.write(`${message}\n`),
    });
    this.machine.onSerial = (bytes) => {
      this.output += this.#decoder.decode(bytes, { stream: true });
    };
    this.machine.cont();
  }

  send(text: string): void {
    this.machine.serial.send(new TextEncoder().encode(text));
  }

  /** Runs until `done` says so. Throws when the machine stops by itself or `limitMs` of wall time are over. */
  async runUntil(done: () => boolean, limitMs: number): Promise<void> {
    const start = performance.now();
    while (!done()) {
      const { idleMs } = this.machine.run(SLICE_MS);
      if (done()) return;
      const tail = `after ${JSON.stringify(this.output.slice(-300))}`;
      if (this.machine.runState !== 'running')
        throw new Error(`the guest is ${this.machine.runState} ${tail}`);
      if (performance.now() - start > limitMs) throw new Error(`no answer within ${limitMs} ms ${tail}`);
      await new Promise((resolve) => {
        if (idleMs > 0) setTimeout(resolve, Math.min(idleMs, MAX_SLEEP_MS));
        else setImmediate(resolve);
      });
    }
  }
}
