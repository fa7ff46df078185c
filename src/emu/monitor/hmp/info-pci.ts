/** `info pci`. */
import { barRange } from '../../pci/pci-print.ts';
import type { PciDevice, PciInfo, PciRegion } from '../qapi/pci.ts';

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0');
const decimal = (value: number | bigint, width: number): string => String(value).padStart(width, ' ');

function barText({ bar, type, address, size, prefetch, mem_type_64 }: PciRegion): string {
  const isIo = type === 'io';
  const place = { address: Number(address) < 0 ? undefined : Number(address), size: Number(size) };
  const { from, to } = barRange(place, isIo ? 4 : 8);
  const what = isIo ? 'I/O' : `${mem_type_64 ? '64' : '32'} bit${prefetch ? ' prefetchable' : ''} memory`;
  return `      BAR${bar}: ${what} at 0x${from} [0x${to}].\n`;
}

/** QEMU: decimal. */
function className({ desc, class: code }: PciDevice['class_info']): string {
  return desc ?? `Class ${decimal(code, 4).replaceAll(' ', '0')}`;
}

/** What not all versions tell. */
export interface PciStyle {
  readonly tellsSubsystem: boolean;
  /** Which of its interrupt pins a function uses. */
  readonly tellsPin: boolean;
}

function functionText(device: PciDevice, { tellsSubsystem, tellsPin }: PciStyle): string {
  const { bus, slot, class_info, id, irq, irq_pin } = device;
  const pin = tellsPin ? `, pin ${String.fromCharCode(0x40 + Number(irq_pin))}` : '.';
  const { vendor, subsystem = 0, 'subsystem-vendor': subsystemVendor = 0 } = id;
  const isSub = tellsSubsystem && (subsystem !== 0 || subsystemVendor !== 0);
  return (
    `  Bus ${decimal(bus, 2)}, device ${decimal(slot, 3)}, function ${device.function}:\n` +
    `    ${className(class_info)}: PCI device ${hex(vendor, 4)}:${hex(id.device, 4)}\n` +
    (isSub ? `      PCI subsystem ${hex(subsystemVendor, 4)}:${hex(subsystem, 4)}\n` : '') +
    (irq === undefined ? '' : `      IRQ ${irq}${pin}\n`) +
    device.regions.map(barText).join('') +
    `      id "${device.qdev_id}"\n`
  );
}

/** Every function, in order of bus, slot and function. */
export function pciText(buses: readonly PciInfo[], style: PciStyle): string {
  return buses
    .flatMap(({ devices }) => devices)
    .map((device) => functionText(device, style))
    .join('');
}
