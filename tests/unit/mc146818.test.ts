import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { Mc146818 } from '../../src/emu/chipset/mc146818.ts';
import { pcCmos } from '../../src/emu/chipset/pc-cmos.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { fuzz, ManualClock, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

const S = 1_000_000_000;
const MIB = 1024 * 1024;

function facts() {
  return {
    ramBelow4g: 128 * MIB,
    ramAbove4g: 0,
    cpus: 1,
    bootOrder: 'cad',
    floppies: [0, 0] as const,
  };
}

function rig(time = '2020-01-02T23:04:05Z', clock = new ManualClock()) {
  const irq = new ProbeLine();
  const dev = new Mc146818(irq, clock, Date.parse(time), pcCmos(facts()), QUIET);
  const io = new AddressSpace('I/O');
  dev.attach(io);
  const get = (index: number) => {
    io.write(0x70, 1, index);
    return io.read(0x71, 1);
  };
  const set = (index: number, value: number) => {
    io.write(0x70, 1, index);
    io.write(0x71, 1, value);
  };
  return { dev, io, clock, irq, get, set };
}

/** A restored device goes on under the same clock. */
const sharedClock = new ManualClock();

deviceContract(
  'mc146818rtc',
  () => {
    const { dev, clock, get, set } = rig(undefined, sharedClock);
    return Object.assign(dev, { clock, get, set });
  },
  (dev) => {
    dev.clock.step(1.25 * S);
    dev.get(0x0c);
    dev.set(0x0a, 0x66);
    dev.set(0x0a, 0x2c);
    dev.set(9, 0x31);
    dev.set(0x0b, 0x42);
    dev.clock.step(0.25 * S);
    dev.set(0x0f, 0x55);
  },
  (dev) => [0, 2, 4, 9, 0x0a, 0x0b, 0x0c, 0x0c, 0x0f].map(dev.get),
  ['index', 'cmos', 'regA', 'baseSeconds', 'lastNs', 'offsetNs', 'alarmNs', 'updateNs'],
);

describe('mc146818', () => {
  it('restored just when a second or a period is over raises the interrupt of that moment', () => {
    for (const enable of [0x10, 0x40]) {
      const clock = new ManualClock();
      const { dev, set } = rig(undefined, clock);
      set(0x0b, enable);
      clock.jump(clock.nextDeadlineNs());
      const restored = rig(undefined, clock);
      restored.dev.restore(dev.save());
      clock.runDue();
      expect([restored.irq.level, restored.dev.save()]).toEqual([true, dev.save()]);
    }
  });
  it('shows the time in BCD and binary, 24 and 12 hours', () => {
    const { get, set } = rig();
    expect([0x32, 9, 8, 7, 6, 4, 2, 0].map(get)).toEqual([0x20, 0x20, 1, 2, 5, 0x23, 4, 5]);
    set(0x0b, 0x04);
    expect([0x32, 9, 4, 2, 0].map(get)).toEqual([20, 20, 0x8b, 4, 5]);
    expect(get(0x37)).toBe(20);
  });
  it('runs with the machine clock across midnight, the year and 29 February', () => {
    const { clock, get } = rig('2019-12-31T23:59:59.5Z');
    clock.step(S / 2);
    expect([0x32, 9, 8, 7, 4, 2, 0].map(get)).toEqual([0x20, 0x20, 1, 1, 0, 0, 0]);
    const leap = rig('2000-02-28T23:59:59Z');
    leap.clock.step(S);
    expect([8, 7, 6].map(leap.get)).toEqual([2, 0x29, 3]);
  });
  it('carries a time that is out of range, as QEMU does', () => {
    const { get, set } = rig();
    set(0x0b, 0x04);
    set(2, 0x77);
    expect([get(2), get(4)]).toEqual([0x3b, 0x0c]);
  });
  it('SET stops the clock; clearing it takes the new time over', () => {
    const { clock, get, set } = rig();
    set(0x0b, 0x82);
    set(0, 0x58);
    clock.step(3 * S);
    expect(get(0)).toBe(0x58);
    set(0x0b, 0x02);
    clock.step(1.1 * S);
    expect(get(0)).toBe(0x59);
  });
  it('letting the divider go updates half a second later', () => {
    const { clock, get, set } = rig();
    set(0x0a, 0xff);
    expect(get(0x0a)).toBe(0x7f);
    set(0, 0x59);
    set(0x0a, 0x26);
    clock.step(S / 2 - 1);
    expect(get(0)).toBe(0x59);
    clock.step(1);
    expect(get(0)).toBe(0);
  });
  it('UIP is high for the 244 µs before an update', () => {
    const { clock, get } = rig();
    clock.step(S - 244_141);
    expect(get(0x0a)).toBe(0x26);
    clock.step(1);
    expect(get(0x0a)).toBe(0xa6);
    clock.step(244_140);
    expect(get(0x0a)).toBe(0x26);
  });
  it('update interrupt: IRQ 8 until register C is read', () => {
    const { clock, irq, get, set } = rig();
    set(0x0b, 0x12);
    clock.step(S);
    expect(irq.level).toBe(true);
    expect(get(0x0c)).toBe(0x90);
    expect(irq.level).toBe(false);
    clock.step(10 * S);
    expect(irq.edges).toBe(2);
    expect(get(0x0c)).toBe(0x90);
  });
  it("alarm interrupt, with and without don't-care fields", () => {
    const { clock, irq, get, set } = rig();
    set(5, 0x23);
    set(3, 0x05);
    set(1, 0x01);
    set(0x0b, 0x22);
    clock.step(56 * S - 1);
    expect(irq.level).toBe(false);
    clock.step(1);
    expect(irq.level).toBe(true);
    expect(get(0x0c)).toBe(0xb0);
    set(5, 0xff);
    set(3, 0xff);
    for (let minute = 0; minute < 3; minute++) {
      clock.step(60 * S);
      expect(get(0x0c)).toBe(0xb0);
    }
  });
  it('periodic interrupt at 1024 Hz', () => {
    const { clock, irq, get, set } = rig();
    set(0x0b, 0x42);
    for (let tick = 0; tick < 1024; tick++) {
      clock.step(Math.ceil(S / 1024));
      expect([tick, get(0x0c) & 0xc0]).toEqual([tick, 0xc0]);
    }
    expect(irq.edges).toBe(1024);
  });
  // As QEMU's rtc-test: what has passed of the old period counts, and the first one begins when it is switched on.
  it('periodic interrupt goes on from its last one when the rate is changed', () => {
    const { clock, irq, get, set } = rig();
    clock.step(0.3 * S);
    set(0x0a, 0x2d);
    set(0x0b, 0x42);
    clock.step(S / 8 - 100_000);
    expect(irq.edges).toBe(0);
    clock.step(200_000);
    expect(get(0x0c) & 0xc0).toBe(0xc0);
    // 8 Hz becomes 2 Hz.
    set(0x0a, 0x2f);
    clock.step(S / 2 - 200_000);
    expect(get(0x0c)).toBe(0);
    clock.step(200_000);
    expect(get(0x0c) & 0xc0).toBe(0xc0);
  });
  it('has the RAM sizes, boot order and disks where SeaBIOS looks for them', () => {
    const { get } = rig();
    expect([0x10, 0x14, 0x15, 0x16, 0x17, 0x18, 0x30, 0x31].map(get)).toEqual([
      0, 6, 0x80, 2, 255, 255, 255, 255,
    ]);
    expect([0x34, 0x35, 0x38, 0x3d, 0x0d, 0x32, 0x37].map(get)).toEqual([0, 7, 0x30, 0x12, 0x80, 0x20, 0x20]);
    const two = pcCmos({ ...facts(), cpus: 2 });
    expect([two[0x12], two[0x39], two[0x5f]]).toEqual([0, 0, 1]);
    const other = pcCmos({ ...facts(), ramBelow4g: 16 * MIB, bootOrder: 'ndc' });
    expect([other[0x17], other[0x18], other[0x34], other[0x38], other[0x3d]]).toEqual([
      0, 0x3c, 0, 0x20, 0x34,
    ]);
    const large = pcCmos({ ...facts(), ramBelow4g: 3072 * MIB, ramAbove4g: 3072 * MIB, floppies: [5, 0] });
    expect([...large.subarray(0x34, 0x36), ...large.subarray(0x5b, 0x5e), large[0x10], large[0x14]]).toEqual([
      0, 0xbf, 0, 0xc0, 0, 0x50, 7,
    ]);
  });
  it('survives a hostile guest', () => {
    const { dev, io, clock } = rig();
    const handler = {
      read: (at: number, size: 1 | 2 | 4) => io.read(0x70 + at, size),
      write: (at: number, size: 1 | 2 | 4, value: number) => {
        io.write(0x70, 1, value & 0x0f);
        io.write(0x70 + at, size, value);
      },
    };
    fuzz(handler, 2, dev, (random) => {
      if (random(8) === 0) clock.step(random(100_000_000));
    });
  });
});
