/** ACPI tells Linux of the slots behind a bridge that was there at its start. tests/long has the controller of a bridge. */
import { expect, it } from 'vitest';
import { replayOn, startedWith } from '../support/bridge-guest.ts';

const MINUTES = 60_000;

it(
  'bridge_acpi: what QEMU 7.2 and its guest answered, from our machine and the same guest',
  async () => {
    const guest = await startedWith(['pci-bridge,id=br1,chassis_nr=1']);
    await replayOn(guest, 'bridge_acpi');
    expect(guest.warnings).toEqual([]);
    await guest.end();
  },
  4 * MINUTES,
);
