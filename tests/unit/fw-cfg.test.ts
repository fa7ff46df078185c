import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { FW_CFG_FILE_DIR, FW_CFG_NB_CPUS, FwCfg } from '../../src/emu/chipset/fw-cfg.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { bytesAt } from '../support/memory.ts';

const text = (string: string) => new TextEncoder().encode(string);
const REQUEST = 0x1000;
const BUFFER = 0x2000;
/** Above the hole below 1 MiB. */
const HIGH = 0x100000;

function rig(ramBytes = 0x10000) {
  const memory = pcMemory(ramBytes);
  const time = { ns: 0 };
  const clock = new EventQueue(() => time.ns);
  const dev = new FwCfg(memory, clock, QUIET);
  const io = new AddressSpace('I/O');
  dev.attach(io);
  dev.addFile('etc/table', text('0123456789'));
  dev.addFile('bootorder', text('/pci'));
  dev.addFile('etc/address', new Uint8Array(8), { writable: true });
  const select = (key: number) => io.write(0x510, 2, key);
  const take = (count: number) => Array.from({ length: count }, () => io.read(0x511, 1));
  const put = (at: number, value: number): void => {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setUint32(0, value);
    memory.write(at, new Uint8Array(bytes.buffer));
  };
  const dma = (control: number, length: number, target: number) => {
    put(REQUEST, control);
    put(REQUEST + 4, length);
    put(REQUEST + 8, 0);
    put(REQUEST + 12, target);
    io.write(0x514, 4, 0);
    io.write(0x518, 4, 0x00100000);
    return new DataView(bytesAt(memory, REQUEST, 4).buffer).getUint32(0);
  };
  return { dev, io, memory, clock, put, select, take, dma };
}

deviceContract(
  'fw_cfg',
  () => {
    const { dev, io, dma } = rig(16 << 20);
    return Object.assign(dev, { io, dma });
  },
  (dev) => {
    dev.dma(0x0021_0018, 8, REQUEST);
    dev.dma(0x0022_000a, 12 << 20, HIGH);
    dev.io.write(0x514, 4, 5);
  },
  (dev) => [dev.io.read(0x511, 1), dev.file('etc/address')],
  ['written'],
);

describe('fw_cfg', () => {
  it('reads as QEMU 7.2', () => {
    const { io, select, take } = rig();
    expect([io.read(0x510, 1), ...take(4)]).toEqual([0x51, 0x45, 0x4d, 0x55, 0]);
    expect([io.read(0x514, 4), io.read(0x518, 4), io.read(0x514, 1), io.read(0x516, 2)]).toEqual([
      0x554d4551, 0x47464320, 0x51, 0x554d,
    ]);
    select(1);
    expect(take(5)).toEqual([3, 0, 0, 0, 0]);
    select(0x1234);
    expect(take(1)).toEqual([0]);
  });
  it('sorts its files and numbers them from 0x20', () => {
    const { select, take } = rig();
    select(FW_CFG_FILE_DIR);
    expect(take(4)).toEqual([0, 0, 0, 3]);
    const names = [0, 1, 2].map(() => {
      const entry = take(64);
      return [entry[3], entry[5], String.fromCharCode(...entry.slice(8)).replace(/\0+$/, '')];
    });
    expect(names).toEqual([
      [4, 0x20, 'bootorder'],
      [8, 0x21, 'etc/address'],
      [10, 0x22, 'etc/table'],
    ]);
    select(0x22);
    expect(String.fromCharCode(...take(10))).toBe('0123456789');
  });
  it('keeps numbers little-endian, apart for the architecture', () => {
    const { dev, select, take } = rig();
    dev.addNumber(FW_CFG_NB_CPUS, 2, 0x102);
    dev.addNumber(0x8005, 4, 7);
    select(FW_CFG_NB_CPUS);
    expect(take(3)).toEqual([2, 1, 0]);
    select(0x8005);
    expect(take(1)).toEqual([7]);
  });
  it('DMA selects, skips and reads, with zeros past the end', () => {
    const { dma, memory } = rig();
    memory.fill(BUFFER, 16, 0xee);
    expect(dma(0x0022_000c, 4, 0)).toBe(0);
    expect(dma(0x0000_0002, 8, BUFFER)).toBe(0);
    expect([...bytesAt(memory, BUFFER, 9)]).toEqual([...text('456789'), 0, 0, 0xee]);
  });
  it('DMA writes whole writable items only, and reports errors', () => {
    const { dev, dma, memory } = rig();
    memory.write(BUFFER, text('ADDRESS!'));
    expect(dma(0x0021_0018, 8, BUFFER)).toBe(0);
    expect(dev.file('etc/address')).toEqual(text('ADDRESS!'));
    expect(dma(0x0021_0018, 9, BUFFER)).toBe(1);
    expect(dma(0x0022_0018, 4, BUFFER)).toBe(1);
    expect(dma(0x0022_000a, 4, 0x20000)).toBe(1);
  });
  it('tells who makes a file late, and who wants to hear of a write', () => {
    const { dev, dma, select, take } = rig();
    const heard: number[] = [];
    dev.addFile('a', new Uint8Array(1), { onSelect: () => dev.modifyFile('a', Uint8Array.of(9)) });
    dev.addFile('b', new Uint8Array(1), { writable: true, onWrite: (bytes) => heard.push(...bytes) });
    select(0x20);
    expect(take(1)).toEqual([9]);
    dma(0x0021_0018, 1, 0);
    expect(heard).toEqual([0]);
  });
  it('a transfer of megabytes ends later, and many of them cannot hold the machine', () => {
    const { dma, memory, clock } = rig(64 << 20);
    const ended = () => new DataView(bytesAt(memory, REQUEST, 4).buffer).getUint32(0) === 0;
    memory.fill(HIGH, 32 << 20, 0xee);
    expect(dma(0x0022_000a, 20 << 20, HIGH)).toBe(0x0022_000a);
    expect(String.fromCharCode(...bytesAt(memory, HIGH, 11))).toBe('0123456789\0');
    const zeros = () => [8, 16, 20].map((end) => memory.readU8(HIGH + (end << 20) - 1));
    expect(zeros()).toEqual([0, 0xee, 0xee]);
    clock.runDue();
    expect([ended(), ...zeros()]).toEqual([false, 0, 0, 0xee]);
    clock.runDue();
    expect([ended(), ...zeros(), memory.readU8(HIGH + (20 << 20))]).toEqual([true, 0, 0, 0, 0xee]);
    clock.runDue();
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
    // Each of them fits a portion; together they have one, and what is begun meanwhile waits.
    let done = 0;
    for (let n = 0; n < 100; n++) if (dma(0x0022_000a, 1 << 20, HIGH) === 0) done++;
    expect(done).toBeLessThanOrEqual(8);
    clock.runDue();
    expect(ended()).toBe(true);
  });
  it('survives a hostile guest', () => {
    const { dev, io, put } = rig();
    const handler = {
      read: (at: number, size: 1 | 2 | 4) => io.read(0x510 + at, size),
      write: (at: number, size: 1 | 2 | 4, value: number) => io.write(0x510 + at, size, value),
    };
    fuzz(handler, 12, dev, (random) => {
      put(REQUEST, random(2 ** 32));
      put(REQUEST + 4, random(0x20000));
      put(REQUEST + 12, random(0x20000));
      if (random(3) === 0) io.write(0x518, 4, 0x00100000);
    });
  });
});
