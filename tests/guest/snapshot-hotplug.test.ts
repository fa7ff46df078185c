/** Only this level catches what a whole Linux sees of a snapshot that was taken while its processors, memory and disks came and went. */
import { env } from 'node:process';
import { it } from 'vitest';
import { saveAtRandomMoments } from '../support/snapshot-moments.ts';

const { HOTSLOT_MOMENTS_SEED = '24301' } = env;

it('is saved and restored at random moments, with hot-added parts under load', {
  timeout: 5 * 60_000,
}, async () => {
  await saveAtRandomMoments({
    seed: Number(HOTSLOT_MOMENTS_SEED),
    virtioMemory: false,
    steady: 1,
    rounds: 1,
    savedOneIn: 2,
    perAct: 1,
    compared: 8_000_000,
    provenOneIn: 5,
  });
});
