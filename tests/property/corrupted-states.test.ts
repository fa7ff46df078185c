/** Only this level sees what a state that no machine ever saved does to the machine that restores it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CorruptedRig, corrupt, corruptions } from '../support/corrupted-states.ts';

it('a snapshot with any states is refused and changes nothing, or is a machine whose slices end', async () => {
  const rig = await CorruptedRig.make();
  await fc.assert(
    fc.asyncProperty(corruptions, (list) => rig.check(corrupt(rig.sections, list))),
    { numRuns: 200, seed: 0x57a7e },
  );
  expect(rig.refused).toBeGreaterThan(30);
  expect(rig.restored).toBeGreaterThan(30);
}, 120_000);
