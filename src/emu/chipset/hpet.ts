/**
 * High precision event timer. Spec: Intel IA-PC HPET specification 1.0a. QEMU: hw/timer/hpet.c of 7.2:
 * 3 timers at 100 MHz, no FSB delivery, any interrupt route is accepted, a comparator in the past fires at the
 * next tick, writing the main counter while it runs has no effect, and only 32-bit accesses are answered.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { type Register, type RegisterAccess, RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import {
  BOOLEAN,
  bigUnsigned,
  DEADLINE_NS,
  INT32,
  list,
  mask,
  record,
  TIME_NS,
} from '../core/state-fields.ts';
import { invalidSize, type Trace } from '../core/trace.ts';

export const HPET_BASE = 0xfed00000;
export const HPET_SIZE = 0x400;
const TIMERS = 3;
/** Nanoseconds per tick. */
const PERIOD_NS = 10;

const GCAP_ID = 0x000;
const GEN_CONF = 0x010;
const GINTR_STA = 0x020;
const MAIN_CNT = 0x0f0;
const TIMER_BASE = 0x100;
const TIMER_STRIDE = 0x20;
const TN_CONF = 0x00;
const TN_COMP = 0x08;
const TN_FSB = 0x10;

/** Spec §2.3.4: vendor 8086, legacy replacement, 64-bit counter, revision 1. */
const CAPABILITIES = 0x8086a001 | ((TIMERS - 1) << 8);
const PERIOD_FS = PERIOD_NS * 1_000_000;

const ENABLE_CNF = 0x01;
const LEG_RT_CNF = 0x02;

const INT_TYPE_LEVEL = 0x0002;
const INT_ENB = 0x0004;
const TYPE_PERIODIC = 0x0008;
const PER_INT_CAP = 0x0010;
const SIZE_CAP = 0x0020;
const VAL_SET = 0x0040;
const MODE_32 = 0x0100;
const ROUTE_SHIFT = 9;
const ROUTE_MASK = 0x1f;
const FSB_EN = 0x4000;
const TN_CONF_WRITABLE = 0x7f4e;
/** QEMU: property hpet-intcap, interrupt 2 only on `pc`. */
const ROUTE_CAP = 0x00000004;

const U32 = 0xffffffffn;
const U64 = 0xffff_ffff_ffff_ffffn;

/** Legacy replacement: timer 0 takes the PIT's interrupt, timer 1 the RTC's. Spec §2.4.4.1. */
const LEGACY_ROUTES = [0, 8];

/** One comparator; `wrapped` marks a 32-bit one-shot timer that fires at the counter's wrap first. */
export type HpetTimerState = {
  config: number;
  comparator: bigint;
  period: bigint;
  fsb: bigint;
  wrapped: boolean;
  deadlineNs: number | null;
};

/** At clock time `startNs` the counter stood at `counter`; it moves while enabled. */
export type HpetState = {
  config: number;
  status: number;
  counter: bigint;
  startNs: number;
  pitLevel: boolean;
  rtcLevel: boolean;
  /** Levels of the 32 lines that it drives. */
  lines: number;
  timers: HpetTimerState[];
};

const TIMER_STATE = record<HpetTimerState>({
  config: mask(TN_CONF_WRITABLE | PER_INT_CAP | SIZE_CAP),
  comparator: bigUnsigned(64),
  period: bigUnsigned(64),
  fsb: bigUnsigned(64),
  wrapped: BOOLEAN,
  deadlineNs: DEADLINE_NS,
});

const HPET_STATE = record<HpetState>({
  config: mask(ENABLE_CNF | LEG_RT_CNF),
  status: mask((1 << TIMERS) - 1),
  counter: bigUnsigned(64),
  startNs: TIME_NS,
  pitLevel: BOOLEAN,
  rtcLevel: BOOLEAN,
  lines: INT32,
  timers: list(TIMER_STATE, TIMERS),
});

function timerAtReset(): HpetTimerState {
  const config = PER_INT_CAP | SIZE_CAP;
  return { config, comparator: U64, period: 0n, fsb: 0n, wrapped: false, deadlineNs: null };
}

/** Signed distance from `from` to `to` in a 32- or 64-bit circle. */
function distance(from: bigint, to: bigint, is32: boolean): bigint {
  return is32 ? BigInt.asIntN(32, to - from) : BigInt.asIntN(64, to - from);
}

function withHalf(value: bigint, high: boolean, half: number): bigint {
  return high ? (value & U32) | (BigInt(half) << 32n) : (value & ~U32 & U64) | BigInt(half);
}

function half(value: bigint, high: boolean): number {
  return Number(high ? value >> 32n : value & U32);
}

function halfName(name: string, high: boolean): string {
  return `${name}_${high ? 'HI' : 'LO'}`;
}

export class Hpet implements Device<HpetState>, IoHandler {
  /** Registers of 64 bits are told by their halves: only 32-bit accesses are answered. */
  static readonly registers = new RegisterTable<Hpet>(
    {
      name: 'hpet',
      title: 'High precision event timer',
      place: 'memory from 0xfed00000',
      spec: 'Intel IA-PC HPET 1.0a',
    },
    [
      register(GCAP_ID, 4, 'GCAP_ID', 'vendor, how many timers, 64-bit counter', {
        read: () => CAPABILITIES >>> 0,
      }),
      register(GCAP_ID + 4, 4, 'COUNTER_CLK_PERIOD', 'femtoseconds of a tick', { read: () => PERIOD_FS }),
      register(GEN_CONF, 4, 'GEN_CONF', '0 counts, 1 timers 0 and 1 take the interrupts of PIT and RTC', {
        read: (hpet) => hpet.#s.config,
        write: (hpet, value) => hpet.#writeConfig(value & (ENABLE_CNF | LEG_RT_CNF)),
      }),
      register(GINTR_STA, 4, 'GINTR_STA', 'which level-triggered timers interrupt; writing 1 clears', {
        read: (hpet) => hpet.#s.status,
        write: (hpet, value) => hpet.#clearStatus(value),
      }),
      ...[false, true].map((high) =>
        register<Hpet>(MAIN_CNT + (high ? 4 : 0), 4, halfName('MAIN_CNT', high), 'the counter', {
          read: (hpet) => half(hpet.#ticks(), high),
          write: (hpet, value) => hpet.#writeCounter(high, value),
        }),
      ),
      ...Array.from({ length: TIMERS }, (_, n) => Hpet.#timerRegisters(n)).flat(),
    ],
  );

  readonly vmstate = { name: 'hpet', version: 3, fields: HPET_STATE };
  /** OUT 0 of the PIT arrives here and goes on to IRQ 0 unless legacy replacement is on. */
  readonly pitIrq: IrqLine;
  /** The RTC's interrupt arrives here and goes on to IRQ 8 unless legacy replacement is on. */
  readonly rtcIrq: IrqLine;

  // Fixed wiring.
  readonly #lines: readonly IrqLine[];
  readonly #enablePit: (on: boolean) => void;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #alarms: readonly Timer[];

  // Volatile state.
  #s: HpetState;

  /**
   * @param line global system interrupt 0 to 31
   * @param enablePit told false while legacy replacement takes IRQ 0 from the PIT
   */
  constructor(line: (gsi: number) => IrqLine, enablePit: (on: boolean) => void, clock: Clock, trace: Trace) {
    this.#lines = Array.from({ length: ROUTE_MASK + 1 }, (_, gsi) => this.#remembered(gsi, line(gsi)));
    this.#enablePit = enablePit;
    this.#clock = clock;
    this.#trace = trace;
    this.#alarms = Array.from({ length: TIMERS }, (_, n) => clock.timer(() => this.#expired(n)));
    this.#s = this.#powerOn({ pitLevel: false, rtcLevel: false, lines: 0 });
    this.pitIrq = { set: (level) => this.#legacyInput('pitLevel', 0, level) };
    this.rtcIrq = { set: (level) => this.#legacyInput('rtcLevel', 8, level) };
  }

  attachMemory(memory: AddressSpace): void {
    memory.map(HPET_BASE, HPET_SIZE, this, { name: 'hpet' });
  }

  reset(): void {
    if (this.#legacy()) this.#setLegacy(false);
    for (const n of this.#alarms.keys()) {
      this.#signal(n, false);
      this.#schedule(n, null);
    }
    this.#s = this.#powerOn(this.#s);
    this.#enablePit(true);
  }

  save(): HpetState {
    return structuredClone(this.#s);
  }

  restore(state: HpetState): void {
    this.#s = structuredClone(state);
    for (const [n, timer] of this.#s.timers.entries()) this.#schedule(n, timer.deadlineNs);
    const { lines } = state;
    for (const [gsi, line] of this.#lines.entries()) line.set((lines & (1 << gsi)) !== 0);
  }

  read(offset: number, size: AccessSize): number {
    if (size !== 4 || offset & 3) {
      this.#trace.guestError(invalidSize('read', 'hpet'), offset, size);
      return 0;
    }
    return Hpet.registers.read(this, this.#trace, offset, size) ?? 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || offset & 3) {
      this.#trace.guestError(invalidSize('write', 'hpet'), offset, size);
      return;
    }
    const timer = Math.floor((offset - TIMER_BASE) / TIMER_STRIDE);
    if (timer >= TIMERS) this.#trace.guestError('hpet: timer %d does not exist', timer);
    else Hpet.registers.write(this, this.#trace, offset, size, value);
  }

  static #timerRegisters(n: number): readonly Register<Hpet>[] {
    const base = TIMER_BASE + n * TIMER_STRIDE;
    const at = (offset: number, name: string, help: string, access: RegisterAccess<Hpet>) =>
      register(base + offset, 4, `T${n}_${name}`, help, access);
    return [
      at(
        TN_CONF,
        'CONF',
        '1 level, 2 interrupts, 3 periodic, 6 sets the comparator, 8 32-bit, 9 to 13 route',
        {
          read: (hpet) => hpet.#timer(n).config,
          write: (hpet, value) => hpet.#writeTimerConfig(n, value),
        },
      ),
      at(TN_CONF + 4, 'INT_ROUTE_CAP', 'where it may be routed to', { read: () => ROUTE_CAP }),
      ...[false, true].flatMap((high) => [
        at(TN_COMP + (high ? 4 : 0), halfName('COMP', high), 'when it interrupts; periodic: how often', {
          read: (hpet) => half(hpet.#timer(n).comparator, high),
          write: (hpet, value) => hpet.#writeComparator(n, high, value),
        }),
        at(TN_FSB + (high ? 4 : 0), halfName('FSB', high), 'kept, without effect', {
          read: (hpet) => half(hpet.#timer(n).fsb, high),
          write(hpet, value) {
            hpet.#timer(n).fsb = withHalf(hpet.#timer(n).fsb, high, value);
          },
        }),
      ]),
    ];
  }

  #powerOn({ pitLevel, rtcLevel, lines }: Pick<HpetState, 'pitLevel' | 'rtcLevel' | 'lines'>): HpetState {
    const timers = Array.from({ length: TIMERS }, timerAtReset);
    return { config: 0, status: 0, counter: 0n, startNs: 0, pitLevel, rtcLevel, lines, timers };
  }

  #remembered(gsi: number, line: IrqLine): IrqLine {
    const mask = 1 << gsi;
    return {
      set: (level) => {
        const s = this.#s;
        s.lines = level ? s.lines | mask : s.lines & ~mask;
        line.set(level);
      },
    };
  }

  #timer(n: number): HpetTimerState {
    return this.#s.timers[n] as HpetTimerState;
  }

  #enabled(): boolean {
    return (this.#s.config & ENABLE_CNF) !== 0;
  }

  #legacy(): boolean {
    return (this.#s.config & LEG_RT_CNF) !== 0;
  }

  #elapsedTicks(): number {
    return this.#enabled() ? Math.floor((this.#clock.nowNs() - this.#s.startNs) / PERIOD_NS) : 0;
  }

  #ticks(): bigint {
    return (this.#s.counter + BigInt(this.#elapsedTicks())) & U64;
  }

  #clearStatus(value: number): void {
    for (let n = 0; n < TIMERS; n++) if (value & this.#s.status & (1 << n)) this.#signal(n, false);
  }

  #writeCounter(high: boolean, value: number): void {
    const s = this.#s;
    if (this.#enabled()) this.#trace.guestError('hpet: writing the main counter while it runs');
    else s.counter = withHalf(s.counter, high, value);
  }

  #writeConfig(config: number): void {
    const s = this.#s;
    const changed = s.config ^ config;
    if (changed & ENABLE_CNF) {
      s.counter = this.#ticks();
      s.startNs = this.#clock.nowNs();
    }
    s.config = config;
    if (changed & ENABLE_CNF) {
      for (let n = 0; n < TIMERS; n++) {
        if (!(config & ENABLE_CNF)) this.#stop(n);
        else if (this.#timer(n).comparator !== U64) this.#start(n);
      }
    }
    if (changed & LEG_RT_CNF) this.#setLegacy((config & LEG_RT_CNF) !== 0);
  }

  #setLegacy(on: boolean): void {
    const { pitLevel, rtcLevel } = this.#s;
    if (on) {
      this.#enablePit(false);
      this.#lines[0]?.set(false);
      this.#lines[8]?.set(false);
    } else {
      this.#lines[0]?.set(pitLevel);
      this.#enablePit(true);
      this.#lines[8]?.set(rtcLevel);
    }
  }

  #legacyInput(field: 'pitLevel' | 'rtcLevel', gsi: number, level: boolean): void {
    this.#s[field] = level;
    if (!this.#legacy()) this.#lines[gsi]?.set(level);
  }

  #writeTimerConfig(n: number, value: number): void {
    const timer = this.#timer(n);
    const old = timer.config;
    if (value & ~old & FSB_EN) this.#signal(n, false);
    timer.config = (value & TN_CONF_WRITABLE) | (old & ~TN_CONF_WRITABLE);
    if (value & MODE_32) {
      timer.comparator &= U32;
      timer.period &= U32;
    }
    if (value & ~old & INT_ENB && this.#enabled()) this.#start(n);
    else if (old & ~value & INT_ENB) this.#stop(n);
  }

  /** Spec §2.3.9.2.2: in periodic mode a write sets the period, and the comparator only after VAL_SET. */
  #writeComparator(n: number, high: boolean, value: number): void {
    const timer = this.#timer(n);
    const is32 = (timer.config & MODE_32) !== 0;
    const periodic = (timer.config & TYPE_PERIODIC) !== 0;
    const setsComparator = !periodic || (timer.config & VAL_SET) !== 0;
    if (setsComparator) timer.comparator = withHalf(timer.comparator, high, value);
    // QEMU: a period is kept below half the counter's range.
    if (periodic && !high) timer.period = withHalf(timer.period, false, is32 ? value & 0x7fffffff : value);
    else if (!setsComparator) timer.period = withHalf(timer.period, true, value & 0x7fffffff);
    timer.config &= ~VAL_SET;
    if (this.#enabled()) this.#start(n);
  }

  /** Ticks until timer `n` matches; at least 1. */
  #ticksToMatch(n: number): bigint {
    const timer = this.#timer(n);
    const ahead = distance(this.#ticks(), timer.comparator, (timer.config & MODE_32) !== 0);
    return ahead > 0n ? ahead : 1n;
  }

  #start(n: number): void {
    const timer = this.#timer(n);
    let ticks = this.#ticksToMatch(n);
    timer.wrapped = false;
    // Spec §2.3.9.2.1: a 32-bit one-shot timer interrupts at the counter's wrap too.
    if (timer.config & MODE_32 && !(timer.config & TYPE_PERIODIC)) {
      const toWrap = 0x1_0000_0000n - (this.#ticks() & U32);
      if (toWrap < ticks) {
        ticks = toWrap;
        timer.wrapped = true;
      }
    }
    this.#scheduleIn(n, ticks);
  }

  #stop(n: number): void {
    this.#schedule(n, null);
    this.#signal(n, false);
  }

  /** Deadlines lie on the counter's own ticks, so that a periodic timer does not drift. */
  #scheduleIn(n: number, ticks: bigint): void {
    const nowTick = this.#s.startNs + this.#elapsedTicks() * PERIOD_NS;
    const deadlineNs = nowTick + Number(ticks) * PERIOD_NS;
    this.#schedule(n, Number.isSafeInteger(Math.floor(deadlineNs)) ? deadlineNs : null);
  }

  #schedule(n: number, deadlineNs: number | null): void {
    this.#timer(n).deadlineNs = deadlineNs;
    if (deadlineNs === null) this.#alarms[n]?.cancel();
    else this.#alarms[n]?.arm(deadlineNs);
  }

  #expired(n: number): void {
    const timer = this.#timer(n);
    const is32 = (timer.config & MODE_32) !== 0;
    timer.deadlineNs = null;
    if (timer.config & TYPE_PERIODIC && timer.period !== 0n) {
      const behind = -distance(this.#ticks(), timer.comparator, is32);
      const periods = behind >= 0n ? behind / timer.period + 1n : 0n;
      timer.comparator = (timer.comparator + periods * timer.period) & (is32 ? U32 : U64);
      this.#scheduleIn(n, this.#ticksToMatch(n));
    } else if (timer.wrapped) {
      timer.wrapped = false;
      this.#scheduleIn(n, this.#ticksToMatch(n));
    }
    this.#signal(n, true);
  }

  #line(n: number): IrqLine {
    const route = (this.#timer(n).config >>> ROUTE_SHIFT) & ROUTE_MASK;
    const legacy = this.#legacy() ? LEGACY_ROUTES[n] : undefined;
    return this.#lines[legacy ?? route] as IrqLine;
  }

  #signal(n: number, active: boolean): void {
    const { config } = this.#timer(n);
    const s = this.#s;
    const line = this.#line(n);
    if (!active || !(config & INT_ENB) || !this.#enabled()) {
      s.status &= ~(1 << n);
      if (!(config & FSB_EN)) line.set(false);
    } else if (config & FSB_EN) {
      // Not modelled: FSB delivery; QEMU's property msi is off, so that FSB_INT_DEL_CAP reads 0.
      this.#trace.unimplemented('hpet: FSB interrupt delivery');
    } else if (config & INT_TYPE_LEVEL) {
      s.status |= 1 << n;
      line.set(true);
    } else {
      s.status &= ~(1 << n);
      line.set(true);
      line.set(false);
    }
  }
}
