/** The loop around our machine in Node. */
import type { Machine } from '../../../src/emu/index.ts';

const SLICE_MS = 20;
const MAX_SLEEP_MS = 100;

/**
 * Lets the guest run until `done`, asked after each slice. Throws when the guest stops by itself, or after `limitMs`.
 */
export async function runMachine(machine: Machine, limitMs: number, done: () => boolean): Promise<void> {
  machine.cont();
  const start = performance.now();
  for (;;) {
    const { idleMs } = machine.run(SLICE_MS);
    if (done()) return;
    if (machine.runState !== 'running') throw new Error(`the guest is ${machine.runState}`);
    if (performance.now() - start > limitMs) throw new Error(`no end within ${limitMs} ms`);
    await breathe(idleMs);
  }
}

/** Requests, timers and messages have their turn. */
function breathe(idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (idleMs <= 0) setImmediate(resolve);
    else setTimeout(resolve, Math.min(idleMs, MAX_SLEEP_MS));
  });
}
