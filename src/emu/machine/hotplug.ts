/**
 * The story of `device_add` and `device_del`, from the user's words to the device and back:
 *
 * add: type → bus → id → properties → `prePlug` (may refuse) → realize → `plug` (tells the guest)
 * del: device → `unplugRequest` (asks the guest) … the guest lets go … `unplug` → DEVICE_DELETED → the drive goes
 */

import type { IoErrorListener } from '../block/block-errors.ts';
import type { Drive, Drives } from '../block/drives.ts';
import type { Clock } from '../core/clock.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Options } from '../qdev/option-string.ts';
import type { PropertySpec, PropertyValue, PropertyValues } from '../qdev/properties.ts';
import { DRIVE, parseProperty } from '../qdev/properties.ts';
import type { DeviceRegistry, DeviceType, RealizedDevice } from './device-registry.ts';
import type { BusPlace, DeviceTree, Qbus, Qdev } from './qdev.ts';
import { PERIPHERAL, withDefaults } from './qdev.ts';

/** What devices need of the machine. */
export interface DeviceServices {
  readonly memory: DmaPort;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly drives: Drives;
  /** Makes the listener for errors of a drive's host. */
  readonly onBlockError?: (drive: Drive) => IoErrorListener;
}

/** A device that is being made; its bus decides where it goes. */
export interface NewDevice {
  readonly type: DeviceType;
  readonly id: string;
  readonly values: PropertyValues;
  readonly hotplugged: boolean;
}

/** A place on a bus that takes devices made by the user. */
export interface DevicePlace {
  /** Properties that follow from the place. */
  readonly values: PropertyValues;
  describe(realized: RealizedDevice): BusPlace;
  /** The device is realized: puts it there and, when hot-plugged, tells the guest. */
  plug(device: Qdev): void;
}

/** What a bus adds to QEMU's verbs for devices that the user makes. */
export interface PluggableBus {
  readonly bus: Qbus;
  /** Refuses the device, or reserves nothing and says where it would go. */
  prePlug(device: NewDevice): DevicePlace | MonitorError;
}

/** Properties of every object that cannot be set. */
const READ_ONLY = new Set(['type', 'hotplugged', 'hotpluggable', 'parent_bus']);

export class DeviceManager {
  readonly registry: DeviceRegistry;
  readonly tree: DeviceTree;
  readonly #services: DeviceServices;
  readonly #events: MachineEvents;
  readonly #buses = new Map<Qbus, PluggableBus>();
  #ready = false;
  #anonymous = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(registry: DeviceRegistry, tree: DeviceTree, services: DeviceServices, events: MachineEvents) {
    this.registry = registry;
    this.tree = tree;
    this.#services = services;
    this.#events = events;
  }

  /** A bus that takes devices made by the user. */
  registerBus(bus: PluggableBus): void {
    this.#buses.set(bus.bus, bus);
  }

  /** The board is complete: from now on devices come and go by hotplug, also before the first instruction. */
  machineReady(): void {
    this.#ready = true;
  }

  /** How many devices without an id the user asked for. */
  get anonymousDevices(): number {
    return this.#anonymous;
  }

  /** A snapshot is restored: the next device without an id gets this number. */
  set anonymousDevices(count: number) {
    this.#anonymous = count;
  }

  /** Makes a device and plugs it in. Rejects with `MonitorError`, having changed nothing. */
  add(options: Options): Promise<Qdev> {
    const turn = this.#turn.then(() => this.#add(options));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Asks that a device be taken out; the guest may answer much later, or never. Throws `MonitorError`. */
  delete(idOrPath: string): void {
    const device = this.#find(idOrPath);
    if (this.#isLeaving(device)) {
      throw new MonitorError(`Device ${idOrPath} is already in the process of unplug`);
    }
    const { bus, handler, type } = device;
    if (bus !== undefined && bus.handler === undefined) {
      throw new MonitorError(`Bus '${bus.name}' does not support hotplugging`);
    }
    if (!type.hotpluggable || handler === undefined) {
      throw new MonitorError(`Device '${type.name}' does not support hotplugging`);
    }
    const error = handler.unplugRequest(device);
    if (error !== undefined) throw error;
    device.unplugRequestedMs = this.#nowMs();
  }

  /** Ids that `device_del` would take, oldest first. */
  removable(): readonly string[] {
    return this.tree
      .peripherals()
      .filter(({ bus, type }) => bus?.handler !== undefined && type.hotpluggable)
      .map(({ id }) => id);
  }

  /** The device is off its bus: forgets it, tells everybody, gives back what it held. Called by its bus. */
  unplugged(device: Qdev): void {
    device.bus?.remove(device);
    for (const bus of device.buses) for (const child of bus.devices) this.#announce(child);
    device.release();
    this.#announce(device);
  }

  async #add(options: Options): Promise<Qdev> {
    const type = this.#typeOf(options);
    const bus = this.#busFor(type, options.get('bus'));
    const id = options.id ?? '';
    const qomPath = this.#pathFor(id);
    const { realize } = type;
    const pluggable = this.#buses.get(bus);
    const values = this.#values(type, options);
    if (realize === undefined || pluggable === undefined) {
      throw new MonitorError(`Device '${type.name}' can only be part of a board in this machine`);
    }
    const place = pluggable.prePlug({ type, id, values, hotplugged: this.#ready });
    if (place instanceof MonitorError) throw place;
    const realized = await realize({ id, qomPath, values, services: this.#services });
    return this.#plug(bus, { type, id, qomPath, options, values, realized, place });
  }

  #plug(
    bus: Qbus,
    made: {
      readonly type: DeviceType;
      readonly id: string;
      readonly qomPath: string;
      readonly options: Options;
      readonly values: PropertyValues;
      readonly realized: RealizedDevice;
      readonly place: DevicePlace;
    },
  ): Qdev {
    const { type, id, qomPath, options, realized, place } = made;
    const { device, children } = realized;
    const qdev = bus.add({
      type,
      id,
      qomPath,
      options,
      values: new Map([...made.values, ...realized.values, ...place.values]),
      place: () => place.describe(realized),
      device,
      release: () => realized.release(),
    });
    qdev.hotplugged = this.#ready;
    for (const child of children) {
      const { busName, busType } = child;
      qdev
        .addBus({ name: busName, type: busType, maxDevices: 1 })
        .add({ type: child.type, qomPath: `${qomPath}/${child.qomName}`, values: child.values });
    }
    place.plug(qdev);
    return qdev;
  }

  #typeOf(options: Options): DeviceType {
    const driver = options.get('driver');
    if (driver === undefined) throw new MonitorError("Parameter 'driver' is missing");
    const type = this.registry.find(driver);
    if (type === undefined) throw new MonitorError(`'${driver}' is not a valid device model name`);
    if (!type.userCreatable || (this.#ready && !type.hotpluggable)) {
      throw new MonitorError("Parameter 'driver' expects a pluggable device type");
    }
    return type;
  }

  #busFor(type: DeviceType, name: string | undefined): Qbus {
    const bus = name === undefined ? this.#busOfType(type) : this.#busNamed(type, name);
    if (this.#ready && bus.handler === undefined) {
      throw new MonitorError(`Bus '${bus.name}' does not support hotplugging`);
    }
    return bus;
  }

  #busNamed(type: DeviceType, name: string): Qbus {
    const bus = this.tree.findBus((one) => one.name === name);
    if (bus === undefined) throw new MonitorError(`Bus '${name}' not found`);
    if (bus.full) throw new MonitorError(`Bus '${name}' is full`);
    if (!takes(bus, type)) throw new MonitorError(`Device '${type.name}' can't go on ${bus.type} bus`);
    return bus;
  }

  #busOfType(type: DeviceType): Qbus {
    const bus = this.tree.findBus((one) => takes(one, type));
    if (bus === undefined || bus.full) {
      throw new MonitorError(`No '${type.busType}' bus found for device '${type.name}'`);
    }
    return bus;
  }

  #pathFor(id: string): string {
    // QEMU: counts also devices that could not be made.
    if (id === '') return `${PERIPHERAL}-anon/device[${this.#anonymous++}]`;
    const path = `${PERIPHERAL}/${id}`;
    if (this.tree.find(path) !== undefined) throw new MonitorError(`Duplicate device ID '${id}'`);
    return path;
  }

  #values(type: DeviceType, options: Options): PropertyValues {
    const known = [...type.properties, ...(type.options ?? [])];
    const given = new Map<string, PropertyValue>();
    for (const [name, text] of options.effective()) {
      if (name === 'driver' || name === 'bus') continue;
      const property = known.find((one) => one.name === name);
      if (property === undefined) throw propertyError(type, name);
      given.set(name, this.#value(type, property, text));
    }
    return withDefaults(known, given);
  }

  #value(type: DeviceType, property: PropertySpec, text: string): PropertyValue {
    const value = parseProperty(text, property, type.name);
    if (property.kind === DRIVE && text !== '') {
      const error = this.#services.drives.checkFree(text, property.owner ?? type.name);
      if (error !== undefined) throw error;
    }
    return value;
  }

  #find(idOrPath: string): Qdev {
    const device = this.tree.find(idOrPath);
    if (device !== undefined) return device;
    if (this.tree.isOther(idOrPath)) throw new MonitorError(`${idOrPath} is not a hotpluggable device`);
    throw new MonitorError(`Device '${idOrPath}' not found`, 'DeviceNotFound');
  }

  /** QEMU: a request made in the first virtual millisecond blocks all others; a later one may be repeated. */
  #isLeaving({ unplugRequestedMs }: Qdev): boolean {
    if (unplugRequestedMs === undefined) return false;
    return unplugRequestedMs === 0 || unplugRequestedMs > this.#nowMs();
  }

  #nowMs(): number {
    return Math.floor(this.#services.clock.nowNs() / 1_000_000);
  }

  #announce({ id, qomPath: path }: Qdev): void {
    this.#events.emit({ event: 'DEVICE_DELETED', data: id === '' ? { path } : { device: id, path } });
  }
}

function takes(bus: Qbus, type: DeviceType): boolean {
  return bus.type === type.busType || (type.busType === 'virtio-bus' && bus.type === 'virtio-pci-bus');
}

function propertyError(type: DeviceType, name: string): MonitorError {
  const what = READ_ONLY.has(name) ? 'is not writable' : 'not found';
  return new MonitorError(`Property '${type.name}.${name}' ${what}`);
}
