/** Sticks on a USB, packet by packet: what their recorded sessions (tests/golden/usb) do not show. */
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { UsbStorage } from '../../src/emu/usb/usb-storage.ts';
import { seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { given, inPort, offer, USB_SETTINGS } from '../support/usb-rig.ts';
import {
  BLOCK,
  carried,
  disturbWith,
  driveClock,
  harass,
  IN,
  MANY,
  newDisk,
  OUT,
  pattern,
  plugDisk,
  read10,
  SAVED_COMMAND,
  STICK_LIMITS,
  statusOf,
  stickWith,
  wrapper,
  write10,
} from '../support/usb-storage-rig.ts';
import { settle } from '../support/virtio-driver.ts';

describe.each([true, false])('usb-storage, back end at once: %s', (sync) => {
  it.each([64, 512, 1000, 65_536, 131_172])('reads and writes in packets of %i bytes', async (size) => {
    const disk = newDisk(sync);
    const { stick } = stickWith(disk);
    const bytes = pattern(MANY * BLOCK);
    const length = bytes.length;
    expect(offer(stick, OUT, wrapper({ cdb: write10(3, MANY), length, out: true })).status).toBe('success');
    for (let at = 0; at < length; at += size) await carried(stick, OUT, bytes.slice(at, at + size));
    expect(await statusOf(stick)).toEqual([7, 0, 0]);
    expect(Buffer.compare(disk.bytes.subarray(3 * BLOCK, 3 * BLOCK + length), bytes)).toBe(0);
    offer(stick, OUT, wrapper({ cdb: read10(3, MANY), length, tag: 8 }));
    const pieces: number[] = [];
    while (pieces.length < length) {
      const room = Math.min(size, length - pieces.length);
      for (const byte of given(await carried(stick, IN, room))) pieces.push(byte);
    }
    expect(Buffer.compare(Uint8Array.from(pieces), bytes)).toBe(0);
    expect(await statusOf(stick)).toEqual([8, 0, 0]);
  });

  it.each([false, true])('goes on where it was saved, write: %s', async (isOut) => {
    const random = seededRandom(5);
    for (let round = 0; round < 8; round++) {
      const disk = newDisk(sync);
      let { stick } = stickWith(disk);
      const bytes = isOut ? pattern(MANY * BLOCK) : new Uint8Array(MANY * BLOCK);
      const cdb = isOut ? write10(9, MANY) : read10(9, MANY);
      offer(stick, OUT, wrapper({ cdb, length: bytes.length, out: isOut }));
      const size = 1 + random(50_000);
      const moment = random(bytes.length);
      for (let at = 0; at < bytes.length; at += size) {
        const end = Math.min(at + size, bytes.length);
        const again = () => offer(stick, isOut ? OUT : IN, isOut ? bytes.slice(at, end) : end - at);
        let offered = again();
        if (at <= moment && moment < end) {
          // A packet that waits is offered again by its controller.
          if (random(3) > 0) await settle();
          const saved = structuredClone(stick.save());
          const wasDone = offered.status === 'success';
          expect(stick.vmstate.fields.misfit(saved)).toBeUndefined();
          ({ stick } = stickWith(disk));
          stick.restore(saved);
          expect(stick.save()).toEqual(saved);
          await settle();
          driveClock.step(1);
          await settle();
          if (!wasDone) offered = again();
        }
        while (offered.status === 'async') await settle();
        expect(offered.status).toBe('success');
        if (!isOut) bytes.set(given(offered), at);
      }
      expect(await statusOf(stick)).toEqual([7, 0, 0]);
      const there = disk.bytes.subarray(9 * BLOCK, 9 * BLOCK + bytes.length);
      expect(Buffer.compare(there, bytes), `packets of ${size}, saved at ${moment}`).toBe(0);
    }
  });
});

describe('a stick that is taken out', () => {
  it('ends the packet that waits, and its command', async () => {
    const disk = newDisk(false);
    disk.held = [];
    const { stick } = stickWith(disk);
    offer(stick, OUT, wrapper({ cdb: read10(0, 1), length: 512 }));
    const waiting = offer(stick, IN, 512);
    // The other pipe has to wait for it.
    expect(offer(stick, OUT, new Uint8Array(31)).status).toBe('nak');
    stick.port?.bus.detach(stick);
    expect(waiting.status).toBe('no-device');
    disk.release();
    await settle();
    expect(stick.save().request).not.toBeNull();
    stick.busReset();
    expect(stick.save()).toMatchObject({ request: null, stage: 'command' });
  });

  it('has stored what it has said is flushed, and tells of errors', async () => {
    const disk = newDisk(false);
    const { stick, qdev } = stickWith(disk);
    offer(stick, OUT, wrapper({ cdb: write10(1, 1), length: 512, out: true }));
    await carried(stick, OUT, pattern(512));
    expect(await statusOf(stick)).toEqual([7, 0, 0]);
    disk.held = [];
    offer(stick, OUT, wrapper({ cdb: [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0] }));
    const flushed = offer(stick, IN, 13);
    await settle();
    expect([flushed.status, disk.log.at(-1)]).toEqual(['async', 'flush']);
    disk.release();
    disk.held = undefined;
    await settle();
    expect(flushed.status).toBe('success');
    disk.failure = new BlockError('EIO');
    offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 }));
    expect(given(await carried(stick, IN, 512))).toEqual(new Uint8Array(512));
    expect(await statusOf(stick)).toEqual([7, 512, 1]);
    disk.failure = undefined;
    // The unit goes while it reads.
    disk.held = [];
    offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 }));
    const waiting = offer(stick, IN, 512);
    stick.scsi.unplug(qdev);
    disk.release();
    await settle();
    expect([waiting.status, stick.save().request]).toEqual(['async', null]);
    expect(offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 })).status).toBe('nak');
    stick.busReset();
    expect(waiting.status).toBe('stall');
    expect(offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 })).status).toBe('stall');
  });
});

deviceContract(
  'usb-storage',
  () => {
    const stick = new UsbStorage({ limits: STICK_LIMITS, attachesItself: false }, USB_SETTINGS);
    inPort(stick, { attached: false });
    plugDisk(stick, newDisk(false));
    return stick;
  },
  (stick) =>
    disturbWith(stick, {
      ...{ stage: 'data-in', dataLeft: 1024, csw: new Uint8Array(13).fill(3), needsReset: true },
      ...{ request: SAVED_COMMAND, taken: 3 },
    }),
  (stick) => [offer(stick, IN, 13).status, offer(stick, OUT, new Uint8Array(31)).status, stick.address],
  ['attached'],
);

describe('a hostile driver', () => {
  it('of a stick', async () => {
    const { device, disk } = await harass((disk) => ({ device: stickWith(disk).stick }), 3, 12_000);
    device.busReset();
    disk.failure = undefined;
    device.scsi.units[0]?.reset();
    expect(offer(device, OUT, wrapper({ cdb: [0x12, 0, 0, 0, 36, 0], length: 36 })).status).toBe('success');
    expect(given(await carried(device, IN, 36))).toHaveLength(36);
    expect(await statusOf(device)).toEqual([7, 0, 0]);
  });
});
