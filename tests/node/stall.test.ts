/** A process that is stopped for seconds, as the guest sees it. `tests/long/stall.test.ts` stops it for longer. */
import { afterEach, expect, it } from 'vitest';
import { BOOT_MS, type Run } from '../support/program.ts';
import { bootWithStalls } from '../support/stalled-boot.ts';

const STALLS = { bootMs: 1_500, unpackMs: 2_000, idleMs: 3_000, busyMs: 4_000 };

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
  2 * BOOT_MS,
);
