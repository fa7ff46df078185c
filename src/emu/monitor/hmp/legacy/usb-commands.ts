/** `usb_add` and `usb_del`, and what they share with `-usbdevice`. Texts are those of QEMU 1.5. */
import { MonitorError } from '../../../core/monitor-error.ts';
import { UsbBus } from '../../../machine/machine-api.ts';
import { Options } from '../../../qdev/option-string.ts';
import { string } from '../../argument-specs.ts';
import type { Command, CommandContext } from '../../command.ts';

/** Devices that QEMU knows by a short name. */
const KNOWN = new Set('bt braille ccid disk host keyboard mouse net serial tablet wacom-tablet'.split(' '));
/** Those of them that this machine has. */
const DRIVERS: Readonly<Record<string, string>> = {
  keyboard: 'usb-kbd',
  mouse: 'usb-mouse',
  tablet: 'usb-tablet',
};

/** As after `device_add`; undefined: there is no device with that short name. */
export function usbDeviceOptions(name: string): Options | undefined {
  const driver = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined;
  return driver === undefined ? undefined : new Options([['driver', driver]]);
}

/**
 * What QEMU says when a device cannot come, line by line.
 * @param device a short name, perhaps with a colon and parameters
 * @param takesParameters as versions before 2.12 did
 * @param hasBus the machine has a USB
 */
export function usbAddErrors(device: string, takesParameters: boolean, hasBus: boolean): readonly string[] {
  const [driver = '', parameters] = device.split(':');
  const failed = `could not add USB device '${device}'`;
  if (parameters !== undefined && !takesParameters) {
    return ['usbdevice parameters are not supported anymore', failed];
  }
  if (!KNOWN.has(driver) || hasBus) return [failed];
  const noBus = `Error: no usb bus to attach usbdevice ${driver}, please try -machine usb=on and check that the machine model supports USB`;
  return [noBus, failed];
}

async function usbAdd({ machine }: CommandContext, name: string): Promise<string> {
  const options = usbDeviceOptions(name);
  const hasBus = UsbBus.all(machine.devices.tree).length > 0;
  const said: string[] = [];
  if (hasBus && options !== undefined) {
    try {
      await machine.devices.add(options);
      return '';
    } catch (error) {
      if (!(error instanceof MonitorError)) throw error;
      said.push(error.message);
    }
  }
  return [...said, ...usbAddErrors(name, true, hasBus)].map((line) => `${line}\n`).join('');
}

/** By the number of the bus and the address that the guest gave the device. */
function usbDelete({ machine }: CommandContext, place: string): string {
  const [, number, address] = /^(\d+)\.(\d+)/.exec(place) ?? [];
  const bus = UsbBus.all(machine.devices.tree).find((one) => one.number === Number(number));
  const found = bus?.plugged.find(({ device }) => device.address === Number(address));
  if (found === undefined) return `could not delete USB device '${place}'\n`;
  machine.devices.delete(found.qdev.path);
  return '';
}

export const USB_COMMANDS: readonly Command[] = [
  {
    name: 'usb_add',
    args: [string('devname')],
    params: 'device',
    help: "add USB device (e.g. 'host:bus.addr' or 'host:vendor_id:product_id')",
    run: (context, args) => usbAdd(context, String(args.get('devname'))),
  },
  {
    name: 'usb_del',
    args: [string('devname')],
    params: 'device',
    help: "remove USB device 'bus.addr'",
    run: (context, args) => usbDelete(context, String(args.get('devname'))),
  },
];
