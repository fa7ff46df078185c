/** What a device is made of, whatever bus it is on. */
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { DeviceType } from './device-type.ts';
import type { HotplugHandler } from './hotplug-handler.ts';
import type { QomProperty } from './objects.ts';
import type { PropertyValues } from './properties.ts';
import type { LiveProperty } from './qom-value.ts';
import type { Qdev } from './tree.ts';

export interface Hardware {
  /** Everything in it that has volatile state, in the order of reset: a snapshot saves one section of each. */
  readonly sections: readonly Device[];
  /** The buses that it brings, in QEMU's order of creation. Asked once. */
  buses(): readonly NewBus[];
  /** Those of its type's properties that change while it is there. Absent: none. */
  readonly liveProperties?: readonly LiveProperty[];
  /** What the device's object has in the place of its type's properties, in QEMU's order. Absent: those of its type. */
  ownProperties?(device: Qdev): readonly QomProperty[];
  /** The device has left its bus for good: gives back what it took from the machine. */
  release(): void;
}

/** A bus that a device brings. */
export interface NewBus {
  /** Absent: QEMU's automatic name, `ID.0` or `virtio-serial-bus.0`. */
  readonly name?: string;
  /** QEMU's name of the bus type, as `info qtree` shows it. */
  readonly type: string;
  /** More bus types for which devices may ask: the parents of `type`. */
  readonly alsoTakes?: readonly string[];
  /** Who plugs devices in; absent: only what comes with the bus is on it. */
  readonly handler?: HotplugHandler;
  /** Devices are taken only before the machine runs. */
  readonly coldPlugOnly?: boolean;
  /** Devices that it takes at most. */
  readonly maxDevices?: number;
  /** Lines that `info qtree` shows below a device's properties: its place on the bus. */
  readonly print?: (device: Qdev) => readonly string[];
  /** What the bus's object has beside what all buses have. */
  readonly properties?: readonly QomProperty[];
  /** Devices that come with the bus, oldest first. */
  readonly devices?: readonly BuiltInDevice[];
}

/** A device that is part of another one, as virtio-blk-device is of virtio-blk-pci. */
export interface BuiltInDevice {
  readonly type: DeviceType;
  /** Its name below the device that it is part of. */
  readonly childName: string;
  readonly values: PropertyValues;
  readonly hardware: Hardware;
}

/** Hardware of parts, without a class of its own. */
export function hardwareOf(parts: {
  readonly sections?: readonly Device[];
  readonly buses?: readonly NewBus[];
  readonly liveProperties?: readonly LiveProperty[];
  readonly ownProperties?: (device: Qdev) => readonly QomProperty[];
  readonly release?: () => void;
}): Hardware {
  const { sections = [], buses = [], liveProperties = [], ownProperties, release = () => {} } = parts;
  const hardware = { sections, buses: () => buses, liveProperties, release };
  return ownProperties === undefined ? hardware : { ...hardware, ownProperties };
}

/** Hardware that is part of a board and never leaves it. */
export function solderedOn(sections: readonly Device[], buses: readonly NewBus[] = []): Hardware {
  return { sections, buses: () => buses, release: () => assert(false, 'a part of the board cannot leave') };
}
