/** `usb_add` and `usb_del`, and the errors that they share with `-usbdevice`. Not modelled: a USB bus. Texts are those of QEMU 1.5. */
import { string } from '../../argument-specs.ts';
import type { Command } from '../../command.ts';

/** Devices that QEMU knows by a short name: of these it says that there is no bus for them. */
const KNOWN = new Set('bt braille ccid disk host keyboard mouse net serial tablet wacom-tablet'.split(' '));

/**
 * What QEMU says when a device cannot come to a machine without USB, line by line.
 * @param device a short name, perhaps with a colon and parameters
 * @param takesParameters as versions before 2.12 did
 */
export function usbAddErrors(device: string, takesParameters: boolean): readonly string[] {
  const [driver = '', parameters] = device.split(':');
  const failed = `could not add USB device '${device}'`;
  if (parameters !== undefined && !takesParameters) {
    return ['usbdevice parameters are not supported anymore', failed];
  }
  if (!KNOWN.has(driver)) return [failed];
  const noBus = `Error: no usb bus to attach usbdevice ${driver}, please try -machine usb=on and check that the machine model supports USB`;
  return [noBus, failed];
}

export const USB_COMMANDS: readonly Command[] = [
  {
    name: 'usb_add',
    args: [string('devname')],
    params: 'device',
    help: "add USB device (e.g. 'host:bus.addr' or 'host:vendor_id:product_id')",
    run: (_context, args) =>
      usbAddErrors(String(args.get('devname')), true)
        .map((line) => `${line}\n`)
        .join(''),
  },
  {
    name: 'usb_del',
    args: [string('devname')],
    params: 'device',
    help: "remove USB device 'bus.addr'",
    run: (_context, args) => `could not delete USB device '${args.get('devname')}'\n`,
  },
];
