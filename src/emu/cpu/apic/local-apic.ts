/**
 * The local APIC in xAPIC mode. Spec: Intel SDM vol. 3 §11.
 * Not modelled: x2APIC and the TSC deadline timer, which qemu64 does not announce.
 */
import { RegisterTable, register } from '../../bus/register-table.ts';
import { actingNs, type Clock, type Timer } from '../../core/clock.ts';
import type { AccessSize, Device, IoHandler } from '../../core/device.ts';
import {
  type ApicMessage,
  DELIVERY_EXTINT,
  DELIVERY_FIXED,
  DELIVERY_INIT,
  DELIVERY_LOWEST,
  DELIVERY_NMI,
  DELIVERY_SMI,
  DELIVERY_STARTUP,
  type IrqLine,
} from '../../core/irq.ts';
import type { Trace } from '../../core/trace.ts';
import type { CpuApic, CpuHost } from '../cpu.ts';
import { APIC_BASE_HI, APIC_BASE_LO, ATTENTION } from '../state.ts';
import { IRR, ISR, LVT, LVT_NAMES, REGISTER_STEP, startOf, TMR, vectorRows } from './local-apic-rows.ts';
import {
  DFR_FLAT,
  DIVIDE_BITS,
  LOCAL_APIC_STATE,
  type LocalApicState,
  LVT_ERROR,
  LVT_LINT0,
  LVT_LINT1,
  LVT_MASKED,
  LVT_TIMER,
  NOT_ARMED,
  powerOn,
  SVR_BITS,
} from './local-apic-state.ts';
import { currentCount, expiryNs } from './local-apic-timer.ts';
import { clearBit, highestBit, setBit, testBit } from './vector-set.ts';

/** QEMU: version 0x14 with 6 LVT entries. */
const VERSION = 0x00050014;
const LVT_LEVEL = 1 << 15;
const SVR_ENABLE = 1 << 8;
const ESR_ILLEGAL_VECTOR = 1 << 6;
const ESR_ILLEGAL_REGISTER = 1 << 7;
const ICR_LOGICAL = 1 << 11;
const ICR_BUSY = 1 << 12;
const ICR_ASSERT = 1 << 14;
const ICR_LEVEL = 1 << 15;
const BASE_ENABLE = 1 << 11;
const BASE_BSP = 1 << 8;
/** Vectors below are exceptions: nobody may send them. */
const FIRST_VECTOR = 16;

/** What the APIC does to its processor. `Vcpu` and the engine have these. */
export interface ApicProcessor {
  readonly S: Int32Array;
  requestExit(): void;
  init(): void;
  startup(vector: number): void;
  nmi(): void;
}

/** Where interprocessor interrupts go. */
export interface ApicPeers {
  deliver(message: ApicMessage): void;
  /** To every local APIC, or to all but `except`. */
  broadcast(message: ApicMessage, except: LocalApic | undefined): void;
}

export interface LocalApicConfig {
  readonly apicId: number;
  /** IA32_APIC_BASE changed, or may have: by WRMSR, reset or restore. */
  readonly onBase?: () => void;
}

export class LocalApic implements IoHandler, CpuApic, Device<LocalApicState> {
  static readonly registers = new RegisterTable<LocalApic>(
    {
      name: 'apic-msi',
      title: 'Local APIC',
      place: 'memory from 0xfee00000, of each processor its own',
      spec: 'Intel SDM vol. 3 §11; a register has 16 bytes, of which the first four count',
    },
    [
      register(0x20, 4, 'ID', 'its id in bits 24 to 31', {
        read: (apic) => (apic.#s.id << 24) >>> 0,
        write: (apic, value) => {
          apic.#s.id = value >>> 24;
        },
      }),
      register(0x30, 4, 'VERSION', '0 to 7 version, 16 to 23 the last LVT entry', { read: () => VERSION }),
      register(0x80, 4, 'TPR', 'what is less urgent waits', {
        read: (apic) => apic.#s.tpr,
        write(apic, value) {
          apic.#s.tpr = value & 0xff;
          apic.#update();
        },
      }),
      register(0x90, 4, 'APR', '0', { read: () => 0 }),
      register(0xa0, 4, 'PPR', 'the higher of TPR and what is in service', { read: (apic) => apic.#ppr() }),
      register(0xb0, 4, 'EOI', 'ends what is in service', { read: () => 0, write: (apic) => apic.#eoi() }),
      register(0xd0, 4, 'LDR', 'its logical id in bits 24 to 31', {
        read: (apic) => (apic.#s.ldr << 24) >>> 0,
        write: (apic, value) => {
          apic.#s.ldr = value >>> 24;
        },
      }),
      register(0xe0, 4, 'DFR', '28 to 31 how logical ids are read: 15 flat, 0 in clusters', {
        read: (apic) => ((apic.#s.dfr << 28) | 0x0fff_ffff) >>> 0,
        write: (apic, value) => {
          apic.#s.dfr = value >>> 28;
        },
      }),
      register(0xf0, 4, 'SVR', '0 to 7 spurious vector, 8 on', {
        read: (apic) => apic.#s.svr,
        write(apic, value) {
          apic.#s.svr = value & SVR_BITS;
          apic.#update();
        },
      }),
      ...vectorRows<LocalApic>(ISR, 'ISR', 'in service', (apic) => apic.#s.isr),
      ...vectorRows<LocalApic>(TMR, 'TMR', 'level triggered', (apic) => apic.#s.tmr),
      ...vectorRows<LocalApic>(IRR, 'IRR', 'requested', (apic) => apic.#s.irr),
      register(0x280, 4, 'ESR', 'errors until the last write: 6 vector, 7 register', {
        read: (apic) => apic.#s.esr,
        write(apic) {
          apic.#s.esr = apic.#s.errors;
          apic.#s.errors = 0;
        },
      }),
      register(0x300, 4, 'ICR_LO', 'sends an interrupt to processors: vector, kind, whom', {
        read: (apic) => apic.#s.icrLo >>> 0,
        write(apic, value) {
          apic.#s.icrLo = value & ~ICR_BUSY;
          apic.#send();
        },
      }),
      register(0x310, 4, 'ICR_HI', 'to whom, in bits 24 to 31', {
        read: (apic) => apic.#s.icrHi >>> 0,
        write: (apic, value) => {
          apic.#s.icrHi = value | 0;
        },
      }),
      ...LVT_NAMES.map((name, n) =>
        register<LocalApic>(LVT + n * REGISTER_STEP, 4, `LVT_${name}`, 'vector, kind, 16 masked', {
          read: (apic) => apic.#s.lvt[n] >>> 0,
          write: (apic, value) => apic.#writeLvt(n, value),
        }),
      ),
      register(0x380, 4, 'INITIAL_COUNT', 'starts the timer', {
        read: (apic) => apic.#s.initialCount,
        write: (apic, value) => apic.#setInitialCount(value),
      }),
      register(0x390, 4, 'CURRENT_COUNT', 'what is left of it', {
        read: (apic) => currentCount(apic.#s, apic.#clock.nowNs()),
      }),
      register(0x3e0, 4, 'DIVIDE', 'how many ticks of the bus are one of the timer', {
        read: (apic) => apic.#s.divide,
        write(apic, value) {
          apic.#s.divide = value & DIVIDE_BITS;
          apic.#armTimer(apic.#clock.nowNs());
        },
      }),
    ],
  );

  readonly vmstate = { name: 'apic', version: 3, fields: LOCAL_APIC_STATE, stage: 'processor' } as const;
  /** The wire from the 8259 pair. */
  readonly lint0: IrqLine = { set: (level) => this.#setLint0(level) };
  readonly #processor: ApicProcessor;
  readonly #host: Pick<CpuHost, 'acknowledgePic' | 'broadcastEoi'>;
  readonly #peers: ApicPeers;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #config: LocalApicConfig;
  readonly #timer: Timer;
  #s: LocalApicState;
  /** Something that interrupts now: cached for `pending`. */
  #pending = false;

  constructor(
    processor: ApicProcessor,
    host: Pick<CpuHost, 'acknowledgePic' | 'broadcastEoi'>,
    peers: ApicPeers,
    clock: Clock,
    trace: Trace,
    config: LocalApicConfig,
  ) {
    this.#processor = processor;
    this.#host = host;
    this.#peers = peers;
    this.#clock = clock;
    this.#trace = trace;
    this.#config = config;
    this.#timer = clock.timer(() => this.#timerExpired());
    this.#s = powerOn(config.apicId);
  }

  get id(): number {
    return this.#s.id;
  }

  /** True: `acknowledge` has a vector for the processor. */
  pending(): boolean {
    return this.#pending;
  }

  /** Accepts the most urgent interrupt: its vector, or -1 when there is none. */
  acknowledge(): number {
    const s = this.#s;
    const vector = this.#deliverable();
    if (vector >= 0) {
      clearBit(s.irr, vector);
      setBit(s.isr, vector);
      this.#update();
      return vector;
    }
    if (!this.#extIntActive()) return -1;
    const external = this.#host.acknowledgePic();
    this.#update();
    return external;
  }

  /** True when a message to `dest` means this APIC. Spec: SDM vol. 3 §11.6.2. */
  accepts(dest: number, logical: boolean): boolean {
    const s = this.#s;
    if (!logical) return dest === 0xff || dest === s.id;
    if (s.dfr === DFR_FLAT) return (dest & s.ldr) !== 0;
    return dest >> 4 === s.ldr >> 4 && (dest & s.ldr & 0xf) !== 0;
  }

  /** Takes a message that is meant for this APIC. */
  receive(message: ApicMessage): void {
    switch (message.delivery) {
      case DELIVERY_FIXED:
      case DELIVERY_LOWEST:
        this.#request(message.vector, message.level);
        break;
      case DELIVERY_NMI:
        this.#processor.nmi();
        break;
      case DELIVERY_INIT:
        this.#initReset();
        this.#processor.init();
        break;
      case DELIVERY_STARTUP:
        this.#processor.startup(message.vector);
        break;
      case DELIVERY_SMI:
        this.#trace.unimplemented('apic: SMI');
        break;
      case DELIVERY_EXTINT:
        this.#trace.unimplemented('apic: ExtINT message');
        break;
      default:
        this.#trace.guestError('apic: reserved delivery mode %d', message.delivery);
    }
  }

  /** All registers, for `info lapic`. */
  inspect(): LocalApicState & { readonly currentCount: number; readonly ppr: number } {
    return { ...this.save(), currentCount: currentCount(this.#s, this.#clock.nowNs()), ppr: this.#ppr() };
  }

  /** The wire that is the processor's NMI pin without an APIC: what comes of it, if anything, is LVT LINT1's to say. */
  pulseLint1(): void {
    this.#localInterrupt(LVT_LINT1, false);
    this.#update();
  }

  read(offset: number, size: AccessSize): number {
    // QEMU: reads of less than 4 bytes give 0.
    if (size !== 4) return 0;
    const value = LocalApic.registers.read(this, this.#trace, startOf(offset), size);
    if (value === undefined) this.#error(ESR_ILLEGAL_REGISTER);
    return value ?? 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    // QEMU: writes of less than 4 bytes are ignored.
    if (size !== 4) return;
    const { registers } = LocalApic;
    if (registers.write(this, this.#trace, startOf(offset), size, value)) return;
    if (!registers.has(startOf(offset))) this.#error(ESR_ILLEGAL_REGISTER);
  }

  #setInitialCount(count: number): void {
    const s = this.#s;
    s.initialCount = count >>> 0;
    s.loadTimeNs = this.#clock.nowNs();
    this.#armTimer(s.loadTimeNs);
  }

  readCr8(): number {
    return this.#s.tpr >> 4;
  }

  writeCr8(priority: number): void {
    this.#s.tpr = (priority & 0xf) << 4;
    this.#update();
  }

  /** Guest-physical address of the page of registers. */
  get base(): number {
    const S = this.#processor.S;
    return S[APIC_BASE_HI] * 0x1_0000_0000 + ((S[APIC_BASE_LO] & ~0xfff) >>> 0);
  }

  /** QEMU: BSP is read-only, and an APIC that was disabled stays so until reset. */
  writeBase(lo: number, hi: number): boolean {
    const S = this.#processor.S;
    if ((hi & ~0xff) !== 0) return false;
    let kept = S[APIC_BASE_LO] & (BASE_BSP | BASE_ENABLE);
    if ((lo & BASE_ENABLE) === 0) {
      kept &= ~BASE_ENABLE;
      this.#s.svr &= ~SVR_ENABLE;
    }
    S[APIC_BASE_LO] = (lo & ~0xfff) | kept;
    S[APIC_BASE_HI] = hi;
    this.#config.onBase?.();
    this.#update();
    return true;
  }

  reset(): void {
    this.#s = powerOn(this.#config.apicId);
    this.#timer.cancel();
    this.#config.onBase?.();
    this.#update();
  }

  /** Its processor was taken out: the timer stands still. */
  detach(): void {
    this.#timer.cancel();
  }

  save(): LocalApicState {
    const s = this.#s;
    return { ...s, lvt: [...s.lvt], irr: s.irr.slice(), isr: s.isr.slice(), tmr: s.tmr.slice() };
  }

  restore(state: LocalApicState): void {
    const { lvt, irr, isr, tmr } = state;
    this.#s = { ...state, lvt: [...lvt], irr: irr.slice(), isr: isr.slice(), tmr: tmr.slice() };
    if (state.nextNs === NOT_ARMED) this.#timer.cancel();
    else this.#timer.arm(state.nextNs);
    this.#config.onBase?.();
    this.#update();
  }

  /** INIT: all but the id and the wire. */
  #initReset(): void {
    const { id, lint0 } = this.#s;
    this.#s = { ...powerOn(id), lint0 };
    this.#timer.cancel();
    this.#update();
  }

  /** Processor priority: the higher of TPR and the class in service. */
  #ppr(): number {
    const s = this.#s;
    const inService = Math.max(highestBit(s.isr), 0) & 0xf0;
    return (s.tpr & 0xf0) >= inService ? s.tpr : inService;
  }

  /** The vector that may interrupt the processor now, or -1. */
  #deliverable(): number {
    const s = this.#s;
    if ((s.svr & SVR_ENABLE) === 0) return -1;
    const vector = highestBit(s.irr);
    return vector >= 0 && (vector & 0xf0) > (this.#ppr() & 0xf0) ? vector : -1;
  }

  /** The 8259 pair wants the processor, and its wire reaches it. */
  #extIntActive(): boolean {
    const s = this.#s;
    if (!s.lint0) return false;
    if ((this.#processor.S[APIC_BASE_LO] & BASE_ENABLE) === 0) return true;
    const lvt = s.lvt[LVT_LINT0];
    return (lvt & LVT_MASKED) === 0 && ((lvt >> 8) & 7) === DELIVERY_EXTINT;
  }

  /** To be called after every change of what is requested, in service or enabled. */
  #update(): void {
    const pending = this.#deliverable() >= 0 || this.#extIntActive();
    this.#pending = pending;
    if (!pending) return;
    this.#processor.S[ATTENTION] = 1;
    this.#processor.requestExit();
  }

  #request(vector: number, level: boolean): void {
    const s = this.#s;
    if (vector < FIRST_VECTOR) {
      this.#error(ESR_ILLEGAL_VECTOR);
      return;
    }
    setBit(s.irr, vector);
    if (level) setBit(s.tmr, vector);
    else clearBit(s.tmr, vector);
    this.#update();
  }

  #eoi(): void {
    const s = this.#s;
    const vector = highestBit(s.isr);
    if (vector < 0) return;
    clearBit(s.isr, vector);
    if (testBit(s.tmr, vector)) this.#host.broadcastEoi(vector);
    this.#update();
  }

  #error(bit: number): void {
    const s = this.#s;
    s.errors |= bit;
    const lvt = s.lvt[LVT_ERROR];
    // An error vector that is itself illegal would report itself for ever.
    if ((lvt & LVT_MASKED) === 0 && (lvt & 0xff) >= FIRST_VECTOR) this.#request(lvt & 0xff, false);
  }

  #writeLvt(entry: number, value: number): void {
    this.#s.lvt[entry] = value >>> 0;
    if (entry === LVT_TIMER) this.#armTimer(this.#clock.nowNs());
    this.#update();
  }

  #setLint0(level: boolean): void {
    const s = this.#s;
    if (level === s.lint0) return;
    s.lint0 = level;
    const lvt = s.lvt[LVT_LINT0];
    const levelTriggered = (lvt & LVT_LEVEL) !== 0;
    const fixed = ((lvt >> 8) & 7) === DELIVERY_FIXED;
    if (level) this.#localInterrupt(LVT_LINT0, levelTriggered);
    else if (fixed && levelTriggered) clearBit(s.irr, lvt & 0xff);
    this.#update();
  }

  #localInterrupt(entry: number, level: boolean): void {
    const lvt = this.#s.lvt[entry];
    if ((lvt & LVT_MASKED) !== 0) return;
    const delivery = (lvt >> 8) & 7;
    // ExtINT is a level that #extIntActive looks at.
    if (delivery === DELIVERY_FIXED) this.#request(lvt & 0xff, level);
    else if (delivery === DELIVERY_NMI) this.#processor.nmi();
    else if (delivery === DELIVERY_SMI) this.#trace.unimplemented('apic: SMI');
  }

  #send(): void {
    const { icrLo, icrHi, id } = this.#s;
    const delivery = (icrLo >> 8) & 7;
    const level = (icrLo & ICR_LEVEL) !== 0;
    // INIT level de-assert sets arbitration ids, which do not exist here.
    if (delivery === DELIVERY_INIT && level && (icrLo & ICR_ASSERT) === 0) return;
    const logical = (icrLo & ICR_LOGICAL) !== 0;
    const message = { dest: icrHi >>> 24, logical, delivery, vector: icrLo & 0xff, level };
    switch ((icrLo >> 18) & 3) {
      case 0:
        this.#peers.deliver(message);
        break;
      case 1:
        this.receive({ ...message, dest: id });
        break;
      case 2:
        this.#peers.broadcast(message, undefined);
        break;
      default:
        this.#peers.broadcast(message, this);
    }
  }

  #armTimer(nowNs: number): void {
    this.#s.nextNs = expiryNs(this.#s, nowNs);
    if (this.#s.nextNs === NOT_ARMED) this.#timer.cancel();
    else this.#timer.arm(this.#s.nextNs);
  }

  #timerExpired(): void {
    const due = actingNs(this.#s.nextNs, this.#clock.nowNs());
    this.#localInterrupt(LVT_TIMER, false);
    this.#armTimer(due);
  }
}
