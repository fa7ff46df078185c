/** Linux on a machine with PCI bridges, and what QEMU and its guest answered. */
import { expect } from 'vitest';
import { guestTarget, HeadlessGuest, type HeadlessOptions, memoryImages } from './headless-guest.ts';
import { normalisations, readRecording, replay } from './replay.ts';

/** At its prompt. @param devices there from the start, each as after -device */
export async function startedWith(
  devices: readonly string[],
  config: HeadlessOptions['config'] = {},
): Promise<HeadlessGuest> {
  const guest = new HeadlessGuest({
    images: memoryImages(),
    config: { icountShift: 3, coldPlug: true, ...config },
  });
  guest.machine.completeNuma();
  for (const device of devices) expect(await guest.hmp(`device_add ${device}`)).toBe('');
  guest.machine.devices.machineReady();
  await guest.boot();
  guest.takeEvents();
  return guest;
}

/** Replays a recording of events that come in the guest's own time. */
export async function replayOn(guest: HeadlessGuest, name: string): Promise<void> {
  const types = guest.machine.devices.registry.userCreatable().map((type) => type.name);
  await replay(readRecording(name), guestTarget(guest), {
    rules: normalisations(new Set(types)),
    events: (event) => event.includes('DEVICE_DELETED'),
    guestAnswers: true,
    compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
  });
}
