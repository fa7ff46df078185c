/**
 * The interrupters of an xHCI: each has registers and a ring in guest memory into which events are written. Spec: xHCI 1.1 §4.9.4, §4.17, §5.5.2.
 * QEMU: hw/usb/hcd-xhci.c of 7.2.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import { DWORD, integer, list, record, type StateKind, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { completionName, trbName } from './xhci-names.ts';
import {
  ADDRESS,
  address64,
  CC_EVENT_RING_FULL_ERROR,
  ER_HOST_CONTROLLER,
  highHalf,
  TRB_BYTES,
  withType,
} from './xhci-trb.ts';

const IMAN_IP = 1 << 0;
const IMAN_IE = 1 << 1;
const ERDP_EHB = 1 << 3;
/** TRBs of the one segment of a ring. */
const SEGMENT_MIN = 16;
const SEGMENT_MAX = 4096;
/** A ring that is full has one place that stays free, and one for the event that tells it. */
const KEPT_FREE = 2;

/** What is told to the driver. */
export interface XhciEvent {
  readonly type: number;
  readonly code: number;
  /** What it is about: an address, or the number of a port. */
  readonly address?: number;
  /** In the place of the address: what the driver gave to have it back. */
  readonly data?: { readonly low: number; readonly high: number };
  readonly length?: number;
  readonly slot?: number;
  readonly endpoint?: number;
  readonly flags?: number;
}

export type XhciInterrupterState = {
  iman: number;
  imod: number;
  erstsz: number;
  erstbaLow: number;
  erstbaHigh: number;
  erdpLow: number;
  erdpHigh: number;
  /** Of the ring's one segment. */
  start: number;
  size: number;
  /** Where the next event goes, and the cycle bit that it gets. */
  index: number;
  cycle: number;
};

const INTERRUPTER_FIELDS = record<XhciInterrupterState>({
  ...{ iman: integer(0, IMAN_IP | IMAN_IE), imod: DWORD, erstsz: WORD, erstbaLow: DWORD, erstbaHigh: DWORD },
  ...{ erdpLow: DWORD, erdpHigh: DWORD, start: ADDRESS, size: integer(0, SEGMENT_MAX) },
  ...{ index: integer(0, SEGMENT_MAX), cycle: integer(0, 1) },
});

export function interrupterFields(count: number): StateKind<XhciInterrupterState[]> {
  return list(INTERRUPTER_FIELDS, count);
}

function powerOn(): XhciInterrupterState {
  return {
    ...{ iman: 0, imod: 0, erstsz: 0, erstbaLow: 0, erstbaHigh: 0, erdpLow: 0, erdpHigh: 0 },
    ...{ start: 0, size: 0, index: 0, cycle: 1 },
  };
}

export interface XhciInterrupterWiring {
  readonly dma: DmaPort;
  readonly trace: Trace;
  /** QEMU: the ERSTBA of NEC's controller has two bits more. */
  readonly erstbaMask: number;
  /** An event was written: the controller says so in USBSTS. */
  readonly eventPending: () => void;
  /** Interrupts are enabled in USBCMD. */
  readonly isEnabled: () => boolean;
  /** Delivers what an interrupter has; true: by a message, with which it is not pending any more. */
  readonly deliver: (index: number, isRaised: boolean) => boolean;
  /** The driver has set something up that cannot work: the controller stops. */
  readonly die: (text: string) => void;
}

interface InterrupterRegisters {
  readonly own: XhciInterrupters;
  readonly index: number;
  readonly one: XhciInterrupterState;
}

export class XhciInterrupters {
  static readonly registers = new RegisterTable<InterrupterRegisters>(
    {
      name: 'runtime',
      title: 'xHCI: registers of an interrupter',
      place: 'BAR 0, 0x1020 and 0x20 for each interrupter',
      spec: 'eXtensible Host Controller Interface for Universal Serial Bus 1.1, section 5.5.2',
    },
    [
      register(0x00, 4, 'IMAN', 'an interrupt is pending; it is enabled', {
        read: ({ one }) => one.iman,
        write({ own, one, index }, value) {
          one.iman = (value & IMAN_IE) | (one.iman & IMAN_IP & ~value);
          if (index === 0) own.updateWire();
        },
      }),
      register(0x04, 4, 'IMOD', 'how seldom it interrupts, which changes nothing here', {
        read: ({ one }) => one.imod,
        write({ one }, value) {
          one.imod = value;
        },
      }),
      register(0x08, 4, 'ERSTSZ', 'segments of the ring of events: one', {
        read: ({ one }) => one.erstsz,
        write({ one }, value) {
          one.erstsz = value & 0xffff;
        },
      }),
      register(0x10, 4, 'ERSTBA', 'where the table of segments is, low half', {
        read: ({ one }) => one.erstbaLow,
        write({ own, one }, value) {
          one.erstbaLow = (value & own.#wiring.erstbaMask) >>> 0;
        },
      }),
      register(0x14, 4, 'ERSTBA+4', 'the same, high half; writing begins the ring', {
        read: ({ one }) => one.erstbaHigh,
        write({ own, one }, value) {
          one.erstbaHigh = value;
          own.#setRing(one);
        },
      }),
      register(0x18, 4, 'ERDP', 'how far the driver has read, low half', {
        read: ({ one }) => one.erdpLow,
        write: ({ own, one, index }, value) => own.#acknowledge(one, index, value),
      }),
      register(0x1c, 4, 'ERDP+4', 'the same, high half', {
        read: ({ one }) => one.erdpHigh,
        write({ one }, value) {
          one.erdpHigh = value;
        },
      }),
    ],
  );

  readonly #wiring: XhciInterrupterWiring;
  readonly #all: XhciInterrupterState[];

  constructor(count: number, wiring: XhciInterrupterWiring) {
    this.#wiring = wiring;
    this.#all = Array.from({ length: count }, powerOn);
  }

  get count(): number {
    return this.#all.length;
  }

  reset(): void {
    for (let index = 0; index < this.#all.length; index++) this.#all[index] = powerOn();
  }

  save(): XhciInterrupterState[] {
    return this.#all.map((one) => ({ ...one }));
  }

  restore(state: readonly XhciInterrupterState[]): void {
    for (const [index, one] of state.entries()) this.#all[index] = { ...one };
  }

  /** @param offset in bytes, in the registers of the interrupter */
  read(index: number, offset: number): number {
    const target = { own: this, index, one: this.#at(index) };
    return XhciInterrupters.registers.read(target, this.#wiring.trace, offset, 4) ?? 0;
  }

  write(index: number, offset: number, value: number): void {
    const target = { own: this, index, one: this.#at(index) };
    XhciInterrupters.registers.write(target, this.#wiring.trace, offset, 4, value);
  }

  /** What is pending at the first interrupter is delivered: by a message or by the level of the wire. */
  updateWire(): void {
    const [first] = this.#all;
    if (first === undefined) return;
    const both = IMAN_IP | IMAN_IE;
    const isRaised = (first.iman & both) === both && this.#wiring.isEnabled();
    if (this.#wiring.deliver(0, isRaised)) first.iman &= ~IMAN_IP;
  }

  /** Writes an event to the ring of an interrupter, and interrupts. */
  event(event: XhciEvent, index = 0): void {
    const one = this.#all[index];
    if (one === undefined) return;
    const at = address64((one.erdpLow & ~0xf) >>> 0, one.erdpHigh);
    if (at < one.start || at >= one.start + TRB_BYTES * one.size) {
      this.#wiring.die(`event ring of interrupter ${index}: ERDP is not in it`);
      return;
    }
    const seen = Math.floor((at - one.start) / TRB_BYTES);
    const isFull = (one.index + 1) % one.size === seen;
    const isLast = (one.index + KEPT_FREE) % one.size === seen;
    if (isLast) this.#write(one, index, { type: ER_HOST_CONTROLLER, code: CC_EVENT_RING_FULL_ERROR });
    else if (!isFull) this.#write(one, index, event);
    this.#raise(one, index);
  }

  #at(index: number): XhciInterrupterState {
    return this.#all[index] ?? powerOn();
  }

  /** QEMU: a ring has one segment. */
  #setRing(one: XhciInterrupterState): void {
    const { dma, die } = this.#wiring;
    const table = address64(one.erstbaLow, one.erstbaHigh);
    if (one.erstsz === 0 || table === 0) {
      one.start = 0;
      one.size = 0;
      return;
    }
    if (one.erstsz !== 1) {
      die(`event ring of ${one.erstsz} segments`);
      return;
    }
    const [low, high, size] = [dma.readU32(table), dma.readU32(table + 4), dma.readU32(table + 8)];
    if (size < SEGMENT_MIN || size > SEGMENT_MAX) {
      die(`event ring segment of ${size} TRBs`);
      return;
    }
    one.start = address64((low & ~0x3f) >>> 0, high);
    one.size = size;
    one.index = 0;
    one.cycle = 1;
  }

  #acknowledge(one: XhciInterrupterState, index: number, value: number): void {
    const cleared = (value & ERDP_EHB) !== 0 ? one.erdpLow & ~ERDP_EHB : one.erdpLow;
    one.erdpLow = ((value & ~ERDP_EHB) | (cleared & ERDP_EHB)) >>> 0;
    if ((value & ERDP_EHB) === 0) return;
    // What came meanwhile interrupts again.
    const at = address64((one.erdpLow & ~0xf) >>> 0, one.erdpHigh);
    if (at < one.start || at >= one.start + TRB_BYTES * one.size) return;
    if (Math.floor((at - one.start) / TRB_BYTES) !== one.index) this.#raise(one, index);
  }

  #write(one: XhciInterrupterState, index: number, event: XhciEvent): void {
    const { dma, trace } = this.#wiring;
    const { type, code, address = 0, length = 0, slot = 0, endpoint = 0, flags = 0 } = event;
    const control = ((slot << 24) | (endpoint << 16) | flags | withType(type) | one.cycle) >>> 0;
    const status = ((code << 24) | length) >>> 0;
    if (trace.on) {
      const names = [trbName(control), completionName(status)];
      trace.event('usb_xhci_queue_event', index, one.index, ...names, address, status, control);
    }
    const bytes = new Uint8Array(TRB_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, event.data?.low ?? address % 2 ** 32, true);
    view.setUint32(4, event.data?.high ?? highHalf(address), true);
    view.setUint32(8, status, true);
    view.setUint32(12, control, true);
    dma.write(one.start + TRB_BYTES * one.index, bytes);
    one.index++;
    if (one.index < one.size) return;
    one.index = 0;
    one.cycle ^= 1;
  }

  #raise(one: XhciInterrupterState, index: number): void {
    const isPending = (one.erdpLow & ERDP_EHB) !== 0;
    one.erdpLow = (one.erdpLow | ERDP_EHB) >>> 0;
    one.iman |= IMAN_IP;
    this.#wiring.eventPending();
    if (isPending || (one.iman & IMAN_IE) === 0 || !this.#wiring.isEnabled()) return;
    if (this.#wiring.deliver(index, true)) one.iman &= ~IMAN_IP;
  }
}
