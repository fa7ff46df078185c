/** A USB without a controller: a test is the controller, and gives devices their packets. */
import { assert } from '../../src/emu/core/assert.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { UsbBus } from '../../src/emu/usb/usb-bus.ts';
import { UsbBusNumbers } from '../../src/emu/usb/usb-bus-numbers.ts';
import type { UsbDescription } from '../../src/emu/usb/usb-descriptors.ts';
import type { UsbDevice, UsbDeviceSettings } from '../../src/emu/usb/usb-device.ts';
import { PID_IN, PID_OUT, PID_SETUP, UsbPacket, type UsbStatus } from '../../src/emu/usb/usb-packet.ts';
import { UsbPort } from '../../src/emu/usb/usb-port.ts';
import { SPEED_FULL } from '../../src/emu/usb/usb-speed.ts';

const DESCRIPTION: UsbDescription = {
  ...{ vendor: 1, product: 2, release: 3, manufacturerString: 1, productString: 2, serialString: 3 },
  strings: ['', 'Maker', 'Thing', '1'],
  full: {
    version: 0x0110,
    maxPacket0: 8,
    configuration: {
      attributes: 0xa0,
      maxPower: 50,
      interfaces: [{ class: 3, subclass: 0, protocol: 0, endpoints: [] }],
    },
  },
};
export const USB_SETTINGS: UsbDeviceSettings = {
  ...{ description: DESCRIPTION, product: 'Thing', serial: '', microsoft: false, trace: QUIET },
};

export function usbTestBus(): UsbBus {
  const devices = { addForBus() {}, unplug() {} };
  return new UsbBus({ numbers: new UsbBusNumbers(), devices, trace: QUIET, path: () => '0000:00:04.0' });
}

/** A port that tells nobody of what is in it. */
export function quietPort(speeds = SPEED_FULL): UsbPort {
  const nobody = { deviceAttached() {}, deviceDetached() {}, deviceWakesUp() {} };
  return new UsbPort({ host: nobody, bus: usbTestBus(), index: 0, speeds });
}

/** The device has a port, in which it is seen or not. */
export function inPort<D extends UsbDevice>(device: D, { attached = true, speeds = SPEED_FULL } = {}): D {
  const port = quietPort(speeds);
  device.port = port;
  if (attached) port.bus.attach(device);
  return device;
}

function setup(device: UsbDevice, ...bytes: readonly number[]): UsbStatus {
  return device.handle(new UsbPacket(PID_SETUP, 0, Uint8Array.from(bytes)));
}

/** A request without data, to its end. */
export function usbRequest(device: UsbDevice, ...bytes: readonly number[]): UsbStatus {
  const status = setup(device, ...bytes);
  return status === 'success' ? device.handle(new UsbPacket(PID_IN, 0, new Uint8Array())) : status;
}

/** Everything of a device's control transfers differs from power-on. */
export function disturbControl(device: UsbDevice): void {
  usbRequest(device, 0x00, 5, 7, 0, 0, 0, 0, 0);
  usbRequest(device, 0x00, 9, 1, 0, 0, 0, 0, 0);
  usbRequest(device, 0x00, 3, 1, 0, 0, 0, 0, 0);
  setup(device, 0x80, 6, 0, 1, 0, 0, 18, 0);
  device.handle(new UsbPacket(PID_IN, 0, new Uint8Array(8)));
}

/** A packet on its way: `status` is what is known of it so far. */
export interface OfferedPacket {
  readonly packet: UsbPacket;
  status: UsbStatus;
}

export function offer(
  device: UsbDevice,
  endpoint: number,
  data: number | Uint8Array,
  stream = 0,
): OfferedPacket {
  const isIn = typeof data === 'number';
  const packet = new UsbPacket(isIn ? PID_IN : PID_OUT, endpoint, isIn ? new Uint8Array(data) : data);
  packet.stream = stream;
  const offered: OfferedPacket = { packet, status: 'async' };
  packet.onComplete = () => {
    assert(offered.status === 'async', 'a packet is done once');
    offered.status = packet.status;
  };
  const status = device.handle(packet);
  if (status !== 'async') offered.status = status;
  return offered;
}

/** What the device gave. */
export function given({ packet }: OfferedPacket): Uint8Array {
  return packet.data.slice(0, packet.actual);
}
