/** Linux's own shpchp drives the hotplug controller of a bridge. It does so only without ACPI, as on QEMU. */
import { expect, it } from 'vitest';
import { replayOn, startedWith } from '../support/bridge-guest.ts';
import { guestFiles } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const NO_ACPI_BEHIND = {
  driver: 'PIIX4_PM',
  property: 'acpi-pci-hotplug-with-bridge-support',
  value: false,
} as const;

it(
  'bridge_shpc: what QEMU 7.2 and its guest answered, from our machine and the same guest',
  async () => {
    const devices = ['pci-bridge,id=br1,chassis_nr=1', 'virtio-rng-pci,id=r3,bus=br1,addr=3'];
    const append = `${guestFiles().append} acpi=off`;
    const guest = await startedWith(devices, { append, globals: [NO_ACPI_BEHIND] });
    await replayOn(guest, 'bridge_shpc');
    expect(guest.warnings).toEqual([]);
    await guest.end();
  },
  4 * MINUTES,
);
