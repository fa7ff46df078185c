/** Stalls longer than the 20 s after which Linux takes a processor for stuck, and than the wrap of the PM timer. */
import { afterEach, expect, it } from 'vitest';
import { BOOT_MS, type Run } from '../support/program.ts';
import { bootWithStalls } from '../support/stalled-boot.ts';

const STALLS = { bootMs: 6_000, unpackMs: 25_000, idleMs: 30_000, busyMs: 45_000 };

const runs: Run[] = [];

afterEach(async () => {
  for (const run of runs.splice(0)) {
    run.process.kill('SIGKILL');
    await run.ended;
  }
});

it(
  'a stalled host costs the guest nothing but time, at any moment',
  async () => {
    const told: string[] = [];
    await bootWithStalls(
      STALLS,
      (run) => runs.push(run),
      (text) => told.push(text),
    );
    expect(told).not.toEqual([]);
  },
  4 * BOOT_MS,
);
