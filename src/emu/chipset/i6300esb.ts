/**
 * i6300esb: the watchdog timer of Intel's 6300ESB I/O controller hub.
 * Spec: Intel 6300ESB datasheet (300641), watchdog timer. QEMU: what differs is said at its place.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { BOOLEAN, DEADLINE_NS, integer, mask, oneOf, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice, type PciState } from '../pci/pci-device.ts';
import type { WatchdogExpiry } from './watchdog.ts';

const PCI_DEVICE_ID_INTEL_ESB_9 = 0x25ab;
/** Other system peripheral. */
const PCI_CLASS_SYSTEM_OTHER = 0x088000;
const REGISTERS_SIZE = 0x10;

/** Registers in configuration space: 16 and 8 bits. QEMU: in another size they are bytes that keep what is written. */
const CONFIG = 0x60;
const LOCK = 0x68;

const WDT_OUTPUT = 1 << 5;
const WDT_PRE_SEL = 1 << 2;
/** What the end of the first stage does. QEMU: bits 0 and 4 instead of 0 and 1. */
const WDT_INT_TYPE = 0x11;

const WDT_TOUT_CNF = 1 << 2;
const WDT_ENABLE = 1 << 1;
const WDT_LOCK = 1 << 0;

const PRELOAD_1 = 0x00;
const PRELOAD_2 = 0x04;
const RELOAD = 0x0c;
const PRELOAD_MASK = 0xf_ffff;
const UNLOCK_FIRST = 0x80;
const UNLOCK_SECOND = 0x86;
const WDT_RELOAD = 1 << 8;
const WDT_TIMEOUT = 1 << 9;
/** QEMU: another bit that shows and clears the same. */
const WDT_TIMEOUT_TOO = 1 << 12;

/** The clock of PCI, of which the prescaler makes steps of about 1 ms or 1 µs. */
const PCI_CLOCK_HZ = 33_000_000n;
const SLOW_SHIFT = 15n;
const FAST_SHIFT = 5n;
const NS_PER_S = 1_000_000_000n;

export type I6300EsbState = {
  readonly pci: PciState;
  readonly rebootEnabled: boolean;
  /** Steps of 1 µs, else of 1 ms. */
  readonly fast: boolean;
  /** What the end of the first stage does, as the guest wrote it. */
  readonly intType: number;
  readonly freeRun: boolean;
  /** The lock register does not change any more. */
  readonly locked: boolean;
  readonly enabled: boolean;
  /** When the stage ends. */
  readonly deadlineNs: number | null;
  /** How many of the two words that unlock a write have come. */
  readonly unlock: 0 | 1 | 2;
  readonly stage: 1 | 2;
  readonly preload1: number;
  readonly preload2: number;
  /** The guest was not quick enough before, which a reset does not make forgotten. */
  readonly timedOut: boolean;
};

type Volatile = { -readonly [K in keyof Omit<I6300EsbState, 'pci'>]: I6300EsbState[K] };

function powerOn(): Omit<Volatile, 'timedOut'> {
  return {
    ...{ rebootEnabled: true, fast: false, intType: 0 },
    ...{ freeRun: false, locked: false, enabled: false, deadlineNs: null },
    ...{ unlock: 0, stage: 1, preload1: PRELOAD_MASK, preload2: PRELOAD_MASK },
  };
}

export class I6300Esb extends PciDevice<I6300EsbState> {
  static readonly registers = new RegisterTable<I6300Esb>(
    {
      name: 'i6300esb',
      title: 'PCI watchdog (i6300esb)',
      place: 'BAR 0 of `i6300esb`, in memory; two more registers are in configuration space',
      spec: 'Intel 6300ESB datasheet, watchdog timer',
    },
    [
      register(PRELOAD_1, 4, 'Preload Value 1', 'first stage in steps, 20 bits; written after unlocking', {
        write: (device, value) => device.#preload('preload1', value),
      }),
      register(PRELOAD_2, 4, 'Preload Value 2', 'second stage in steps, 20 bits; written after unlocking', {
        write: (device, value) => device.#preload('preload2', value),
      }),
      register(
        RELOAD,
        2,
        'Reload',
        '0x80 and 0x86 unlock the next write; 8 feeds the watchdog, 9 and 12 clear the timeout; read: 9 and 12 there was one',
        {
          read: (device, size) => (size === 2 && device.#s.timedOut ? WDT_TIMEOUT | WDT_TIMEOUT_TOO : 0),
          write: (device, value, size) => device.#reload(value, size),
        },
      ),
    ],
  );

  readonly vmstate = {
    name: 'i6300esb_wdt',
    version: 1,
    fields: record<I6300EsbState>({
      pci: this.pciFields,
      ...{ rebootEnabled: BOOLEAN, fast: BOOLEAN, intType: mask(WDT_INT_TYPE) },
      ...{ freeRun: BOOLEAN, locked: BOOLEAN, enabled: BOOLEAN, deadlineNs: DEADLINE_NS },
      ...{ unlock: oneOf(0, 1, 2), stage: oneOf(1, 2) },
      ...{ preload1: integer(0, PRELOAD_MASK), preload2: integer(0, PRELOAD_MASK), timedOut: BOOLEAN },
    }),
  };
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #timer: Timer;
  readonly #expired: WatchdogExpiry;
  readonly #s: Volatile = { ...powerOn(), timedOut: false };

  constructor(clock: Clock, trace: Trace, expired: WatchdogExpiry, id = '', multifunction = false) {
    super(
      {
        ...{ type: 'i6300esb', vendorId: PCI_VENDOR_ID_INTEL, deviceId: PCI_DEVICE_ID_INTEL_ESB_9 },
        ...{ classCode: PCI_CLASS_SYSTEM_OTHER, multifunction },
      },
      id,
    );
    this.#clock = clock;
    this.#trace = trace;
    this.#expired = expired;
    this.#timer = clock.timer(() => this.#stageEnded());
    const handler: IoHandler = {
      read: (offset, size) => I6300Esb.registers.read(this, trace, offset, size) ?? 0,
      write: (offset, size, value) => this.#write(offset, size, value),
    };
    this.addBar({ index: 0, kind: 'mem32', sizeBytes: REGISTERS_SIZE, handler });
  }

  override configRead(offset: number, size: AccessSize): number {
    const { rebootEnabled, fast, intType, freeRun, locked, enabled } = this.#s;
    if (offset === CONFIG && size === 2) {
      return (rebootEnabled ? 0 : WDT_OUTPUT) | (fast ? WDT_PRE_SEL : 0) | intType;
    }
    if (offset === LOCK && size === 1) {
      return (freeRun ? WDT_TOUT_CNF : 0) | (enabled ? WDT_ENABLE : 0) | (locked ? WDT_LOCK : 0);
    }
    return super.configRead(offset, size);
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    if (offset === CONFIG && size === 2) this.#configure(value);
    else if (offset === LOCK && size === 1) this.#lock(value);
    else super.configWrite(offset, size, value);
  }

  reset(): void {
    this.resetPci();
    this.#powerOn();
  }

  /** It has left: its timer does not fire. */
  abandon(): void {
    this.#timer.cancel();
  }

  save(): I6300EsbState {
    return { pci: this.savePci(), ...this.#s };
  }

  restore({ pci, ...state }: I6300EsbState): void {
    Object.assign(this.#s, state);
    this.#arm(state.deadlineNs);
    this.restorePci(pci);
  }

  #powerOn(): void {
    Object.assign(this.#s, powerOn());
    this.#timer.cancel();
  }

  #configure(value: number): void {
    this.#s.rebootEnabled = (value & WDT_OUTPUT) === 0;
    this.#s.fast = (value & WDT_PRE_SEL) !== 0;
    this.#s.intType = value & WDT_INT_TYPE;
  }

  #lock(value: number): void {
    const { locked, enabled } = this.#s;
    if (locked) return;
    this.#s.locked = (value & WDT_LOCK) !== 0;
    this.#s.freeRun = (value & WDT_TOUT_CNF) !== 0;
    this.#s.enabled = (value & WDT_ENABLE) !== 0;
    if (!this.#s.enabled) this.#arm(null);
    else if (!enabled) this.#begin(1);
  }

  /** The two words are taken at the reload register, of any size; whatever is written after them locks again, but for a byte. */
  #write(offset: number, size: AccessSize, value: number): void {
    const { unlock } = this.#s;
    if (offset === RELOAD && value === UNLOCK_FIRST) this.#s.unlock = 1;
    else if (offset === RELOAD && value === UNLOCK_SECOND && unlock === 1) this.#s.unlock = 2;
    else if (unlock === 2 && size > 1) {
      if (offset === RELOAD || size === 4) I6300Esb.registers.write(this, this.#trace, offset, size, value);
      this.#s.unlock = 0;
    }
  }

  #preload(stage: 'preload1' | 'preload2', value: number): void {
    this.#s[stage] = value & PRELOAD_MASK;
  }

  #reload(value: number, size: AccessSize): void {
    if (size !== 2) return;
    if ((value & WDT_RELOAD) !== 0) this.#begin(1);
    if ((value & (WDT_TIMEOUT | WDT_TIMEOUT_TOO)) !== 0) this.#s.timedOut = false;
  }

  #begin(stage: 1 | 2): void {
    const { enabled, fast, preload1, preload2 } = this.#s;
    if (!enabled) return;
    this.#s.stage = stage;
    const steps = BigInt(stage === 1 ? preload1 : preload2);
    const ticks = steps << (fast ? FAST_SHIFT : SLOW_SHIFT);
    this.#arm(this.#clock.nowNs() + Number((ticks * NS_PER_S) / PCI_CLOCK_HZ));
  }

  #stageEnded(): void {
    this.#s.deadlineNs = null;
    const { stage, rebootEnabled } = this.#s;
    if (stage === 1) {
      // QEMU: there is neither the interrupt nor the SMI with which it can end.
      this.#trace.unimplemented('interrupt of i6300esb at the end of its first stage');
      this.#begin(2);
      return;
    }
    if (rebootEnabled) {
      this.#s.timedOut = true;
      this.#expired();
      this.#powerOn();
    }
    if (this.#s.freeRun) this.#begin(1);
  }

  #arm(deadlineNs: number | null): void {
    this.#s.deadlineNs = deadlineNs;
    if (deadlineNs === null) this.#timer.cancel();
    else this.#timer.arm(deadlineNs);
  }
}
