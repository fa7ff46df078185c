/** What all types of USB devices have in common: their bus, properties and hardware. */
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import { fixed, on, type PropertySpec, type PropertyValues, readOnlyKind, STR } from '../qdev/properties.ts';
import type { GivenValue, LiveProperty } from '../qdev/qom-value.ts';
import { TRACE } from '../qdev/services.ts';
import type { UsbDescription } from './usb-descriptors.ts';
import type { UsbDevice, UsbDeviceSettings } from './usb-device.ts';
import type { UsbPort } from './usb-port.ts';

export const USB_BUS_TYPE = 'usb-bus';
/** The path of the port that the bus chose. It is no property: QEMU's `port` is what the user asked for. */
export const PLACE = 'usb-port';

/** What a bus asks of a type before there is a device. */
export interface UsbFacts {
  /** QEMU's name of the product. */
  readonly product: string;
  readonly speeds: (values: PropertyValues) => number;
  /** The device is not attached when it is plugged in, so that its speed does not matter yet. Absent: it is. */
  readonly isAttachedLater?: (hotplugged: boolean) => boolean;
  /** QEMU's error for values, or for a port, that the device cannot have. */
  readonly refusal?: (values: PropertyValues, port: UsbPort) => MonitorError | undefined;
}

export interface UsbDeviceType extends DeviceType {
  readonly usb: UsbFacts;
}

/** The facts of a type that a USB takes. */
export function usbFactsOf(type: DeviceType): UsbFacts {
  assert(isUsbType(type), `${type.name} is a type of USB devices`);
  return type.usb;
}

function isUsbType(type: DeviceType): type is UsbDeviceType {
  return 'usb' in type;
}

/** Properties that every USB device has, in QEMU's order. */
export const USB_PROPERTIES: readonly PropertySpec[] = [
  { name: 'port', kind: STR },
  { name: 'serial', kind: STR },
  on('msos-desc'),
  // Not modelled: a file with the packets.
  fixed({ name: 'pcap', kind: STR }),
];

/** What every USB device shows besides. */
export const USB_OPTIONS: readonly PropertySpec[] = [{ name: 'attached', kind: readOnlyKind('bool') }];

export interface UsbHardwareParts {
  readonly release?: () => void;
  readonly buses?: readonly NewBus[];
  /** The user attaches and detaches the device by its property. */
  readonly isAttachedByUser?: boolean;
}

/** What a USB device needs to know of its request. */
export function usbSettings(
  { values, services }: RealizeRequest,
  description: UsbDescription,
  product: string,
): UsbDeviceSettings {
  return {
    description,
    product,
    serial: values.text('serial'),
    microsoft: values.is('msos-desc'),
    trace: services.get(TRACE),
  };
}

export class UsbHardware implements Hardware {
  readonly device: UsbDevice;
  readonly sections: readonly Device[];
  readonly liveProperties: readonly LiveProperty[];
  readonly release: () => void;
  readonly #buses: readonly NewBus[];

  constructor(device: UsbDevice, { release = () => {}, buses = [], ...parts }: UsbHardwareParts = {}) {
    this.device = device;
    this.sections = [device];
    const attached: LiveProperty = { name: 'attached', read: () => device.attached };
    const write = (given: GivenValue): void => setAttached(device, given.boolean());
    this.liveProperties = [parts.isAttachedByUser === true ? { ...attached, write } : attached];
    this.release = release;
    this.#buses = buses;
  }

  buses(): readonly NewBus[] {
    return this.#buses;
  }
}

function setAttached(device: UsbDevice, attached: boolean): void {
  if (device.attached === attached) return;
  if (attached) device.port?.bus.attach(device);
  else device.port?.bus.detach(device);
}
