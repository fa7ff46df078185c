/**
 * UART 16550A. Spec: National Semiconductor PC16550D datasheet (June 1995).
 * QEMU: hw/char/serial.c of 7.2: sending takes no time, and OUT2 does not gate the interrupt.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BOOLEAN, BYTE, DEADLINE_NS, integer, list, mask, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { CharBackend, CharEvent, CharFrontend } from './char-backend.ts';

const RBR = 0;
const IER = 1;
const IIR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;

const IER_RDI = 0x01;
const IER_THRI = 0x02;
const IER_RLSI = 0x04;
const IER_MSI = 0x08;

const IIR_MSI = 0x00;
const IIR_NO_INT = 0x01;
const IIR_THRI = 0x02;
const IIR_RDI = 0x04;
const IIR_RLSI = 0x06;
const IIR_CTI = 0x0c;
const IIR_ID = 0x0f;
const IIR_FE = 0xc0;

const FCR_FE = 0x01;
const FCR_RFR = 0x02;
const FCR_XFR = 0x04;
const FCR_STORED = 0xc9;
const FCR_ITL_SHIFT = 6;
const TRIGGER_LEVELS = [1, 4, 8, 14];

const LCR_STOP = 0x04;
const LCR_PARITY = 0x08;
const LCR_DLAB = 0x80;

const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const MCR_WRITABLE = 0x1f;

const LSR_DR = 0x01;
const LSR_OE = 0x02;
const LSR_BI = 0x10;
const LSR_INT_ANY = 0x1e;
const LSR_THRE = 0x20;
const LSR_TEMT = 0x40;

const MSR_ANY_DELTA = 0x0f;
const MSR_CTS = 0x10;
const MSR_DSR = 0x20;
const MSR_DCD = 0x80;

const FIFO_SIZE = 16;
const BASE_BAUD = 115_200;
const NS_PER_S = 1_000_000_000;
/** The character timeout comes after four character times. Spec: PC16550D §8.4. */
const TIMEOUT_CHARACTERS = 4;

function powerOn() {
  return {
    divider: 0x0c,
    rbr: 0,
    ier: 0,
    iir: IIR_NO_INT,
    fcr: 0,
    lcr: 0,
    mcr: MCR_OUT2,
    lsr: LSR_TEMT | LSR_THRE,
    msr: MSR_DCD | MSR_DSR | MSR_CTS,
    scr: 0,
    thrPending: false,
    timeoutPending: false,
    timeoutNs: null as number | null,
    charTimeNs: Math.floor(NS_PER_S / 9600) * 10,
    rxFifo: [] as number[],
  };
}

/** Volatile state; `timeoutNs` is the deadline of the character timeout. */
export type SerialState = ReturnType<typeof powerOn>;

/** Of a character at the slowest speed. */
const CHAR_TIME_MAX_NS = 10 * NS_PER_S;

const SERIAL_STATE = record<SerialState>({
  divider: WORD,
  rbr: BYTE,
  ier: mask(IER_RDI | IER_THRI | IER_RLSI | IER_MSI),
  iir: BYTE,
  fcr: mask(FCR_STORED),
  lcr: BYTE,
  mcr: mask(MCR_WRITABLE),
  lsr: BYTE,
  msr: BYTE,
  scr: BYTE,
  thrPending: BOOLEAN,
  timeoutPending: BOOLEAN,
  timeoutNs: DEADLINE_NS,
  charTimeNs: integer(0, CHAR_TIME_MAX_NS),
  rxFifo: list(BYTE, { max: FIFO_SIZE }),
});

/** One serial port; eight registers wherever it is attached. */
export class Serial16550 implements Device<SerialState>, CharFrontend, IoHandler {
  readonly vmstate = { name: 'serial', version: 3, fields: SERIAL_STATE };

  // Fixed wiring.
  readonly #irq: IrqLine;
  readonly #backend: CharBackend;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #timeout: Timer;
  readonly #wide: IoHandler;
  readonly unaligned = true;

  // Volatile state.
  #s = powerOn();

  constructor(irq: IrqLine, backend: CharBackend, clock: Clock, trace: Trace) {
    this.#irq = irq;
    this.#backend = backend;
    this.#clock = clock;
    this.#trace = trace;
    this.#timeout = clock.timer(() => this.#characterTimeout());
    this.#wide = byteWide(this, { unaligned: true });
    backend.connect(this);
  }

  /** @param base 0x3f8 for COM1 */
  attach(io: AddressSpace, base = 0x3f8): void {
    io.map(base, 8, this, { name: 'serial' });
  }

  reset(): void {
    this.#timeout.cancel();
    this.#s = powerOn();
    this.#irq.set(false);
    this.#backend.acceptInput();
  }

  save(): SerialState {
    return structuredClone(this.#s);
  }

  restore(state: SerialState): void {
    this.#s = structuredClone(state);
    this.#timeout.cancel();
    if (this.#s.timeoutNs !== null) this.#timeout.arm(this.#s.timeoutNs);
    this.#updateIrq();
    this.#backend.acceptInput();
  }

  read(offset: number, size: AccessSize): number {
    if (size !== 1) return this.#wide.read(offset, size);
    // Guest: Linux 6.1 polls LSR before each byte of console output, 22,000 times a boot.
    if (offset === LSR) return this.#readLsr();
    return this.readByte(offset);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size === 1) this.writeByte(offset, value & 0xff);
    else this.#wide.write(offset, size, value);
  }

  readByte(offset: number): number {
    const s = this.#s;
    switch (offset) {
      case RBR:
        return s.lcr & LCR_DLAB ? s.divider & 0xff : this.#readRbr();
      case IER:
        return s.lcr & LCR_DLAB ? s.divider >>> 8 : s.ier;
      case IIR:
        return this.#readIir();
      case LCR:
        return s.lcr;
      case MCR:
        return s.mcr;
      case LSR:
        return this.#readLsr();
      case MSR:
        return this.#readMsr();
      default:
        return s.scr;
    }
  }

  writeByte(offset: number, value: number): void {
    const s = this.#s;
    switch (offset) {
      case RBR:
        if (s.lcr & LCR_DLAB) this.#setDivider((s.divider & 0xff00) | value);
        else this.#transmit(value);
        break;
      case IER:
        if (s.lcr & LCR_DLAB) this.#setDivider((s.divider & 0x00ff) | (value << 8));
        else this.#writeIer(value & 0x0f);
        break;
      case IIR:
        this.#writeFcr(value);
        break;
      case LCR:
        s.lcr = value;
        this.#updateCharTime();
        break;
      case MCR:
        s.mcr = value & MCR_WRITABLE;
        if (!(s.mcr & MCR_LOOP)) this.#backend.acceptInput();
        break;
      case LSR:
      case MSR:
        this.#trace.guestError('serial: write to read-only register %d', offset);
        break;
      default:
        s.scr = value;
    }
  }

  /** QEMU: input is offered up to the trigger level, and byte by byte above it. In loopback it waits. */
  canReceive(): number {
    const { fcr, lsr, mcr, rxFifo } = this.#s;
    if (mcr & MCR_LOOP) return 0;
    if (!(fcr & FCR_FE)) return lsr & LSR_DR ? 0 : 1;
    if (rxFifo.length >= FIFO_SIZE) return 0;
    return Math.max(this.#triggerLevel() - rxFifo.length, 1);
  }

  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.#receiveByte(byte);
    this.#updateIrq();
  }

  event(event: CharEvent): void {
    if (event !== 'break') return;
    const s = this.#s;
    s.rbr = 0;
    if (s.fcr & FCR_FE && s.rxFifo.length < FIFO_SIZE) s.rxFifo.push(0);
    s.lsr |= LSR_BI | LSR_DR;
    this.#updateIrq();
  }

  /** Not modelled: a back end without room. A byte is sent once, and what is not taken then is lost. */
  outputReady(): void {}

  #triggerLevel(): number {
    return TRIGGER_LEVELS[this.#s.fcr >>> FCR_ITL_SHIFT] ?? 1;
  }

  #receiveByte(byte: number): void {
    const s = this.#s;
    if (s.fcr & FCR_FE) {
      if (s.rxFifo.length < FIFO_SIZE) s.rxFifo.push(byte);
      else s.lsr |= LSR_OE;
      this.#armTimeout();
    } else {
      if (s.lsr & LSR_DR) s.lsr |= LSR_OE;
      s.rbr = byte;
    }
    s.lsr |= LSR_DR;
  }

  #readRbr(): number {
    const s = this.#s;
    let value = s.rbr;
    if (s.fcr & FCR_FE) {
      value = s.rxFifo.shift() ?? 0;
      if (s.rxFifo.length === 0) s.lsr &= ~(LSR_DR | LSR_BI);
      else this.#armTimeout();
      s.timeoutPending = false;
    } else {
      s.lsr &= ~(LSR_DR | LSR_BI);
    }
    this.#updateIrq();
    if (!(s.mcr & MCR_LOOP)) this.#backend.acceptInput();
    return value;
  }

  #readIir(): number {
    const s = this.#s;
    const value = s.iir;
    if ((value & IIR_ID) === IIR_THRI) {
      s.thrPending = false;
      this.#updateIrq();
    }
    return value;
  }

  #readLsr(): number {
    const s = this.#s;
    const value = s.lsr;
    if (value & (LSR_BI | LSR_OE)) {
      s.lsr &= ~(LSR_BI | LSR_OE);
      this.#updateIrq();
    }
    return value;
  }

  #readMsr(): number {
    const s = this.#s;
    if (s.mcr & MCR_LOOP) {
      return ((s.mcr & 0x0c) << 4) | ((s.mcr & 0x02) << 3) | ((s.mcr & 0x01) << 5);
    }
    const value = s.msr;
    if (value & MSR_ANY_DELTA) {
      s.msr &= ~MSR_ANY_DELTA;
      this.#updateIrq();
    }
    return value;
  }

  #transmit(byte: number): void {
    const s = this.#s;
    s.thrPending = false;
    this.#updateIrq();
    if (s.mcr & MCR_LOOP) this.#receiveByte(byte);
    else this.#backend.write(Uint8Array.of(byte));
    s.thrPending = true;
    this.#updateIrq();
  }

  #writeIer(value: number): void {
    const s = this.#s;
    const changed = s.ier ^ value;
    if (changed === 0) return;
    s.ier = value;
    // Guest: Linux 6.1 8250_port.c looks whether enabling THRI raises the interrupt again.
    if (changed & IER_THRI) s.thrPending = (value & IER_THRI) !== 0 && (s.lsr & LSR_THRE) !== 0;
    this.#updateIrq();
  }

  #writeFcr(value: number): void {
    const s = this.#s;
    const fifosToggled = ((value ^ s.fcr) & FCR_FE) !== 0;
    if (fifosToggled || value & FCR_RFR) {
      s.lsr &= ~(LSR_DR | LSR_BI);
      this.#disarmTimeout();
      s.timeoutPending = false;
      s.rxFifo = [];
    }
    if (fifosToggled || value & FCR_XFR) {
      s.lsr |= LSR_THRE;
      s.thrPending = true;
    }
    s.fcr = value & FCR_STORED;
    s.iir = (s.iir & ~IIR_FE) | (s.fcr & FCR_FE ? IIR_FE : 0);
    this.#updateIrq();
    this.#backend.acceptInput();
  }

  #setDivider(divider: number): void {
    this.#s.divider = divider;
    this.#updateCharTime();
  }

  #updateCharTime(): void {
    const { divider, lcr } = this.#s;
    if (divider === 0 || divider > BASE_BAUD) return;
    const bits = 1 + 5 + (lcr & 3) + (lcr & LCR_PARITY ? 1 : 0) + (lcr & LCR_STOP ? 2 : 1);
    this.#s.charTimeNs = Math.floor((NS_PER_S * divider) / BASE_BAUD) * bits;
  }

  #armTimeout(): void {
    const deadline = this.#clock.nowNs() + this.#s.charTimeNs * TIMEOUT_CHARACTERS;
    this.#s.timeoutNs = deadline;
    this.#timeout.arm(deadline);
  }

  #disarmTimeout(): void {
    this.#s.timeoutNs = null;
    this.#timeout.cancel();
  }

  #characterTimeout(): void {
    this.#s.timeoutNs = null;
    if (this.#s.rxFifo.length === 0) return;
    this.#s.timeoutPending = true;
    this.#updateIrq();
  }

  #interruptId(): number {
    const { ier, lsr, msr, fcr, rxFifo, thrPending, timeoutPending } = this.#s;
    if (ier & IER_RLSI && lsr & LSR_INT_ANY) return IIR_RLSI;
    if (ier & IER_RDI && timeoutPending) return IIR_CTI;
    const enough = !(fcr & FCR_FE) || rxFifo.length >= this.#triggerLevel();
    if (ier & IER_RDI && lsr & LSR_DR && enough) return IIR_RDI;
    if (ier & IER_THRI && thrPending) return IIR_THRI;
    if (ier & IER_MSI && msr & MSR_ANY_DELTA) return IIR_MSI;
    return IIR_NO_INT;
  }

  #updateIrq(): void {
    const id = this.#interruptId();
    this.#s.iir = (this.#s.iir & IIR_FE) | id;
    this.#irq.set(id !== IIR_NO_INT);
  }
}
