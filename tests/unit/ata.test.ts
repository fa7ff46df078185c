/** ATA devices beside what QEMU's answers show (tests/golden/ide): requests that take time, snapshots in the middle of them, hostile drivers. */
import { describe, expect, it } from 'vitest';
import { guessGeometry, standardGeometry } from '../../src/emu/ata/hd-geometry.ts';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { limitsOf } from '../../src/emu/block/throttle-limits.ts';
import { diskBytes } from '../../src/emu/chipset/pc-cmos.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { ABAR, ahciRig, ataDevice, BM, ideControllerRig } from '../support/ata-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { seeded } from '../support/pci-rig.ts';
import { TestDisk } from '../support/virtio-driver.ts';

const LIST = 0x1_0000;
const DATA = 0x2_0000;
const SECTOR = 512;
/** What a driver of these tests uses of RAM. */
const LOW_BYTES = 0x8_0000;
type Rig = ReturnType<typeof ideControllerRig>;

const u32 = (value: number): Uint8Array => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);

function issue({ io }: Rig, base: number, code: number, registers: readonly number[] = []): void {
  for (const [n, value] of registers.entries()) io.write(base + 1 + n, 1, value);
  io.write(base + 7, 1, code);
}

/** FEATURES, SECTOR COUNT, LBA, DEVICE. */
const at = (sector: number, count: number): readonly number[] => [0, count, sector, 0, 0, 0xe0];

function list({ ram, io }: Rig, bytes: number, master = BM): void {
  ram.write(LIST, u32(DATA));
  ram.write(LIST + 4, u32((0x8000_0000 | (bytes & 0xffff)) >>> 0));
  io.write(master + 4, 4, LIST);
}

function numbered(bytes: number, sync = false): TestDisk {
  const disk = new TestDisk(bytes, { sync });
  for (let n = 0; n < bytes; n++) disk.bytes[n] = (n >> 9) + n * 3;
  return disk;
}

/** Without a list of what differs, which takes long. */
function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other);
}

/** Takes a snapshot of the rig's controller to another one, with its own copy of memory. */
function moved(rig: Rig): Rig {
  const other = ideControllerRig(rig.disk, rig.disc);
  other.ram.write(0, rig.bytes(0, LOW_BYTES));
  const saved = structuredClone(rig.ide.save());
  expect(other.ide.vmstate.fields.misfit(saved)).toBeUndefined();
  rig.ide.tasks.cancel();
  other.ide.restore(saved);
  return other;
}

describe('a request that takes time', () => {
  it('leaves the device busy until it is done, and then interrupts', async () => {
    const rig = ideControllerRig(numbered(1 << 20));
    rig.disk.held = [];
    issue(rig, 0x1f0, 0x20, at(3, 1));
    await rig.pass();
    expect([rig.io.read(0x3f6, 1), rig.irqs[0].level]).toEqual([0xd0, false]);
    // Nothing else is taken meanwhile.
    issue(rig, 0x1f0, 0xec);
    rig.io.write(0x1f2, 1, 9);
    rig.disk.release();
    await rig.pass();
    expect([rig.io.read(0x3f6, 1), rig.irqs[0].level, rig.disk.log]).toEqual([0x58, true, ['read 1536 512']]);
    expect(rig.io.read(0x1f0, 4)).toBe(new DataView(rig.disk.bytes.buffer).getUint32(3 * SECTOR, true));
  });

  it('is given up by a reset: nothing of it moves any more', async () => {
    for (const end of ['SRST', 'stop', 'power'] as const) {
      const rig = ideControllerRig(numbered(1 << 20));
      rig.disk.held = [];
      list(rig, 1024);
      issue(rig, 0x1f0, 0xc8, at(3, 2));
      rig.io.write(BM, 1, 9);
      await rig.pass();
      if (end === 'SRST') rig.io.write(0x3f6, 1, 4);
      else if (end === 'stop') rig.io.write(BM, 1, 0);
      else rig.ide.reset();
      rig.disk.release();
      await rig.pass();
      expect(rig.bytes(DATA, 1024).every((byte) => byte === 0)).toBe(true);
      rig.io.write(0x3f6, 1, 4);
      rig.io.write(0x3f6, 1, 0);
      rig.open();
      // And the next command is served.
      list(rig, 1024);
      issue(rig, 0x1f0, 0xc8, at(3, 2));
      rig.io.write(BM, 1, 0);
      rig.io.write(BM, 1, 9);
      await rig.pass();
      rig.disk.release();
      await rig.pass();
      expect(sameBytes(rig.bytes(DATA, 1024), rig.disk.bytes.slice(3 * SECTOR, 5 * SECTOR))).toBe(true);
    }
  });

  it('ends with the error of the disk, of which the user is told', async () => {
    const rig = ideControllerRig();
    rig.disk.failure = new BlockError('ENOSPC');
    issue(rig, 0x1f0, 0x30, at(3, 1));
    for (let n = 0; n < SECTOR; n += 4) rig.io.write(0x1f0, 4, n);
    await rig.pass();
    expect([rig.io.read(0x1f1, 1), rig.io.read(0x1f7, 1), rig.hd.errors]).toEqual([
      4,
      0x41,
      ['write ENOSPC'],
    ]);
    rig.hd.drive.medium = undefined;
    rig.disk.failure = undefined;
    issue(rig, 0x1f0, 0x20, at(3, 1));
    await rig.pass();
    expect([rig.io.read(0x1f1, 1), rig.io.read(0x1f7, 1)]).toEqual([4, 0x41]);
    expect(rig.hd.errors).toEqual(['write ENOSPC', 'read EIO']);
  });

  it('stores what was written at once when the driver has turned the cache off', async () => {
    const rig = ideControllerRig();
    issue(rig, 0x1f0, 0xef, [0x82]);
    await rig.pass();
    issue(rig, 0x1f0, 0x30, at(3, 1));
    for (let n = 0; n < SECTOR; n += 4) rig.io.write(0x1f0, 4, 1);
    await rig.pass();
    expect(rig.disk.log).toEqual(['flush', 'write 1536 512', 'flush']);
  });
});

describe('a snapshot in the middle of a transfer', () => {
  it('goes on with a read by PIO, whether the disk or the driver is slow', async () => {
    const rig = ideControllerRig(numbered(1 << 20));
    rig.disk.held = [];
    issue(rig, 0x1f0, 0x20, at(3, 2));
    await rig.pass();
    const other = moved(rig);
    rig.disk.release();
    rig.disk.held = undefined;
    await other.pass();
    const words: number[] = [];
    for (let n = 0; n < 10; n++) words.push(other.io.read(0x1f0, 2));
    const third = moved(other);
    for (let n = 10; n < SECTOR; n++) {
      words.push(third.io.read(0x1f0, 2));
      if (n === 255) await third.pass();
    }
    const bytes = Uint8Array.from(words.flatMap((word) => [word & 0xff, word >> 8]));
    expect(sameBytes(bytes, rig.disk.bytes.slice(3 * SECTOR, 5 * SECTOR))).toBe(true);
    expect(third.io.read(0x1f7, 1)).toBe(0x50);
  });

  it('goes on with a write by PIO', async () => {
    const rig = ideControllerRig();
    rig.disk.held = [];
    issue(rig, 0x1f0, 0x30, at(3, 1));
    for (let n = 0; n < 100; n++) rig.io.write(0x1f0, 2, n);
    const other = moved(rig);
    for (let n = 100; n < 256; n++) other.io.write(0x1f0, 2, n);
    await other.pass();
    const third = moved(other);
    rig.disk.release();
    rig.disk.held = undefined;
    await third.pass();
    const expected = Uint8Array.from({ length: 512 }, (_, n) => (n % 2 === 0 ? n >> 1 : 0));
    expect(sameBytes(rig.disk.bytes.slice(3 * SECTOR, 4 * SECTOR), expected)).toBe(true);
    expect([third.io.read(0x1f7, 1), third.irqs[0].level]).toEqual([0x50, false]);
  });

  it.each(['before the start', 'while the disk reads'])('goes on with DMA %s', async (moment) => {
    const rig = ideControllerRig(numbered(1 << 20));
    rig.disk.held = [];
    list(rig, 0x8000);
    issue(rig, 0x1f0, 0xc8, at(1, 64));
    let now = rig;
    if (moment === 'before the start') now = moved(rig);
    now.io.write(BM, 1, 9);
    await now.pass();
    if (moment !== 'before the start') now = moved(now);
    rig.disk.release();
    rig.disk.held = undefined;
    await now.pass();
    expect(sameBytes(now.bytes(DATA, 0x8000), rig.disk.bytes.slice(SECTOR, 65 * SECTOR))).toBe(true);
    expect([now.io.read(BM + 2, 1), now.io.read(0x1f7, 1)]).toEqual([4, 0x50]);
  });

  it.each([0, 1])('goes on with a disc by PIO and by DMA: feature %i', async (feature) => {
    const rig = ideControllerRig(undefined, numbered(1 << 20));
    const disc = rig.disc ?? new TestDisk(0);
    disc.held = [];
    list(rig, 0xf000, BM + 8);
    issue(rig, 0x170, 0xa0, [feature, 0, 0, 0, 0x10, 0xa0]);
    // READ (10): 30 blocks from block 256 on.
    for (const word of [0x28, 0, 1, 0, 30, 0]) rig.io.write(0x170, 2, word);
    rig.io.write(BM + 8, 1, 9);
    let now = rig;
    const got: number[] = [];
    for (let step = 0; step < 60; step++) {
      await now.pass();
      now = moved(now);
      disc.release();
      disc.held = step % 2 === 0 ? undefined : [];
      await now.pass();
      if (feature === 1) continue;
      for (let n = 0; n < 2048 && (now.io.read(0x376, 1) & 8) !== 0; n++) got.push(now.io.read(0x170, 2));
    }
    const bytes =
      feature === 1
        ? now.bytes(DATA, 0xf000)
        : Uint8Array.from(got.flatMap((word) => [word & 0xff, word >> 8]));
    expect(sameBytes(bytes, disc.bytes.slice(256 * 2048, 286 * 2048))).toBe(true);
    expect(now.io.read(0x177, 1)).toBe(0x50);
  });

  it('goes on with queued commands of an AHCI port', async () => {
    const rig = ahciRig(numbered(1 << 20));
    const { ram, memory } = rig;
    rig.disk.held = [];
    const port = (offset: number, value: number) => memory.write(ABAR + 0x100 + offset, 4, value);
    for (const [offset, value] of [
      [0, LIST],
      [8, LIST + 0x400],
      [0x14, 0xffff_ffff],
      [0x18, 0x11],
    ] as const)
      port(offset, value);
    for (const slot of [1, 4]) {
      const table = LIST + 0x1000 * slot;
      ram.write(LIST + 32 * slot, Uint8Array.of(5, 0, 1, 0, 0, 0, 0, 0, ...u32(table)));
      ram.write(table, Uint8Array.of(0x27, 0x80, 0x60, 8, slot, 0, 0, 0x40, 0, 0, 0, 0, slot << 3));
      ram.write(
        table + 0x80,
        Uint8Array.of(...u32(DATA + 0x1000 * slot), 0, 0, 0, 0, 0, 0, 0, 0, ...u32(0xfff)),
      );
    }
    port(0x34, 0x12);
    port(0x38, 0x12);
    await rig.pass();
    const other = ahciRig(rig.disk, rig.disc);
    other.ram.write(0, rig.bytes(0, LOW_BYTES));
    const saved = structuredClone(rig.card.save());
    expect(other.card.vmstate.fields.misfit(saved)).toBeUndefined();
    expect(saved.ports[0]?.queued.map(({ tag }) => tag)).toEqual([1, 4]);
    rig.card.abandon();
    other.card.restore(saved);
    rig.disk.release();
    rig.disk.held = undefined;
    await other.pass();
    for (const slot of [1, 4]) {
      expect(
        sameBytes(
          other.bytes(DATA + 0x1000 * slot, 4096),
          rig.disk.bytes.slice(slot * SECTOR, (slot + 8) * SECTOR),
        ),
      ).toBe(true);
    }
    expect(other.memory.read(ABAR + 0x134, 4)).toBe(0);
  });

  it('takes one from before there were drives', () => {
    const rig = ideControllerRig();
    const bare = { device: 0x10, control: 2, irq: true, bmCommand: 9, bmStatus: 0x61, bmAddress: 0x1000 };
    const old: unknown = { pci: rig.ide.save().pci, channels: [bare, { ...bare, device: 0, irq: false }] };
    expect(rig.ide.vmstate.fields.misfit(old)).toBeUndefined();
    rig.ide.restore(old as ReturnType<typeof rig.ide.save>);
    expect([rig.io.read(BM, 1), rig.io.read(BM + 2, 1), rig.io.read(BM + 4, 4)]).toEqual([9, 0x61, 0x1000]);
    expect(rig.irqs.map(({ level }) => level)).toEqual([true, false]);
  });
});

describe('limits and portions', () => {
  it('a request waits for its drive, and goes when it is drained', async () => {
    const rig = ideControllerRig(numbered(1 << 20, true));
    const limits = limitsOf((name) => ({ avg: name === 'iops' ? 1 : 0, max: 0, length: 1 }), 0);
    rig.hd.drive.gate.limitTo(limits, { group: undefined, byDefault: 'd' });
    rig.hd.drive.gate.onDrain = () => rig.ide.tasks.drain(rig.hd.drive.gate);
    for (let n = 0; n < 3; n++) {
      issue(rig, 0x1f0, 0x20, at(n, 1));
      await rig.pass();
      if ((rig.io.read(0x3f6, 1) & 0x80) !== 0) break;
      for (let word = 0; word < 128; word++) rig.io.read(0x1f0, 4);
    }
    expect(rig.io.read(0x3f6, 1)).toBe(0xd0);
    await rig.hd.drive.gate.drain();
    expect(rig.io.read(0x3f6, 1)).toBe(0x58);
  });

  it('an access begins no more than a portion of an AHCI list', () => {
    const rig = ahciRig(numbered(1 << 20, true));
    const { ram, memory } = rig;
    for (const [offset, value] of [
      [0, LIST],
      [8, LIST + 0x400],
      [0x18, 0x11],
    ] as const)
      memory.write(ABAR + 0x100 + offset, 4, value);
    // Each has the longest list of buffers that there is.
    for (let slot = 0; slot < 32; slot++) {
      ram.write(LIST + 32 * slot, Uint8Array.of(5, 0, 0xff, 0xff, 0, 0, 0, 0, ...u32(LIST + 0x1000)));
    }
    ram.write(LIST + 0x1000, Uint8Array.of(0x27, 0x80, 0x60, 1));
    memory.write(ABAR + 0x138, 4, 0xffff_ffff);
    expect(memory.read(ABAR + 0x138, 4)).not.toBe(0);
  });
});

describe('geometry', () => {
  it('is guessed as by QEMU: from a partition, or of the size', () => {
    const record = (heads: number, sectors: number): Uint8Array => {
      const bytes = new Uint8Array(512);
      bytes.set([0x80, 1, 1, 0, 0x83, heads - 1, sectors, 0, 1, 0, 0, 0, 0, 0x10], 446);
      bytes.set([0x55, 0xaa], 510);
      return bytes;
    };
    expect(standardGeometry(1)).toEqual({ cylinders: 2, heads: 16, sectors: 63 });
    expect(standardGeometry(2 ** 40).cylinders).toBe(16383);
    expect(guessGeometry(new Uint8Array(512), 131_072)).toEqual({
      geometry: standardGeometry(131_072),
      translation: 'none',
    });
    expect(guessGeometry(new Uint8Array(512), 8 << 20).translation).toBe('lba');
    expect(guessGeometry(record(4, 17), 131_072)).toEqual({
      geometry: { cylinders: 1927, heads: 4, sectors: 17 },
      translation: 'none',
    });
    expect(guessGeometry(record(255, 63), 1 << 20)).toEqual({
      geometry: standardGeometry(1 << 20),
      translation: 'large',
    });
    expect(guessGeometry(record(255, 63), 64 << 20).translation).toBe('lba');
  });

  it('is told to firmware in CMOS', () => {
    const disk = { cylinders: 609, heads: 16, sectors: 63, translation: 0 };
    const big = { cylinders: 16383, heads: 16, sectors: 63, translation: 1 };
    const one = new Map(diskBytes([disk]));
    const table = Array.from({ length: 9 }, (_, n) => one.get(0x1b + n));
    expect([one.get(0x12), one.get(0x19), ...table]).toEqual([
      0xf0, 0x2f, 0x61, 2, 0x10, 255, 255, 0xc8, 0x61, 2, 0x3f,
    ]);
    const other = new Map(diskBytes([big, undefined, undefined, { ...disk, translation: 2 }]));
    expect([other.get(0x12), other.get(0x39), other.has(0x24)]).toEqual([0xf0, 0x81, false]);
  });
});

describe('a hostile driver', () => {
  const SIZES: readonly AccessSize[] = [1, 2, 4];

  it('of the IDE controller breaks nothing', async () => {
    const rig = ideControllerRig(numbered(1 << 20, true), numbered(1 << 20, true));
    const random = seeded(20261130);
    const ports = [
      ...[0x1f0, 0x170].flatMap((base) => Array.from({ length: 8 }, (_, n) => base + n)),
      ...[0x3f6, 0x376],
      ...Array.from({ length: 16 }, (_, n) => BM + n),
    ];
    const commands = [
      0x20, 0x30, 0xc8, 0xca, 0x06, 0xa0, 0xa0, 0xc4, 0xc5, 0xec, 0xa1, 0xe7, 0xef, 0xb0, 0x24, 0x35, 0x08,
    ];
    for (let n = 0; n < 100_000; n++) {
      const kind = random() % 8;
      const port = ports[random() % ports.length] ?? 0;
      const size = SIZES[random() % 3] ?? 1;
      if (kind === 0)
        rig.io.write(random() % 2 === 0 ? 0x1f7 : 0x177, 1, commands[random() % commands.length] ?? 0);
      else if (kind < 3) rig.io.write(port, size, random() % 3 === 0 ? random() % 16 : random());
      else if (kind === 3) rig.io.write(random() % 2 === 0 ? 0x1f0 : 0x170, 2, random());
      else if (kind === 4) rig.io.read(random() % 2 === 0 ? 0x1f0 : 0x170, 4);
      else rig.io.read(port, size);
      if (n % 64 === 0) {
        rig.ram.write(LIST + (random() % 512) * 8, u32(random()));
        rig.time.ns += 500_000;
        rig.clock.runDue();
      }
      if (n % 256 === 0) {
        rig.io.write(0x3f6, 1, 4);
        rig.io.write(0x376, 1, 4);
        rig.io.write(BM + 4, 4, LIST);
        rig.cd.drive.gate.tray?.move(random() % 2 === 0);
      }
      if (n % 2000 === 0) {
        rig.open();
        const saved = rig.ide.save();
        expect(rig.ide.vmstate.fields.misfit(saved)).toBeUndefined();
        rig.ide.restore(structuredClone(saved));
        await rig.pass();
      }
    }
  });

  it('of the AHCI controller breaks nothing', async () => {
    const rig = ahciRig(numbered(1 << 20, true), numbered(1 << 20, true));
    const random = seeded(20261129);
    const { ram, memory } = rig;
    const commands = [
      0x60, 0x61, 0x63, 0xc8, 0xca, 0x20, 0x34, 0x06, 0xa0, 0xa0, 0xec, 0xe7, 0xef, 0x08, 0xb0,
    ];
    for (let n = 0; n < 100_000; n++) {
      const port = ABAR + 0x100 + 0x80 * (random() % 3);
      const kind = random() % 16;
      if (kind < 6) memory.read(ABAR + (random() % 0x400), SIZES[random() % 3] ?? 4);
      else if (kind < 10) memory.write(port + (random() % 0x20) * 4, 4, random());
      else if (kind === 10) memory.write(ABAR + (random() % 12) * 4, 4, random() & ~1);
      else if (kind === 11) {
        const slot = random() % 32;
        const table = LIST + 0x1000 * (random() % 4);
        ram.write(
          LIST + 32 * slot,
          Uint8Array.of(random(), random() & 1, random() & 7, 0, 0, 0, 0, 0, ...u32(table)),
        );
        ram.write(
          table,
          Uint8Array.of(
            0x27,
            0x80,
            commands[random() % commands.length] ?? 0,
            random() & 7,
            random(),
            random() & 7,
          ),
        );
        ram.write(table + 12, Uint8Array.of(random(), random() & 1, 0, random() & 4));
        ram.write(
          table + 0x40,
          Uint8Array.of(
            [0x28, 0x12, 0x43, 0xbe, 0x1b][random() % 5] ?? 0,
            0,
            0,
            0,
            random(),
            0,
            0,
            0,
            random() & 3,
            random(),
          ),
        );
        ram.write(
          table + 0x80,
          Uint8Array.of(
            ...u32(DATA + (random() & 0xfffff)),
            0,
            0,
            0,
            random() & 1,
            0,
            0,
            0,
            0,
            ...u32(random() & 0x3fff),
          ),
        );
      } else if (kind < 14) memory.write(port + 0x38, 4, 1 << (random() % 32));
      else if (kind === 14) {
        for (const [offset, value] of [
          [0, LIST],
          [4, 0],
          [8, LIST + 0x800],
          [12, 0],
          [0x14, 0xffff_ffff],
          [0x18, 0x10],
          [0x18, 0x11],
          [0x10, 0xffff_ffff],
        ] as const)
          memory.write(port + offset, 4, value);
      } else {
        rig.time.ns += 300_000;
        rig.clock.runDue();
      }
      if (n % 2000 === 0) {
        rig.open();
        const saved = rig.card.save();
        expect(rig.card.vmstate.fields.misfit(saved)).toBeUndefined();
        rig.card.restore(structuredClone(saved));
        await rig.pass();
      }
    }
  });
});

const TASKS = { requests: 1, descriptors: 2, bytes: 3 };

deviceContract(
  'piix3-ide',
  () => ideControllerRig(undefined, undefined, false).ide,
  (dev) => {
    const { channels, kept, pci } = dev.save();
    const [first, second] = channels;
    const [one, other] = kept;
    const [disk, empty] = one ?? [];
    if (
      first === undefined ||
      second === undefined ||
      other === undefined ||
      disk === undefined ||
      empty === undefined
    )
      throw new Error('two channels');
    dev.configWrite(4, 2, 5);
    dev.restore({
      ...dev.save(),
      channels: [{ ...first, irq: true, master: { ...first.master, status: 4 } }, second],
      kept: [[{ ...disk, writeCache: false, smart: false, identity: new Uint8Array(512) }, empty], other],
      bottomHalf: { deadlineNs: 5, begunNs: 4, left: TASKS },
    });
    expect(pci).toBeDefined();
  },
  (dev) => [dev.configRead(4, 4), dev.channels[0].readAlternate(), dev.channels[0].master.read(2, 1)],
  ['kept'],
);

deviceContract(
  'ich9-ahci',
  () => ahciRig(undefined, undefined, false).card,
  (dev) => {
    const { ports, kept } = dev.save();
    const [port, ...others] = ports;
    const [disk, ...rest] = kept;
    if (port === undefined || disk === undefined) throw new Error('six ports');
    dev.configWrite(4, 2, 3);
    dev.restore({
      ...dev.save(),
      ...{ ghc: 0x8000_0002, is: 1, index: 4 },
      ports: [{ ...port, is: 1, ie: 1, tfd: 0x150, unit: { ...port.unit, status: 0x50 } }, ...others],
      kept: [{ ...disk, writeCache: false }, ...rest],
      bottomHalf: { deadlineNs: 5, begunNs: 4, left: TASKS },
    });
  },
  (dev) => [
    dev.configRead(4, 4),
    dev.readRegister(8, 4),
    dev.readRegister(0x110, 4),
    dev.readRegister(0x120, 4),
  ],
  ['kept'],
);

describe('a tray', () => {
  it('moves for the guest and the user, who are told apart by the lock', () => {
    const rig = ideControllerRig();
    const { device, moved: seen } = ataDevice(rig, 'cd', undefined);
    const [unit] = rig.ide.channels[1].units;
    unit.attach(device);
    const { tray } = device.drive.gate;
    tray?.move(true);
    tray?.move(true);
    tray?.move(false);
    expect([seen, tray?.isOpen, tray?.isLocked]).toEqual([[true, false], false, false]);
    unit.s.trayLocked = true;
    tray?.requestEject(false);
    expect(tray?.isLocked).toBe(true);
    tray?.requestEject(true);
    expect(tray?.isLocked).toBe(false);
  });
});
