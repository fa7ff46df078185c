/** `info pci`. */
import { barRange } from '../../pci/pci-print.ts';
import type { PciBridge, PciDevice, PciInfo, PciRegion } from '../qapi/pci.ts';

/** An address below 0 is one of 64 bits. */
const hex = (value: number | bigint, digits: number): string =>
  BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0');
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

function bridgeText({ bus }: PciBridge): string {
  const range = (name: string, { base, limit }: PciBridge['bus']['io_range'], digits: number): string =>
    `      ${name} range [0x${hex(base, digits)}, 0x${hex(limit, digits)}]\n`;
  return (
    `      BUS ${bus.number}.\n` +
    `      secondary bus ${bus.secondary}.\n` +
    `      subordinate bus ${bus.subordinate}.\n` +
    range('IO', bus.io_range, 4) +
    range('memory', bus.memory_range, 8) +
    range('prefetchable memory', bus.prefetchable_range, 8)
  );
}

/** A function, and those that are behind it. */
function functionText(device: PciDevice, style: PciStyle): string {
  const { tellsSubsystem, tellsPin } = style;
  const { bus, slot, class_info, id, irq, irq_pin, pci_bridge } = device;
  const pin = tellsPin ? `, pin ${String.fromCharCode(0x40 + Number(irq_pin))}` : '.';
  const { vendor, subsystem, 'subsystem-vendor': subsystemVendor = 0 } = id;
  const isSub = tellsSubsystem && subsystem !== undefined;
  return (
    `  Bus ${decimal(bus, 2)}, device ${decimal(slot, 3)}, function ${device.function}:\n` +
    `    ${className(class_info)}: PCI device ${hex(vendor, 4)}:${hex(id.device, 4)}\n` +
    (isSub ? `      PCI subsystem ${hex(subsystemVendor, 4)}:${hex(subsystem, 4)}\n` : '') +
    (irq === undefined ? '' : `      IRQ ${irq}${pin}\n`) +
    (pci_bridge === undefined ? '' : bridgeText(pci_bridge)) +
    device.regions.map(barText).join('') +
    `      id "${device.qdev_id}"\n` +
    (pci_bridge?.devices ?? []).map((behind) => functionText(behind, style)).join('')
  );
}

/** Every function, in order of bus, slot and function. */
export function pciText(buses: readonly PciInfo[], style: PciStyle): string {
  return buses
    .flatMap(({ devices }) => devices)
    .map((device) => functionText(device, style))
    .join('');
}
