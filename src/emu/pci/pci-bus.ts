/** A PCI bus: which function sits at which devfn, and where its interrupt pin leads. */
import type { AddressSpace } from '../bus/address-space.ts';
import { assert } from '../core/assert.ts';
import type { AccessSize } from '../core/device.ts';
import type { IrqLine, MsiSink } from '../core/irq.ts';
import { UNCONNECTED, WiredOr } from '../core/irq.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { BridgeReserve } from './bridge-reserve.ts';
import type { PciDevice, PciIdentity } from './pci-device.ts';

const DEVFNS = 256;
const FUNCTIONS_PER_SLOT = 8;

export const pciSlot = (devfn: number): number => devfn >>> 3;
export const pciFunction = (devfn: number): number => devfn & 7;
export const pciDevfn = (slot: number, fn: number): number => (slot << 3) | fn;

/** QEMU's `addr=` value, `SLOT` or `SLOT.FUNCTION` in hexadecimal, as a devfn; undefined when it is none. */
export function parsePciAddress(text: string): number | undefined {
  const match = /^\s*\+?(?:0x)?([0-9a-f]+)(?:\.\+?(?:0x)?([0-9a-f]+))?$/i.exec(text);
  if (match === null) return undefined;
  const slot = Number.parseInt(match[1] ?? '', 16);
  const func = Number.parseInt(match[2] ?? '0', 16);
  if (slot >= DEVFNS / FUNCTIONS_PER_SLOT || func >= FUNCTIONS_PER_SLOT) return undefined;
  return pciDevfn(slot, func);
}

/** What its owner gives a bus: the board a root bus, a bridge the bus behind it. */
export interface PciBusWiring {
  readonly name: string;
  /** Its number in configuration cycles; absent: 0, as a root bus has it. */
  readonly number?: () => number;
  /** The bridge behind which it is; absent: it is a root bus. */
  readonly bridge?: PciDevice;
  readonly io: AddressSpace;
  readonly memory: AddressSpace;
  readonly msi: MsiSink;
  /** Where the bus's functions read and write when they master it. */
  readonly dma: DmaPort;
  /** One more driver of the wire to which the owner leads interrupt pin `pin` (1 for INTA#) of the function at `devfn`. */
  readonly intx: (devfn: number, pin: number) => IrqLine;
}

/** What a bus must know of a bridge that is on it. */
export interface BusBridge {
  readonly secondary: PciBus;
  /** It has a hotplug controller, for whose devices firmware leaves room. */
  readonly takesHotplug: boolean;
  /** What firmware is asked to leave free behind it. */
  readonly reserve: BridgeReserve | undefined;
  /** It passes configuration cycles for the bus of that number on, which is further behind it. */
  forwards(bus: number): boolean;
}

/** What must be known of a function to find its place. */
export interface NewFunction {
  readonly identity: Pick<PciIdentity, 'type' | 'multifunction'>;
}

/** The i440FX board's wiring: INTA# of slot 1 is PIRQA#, and each slot is one further. `pin` is 1 for INTA#. */
export function i440fxPirq(devfn: number, pin: number): number {
  return (pin - 1 + pciSlot(devfn) - 1) & 3;
}

/** That wiring to four wires, which many functions share. */
export function i440fxIntx(
  pirqs: readonly [IrqLine, IrqLine, IrqLine, IrqLine],
): (devfn: number, pin: number) => IrqLine {
  const shared = pirqs.map((line) => new WiredOr(line));
  return (devfn, pin) => shared[i440fxPirq(devfn, pin)]?.input() ?? UNCONNECTED;
}

/** Spec: PCI-to-PCI Bridge 1.2 §9.1: behind a bridge INTA# of slot 0 is its INTA#, and each slot is one further. */
export function swizzledPin(devfn: number, pin: number): number {
  return ((pin - 1 + pciSlot(devfn)) & 3) + 1;
}

export class PciBus {
  readonly name: string;
  readonly #wiring: PciBusWiring;
  readonly #devices: (PciDevice | undefined)[] = new Array(DEVFNS).fill(undefined);
  /** Those of `#devices`, newest first. */
  readonly #bridges: BusBridge[] = [];
  #reservedSlots = 0;

  constructor(wiring: PciBusWiring) {
    this.name = wiring.name;
    this.#wiring = wiring;
  }

  /** Its number in configuration cycles, which a guest gives it. */
  get number(): number {
    return this.#wiring.number?.() ?? 0;
  }

  /** The bridge behind which it is; undefined: it is a root bus. */
  get parentBridge(): PciDevice | undefined {
    return this.#wiring.bridge;
  }

  /** The bridges on it, newest first, as QEMU has them. */
  get bridges(): readonly BusBridge[] {
    return this.#bridges;
  }

  /**
   * The bus of that number, this one or one behind it, that a configuration cycle reaches; undefined: none.
   * QEMU: a bus that has the number is found though its bridge holds it in reset; what is further behind is not.
   */
  find(number: number): PciBus | undefined {
    if (this.number === number) return this;
    let bridge: BusBridge | undefined;
    for (let bus: PciBus | undefined = this; bus !== undefined; bus = bridge?.secondary) {
      bridge = undefined;
      for (const one of bus.bridges) {
        if (one.secondary.number === number) return one.secondary;
        if (!one.forwards(number)) continue;
        bridge = one;
        break;
      }
    }
    return undefined;
  }

  device(devfn: number): PciDevice | undefined {
    return this.#devices[devfn];
  }

  /** All functions, lowest devfn first. */
  devices(): PciDevice[] {
    return this.#devices.filter((device) => device !== undefined);
  }

  /** Keeps `device_add` out of a slot. */
  reserveSlot(slot: number): void {
    this.#reservedSlots |= 1 << slot;
  }

  /**
   * The devfn a new function goes to: `wanted`, or the first slot whose function 0 is free.
   * @returns QEMU's error when the place is taken, reserved or would not be seen by the guest.
   */
  place(device: NewFunction, wanted: number | undefined, hotplugged: boolean): number | MonitorError {
    const { type } = device.identity;
    const devfn = wanted ?? this.#firstFree();
    if (devfn === undefined) {
      return new MonitorError(`PCI: no slot/function available for ${type}, all in use or reserved`);
    }
    const where = `slot ${pciSlot(devfn)} function ${pciFunction(devfn)}`;
    if (this.#isReserved(devfn)) {
      return new MonitorError(`PCI: ${where} not available for ${type}, reserved`);
    }
    const there = this.#devices[devfn];
    if (there !== undefined) {
      const by = `${there.identity.type},id=${there.id || '(null)'}`;
      return new MonitorError(`PCI: ${where} not available for ${type}, in use by ${by}`);
    }
    return this.#multifunctionError(device, devfn, hotplugged) ?? devfn;
  }

  /** Plugs a function into a free devfn; `hotplugged` once the machine runs. */
  add(device: PciDevice, devfn: number, hotplugged = false): void {
    assert(this.#devices[devfn] === undefined, `devfn ${devfn} of ${this.name} is taken`);
    this.#devices[devfn] = device;
    device.hotplugged = hotplugged;
    const { io, memory, msi, dma } = this.#wiring;
    const pin = device.identity.interruptPin ?? 0;
    const wire = pin === 0 ? UNCONNECTED : this.#wiring.intx(devfn, pin);
    const setIntx = (level: boolean): void => wire.set(level);
    device.attach({ bus: this, io, memory, msi, dma, setIntx }, devfn);
    const { bridge } = device;
    if (bridge !== undefined) this.#bridges.unshift(bridge);
  }

  /** Takes a function out, at any time. */
  remove(device: PciDevice): void {
    assert(this.#devices[device.devfn] === device, `${device.identity.type} is not on ${this.name}`);
    this.#devices[device.devfn] = undefined;
    const { bridge } = device;
    if (bridge !== undefined) this.#bridges.splice(this.#bridges.indexOf(bridge), 1);
    device.detach();
  }

  /** One more driver of the wire to which an interrupt pin leads from here; for bridges, which pass on those behind them. */
  intx(devfn: number, pin: number): IrqLine {
    return this.#wiring.intx(devfn, pin);
  }

  /** A configuration read; nobody there reads all ones. */
  configRead(devfn: number, offset: number, size: AccessSize): number {
    const device = this.#visible(devfn);
    return device === undefined ? OPEN_BUS[size] : device.configRead(offset, size);
  }

  configWrite(devfn: number, offset: number, size: AccessSize, value: number): void {
    this.#visible(devfn)?.configWrite(offset, size, value);
  }

  /** QEMU: functions that were hot-added before their function 0 stay unseen until it arrives. */
  #visible(devfn: number): PciDevice | undefined {
    const device = this.#devices[devfn];
    if (device?.hotplugged && this.#devices[pciDevfn(pciSlot(devfn), 0)] === undefined) return undefined;
    return device;
  }

  #isReserved(devfn: number): boolean {
    return ((this.#reservedSlots >>> pciSlot(devfn)) & 1) !== 0;
  }

  #firstFree(): number | undefined {
    for (let devfn = 0; devfn < DEVFNS; devfn += FUNCTIONS_PER_SLOT) {
      if (this.#devices[devfn] === undefined && !this.#isReserved(devfn)) return devfn;
    }
    return undefined;
  }

  #multifunctionError(device: NewFunction, devfn: number, hotplugged: boolean): MonitorError | undefined {
    const slot = pciSlot(devfn);
    const first = this.#devices[pciDevfn(slot, 0)];
    const { type } = device.identity;
    if (pciFunction(devfn) !== 0) {
      if (hotplugged && first !== undefined) {
        return new MonitorError(
          `PCI: slot ${slot} function 0 already occupied by ${first.identity.type}, new func ${type} cannot be exposed to guest.`,
        );
      }
      if (first !== undefined && !first.identity.multifunction) {
        const where = `${slot.toString(16)}.${pciFunction(devfn).toString(16)}`;
        return new MonitorError(`PCI: single function device can't be populated in function ${where}`);
      }
      return undefined;
    }
    if (device.identity.multifunction) return undefined;
    for (let fn = 1; fn < FUNCTIONS_PER_SLOT; fn++) {
      if (this.#devices[pciDevfn(slot, fn)] !== undefined) {
        const at = slot.toString(16);
        return new MonitorError(
          `PCI: ${at}.0 indicates single function, but ${at}.${fn.toString(16)} is already populated.`,
        );
      }
    }
    return undefined;
  }
}
