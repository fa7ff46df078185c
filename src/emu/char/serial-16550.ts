/**
 * UART 16550A. Spec: National Semiconductor PC16550D datasheet (June 1995).
 * QEMU: hw/char/serial.c of 7.2: sending takes no time, and OUT2 does not gate the interrupt.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import { type Condition, RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BOOLEAN, BYTE, DEADLINE_NS, integer, list, mask, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { CharBackend, CharEvent, CharFrontend } from './char-backend.ts';

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
const LCR_EVEN_PARITY = 0x10;
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

const DIVISOR_LATCH: Condition<Serial16550> = {
  text: 'LCR bit 7 (DLAB) is 1',
  holds: (port) => port.isDivisorLatchOpen,
};

/** One serial port; eight registers wherever it is attached. */
export class Serial16550 implements Device<SerialState>, CharFrontend, IoHandler {
  static readonly registers = new RegisterTable<Serial16550>(
    {
      name: 'serial',
      title: 'Serial port',
      place: 'ports from 0x3f8 (COM1), 0x2f8, 0x3e8, 0x2e8',
      spec: 'National Semiconductor PC16550D, June 1995; wider accesses are those of bytes',
    },
    [
      register(0, 1, 'DLL', 'divisor of 115,200 baud, lower byte', {
        when: DIVISOR_LATCH,
        read: (port) => port.#s.divider & 0xff,
        write: (port, value) => port.#setDivider((port.#s.divider & 0xff00) | value),
      }),
      register(1, 1, 'DLM', 'divisor of 115,200 baud, upper byte', {
        when: DIVISOR_LATCH,
        read: (port) => port.#s.divider >>> 8,
        write: (port, value) => port.#setDivider((port.#s.divider & 0x00ff) | (value << 8)),
      }),
      register(0, 1, 'RBR', 'next byte that came', { read: (port) => port.#readRbr() }),
      register(0, 1, 'THR', 'sends a byte', { write: (port, value) => port.#transmit(value) }),
      register(1, 1, 'IER', 'which causes interrupt: 0 data, 1 room to send, 2 line status, 3 modem status', {
        read: (port) => port.#s.ier,
        write: (port, value) => port.#writeIer(value & 0x0f),
      }),
      register(2, 1, 'IIR', 'the most urgent cause; bits 6 and 7: FIFOs are on', {
        read: (port) => port.#readIir(),
      }),
      register(2, 1, 'FCR', 'FIFOs: 0 on, 1 and 2 clear, 6 and 7 at how many bytes to interrupt', {
        write: (port, value) => port.#writeFcr(value),
      }),
      register(3, 1, 'LCR', 'format of characters; bit 7 shows DLL and DLM', {
        read: (port) => port.#s.lcr,
        write: (port, value) => port.#writeLcr(value),
      }),
      register(4, 1, 'MCR', 'modem lines; bit 4 loops what is sent back', {
        read: (port) => port.#s.mcr,
        write: (port, value) => port.#writeMcr(value),
      }),
      register(5, 1, 'LSR', '0 data, 1 overrun, 4 break, 5 and 6 room to send', {
        read: (port) => port.#readLsr(),
        write: (port) => port.#refuse(5),
      }),
      register(6, 1, 'MSR', 'modem lines and which of them changed', {
        read: (port) => port.#readMsr(),
        write: (port) => port.#refuse(6),
      }),
      register(7, 1, 'SCR', 'a byte for software', {
        read: (port) => port.#s.scr,
        write: (port, value) => {
          port.#s.scr = value;
        },
      }),
    ],
  );

  readonly widest = 1;
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
    return size === 1 ? this.readByte(offset) : this.#wide.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size === 1) this.writeByte(offset, value & 0xff);
    else this.#wide.write(offset, size, value);
  }

  readByte(offset: number): number {
    const value = Serial16550.registers.read(this, this.#trace, offset, 1) ?? 0;
    if (this.#trace.on) this.#trace.event('serial_read', offset, value);
    return value;
  }

  writeByte(offset: number, value: number): void {
    if (this.#trace.on) this.#trace.event('serial_write', offset, value);
    Serial16550.registers.write(this, this.#trace, offset, 1, value);
  }

  get isDivisorLatchOpen(): boolean {
    return (this.#s.lcr & LCR_DLAB) !== 0;
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

  #writeLcr(value: number): void {
    this.#s.lcr = value;
    this.#updateCharTime();
  }

  #writeMcr(value: number): void {
    this.#s.mcr = value & MCR_WRITABLE;
    if (!(this.#s.mcr & MCR_LOOP)) this.#backend.acceptInput();
  }

  #refuse(offset: number): void {
    this.#trace.guestError('serial: write to read-only register %d', offset);
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
    if (!this.#trace.on) return;
    const parity = lcr & LCR_PARITY ? (lcr & LCR_EVEN_PARITY ? 'E' : 'O') : 'N';
    const baud = Math.floor(BASE_BAUD / divider);
    this.#trace.event('serial_update_parameters', baud, parity, 5 + (lcr & 3), lcr & LCR_STOP ? 2 : 1);
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
