/** Only this level counts what a chip does to catch up with a clock that is far ahead of the state that it was given. */
import { describe, expect, it, vi } from 'vitest';
import { Hpet } from '../../src/emu/chipset/hpet.ts';
import { I8254 } from '../../src/emu/chipset/i8254.ts';
import { Mc146818 } from '../../src/emu/chipset/mc146818.ts';
import { secondsToAlarm } from '../../src/emu/chipset/rtc-time.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import type { Device } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { LocalApic } from '../../src/emu/cpu/apic/local-apic.ts';
import { ProbeLine, seededRandom } from '../support/chip-rig.ts';

/** 52 days. */
const NOW_NS = 4.5e15;
const TURNS_MAX = 4;

function clockAt(nowNs: number): EventQueue {
  return new EventQueue(() => nowNs);
}

function apic(clock: EventQueue): LocalApic {
  const processor = { S: new Int32Array(600), requestExit() {}, init() {}, startup() {}, nmi() {} };
  const host = { acknowledgePic: () => 0, broadcastEoi() {} };
  return new LocalApic(processor, host, { deliver() {}, broadcast() {} }, clock, QUIET, { apicId: 0 });
}

/** What of a chip's state is changed: the shortest period, begun when the clock was at 0. */
const CHIPS: readonly (readonly [string, (clock: EventQueue) => Device, (state: never) => object])[] = [
  [
    'i8254',
    (clock) => new I8254(new ProbeLine(), clock, QUIET),
    ({ counters, ...state }: ReturnType<I8254['save']>) => ({
      ...state,
      counters: counters.map((counter) => ({ ...counter, count: 2, mode: 2, loadNs: 0 })),
      changeNs: 0,
    }),
  ],
  [
    'local APIC',
    apic,
    (state: ReturnType<LocalApic['save']>) => ({
      ...state,
      lvt: [0x20040, ...state.lvt.slice(1)],
      initialCount: 1,
      divide: 0xb,
      loadTimeNs: 0,
      nextNs: 0,
    }),
  ],
  [
    'hpet',
    (clock) =>
      new Hpet(
        () => new ProbeLine(),
        () => {},
        clock,
        QUIET,
      ),
    ({ timers, ...state }: ReturnType<Hpet['save']>) => ({
      ...state,
      config: 1,
      timers: timers.map((timer) => ({ ...timer, config: 0x3c, comparator: 1n, period: 1n, deadlineNs: 0 })),
    }),
  ],
  [
    'mc146818rtc',
    (clock) => new Mc146818(new ProbeLine(), clock, 0, new Uint8Array(128), QUIET),
    (state: ReturnType<Mc146818['save']>) => ({
      ...state,
      regA: 0x23,
      regB: 0x72,
      lastNs: 0,
      alarmNs: 0,
      updateNs: 0,
      periodicNs: 0,
    }),
  ],
];

describe('a state whose deadlines passed long ago', () => {
  it.each(CHIPS)('%s is caught up with in a few turns of the clock', (_, make, change) => {
    const clock = clockAt(NOW_NS);
    const chip = make(clock);
    const state = change(chip.save() as never);
    expect(chip.vmstate.fields.misfit(state)).toBeUndefined();
    chip.restore(state as never);
    expect(clock.nextDeadlineNs()).toBe(0);
    let turns = 0;
    for (; clock.nextDeadlineNs() <= NOW_NS && turns <= TURNS_MAX; turns++) clock.runDue();
    expect(turns).toBeLessThanOrEqual(TURNS_MAX);
    expect(clock.nextDeadlineNs()).toBeGreaterThan(NOW_NS);
  });

  it.each(CHIPS)('%s of a state from the future has a deadline that a clock can tell', (_, make, change) => {
    const clock = clockAt(0);
    const chip = make(clock);
    const late = Object.entries(change(chip.save() as never)).map(([name, value]) => [
      name,
      /^(?:load|start|last).*Ns$/.test(name) ? NOW_NS : value,
    ]);
    chip.restore(Object.fromEntries(late));
    for (let turn = 0; turn < TURNS_MAX; turn++) clock.runDue();
    expect(clock.nextDeadlineNs()).toBeLessThan(2 * NOW_NS);
    expect(chip.vmstate.fields.misfit(chip.save())).toBeUndefined();
  });
});

describe('the next alarm of the real-time clock', () => {
  const BINARY_24H = 0x06;

  /** Second by second. */
  function slowly(alarm: readonly number[], seconds: number): number | undefined {
    for (let at = seconds + 1; at <= seconds + 86_400; at++) {
      const ofDay = ((at % 86_400) + 86_400) % 86_400;
      const is = [ofDay % 60, Math.trunc(ofDay / 60) % 60, Math.trunc(ofDay / 3600)];
      if (alarm.every((wanted, field) => wanted >= 0xc0 || wanted === is[field])) return at - seconds;
    }
    return undefined;
  }

  function cmosOf(alarm: readonly number[]): Uint8Array {
    const cmos = new Uint8Array(128);
    for (const [field, wanted] of alarm.entries()) cmos[2 * field + 1] = wanted;
    return cmos;
  }

  it('is the one that is found second by second, before 1970 too', () => {
    const random = seededRandom(0xa1a4);
    for (let round = 0; round < 60; round++) {
      const alarm = [60, 60, 24].map((values) => (random(3) === 0 ? 0xc0 : random(values)));
      const seconds = random(2 ** 32) - 2 ** 31;
      expect(secondsToAlarm(cmosOf(alarm), BINARY_24H, seconds), String(alarm)).toBe(slowly(alarm, seconds));
    }
  });

  it.each([
    ['a second that does not exist', [77, 0xff, 0xff]],
    ['an hour that does not exist', [0xff, 0xff, 25]],
    ['one second of the day', [59, 59, 23]],
  ])('takes no longer for %s', (_, alarm) => {
    const floor = vi.spyOn(Math, 'floor');
    secondsToAlarm(cmosOf(alarm), BINARY_24H, 5);
    expect(floor.mock.calls.length).toBeLessThan(30);
    floor.mockRestore();
  });
});
