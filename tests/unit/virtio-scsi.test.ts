/** virtio-scsi as its driver sees it: events, task management, what is under way when something happens. */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import type { Drive } from '../../src/emu/block/drive.ts';
import { fuzz } from '../support/chip-rig.ts';
import { bytes, hostileDriver, manage, PERIOD_NS, rigOf, TUR, told } from '../support/scsi-guest.ts';
import { COMMANDS, EVENT, imagesOf, type ScsiAsk, type ScsiRig, scsiRig } from '../support/scsi-rig.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { settle } from '../support/virtio-driver.ts';

const hex = (given: Uint8Array): string => Buffer.from(given).toString('hex');
const READ: ScsiAsk = { cdb: bytes('28000000000300000100'), room: 512 };
const WRITE: ScsiAsk = { cdb: bytes('2a000000000400000100'), out: new Uint8Array(512).fill(0x5a) };

describe.each([true, false])('commands, back end at once: %s', (sync) => {
  it('read and write, in the answers that came first', async () => {
    const rig = await rigOf({ sync });
    const [read, write] = [rig.send(READ), rig.send(WRITE)];
    await settle();
    expect([told(rig, read.response), told(rig, write.response)]).toEqual(['0 0', '0 0']);
    expect(rig.bytes(read.data, 512)).toEqual(new Uint8Array(512).fill(3));
    expect(rig.disk.bytes.subarray(4 * 512, 5 * 512)).toEqual(new Uint8Array(512).fill(0x5a));
    expect(rig.used(COMMANDS).map(({ written }) => written)).toEqual([620, 620]);
    expect(rig.messages.length).toBeGreaterThan(0);
  });

  it('store the cache where the driver or the mode says so', async () => {
    const rig = await rigOf({ sync });
    rig.send(WRITE);
    await settle();
    expect(rig.disk.log).not.toContain('flush');
    rig.send({ ...WRITE, cdb: bytes('2a080000000400000100') });
    await settle();
    expect(rig.disk.log.filter((line) => line === 'flush')).toHaveLength(1);
    const page = new Uint8Array(24);
    page.set([8, 18], 4);
    rig.send({ cdb: bytes('151000001800'), out: page });
    await settle();
    rig.send(WRITE);
    await settle();
    expect(rig.disk.log.filter((line) => line === 'flush')).toHaveLength(3);
    const { response } = rig.send({ cdb: bytes('35000000000000000000') });
    await settle();
    expect([told(rig, response), rig.disk.log.at(-1)]).toEqual(['0 0', 'flush']);
  });
});

describe('what fails in the host', () => {
  it.each([
    ['EIO', '0 2 b 0 6'],
    ['ENOSPC', '0 2 7 27 7'],
    ['EINVAL', '0 2 5 24 0'],
  ] as const)('%s', async (code, expected) => {
    const rig = await rigOf();
    for (const { gate } of rig.drives.list()) gate.errors.setPolicies({ write: 'report' });
    rig.disk.failure = new BlockError(code);
    const [read, write] = [rig.send(READ), rig.send(WRITE)];
    await settle();
    expect([told(rig, read.response), told(rig, write.response)]).toEqual([expected, expected]);
    expect(rig.errors).toEqual([`read ${code}`, `write ${code}`]);
    rig.disk.failure = undefined;
    const again = rig.send(READ);
    await settle();
    expect(told(rig, again.response)).toBe('0 0');
  });
});

describe('a command whose error stops the machine', () => {
  const stopped = async () => {
    const rig = await rigOf();
    const [drive] = rig.drives.list();
    rig.disk.failure = new BlockError('ENOSPC');
    const { response, data } = rig.send(WRITE);
    await settle();
    expect([rig.used(COMMANDS), rig.errors]).toEqual([[], ['write ENOSPC']]);
    return { rig, response, data, drive };
  };

  it('is tried again when time goes on, and nobody waits for it', async () => {
    const { rig, response, drive } = await stopped();
    expect(drive?.gate.errors.status).toBe('nospace');
    await rig.drives.drainAll();
    rig.pass(1);
    await settle();
    expect(rig.errors).toHaveLength(2);
    rig.disk.failure = undefined;
    rig.pass(1);
    await settle();
    expect(told(rig, response)).toBe('0 0');
    rig.drives.goesOn();
    expect(drive?.gate.errors.status).toBe('ok');
  });

  it('goes on in a restored machine, once time does', async () => {
    const { rig: first, response } = await stopped();
    const saved = structuredClone(first.card.save());
    const second = await rigOf();
    second.continueAs(first);
    second.card.restore(saved);
    await settle();
    expect(second.used(COMMANDS)).toEqual([]);
    second.pass(1);
    await settle();
    expect(told(second, response)).toBe('0 0');
  });

  it('leaves with its disk', async () => {
    const { rig, response } = await stopped();
    await rig.remove('d0');
    rig.pass(1);
    await settle();
    expect([rig.bytes(response + 11, 1)[0], rig.errors.length]).toEqual([2, 1]);
  });
});

describe('events', () => {
  const plug = async (rig: ScsiRig, id: string, more = '') => {
    await rig.drive(`if=none,driver=null-co,size=1M,id=n${id}`);
    await rig.add(`scsi-hd,id=${id},drive=n${id}${more}`);
  };

  it('tell of disks that come and go, and of a size', async () => {
    const rig = await rigOf();
    rig.postEvents(3);
    await plug(rig, 'x', ',scsi-id=7,lun=300');
    expect(hex(rig.event(0))).toBe('0100000001 07412c00000000 01000000'.replaceAll(' ', ''));
    const tell = (to: readonly [number, number]) => told(rig, rig.send({ ...TUR, to }).response);
    // The whole target is told once that there are other units; the new one first that it has power.
    expect([tell([7, 300]), tell([7, 300]), tell([7, 300]), tell([0, 0])]).toEqual([
      '0 2 6 29 0',
      '0 2 6 3f e',
      '0 0',
      '0 0',
    ]);
    const [unit] = rig.host.bus.units.filter(({ id }) => id === 'd0');
    unit?.drive.gate.onResize();
    expect(hex(rig.event(1))).toBe('0300000001000000000000002a090000');
    expect(tell([0, 0])).toBe('0 2 6 2a 9');
    rig.remove('x');
    expect(hex(rig.event(2))).toBe('0100000001 07412c00000000 02000000'.replaceAll(' ', ''));
    expect(tell([0, 0])).toBe('0 2 6 3f e');
    expect(rig.used(EVENT)).toHaveLength(3);
  });

  it('that had no buffer are told to be missed', async () => {
    const rig = await rigOf();
    await plug(rig, 'x');
    rig.postEvents(2);
    expect(hex(rig.event(0)).slice(0, 8)).toBe('00000080');
    rig.remove('x');
    expect(hex(rig.event(1)).slice(0, 8)).toBe('01000000');
  });

  it('are not told to a driver that does not know them', async () => {
    const rig = await rigOf({ features: 0x1_0000_0000n });
    rig.postEvents(1);
    await plug(rig, 'x');
    rig.remove('x');
    expect(rig.used(EVENT)).toEqual([]);
    expect(told(rig, rig.send(TUR).response)).toBe('0 0');
  });
});

describe('task management', () => {
  it('aborts a task, and answers when the back end has let go of it', async () => {
    const rig = await rigOf();
    rig.disk.held = [];
    const write = rig.send({ ...WRITE, tag: 9 });
    const other = rig.send({ ...READ, tag: 10 });
    await settle();
    expect(manage(rig, 6, [0, 0], 9)()).toBe(10);
    expect(manage(rig, 6, [0, 0], 11)()).toBe(0);
    expect(manage(rig, 7)()).toBe(10);
    const answer = manage(rig, 0, [0, 0], 9);
    expect(told(rig, write.response)).toBe('2 0');
    await settle();
    expect(answer()).toBe(0xee);
    rig.disk.release();
    await settle();
    expect([answer(), told(rig, other.response)]).toEqual([0, '0 0']);
    expect(manage(rig, 7)()).toBe(0);
  });

  it('resets a unit, a target, and nothing else', async () => {
    const rig = await rigOf({ devices: ['scsi-hd,id=d0,drive=b0', 'scsi-hd,id=d1,drive=b1'] });
    const [first, second] = rig.disks;
    if (first === undefined || second === undefined) throw new Error('two disks');
    [first.held, second.held] = [[], []];
    const [one, two] = [rig.send(READ), rig.send({ ...READ, to: [1, 0] })];
    await settle();
    const answer = manage(rig, 5, [0, 0]);
    expect(told(rig, one.response)).toBe('4 0');
    first.release();
    await settle();
    expect(answer()).toBe(0);
    expect(told(rig, rig.send(TUR).response)).toBe('0 2 6 29 0');
    expect(rig.used(COMMANDS)).toHaveLength(2);
    const target = manage(rig, 4, [1, 3]);
    expect(told(rig, two.response)).toBe('4 0');
    second.release();
    await settle();
    expect(target()).toBe(0);
  });

  it('says of units that are not there that they are not', async () => {
    const rig = await rigOf();
    expect([manage(rig, 5, [3, 0])(), manage(rig, 5, [0, 4])(), manage(rig, 2)(), manage(rig, 8)()]).toEqual([
      3, 12, 11, 11,
    ]);
  });
});

describe('a disk that leaves', () => {
  it('ends what it has under way, and its drive goes with it', async () => {
    const rig = await rigOf();
    rig.disk.held = [];
    const [write, read] = [rig.send(WRITE), rig.send(READ)];
    await settle();
    rig.remove('d0');
    expect([told(rig, write.response), told(rig, read.response)]).toEqual(['2 0', '2 0']);
    expect(rig.used(COMMANDS)).toHaveLength(2);
    expect(told(rig, rig.send(TUR).response)).toBe('3 0');
    rig.disk.release();
    await rig.drives.settled();
    expect(rig.bytes(read.data, 512)).toEqual(new Uint8Array(512).fill(0xee));
    expect(rig.drives.list()).toEqual([]);
  });
});

describe('limits', () => {
  const limit = (drive: Drive | undefined, perSecond: number): void => {
    const rate = { avg: 0, max: 0, length: 1 };
    const rates = {
      ...{ bps: rate, bps_rd: rate, bps_wr: rate },
      ...{ iops: { ...rate, avg: perSecond }, iops_rd: rate, iops_wr: rate },
    };
    drive?.gate.limitTo({ rates, iopsSize: 0 }, { group: undefined, byDefault: 'g' });
  };

  it('hold commands back, which come to an end when the drive is drained', async () => {
    const rig = await rigOf({ sync: true });
    const [drive] = rig.drives.list();
    limit(drive, 10);
    for (let n = 0; n < 5; n++) rig.send(READ);
    const done = rig.used(COMMANDS).length;
    expect(done).toBeLessThan(5);
    await drive?.gate.drain();
    expect(rig.used(COMMANDS)).toHaveLength(5 - done);
    expect(drive?.gate.statistics.of('read').operations).toBe(5);
  });

  it('do not stop a reset', async () => {
    const rig = await rigOf({ sync: true });
    const [drive] = rig.drives.list();
    limit(drive, 1);
    for (let n = 0; n < 5; n++) rig.send(READ);
    rig.common(0x14, 1, 0);
    expect([rig.host.tasks.all.size, drive?.gate.drain()]).toEqual([0, undefined]);
  });
});

describe('a portion', () => {
  it('is all that one kick does, however many commands there are', async () => {
    const rig = await rigOf({ sync: true });
    rig.pass(PERIOD_NS);
    // The same request again and again: the ring is full of it.
    const { head } = rig.send(TUR);
    rig.used(COMMANDS);
    for (let n = 0; n < 200; n++) rig.offer(COMMANDS, head);
    rig.kick(COMMANDS);
    const first = rig.used(COMMANDS).length;
    expect(first).toBeLessThan(130);
    for (let n = 0; n < 5; n++) rig.pass(PERIOD_NS);
    expect(first + rig.used(COMMANDS).length).toBe(200);
  });

  it('is all that is done of a long WRITE SAME', async () => {
    const rig = await rigOf();
    const { response } = rig.send({
      cdb: bytes('93000000000000000000000008000000'),
      out: new Uint8Array(512).fill(7),
    });
    await settle();
    expect(told(rig, response)).toBe('0 0');
    expect(rig.disk.bytes.every((byte) => byte === 7)).toBe(true);
  });
});

describe('snapshots', () => {
  it('keep commands that are under way', async () => {
    const rig = await rigOf();
    rig.disk.held = [];
    const read = rig.send(READ);
    const list = new Uint8Array(24);
    list.set([0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3]);
    const unmap = rig.send({ cdb: bytes('42000000000000001800'), out: list });
    await settle();
    const state = rig.card.save();
    expect(rig.card.vmstate.fields.misfit(state)).toBeUndefined();
    const units = rig.host.bus.units.map((unit) => unit.save());
    const other = await rigOf();
    other.continueAs(rig);
    other.memory.write(0x20_0000, rig.bytes(0x20_0000, 0x4_0000));
    other.card.restore(state);
    for (const [n, unit] of other.host.bus.units.entries()) {
      const saved = units[n];
      if (saved !== undefined) unit.restore(saved);
    }
    await settle();
    other.pass(PERIOD_NS);
    await settle();
    expect([told(other, read.response), told(other, unmap.response)]).toEqual(['0 0', '0 0']);
    expect(other.bytes(read.data, 512)).toEqual(new Uint8Array(512).fill(3));
    expect(new Set(other.used(COMMANDS).map(({ head }) => head))).toEqual(new Set([read.head, unmap.head]));
  });
});

describe('a hostile guest', () => {
  it.each([1, 2, 3])('cannot break it through registers and rings (seed %i)', (seed) =>
    hostileDriver(seed, 3000),
  );

  it('finds nothing in its registers to break', async () => {
    const rig = await rigOf();
    for (const { handler, sizeBytes } of rig.card.bars) fuzz(handler, sizeBytes, rig.card);
  });
});

virtioPciContract('virtio-scsi-pci', () => scsiRig(imagesOf({})).card);
