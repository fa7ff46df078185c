/** What a drive counts of its device's requests, and how its limits hold them back, as the driver sees it. */
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { limitsOf, NO_LIMIT, type ThrottleLimits } from '../../src/emu/block/throttle-limits.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { settle, TestDisk, virtioRig } from '../support/virtio-driver.ts';

const T_IN = 0;
const T_OUT = 1;
const T_FLUSH = 4;
const T_DISCARD = 11;
const T_WRITE_ZEROES = 13;
const DATA = 0x20000;
const S = 1e9;
const TEN_A_SECOND: ThrottleLimits = limitsOf(
  (name) => (name === 'iops' ? { ...NO_LIMIT, avg: 10 } : NO_LIMIT),
  0,
);

function rig(sync = true, ram = pcMemory(1 << 20)) {
  const disk = new TestDisk(1 << 20, { sync });
  const made = virtioRig({}, disk, ram);
  made.start();
  const limit = (limits: ThrottleLimits): void =>
    made.gate.limitTo(limits, { group: undefined, byDefault: 'g' });
  /** One request; its status is 0xee until it is done. */
  const ask = (type: number, sector: number, length = 512): void =>
    made.request(type, sector, [{ gpa: DATA, length, in: type === T_IN }]);
  const run = (ns: number): void => {
    made.time.ns += ns;
    // Twice: what may go is put off to the next portion.
    for (let n = 0; n < 2; n++) made.clock.runDue();
  };
  return { ...made, disk, limit, ask, run };
}

describe('counts', () => {
  it('are of each kind, with its bytes', async () => {
    const { ask, gate, memory, request } = rig();
    ask(T_IN, 0, 4096);
    ask(T_IN, 8, 512);
    ask(T_OUT, 16, 1024);
    request(T_FLUSH, 0, []);
    await settle();
    // Sector 8, two sectors.
    memory.writeU32(DATA, 8);
    memory.writeU32(DATA + 4, 0);
    memory.writeU32(DATA + 8, 2);
    memory.writeU32(DATA + 12, 0);
    for (const type of [T_DISCARD, T_WRITE_ZEROES]) {
      request(type, 0, [{ gpa: DATA, length: 16, in: false }]);
      await settle();
    }
    const { statistics } = gate;
    expect(statistics.of('read')).toMatchObject({ operations: 2, bytes: 4608, failed: 0, invalid: 0 });
    expect(statistics.of('write')).toMatchObject({ operations: 2, bytes: 2048 });
    expect(statistics.of('flush')).toMatchObject({ operations: 1, bytes: 0 });
    expect(statistics.of('unmap')).toMatchObject({ operations: 1, bytes: 1024 });
  });

  it('tell what failed from what could not be', async () => {
    const { ask, gate, disk } = rig(false);
    disk.failure = new BlockError('EIO');
    ask(T_OUT, 0);
    await settle();
    ask(T_IN, 1 << 20);
    expect(gate.statistics.of('write')).toMatchObject({ operations: 0, bytes: 0, failed: 1, invalid: 0 });
    expect(gate.statistics.of('read')).toMatchObject({ operations: 0, bytes: 0, failed: 0, invalid: 1 });
  });

  it('have the time that requests took, and since the last one', () => {
    const { ask, gate, limit, run } = rig();
    expect(gate.statistics.idleNs).toBeUndefined();
    limit(TEN_A_SECOND);
    for (let n = 0; n < 3; n++) ask(T_IN, n);
    run(0.1 * S);
    expect(gate.statistics.of('read')).toMatchObject({ operations: 3, totalNs: 0.1 * S });
    run(S);
    expect(gate.statistics.idleNs).toBe(S);
  });
});

describe('limits', () => {
  it('hold a request back, and its interrupt with it', () => {
    const { ask, limit, run, blkStatus, messages } = rig();
    limit(TEN_A_SECOND);
    for (let n = 0; n < 3; n++) ask(T_IN, n);
    const before = messages.length;
    expect(blkStatus()).toBe(0xee);
    run(0.09 * S);
    expect([blkStatus(), messages.length - before]).toEqual([0xee, 0]);
    run(0.01 * S);
    expect([blkStatus(), messages.length - before]).toEqual([0, 1]);
  });

  it('do not hold back flushes and discards', async () => {
    const { ask, limit, request, blkStatus } = rig();
    limit(TEN_A_SECOND);
    for (let n = 0; n < 3; n++) ask(T_IN, n);
    request(T_FLUSH, 0, []);
    await settle();
    expect(blkStatus()).toBe(0);
  });

  it('are over for a driver that resets its device', () => {
    const { ask, limit, run, gate, start, blkStatus, memory, rings } = rig();
    limit(TEN_A_SECOND);
    for (let n = 0; n < 4; n++) ask(T_IN, n);
    memory.writeU16(rings.AVAIL + 2, 0);
    memory.writeU16(rings.USED + 2, 0);
    start();
    run(S);
    expect(blkStatus()).toBe(0xee);
    // Those that waited were never counted.
    expect(gate.statistics.of('read').operations).toBe(2);
    expect(gate.limits?.queues.read).toEqual([]);
  });

  it('let go of what waits when they are taken away', () => {
    const { ask, limit, run, gate, blkStatus } = rig();
    limit(TEN_A_SECOND);
    for (let n = 0; n < 4; n++) ask(T_IN, n);
    gate.unlimit();
    run(0);
    expect(blkStatus()).toBe(0);
    expect(gate.statistics.of('read').operations).toBe(4);
  });

  it.each([true, false])('do not hold back what the user waits for (disk at hand: %s)', async (sync) => {
    const { ask, limit, gate, used, disk, memory, run } = rig(sync);
    limit(TEN_A_SECOND);
    memory.writeU32(DATA, 0x0707_0707);
    for (let n = 0; n < 6; n++) ask(T_OUT, n);
    await settle();
    expect(used().index).toBe(2);
    await gate.drain();
    expect(used().index).toBe(6);
    expect([0, 1, 2, 3, 4, 5].map((sector) => disk.bytes[512 * sector])).toEqual(new Array(6).fill(7));
    expect(gate.statistics.of('write')).toMatchObject({ operations: 6, failed: 0 });
    expect(gate.drain()).toBeUndefined();
    // They are counted: the next one waits for all of them.
    ask(T_OUT, 6);
    run(0.45 * S);
    expect(used().index).toBe(6);
    run(0.1 * S);
    await settle();
    expect(used().index).toBe(7);
  });

  it('are over for the user who waits when the driver resets its device', async () => {
    const { ask, limit, gate, start, disk } = rig(false);
    limit(TEN_A_SECOND);
    disk.held = [];
    for (let n = 0; n < 3; n++) ask(T_IN, n);
    const drained = gate.drain();
    start();
    await drained;
    disk.release();
  });

  it('hold the same requests back after a restore, until the same moment', async () => {
    const ram = pcMemory(1 << 20);
    const ends = async (made: ReturnType<typeof rig>): Promise<readonly number[]> => {
      const seen: number[] = [];
      for (let ms = 60; ms <= 400; ms += 10) {
        made.time.ns = ms * 1e6;
        made.run(0);
        await settle();
        seen.push(made.used().index);
      }
      return seen;
    };
    const one = rig(true, ram);
    one.limit(TEN_A_SECOND);
    for (let n = 0; n < 5; n++) {
      const [header, status] = [0x11000 + 64 * n, 0x11020 + 64 * n];
      one.memory.writeU32(header, T_IN);
      one.memory.writeU32(header + 8, n);
      one.writeDescriptor(3 * n, { gpa: header, length: 16, flags: 1, next: 3 * n + 1 });
      one.writeDescriptor(3 * n + 1, { gpa: DATA, length: 512, flags: 3, next: 3 * n + 2 });
      one.writeDescriptor(3 * n + 2, { gpa: status, length: 1, flags: 2, next: 0 });
      one.offer(3 * n);
    }
    one.kick();
    expect(one.used().index).toBe(2);
    one.time.ns = 0.05 * S;
    const [card, group] = [one.card.save(), one.gate.limits?.group.save()];
    const bytes = new Uint8Array(0xa0000);
    ram.read(0, bytes);
    const expected = await ends(one);
    expect([expected.indexOf(3), expected.indexOf(4), expected.indexOf(5)]).toEqual([4, 14, 24]);
    const two = rig(true, ram);
    ram.write(0, bytes);
    two.time.ns = 0.05 * S;
    two.limit(TEN_A_SECOND);
    if (group !== undefined) two.gate.limits?.group.restore(group);
    two.card.restore(card);
    await settle();
    expect(await ends(two)).toEqual(expected);
  });
});
