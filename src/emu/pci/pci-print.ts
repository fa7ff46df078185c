/** A function's place on its bus, as `info qtree` prints it. */

import type { PciDevice } from './pci-device.ts';
import { type PciBarInfo, pciDeviceInfo, pciQtreeClassName } from './pci-info.ts';

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** QEMU: an unmapped BAR is at the last address, so that it ends one round later. */
export function barRange(
  { address, size }: Pick<PciBarInfo, 'address' | 'size'>,
  digits: number,
): { from: string; to: string } {
  if (address === undefined) return { from: 'f'.repeat(16), to: hex(size - 2, digits) };
  return { from: hex(address, digits), to: hex(address + size - 1, digits) };
}

/** @param bus number of the bus */
export function pciPlaceLines(device: PciDevice, bus: number): readonly string[] {
  const pci = pciDeviceInfo(device, bus);
  const addr = `${hex(pci.bus, 2)}:${hex(pci.slot, 2)}.${pci.function.toString(16)}`;
  const id = `${hex(pci.vendor, 4)}:${hex(pci.device, 4)}`;
  const subsystem = `${hex(pci.subsystemVendor, 4)}:${hex(pci.subsystem, 4)}`;
  const bars = pci.bars.map((bar) => {
    const { from, to } = barRange(bar, 0);
    return `bar ${bar.bar}: ${bar.type === 'io' ? 'i/o' : 'mem'} at 0x${from} [0x${to}]`;
  });
  return [
    `class ${pciQtreeClassName(pci.classCode)}, addr ${addr}, pci id ${id} (sub ${subsystem})`,
    ...bars,
  ];
}
