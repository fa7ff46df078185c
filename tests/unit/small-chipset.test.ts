import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { I8257 } from '../../src/emu/chipset/i8257.ts';
import { Port92 } from '../../src/emu/chipset/port92.ts';
import { attachPostPort } from '../../src/emu/chipset/post-port.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { fuzz, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

function rig() {
  const io = new AddressSpace('I/O');
  const a20 = new ProbeLine();
  const resets: number[] = [];
  const post: number[] = [];
  const port92 = new Port92(a20, () => resets.push(1), QUIET);
  const dma = new I8257(pcMemory(1 << 20), QUIET);
  port92.attach(io);
  dma.attach(io);
  attachPostPort(io, (value) => post.push(value));
  const read = (...ports: number[]) => ports.map((port) => io.read(port, 1));
  const write = (port: number, ...values: number[]) => {
    for (const value of values) io.write(port, 1, value);
  };
  return { io, a20, resets, post, port92, dma, read, write };
}

const read = (dev: { readByte(port: number): number }) => dev.readByte(0);

deviceContract(
  'port92',
  () => rig().port92,
  (dev) => dev.writeByte(0, 2),
  read,
  ['outport'],
);
deviceContract(
  'dma',
  () => rig().dma,
  (dev) => {
    const io = new AddressSpace('I/O');
    dev.attach(io);
    for (const port of [0x00, 0x0b, 0xc4, 0x87]) io.write(port, 1, 0x55);
  },
  (dev) => dev.save(),
);

describe('port 92h', () => {
  it('gates A20 and resets on the rising edge of bit 0', () => {
    const { a20, resets, port92, read, write } = rig();
    expect(read(0x92)).toEqual([0]);
    write(0x92, 2);
    expect([a20.level, resets.length]).toEqual([true, 0]);
    write(0x92, 3, 3);
    expect(resets.length).toBe(1);
    port92.reset();
    expect(read(0x92)).toEqual([2]);
  });
  it('survives random accesses', () => {
    const { io, port92 } = rig();
    const handler = {
      read: (offset: number, size: AccessSize) => io.read(0x92 + offset, size),
      write: (offset: number, size: AccessSize, value: number) => io.write(0x92 + offset, size, value),
    };
    fuzz(handler, 1, port92);
  });
});

describe('POST port', () => {
  it('port 80h takes codes and reads ff', () => {
    const { post, read, write } = rig();
    write(0x80, 0x42);
    expect([post, read(0x80)]).toEqual([[0x42], [0xff]]);
  });
});

describe('i8257', () => {
  it('addresses and counts through the flip-flop, as QEMU 7.2', () => {
    const { io, read, write } = rig();
    expect(read(0x00, 0x08, 0x09, 0x0f)).toEqual([0, 0, 0xff, 0]);
    write(0x0c, 0);
    write(0x01, 0x78);
    expect(read(0x01)).toEqual([0]);
    write(0x0c, 0);
    expect(read(0x01, 0x01)).toEqual([0x78, 0]);
    write(0x0b, 0x20);
    write(0x00, 1, 2);
    expect(read(0x00, 0x00)).toEqual([1, 2]);
    write(0xc4, 0x11, 0x22);
    expect([...read(0xc4, 0xc5), io.read(0xc4, 2)]).toEqual([0x11, 0x22, 0x2211]);
  });
  it('masks, requests and clears', () => {
    const { read, write } = rig();
    write(0x0a, 0);
    expect(read(0x09)).toEqual([0xfe]);
    write(0x09, 5);
    expect(read(0x08, 0x08)).toEqual([0x20, 0x20]);
    write(0x0f, 0xf5);
    expect(read(0x09)).toEqual([0xf5]);
    write(0x0e, 0);
    expect(read(0x09)).toEqual([0]);
    write(0x0d, 0);
    expect(read(0x09, 0x08)).toEqual([0xff, 0]);
    write(0xd4, 0);
    expect(read(0xd2, 0xd3)).toEqual([0xfe, 0xfe]);
  });
  it('keeps the page registers, and only those', () => {
    const { read, write } = rig();
    const ports = [0x81, 0x82, 0x83, 0x87, 0x89, 0x8a, 0x8b, 0x8f];
    for (const port of ports) write(port, port);
    expect(read(...ports)).toEqual(ports);
    expect(read(0x84, 0x86, 0x8e)).toEqual([0xff, 0xff, 0xff]);
  });
  it('survives a hostile guest', () => {
    const { io, dma } = rig();
    const handler = {
      read: (at: number, size: 1 | 2 | 4) => io.read(at, size),
      write: (at: number, size: 1 | 2 | 4, value: number) => io.write(at, size, value),
    };
    fuzz(handler, 0xe0, dma);
  });
});
