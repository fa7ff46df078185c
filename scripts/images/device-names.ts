/** Device names for lspci and lsusb, cut down to the makers whose parts QEMU models. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackageTree } from './package-tree.ts';
import type { Rootfs } from './rootfs.ts';

const SUBSYSTEM_VENDOR = '1af4';
const USB_MODELS = '20-usb-vendor-model.hwdb';
const USB_CLASSES = '20-usb-classes.hwdb';

/** pci.ids with the given vendors, all classes, and only the subsystem names of QEMU. */
export function trimPciIds(text: string, vendors: readonly string[]): string {
  const kept = new Set(vendors);
  let inside = false;
  const lines = text.split('\n').filter((line) => {
    if (line === '' || line.startsWith('#')) return false;
    const vendor = /^([0-9a-f]{4}) /.exec(line);
    if (vendor !== null) inside = kept.has(vendor[1] ?? '');
    else if (line.startsWith('C ')) inside = true;
    const subsystem = /^\t\t([0-9a-f]{4}) [0-9a-f]{4} /.exec(line);
    return inside && (subsystem === null || subsystem[1] === SUBSYSTEM_VENDOR);
  });
  return `${lines.join('\n')}\n`;
}

/** A udev hardware database source with only the records of the given USB vendors. */
export function trimUsbRules(text: string, vendors: readonly string[]): string {
  const wanted = new RegExp(`^usb:v(${vendors.join('|')})`);
  const records = text.split(/\n\s*\n/).filter((record) => wanted.test(record));
  return `${records.join('\n\n')}\n`;
}

/**
 * Puts the trimmed names into the image; `stage` is an empty directory to work in, whose path must not show:
 * so the data base is written by udevadm, not by systemd-hwdb, which records where its sources were.
 */
export function installDeviceNames(
  packages: PackageTree,
  vendors: { readonly pci: readonly string[]; readonly usb: readonly string[] },
  rootfs: Rootfs,
  stage: string,
): void {
  const pciIds = packages.read('usr/share/misc/pci.ids').toString('utf8');
  rootfs.file('usr/share/misc/pci.ids', trimPciIds(pciIds, vendors.pci));
  const udev = packages.find(`lib/udev/hwdb.d/${USB_CLASSES}`) === undefined ? 'usr/lib/udev' : 'lib/udev';
  const rules = join(stage, udev, 'hwdb.d');
  mkdirSync(rules, { recursive: true });
  const models = packages.read(`${udev}/hwdb.d/${USB_MODELS}`).toString('utf8');
  writeFileSync(join(rules, USB_MODELS), trimUsbRules(models, vendors.usb));
  writeFileSync(join(rules, USB_CLASSES), packages.read(`${udev}/hwdb.d/${USB_CLASSES}`));
  packages.run('udevadm', ['hwdb', `--root=${stage}`, '--usr', '--update']);
  rootfs.file('lib/udev/hwdb.bin', readFileSync(join(stage, udev, 'hwdb.bin')));
}
