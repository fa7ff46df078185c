import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChunkImageStore } from '../../src/emu/index.ts';
import { guestTarget, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { normalisations, readRecording, replay } from '../support/replay.ts';

const MINUTES = 60_000;
const MIB = 1024 * 1024;

/** QEMU tells of each change of the guest's clock; ours has no such event. */
const NOT_OURS = /"(RTC_CHANGE|NIC_RX_FILTER_CHANGED)"/;

async function newDisks(images: ChunkImageStore): Promise<void> {
  for (const path of ['/tmp/disk1.img', '/tmp/disk2.img']) {
    if ((await images.list()).some((image) => image.path === path)) await images.delete(path);
    await images.createEmpty(path, 64 * MIB);
  }
}

async function replayOn(guest: HeadlessGuest, name: string): Promise<void> {
  const types = guest.machine.devices.registry.userCreatable().map((type) => type.name);
  guest.takeEvents();
  await replay(readRecording(name), guestTarget(guest), {
    rules: normalisations(new Set(types)),
    events: (event) => !NOT_OURS.test(event),
    compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
  });
}

/** A guest and its disks are as new once everything is unplugged: recordings follow each other on one guest. */
describe('what QEMU 7.2 and its guest answered, from our machine and the same guest', () => {
  const images = memoryImages();
  let guest: HeadlessGuest;

  beforeAll(async () => {
    // Not from the page's snapshot: that machine has a second serial port, and "info qtree" shows it.
    guest = new HeadlessGuest({ images, config: { icountShift: 3 } });
    await guest.boot();
  }, 4 * MINUTES);
  afterEach(() => guest.unplugAll());
  afterAll(() => guest.end());

  it.each(['drive_del_first', 'blk_hotplug', 'del_mounted', 'del_nocoop_paused', 'multifunction'])(
    '%s',
    async (name) => {
      await newDisks(images);
      await replayOn(guest, name);
    },
    2 * MINUTES,
  );
});

describe('a disk plugged before the first instruction', () => {
  it(
    'seed_blk_S',
    async () => {
      const images = memoryImages();
      await newDisks(images);
      const guest = new HeadlessGuest({ images, config: { icountShift: 3 } });
      await replayOn(guest, 'seed_blk_S');
      await guest.end();
    },
    4 * MINUTES,
  );
});
