/** The test of tests/guest/snapshot-hotplug.test.ts at many more moments, others at each run; the seed is printed. */
import { env, stdout } from 'node:process';
import { it } from 'vitest';
import { saveAtRandomMoments } from '../support/snapshot-moments.ts';

const { HOTSLOT_MOMENTS_SEED = String(1 + (Date.now() % 2 ** 31)) } = env;

it('is saved and restored at a hundred moments, with hot-added parts under load', {
  timeout: 60 * 60_000,
}, async () => {
  stdout.write(`HOTSLOT_MOMENTS_SEED=${HOTSLOT_MOMENTS_SEED}\n`);
  await saveAtRandomMoments({
    seed: Number(HOTSLOT_MOMENTS_SEED),
    virtioMemory: true,
    steady: 10,
    rounds: 4,
    savedOneIn: 1,
    perAct: 4,
    compared: 300_000_000,
    provenOneIn: 6,
  });
});
