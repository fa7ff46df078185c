/** `usb_add` and `usb_del`, and what they share with `-usbdevice`. Texts are those of QEMU 1.5. */
import { parseShortForm } from '../../../char/chardev-short-form.ts';
import { MonitorError } from '../../../core/monitor-error.ts';
import { type MachineApi, UsbBus } from '../../../machine/machine-api.ts';
import { Options } from '../../../qdev/option-string.ts';
import { string } from '../../argument-specs.ts';
import type { Command, CommandContext } from '../../command.ts';

/** Devices that QEMU knows by a short name. */
const KNOWN = new Set('bt braille ccid disk host keyboard mouse net serial tablet wacom-tablet'.split(' '));
/** Those of them that this machine has and that take no parameters. */
const DRIVERS: Readonly<Record<string, string>> = {
  keyboard: 'usb-kbd',
  mouse: 'usb-mouse',
  tablet: 'usb-tablet',
};

/** A device that was asked for by its short name, with what is made for it first. */
export interface UsbDeviceRequest {
  /** As after `device_add`. */
  readonly device: readonly (readonly [key: string, value: string])[];
  /** Of a disk: as after `drive_add`, without an id. */
  readonly drive?: readonly (readonly [key: string, value: string])[];
  /** Of a serial port: a character device in the short form. */
  readonly chardev?: string;
}

/**
 * What a short name, perhaps with a colon and parameters, asks for; undefined: this machine has no such device.
 * @param takesParameters as versions before 2.12 did
 * @throws MonitorError in QEMU's words when the parameters make no sense
 */
export function usbDeviceRequest(text: string, takesParameters: boolean): UsbDeviceRequest | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const driver = Object.hasOwn(DRIVERS, text) ? DRIVERS[text] : undefined;
    return driver === undefined ? undefined : { device: [['driver', driver]] };
  }
  if (!takesParameters) return undefined;
  const [name, parameters] = [text.slice(0, colon), text.slice(colon + 1)];
  if (name === 'disk') return diskRequest(parameters);
  return name === 'serial' ? serialRequest(parameters) : undefined;
}

/** `[format=F:]FILE` */
function diskRequest(parameters: string): UsbDeviceRequest {
  const [, option, rest] = /^([^:]*):([\s\S]*)$/.exec(parameters) ?? [];
  const format = option === undefined ? undefined : /^format=(.*)$/.exec(option)?.[1];
  if (option !== undefined && option !== '' && format === undefined) {
    throw new MonitorError(`unrecognized USB mass-storage option ${parameters}`);
  }
  const file = rest ?? parameters;
  if (file === '') throw new MonitorError('block device specification needed');
  const formatOption = format === undefined ? [] : [['format', format] as const];
  return {
    device: [['driver', 'usb-storage']],
    drive: [...formatOption, ['file', file], ['if', 'none']],
  };
}

/** `[vendorid=N,productid=N]:CHARDEV`. QEMU: the ids, in hexadecimal, are properties that no usb-serial of today has. */
function serialRequest(parameters: string): UsbDeviceRequest {
  const colon = parameters.indexOf(':');
  const options = colon < 0 ? parameters : parameters.slice(0, colon);
  if (options !== '') throw serialOptionError(options);
  if (colon < 0) throw new MonitorError('character device specification needed');
  return { device: [['driver', 'usb-serial']], chardev: parameters.slice(colon + 1) };
}

/** Not modelled: a serial port that says to be of another maker. */
function serialOptionError(option: string): MonitorError {
  const [, name, value = ''] = /^(vendorid|productid)=([\s\S]*)$/.exec(option) ?? [];
  if (name === undefined) return new MonitorError(`unrecognized serial USB option ${option}`);
  if (/^(?:0[xX])?[0-9a-fA-F]+(?:,|$)/.test(value)) {
    return new MonitorError('ids of other makers are not modelled by this machine');
  }
  return new MonitorError(`bogus ${name === 'vendorid' ? 'vendor' : 'product'} ID ${value}`);
}

/** The first of these names that is free. QEMU: counts on, whatever has gone. */
function freeName(prefix: string, isTaken: (name: string) => boolean): string {
  let number = 0;
  while (isTaken(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

/** Makes the device and what it stands on. Rejects with `MonitorError`, having made nothing. */
export async function addUsbDevice(machine: MachineApi, request: UsbDeviceRequest): Promise<void> {
  const { drives, chardevs, devices } = machine;
  const { device, drive, chardev } = request;
  let more: readonly (readonly [string, string])[] = [];
  let undo = async (): Promise<void> => {};
  if (drive !== undefined) {
    const id = freeName('usb', (name) => drives.list().some((one) => one.id === name));
    await drives.add(new Options([...drive], id));
    more = [['drive', id]];
    undo = () => drives.remove(id);
  }
  if (chardev !== undefined) {
    const id = freeName('usbserial', (name) => chardevs.ids().includes(name));
    const options = parseShortForm(chardev, id);
    if (options === undefined) throw new MonitorError(`could not make character device '${chardev}'`);
    await chardevs.open(options);
    more = [['chardev', id]];
    undo = async () => chardevs.remove(id);
  }
  try {
    await devices.add(new Options([...device, ...more]));
  } catch (error) {
    await undo();
    throw error;
  }
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
  const hasBus = UsbBus.all(machine.devices.tree).length > 0;
  const said: string[] = [];
  if (hasBus) {
    try {
      const request = usbDeviceRequest(name, true);
      if (request !== undefined) {
        await addUsbDevice(machine, request);
        return '';
      }
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
