/**
 * The ports of an xHCI as its driver sees them: a port of the controller has two sets of registers, one for USB 2, one for USB 3.
 * Spec: xHCI 1.1 §4.19, §5.4.8. QEMU: hw/usb/hcd-xhci.c of 7.2.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import { DWORD, list, type StateKind } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { UsbPort } from './usb-port.ts';
import { SPEED_FULL, SPEED_HIGH, SPEED_LOW, SPEED_SUPER } from './usb-speed.ts';

const PORTSC = 0x0;
export const PORT_REGISTERS_BYTES = 0x10;

const PORTSC_CCS = 1 << 0;
const PORTSC_PED = 1 << 1;
const PORTSC_PR = 1 << 4;
const PORTSC_PLS_SHIFT = 5;
const PORTSC_PLS = 0xf << PORTSC_PLS_SHIFT;
const PORTSC_PP = 1 << 9;
const PORTSC_SPEED_SHIFT = 10;
const PORTSC_LWS = 1 << 16;
const PORTSC_CSC = 1 << 17;
const PORTSC_PEC = 1 << 18;
const PORTSC_WRC = 1 << 19;
const PORTSC_OCC = 1 << 20;
const PORTSC_PRC = 1 << 21;
const PORTSC_PLC = 1 << 22;
const PORTSC_CEC = 1 << 23;
const PORTSC_WCE = 1 << 25;
const PORTSC_WDE = 1 << 26;
const PORTSC_WOE = 1 << 27;
const PORTSC_WPR = 2 ** 31;
const CLEARED_BY_ONE =
  PORTSC_CSC | PORTSC_PEC | PORTSC_WRC | PORTSC_OCC | PORTSC_PRC | PORTSC_PLC | PORTSC_CEC;
const WRITABLE = PORTSC_PP | PORTSC_WCE | PORTSC_WDE | PORTSC_WOE;

/** States of the link. Spec: table 39. */
const PLS_U0 = 0;
const PLS_U3 = 3;
const PLS_RX_DETECT = 5;
const PLS_POLLING = 7;
const PLS_RESUME = 15;

/** What PORTSC calls a speed. */
const SPEED_IDS = new Map([
  [SPEED_FULL, 1],
  [SPEED_LOW, 2],
  [SPEED_HIGH, 3],
  [SPEED_SUPER, 4],
]);

export interface XhciPortsWiring {
  readonly trace: Trace;
  /** Ports of USB 2, and of USB 3, which come first. */
  readonly usb2: number;
  readonly usb3: number;
  /** The ports as the bus has them. */
  readonly ports: () => readonly UsbPort[];
  /** The status of a port, from 1, has changed. */
  readonly changed: (port: number) => void;
}

/** The registers of one port, from 1. */
interface PortRegisters {
  readonly own: XhciPorts;
  readonly port: number;
}

export class XhciPorts {
  static readonly registers = new RegisterTable<PortRegisters>(
    {
      name: 'port',
      title: 'xHCI: registers of a port',
      place: 'BAR 0, 0x440 and 0x10 for each port; those of USB 3 come first',
      spec: 'eXtensible Host Controller Interface for Universal Serial Bus 1.1, section 5.4.8',
    },
    [
      register(PORTSC, 4, 'PORTSC', 'what is in the port, at which speed, and what has changed', {
        read: ({ own, port }) => own.#at(port),
        write: ({ own, port }, value) => own.#write(port, value),
      }),
      register(0x4, 4, 'PORTPMSC', 'power management', { read: () => 0 }),
      register(0x8, 4, 'PORTLI', 'errors of the link', { read: () => 0 }),
    ],
  );

  readonly #wiring: XhciPortsWiring;
  readonly #status: number[];

  constructor(wiring: XhciPortsWiring) {
    this.#wiring = wiring;
    this.#status = new Array<number>(wiring.usb2 + wiring.usb3).fill(0);
  }

  get count(): number {
    return this.#status.length;
  }

  static fields(count: number): StateKind<number[]> {
    return list(DWORD, count);
  }

  save(): number[] {
    return [...this.#status];
  }

  restore(state: readonly number[]): void {
    for (const [index, status] of state.entries()) this.#status[index] = status;
  }

  reset(): void {
    for (let port = 1; port <= this.count; port++) this.#update(port, this.#occupantOf(port)?.speed);
  }

  /** The port of the bus, from 0, that has these registers. */
  busPort(port: number): number | undefined {
    const { usb3 } = this.#wiring;
    if (port < 1 || port > this.count) return undefined;
    return port <= usb3 ? port - 1 : port - 1 - usb3;
  }

  attached({ index, device }: UsbPort): void {
    if (device !== undefined) this.#update(this.#registersOf(index, device.speed), device.speed);
  }

  /** @param speed of the device that was there */
  detached({ index }: UsbPort, speed: number): void {
    this.#update(this.#registersOf(index, speed), undefined);
  }

  /** The device wakes its bus up. */
  resume({ index, device }: UsbPort): void {
    if (device === undefined) return;
    const port = this.#registersOf(index, device.speed);
    if (linkOf(this.#at(port)) !== PLS_U3) return;
    this.#setLink(port, PLS_RESUME);
    this.#notify(port, PORTSC_PLC);
  }

  read(port: number, offset: number): number {
    const { trace } = this.#wiring;
    const value = XhciPorts.registers.read({ own: this, port }, trace, offset, 4) ?? 0;
    if (trace.on) trace.event('usb_xhci_port_read', port, offset, value);
    return value;
  }

  write(port: number, offset: number, value: number): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_port_write', port, offset, value);
    XhciPorts.registers.write({ own: this, port }, trace, offset, 4, value);
  }

  #write(port: number, value: number): void {
    const isWarm = value >= PORTSC_WPR;
    if (isWarm || (value & PORTSC_PR) !== 0) {
      this.#reset(port, isWarm);
      return;
    }
    const status = this.#at(port) & ~(value & CLEARED_BY_ONE);
    this.#status[port - 1] = ((status & ~WRITABLE) | (value & WRITABLE)) >>> 0;
    if ((value & PORTSC_LWS) !== 0) this.#writeLink(port, linkOf(value));
  }

  #at(port: number): number {
    return this.#status[port - 1] ?? 0;
  }

  /** QEMU: only the ways to sleep and back are taken. */
  #writeLink(port: number, wanted: number): void {
    const link = linkOf(this.#at(port));
    if (wanted === PLS_U0 && link !== PLS_U0) {
      this.#setLink(port, PLS_U0);
      this.#notify(port, PORTSC_PLC);
    } else if (wanted === PLS_U3 && link < PLS_U3) this.#setLink(port, PLS_U3);
  }

  #setLink(port: number, link: number): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_port_link', port, link);
    this.#status[port - 1] = withLink(this.#at(port), link);
  }

  /** The device, if the registers are those for its speed. */
  #occupantOf(port: number): UsbPort['device'] {
    const { ports, usb3 } = this.#wiring;
    const device = ports()[this.busPort(port) ?? -1]?.device;
    return device !== undefined && (device.speed === SPEED_SUPER) === port <= usb3 ? device : undefined;
  }

  #registersOf(index: number, speed: number): number {
    return speed === SPEED_SUPER ? index + 1 : this.#wiring.usb3 + index + 1;
  }

  /** @param speed of what is in the port; undefined: nothing */
  #update(port: number, speed: number | undefined): void {
    let link = PLS_RX_DETECT;
    let status = PORTSC_PP;
    if (speed !== undefined) {
      link = speed === SPEED_SUPER ? PLS_U0 : PLS_POLLING;
      status |= PORTSC_CCS | ((SPEED_IDS.get(speed) ?? 0) << PORTSC_SPEED_SHIFT);
      if (speed === SPEED_SUPER) status |= PORTSC_PED;
    }
    this.#status[port - 1] = status;
    this.#setLink(port, link);
    this.#notify(port, PORTSC_CSC);
  }

  #reset(port: number, isWarm: boolean): void {
    const device = this.#occupantOf(port);
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_port_reset', port, isWarm ? 1 : 0);
    if (device === undefined) return;
    device.busReset();
    if (isWarm && device.speed === SPEED_SUPER) this.#status[port - 1] = this.#at(port) | PORTSC_WRC;
    this.#setLink(port, PLS_U0);
    this.#status[port - 1] = (this.#at(port) | PORTSC_PED) & ~PORTSC_PR;
    this.#notify(port, PORTSC_PRC);
  }

  #notify(port: number, change: number): void {
    if ((this.#at(port) & change) === change) return;
    const { trace, changed } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_port_notify', port, change);
    this.#status[port - 1] = this.#at(port) | change;
    changed(port);
  }
}

function linkOf(status: number): number {
  return (status & PORTSC_PLS) >>> PORTSC_PLS_SHIFT;
}

function withLink(status: number, link: number): number {
  return (status & ~PORTSC_PLS) | (link << PORTSC_PLS_SHIFT);
}
