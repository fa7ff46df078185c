import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { I8259Pair } from '../../src/emu/chipset/i8259.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { PIC_READS, picSession } from '../golden/chipset/pic-session.ts';
import { fuzz, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

const MASTER = 0x20;
const SLAVE = 0xa0;

function rig() {
  const intr = new ProbeLine();
  const dev = new I8259Pair(intr, QUIET);
  const io = new AddressSpace('I/O');
  dev.attach(io);
  const read = (port: number) => io.read(port, 1);
  const write = (port: number, ...values: number[]) => {
    for (const value of values) io.write(port, 1, value);
  };
  /** As a BIOS does: vectors 0x08 and 0x70, everything unmasked. */
  const initialise = (icw4 = 0x01) => {
    write(MASTER, 0x11);
    write(MASTER + 1, 0x08, 0x04, icw4, 0);
    write(SLAVE, 0x11);
    write(SLAVE + 1, 0x70, 0x02, icw4, 0);
  };
  return { dev, io, intr, read, write, initialise };
}

deviceContract(
  'i8259',
  () => {
    const { dev, initialise, write } = rig();
    return Object.assign(dev, { initialise, writePorts: write });
  },
  (dev) => {
    dev.initialise();
    dev.writePorts(0x4d0, 0x20);
    dev.line(5).set(true);
    dev.line(12).set(true);
    dev.writePorts(MASTER, 0x0b);
  },
  (dev) => [dev.hasRequest(), dev.acknowledge(), dev.acknowledge(), dev.save()],
);

describe('i8259', () => {
  it('answers what QEMU does, whatever is done to its wires and registers', () => {
    const { dev, read, write } = rig();
    const golden = readFileSync(new URL('../golden/chipset/i8259.txt', import.meta.url), 'utf8').split('\n');
    for (const [at, step] of picSession().entries()) {
      if ('line' in step) dev.line(step.line).set(step.level);
      else write(step.port, step.value);
      const answers = PIC_READS.map(({ port, command }) => {
        write(port, command);
        return read(port).toString(16).padStart(2, '0');
      });
      expect(answers.join(' '), `step ${at}: ${JSON.stringify(step)}`).toBe(golden[at]);
    }
  });

  it('takes a line that is high for an edge again after an initialisation, not after one that is level triggered', () => {
    const { dev, initialise, write } = rig();
    initialise();
    write(0x4d0, 0x20);
    for (const line of [0, 5]) dev.line(line).set(true);
    initialise();
    expect(dev.save().chips[0].irr).toBe(0x20);
    for (const line of [0, 5]) dev.line(line).set(true);
    expect(dev.save().chips[0].irr).toBe(0x21);
    dev.line(5).set(false);
    expect(dev.save().chips[0].irr).toBe(0x01);
    dev.reset();
    expect(dev.save().chips[0].irr).toBe(0);
    dev.line(0).set(true);
    expect(dev.save().chips[0].irr).toBe(0x01);
  });

  it('gives vectors by priority and lets a higher one interrupt', () => {
    const { dev, intr, initialise, read, write } = rig();
    initialise();
    dev.line(4).set(true);
    expect(intr.level).toBe(true);
    expect(dev.acknowledge()).toBe(0x0c);
    expect(intr.level).toBe(false);
    dev.line(5).set(true);
    expect(intr.level).toBe(false);
    dev.line(1).set(true);
    expect(intr.level).toBe(true);
    expect(dev.acknowledge()).toBe(0x09);
    write(MASTER, 0x0b);
    expect(read(MASTER)).toBe(0x12);
    write(MASTER, 0x0a);
    expect(read(MASTER)).toBe(0x20);
    write(MASTER, 0x20, 0x20);
    expect(dev.acknowledge()).toBe(0x0d);
  });
  it('cascades the slave', () => {
    const { dev, intr, initialise, write } = rig();
    initialise();
    dev.line(12).set(true);
    dev.line(8).set(true);
    expect(dev.acknowledge()).toBe(0x70);
    write(SLAVE, 0x20);
    write(MASTER, 0x20);
    expect(intr.level).toBe(true);
    expect(dev.acknowledge()).toBe(0x74);
  });
  it('a request that went away is spurious 7, on the slave 15', () => {
    const { dev, initialise, write } = rig();
    initialise();
    expect(dev.acknowledge()).toBe(0x0f);
    write(0x4d1, 0x02);
    dev.line(9).set(true);
    const vectorWhileHigh = dev.save();
    dev.line(9).set(false);
    expect(dev.acknowledge()).toBe(0x77);
    dev.restore(vectorWhileHigh);
    expect(dev.acknowledge()).toBe(0x71);
  });
  it('an edge is latched once, a level asks until it drops', () => {
    const { dev, intr, initialise, write } = rig();
    initialise();
    dev.line(5).set(true);
    dev.acknowledge();
    write(MASTER, 0x65);
    expect(intr.level).toBe(false);
    write(0x4d0, 0x20);
    dev.line(5).set(false);
    dev.line(5).set(true);
    dev.acknowledge();
    write(MASTER, 0x65);
    expect(intr.level).toBe(true);
    dev.line(5).set(false);
    expect(intr.level).toBe(false);
  });
  it('masks, polls, rotates and ends by itself (AEOI)', () => {
    const { dev, intr, initialise, read, write } = rig();
    initialise();
    write(MASTER + 1, 0xef);
    dev.line(3).set(true);
    expect(intr.level).toBe(false);
    dev.line(4).set(true);
    write(MASTER, 0x0c);
    expect(read(MASTER)).toBe(0x84);
    write(MASTER, 0xa0);
    write(MASTER + 1, 0);
    dev.line(6).set(true);
    expect(dev.acknowledge()).toBe(0x0e);
    initialise(0x03);
    dev.line(4).set(false);
    dev.line(4).set(true);
    expect(dev.acknowledge()).toBe(0x0c);
    write(MASTER, 0x0b);
    expect(read(MASTER)).toBe(0);
  });
  it('special mask lets lower requests in. QEMU: with the next event', () => {
    const { dev, intr, initialise, write } = rig();
    initialise();
    dev.line(3).set(true);
    dev.acknowledge();
    dev.line(6).set(true);
    expect(intr.level).toBe(false);
    write(MASTER + 1, 0x08);
    write(MASTER, 0x68);
    expect(intr.level).toBe(false);
    write(MASTER + 1, 0x08);
    expect(intr.level).toBe(true);
    expect(dev.acknowledge()).toBe(0x0e);
  });
  it('ELCR keeps only the lines that can be level triggered', () => {
    const { io, read, write } = rig();
    write(0x4d0, 0xff);
    write(0x4d1, 0xff);
    expect([read(0x4d0), read(0x4d1)]).toEqual([0xf8, 0xde]);
    // QEMU: two regions of one port each, and each answers as often as it is asked.
    expect([io.read(0x4d0, 2), io.read(0x4d1, 2)]).toEqual([0xf8f8, 0xdede]);
  });
  it('survives a hostile guest', () => {
    const { dev, io } = rig();
    const ports = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1];
    const lines = Array.from({ length: 16 }, (_, n) => dev.line(n));
    const handler = {
      read: (at: number, size: 1 | 2 | 4) => io.read(ports[at] ?? 0, size),
      write: (at: number, size: 1 | 2 | 4, value: number) => io.write(ports[at] ?? 0, size, value),
    };
    fuzz(handler, ports.length, dev, (random) => {
      lines[random(16)]?.set(random(2) === 0);
      if (random(4) === 0) expect(dev.acknowledge()).toBeLessThan(0x100);
    });
  });
});
