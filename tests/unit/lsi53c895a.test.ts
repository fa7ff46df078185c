/** The 53C895A without a CPU: what its recorded sessions (tests/golden/lsi) do not show. */
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { Lsi53c895a } from '../../src/emu/scsi/lsi53c895a.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { lsiRig } from '../support/lsi-rig.ts';
import { seeded } from '../support/pci-rig.ts';
import { imagesOf } from '../support/scsi-rig.ts';
import { settle, TestDisk } from '../support/virtio-driver.ts';

const PORTS = 0xc000;
const PROGRAM = 0x1_0000;
const DATA = 0x2_0000;
const PERIOD_NS = 1_000_000;
const DISK = 1 << 20;
const INT = 0x9808_0000;
const JUMP = 0x8008_0000;

async function rigOf(sync: boolean) {
  const disk = new TestDisk(DISK, { sync });
  for (let at = 0; at < DISK; at += 512) disk.bytes.fill((at / 512) & 0xff, at, at + 512);
  const rig = await lsiRig(imagesOf({ '/disk': disk }));
  await rig.drive('if=none,format=raw,file=/disk,id=b0');
  await rig.add('scsi-hd,id=d0,drive=b0');
  rig.devices.machineReady();
  rig.card.reset();
  const devfn = 0x10;
  rig.configWrite(devfn, 0x10, 4, PORTS);
  rig.configWrite(devfn, 0x14, 4, 0xfe00_0000);
  rig.configWrite(devfn, 0x18, 4, 0xfe01_0000);
  rig.configWrite(devfn, 4, 2, 7);
  for (const at of [0x39, 0x40, 0x41]) rig.io.write(PORTS + at, 1, 0xff);
  const words = (at: number, ...values: readonly number[]) => {
    for (const [n, value] of values.entries()) rig.memory.writeU32(at + 4 * n, value >>> 0);
  };
  return {
    ...rig,
    disk,
    words,
    start: (at: number) => rig.io.write(PORTS + 0x2c, 4, at),
    /** Which INT has ended the script; undefined: none has. */
    ended: () =>
      (rig.io.read(PORTS + 0x14, 1) & 1) === 0
        ? undefined
        : (rig.io.read(PORTS + 0x0c, 1), rig.io.read(PORTS + 0x30, 4)),
  };
}

/** A driver's program for one command, that lets the target have the bus as it likes. */
const program = (data: number, bytes: number, isOut: boolean): number[] => {
  const dataPhase = isOut ? 0 : 1;
  const at = (n: number): number => PROGRAM + 8 * n;
  return [
    ...[0x4100_0008, PROGRAM + 0x800], // 0 select
    ...[0x0e00_0001, DATA], // 1 identify
    ...[0x0a00_000a, DATA + 0x10], // 2 command
    ...[JUMP - 0x8_0000 + 0x000a_0000 + 0x0700_0000, at(7)], // 3 message in: go to 7
    ...[JUMP - 0x8_0000 + 0x000a_0000 + 0x0300_0000, at(11)], // 4 status: go to 11
    ...[0x0800_0000 + dataPhase * 0x100_0000 + bytes, data], // 5 data
    ...[JUMP, at(3)], // 6
    ...[0x0f00_0001, DATA + 0x30], // 7 first byte of the message
    ...[JUMP - 0x8_0000 + 0x000c_0000 + 0x0004, at(14)], // 8 disconnect: wait at 14
    ...[JUMP, at(3)], // 9 save data pointer: the next message
    ...[INT, 0xbad], // 10
    ...[0x0b00_0001, DATA + 0x31], // 11 status
    ...[0x0f00_0001, DATA + 0x32], // 12 command complete
    ...[INT, 0x600d], // 13
    ...[0x5000_0000, PROGRAM + 0x800], // 14 wait for reselection
    ...[0x0f00_0001, DATA + 0x33], // 15 identify
    ...[JUMP, at(3)], // 16
  ];
};

describe.each([true, false])('commands, back end at once: %s', (sync) => {
  it('read and write, over a reselection when the data is not there', async () => {
    const rig = await rigOf(sync);
    const run = async (cdb: readonly number[], data: number, bytes: number, isOut: boolean) => {
      rig.memory.write(DATA, Uint8Array.of(0xc0));
      rig.memory.write(DATA + 0x10, Uint8Array.from(cdb));
      rig.words(PROGRAM, ...program(data, bytes, isOut));
      rig.start(PROGRAM);
      for (let n = 0; n < 4; n++) {
        await settle();
        rig.pass(PERIOD_NS);
      }
      return [rig.ended(), rig.memory.readU8(DATA + 0x31)];
    };
    expect(await run([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, false)).toEqual([0x600d, 2]);
    expect(await run([0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0], DATA + 0x1000, 1024, false)).toEqual([0x600d, 0]);
    expect([rig.bytes(DATA + 0x1000, 1)[0], rig.bytes(DATA + 0x13ff, 1)[0]]).toEqual([3, 4]);
    rig.memory.fill(DATA + 0x2000, 1024, 0x77);
    expect(await run([0x2a, 0, 0, 0, 0, 9, 0, 0, 2, 0], DATA + 0x2000, 1024, true)).toEqual([0x600d, 0]);
    expect([9, 10, 11].map((sector) => rig.disk.bytes[512 * sector])).toEqual([0x77, 0x77, 11]);
    expect(await run([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, false)).toEqual([0x600d, 0]);
    expect(rig.disk.log.at(-1)).toBe('flush');
  });

  it('go on in a machine that is restored', async () => {
    const rig = await rigOf(sync);
    rig.disk.held = [];
    rig.memory.write(DATA, Uint8Array.of(0xc0));
    rig.memory.write(DATA + 0x10, Uint8Array.of(0, 0, 0, 0, 0, 0));
    rig.words(PROGRAM, ...program(DATA + 0x1000, 1024, false));
    rig.start(PROGRAM);
    rig.ended();
    rig.memory.write(DATA + 0x10, Uint8Array.of(0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0));
    rig.start(PROGRAM);
    await settle();
    const other = await rigOf(sync);
    other.memory.write(PROGRAM, rig.bytes(PROGRAM, 0x2_0000));
    const state = rig.card.save();
    expect(rig.card.vmstate.fields.misfit(state)).toBeUndefined();
    other.card.restore(state);
    const [from, to] = [rig.card.bus.scsi.units[0], other.card.bus.scsi.units[0]];
    if (from !== undefined) to?.restore(from.save());
    for (let n = 0; n < 4; n++) {
      await settle();
      other.pass(PERIOD_NS);
    }
    expect([other.ended(), other.memory.readU8(DATA + 0x31), other.bytes(DATA + 0x13ff, 1)[0]]).toEqual([
      0x600d, 0, 4,
    ]);
  });
});

it('a script that never ends takes a portion at a time', async () => {
  const rig = await rigOf(true);
  rig.words(PROGRAM, 0x7834_0000, 0, 0x7e34_0100, 0, JUMP, PROGRAM + 8);
  rig.start(PROGRAM);
  const first = rig.card.save().bottomHalf;
  expect([first.left.descriptors <= 0, first.deadlineNs !== null]).toEqual([true, true]);
  rig.pass(PERIOD_NS);
  rig.io.write(PORTS + 0x14, 1, 0x80);
  expect(rig.io.read(PORTS + 0x0c, 1) & 0x10).toBe(0x10);
  expect(rig.card.save().regs[0x15]).toBe(0);
  rig.start(PROGRAM);
  rig.card.abandon();
  expect(rig.clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
});

describe('a hostile driver', () => {
  it.each([1, 2, 3])('cannot break it with registers and programs (seed %i)', async (seed) => {
    const rig = await rigOf(seed === 1);
    const random = seeded(seed);
    const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
    const instruction = () => {
      const kinds = [
        () => [0x0800_0000 + (random() & 7) * 0x100_0000 + (random() & 0xfff), DATA + (random() & 0xffff)],
        () => [0x1000_0000 + (random() & 7) * 0x100_0000, random() & 0xfff],
        () => [
          0x4000_0008 + (random() & 7) * 0x800_0000 + (random() & 1) * 0x7_0000,
          PROGRAM + (random() & 0xff8),
        ],
        () => [0x6800_0000 + (random() & 0x17ff_ffff), 0],
        () => [0x8000_0000 + (random() & 0x1fff_ffff), PROGRAM + (random() & 0xff8)],
        () => [0xe000_0000 + (random() & 0x11ff_0007), PROGRAM + (random() & 0xffff)],
        () => [0xc000_0000 + (random() & 0xffff), DATA + (random() & 0xffff), DATA + (random() & 0xffff)],
        () => [random(), random()],
      ];
      return kinds[random() % kinds.length]?.() ?? [];
    };
    for (let i = 0; i < 1500; i++) {
      if (i % 10 === 0) {
        rig.io.write(PORTS + 0x14, 1, 0x40);
        rig.io.write(PORTS + 0x14, 1, 0);
        rig.memory.write(DATA, Uint8Array.from({ length: 64 }, random));
        rig.memory.write(DATA, Uint8Array.of(0xc0 + (random() & 3), 0x20, 7));
      }
      const words: number[] = [];
      while (words.length < 40) words.push(...instruction());
      rig.words(
        PROGRAM,
        0x4100_0008,
        PROGRAM,
        0x0e00_0001 + (random() & 2),
        DATA,
        0x0a00_0010,
        DATA + 0x10,
        ...words,
      );
      rig.start(PROGRAM);
      rig.io.write(PORTS + (random() & 0xff), size(), random());
      rig.io.read(PORTS + (random() & 0xff), size());
      if (i % 50 !== 0) continue;
      rig.pass(PERIOD_NS);
      await settle();
      expect(rig.card.vmstate.fields.misfit(rig.card.save())).toBeUndefined();
    }
    rig.card.reset();
    await settle();
    expect(rig.card.save().bus.current).toBeNull();
  });

  it('finds nothing in its registers to break', async () => {
    const rig = await rigOf(true);
    for (const { handler, sizeBytes } of rig.card.bars) fuzz(handler, sizeBytes, rig.card);
  });
});

deviceContract(
  'lsi53c895a',
  () => {
    const card = new Lsi53c895a(new EventQueue(() => 0));
    card.reset();
    return card;
  },
  (card) => {
    card.configWrite(4, 2, 7);
    const [registers, , ram] = card.bars.map(({ handler }) => handler);
    ram?.write(0, 4, 0x5800_0400);
    registers?.write(0x34, 4, 0x1234);
    // Nothing is mapped: the program is of zeros, and goes on for ever.
    registers?.write(0x2c, 4, 0x1000);
    const state = card.save();
    card.restore({ ...state, carry: true, bus: { ...state.bus, selectTag: 0x300, message: [4] } });
  },
  (card) => [card.readRegister(0x34), card.readRegister(0x15), card.carry],
);
