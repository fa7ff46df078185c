/** The machine's devices as a tree of buses: who sits where, under which id and path. What `info qtree` shows. */
import { assert } from '../core/assert.ts';
import type { HotplugHandler } from '../core/hotplug.ts';
import type { PciDevice } from '../pci/pci-device.ts';
import type { PciDeviceInfo } from '../pci/pci-info.ts';
import type { Options } from '../qdev/option-string.ts';
import type { PropertySpec, PropertyValue, PropertyValues } from '../qdev/properties.ts';
import type { DeviceType } from './device-registry.ts';

/** What a bus knows of a device beside its properties. */
export type BusPlace =
  | { readonly kind: 'pci'; readonly className: string; readonly pci: PciDeviceInfo }
  | { readonly kind: 'system'; readonly mmio: readonly { readonly base: number; readonly size: number }[] };

/** A named group of interrupt wires, as QEMU counts them. */
export interface GpioLines {
  readonly direction: 'in' | 'out';
  readonly name: string;
  readonly count: number;
}

export interface QdevDescription {
  readonly type: DeviceType;
  readonly id?: string;
  readonly qomPath: string;
  /** How the user asked for it; absent for what is part of the board. */
  readonly options?: Options;
  /** What differs from the type's defaults; a function is asked each time. */
  readonly values?: ReadonlyMap<string, PropertyValue | (() => PropertyValue)>;
  readonly gpios?: readonly GpioLines[];
  readonly place?: () => BusPlace;
  /** The function's hardware, for PCI devices. */
  readonly device?: PciDevice;
  /** Gives back what the device took from the machine. */
  readonly release?: () => void;
  /** Who plugs and unplugs it, when that is not its bus. */
  readonly handler?: HotplugHandler<Qdev>;
}

export interface QbusDescription {
  readonly name: string;
  readonly type: string;
  /** Absent: the bus does not support hotplugging. */
  readonly handler?: HotplugHandler<Qdev>;
  /** Devices that it takes at most. */
  readonly maxDevices?: number;
}

export class Qbus {
  readonly name: string;
  readonly type: string;
  readonly handler: HotplugHandler<Qdev> | undefined;
  readonly #devices: Qdev[] = [];
  readonly #maxDevices: number;

  constructor({ name, type, handler, maxDevices = Number.POSITIVE_INFINITY }: QbusDescription) {
    this.name = name;
    this.type = type;
    this.handler = handler;
    this.#maxDevices = maxDevices;
  }

  /** Newest first, as QEMU lists them. */
  get devices(): readonly Qdev[] {
    return this.#devices;
  }

  get full(): boolean {
    return this.#devices.length >= this.#maxDevices;
  }

  /** Puts a device on the bus and gives it back. */
  add(description: QdevDescription): Qdev {
    const device = new Qdev(description, this);
    this.#devices.unshift(device);
    return device;
  }

  remove(device: Qdev): void {
    const at = this.#devices.indexOf(device);
    assert(at >= 0, `${device.qomPath} is not on bus ${this.name}`);
    this.#devices.splice(at, 1);
  }
}

export class Qdev {
  readonly type: DeviceType;
  readonly id: string;
  readonly qomPath: string;
  readonly gpios: readonly GpioLines[];
  readonly bus: Qbus | undefined;
  readonly device: PciDevice | undefined;
  readonly options: Options | undefined;
  hotplugged = false;
  /** Virtual milliseconds of the last unplug request; undefined: none is pending. */
  unplugRequestedMs: number | undefined;
  readonly #buses: Qbus[] = [];
  readonly #values: ReadonlyMap<string, PropertyValue | (() => PropertyValue)>;
  readonly #place: (() => BusPlace) | undefined;
  readonly #release: (() => void) | undefined;
  readonly #handler: HotplugHandler<Qdev> | undefined;

  constructor(description: QdevDescription, bus: Qbus | undefined) {
    this.type = description.type;
    this.id = description.id ?? '';
    this.qomPath = description.qomPath;
    this.gpios = description.gpios ?? [];
    this.device = description.device;
    this.options = description.options;
    this.bus = bus;
    this.#values = description.values ?? new Map();
    this.#place = description.place;
    this.#release = description.release;
    this.#handler = description.handler;
  }

  /** Newest first, as QEMU lists them. */
  get buses(): readonly Qbus[] {
    return this.#buses;
  }

  get handler(): HotplugHandler<Qdev> | undefined {
    return this.#handler ?? this.bus?.handler;
  }

  get place(): BusPlace | undefined {
    return this.#place?.();
  }

  addBus(description: QbusDescription): Qbus {
    const bus = new Qbus(description);
    this.#buses.unshift(bus);
    return bus;
  }

  value(property: PropertySpec): PropertyValue {
    if (!this.#values.has(property.name)) return property.default;
    const value = this.#values.get(property.name);
    return typeof value === 'function' ? value() : value;
  }

  release(): void {
    this.#release?.();
  }
}

/** Objects of QEMU's composition tree that are no devices. */
const CONTAINERS = ['/machine', '/machine/peripheral', '/machine/peripheral-anon', '/machine/unattached'];
export const PERIPHERAL = '/machine/peripheral';

/** The whole tree, from the system bus down. */
export class DeviceTree {
  readonly systemBus: Qbus = new Qbus({ name: 'main-system-bus', type: 'System' });
  /** Devices on no bus: the processors. */
  readonly #busless: Qdev[] = [];

  addBusless(description: QdevDescription): Qdev {
    const device = new Qdev(description, undefined);
    this.#busless.push(device);
    return device;
  }

  /** Every device, parents before children. */
  *devices(bus: Qbus = this.systemBus): Generator<Qdev> {
    if (bus === this.systemBus) yield* this.#busless;
    for (const device of bus.devices) {
      yield device;
      for (const child of device.buses) yield* this.devices(child);
    }
  }

  /** The bus of that name, or the first one that `accepts`; a full one only when there is no other. */
  findBus(accepts: (bus: Qbus) => boolean, from: Qbus = this.systemBus): Qbus | undefined {
    let full: Qbus | undefined;
    for (const bus of this.#buses(from)) {
      if (!accepts(bus)) continue;
      if (!bus.full) return bus;
      full ??= bus;
    }
    return full;
  }

  /** A device by id, or by path below /machine. */
  find(idOrPath: string): Qdev | undefined {
    const path = idOrPath.startsWith('/') ? idOrPath : `${PERIPHERAL}/${idOrPath}`;
    for (const device of this.devices()) if (device.qomPath === path) return device;
    return undefined;
  }

  /** True for a path of something that is there, but no device. */
  isOther(path: string): boolean {
    return CONTAINERS.includes(path);
  }

  /** Devices with an id, oldest first. */
  peripherals(): readonly Qdev[] {
    return [...this.devices()].filter(({ id }) => id !== '').reverse();
  }

  *#buses(bus: Qbus): Generator<Qbus> {
    yield bus;
    for (const device of bus.devices) {
      for (const child of device.buses) yield* this.#buses(child);
    }
  }
}

/** Values over the defaults of `properties`; all properties have one. */
export function withDefaults(properties: readonly PropertySpec[], given: PropertyValues): PropertyValues {
  const values = new Map<string, PropertyValue>();
  for (const property of properties) values.set(property.name, property.default);
  for (const [name, value] of given) values.set(name, value);
  return values;
}
