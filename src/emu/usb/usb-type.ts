/** What all types of USB devices have in common: their bus, properties and hardware. */
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import { fixed, on, type PropertySpec, type PropertyValues, readOnlyKind, STR } from '../qdev/properties.ts';
import type { LiveProperty } from '../qdev/qom-value.ts';
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

  constructor(device: UsbDevice, release: () => void = () => {}) {
    this.device = device;
    this.sections = [device];
    this.liveProperties = [{ name: 'attached', read: () => device.port !== undefined }];
    this.release = release;
  }

  buses(): readonly NewBus[] {
    return [];
  }
}
