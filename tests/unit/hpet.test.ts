import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { HPET_BASE, Hpet } from '../../src/emu/chipset/hpet.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { fuzz, ManualClock, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

const CONF = 0x10;
const STATUS = 0x20;
const COUNTER = 0xf0;
const timer = (n: number, register: number) => 0x100 + 0x20 * n + register;

function rig(clock = new ManualClock()) {
  const lines = Array.from({ length: 32 }, () => new ProbeLine());
  const pit: boolean[] = [];
  const dev = new Hpet(
    (gsi) => lines[gsi] ?? new ProbeLine(),
    (on) => pit.push(on),
    clock,
    QUIET,
  );
  const memory = new AddressSpace('memory');
  dev.attachMemory(memory);
  const get = (offset: number) => memory.read(HPET_BASE + offset, 4);
  const set = (offset: number, value: number) => memory.write(HPET_BASE + offset, 4, value);
  const line = (gsi: number) => lines[gsi] as ProbeLine;
  return { dev, clock, memory, pit, line, get, set };
}

/** A restored device goes on under the same clock. */
const sharedClock = new ManualClock();

deviceContract(
  'hpet',
  () => {
    const { dev, clock } = rig(sharedClock);
    return Object.assign(dev, { clock });
  },
  (dev) => {
    dev.clock.step(1000);
    dev.write(COUNTER, 4, 77);
    dev.write(timer(2, 0), 4, 0x1406);
    dev.write(timer(2, 8), 4, 100);
    dev.write(timer(2, 12), 4, 0);
    dev.write(CONF, 4, 3);
    dev.clock.step(1000);
    dev.pitIrq.set(true);
    dev.rtcIrq.set(true);
  },
  (dev) => [COUNTER, STATUS, CONF, timer(2, 0), timer(2, 8)].map((offset) => dev.read(offset, 4)),
  ['pitLevel', 'rtcLevel'],
);

describe('hpet', () => {
  it('restored in legacy replacement does not leave the line high that the PIT drove before', () => {
    const saved = rig();
    saved.set(CONF, 3);
    const restored = rig();
    restored.dev.pitIrq.set(true);
    restored.dev.restore(saved.dev.save());
    expect(restored.line(0).level).toBe(false);
    restored.dev.restore({ ...saved.dev.save(), lines: (1 << 31) | 1 });
    expect([0, 1, 31].map((gsi) => restored.line(gsi).level)).toEqual([true, false, true]);
  });
  it('reads as QEMU 7.2', () => {
    const { get, memory, set } = rig();
    expect([0, 4, CONF, 0x14, STATUS, COUNTER].map(get)).toEqual([0x8086a201, 0x00989680, 0, 0, 0, 0]);
    expect([0, 4, 8, 12, 0x10].map((r) => get(timer(0, r)))).toEqual([0x30, 4, 0xffffffff, 0xffffffff, 0]);
    expect([get(0x160), memory.read(HPET_BASE, 1), memory.read(HPET_BASE + 2, 4)]).toEqual([0, 0, 0]);
    set(CONF, 0xffffffff);
    expect(get(CONF)).toBe(3);
    set(timer(0, 0), 0xffffffff);
    expect(get(timer(0, 0))).toBe(0x7f7e);
    set(timer(0, 0x10), 0x11223344);
    set(timer(0, 0x14), 0x55667788);
    expect([get(timer(0, 0x10)), get(timer(0, 0x14))]).toEqual([0x11223344, 0x55667788]);
  });
  it('the counter runs at 100 MHz while enabled and keeps its value while not', () => {
    const { clock, get, set } = rig();
    set(COUNTER, 0xfffffff0);
    set(COUNTER + 4, 1);
    set(CONF, 1);
    clock.step(200);
    expect([get(COUNTER), get(COUNTER + 4)]).toEqual([4, 2]);
    set(CONF, 0);
    clock.step(1_000_000);
    expect([get(COUNTER), get(COUNTER + 4)]).toEqual([4, 2]);
  });
  it('a one-shot timer pulses its route, a level one holds it until the status is written', () => {
    const { clock, line, get, set } = rig();
    set(timer(2, 0), 0x0404);
    set(timer(2, 8), 100);
    set(timer(2, 12), 0);
    set(timer(1, 0), 0x0606);
    set(timer(1, 8), 200);
    set(timer(1, 12), 0);
    set(CONF, 1);
    clock.step(999);
    expect(line(2).edges).toBe(0);
    clock.step(1);
    expect([line(2).edges, line(2).level]).toEqual([1, false]);
    clock.step(1000);
    expect([line(3).level, get(STATUS)]).toEqual([true, 2]);
    set(STATUS, 2);
    expect([line(3).level, get(STATUS)]).toEqual([false, 0]);
    clock.step(1_000_000_000);
    expect([line(2).edges, line(3).edges]).toEqual([1, 1]);
  });
  it('a periodic timer set up as Linux does it ticks without drift', () => {
    const { clock, line, get, set } = rig();
    set(CONF, 1);
    clock.step(5);
    set(timer(0, 0), 0x014c);
    set(timer(0, 8), get(COUNTER) + 400_000);
    set(timer(0, 8), 400_000);
    set(CONF, 3);
    const edges = line(0).edges;
    clock.step(10_000_000_000);
    expect(line(0).edges - edges).toBe(2500);
  });
  it('legacy replacement cuts the PIT and RTC off and gives them back', () => {
    const { dev, pit, line, set } = rig();
    dev.pitIrq.set(true);
    dev.rtcIrq.set(true);
    expect([line(0).level, line(8).level]).toEqual([true, true]);
    set(CONF, 3);
    expect([line(0).level, line(8).level, pit]).toEqual([false, false, [false]]);
    dev.rtcIrq.set(false);
    dev.rtcIrq.set(true);
    expect(line(8).level).toBe(false);
    set(CONF, 0);
    expect([line(8).level, pit.at(-1)]).toEqual([true, true]);
  });
  it('a comparator that was missed fires at the next tick', () => {
    const { clock, line, set } = rig();
    set(CONF, 1);
    clock.step(10_000);
    set(timer(2, 0), 0x0404);
    set(timer(2, 8), 5);
    set(timer(2, 12), 0);
    clock.step(10);
    expect(line(2).edges).toBe(1);
  });
  it('32-bit mode as QEMU: the upper half is dropped, and a write to it is taken', () => {
    const { get, set } = rig();
    set(timer(2, 0), 0x104);
    expect([get(timer(2, 8)), get(timer(2, 12))]).toEqual([0xffffffff, 0]);
    set(timer(2, 12), 0xffffffff);
    expect(get(timer(2, 12))).toBe(0xffffffff);
  });
  it('survives a hostile guest', () => {
    const { dev, clock } = rig();
    fuzz(dev, 0x400 - 3, dev, (random) => {
      dev.write(timer(random(3), random(2) * 8), 4, random(2) ? random(2 ** 32) : random(0x200));
      if (random(4) === 0) dev.write(CONF, 4, random(4));
      if (random(4) === 0) clock.step(random(10_000));
    });
  });
});
