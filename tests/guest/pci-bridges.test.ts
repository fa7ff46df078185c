/** Linux behind PCI bridges: ACPI tells it of slots on one that was there at its start; its own shpchp drives the controller of a bridge. */
import { describe, expect, it } from 'vitest';
import { guestFiles, guestTarget, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { normalisations, readRecording, replay } from '../support/replay.ts';

const MINUTES = 60_000;
const NO_ACPI_BEHIND = {
  driver: 'PIIX4_PM',
  property: 'acpi-pci-hotplug-with-bridge-support',
  value: false,
} as const;

async function startedWith(
  devices: readonly string[],
  config: NonNullable<ConstructorParameters<typeof HeadlessGuest>[0]['config']> = {},
): Promise<HeadlessGuest> {
  const guest = new HeadlessGuest({
    images: memoryImages(),
    config: { icountShift: 3, coldPlug: true, ...config },
  });
  guest.machine.completeNuma();
  for (const device of devices) expect(await guest.hmp(`device_add ${device}`)).toBe('');
  guest.machine.devices.machineReady();
  return guest;
}

async function replayOn(guest: HeadlessGuest, name: string): Promise<void> {
  const types = guest.machine.devices.registry.userCreatable().map((type) => type.name);
  await replay(readRecording(name), guestTarget(guest), {
    rules: normalisations(new Set(types)),
    events: (event) => event.includes('DEVICE_DELETED'),
    guestAnswers: true,
    compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
  });
}

describe('what QEMU 7.2 and its guest answered, from our machine and the same guest', () => {
  it(
    'bridge_acpi',
    async () => {
      const guest = await startedWith(['pci-bridge,id=br1,chassis_nr=1']);
      await guest.boot();
      guest.takeEvents();
      await replayOn(guest, 'bridge_acpi');
      await guest.end();
    },
    4 * MINUTES,
  );

  it(
    'bridge_shpc',
    async () => {
      const devices = ['pci-bridge,id=br1,chassis_nr=1', 'virtio-rng-pci,id=r3,bus=br1,addr=3'];
      const append = `${guestFiles().append} acpi=off`;
      const guest = await startedWith(devices, { append, globals: [NO_ACPI_BEHIND] });
      await guest.boot();
      guest.takeEvents();
      await replayOn(guest, 'bridge_shpc');
      await guest.end();
    },
    4 * MINUTES,
  );
});
