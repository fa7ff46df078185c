/** The NVMe controller without a CPU: what its recorded sessions (tests/golden/nvme) do not show. */
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { NvmeNamespace } from '../../src/emu/nvme/nvme-namespace.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { hostileDriver, io, NvmeDriver, READ, WRITE } from '../support/nvme-driver.ts';
import { BAR, DEVFN, NAMESPACE_DEFAULTS, nvmeRig } from '../support/nvme-rig.ts';
import { settle, TestDisk } from '../support/virtio-driver.ts';

const MIB = 1 << 20;
const DATA = 0x20_0000;

function filled(sync: boolean): TestDisk {
  const disk = new TestDisk(MIB, { sync });
  for (let at = 0; at < MIB; at += 512) disk.bytes.fill((at / 512) & 0xff, at, at + 512);
  return disk;
}

describe.each([true, false])('commands, back end at once: %s', (sync) => {
  it('read, write, deallocate and compare', async () => {
    const disk = filled(sync);
    const rig = nvmeRig([[disk]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    expect(await driver.run(io(READ, 3, 2, DATA))).toBe(0);
    expect([rig.bytes(DATA, 1)[0], rig.bytes(DATA + 1023, 1)[0]]).toEqual([3, 4]);
    rig.memory.fill(DATA, 1024, 0x77);
    expect(await driver.run(io(WRITE, 9, 2, DATA))).toBe(0);
    expect([9, 10, 11].map((block) => disk.bytes[512 * block])).toEqual([0x77, 0x77, 11]);
    expect(await driver.run(io(5, 9, 2, DATA))).toBe(0);
    expect(await driver.run(io(5, 10, 2, DATA))).toBe(0x285);
    rig.memory.writeU32(DATA, 0);
    rig.memory.writeU32(DATA + 4, 2);
    rig.memory.writeU64(DATA + 8, 9);
    expect(await driver.run({ op: 9, nsid: 1, prp1: DATA, dw: { 10: 0, 11: 4 } })).toBe(0);
    expect([8, 9, 10, 11].map((block) => disk.bytes[512 * block])).toEqual([8, 0, 0, 11]);
    expect(await driver.run({ op: 0, nsid: 1 })).toBe(0);
    expect(disk.log.at(-1)).toBe('flush');
  });

  it('go on in a machine that is restored', async () => {
    const disk = filled(sync);
    const rig = nvmeRig([[disk]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    disk.held = [];
    driver.give({ op: 0, nsid: 1 });
    driver.give(io(READ, 3, 2, DATA));
    await settle();
    const state = rig.card.save();
    expect(rig.card.vmstate.fields.misfit(state)).toBeUndefined();
    const other = nvmeRig([[filled(sync)]]);
    other.memory.write(0x10_0000, rig.bytes(0x10_0000, 0x11_0000));
    other.card.restore(state);
    for (let n = 0; n < 4; n++) {
      await settle();
      other.pass(1_000_000);
    }
    expect([other.bytes(DATA, 1)[0], other.bytes(DATA + 1023, 1)[0]]).toEqual([3, 4]);
    expect(driver.entries(other, 2).sort()).toEqual([0, 0]);
    expect(other.card.commands.underWay).toBe(0);
  });
});

describe('what fails', () => {
  it('is told by status, and to the user', async () => {
    const disk = filled(false);
    const rig = nvmeRig([[disk]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    disk.failure = new BlockError('EIO');
    expect(await driver.run(io(READ, 0, 1, DATA))).toBe(0x281);
    expect(await driver.run(io(WRITE, 0, 1, DATA))).toBe(0x280);
    expect(await driver.run(io(8, 0, 1, DATA))).toBe(0x280);
    expect(await driver.run({ op: 0, nsid: 1 })).toBe(0x280);
    expect(rig.errors).toEqual(['read EIO', 'write EIO', 'write EIO', 'write EIO']);
  });

  it('a command whose queue is deleted is told so, and touches no memory', async () => {
    const disk = filled(false);
    const rig = nvmeRig([[disk]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    disk.held = [];
    driver.give(io(READ, 3, 2, DATA));
    await settle();
    expect(rig.card.commands.underWay).toBe(1);
    rig.card.endTasksOf(1);
    disk.release();
    disk.held = undefined;
    await settle();
    expect(driver.entries(rig, 1)).toEqual([8]);
    expect(rig.bytes(DATA, 1)[0]).toBe(0);
  });

  it('a command that is under way at a reset is forgotten', async () => {
    const disk = filled(false);
    const rig = nvmeRig([[disk]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    disk.held = [];
    driver.give(io(READ, 3, 2, DATA));
    await settle();
    rig.mmio.write(BAR + 0x14, 4, 0);
    disk.release();
    await settle();
    expect([rig.bytes(DATA, 1)[0], rig.card.commands.underWay, rig.mmio.read(BAR + 0x1c, 4)]).toEqual([
      0, 0, 0,
    ]);
  });
});

describe('interrupts', () => {
  it('come by the pin, which follows the queue and the mask, or by MSI-X', async () => {
    const rig = nvmeRig([[filled(true)]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    const pin = () => rig.pirqs.some(({ level }) => level);
    driver.give(io(READ, 0, 1, DATA));
    expect(pin()).toBe(true);
    rig.mmio.write(BAR + 0x0c, 4, 1);
    expect(pin()).toBe(false);
    rig.mmio.write(BAR + 0x10, 4, 1);
    expect(pin()).toBe(true);
    driver.acknowledge();
    expect(pin()).toBe(false);
    const table = BAR + 0x2000;
    for (const [at, value] of [0xfee0_0000, 0, 0x41, 0].entries()) rig.mmio.write(table + 4 * at, 4, value);
    rig.configWrite(DEVFN, 0x42, 2, 0x8000);
    driver.give(io(READ, 0, 1, DATA));
    expect([pin(), rig.messages]).toEqual([false, [[0xfee0_0000, 0x41]]]);
  });
});

describe('a hostile driver', () => {
  it('finds no access that throws', () => {
    const rig = nvmeRig([[filled(true)]]);
    const [bar] = rig.card.bars;
    if (bar !== undefined) fuzz(bar.handler, 0x1300, rig.card);
  });

  it.each([1, 2])('leaves a controller that works: seed %i', async (seed) => {
    await hostileDriver(seed, 5000);
  });
});

describe('a list that does not end', () => {
  it('is given up', async () => {
    const rig = nvmeRig([[filled(true)]]);
    const driver = new NvmeDriver(rig);
    driver.begin();
    // A segment that leads to itself.
    rig.memory.writeU64(DATA, DATA);
    rig.memory.writeU32(DATA + 8, 16);
    rig.memory.writeU32(DATA + 12, 0x2000_0000);
    const sgl = { flags: 0x40, dw: { 6: DATA, 8: 16, 9: 0x2000_0000, 10: 0, 12: 0 } };
    expect(await driver.run({ op: READ, nsid: 1, ...sgl })).toBe(0x4006);
  });
});

const rigs = new WeakMap<object, ReturnType<typeof nvmeRig>>();

deviceContract(
  'nvme',
  () => {
    const rig = nvmeRig([[filled(false)]]);
    rigs.set(rig.card, rig);
    return rig.card;
  },
  (card) => {
    const rig = rigs.get(card);
    if (rig === undefined) return;
    const driver = new NvmeDriver(rig);
    driver.begin();
    rig.mmio.write(BAR + 0x2000, 4, 0xfee0_0000);
    driver.giveAdmin({ op: 9, dw: { 10: 0x0b, 11: 5 } });
    driver.giveAdmin({ op: 12 });
    driver.give(io(READ, 3, 2, DATA));
  },
  (card) => card.save(),
);

deviceContract(
  'nvme-ns',
  () => {
    const gate = new DriveGate(new EventQueue(() => 0));
    return new NvmeNamespace(NAMESPACE_DEFAULTS, { backend: filled(false), gate, onError: () => 'report' });
  },
  (namespace) => {
    namespace.setFormat(4);
    namespace.errorRecovery = 3;
    namespace.writeCache = false;
  },
  (namespace) => Buffer.from(namespace.identify()).toString('hex'),
);
