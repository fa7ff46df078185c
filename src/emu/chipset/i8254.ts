/**
 * Programmable interval timer. Spec: Intel 8254 datasheet (231164-005).
 * QEMU: hw/timer/i8254.c of 7.2: counting is computed from the clock, BCD is stored but counts in binary,
 * modes 6 and 7 count as mode 2, a reset leaves counters 0 and 1 running in mode 3 from 65536.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import { actingNs, type Clock, type Timer } from '../core/clock.ts';
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BOOLEAN, BYTE, DEADLINE_NS, integer, list, record, TIME_NS, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';

/** Counts per second. */
export const PIT_FREQUENCY = 1_193_182;
const NS_PER_S = 1_000_000_000;

const READ_BACK = 3;
const READ_BACK_NO_COUNT = 0x20;
const READ_BACK_NO_STATUS = 0x10;

/** RW field of the control word (1: low byte only), also the state of a byte sequence; WORD1 is its second byte. */
const RW_LATCH = 0;
const RW_MSB = 2;
const RW_WORD0 = 3;
const RW_WORD1 = 4;

const MODE_ONE_SHOT = 1;
const MODE_SQUARE = 3;

/** One counter; `count` is 1 to 65536, `loadNs` the time when counting started. */
export type PitCounterState = ReturnType<typeof powerOn>;

function powerOn(gate: boolean, loadNs: number) {
  return {
    count: 0x10000,
    latched: 0,
    latchState: 0,
    statusLatched: false,
    status: 0,
    readState: 0,
    writeState: 0,
    writeLatch: 0,
    rwMode: 0,
    mode: MODE_SQUARE,
    bcd: false,
    gate,
    loadNs,
  };
}

/** Whole counts in `ns`, none in less than nothing. The products stay below 2^53. */
function nsToCounts(since: number): number {
  const ns = Math.max(0, since);
  const seconds = Math.floor(ns / NS_PER_S);
  return seconds * PIT_FREQUENCY + Math.floor(((ns - seconds * NS_PER_S) * PIT_FREQUENCY) / NS_PER_S);
}

/** First nanosecond at which `counts` have passed. */
function countsToNs(counts: number): number {
  const seconds = Math.floor(counts / PIT_FREQUENCY);
  const rest = counts - seconds * PIT_FREQUENCY;
  return seconds * NS_PER_S + Math.ceil((rest * NS_PER_S) / PIT_FREQUENCY);
}

/** Level of OUT after `elapsed` counts. */
function outAfter(mode: number, count: number, elapsed: number): boolean {
  switch (mode) {
    case 0:
      return elapsed >= count;
    case MODE_ONE_SHOT:
      return elapsed < count;
    case MODE_SQUARE:
      return elapsed % count < (count + 1) >>> 1;
    case 4:
    case 5:
      return elapsed === count;
    default:
      return elapsed % count === 0 && elapsed !== 0;
  }
}

/** Counts, from loading, at which OUT changes next; undefined when it stays. */
function nextChange(mode: number, count: number, elapsed: number): number | undefined {
  const phase = elapsed % count;
  const base = elapsed - phase;
  switch (mode) {
    case 0:
    case MODE_ONE_SHOT:
      return elapsed < count ? count : undefined;
    case MODE_SQUARE: {
      const half = (count + 1) >>> 1;
      return base + (phase < half ? half : count);
    }
    case 4:
    case 5:
      if (elapsed < count) return count;
      return elapsed === count ? count + 1 : undefined;
    default:
      return phase === 0 && elapsed !== 0 ? base + 1 : base + count;
  }
}

/** Counters 0 to 2; `changeNs` is when OUT 0 changes next, `irqDisabled` whether the HPET cut it off. */
export type I8254State = {
  readonly counters: readonly PitCounterState[];
  readonly changeNs: number | null;
  readonly irqLevel: boolean;
  readonly irqDisabled: boolean;
};

const COUNTER_STATE = record<PitCounterState>({
  count: integer(1, 0x10000),
  latched: WORD,
  latchState: integer(RW_LATCH, RW_WORD1),
  statusLatched: BOOLEAN,
  status: BYTE,
  readState: integer(RW_LATCH, RW_WORD1),
  writeState: integer(RW_LATCH, RW_WORD1),
  writeLatch: BYTE,
  rwMode: integer(RW_LATCH, RW_WORD0),
  mode: integer(0, 7),
  bcd: BOOLEAN,
  gate: BOOLEAN,
  loadNs: TIME_NS,
});

const I8254_STATE = record<I8254State>({
  counters: list(COUNTER_STATE, 3),
  changeNs: DEADLINE_NS,
  irqLevel: BOOLEAN,
  irqDisabled: BOOLEAN,
});

function counterRegister(index: number): Register<I8254> {
  return register(index, 1, `Counter ${index}`, 'count, or what the control word latched', {
    read: (pit) => pit.readCounter(index),
    write: (pit, value) => pit.writeCounter(index, value),
  });
}

export class I8254 implements Device<I8254State> {
  static readonly registers = new RegisterTable<I8254>(
    {
      name: 'pit',
      title: 'Interval timer',
      place: 'ports from 0x40',
      spec: 'Intel 8254 (231164-005)',
    },
    [
      counterRegister(0),
      counterRegister(1),
      counterRegister(2),
      register(3, 1, 'Control Word', 'mode of a counter, or what of it is latched', {
        write: (pit, value) => pit.#writeControl(value),
      }),
    ],
  );

  readonly vmstate = { name: 'i8254', version: 3, fields: I8254_STATE };
  readonly #irq: IrqLine;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #timer: Timer;
  #counters: PitCounterState[];
  #changeNs: number | null = null;
  #irqLevel = false;
  #irqDisabled = false;

  /** @param irq OUT of counter 0 */
  constructor(irq: IrqLine, clock: Clock, trace: Trace) {
    this.#irq = irq;
    this.#trace = trace;
    this.#clock = clock;
    this.#timer = clock.timer(() => {
      const now = clock.nowNs();
      this.#updateIrq(actingNs(this.#changeNs ?? now, now));
    });
    this.#counters = this.#powerOn();
    this.#updateIrq(clock.nowNs());
  }

  attach(io: AddressSpace): void {
    io.map(0x40, 4, byteWide(this), { name: 'pit' });
  }

  /** OUT of a counter, now. Port 0x61 shows counter 2. */
  out(index: number): boolean {
    const { mode, count, loadNs } = this.#counter(index);
    return outAfter(mode, count, nsToCounts(this.#clock.nowNs() - loadNs));
  }

  gate(index: number): boolean {
    return this.#counter(index).gate;
  }

  /** A rising GATE starts modes 1, 2, 3 and 5 again. QEMU: a low GATE does not stop the counting. */
  setGate(index: number, level: boolean): void {
    const counter = this.#counter(index);
    const rising = level && !counter.gate;
    counter.gate = level;
    if (!rising || counter.mode === 0 || counter.mode === 4) return;
    counter.loadNs = this.#clock.nowNs();
    if (index === 0) this.#updateIrq(counter.loadNs);
  }

  /** The HPET's legacy replacement mode takes IRQ 0 away. */
  enableIrq(on: boolean): void {
    if (on !== this.#irqDisabled) return;
    this.#irqDisabled = !on;
    if (on) this.#updateIrq(this.#clock.nowNs());
    else this.#schedule(null);
  }

  reset(): void {
    this.#counters = this.#powerOn();
    this.#irqDisabled = false;
    this.#updateIrq(this.#clock.nowNs());
  }

  save(): I8254State {
    return structuredClone({
      counters: this.#counters,
      changeNs: this.#changeNs,
      irqLevel: this.#irqLevel,
      irqDisabled: this.#irqDisabled,
    });
  }

  restore(state: I8254State): void {
    this.#counters = state.counters.map((counter) => ({ ...counter }));
    this.#irqDisabled = state.irqDisabled;
    this.#irqLevel = state.irqLevel;
    this.#schedule(state.changeNs);
    this.#irq.set(this.#irqLevel);
  }

  /** Spec: 8254 table 1: the control word cannot be read. QEMU: it reads 0. */
  readByte(port: number): number {
    return I8254.registers.read(this, this.#trace, port, 1) ?? 0;
  }

  writeByte(port: number, value: number): void {
    I8254.registers.write(this, this.#trace, port, 1, value);
  }

  readCounter(index: number): number {
    const counter = this.#counter(index);
    if (counter.statusLatched) {
      counter.statusLatched = false;
      return counter.status;
    }
    if (counter.latchState !== 0) return this.#readLatch(counter);
    const value = this.#value(counter);
    switch (counter.readState) {
      case RW_MSB:
        return value >>> 8;
      case RW_WORD0:
        counter.readState = RW_WORD1;
        return value & 0xff;
      case RW_WORD1:
        counter.readState = RW_WORD0;
        return value >>> 8;
      default:
        return value & 0xff;
    }
  }

  writeCounter(index: number, value: number): void {
    const counter = this.#counter(index);
    switch (counter.writeState) {
      case RW_MSB:
        this.#load(index, value << 8);
        break;
      case RW_WORD0:
        counter.writeLatch = value;
        counter.writeState = RW_WORD1;
        break;
      case RW_WORD1:
        counter.writeState = RW_WORD0;
        this.#load(index, counter.writeLatch | (value << 8));
        break;
      default:
        this.#load(index, value);
    }
  }

  #powerOn(): PitCounterState[] {
    const now = this.#clock.nowNs();
    return [powerOn(true, now), powerOn(true, now), powerOn(false, now)];
  }

  #counter(index: number): PitCounterState {
    return this.#counters[index] as PitCounterState;
  }

  #readLatch(counter: PitCounterState): number {
    const state = counter.latchState;
    counter.latchState = state === RW_WORD0 ? RW_MSB : 0;
    return state === RW_MSB ? counter.latched >>> 8 : counter.latched & 0xff;
  }

  #writeControl(value: number): void {
    const index = value >>> 6;
    if (index === READ_BACK) {
      for (const [at, counter] of this.#counters.entries()) {
        if (!(value & (2 << at))) continue;
        if (!(value & READ_BACK_NO_COUNT)) this.#latch(counter);
        if (!(value & READ_BACK_NO_STATUS)) this.#latchStatus(at, counter);
      }
      return;
    }
    const counter = this.#counter(index);
    const rwMode = (value >>> 4) & 3;
    if (rwMode === RW_LATCH) {
      this.#latch(counter);
      return;
    }
    counter.rwMode = rwMode;
    counter.readState = rwMode;
    counter.writeState = rwMode;
    counter.mode = (value >>> 1) & 7;
    counter.bcd = (value & 1) !== 0;
  }

  #latch(counter: PitCounterState): void {
    if (counter.latchState !== 0) return;
    counter.latched = this.#value(counter);
    counter.latchState = counter.rwMode;
  }

  #latchStatus(index: number, counter: PitCounterState): void {
    if (counter.statusLatched) return;
    const { rwMode, mode, bcd } = counter;
    counter.status = (this.out(index) ? 0x80 : 0) | (rwMode << 4) | (mode << 1) | (bcd ? 1 : 0);
    counter.statusLatched = true;
  }

  #load(index: number, value: number): void {
    const counter = this.#counter(index);
    counter.count = value === 0 ? 0x10000 : value;
    counter.loadNs = this.#clock.nowNs();
    if (index === 0) this.#updateIrq(counter.loadNs);
  }

  /** The counting element, 16 bits. */
  #value({ mode, count, loadNs }: PitCounterState): number {
    const elapsed = nsToCounts(this.#clock.nowNs() - loadNs);
    switch (mode) {
      case 0:
      case MODE_ONE_SHOT:
      case 4:
      case 5:
        return (((count - elapsed) % 0x10000) + 0x10000) % 0x10000;
      case MODE_SQUARE:
        return (count - ((2 * elapsed) % count)) & 0xffff;
      default:
        return (count - (elapsed % count)) & 0xffff;
    }
  }

  #updateIrq(atNs: number): void {
    if (this.#irqDisabled) return;
    const { mode, count, loadNs } = this.#counter(0);
    const elapsed = nsToCounts(atNs - loadNs);
    const next = nextChange(mode, count, elapsed);
    this.#schedule(next === undefined ? null : loadNs + countsToNs(next));
    this.#irqLevel = outAfter(mode, count, elapsed);
    this.#irq.set(this.#irqLevel);
  }

  #schedule(changeNs: number | null): void {
    this.#changeNs = changeNs;
    if (changeNs === null) this.#timer.cancel();
    else this.#timer.arm(changeNs);
  }
}
