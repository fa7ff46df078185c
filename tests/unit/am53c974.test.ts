/** The Am53C974 without a CPU: what its recorded sessions (tests/golden/driven) do not show. */
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { Am53c974 } from '../../src/emu/scsi/am53c974.ts';
import { adapterRig } from '../support/adapter-rig.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { seeded } from '../support/pci-rig.ts';
import { imagesOf } from '../support/scsi-rig.ts';
import { settle, TestDisk } from '../support/virtio-driver.ts';

const PORTS = 0xc000;
const DEVFN = 0x10;
const COMMAND = 0x1_0000;
const DATA = 0x10_0000;
const DISK = 4 << 20;
const STAT = PORTS + 0x10;
const INTR = PORTS + 0x14;
const CMD = PORTS + 0x0c;
const FIFO = PORTS + 0x08;
const PERIOD_NS = 1_000_000;
const READ_ALL = [0x28, 0, 0, 0, 0, 0, 0, 0x18, 0, 0];

async function rigOf(sync: boolean) {
  const disk = new TestDisk(DISK, { sync });
  for (let at = 0; at < DISK; at += 512) disk.bytes.fill((at / 512) & 0xff, at, at + 512);
  const rig = await adapterRig(
    (clock) => new Am53c974({ type: 'am53c974', clock, trace: QUIET }),
    (card) => card.core.scsi,
    imagesOf({ '/disk': disk }),
  );
  await rig.drive('if=none,format=raw,file=/disk,id=b0');
  await rig.add('scsi-hd,id=d0,drive=b0');
  rig.devices.machineReady();
  rig.card.reset();
  rig.configWrite(DEVFN, 0x10, 4, PORTS);
  rig.configWrite(DEVFN, 4, 2, 7);
  const out = (port: number, value: number) => rig.io.write(port, 1, value & 0xff);
  const engine = (gpa: number, bytes: number, toMemory: boolean) => {
    const direction = toMemory ? 0x80 : 0;
    for (const [at, value] of [
      [0x40, direction],
      [0x44, bytes],
      [0x48, gpa],
      [0x40, direction | 3],
    ] as const)
      rig.io.write(PORTS + at, 4, value);
  };
  const count = (bytes: number) => {
    out(PORTS, bytes);
    out(PORTS + 4, bytes >> 8);
    out(PORTS + 0x38, bytes >> 16);
  };
  const transfer = (gpa: number, bytes: number, toMemory: boolean) => {
    count(bytes);
    engine(gpa, bytes, toMemory);
    out(CMD, 0x90);
  };
  /** Selects with a command; gives why it interrupts. */
  const command = (cdb: readonly number[]) => {
    rig.memory.write(COMMAND, Uint8Array.from([0x80, ...cdb]));
    out(STAT, 0);
    count(1 + cdb.length);
    engine(COMMAND, 1 + cdb.length, false);
    out(CMD, 0xc2);
  };
  const interrupt = (): { readonly phase: number; readonly reason: number } => ({
    phase: rig.io.read(STAT, 1) & 7,
    reason: rig.io.read(INTR, 1),
  });
  /** Takes the status of the command that has ended. */
  const status = (): number => {
    out(CMD, 0x11);
    interrupt();
    const value = rig.io.read(FIFO, 1);
    out(CMD, 0x12);
    interrupt();
    return value;
  };
  command([0, 0, 0, 0, 0, 0]);
  interrupt();
  status();
  return { ...rig, disk, out, command, transfer, interrupt, status };
}

type Rig = Awaited<ReturnType<typeof rigOf>>;

/** Lets a command go on until the chip interrupts, or not at all. */
async function until(rig: Rig): Promise<void> {
  for (let n = 0; n < 50 && (rig.io.read(STAT, 1) & 0x80) === 0; n++) {
    await settle();
    rig.pass(PERIOD_NS);
  }
}

describe.each([true, false])('a disk (back end at once: %s)', (sync) => {
  it('is read and written', async () => {
    const rig = await rigOf(sync);
    rig.memory.write(DATA, new Uint8Array(1024).fill(0x5a));
    rig.command([0x2a, 0, 0, 0, 0, 9, 0, 0, 2, 0]);
    expect(rig.interrupt()).toEqual({ phase: 0, reason: 0x18 });
    rig.transfer(DATA, 1024, false);
    await until(rig);
    expect(rig.interrupt()).toEqual({ phase: 3, reason: 0x10 });
    expect(rig.status()).toBe(0);
    expect(rig.disk.bytes.subarray(9 * 512, 11 * 512)).toEqual(new Uint8Array(1024).fill(0x5a));
    rig.command([0x28, 0, 0, 0, 0, 8, 0, 0, 2, 0]);
    await until(rig);
    expect(rig.interrupt()).toEqual({ phase: 1, reason: 0x18 });
    rig.transfer(DATA, 1024, true);
    await until(rig);
    expect(rig.interrupt()).toEqual({ phase: 3, reason: 0x10 });
    expect([rig.bytes(DATA, 1)[0], rig.bytes(DATA + 512, 1)[0], rig.status()]).toEqual([8, 0x5a, 0]);
  });

  it('gives megabytes in portions', async () => {
    const rig = await rigOf(sync);
    rig.command(READ_ALL);
    await until(rig);
    rig.interrupt();
    rig.transfer(DATA, 3 << 20, true);
    await until(rig);
    expect([rig.interrupt().phase, rig.status()]).toEqual([3, 0]);
  });

  it.each([0, 1, 2])('goes on in a restored machine (moment %i)', async (moment) => {
    const rig = await rigOf(sync);
    rig.disk.held = [];
    if (moment > 0) rig.disk.release();
    rig.command([0x28, 0, 0, 0, 0, 8, 0, 0, 2, 0]);
    if (moment > 0) await until(rig);
    if (moment > 0) rig.interrupt();
    if (moment > 1) rig.transfer(DATA, 512, true);
    const saved = structuredClone(rig.card.save());
    const units = rig.card.core.scsi.units.map((unit) => unit.save());
    const other = await rigOf(sync);
    for (const [n, unit] of other.card.core.scsi.units.entries()) {
      const state = units[n];
      if (state !== undefined) unit.restore(state);
    }
    other.card.restore(saved);
    await settle();
    other.pass(PERIOD_NS);
    await until(other);
    if (moment < 2) other.interrupt();
    else expect(other.interrupt().phase).toBe(1);
    const left = moment < 2 ? 1024 : 512;
    other.transfer(DATA, left, true);
    await until(other);
    expect([other.interrupt().phase, other.status()]).toEqual([3, 0]);
    expect(other.bytes(DATA, 1)[0]).toBe(moment < 2 ? 8 : 9);
  });

  it('lets limits go when the machine is drained', async () => {
    const rig = await rigOf(sync);
    const [drive] = rig.drives.list();
    const limit = { avg: 1, max: 0, length: 1 };
    const rates = { bps: limit, bps_rd: NONE, bps_wr: NONE, iops: NONE, iops_rd: NONE, iops_wr: NONE };
    drive?.gate.limitTo({ rates, iopsSize: 0 }, { group: undefined, byDefault: 'g' });
    for (let n = 0; n < 2; n++) {
      rig.command([0x28, 0, 0, 0, 0, 8, 0, 0, 2, 0]);
      await settle();
    }
    expect(rig.io.read(STAT, 1) & 0x80).toBe(0);
    await rig.drives.drainAll();
    expect(rig.io.read(STAT, 1) & 0x80).toBe(0x80);
  });
});

const NONE = { avg: 0, max: 0, length: 1 };

it('a command is tried again when its error has stopped the machine, and not when it is ignored', async () => {
  const rig = await rigOf(false);
  const [drive] = rig.drives.list();
  drive?.gate.errors.setPolicies({ read: 'stop' });
  rig.disk.failure = new BlockError('EIO');
  rig.command([0x28, 0, 0, 0, 0, 8, 0, 0, 1, 0]);
  await settle();
  expect([rig.io.read(STAT, 1) & 0x80, rig.errors]).toEqual([0, ['read EIO']]);
  await rig.drives.drainAll();
  rig.disk.failure = undefined;
  await until(rig);
  expect(rig.interrupt()).toEqual({ phase: 1, reason: 0x18 });
  drive?.gate.errors.setPolicies({ read: 'ignore' });
  rig.disk.failure = new BlockError('EIO');
  rig.command([0x28, 0, 0, 0, 0, 8, 0, 0, 1, 0]);
  await until(rig);
  expect([rig.interrupt(), rig.errors.length]).toEqual([{ phase: 1, reason: 0x18 }, 2]);
});

it('a disk that leaves takes its command with it', async () => {
  const rig = await rigOf(false);
  rig.command(READ_ALL);
  await rig.remove('d0');
  await settle();
  rig.pass(PERIOD_NS);
  expect(rig.io.read(STAT, 1) & 0x80).toBe(0);
  rig.command([0, 0, 0, 0, 0, 0]);
  expect(rig.interrupt().reason).toBe(0x20);
});

describe('a hostile driver', () => {
  it.each([1, 2, 3])('cannot break it with commands (seed %i)', async (seed) => {
    const rig = await rigOf(seed === 1);
    const random = seeded(seed);
    for (let n = 0; n < 3000; n++) {
      const what = random() % 8;
      if (what === 0) rig.memory.write(COMMAND, Uint8Array.from({ length: 40 }, random));
      else if (what === 1)
        rig.command(Uint8Array.from({ length: random() % 20 }, random) as unknown as number[]);
      else if (what === 2) rig.transfer(DATA, random() & 0xffff, (random() & 1) !== 0);
      else if (what === 3) rig.out(CMD, random());
      else if (what === 4) rig.command([0x28 + 2 * (random() & 1), 0, 0, 0, 0, random(), 0, 0, random(), 0]);
      else rig.io.write(PORTS + (random() & 0x7f), ([1, 2, 4] as const)[random() % 3] ?? 1, random());
      if (n % 50 === 0) {
        await settle();
        rig.pass(PERIOD_NS);
        expect(rig.card.vmstate.fields.misfit(rig.card.save())).toBeUndefined();
      }
    }
    rig.card.reset();
    rig.configWrite(DEVFN, 0x10, 4, PORTS);
    rig.configWrite(DEVFN, 4, 2, 7);
    rig.command([0x12, 0, 0, 0, 36, 0]);
    expect(rig.interrupt().phase).toBe(1);
  });

  it('finds nothing in its registers to break', async () => {
    const rig = await rigOf(true);
    for (const { handler, sizeBytes } of rig.card.bars) fuzz(handler, sizeBytes, rig.card);
  });
});

deviceContract(
  'am53c974',
  () => {
    const card = new Am53c974({ type: 'dc390', clock: new EventQueue(() => 0), trace: QUIET });
    card.reset();
    return card;
  },
  (card) => {
    card.configWrite(4, 2, 7);
    card.configWrite(0x80, 1, 0x80);
    const [registers] = card.bars.map(({ handler }) => handler);
    registers?.write(0x20, 1, 0x43);
    registers?.write(0x44, 4, 0x1234);
    registers?.write(0x70, 4, 0x100_0000);
  },
  (card) => [card.core.read(8), card.core.read(4), card.configRead(0, 1)],
  ['dmaRegs', 'eeprom', 'sbac'],
);
