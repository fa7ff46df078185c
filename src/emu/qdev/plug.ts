/**
 * The story of `device_add` and `device_del`, from the user's words to the device and back:
 *
 * add: type → bus → id → properties → `prePlug` (may refuse) → realize → `plug` (tells the guest)
 * del: device → `unplugRequest` (asks the guest) … the guest lets go … what is on its buses leaves → `unplug` → DEVICE_DELETED
 *
 * The verbs are those of `hotplug-handler.ts`. A bus, or the machine for devices on no bus, implements them; they are called here alone.
 */
import { assert } from '../core/assert.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { inQdictOrder } from '../qapi/qdict-order.ts';
import { busAt } from './bus-path.ts';
import { type ChildDevice, type DeviceRegistry, type DeviceType, NewDevice } from './device-type.ts';
import type { Hardware } from './hardware.ts';
import type { HotplugHandler } from './hotplug-handler.ts';
import { PERIPHERAL, PERIPHERAL_ANON, type QomObject, UNATTACHED } from './objects.ts';
import { Options } from './option-string.ts';
import {
  checkFixed,
  type PropertyValue,
  type PropertyValues,
  readProperty,
  withDefaults,
} from './properties.ts';
import { CLOCK, EVENTS, ServiceName, type Services } from './services.ts';
import type { DeviceTree, Qbus, Qdev, QdevParts } from './tree.ts';
import { Values } from './values.ts';

/** Properties of every object that cannot be set. */
const READ_ONLY = new Set(['type', 'hotplugged', 'hotpluggable', 'parent_bus']);

/** What a snapshot says of a device that is made again. */
export interface RestoredDevice {
  readonly hotplugged: boolean;
  /** Values that its bus had chosen. */
  readonly places: PropertyValues;
  readonly unplugRequestedMs: number | undefined;
  /** Where it was in the tree of objects. */
  readonly path: string;
}

/** What a bus may do by itself, without a word of the user's. */
export interface DeviceMaker {
  /** Makes a device that the bus needs for another one, such as a hub that has room for it. */
  addForBus(driver: string, bus: Qbus, places: PropertyValues): void;
  /** Takes out a device that cannot stay, as what was plugged into a hub that is gone. */
  unplug(device: Qdev): void;
}

/** All devices, for one that has to do with another. */
export const DEVICE_TREE = new ServiceName<DeviceTree>('device-tree');
export const DEVICE_MAKER = new ServiceName<DeviceMaker>('device-maker');

/** A device that a bus made for another one. */
const MADE_FOR_BUS = new RegExp(`^${UNATTACHED}/(device\\[\\d{1,9}\\])$`);

export class DeviceManager implements DeviceMaker {
  /** Told when a device came or went. QEMU has an event only for those that go. */
  onChange: () => void = () => {};
  readonly registry: DeviceRegistry;
  readonly tree: DeviceTree;
  readonly #services: Services;
  readonly #events: MachineEvents;
  readonly #machineHandlers: {
    readonly handles: (type: DeviceType) => boolean;
    readonly handler: HotplugHandler;
  }[] = [];
  #ready = false;
  #anonymous = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param services what devices find of the machine; clock and events at least */
  constructor(registry: DeviceRegistry, tree: DeviceTree, services: Services) {
    this.registry = registry;
    this.tree = tree;
    this.#services = services;
    this.#events = services.get(EVENTS);
    services.provide(DEVICE_MAKER, this);
    services.provide(DEVICE_TREE, this.tree);
  }

  /** The board says who plugs and unplugs some devices: those on no bus, and those for which the bus alone does not suffice. */
  handle(handles: (type: DeviceType) => boolean, handler: HotplugHandler): void {
    this.#machineHandlers.push({ handles, handler });
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

  /**
   * Makes a device and plugs it in. Rejects with `MonitorError`, having changed nothing.
   * @param warn told what QEMU says of the device
   */
  add(options: Options<JsonValue>, warn: (text: string) => void = () => {}): Promise<Qdev> {
    return this.#inTurn(() => this.#add(options, undefined, warn));
  }

  /** Makes a device of a snapshot again. */
  restore(options: Options<JsonValue>, restored: RestoredDevice): Promise<Qdev> {
    return this.#inTurn(() => this.#add(options, restored, () => {}));
  }

  #inTurn(make: () => Promise<Qdev>): Promise<Qdev> {
    const turn = this.#turn.then(make);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Puts a device into the tree that a board has from the start, and on its bus. */
  addBuiltIn(parent: QomObject, name: string, parts: QdevParts): Qdev {
    const device = this.tree.insert(parent, name, parts);
    this.#handlerOf(parts.type, parts.bus)?.plug(device);
    return device;
  }

  /** Asks that a device be taken out; the guest may answer much later, or never. Throws `MonitorError`. */
  delete(idOrPath: string): void {
    const device = this.#find(idOrPath);
    if (this.#isLeaving(device)) {
      throw new MonitorError(`Device ${idOrPath} is already in the process of unplug`);
    }
    const { bus, type } = device;
    if (bus !== undefined && !bus.hotpluggable) {
      throw new MonitorError(`Bus '${bus.name}' does not support hotplugging`);
    }
    const handler = this.#handlerOf(type, bus);
    if (!type.hotpluggable || handler === undefined) {
      throw new MonitorError(`Device '${type.name}' does not support hotplugging`);
    }
    const answer = handler.unplugRequest(device);
    if (answer instanceof MonitorError) throw answer;
    if (answer === 'now') this.unplug(device);
    else if (answer === 'asked') device.unplugRequestedMs = this.#nowMs();
  }

  /** Ids that `device_del` would take, oldest first. */
  removable(): readonly string[] {
    return this.tree
      .peripherals()
      .filter(({ bus, type }) => bus?.hotpluggable !== false && type.hotpluggable)
      .map(({ id }) => id);
  }

  /**
   * The guest let go of the device, or nobody had to be asked: it leaves the machine, what is on its buses before it.
   * Called by whoever the guest answered: the bus's registers.
   */
  unplug(device: Qdev): void {
    const { id, path } = device;
    this.#unplugChildren(device);
    this.#handlerOf(device.type, device.bus)?.unplug(device);
    this.#remove(device);
    this.#events.emit({ event: 'DEVICE_DELETED', data: id === '' ? { path } : { device: id, path } });
    this.onChange();
  }

  /** A device that was realized and then not taken. */
  #takeApart(device: Qdev): void {
    this.#unplugChildren(device);
    this.#remove(device);
  }

  #unplugChildren(device: Qdev): void {
    for (const bus of device.buses) {
      // One that leaves may take others of its bus along.
      for (let child = bus.devices[0]; child !== undefined; child = bus.devices[0]) this.unplug(child);
    }
  }

  #remove(device: Qdev): void {
    this.tree.remove(device);
    device.hardware.release();
  }

  /** Makes the hardware of a device that a board or a bus wants and nobody asked for; it is in no place yet. */
  makeHardware(driver: string, path: string, values: PropertyValues): Hardware {
    const type = this.registry.find(driver);
    assert(type?.realize !== undefined, `there is a type ${driver}`);
    const all = new Values(withDefaults([...type.properties, ...(type.options ?? [])], values));
    const parts = { id: '', path, values: all, hotplugged: this.#ready, services: this.#services, warn() {} };
    const made = type.realize(parts);
    assert(!(made instanceof Promise), `a ${driver} is made at once`);
    return made.hardware;
  }

  addForBus(driver: string, bus: Qbus, places: PropertyValues): void {
    const type = this.registry.find(driver);
    assert(type !== undefined, `there is a type ${driver}`);
    const name = this.tree.nextUnattachedName();
    const hardware = this.makeHardware(driver, `${UNATTACHED}/${name}`, places);
    const request = { options: new Options<JsonValue>([['driver', driver]], undefined, false), places };
    const parts = { type, hardware, bus, values: places, hotplugged: this.#ready, request };
    this.addBuiltIn(this.tree.objects.container(UNATTACHED), name, parts);
  }

  async #add(
    options: Options<JsonValue>,
    restored: RestoredDevice | undefined,
    warn: (text: string) => void,
  ): Promise<Qdev> {
    const type = this.#typeOf(options, restored !== undefined);
    const bus = this.#busFor(type, text(options, 'bus'));
    const id = options.id ?? '';
    const [parent, name] = madeForBus(restored) ?? this.#pathFor(id);
    const path = `${parent}/${name}`;
    const values = this.#values(type, options);
    const handler = this.#handlerOf(type, bus);
    if (type.realize === undefined || handler === undefined) {
      throw new MonitorError(`Device '${type.name}' can only be part of a board in this machine`);
    }
    const hotplugged = restored?.hotplugged ?? this.#ready;
    const device = new NewDevice({
      type,
      id,
      bus,
      options,
      hotplugged,
      values: new Map([...values, ...(restored?.places ?? [])]),
    });
    const refused = handler.prePlug(device);
    if (refused !== undefined) throw refused;
    const realized = await type.realize({
      id,
      path,
      values: new Values(device.values),
      hotplugged,
      services: this.#services,
      warn: (text) => warn(`warning: ${text}`),
    });
    const qdev = this.tree.insert(this.tree.objects.container(parent), name, {
      type,
      id,
      bus,
      hotplugged,
      hardware: realized.hardware,
      gpios: realized.gpios ?? [],
      values: new Map([...device.values, ...(realized.values ?? [])]),
      request: { options, places: device.places },
    });
    qdev.unplugRequestedMs = restored?.unplugRequestedMs;
    try {
      for (const child of realized.children ?? []) await this.#addChild(qdev, child);
      const late = handler.refuse?.(qdev);
      if (late !== undefined) throw late;
    } catch (error) {
      this.#takeApart(qdev);
      throw error;
    }
    handler.plug(qdev);
    this.onChange();
    return qdev;
  }

  /** Makes a device that belongs to another one; it is said in no snapshot, because the other one makes it again. */
  async #addChild({ buses: [bus], hotplugged }: Qdev, { driver, name, values }: ChildDevice): Promise<void> {
    const type = this.registry.find(driver);
    const handler = bus?.handler;
    assert(type?.realize !== undefined && bus !== undefined && handler !== undefined, `${name} can be made`);
    const all = withDefaults([...type.properties, ...(type.options ?? [])], values);
    const options = new Options<JsonValue>([['driver', driver]], undefined, false);
    const device = new NewDevice({ type, id: '', bus, options, hotplugged, values: all });
    const refused = handler.prePlug(device);
    if (refused !== undefined) throw refused;
    const path = `${bus.path}/${name}`;
    const asked = { id: '', path, values: new Values(device.values), hotplugged, services: this.#services };
    const realized = await type.realize({ ...asked, warn() {} });
    const { hardware, values: chosen = [] } = realized;
    const parts = { type, bus, hotplugged, hardware, values: new Map([...device.values, ...chosen]) };
    handler.plug(this.tree.insert(bus, name, parts));
  }

  #handlerOf(type: DeviceType, bus: Qbus | undefined): HotplugHandler | undefined {
    return this.#machineHandlers.find(({ handles }) => handles(type))?.handler ?? bus?.handler;
  }

  #typeOf(options: Options<JsonValue>, restoring: boolean): DeviceType {
    const driver = text(options, 'driver');
    if (driver === undefined) throw new MonitorError("Parameter 'driver' is missing");
    const type = this.registry.find(driver);
    if (type === undefined) throw new MonitorError(`'${driver}' is not a valid device model name`);
    if (!type.userCreatable || (this.#ready && !restoring && !type.hotpluggable)) {
      throw new MonitorError("Parameter 'driver' expects a pluggable device type");
    }
    return type;
  }

  #busFor(type: DeviceType, name: string | undefined): Qbus | undefined {
    if (type.busType === undefined) {
      if (name !== undefined) this.#busNamed(type, name);
      if (this.#ready && this.#handlerOf(type, undefined) === undefined) {
        throw new MonitorError(`Device '${type.name}' can not be hotplugged on this machine`);
      }
      return undefined;
    }
    const bus = name === undefined ? this.#busOfType(type) : this.#busNamed(type, name);
    if (this.#ready && !bus.hotpluggable) {
      throw new MonitorError(`Bus '${bus.name}' does not support hotplugging`);
    }
    return bus;
  }

  #busNamed(type: DeviceType, name: string): Qbus {
    const bus = busAt(this.tree, name);
    if (bus.full) throw new MonitorError(`Bus '${name}' is full`);
    if (!bus.takes(type)) throw new MonitorError(`Device '${type.name}' can't go on ${bus.type} bus`);
    return bus;
  }

  #busOfType(type: DeviceType): Qbus {
    const bus = this.tree.findBus((one) => one.takes(type));
    if (bus === undefined || bus.full) {
      throw new MonitorError(`No '${type.busType}' bus found for device '${type.name}'`);
    }
    return bus;
  }

  #pathFor(id: string): readonly [parent: string, name: string] {
    // QEMU: counts also devices that could not be made.
    if (id === '') return [PERIPHERAL_ANON, `device[${this.#anonymous++}]`];
    if (this.tree.find(id) !== undefined) throw new MonitorError(`Duplicate device ID '${id}'`);
    return [PERIPHERAL, id];
  }

  #values(type: DeviceType, options: Options<JsonValue>): PropertyValues {
    const known = [...type.properties, ...(type.options ?? [])];
    const given = new Map<string, PropertyValue>();
    const effective = options.effective();
    // QEMU: of several that are wrong, the first in the order of its tables is told.
    for (const name of inQdictOrder([...effective.keys()])) {
      const value = effective.get(name);
      if (name === 'driver' || name === 'bus' || value === undefined) continue;
      const property = known.find((one) => one.name === name);
      if (property === undefined) throw propertyError(type, name);
      const own = type.properties.includes(property) && options.id !== undefined ? { id: options.id } : {};
      const use = { property, owner: type.name, services: this.#services, ...own };
      given.set(name, readProperty(value, options.json, use));
    }
    for (const property of known) {
      if (given.has(property.name)) checkFixed(property, given.get(property.name), type.name);
    }
    return withDefaults(known, given);
  }

  #find(idOrPath: string): Qdev {
    const device = this.tree.find(idOrPath);
    if (device !== undefined) return device;
    // QEMU: no path leads to the root of all objects, which is no device.
    if (idOrPath === '' || this.tree.isOther(idOrPath))
      throw new MonitorError(`${idOrPath} is not a hotpluggable device`);
    throw new MonitorError(`Device '${idOrPath}' not found`, 'DeviceNotFound');
  }

  /** QEMU: a request made in the first virtual millisecond blocks all others; a later one may be repeated. */
  #isLeaving({ unplugRequestedMs }: Qdev): boolean {
    if (unplugRequestedMs === undefined) return false;
    return unplugRequestedMs === 0 || unplugRequestedMs > this.#nowMs();
  }

  #nowMs(): number {
    return Math.floor(this.#services.get(CLOCK).nowNs() / 1_000_000);
  }
}

/** Where a device was that a bus had made; undefined: the user did. */
function madeForBus(
  restored: RestoredDevice | undefined,
): readonly [parent: string, name: string] | undefined {
  const name = MADE_FOR_BUS.exec(restored?.path ?? '')?.[1];
  return name === undefined ? undefined : [UNATTACHED, name];
}

/** An option that is a text. QEMU: given as JSON of another type, it is as if it were not given. */
function text(options: Options<JsonValue>, key: string): string | undefined {
  const value = options.get(key);
  return typeof value === 'string' ? value : undefined;
}

function propertyError(type: DeviceType, name: string): MonitorError {
  const what = READ_ONLY.has(name) ? 'is not writable' : 'not found';
  return new MonitorError(`Property '${type.name}.${name}' ${what}`);
}
