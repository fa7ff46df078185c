import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { I8254, PIT_FREQUENCY } from '../../src/emu/chipset/i8254.ts';
import { PcSpeaker } from '../../src/emu/chipset/pcspk.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { fuzz, ManualClock, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

const S = 1_000_000_000;

function rig() {
  const clock = new ManualClock();
  const irq = new ProbeLine();
  const dev = new I8254(irq, clock, QUIET);
  const speaker = new PcSpeaker(dev);
  const io = new AddressSpace('I/O');
  dev.attach(io);
  speaker.attach(io);
  const read = (port: number) => io.read(port, 1);
  const write = (port: number, ...values: number[]) => {
    for (const value of values) io.write(port, 1, value);
  };
  return { dev, speaker, clock, irq, io, read, write };
}

deviceContract(
  'i8254',
  () => rig().dev,
  (dev) => {
    dev.writeByte(3, 0x3d);
    dev.writeByte(0, 0x34);
    dev.writeByte(3, 0xe2);
    dev.writeByte(3, 0x30);
    dev.writeByte(0, 0x34);
    dev.writeByte(0, 0x12);
    dev.enableIrq(false);
  },
  (dev) => [0, 1, 2, 0, 1, 2].map((port) => dev.readByte(port)),
);

deviceContract(
  'pcspk',
  () => rig().speaker,
  (dev) => {
    dev.readByte();
    dev.writeByte(0, 3);
  },
  (dev) => dev.readByte() & 0x32,
);

describe('i8254', () => {
  it('interrupts at exactly 1193182/65536 Hz after a reset, without drift', () => {
    const { clock, irq } = rig();
    const before = irq.edges;
    clock.step(1000 * S);
    expect(irq.edges - before).toBe(Math.floor((1000 * PIT_FREQUENCY) / 65536));
  });
  it('mode 2 gives one edge per period, even when the timer runs late', () => {
    const { clock, irq, write } = rig();
    write(0x43, 0x34);
    write(0x40, 0x9c, 0x2e);
    const before = irq.edges;
    clock.step(10 * S);
    expect(irq.edges - before).toBe(Math.floor((10 * PIT_FREQUENCY) / 0x2e9c));
  });
  it('mode 0 fires once', () => {
    const { clock, irq, write } = rig();
    write(0x43, 0x30);
    write(0x40, 0xe8, 0x03);
    expect(irq.level).toBe(false);
    clock.step(Math.ceil((1000 * S) / PIT_FREQUENCY) - 1);
    expect(irq.level).toBe(false);
    clock.step(1);
    expect(irq.level).toBe(true);
    const edges = irq.edges;
    clock.step(S);
    expect(irq.edges).toBe(edges);
  });
  it('modes 4 and 5 strobe for one count', () => {
    const { clock, irq, write } = rig();
    write(0x43, 0x38);
    write(0x40, 0xe8, 0x03);
    clock.step(Math.ceil((1000 * S) / PIT_FREQUENCY));
    expect(irq.level).toBe(true);
    clock.step(839);
    expect(irq.level).toBe(false);
  });
  it('latches the count and the status as QEMU does', () => {
    const { clock, read, write } = rig();
    write(0x43, 0xe2);
    expect(read(0x40)).toBe(0x86);
    write(0x43, 0xb1);
    write(0x42, 0x10);
    write(0x43, 0xe8);
    expect(read(0x42)).toBe(0x31);
    write(0x42, 0x20);
    write(0x43, 0x80);
    clock.step(1_000_000);
    expect([read(0x42), read(0x42)]).toEqual([0x10, 0x20]);
    expect([read(0x42), read(0x42)]).toEqual([0x67, 0x1b]);
    expect(read(0x43)).toBe(0);
  });
  it('stops driving IRQ 0 while the HPET replaces it', () => {
    const { clock, dev, irq } = rig();
    dev.enableIrq(false);
    const edges = irq.edges;
    clock.step(S);
    expect(irq.edges).toBe(edges);
    dev.enableIrq(true);
    clock.step(S);
    expect(irq.edges).toBeGreaterThan(edges + 17);
  });
  it('port 0x61 shows counter 2: Linux calibrates by it', () => {
    const { clock, read, write } = rig();
    expect([read(0x61), read(0x61)]).toEqual([0x30, 0x20]);
    write(0x61, 0x01);
    write(0x43, 0xb0);
    write(0x42, 0x9c, 0x2e);
    expect(read(0x61) & 0x21).toBe(0x01);
    clock.step(Math.ceil((0x2e9c * S) / PIT_FREQUENCY) - 1);
    expect(read(0x61) & 0x20).toBe(0);
    clock.step(1);
    expect(read(0x61) & 0x20).toBe(0x20);
  });
  it('goes on after a restore as if nothing had happened', () => {
    const one = rig();
    one.write(0x43, 0x34);
    one.write(0x40, 0x00, 0x10);
    one.clock.step(1_234_567);
    const two = rig();
    two.clock.step(1_234_567);
    two.dev.restore(one.dev.save());
    const edges = one.irq.edges - two.irq.edges;
    one.clock.step(S);
    two.clock.step(S);
    expect(one.irq.edges - two.irq.edges).toBe(edges);
  });
  it('survives a hostile guest', () => {
    const { dev, clock, io } = rig();
    const handler = {
      read: (at: number, size: 1 | 2 | 4) => io.read(0x40 + (at & 3 & -size), size),
      write: (at: number, size: 1 | 2 | 4, value: number) => io.write(0x40 + (at & 3 & -size), size, value),
    };
    fuzz(handler, 4, dev, (random) => {
      if (random(4) === 0) clock.step(random(100_000));
      if (random(50) === 0) dev.setGate(2, random(2) === 0);
    });
  });
});
