/** The hostile drivers of tests/unit/usb-storage.test.ts and usb-uas.test.ts, for longer: a million packets. */
import { it } from 'vitest';
import { HIGH, harass, SUPER, stickWith, uasWith } from '../support/usb-storage-rig.ts';

it.each([11, 12])('a hostile driver cannot break a stick (seed %i)', { timeout: 1_800_000 }, async (seed) => {
  await harass((disk) => ({ device: stickWith(disk).stick }), seed, 300_000);
});

it.each([HIGH, SUPER])(
  'nor an adapter for attached SCSI at speed %i',
  { timeout: 1_800_000 },
  async (speeds) => {
    await harass((disk) => uasWith(disk, speeds), 13, 300_000);
  },
);
