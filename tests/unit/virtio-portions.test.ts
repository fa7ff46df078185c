/** Only this level can count what one kick of a hostile driver makes the device do. */
import { describe, expect, it } from 'vitest';
import { PORTION } from '../../src/emu/core/bottom-half.ts';
import type { DmaPort } from '../../src/emu/memory/dma-port.ts';
import type { VirtioBlkState } from '../../src/emu/virtio/virtio-blk-request.ts';
import { settle, TestDisk, virtioRig } from '../support/virtio-driver.ts';

const T_IN = 0;
const T_OUT = 1;
const T_FLUSH = 4;
const T_DISCARD = 11;
const T_WRITE_ZEROES = 13;
const MIB = 1 << 20;
const PORTION_BYTES = PORTION.bytes;
const PORTION_REQUESTS = PORTION.requests;
const BUFFER = { gpa: 0x40000, length: 256 << 10, in: true };

/** Counts the bytes that are moved at once. */
class CountingDisk extends TestDisk {
  moved = 0;
  override readSync(offset: number, target: Uint8Array): boolean {
    this.moved += target.length;
    return super.readSync(offset, target);
  }
}

/** The RAM that the rigs use: all below the video window. */
function bytesOf(memory: DmaPort): Uint8Array {
  const bytes = new Uint8Array(0xa0000);
  memory.read(0, bytes);
  return bytes;
}

function rigOf(sync: boolean) {
  const disk = new CountingDisk(64 << 20, { sync });
  for (let at = 0; at < disk.bytes.length; at += 4096) disk.bytes[at] = (at / 4096) & 0xff;
  const rig = virtioRig({}, disk);
  rig.start();
  return { disk, ...rig };
}

describe('a driver that asks for more than a portion', () => {
  it('whose read offers it again is served a portion at a time, and stopped by a reset', () => {
    const { disk, start, request, memory, rings, used, clock, time } = rigOf(true);
    // The read lands on the available ring: each answer offers one request more than are served.
    let offered = 1;
    const { AVAIL } = rings;
    disk.readSync = (_, target) => {
      offered++;
      new DataView(target.buffer, target.byteOffset).setUint16(2, offered & 0xffff, true);
      return true;
    };
    const before = used().index;
    request(T_IN, 0, [{ gpa: AVAIL, length: 512, in: true }]);
    const served = () => (used().index - before) & 0xffff;
    expect(served()).toBe(PORTION_REQUESTS);
    time.ns++;
    clock.runDue();
    expect(served()).toBe(2 * PORTION_REQUESTS);
    start();
    memory.fill(rings.DESC, rings.USED + 0x1000 - rings.DESC, 0);
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([true, false])('in one read of 50 MiB is done in pieces (at once: %s)', async (sync) => {
    const { disk, request, blkStatus, clock, memory } = rigOf(sync);
    request(T_IN, 0, new Array(200).fill(BUFFER));
    await settle();
    expect(blkStatus()).toBe(0xee);
    if (sync) expect(disk.moved).toBe(PORTION_BYTES);
    else expect(disk.log).toHaveLength(8);
    let portions = 1;
    for (; blkStatus() === 0xee && portions < 20; portions++) {
      clock.runDue();
      await settle();
    }
    expect([portions, blkStatus()]).toEqual([7, 0]);
    expect(memory.readU8(BUFFER.gpa + 4096)).toBe(disk.bytes[199 * BUFFER.length + 4096]);
    clock.runDue();
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes on in a machine that was restored between two portions, with what the driver had asked for', async () => {
    const one = rigOf(true);
    one.request(T_IN, 0, new Array(200).fill(BUFFER));
    one.clock.runDue();
    const state = structuredClone(one.card.device.save()) as VirtioBlkState;
    expect(state.paused).toHaveLength(1);
    expect(state.inFlight).toEqual([]);
    const other = rigOf(true);
    other.memory.write(0, bytesOf(one.memory));
    // The driver has changed its header meanwhile.
    for (const { memory } of [one, other]) memory.writeU32(0x10008, 77);
    other.card.device.restore(state);
    expect(other.card.device.save()).toEqual(state);
    for (const { clock } of [one, other]) for (let round = 0; round < 6; round++) clock.runDue();
    expect([one.blkStatus(), other.blkStatus()]).toEqual([0, 0]);
    expect(Buffer.compare(bytesOf(one.memory), bytesOf(other.memory))).toBe(0);
  });

  it('keeps a range anywhere on a disk in its state, and no more done of it than it asks for', () => {
    const { card, clock, request } = rigOf(true);
    request(T_IN, 0, new Array(200).fill(BUFFER));
    clock.runDue();
    const state = card.device.save() as VirtioBlkState;
    const misfit = (doneBytes: number) => {
      const range = { offset: 2 ** 43, bytes: 1 << 30 };
      return card.device.fields.misfit({
        ...state,
        paused: state.paused.map((order) => ({ ...order, range, doneBytes })),
      });
    };
    expect(misfit(1 << 29)).toBeUndefined();
    expect(misfit((1 << 30) + 1)).toEqual({ field: 'paused[0]', text: 'has done more than it asks for' });
  });

  it('gets an error for what fails in a later portion, and one answer', async () => {
    const { disk, request, blkStatus, clock, used, errors } = rigOf(true);
    request(T_OUT, 0, new Array(200).fill({ ...BUFFER, in: false }));
    disk.writeSync = () => false;
    disk.write = () => Promise.reject(new Error('not reached before the next portion'));
    expect(blkStatus()).toBe(0xee);
    disk.write = (offset) => TestDisk.prototype.write.call(disk, offset, new Uint8Array(0));
    const { BlockError } = await import('../../src/emu/block/block-backend.ts');
    disk.failure = new BlockError('EIO');
    clock.runDue();
    await settle();
    expect([blkStatus(), used().index, errors]).toEqual([1, 1, ['write EIO']]);
    clock.runDue();
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });
});

/** Offers the request at head 0 again, `count` times. */
function again({ offer, kick }: ReturnType<typeof rigOf>, count: number): void {
  for (let n = 0; n < count; n++) offer(0);
  kick();
}

describe('a driver that orders much by many notifications', () => {
  it('gets a portion until the clock is looked at, or its time has passed, whether or not it resets the device', () => {
    const rig = rigOf(true);
    const { start, request, used, clock, time, memory } = rig;
    let served = 0;
    const order = (): void => {
      const before = used().index;
      again(rig, 40);
      served += (used().index - before) & 0xffff;
    };
    request(T_IN, 0, [{ gpa: 0x40000, length: 512, in: true }]);
    for (let n = 0; n < 50; n++) order();
    expect(served).toBe(PORTION_REQUESTS - 1);
    served = 0;
    memory.writeU8(0x10020, 0xee);
    start();
    request(T_IN, 0, [{ gpa: 0x40000, length: 512, in: true }]);
    order();
    expect([served, rig.blkStatus()]).toEqual([0, 0xee]);
    clock.runDue();
    expect(rig.blkStatus()).toBe(0);
    expect(used().index).toBe(41);
    time.ns += 250_000;
    order();
    expect(served).toBe(40);
  });

  it('has its lists of buffers read in portions too', () => {
    const rig = rigOf(true);
    const { request, writeDescriptor, memory, used, clock } = rig;
    // A table of 1000 buffers of one sector.
    const table = 0x50000;
    for (let n = 0; n < 1000; n++) {
      writeDescriptor(n + 1, { gpa: 0x40000, length: 512, flags: 3, next: n + 2 }, table);
    }
    writeDescriptor(0, { gpa: 0x10000, length: 16, flags: 1, next: 1 }, table);
    writeDescriptor(1001, { gpa: 0x10020, length: 1, flags: 2, next: 0 }, table);
    request(T_IN, 0, [{ gpa: 0x40000, length: 512, in: true }]);
    clock.runDue();
    const before = used().index;
    rig.time.ns += 250_000;
    memory.writeU32(0x10000, T_IN);
    writeDescriptor(0, { gpa: table, length: 1002 * 16, flags: 4, next: 0 });
    again(rig, 100);
    expect(used().index - before).toBe(Math.ceil(PORTION.descriptors / 1002));
    for (let n = 0; n < 12; n++) clock.runDue();
    expect(used().index - before).toBe(100);
  });

  it('may flush a thousand times, and the guest runs in between', async () => {
    const rig = rigOf(true);
    const { disk, request, clock, used } = rig;
    request(T_FLUSH, 0, []);
    const between: number[] = [];
    for (let round = 0, before = 0; round < 10; round++) {
      for (let n = 0; n < 25; n++) again(rig, 10);
      await settle();
      between.push(disk.log.length - before);
      clock.runDue();
      clock.runDue();
      await settle();
      before = disk.log.length;
      rig.time.ns += 250_000;
    }
    expect(Math.max(...between)).toBe(PORTION_REQUESTS);
    for (let n = 0; n < 20; n++) clock.runDue();
    await settle();
    expect([disk.log.length, used().index]).toEqual([2501, 2501]);
  });

  it('has no more of its data copied than the back end has under way', async () => {
    const rig = rigOf(false);
    const { disk, request, clock, used } = rig;
    disk.held = [];
    request(T_IN, 0, new Array(4).fill(BUFFER));
    again(rig, 200);
    for (let n = 0; n < 60; n++) {
      clock.runDue();
      await settle();
    }
    expect(disk.held).toHaveLength(16);
    while (disk.held.length > 0) {
      disk.release();
      clock.runDue();
      await settle();
    }
    expect([used().index, disk.log.length]).toEqual([201, 201]);
  });
});

/** A disk of 8 TiB that keeps nothing. */
class HugeDisk extends TestDisk {
  override get sizeBytes(): number {
    return 2 ** 43;
  }
}

describe('a discard or a write of zeros', () => {
  function ranges(sectors: number, properties = {}) {
    const disk = new HugeDisk(1024, { sync: true });
    const rig = virtioRig(
      { maxDiscardSectors: 2 ** 32 - 1, maxWriteZeroesSectors: 2 ** 32 - 1, ...properties },
      disk,
    );
    rig.start();
    const at = 0x20000;
    for (let n = 0; n < 16; n++) {
      rig.memory.writeU32(at + 16 * n, 1);
      rig.memory.writeU32(at + 16 * n + 8, sectors);
    }
    return {
      ...rig,
      disk,
      order: (type: number, length = 16) => rig.request(type, 0, [{ gpa: at, length, in: false }]),
    };
  }

  it.each([
    [T_DISCARD, 'discard'],
    [T_WRITE_ZEROES, 'zero'],
  ])('of 32 GiB is done in steps that end on whole chunks (type %i)', async (type, word) => {
    const { disk, order, clock, blkStatus, card } = ranges(2 ** 26 - 1);
    order(type);
    await settle();
    expect([disk.log, blkStatus()]).toEqual([[`${word} 512 ${PORTION_BYTES * 64 - 512}`], 0xee]);
    // A machine that is saved between two steps goes on with what was ordered.
    const saved = structuredClone(card.device.save()) as VirtioBlkState;
    expect(saved.paused).toMatchObject([
      { range: { offset: 512, bytes: 512 * (2 ** 26 - 1) }, doneBytes: 512 * MIB - 512 },
    ]);
    for (let steps = 1; blkStatus() === 0xee && steps < 100; steps++) {
      clock.runDue();
      await Promise.resolve().then(() => settle());
    }
    expect([blkStatus(), disk.log.length, disk.log.at(-1)]).toEqual([
      0,
      64,
      `${word} ${2 ** 35 - 512 * MIB} ${512 * MIB}`,
    ]);
  });

  it('of sixteen ranges is refused, as is one that is larger than the device says', async () => {
    const { disk, order, blkStatus } = ranges(2 ** 32 - 1, { maxDiscardSectors: 2 ** 20 });
    order(T_DISCARD, 256);
    expect(blkStatus()).toBe(2);
    order(T_DISCARD);
    expect([blkStatus(), disk.log]).toEqual([1, []]);
  });
});
