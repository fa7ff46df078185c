/** A port, of a controller or of a hub, and what is told when a device comes to it or leaves. */
import type { UsbBus } from './usb-bus.ts';
import type { UsbDevice } from './usb-device.ts';

/** Who has the port: a controller or a hub. */
export interface UsbPortHost {
  /** A device is in the port. */
  deviceAttached(port: UsbPort): void;
  /** `device`, which was in the port, is gone. */
  deviceDetached(port: UsbPort, device: UsbDevice): void;
  /** A device that is in the port, or below what is, has something for its driver. `resume`: it may wake a suspended bus. */
  deviceWakesUp(port: UsbPort, resume: boolean): void;
}

export class UsbPort {
  readonly host: UsbPortHost;
  readonly bus: UsbBus;
  /** From 0, in its controller or hub. */
  readonly index: number;
  /** QEMU's name of it: numbers from 1, that of the controller's port first, as `1.2`. */
  readonly path: string;
  /** More when a companion comes for the port. */
  speeds: number;
  /** Hubs between it and the controller. */
  readonly hubs: number;
  device: UsbDevice | undefined;

  constructor(parts: {
    readonly host: UsbPortHost;
    readonly bus: UsbBus;
    readonly index: number;
    readonly speeds: number;
    /** The port of the hub that has it. */
    readonly upstream?: UsbPort | undefined;
    /** Its number from 1, where that is not one more than the index. */
    readonly number?: number;
  }) {
    const { host, bus, index, speeds, upstream } = parts;
    this.host = host;
    this.bus = bus;
    this.index = index;
    this.speeds = speeds;
    const number = parts.number ?? index + 1;
    this.path = upstream === undefined ? String(number) : `${upstream.path}.${number}`;
    this.hubs = upstream === undefined ? 0 : upstream.hubs + 1;
  }
}
