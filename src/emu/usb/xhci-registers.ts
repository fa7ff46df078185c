/** What an xHCI can do, and the registers by which its driver has it run. Spec: xHCI 1.1 §5.3, §5.4. QEMU: hw/usb/hcd-xhci.c of 7.2. */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { BYTE, DWORD, integer, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { XhciCommands } from './xhci-commands.ts';
import { address64 } from './xhci-trb.ts';

/** Places in the BAR. */
export const OPERATIONAL = 0x40;
export const RUNTIME = 0x1000;
export const DOORBELLS = 0x2000;

const CMD_RS = 1 << 0;
const CMD_HCRST = 1 << 1;
const CMD_INTE = 1 << 2;
const CMD_CSS = 1 << 8;
const CMD_CRS = 1 << 9;
const CMD_EWE = 1 << 10;
const CMD_KEPT = 0xc0f;

const STS_HCH = 1 << 0;
const STS_HSE = 1 << 2;
const STS_EINT = 1 << 3;
const STS_PCD = 1 << 4;
const STS_SRE = 1 << 10;
const STS_HCE = 1 << 12;
const STS_CLEARED_BY_ONE = STS_HSE | STS_EINT | STS_PCD | STS_SRE;

const VERSION_1_0 = 0x0100;
const MAX_ERST_AND_ISO = 0x0f;
/** Addresses of 64 bits; the extended capabilities begin at 0x20. */
const HCC_PARAMS = 0x0008_0001;
const STREAMS_SHIFT = 12;
const PROTOCOL = 2;
const USB_NAME = 0x2042_5355;
const USB_2 = 0x0200_0000;
const USB_3 = 0x0300_0000;

const MICROFRAME_NS = 125_000;
const MFINDEX_WRAP = 0x4000;

export interface XhciRegisterState {
  cmd: number;
  status: number;
  dnctrl: number;
  dcbaapLow: number;
  dcbaapHigh: number;
  config: number;
}

export const REGISTER_FIELDS = record<XhciRegisterState>({
  ...{
    cmd: WORD,
    status: integer(0, 0x1fff),
    dnctrl: WORD,
    dcbaapLow: DWORD,
    dcbaapHigh: DWORD,
    config: BYTE,
  },
});

function powerOn(): XhciRegisterState {
  return { cmd: 0, status: STS_HCH, dnctrl: 0, dcbaapLow: 0, dcbaapHigh: 0, config: 0 };
}

export interface XhciRegistersWiring {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly slots: number;
  readonly interrupters: number;
  /** Ports of USB 2, and of USB 3, which come first. */
  readonly usb2: number;
  readonly usb3: number;
  /** Sizes of arrays of streams that there are. */
  readonly streamsMask: number;
  readonly commands: () => XhciCommands;
  /** The driver resets the controller. */
  readonly reset: () => void;
  /** What interrupts may have changed. */
  readonly updateWire: () => void;
  /** The number of the microframe begins again, and the driver wants to be told. */
  readonly wrapped: () => void;
}

export class XhciRegisters {
  static readonly registers = new RegisterTable<XhciRegisters>(
    {
      name: 'capabilities',
      title: 'xHCI: capabilities and operation',
      place: 'BAR 0',
      spec: 'eXtensible Host Controller Interface for Universal Serial Bus 1.1, sections 5.3 and 5.4',
    },
    [
      register(0x00, 4, 'CAPLENGTH, HCIVERSION', 'where operation begins; the version', {
        read: () => OPERATIONAL | (VERSION_1_0 << 16),
      }),
      register(0x04, 4, 'HCSPARAMS1', 'how many slots, interrupters and ports there are', {
        read(own) {
          const { slots, interrupters, usb2, usb3 } = own.#wiring;
          return slots | (interrupters << 8) | ((usb2 + usb3) << 24);
        },
      }),
      register(0x08, 4, 'HCSPARAMS2', 'limits of rings and of isochronous transfers', {
        read: () => MAX_ERST_AND_ISO,
      }),
      register(0x0c, 4, 'HCSPARAMS3', 'how long it takes to wake up', { read: () => 0 }),
      register(0x10, 4, 'HCCPARAMS', 'addresses, streams, where extended capabilities are', {
        read: (own) => HCC_PARAMS | (own.#wiring.streamsMask << STREAMS_SHIFT),
      }),
      register(0x14, 4, 'DBOFF', 'where the doorbells are', { read: () => DOORBELLS }),
      register(0x18, 4, 'RTSOFF', 'where the interrupters are', { read: () => RUNTIME }),
      register(0x20, 4, 'USB 2.0', 'a capability: a protocol that ports speak', {
        read: () => USB_2 | (4 << 8) | PROTOCOL,
      }),
      register(0x24, 4, 'USB 2.0+4', 'its name', { read: () => USB_NAME }),
      register(0x28, 4, 'USB 2.0+8', 'the first of its ports, and how many', {
        read: (own) => (own.#wiring.usb2 << 8) | (own.#wiring.usb3 + 1),
      }),
      register(0x30, 4, 'USB 3.0', 'the other protocol', { read: () => USB_3 | PROTOCOL }),
      register(0x34, 4, 'USB 3.0+4', 'its name', { read: () => USB_NAME }),
      register(0x38, 4, 'USB 3.0+8', 'the first of its ports, and how many', {
        read: (own) => (own.#wiring.usb3 << 8) | 1,
      }),
      register(0x40, 4, 'USBCMD', 'run, reset, interrupts', {
        read: (own) => own.#s.cmd,
        write: (own, value) => own.#command(value),
      }),
      register(0x44, 4, 'USBSTS', 'what has happened; writing 1 clears', {
        read: (own) => own.#s.status,
        write(own, value) {
          own.#s.status &= ~(value & STS_CLEARED_BY_ONE);
          own.#wiring.updateWire();
        },
      }),
      register(0x48, 4, 'PAGESIZE', 'of 4 KiB', { read: () => 1 }),
      register(0x54, 4, 'DNCTRL', 'which notifications of devices are told', {
        read: (own) => own.#s.dnctrl,
        write(own, value) {
          own.#s.dnctrl = value & 0xffff;
        },
      }),
      register(0x58, 4, 'CRCR', 'the ring of commands, low half', {
        read: (own) => own.#wiring.commands().low,
        write(own, value) {
          own.#wiring.commands().low = value;
        },
      }),
      register(0x5c, 4, 'CRCR+4', 'the same, high half', {
        read: (own) => own.#wiring.commands().high,
        write(own, value) {
          own.#wiring.commands().high = value;
        },
      }),
      register(0x70, 4, 'DCBAAP', 'where the addresses of contexts are, low half', {
        read: (own) => own.#s.dcbaapLow,
        write(own, value) {
          own.#s.dcbaapLow = (value & 0xffff_ffc0) >>> 0;
        },
      }),
      register(0x74, 4, 'DCBAAP+4', 'the same, high half', {
        read: (own) => own.#s.dcbaapHigh,
        write(own, value) {
          own.#s.dcbaapHigh = value;
        },
      }),
      register(0x78, 4, 'CONFIG', 'how many slots the driver uses', {
        read: (own) => own.#s.config,
        write(own, value) {
          own.#s.config = value & 0xff;
        },
      }),
    ],
  );

  readonly #wiring: XhciRegistersWiring;
  readonly #wrapTimer: Timer;
  /** When the controller began to run. */
  startNs = 0;
  #s = powerOn();

  constructor(wiring: XhciRegistersWiring) {
    this.#wiring = wiring;
    this.#wrapTimer = wiring.clock.timer(() => {
      wiring.wrapped();
      this.#armWrapTimer();
    });
  }

  reset(): void {
    this.#s = powerOn();
    this.#armWrapTimer();
  }

  save(): XhciRegisterState {
    return { ...this.#s };
  }

  restore(state: Readonly<XhciRegisterState>, startNs: number): void {
    this.#s = { ...state };
    this.startNs = startNs;
    this.#armWrapTimer();
  }

  disconnect(): void {
    this.#wrapTimer.cancel();
  }

  /** A word at that place of the BAR. */
  read(offset: number): number {
    const { trace } = this.#wiring;
    const value = (XhciRegisters.registers.read(this, trace, offset, 4) ?? 0) >>> 0;
    if (!trace.on) return value;
    if (offset < OPERATIONAL) trace.event('usb_xhci_cap_read', offset, value);
    else trace.event('usb_xhci_oper_read', offset - OPERATIONAL, value);
    return value;
  }

  write(offset: number, value: number): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_oper_write', offset - OPERATIONAL, value);
    XhciRegisters.registers.write(this, trace, offset, 4, value);
  }

  get isRunning(): boolean {
    return (this.#s.status & STS_HCH) === 0;
  }

  get interruptsEnabled(): boolean {
    return (this.#s.cmd & CMD_INTE) !== 0;
  }

  /** Where the driver keeps the addresses of contexts; 0: nowhere. */
  get contexts(): number {
    return address64(this.#s.dcbaapLow, this.#s.dcbaapHigh);
  }

  /** An event was written for the driver. */
  eventPending(): void {
    this.#s.status |= STS_EINT;
  }

  /** The driver has set something up that cannot work. */
  die(text: string): void {
    this.#wiring.trace.guestError(`xhci: ${text}`);
    this.#s.status |= STS_HCE;
  }

  /** Microframes since the controller runs. */
  get microframe(): number {
    return Math.max(0, Math.floor((this.#wiring.clock.nowNs() - this.startNs) / MICROFRAME_NS));
  }

  #command(value: number): void {
    const s = this.#s;
    const { trace, clock } = this.#wiring;
    if ((value & CMD_RS) !== 0 && (s.cmd & CMD_RS) === 0) {
      if (trace.on) trace.event('usb_xhci_run');
      s.status &= ~STS_HCH;
      this.startNs = clock.nowNs();
    } else if ((value & CMD_RS) === 0 && (s.cmd & CMD_RS) !== 0) {
      if (trace.on) trace.event('usb_xhci_stop');
      s.status |= STS_HCH;
      this.#wiring.commands().stop();
    }
    // QEMU: nothing can be saved, and an attempt to get it back is an error.
    if ((value & CMD_CSS) !== 0) s.status &= ~STS_SRE;
    if ((value & CMD_CRS) !== 0) s.status |= STS_SRE;
    s.cmd = value & CMD_KEPT;
    this.#armWrapTimer();
    if ((value & CMD_HCRST) !== 0) this.#wiring.reset();
    this.#wiring.updateWire();
  }

  /** A driver may want to be told when the number of the microframe begins again. */
  #armWrapTimer(): void {
    const wanted = CMD_RS | CMD_EWE;
    this.#wrapTimer.cancel();
    if ((this.#s.cmd & wanted) !== wanted) return;
    const wraps = Math.floor(this.microframe / MFINDEX_WRAP) + 1;
    this.#wrapTimer.arm(this.startNs + wraps * MFINDEX_WRAP * MICROFRAME_NS);
  }
}
