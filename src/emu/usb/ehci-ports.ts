/**
 * The ports of an EHCI controller, each of which it may leave to a companion: a UHCI controller, which takes devices of less speed.
 * Spec: EHCI 1.0 §2.3.9, §4.2. QEMU: hw/usb/hcd-ehci.c of 7.2.
 */
import type { CompanionPort, UsbCompanion } from './usb-companion.ts';
import type { UsbDevice } from './usb-device.ts';
import type { UsbPort } from './usb-port.ts';
import { SPEED_HIGH } from './usb-speed.ts';

const PORT_CONNECT = 1 << 0;
const PORT_CSC = 1 << 1;
const PORT_ENABLED = 1 << 2;
const PORT_PEDC = 1 << 3;
const PORT_OCC = 1 << 5;
const PORT_RESUME = 1 << 6;
const PORT_SUSPEND = 1 << 7;
const PORT_RESET = 1 << 8;
const PORT_POWER = 1 << 12;
const PORT_OWNER = 1 << 13;
const CLEARED_BY_ONE = PORT_CSC | PORT_PEDC | PORT_OCC;
const WRITABLE = 0x0070_01c0;

export interface EhciPortsWiring {
  readonly count: number;
  readonly ports: () => readonly UsbPort[];
  /** The status of a port has changed: the driver is told. */
  readonly changed: () => void;
  /** A device has left, for this controller: what it has kept is given up. */
  readonly gone: (device: UsbDevice) => void;
}

export class EhciPorts {
  readonly #wiring: EhciPortsWiring;
  readonly #status: number[];
  readonly #companions: ({ readonly companion: UsbCompanion; readonly index: number } | undefined)[];

  constructor(wiring: EhciPortsWiring) {
    this.#wiring = wiring;
    this.#status = new Array<number>(wiring.count).fill(PORT_POWER);
    this.#companions = new Array<undefined>(wiring.count).fill(undefined);
  }

  save(): number[] {
    return [...this.#status];
  }

  restore(state: readonly number[]): void {
    for (const [index, status] of state.entries()) this.#status[index] = status;
  }

  reset(): void {
    for (let port = 0; port < this.#status.length; port++) {
      const device = this.#deviceOf(port);
      if (device !== undefined) this.#detach(port, device);
      this.#status[port] = PORT_POWER | (this.#companions[port] === undefined ? 0 : PORT_OWNER);
      if (device === undefined) continue;
      this.#attach(port, device);
      device.busReset();
    }
  }

  /** A companion takes ports from `first` on; it is theirs from the next reset on. */
  addCompanion(companion: UsbCompanion, first: number, count: number): readonly CompanionPort[] {
    const ports: CompanionPort[] = [];
    for (let index = 0; index < count; index++) {
      const port = first + index;
      this.#companions[port] = { companion, index };
      this.#status[port] = (this.#status[port] ?? 0) | PORT_OWNER;
      const device = (): UsbDevice | undefined => (this.#isOwn(port) ? undefined : this.#deviceOf(port));
      ports.push({
        get device() {
          return device();
        },
      });
    }
    return ports;
  }

  hasCompanion(port: number): boolean {
    return this.#companions[port] !== undefined;
  }

  attached({ index, device }: UsbPort): void {
    if (device !== undefined) this.#attach(index, device);
  }

  detached({ index }: UsbPort, device: UsbDevice): void {
    this.#detach(index, device);
  }

  /** True: the device is one of this controller's, which looks at its lists now. */
  wakesUp({ index }: UsbPort, resume: boolean): boolean {
    const companion = this.#isOwn(index) ? undefined : this.#companions[index];
    companion?.companion.companionWakesUp(companion.index, resume);
    if (companion !== undefined) return false;
    const status = this.#at(index);
    if (!resume || (status & PORT_SUSPEND) === 0) return true;
    this.#status[index] = status | PORT_RESUME;
    this.#wiring.changed();
    return true;
  }

  read(port: number): number {
    return this.#at(port);
  }

  /** The driver routes all ports to this controller. */
  takeAll(): void {
    for (let port = 0; port < this.#status.length; port++) this.#setOwner(port, false);
  }

  write(port: number, value: number): void {
    let status = this.#at(port) & ~(value & CLEARED_BY_ONE);
    if ((value & PORT_ENABLED) === 0) status &= ~PORT_ENABLED;
    this.#status[port] = status;
    this.#setOwner(port, (value & PORT_OWNER) !== 0);
    status = this.#at(port);
    let bits = value & WRITABLE;
    const device = this.#isOwn(port) ? this.#deviceOf(port) : undefined;
    if ((bits & PORT_RESET) === 0 && (status & PORT_RESET) !== 0 && device !== undefined) {
      device.busReset();
      status &= ~PORT_CSC;
      if ((device.speeds & SPEED_HIGH) !== 0) bits |= PORT_ENABLED;
    }
    if ((bits & PORT_RESUME) === 0 && (status & PORT_RESUME) !== 0) bits &= ~PORT_SUSPEND;
    this.#status[port] = (status & ~WRITABLE) | bits;
  }

  /** The device with the address that is behind an enabled port. */
  find(address: number): UsbDevice | undefined {
    for (let port = 0; port < this.#status.length; port++) {
      if ((this.#at(port) & PORT_ENABLED) === 0) continue;
      const found = this.#deviceOf(port)?.find(address);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #at(port: number): number {
    return this.#status[port] ?? 0;
  }

  #isOwn(port: number): boolean {
    return this.#companions[port] === undefined || (this.#at(port) & PORT_OWNER) === 0;
  }

  #deviceOf(port: number): UsbDevice | undefined {
    return this.#wiring.ports()[port]?.device;
  }

  #setOwner(port: number, isCompanions: boolean): void {
    if (this.#companions[port] === undefined || this.#isOwn(port) !== isCompanions) return;
    const device = this.#deviceOf(port);
    if (device !== undefined) this.#detach(port, device);
    this.#status[port] = isCompanions ? this.#at(port) | PORT_OWNER : this.#at(port) & ~PORT_OWNER;
    if (device !== undefined) this.#attach(port, device);
  }

  #attach(port: number, device: UsbDevice): void {
    // QEMU: also at a companion a device runs at the highest speed that it has.
    const companion = this.#companions[port];
    if (!this.#isOwn(port)) companion?.companion.companionAttached(companion.index, device);
    else {
      this.#status[port] = this.#at(port) | PORT_CONNECT | PORT_CSC;
      this.#wiring.changed();
    }
  }

  #detach(port: number, device: UsbDevice): void {
    const companion = this.#companions[port];
    if (!this.#isOwn(port)) {
      companion?.companion.companionDetached(companion.index);
      // QEMU: the port is the controller's again.
      this.#status[port] = this.#at(port) & ~PORT_OWNER;
      return;
    }
    this.#wiring.gone(device);
    this.#status[port] = (this.#at(port) & ~(PORT_CONNECT | PORT_ENABLED | PORT_SUSPEND)) | PORT_CSC;
    this.#wiring.changed();
  }
}
