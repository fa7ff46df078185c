/** The property of tests/property/corrupted-states.test.ts, for longer and another time each run: a failure says its seed. */
import fc from 'fast-check';
import { it } from 'vitest';
import { CorruptedRig, corrupt, corruptions } from '../support/corrupted-states.ts';

it('a snapshot with any states is refused and changes nothing, or is a machine whose slices end', async () => {
  const rig = await CorruptedRig.make();
  await fc.assert(
    fc.asyncProperty(corruptions, (list) => rig.check(corrupt(rig.sections, list))),
    { numRuns: 20_000 },
  );
}, 1_800_000);
