/** Device types by QEMU's name: the one list that `device_add`, its help and `info qtree` are read from. */
import type { JsonValue } from '../qapi/json-value.ts';
import type { Hardware } from './hardware.ts';
import type { Options } from './option-string.ts';
import type { PropertySpec, PropertyValue, PropertyValues } from './properties.ts';
import type { Services } from './services.ts';
import type { GpioLines, Qbus } from './tree.ts';
import type { Values } from './values.ts';

/** QEMU's headings in `device_add help`, in its order. */
export const DEVICE_CATEGORIES = [
  'Controller/Bridge/Hub',
  'USB',
  'Storage',
  'Network',
  'Input',
  'Display',
  'Sound',
  'Misc',
  'CPU',
  'Watchdog',
  'Uncategorized',
] as const;
export type DeviceCategory = (typeof DEVICE_CATEGORIES)[number];

/** What `realize` is given. */
export interface RealizeRequest {
  readonly id: string;
  /** Path of the new device, for what it attaches to itself. */
  readonly path: string;
  readonly values: Values;
  /** The machine was ready when the user asked. */
  readonly hotplugged: boolean;
  readonly services: Services;
  /** Tells the user something, in QEMU's words. */
  readonly warn: (text: string) => void;
}

/** A device that another one makes for a bus of its own, as a stick makes its disk. It leaves with the one that made it. */
export interface ChildDevice {
  readonly driver: string;
  /** Its name below the first bus of the device. */
  readonly name: string;
  /** What differs from the type's defaults. */
  readonly values: PropertyValues;
}

/** What `realize` made. */
export interface RealizedDevice {
  readonly hardware: Hardware;
  /** Made once the device has its place in the tree, and before it is plugged in. */
  readonly children?: readonly ChildDevice[];
  /** Properties whose value the device chose itself. */
  readonly values?: PropertyValues;
  /** Interrupt wires that QEMU counts. */
  readonly gpios?: readonly GpioLines[];
}

export interface DeviceType {
  readonly name: string;
  readonly alias?: string;
  readonly category: DeviceCategory;
  /** QEMU's name of the bus type it plugs into; absent: it is on no bus, as a processor. */
  readonly busType?: string;
  readonly description?: string;
  /** False: part of a board only. */
  readonly userCreatable: boolean;
  readonly hotpluggable: boolean;
  /** In the order of `info qtree`: the type's own, then its parents'. */
  readonly properties: readonly PropertySpec[];
  /** More that the user may set or that the help lists, but `info qtree` shows elsewhere. */
  readonly options?: readonly PropertySpec[];
  /** Absent: only boards make it. Rejects with `MonitorError`, having taken nothing. */
  readonly realize?: (request: RealizeRequest) => RealizedDevice | Promise<RealizedDevice>;
}

/** The properties that `info qtree` shows, then those that it shows elsewhere. */
export function allProperties({ properties, options = [] }: DeviceType): readonly PropertySpec[] {
  const names = new Set(properties.map(({ name }) => name));
  return [...properties, ...options.filter(({ name }) => !names.has(name))];
}

/** QEMU: what its name says is kept for old machines is not told of. */
export function isListed({ name }: PropertySpec): boolean {
  return !name.startsWith('legacy-');
}

/** A type of which a board has devices; QEMU calls most of them hot-pluggable, which their bus then denies. */
export function boardType(
  name: string,
  busType: string | undefined,
  properties: readonly PropertySpec[],
  more: Partial<DeviceType> = {},
): DeviceType {
  const common = { name, properties, userCreatable: false, hotpluggable: true } as const;
  const on = busType === undefined ? {} : { busType };
  return { category: 'Uncategorized', ...common, ...on, ...more };
}

/** A device that the user asked for and that is not realized yet: what `prePlug` looks at. */
export class NewDevice {
  readonly type: DeviceType;
  readonly id: string;
  readonly bus: Qbus | undefined;
  /** How the user asked for it. */
  readonly options: Options<JsonValue>;
  /** The machine was ready when the user asked. */
  readonly hotplugged: boolean;
  readonly #values: Map<string, PropertyValue>;
  readonly #places = new Map<string, PropertyValue>();

  constructor(parts: {
    readonly type: DeviceType;
    readonly id: string;
    readonly bus: Qbus | undefined;
    readonly options: Options<JsonValue>;
    readonly hotplugged: boolean;
    readonly values: PropertyValues;
  }) {
    this.type = parts.type;
    this.id = parts.id;
    this.bus = parts.bus;
    this.options = parts.options;
    this.hotplugged = parts.hotplugged;
    this.#values = new Map(parts.values);
  }

  get values(): PropertyValues {
    return this.#values;
  }

  /** What the bus chose: `addr` on PCI, `nr` of a serial port. A snapshot puts the device there again. */
  get places(): PropertyValues {
    return this.#places;
  }

  /** The bus chose the value of the property `name`. */
  place(name: string, value: PropertyValue): void {
    this.#values.set(name, value);
    this.#places.set(name, value);
  }
}

export class DeviceRegistry {
  readonly #byName = new Map<string, DeviceType>();

  constructor(types: readonly DeviceType[]) {
    for (const type of types) this.#byName.set(type.name, type);
  }

  /** By name or alias. */
  find(name: string): DeviceType | undefined {
    return this.#byName.get(name) ?? [...this.#byName.values()].find(({ alias }) => alias === name);
  }

  /** By name without regard to case, as QEMU lists them. */
  all(): readonly DeviceType[] {
    return [...this.#byName.values()].sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  }

  /** What the user may name, in the same order. */
  userCreatable(): readonly DeviceType[] {
    return this.all().filter((type) => type.userCreatable);
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
