/**
 * Real-time clock and 128 bytes of CMOS RAM. Spec: Motorola MC146818A datasheet.
 * QEMU: hw/rtc/mc146818rtc.c of 7.2: PF is set only while PIE is, and bit 7 of the index port masks no NMI.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import { type Condition, RegisterTable, register } from '../bus/register-table.ts';
import { actingNs, type Clock, type Timer } from '../core/clock.ts';
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BYTE, bytes, DEADLINE_NS, integer, mask, record, TIME_NS } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import {
  RTC_CENTURY,
  RTC_DAY_OF_WEEK,
  RTC_HOURS_ALARM,
  RTC_IBM_PS2_CENTURY,
  RTC_MINUTES_ALARM,
  RTC_SECONDS_ALARM,
  RTC_YEAR,
  readTime,
  secondsToAlarm,
  writeTime,
} from './rtc-time.ts';

export const CMOS_SIZE = 128;

const REG_A = 0x0a;
const REG_B = 0x0b;
const REG_C = 0x0c;
const REG_D = 0x0d;

const REG_A_UIP = 0x80;
const REG_A_DIVIDER = 0x70;
const REG_A_DIVIDER_RESET = 0x60;
/** The slowest divider that runs: 010, a 32768 Hz crystal. */
const REG_A_DIVIDER_32KHZ = 0x20;
const REG_A_RATE = 0x0f;

const REG_B_SET = 0x80;
const REG_B_PIE = 0x40;
const REG_B_AIE = 0x20;
const REG_B_UIE = 0x10;
const REG_B_SQWE = 0x08;

const REG_C_IRQF = 0x80;
const REG_C_PF = 0x40;
const REG_C_AF = 0x20;
const REG_C_UF = 0x10;
const REG_C_FLAGS = REG_C_PF | REG_C_AF | REG_C_UF;

const REG_D_VRT = 0x80;

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000;
const CRYSTAL_HZ = 32_768;
/** UIP is high for 8 crystal cycles before an update. */
const UIP_HOLD_NS = Math.floor((8 * NS_PER_S) / CRYSTAL_HZ);
/** Spec: MC146818A: the first update comes half a second after the divider is let go. */
const DIVIDER_RELEASE_NS = NS_PER_S / 2;

/** At clock time `lastNs` the time of day was `baseSeconds` since 1970 and `offsetNs`. Deadlines are null when nothing is due. */
export type Mc146818State = {
  readonly index: number;
  readonly cmos: Uint8Array;
  readonly regA: number;
  readonly regB: number;
  readonly regC: number;
  readonly baseSeconds: number;
  readonly lastNs: number;
  readonly offsetNs: number;
  readonly alarmNs: number | null;
  readonly updateNs: number | null;
  readonly periodicNs: number | null;
};

/** Far beyond any year that the registers hold, and near enough to be exact. */
const BASE_SECONDS_MAX = 2e13;

const MC146818_STATE = record<Mc146818State>({
  index: integer(0, CMOS_SIZE - 1),
  cmos: bytes(CMOS_SIZE),
  regA: mask(0xff & ~REG_A_UIP),
  regB: BYTE,
  regC: mask(REG_C_IRQF | REG_C_FLAGS),
  baseSeconds: integer(-BASE_SECONDS_MAX, BASE_SECONDS_MAX),
  lastNs: TIME_NS,
  offsetNs: integer(0, NS_PER_S - 1),
  alarmNs: DEADLINE_NS,
  updateNs: DEADLINE_NS,
  periodicNs: DEADLINE_NS,
});

/** Where the index leads, beside the four registers with letters. Spec: MC146818A, address map. */
const CLOCK_REGISTERS = [
  'Seconds',
  'Seconds Alarm',
  'Minutes',
  'Minutes Alarm',
  'Hours',
  'Hours Alarm',
  'Day of Week',
  'Date of Month',
  'Month',
  'Year',
] as const;

function selected(index: number): Condition<Mc146818> {
  return { text: `the index is 0x${index.toString(16)}`, holds: (rtc) => rtc.index === index };
}

/** Whole cycles of the crystal up to a time. */
function cyclesAt(ns: number): number {
  const seconds = Math.floor(ns / NS_PER_S);
  return seconds * CRYSTAL_HZ + Math.floor(((ns - seconds * NS_PER_S) * CRYSTAL_HZ) / NS_PER_S);
}

/** QEMU: the nanosecond after that in which so many cycles are over. */
function afterCycles(cycles: number): number {
  const seconds = Math.floor(cycles / CRYSTAL_HZ);
  return seconds * NS_PER_S + Math.floor(((cycles - seconds * CRYSTAL_HZ) * NS_PER_S) / CRYSTAL_HZ) + 1;
}

export class Mc146818 implements Device<Mc146818State> {
  static readonly registers = new RegisterTable<Mc146818>(
    {
      name: 'rtc',
      title: 'Real-time clock',
      place: 'ports 0x70 and 0x71',
      spec: 'Motorola MC146818A',
    },
    [
      register(0, 1, 'Index', 'of the byte that the port behind it shows', {
        write: (rtc, value) => {
          rtc.#s.index = value & 0x7f;
        },
      }),
      register(1, 1, 'Register A', 'rate, divider; bit 7: update in progress', {
        when: selected(REG_A),
        read: (rtc) => rtc.#s.regA | (rtc.#updateInProgress() ? REG_A_UIP : 0),
        write: (rtc, value) => rtc.#writeRegA(value),
      }),
      register(1, 1, 'Register B', 'format; which of its interrupts are on; bit 7 stops the clock', {
        when: selected(REG_B),
        read: (rtc) => rtc.#s.regB,
        write: (rtc, value) => rtc.#writeRegB(value),
      }),
      register(1, 1, 'Register C', 'why it interrupts; reading withdraws that, writing does nothing', {
        when: selected(REG_C),
        read: (rtc) => rtc.#readRegC(),
        write: () => {},
      }),
      register(1, 1, 'Register D', 'bit 7: the battery is good; writing does nothing', {
        when: selected(REG_D),
        read: () => REG_D_VRT,
        write: () => {},
      }),
      ...CLOCK_REGISTERS.map((name, index) =>
        register<Mc146818>(1, 1, name, 'as register B says, BCD or binary', {
          when: selected(index),
          read: (rtc) => rtc.#readCmos(index),
          write: (rtc, value) => rtc.#writeCmos(index, value),
        }),
      ),
      register(1, 1, 'CMOS RAM', 'what firmware keeps there', {
        read: (rtc) => rtc.#readCmos(rtc.#ramIndex),
        write: (rtc, value) => rtc.#writeCmos(rtc.#ramIndex, value),
      }),
    ],
  );

  readonly vmstate = { name: 'mc146818rtc', version: 4, fields: MC146818_STATE };

  // Fixed wiring.
  readonly #irq: IrqLine;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #update: Timer;
  readonly #periodic: Timer;

  // Volatile state.
  #s: { -readonly [K in keyof Mc146818State]: Mc146818State[K] };

  /**
   * @param wallClockMs milliseconds since 1970-01-01 at which the clock starts; it then follows the machine's clock
   * @param cmos initial contents, as `pcCmos` gives them
   */
  constructor(irq: IrqLine, clock: Clock, wallClockMs: number, cmos: Uint8Array, trace: Trace) {
    this.#irq = irq;
    this.#clock = clock;
    this.#trace = trace;
    this.#update = clock.timer(() => this.#updateEnded());
    this.#periodic = clock.timer(() => this.#periodEnded());
    const baseSeconds = Math.floor(wallClockMs / 1000);
    this.#s = {
      index: 0,
      cmos: cmos.slice(0, CMOS_SIZE),
      regA: 0x26,
      regB: 0x02,
      regC: 0,
      baseSeconds,
      lastNs: clock.nowNs(),
      offsetNs: Math.floor((wallClockMs - baseSeconds * 1000) * NS_PER_MS),
      alarmNs: null,
      updateNs: null,
      periodicNs: null,
    };
    this.#refresh();
    this.#schedule();
  }

  attach(io: AddressSpace): void {
    io.map(0x70, 2, byteWide(this), { name: 'rtc' });
  }

  /** Sets a byte of CMOS RAM, as QEMU does when a disk or the memory size changes. */
  setCmos(index: number, value: number): void {
    this.#s.cmos[index] = value;
  }

  /** Seconds since 1970-01-01, as the guest sees it. */
  guestSeconds(): number {
    return this.#s.baseSeconds + Math.floor(this.#elapsedNs() / NS_PER_S);
  }

  /** The world went on by `ms` while the machine did not: the time of day follows, whatever the guest had set. */
  catchUp(ms: number): void {
    const s = this.#s;
    const offsetNs = s.offsetNs + Math.round(ms * NS_PER_MS);
    s.baseSeconds += Math.floor(offsetNs / NS_PER_S);
    s.offsetNs = offsetNs - Math.floor(offsetNs / NS_PER_S) * NS_PER_S;
    this.#refresh();
    this.#schedule();
  }

  /** Spec: MC146818A §RESET: interrupt enables and flags are cleared; time and RAM live on. */
  reset(): void {
    this.#s.regB &= ~(REG_B_PIE | REG_B_AIE | REG_B_SQWE);
    this.#s.regC = 0;
    this.#irq.set(false);
    this.#schedulePeriodic(0);
    this.#schedule();
  }

  save(): Mc146818State {
    return structuredClone(this.#s);
  }

  restore(state: Mc146818State): void {
    this.#s = structuredClone(state);
    this.#irq.set((this.#s.regC & REG_C_IRQF) !== 0);
    this.#arm();
  }

  /** QEMU: the index cannot be read back. */
  readByte(port: number): number {
    return Mc146818.registers.read(this, this.#trace, port & 1, 1) ?? 0xff;
  }

  writeByte(port: number, value: number): void {
    Mc146818.registers.write(this, this.#trace, port & 1, 1, value);
  }

  get index(): number {
    return this.#s.index;
  }

  get #ramIndex(): number {
    return this.#s.index === RTC_IBM_PS2_CENTURY ? RTC_CENTURY : this.#s.index;
  }

  #readCmos(index: number): number {
    this.#refresh();
    return this.#s.cmos[index] ?? 0xff;
  }

  #writeCmos(index: number, value: number): void {
    this.#refresh();
    this.#s.cmos[index] = value;
    const alarm = index === RTC_SECONDS_ALARM || index === RTC_MINUTES_ALARM || index === RTC_HOURS_ALARM;
    const time = (index <= RTC_YEAR && !alarm && index !== RTC_DAY_OF_WEEK) || index === RTC_CENTURY;
    if (time && this.#running()) this.#setTime(this.#s.offsetNs);
    if (time || alarm) this.#schedule();
  }

  #writeRegA(value: number): void {
    const s = this.#s;
    const period = this.#period();
    const wasReset = (s.regA & REG_A_DIVIDER_RESET) === REG_A_DIVIDER_RESET;
    this.#refresh();
    s.regA = value & ~REG_A_UIP;
    if (wasReset && this.#running()) this.#setTime(DIVIDER_RELEASE_NS);
    if (period !== this.#period()) this.#schedulePeriodic(period);
    this.#schedule();
  }

  #writeRegB(value: number): void {
    const s = this.#s;
    const period = this.#period();
    const wasSet = (s.regB & REG_B_SET) !== 0;
    this.#refresh();
    const fractionNs = this.#elapsedNs() % NS_PER_S;
    // Spec: MC146818A, SET: aborts updates and clears UIE.
    s.regB = value & REG_B_SET ? value & ~REG_B_UIE : value;
    if (wasSet && this.#running()) this.#setTime(fractionNs);
    // A deadline that is due just now must not be lost by arming it again.
    if (period !== this.#period()) this.#schedulePeriodic(period);
    if (s.regB & s.regC & REG_C_FLAGS) s.regC |= REG_C_IRQF;
    else s.regC &= ~REG_C_IRQF;
    this.#irq.set((s.regC & REG_C_IRQF) !== 0);
    this.#schedule();
  }

  #readRegC(): number {
    const value = this.#s.regC;
    this.#s.regC = 0;
    this.#irq.set(false);
    if (value & (REG_C_UF | REG_C_AF)) this.#schedule();
    return value;
  }

  #running(): boolean {
    return (this.#s.regB & REG_B_SET) === 0 && (this.#s.regA & REG_A_DIVIDER) <= REG_A_DIVIDER_32KHZ;
  }

  #elapsedNs(): number {
    return Math.max(0, this.#clock.nowNs() - this.#s.lastNs) + this.#s.offsetNs;
  }

  #updateInProgress(): boolean {
    return this.#running() && this.#elapsedNs() % NS_PER_S >= NS_PER_S - UIP_HOLD_NS;
  }

  /** Brings the time registers up to date. */
  #refresh(): void {
    if (this.#running()) writeTime(this.#s.cmos, this.#s.regB, this.guestSeconds());
  }

  /** Takes the time from the registers; the second is `fractionNs` old. */
  #setTime(fractionNs: number): void {
    this.#s.baseSeconds = readTime(this.#s.cmos, this.#s.regB);
    this.#s.lastNs = this.#clock.nowNs();
    this.#s.offsetNs = fractionNs;
  }

  #schedule(): void {
    const s = this.#s;
    s.alarmNs = null;
    s.updateNs = null;
    if (this.#running() && !(s.regC & REG_C_UF && s.regC & REG_C_AF)) {
      const secondNs = this.#clock.nowNs() + NS_PER_S - (this.#elapsedNs() % NS_PER_S);
      const alarmIn = secondsToAlarm(s.cmos, s.regB, this.guestSeconds());
      if (alarmIn !== undefined) s.alarmNs = secondNs + (alarmIn - 1) * NS_PER_S;
      // Once UF is set nothing is to be seen of an update but the alarm.
      s.updateNs = s.regC & REG_C_UF ? s.alarmNs : secondNs;
    }
    this.#arm();
  }

  #arm(): void {
    const { updateNs, periodicNs } = this.#s;
    for (const [timer, deadlineNs] of [
      [this.#update, updateNs] as const,
      [this.#periodic, periodicNs] as const,
    ]) {
      if (deadlineNs === null) timer.cancel();
      else timer.arm(deadlineNs);
    }
  }

  // Not modelled: waking the machine from S3.
  #updateEnded(): void {
    const { alarmNs } = this.#s;
    const alarm = alarmNs !== null && this.#clock.nowNs() >= alarmNs;
    this.#raise(alarm ? REG_C_UF | REG_C_AF : REG_C_UF);
    this.#schedule();
  }

  /** Crystal cycles per periodic interrupt, or 0. Spec: MC146818A table 5. */
  #period(): number {
    const rate = this.#s.regA & REG_A_RATE;
    if (rate === 0 || !(this.#s.regB & REG_B_PIE)) return 0;
    return 1 << (rate <= 2 ? rate + 6 : rate - 1);
  }

  /**
   * The period changed, from `oldPeriod` cycles, or 0.
   * QEMU: what has passed of the old one counts for the new one; it begins when it is switched on, not with the divider's.
   */
  #schedulePeriodic(oldPeriod: number): void {
    const s = this.#s;
    const period = this.#period();
    const now = cyclesAt(this.#clock.nowNs());
    const last = oldPeriod === 0 || s.periodicNs === null ? now : cyclesAt(s.periodicNs) - oldPeriod;
    s.periodicNs =
      period === 0 ? null : afterCycles(now + period - Math.min(Math.max(now - last, 0), period));
    this.#arm();
  }

  #periodEnded(): void {
    const s = this.#s;
    const period = this.#period();
    const now = this.#clock.nowNs();
    const from = cyclesAt(actingNs(s.periodicNs ?? now, now));
    s.periodicNs = period === 0 ? null : afterCycles(from + period);
    this.#arm();
    this.#raise(REG_C_PF);
  }

  #raise(flags: number): void {
    const s = this.#s;
    const fresh = flags & ~s.regC;
    s.regC |= flags;
    if (!(fresh & s.regB)) return;
    s.regC |= REG_C_IRQF;
    this.#irq.set(true);
  }
}
