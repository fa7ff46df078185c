/** The floppy controller without a machine: its laws, disks that answer late, and drivers that mean it ill. Its answers are held to QEMU's in tests/golden/floppy. */
import { describe, expect, it } from 'vitest';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { I8257 } from '../../src/emu/chipset/i8257.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { I82078State } from '../../src/emu/floppy/fdc-state.ts';
import type { FloppyType } from '../../src/emu/floppy/floppy-formats.ts';
import { I82078 } from '../../src/emu/floppy/i82078.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { fuzz, ManualClock, ProbeLine, seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { TestDisk } from '../support/virtio-driver.ts';

const BASE = 0x3f0;
const [DOR, MSR, FIFO] = [BASE + 2, BASE + 4, BASE + 5];
const DISKETTE_BYTES = 1440 * 1024;
const BUFFER = 0x2_0000;
const RQM = 0x80;

function rig({ sync = true, readOnly = false, type = '144' as FloppyType } = {}) {
  const clock = new ManualClock();
  const memory = pcMemory(4 << 20);
  const irq = new ProbeLine();
  const dma = new I8257(memory, QUIET);
  const slot = {
    irq: () => irq,
    dma: (number: number, server: Parameters<I8257['channel']>[1]) => dma.channel(number, server),
  };
  const fdc = new I82078({ slot, irq: 6, dma: 2, fallback: '288', clock, trace: QUIET });
  const io = new AddressSpace('I/O');
  dma.attach(io);
  fdc.attach({ io }, BASE);
  const disk = new TestDisk(DISKETTE_BYTES, { sync, readOnly });
  for (let sector = 0; sector < DISKETTE_BYTES / 512; sector++)
    disk.bytes.fill(sector & 0xff, sector * 512, sector * 512 + 512);
  const drive: { medium: { backend: TestDisk } | undefined; gate: DriveGate } = {
    medium: { backend: disk },
    gate: new DriveGate(clock),
  };
  fdc.plug(0, { type, drive });
  fdc.reset();
  const write = (port: number, ...values: readonly number[]): void => {
    for (const value of values) io.write(port, 1, value);
  };
  const read = (count: number): readonly number[] => Array.from({ length: count }, () => io.read(FIFO, 1));
  /** Channel 2 is to move so many bytes. */
  const channel = (mode: number, count: number): void => {
    write(0x0a, 6);
    write(0x0c, 0);
    write(4, BUFFER & 0xff, (BUFFER >> 8) & 0xff);
    write(0x81, BUFFER >> 16);
    write(5, (count - 1) & 0xff, (count - 1) >> 8);
    write(0x0b, mode | 2);
    write(0x0a, 2);
  };
  const bytes = (length: number): readonly number[] => {
    const target = new Uint8Array(length);
    memory.read(BUFFER, target);
    return [...target];
  };
  return { clock, memory, irq, dma, fdc, io, disk, drive, write, read, channel, bytes };
}

type Rig = ReturnType<typeof rig>;

/** The disk answers, and what that leads to. */
async function answered(disk: TestDisk): Promise<void> {
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settled();
  disk.release();
  await settled();
}

const READ = [0xe6, 0, 1, 0, 1, 2, 18, 0x1b, 0xff] as const;
const WRITE = [0xc5, 0, 1, 0, 1, 2, 18, 0x1b, 0xff] as const;

/** Leaves nothing as it was at power-on: a command is in the middle of its data, whose disk does not answer. */
function disturb(fdc: I82078): void {
  const io = new AddressSpace('I/O');
  fdc.attach({ io }, BASE);
  const write = (port: number, ...values: readonly number[]): void => {
    for (const value of values) io.write(port, 1, value);
  };
  write(FIFO, 0x4e, 0, 0, 3, 0, 0, 0, 5, 6, 9, 0x80, 0x20, 7, 8, 0, 0, 0, 0);
  write(BASE + 3, 4);
  write(BASE + 7, 0);
  write(FIFO, 0x0a, 0);
  // Beside that, sectors are being read: what no driver brings about at once.
  const state = fdc.save();
  const [a, b] = state.media;
  fdc.restore({
    ...state,
    media: [{ ...a, changed: false }, b],
    ...{ srb: 0xe1, dor: 0x1d, dsr: 2, msr: 0x10, selected: 1, interrupting: true, phase: 'execution' },
    ...{ position: 512, length: 1024, direction: 'scan high', multiTrack: true, endOfTrack: 18 },
    ...{ step: 'read', offset: 512, chunksFrom: 512, chunksEnd: 1024, throughChannel: true },
    ...{ status0: 0x20, resetSenses: 2, idDeadlineNs: 5 },
    bottomHalf: { deadlineNs: 7, begunNs: 3, left: { requests: 1, descriptors: 1, bytes: 1 } },
  } satisfies I82078State);
}

deviceContract<I82078State, I82078>(
  'fdc',
  () => rig({ sync: false }).fdc,
  disturb,
  (fdc) => [BASE + 1, DOR, BASE + 3, BASE + 7].map((port) => fdc.readByte(port - BASE)),
  [
    ...(['tdr', 'dsr', 'fifo', 'endOfTrack', 'timer0', 'timer1', 'config', 'precompensation'] as const),
    ...(['powerDown', 'lock', 'media'] as const),
  ],
);

describe('a diskette whose image takes its time', () => {
  it('is read through the channel while the driver waits for RQM', async () => {
    const { disk, io, write, read, channel, bytes, irq, dma } = rig({ sync: false });
    disk.held = [];
    channel(0x44, 1024);
    write(FIFO, ...READ);
    for (let sector = 0; sector < 2; sector++) {
      expect([io.read(MSR, 1), irq.level]).toEqual([0x10, false]);
      await answered(disk);
    }
    expect([io.read(MSR, 1), irq.level]).toEqual([0xd0, true]);
    expect(read(7)).toEqual([0x20, 0, 0, 1, 0, 3, 2]);
    expect(irq.level).toBe(false);
    expect(bytes(1024)).toEqual([...new Array(512).fill(36), ...new Array(512).fill(37)]);
    expect(dma.save().controllers[0]?.status).toBe(4);
  });

  it('is read and written byte by byte', async () => {
    const { disk, io, write, read } = rig({ sync: false });
    write(FIFO, 3, 0xaf, 3);
    disk.held = [];
    write(FIFO, ...READ);
    expect(io.read(MSR, 1)).toBe(0x70);
    expect(read(1)).toEqual([0]);
    await answered(disk);
    expect(io.read(MSR, 1)).toBe(0xf0);
    expect(read(512)).toEqual(new Array(512).fill(36));
    expect(io.read(MSR, 1)).toBe(0x70);
    await answered(disk);
    expect(read(2)).toEqual([37, 37]);
    write(DOR, 0, 0x1c);
    write(FIFO, 3, 0xaf, 3, ...WRITE, ...new Array(512).fill(0x99));
    expect(io.read(MSR, 1)).toBe(0x30);
    await answered(disk);
    expect(io.read(MSR, 1)).toBe(0xb0);
    expect([...disk.bytes.subarray(36 * 512, 37 * 512)]).toEqual(new Array(512).fill(0x99));
  });

  it('goes on after a snapshot in the middle of a transfer', async () => {
    const before = rig({ sync: false });
    before.disk.held = [];
    before.channel(0x44, 2048);
    before.write(FIFO, ...READ);
    await answered(before.disk);
    const [fdc, dma] = [before.fdc.save(), before.dma.save()];
    expect(before.fdc.vmstate.fields.misfit(fdc)).toBeUndefined();
    const after = rig({ sync: false });
    after.fdc.restore(fdc);
    after.dma.restore(dma);
    after.clock.step(1_000_000);
    for (let n = 0; n < 4; n++) await answered(after.disk);
    after.clock.step(1_000_000);
    expect([after.io.read(MSR, 1), after.irq.level]).toEqual([0xd0, true]);
    expect(after.read(7)).toEqual([0x20, 0, 0, 1, 0, 5, 2]);
    // The first sector had been moved before.
    expect(after.bytes(2048).slice(512)).toEqual([37, 38, 39].flatMap((value) => new Array(512).fill(value)));
    expect(after.dma.save().controllers[0]?.status).toBe(4);
  });

  it('may come after a reset, and then touches nothing', async () => {
    const { disk, write, channel, bytes, fdc } = rig({ sync: false });
    disk.held = [];
    channel(0x44, 512);
    write(FIFO, ...READ);
    write(DOR, 0, 0x1c);
    const state = fdc.save();
    await answered(disk);
    expect(fdc.save()).toEqual(state);
    expect(bytes(4)).toEqual([0, 0, 0, 0]);
  });

  it('may be taken out meanwhile: what is left is read as zeros', async () => {
    const { disk, drive, write, read, channel, bytes, fdc } = rig({ sync: false });
    disk.held = [];
    channel(0x44, 1024);
    write(FIFO, ...READ);
    drive.medium = undefined;
    drive.gate.onMediumChange();
    await answered(disk);
    await answered(disk);
    expect(read(1)).toEqual([0x20]);
    expect(bytes(1024)).toEqual([...new Array(512).fill(36), ...new Array(512).fill(0)]);
    expect(fdc.readByte(7)).toBe(0x80);
  });
});

describe('limits', () => {
  it('8 MiB of VERIFY leave the guest its turn', () => {
    const { clock, write, read, io } = rig();
    write(FIFO, 0xd6, 0, 0, 0, 1, 7, 255, 0x1b, 0xff);
    expect(io.read(MSR, 1)).toBe(0x10);
    clock.step(10_000_000);
    expect(io.read(MSR, 1)).toBe(0xd0);
    expect(read(7)[0]).toBe(0x24);
  });
});

/** Bytes that make sense to the controller more often than others do. */
function driveHostile(
  { io, drive, disk, clock }: Rig,
  random: (below: number) => number,
  times: number,
): void {
  const commands = [
    0x46, 0x45, 0xc6, 0xc5, 0x16, 0x51, 0x59, 0x5d, 0x4a, 0x4e, 0x0f, 7, 3, 8, 4, 0x4d, 0x8e, 0xcf,
  ];
  const small = (): number => (random(4) === 0 ? random(256) : random(20));
  for (let n = 0; n < times; n++) {
    const kind = random(40);
    if (kind < 4) io.write(FIFO, 1, commands[random(commands.length)] ?? 0);
    else if (kind < 22) io.write(FIFO, 1, small());
    else if (kind < 28) io.read(FIFO, 1);
    else if (kind < 30) io.read(BASE + random(8), ([1, 2, 4] as const)[random(3)] ?? 1);
    else if (kind === 30) io.write(BASE + random(8), 1, random(256));
    else if (kind === 31) io.write(DOR, 1, random(3) === 0 ? 0 : 0x0c + 4 * random(2));
    else if (kind < 37) io.write([4, 5, 8, 9, 0x0a, 0x0b, 0x0c, 0x0e, 0x81][random(9)] ?? 4, 1, small());
    else if (kind === 37) clock.step(random(1_000_000));
    else if (kind === 38 && random(20) === 0) {
      drive.medium = drive.medium === undefined ? { backend: disk } : undefined;
      drive.gate.onMediumChange();
    }
  }
}

describe('a hostile driver', () => {
  it.each(['144', '288', 'none'] as const)('finds no way out of a drive of type %s', (type) => {
    const one = rig({ type });
    const random = seededRandom(0xfdc);
    for (let round = 0; round < 50; round++) {
      driveHostile(one, random, 700);
      const state = one.fdc.save();
      expect(one.fdc.vmstate.fields.misfit(state)).toBeUndefined();
      expect(one.dma.vmstate.fields.misfit(one.dma.save())).toBeUndefined();
      one.fdc.restore(state);
    }
    // Whatever it did, a reset brings the controller back.
    one.write(DOR, 0, 0x0c);
    one.io.read(MSR, 1);
    expect(one.io.read(MSR, 1) & RQM).toBe(RQM);
  });

  it('accesses of all sizes', () => {
    const { io, fdc } = rig();
    const handler = {
      read: (at: number, size: AccessSize) => io.read(BASE + at, size),
      write: (at: number, size: AccessSize, value: number) => io.write(BASE + at, size, value),
    };
    fuzz(handler, 8, fdc);
  });
});
