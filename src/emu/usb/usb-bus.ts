/**
 * The bus inside a controller: its ports and those of the hubs on it, which device is in which, and how devices come and go. All devices are on
 * the one bus; that some are behind a hub is in the path of their ports. The rules and texts are QEMU's.
 */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Trace } from '../core/trace.ts';
import type { NewDevice } from '../qdev/device-type.ts';
import type { NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import type { DeviceMaker } from '../qdev/plug.ts';
import type { DeviceTree, Qbus, Qdev } from '../qdev/tree.ts';
import type { UsbBusNumbers } from './usb-bus-numbers.ts';
import type { CompanionPort, UsbCompanion } from './usb-companion.ts';
import type { UsbDevice } from './usb-device.ts';
import type { UsbPort } from './usb-port.ts';
import { fastest, SPEED_FULL, speedMbits, speedNames } from './usb-speed.ts';
import { PLACE, USB_BUS_TYPE, UsbHardware, usbFactsOf } from './usb-type.ts';

const HUB = 'usb-hub';
/** Spec: USB 2.0 §4.1.1: seven tiers, with the root hub and the last device. */
const HUBS_MAX = 5;

/** QEMU's error for a hub in a port that already has too many hubs before it. */
export function hubRefusal({ hubs }: UsbPort): MonitorError | undefined {
  return hubs >= HUBS_MAX ? new MonitorError('usb hub chain too deep') : undefined;
}

/** A device with its port and what the user calls it. */
export interface PluggedUsbDevice {
  readonly device: UsbDevice;
  readonly port: UsbPort;
  readonly qdev: Qdev;
}

export interface UsbBusParts {
  readonly numbers: UsbBusNumbers;
  readonly devices: DeviceMaker;
  readonly trace: Trace;
  /** Where its controller is, as serial numbers tell it: `0000:00:02.0`. */
  readonly path: () => string;
  /** Told of each device that leaves, also of those behind hubs. */
  readonly leaves?: (port: UsbPort) => void;
}

/** Gives a companion its ports; or says why there are none for it. */
export type CompanionRegistry = (
  companion: UsbCompanion,
  first: number,
  count: number,
) => readonly CompanionPort[] | MonitorError;

export class UsbBus implements HotplugHandler {
  /** Set by a controller that leaves ports to companions. */
  companions: CompanionRegistry | undefined;
  /** QEMU's number of it, in the order in which buses were made. */
  readonly number: number;
  readonly #parts: UsbBusParts;
  /** In the order in which they are given to devices. */
  readonly #free: UsbPort[] = [];
  /** In the order in which devices came. */
  readonly #used: PluggedUsbDevice[] = [];

  constructor(parts: UsbBusParts) {
    this.#parts = parts;
    this.number = parts.numbers.next();
  }

  get path(): string {
    return this.#parts.path();
  }

  /** All USBs of a machine, the oldest first. */
  static all(tree: DeviceTree): readonly UsbBus[] {
    const buses = tree.devices().flatMap((device) => device.buses.map(({ handler }) => handler));
    return buses.filter((handler) => handler instanceof UsbBus).sort((a, b) => a.number - b.number);
  }

  /** The oldest first. */
  get plugged(): readonly PluggedUsbDevice[] {
    return this.#used;
  }

  /** What `Hardware.buses` of its controller gives. */
  qbus(): NewBus {
    return {
      type: USB_BUS_TYPE,
      handler: this,
      print: (qdev) => [this.#placeLine(deviceOf(qdev))],
    };
  }

  /** The device that is attached to the port with that path. */
  deviceAt(path: string): UsbDevice | undefined {
    return this.#used.find(({ port }) => port.path === path)?.port.device;
  }

  addPort(port: UsbPort): void {
    this.#free.push(port);
  }

  /** The port of a hub that leaves goes with it; nothing is in it. */
  removePort(port: UsbPort): void {
    const at = this.#free.indexOf(port);
    if (at >= 0) this.#free.splice(at, 1);
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const usb = usbFactsOf(device.type);
    const product = usb.product;
    const path = this.#choose(device);
    if (path instanceof MonitorError) return path;
    if (path === undefined) {
      return new MonitorError(`tried to attach usb device ${product} to a bus with no free ports`);
    }
    const port = this.#freePort(path);
    // QEMU takes the port before it looks at the device: a device that is refused leaves it the last of the free ones.
    if (port !== undefined) this.#free.push(...this.#free.splice(this.#free.indexOf(port), 1));
    const upstream = port ?? this.#freePort(parentOf(path));
    if (upstream === undefined) return this.#notFound(device, path);
    // A snapshot may say anything: of a hub that is still to be made it can only be the first port.
    const isFirst = port !== undefined || path === `${upstream.path}.1`;
    if (!isFirst || (port === undefined && hubRefusal(upstream) !== undefined)) {
      return this.#notFound(device, path);
    }
    const refused = usb.refusal?.(device.values, upstream);
    if (refused !== undefined) return refused;
    const own = usb.speeds(device.values);
    if ((own & upstream.speeds) === 0 && usb.isAttachedLater?.(device.hotplugged) !== true) {
      return speedMismatch(product, own, { path, speeds: upstream.speeds }, device.bus?.name ?? '');
    }
    device.place(PLACE, path);
    return undefined;
  }

  plug(qdev: Qdev): void {
    const path = String(qdev.request?.places.get(PLACE));
    const port = this.#freePort(path) ?? this.#makeHub(qdev.bus, path);
    const device = deviceOf(qdev);
    this.removePort(port);
    this.#used.push({ device, port, qdev });
    this.#traceClaim('usb_port_claim', port);
    device.port = port;
    if (device.attachesItself) this.attach(device);
  }

  /** The device, which has its port, is seen in it. Throws `MonitorError` when the port has none of its speeds. */
  attach(device: UsbDevice): void {
    const { port } = device;
    assert(port !== undefined, 'a device has its port before it is attached');
    const { trace } = this.#parts;
    if ((device.speeds & port.speeds) === 0) {
      const busName = this.#used.find((one) => one.device === device)?.qdev.bus?.name ?? '';
      throw speedMismatch(device.settings.product, device.speeds, port, busName);
    }
    device.speed = fastest(device.speeds & port.speeds);
    port.device = device;
    device.plugged(port);
    if (trace.on) {
      const speeds = [speedNames(device.speeds), speedNames(port.speeds)];
      trace.event('usb_port_attach', this.number, port.path, ...speeds);
    }
    port.host.deviceAttached(port);
  }

  /** The device keeps its port, in which nobody sees it any more. */
  detach(device: UsbDevice): void {
    const { port } = device;
    assert(port !== undefined, 'an attached device has its port');
    this.#traceClaim('usb_port_detach', port);
    this.#parts.leaves?.(port);
    port.device = undefined;
    port.host.deviceDetached(port, device);
    device.detached();
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  unplug(qdev: Qdev): void {
    const device = deviceOf(qdev);
    const port = device.port;
    assert(port !== undefined, `${qdev.path} is in a port`);
    if (device.attached) this.detach(device);
    for (const below of device.ports) this.#removeBelow(below);
    device.port = undefined;
    this.#used.splice(
      this.#used.findIndex((one) => one.device === device),
      1,
    );
    this.#traceClaim('usb_port_release', port);
    this.addPort(port);
  }

  /** What is in a port of a hub that leaves goes first, then the port. */
  #removeBelow(port: UsbPort): void {
    const inside = this.#used.find((one) => one.port === port);
    if (inside !== undefined) this.#parts.devices.unplug(inside.qdev);
    this.removePort(port);
  }

  #freePort(path: string): UsbPort | undefined {
    return this.#free.find((port) => port.path === path);
  }

  /** The path of the port for the device; QEMU: for the last one that is free a hub is made, so that there are more. */
  #choose(device: NewDevice): string | MonitorError | undefined {
    const placed = device.values.get(PLACE);
    if (placed !== undefined) return String(placed);
    const wanted = device.values.get('port');
    if (wanted !== undefined) {
      const port = this.#freePort(String(wanted));
      return port === undefined ? this.#notFound(device, String(wanted)) : port.path;
    }
    const [first] = this.#free;
    if (first === undefined) return undefined;
    const canHaveHub = (first.speeds & SPEED_FULL) !== 0 && hubRefusal(first) === undefined;
    const needsHub = this.#free.length === 1 && device.type.name !== HUB && canHaveHub;
    return needsHub ? `${first.path}.1` : first.path;
  }

  #notFound(device: NewDevice, path: string): MonitorError {
    return new MonitorError(`usb port ${path} (bus ${device.bus?.name}) not found (in use?)`);
  }

  /** The port at `path`, of a hub that is made for it. */
  #makeHub(bus: Qbus | undefined, path: string): UsbPort {
    assert(bus !== undefined, 'a USB device is on a bus');
    this.#parts.devices.addForBus(HUB, bus, new Map([[PLACE, parentOf(path)]]));
    const port = this.#freePort(path);
    assert(port !== undefined, `the new hub has a port ${path}`);
    return port;
  }

  #placeLine(device: UsbDevice): string {
    const { address, port, speed, settings } = device;
    return `addr ${this.number}.${address}, port ${port?.path ?? '-'}, speed ${speedMbits(speed)}, name ${settings.product}${device.attached ? ', attached' : ''}`;
  }

  #traceClaim(event: 'usb_port_claim' | 'usb_port_detach' | 'usb_port_release', port: UsbPort): void {
    const { trace } = this.#parts;
    if (trace.on) trace.event(event, this.number, port.path);
  }
}

function speedMismatch(
  product: string,
  own: number,
  port: Pick<UsbPort, 'path' | 'speeds'>,
  busName: string,
): MonitorError {
  return new MonitorError(
    `Warning: speed mismatch trying to attach usb device "${product}" (${speedNames(own)} speed) to bus "${busName}", port "${port.path}" (${speedNames(port.speeds)} speed)`,
  );
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

function deviceOf({ path, hardware }: Qdev): UsbDevice {
  assert(hardware instanceof UsbHardware, `${path} is a USB device`);
  return hardware.device;
}
