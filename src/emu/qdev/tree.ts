/** The machine's devices as a tree of buses: who sits where, under which id and path. What `info qtree` shows. */
import { assert } from '../core/assert.ts';
import type { IrqWires } from '../core/irq.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import type { DeviceType } from './device-type.ts';
import type { BuiltInDevice, Hardware, NewBus } from './hardware.ts';
import type { HotplugHandler } from './hotplug-handler.ts';
import { type ObjectTree, PERIPHERAL, QomObject, type QomProperty, UNATTACHED } from './objects.ts';
import type { Options } from './option-string.ts';
import type { PropertySpec, PropertyValue, PropertyValues } from './properties.ts';

/** A named group of interrupt wires, as QEMU counts them. */
export interface GpioLines {
  readonly direction: 'in' | 'out';
  readonly name: string;
  readonly count: number;
  /** The wires themselves, where qtest may listen on them. */
  readonly wires?: IrqWires | undefined;
}

export interface QdevParts {
  readonly type: DeviceType;
  readonly hardware: Hardware;
  /** Absent: it is on no bus. */
  readonly bus?: Qbus | undefined;
  readonly id?: string;
  /** What differs from the type's defaults; a function is asked each time. */
  readonly values?: ReadonlyMap<string, PropertyValue | (() => PropertyValue)>;
  readonly gpios?: readonly GpioLines[];
  readonly hotplugged?: boolean;
  /** Of those on its bus it comes right before this one, which was made before it all the same; absent: it is the newest. */
  readonly olderThan?: Qdev | undefined;
  /** How the user asked for it; absent for what is part of the board or of another device. */
  readonly request?: DeviceRequest;
}

export interface DeviceRequest {
  readonly options: Options<JsonValue>;
  /** Values that the bus chose. */
  readonly places: PropertyValues;
}

export class Qbus extends QomObject {
  readonly type: string;
  readonly handler: HotplugHandler | undefined;
  /** It takes and gives up devices while the machine runs. */
  readonly hotpluggable: boolean;
  /** The device that it is part of; none for the system bus. */
  readonly owner: Qdev | undefined;
  readonly #busName: string;
  readonly #takes: readonly string[];
  readonly #print: (device: Qdev) => readonly string[];
  readonly #maxDevices: number;
  readonly #properties: readonly QomProperty[];
  readonly #devices: Qdev[] = [];
  /** By the number of its link; QEMU: none comes twice. */
  readonly #links = new Map<Qdev, number>();
  #nextLink = 0;

  constructor(name: string, bus: NewBus, owner: Qdev | undefined) {
    super(bus.type, 'bus');
    this.#busName = name;
    this.type = bus.type;
    this.owner = owner;
    this.handler = bus.handler;
    this.hotpluggable = bus.handler !== undefined && bus.coldPlugOnly !== true;
    this.#takes = [bus.type, ...(bus.alsoTakes ?? [])];
    this.#print = bus.print ?? (() => []);
    this.#properties = bus.properties ?? [];
    this.#maxDevices = bus.maxDevices ?? Number.POSITIVE_INFINITY;
  }

  /** QEMU's name of the bus, which for the system bus is not its name in the tree. */
  override get name(): string {
    return this.#busName;
  }

  /** Newest first, as QEMU lists them. */
  get devices(): readonly Qdev[] {
    return this.#devices;
  }

  get full(): boolean {
    return this.#devices.length >= this.#maxDevices;
  }

  takes({ busType }: DeviceType): boolean {
    return busType !== undefined && this.#takes.includes(busType);
  }

  /** Where the device is on the bus, as lines of `info qtree`. */
  print(device: Qdev): readonly string[] {
    return this.#print(device);
  }

  protected override ownProperties(): readonly QomProperty[] {
    const links = [...this.#links].map(([device, number]) => ({
      name: `child[${number}]`,
      typeName: `link<${device.type.name}>`,
      read: () => device.path,
    }));
    return [
      { name: 'realized', typeName: 'bool', read: () => true },
      // Not modelled: reading it. A handler of ours need not be a device.
      { name: 'hotplug-handler', typeName: 'link<hotplug-handler>' },
      ...this.#properties,
      ...links,
    ];
  }

  /** Called by the tree. @param newer the device on it that is to be the next newer one; absent: there is none */
  add(device: Qdev, newer: Qdev | undefined): void {
    this.#links.set(device, this.#nextLink++);
    this.#devices.splice(newer === undefined ? 0 : this.#devices.indexOf(newer) + 1, 0, device);
  }

  /** Called by the tree. */
  remove(device: Qdev): void {
    const at = this.#devices.indexOf(device);
    assert(at >= 0, `${device.path} is not on bus ${this.name}`);
    this.#devices.splice(at, 1);
    this.#links.delete(device);
  }
}

export class Qdev extends QomObject {
  readonly type: DeviceType;
  readonly hardware: Hardware;
  readonly id: string;
  readonly gpios: readonly GpioLines[];
  readonly bus: Qbus | undefined;
  readonly request: DeviceRequest | undefined;
  /** It came while the machine ran. */
  readonly hotplugged: boolean;
  /** Virtual milliseconds of the last unplug request; undefined: none is pending. */
  unplugRequestedMs: number | undefined;
  readonly #buses: Qbus[] = [];
  readonly #values: ReadonlyMap<string, PropertyValue | (() => PropertyValue)>;

  constructor(parts: QdevParts) {
    super(parts.type.name, 'device');
    this.type = parts.type;
    this.hardware = parts.hardware;
    this.id = parts.id ?? '';
    this.gpios = parts.gpios ?? [];
    this.bus = parts.bus;
    this.request = parts.request;
    this.hotplugged = parts.hotplugged ?? false;
    this.#values = parts.values ?? new Map();
  }

  /** Newest first, as QEMU lists them. */
  get buses(): readonly Qbus[] {
    return this.#buses;
  }

  value(property: PropertySpec): PropertyValue {
    if (!this.#values.has(property.name)) return property.default;
    const value = this.#values.get(property.name);
    return typeof value === 'function' ? value() : value;
  }

  /** The value of the property of that name; undefined when the type has none. */
  valueNamed(name: string): PropertyValue {
    const property = this.type.properties.find((one) => one.name === name);
    return property === undefined ? undefined : this.value(property);
  }

  protected override ownProperties(): readonly QomProperty[] {
    const { type, bus, hotplugged } = this;
    const fixed = (name: string, typeName: string, value: JsonValue): QomProperty => ({
      name,
      typeName,
      read: () => value,
    });
    const specs = [...type.properties, ...(type.options ?? [])];
    return [
      fixed('parent_bus', 'link<bus>', bus?.path ?? ''),
      // Not modelled: realizing and unrealizing by hand.
      fixed('realized', 'bool', true),
      fixed('hotplugged', 'bool', hotplugged),
      fixed('hotpluggable', 'bool', type.hotpluggable),
      ...(this.hardware.ownProperties?.(this) ??
        specs.filter((spec) => !spec.kind.typeName.startsWith('child<')).map((spec) => this.#property(spec))),
    ];
  }

  /** An option of the type that is a property of a device inside this one is that one's. */
  #property(spec: PropertySpec): QomProperty {
    const isOption = !this.type.properties.includes(spec);
    const inner = this.children.filter((child) => child instanceof Qdev);
    const owner = isOption ? inner.find((child) => child.#has(spec.name)) : undefined;
    return (owner ?? this).#ownProperty(spec);
  }

  #has(name: string): boolean {
    return [...this.type.properties, ...(this.type.options ?? [])].some((spec) => spec.name === name);
  }

  #ownProperty(spec: PropertySpec): QomProperty {
    const { name, kind } = spec;
    const live = this.hardware.liveProperties?.find((one) => one.name === name);
    return {
      name,
      typeName: kind.typeName,
      read: () => (live === undefined ? kind.toJson(this.value(spec)) : live.read()),
      write: (given) => {
        if (live?.write !== undefined) live.write(given);
        else if (spec.kind.isReadOnly === true || live !== undefined) throw this.#notWritable(name);
        else throw this.realizedError(name, kind.typeName.startsWith('link<') ? 'link property' : 'property');
      },
    };
  }

  #notWritable(name: string): MonitorError {
    return new MonitorError(`Property '${this.type.name}.${name}' is not writable`);
  }

  /** QEMU: most properties are for a device that is being made. */
  realizedError(name: string, kind: 'property' | 'link property'): MonitorError {
    const named = `device '${this.id || '(null)'}'`;
    const device = kind === 'link property' || this.id !== '' ? named : 'anonymous device';
    return new MonitorError(
      `Attempt to set ${kind} '${name}' on ${device} (type '${this.type.name}') after it was realized`,
    );
  }

  /** A property as it is now, of the device itself or of one inside it; undefined when there is none. */
  read(name: string): JsonValue | undefined {
    return this.properties()
      .find((property) => property.name === name)
      ?.read?.();
  }

  /** Called by the tree. */
  addBus(bus: Qbus): void {
    this.#buses.unshift(bus);
  }
}

/** The whole tree, from the system bus down. */
export class DeviceTree {
  readonly objects: ObjectTree;
  readonly systemBus: Qbus;
  /** Oldest first, so that every device comes after the one it is part of. */
  readonly #devices: Qdev[] = [];
  /** How many buses of a type were named automatically. */
  readonly #named = new Map<string, number>();
  #skipped = 0;

  /** @param systemBus the bus of all that is soldered to the board's own address space */
  constructor(objects: ObjectTree, systemBus: Pick<NewBus, 'print'> = {}) {
    this.objects = objects;
    const bus = new Qbus('main-system-bus', { type: 'System', ...systemBus }, undefined);
    this.systemBus = objects.container(UNATTACHED).addChild('sysbus', bus);
  }

  /** Puts a device into the tree, below `parent` and on its bus, with all that comes with it. */
  insert(parent: QomObject, name: string, parts: QdevParts): Qdev {
    const device = parent.addChild(name, new Qdev(parts));
    this.#devices.push(device);
    device.bus?.add(device, parts.olderThan);
    for (const bus of parts.hardware.buses()) this.#insertBus(device, bus);
    return device;
  }

  /** QEMU's name for the next device that is part of the machine and has none of its own: of those that are free, the first. */
  nextUnattachedName(): string {
    const taken = new Set(this.objects.container(UNATTACHED).children.map(({ name }) => name));
    let index = this.#skipped;
    while (taken.has(`device[${index}]`)) index++;
    return `device[${index}]`;
  }

  /** A board has said how many such names its own devices have, whether all are modelled or not. */
  set unattachedOfBoard(count: number) {
    this.#skipped = count;
  }

  /** Takes a device, on whose buses nothing is left, out of the tree. */
  remove(device: Qdev): void {
    assert(
      device.buses.every(({ devices }) => devices.length === 0),
      `${device.path} still has devices on its buses`,
    );
    device.bus?.remove(device);
    this.#devices.splice(this.#devices.indexOf(device), 1);
    device.unparent();
  }

  /** Every device in order of creation: each after the one that it is part of or plugged into. */
  devices(): readonly Qdev[] {
    return this.#devices;
  }

  /** The first bus, from the system bus down, that `accepts`; a full one only when there is no other. */
  findBus(accepts: (bus: Qbus) => boolean): Qbus | undefined {
    let full: Qbus | undefined;
    for (const bus of busesBelow(this.systemBus)) {
      if (!accepts(bus)) continue;
      if (!bus.full) return bus;
      full ??= bus;
    }
    return full;
  }

  /** A device by id, or by path. */
  find(idOrPath: string): Qdev | undefined {
    const object = this.objects.at(idOrPath.startsWith('/') ? idOrPath : `${PERIPHERAL}/${idOrPath}`);
    return object instanceof Qdev ? object : undefined;
  }

  /** True for a path of something that is there, but no device. */
  isOther(path: string): boolean {
    if (!path.startsWith('/')) return false;
    const object = this.objects.at(path);
    return object !== undefined && !(object instanceof Qdev);
  }

  /** Devices with an id, oldest first. */
  peripherals(): readonly Qdev[] {
    return this.#devices.filter(({ id }) => id !== '');
  }

  #insertBus(owner: Qdev, parts: NewBus): void {
    const name = parts.name ?? this.#automaticName(owner, parts.type);
    const bus = owner.addChild(name, new Qbus(name, parts, owner));
    owner.addBus(bus);
    for (const device of parts.devices ?? []) this.#insertBuiltIn(bus, owner, device);
  }

  #insertBuiltIn(bus: Qbus, owner: Qdev, { type, childName, values, hardware }: BuiltInDevice): void {
    this.insert(owner, childName, { type, bus, values, hardware, hotplugged: owner.hotplugged });
  }

  /** QEMU: after the device's id and how many buses it has, else after the type and how many of it were named so. */
  #automaticName(owner: Qdev, type: string): string {
    if (owner.id !== '') return `${owner.id}.${owner.buses.length}`;
    const count = this.#named.get(type) ?? 0;
    this.#named.set(type, count + 1);
    return `${type.toLowerCase()}.${count}`;
  }
}

function* busesBelow(bus: Qbus): Generator<Qbus> {
  yield bus;
  for (const device of bus.devices) {
    for (const child of device.buses) yield* busesBelow(child);
  }
}
