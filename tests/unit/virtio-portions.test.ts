/** Only this level can count what one kick of a hostile driver makes the device do. */
import { describe, expect, it } from 'vitest';
import type { DmaPort } from '../../src/emu/memory/dma-port.ts';
import type { VirtioBlkState } from '../../src/emu/virtio/virtio-blk.ts';
import { settle, TestDisk, virtioRig } from '../support/virtio-driver.ts';

const T_IN = 0;
const T_OUT = 1;
const PORTION_BYTES = 8 << 20;
const PORTION_REQUESTS = 128;
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
