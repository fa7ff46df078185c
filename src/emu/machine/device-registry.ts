/** Device types by QEMU's name: the one list that `device_add`, its help and `info qtree` are read from. */
import type { PciDevice } from '../pci/pci-device.ts';
import type { PropertySpec, PropertyValues } from '../qdev/properties.ts';
import type { DeviceServices } from './hotplug.ts';

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

/** What a factory is given. */
export interface RealizeRequest {
  readonly id: string;
  /** Path of the new device, for what it attaches to itself. */
  readonly qomPath: string;
  readonly values: PropertyValues;
  readonly services: DeviceServices;
}

/** A device that lives on a bus inside another device, as virtio-blk-device does. */
export interface ChildDevice {
  readonly busName: string;
  readonly busType: string;
  readonly type: DeviceType;
  readonly values: PropertyValues;
  /** Last part of its path below the parent. */
  readonly qomName: string;
}

/** What a factory made. */
export interface RealizedDevice {
  readonly device: PciDevice;
  /** Properties whose value the device chose itself. */
  readonly values: PropertyValues;
  readonly children: readonly ChildDevice[];
  /** Gives back what was taken from the machine; the device is off its bus by then. */
  release(): void;
}

export interface DeviceType {
  readonly name: string;
  readonly alias?: string;
  readonly category: DeviceCategory;
  /** QEMU's name of the bus type it plugs into. */
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
  readonly realize?: (request: RealizeRequest) => Promise<RealizedDevice>;
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

  /** What the user may name, by name without regard to case, as QEMU lists it. */
  userCreatable(): readonly DeviceType[] {
    return [...this.#byName.values()]
      .filter((type) => type.userCreatable)
      .sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
