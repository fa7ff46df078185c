/** `info pci`. */
import type { PciBarInfo, PciDeviceInfo } from '../../pci/pci-info.ts';
import { barRange } from '../../pci/pci-print.ts';

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const decimal = (value: number, width: number): string => String(value).padStart(width, ' ');

function barText(bar: PciBarInfo): string {
  const { type, prefetch, mem64 } = bar;
  const { from, to } = barRange(bar, type === 'io' ? 4 : 8);
  const what = type === 'io' ? 'I/O' : `${mem64 ? '64' : '32'} bit${prefetch ? ' prefetchable' : ''} memory`;
  return `      BAR${bar.bar}: ${what} at 0x${from} [0x${to}].\n`;
}

function functionText(device: PciDeviceInfo): string {
  const { bus, slot, function: fn, className, vendor, device: deviceId, irqLine, irqPin } = device;
  const pin = irqPin === 0 ? '' : `      IRQ ${irqLine}, pin ${String.fromCharCode(0x40 + irqPin)}\n`;
  const subsystem =
    device.subsystemVendor === 0 && device.subsystem === 0
      ? ''
      : `      PCI subsystem ${hex(device.subsystemVendor, 4)}:${hex(device.subsystem, 4)}\n`;
  return (
    `  Bus ${decimal(bus, 2)}, device ${decimal(slot, 3)}, function ${fn}:\n` +
    `    ${className}: PCI device ${hex(vendor, 4)}:${hex(deviceId, 4)}\n` +
    subsystem +
    pin +
    device.bars.map(barText).join('') +
    `      id "${device.id}"\n`
  );
}

/** Every function, in order of bus, slot and function. */
export function pciText(functions: readonly PciDeviceInfo[]): string {
  return functions.map(functionText).join('');
}
