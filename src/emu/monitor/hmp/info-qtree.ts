/** `info qtree`. */
import type { BusPlace, DeviceTree, Qbus, Qdev } from '../../machine/qdev.ts';
import { barRange } from './info-pci.ts';

const STEP = 2;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

function placeLines(place: BusPlace | undefined): readonly string[] {
  if (place === undefined) return [];
  if (place.kind === 'system')
    return place.mmio.map(({ base, size }) => `mmio ${hex(base, 16)}/${hex(size, 16)}`);
  const { className, pci } = place;
  const addr = `${hex(pci.bus, 2)}:${hex(pci.slot, 2)}.${pci.function.toString(16)}`;
  const id = `${hex(pci.vendor, 4)}:${hex(pci.device, 4)}`;
  const subsystem = `${hex(pci.subsystemVendor, 4)}:${hex(pci.subsystem, 4)}`;
  const bars = pci.bars.map((bar) => {
    const { from, to } = barRange(bar, 0);
    return `bar ${bar.bar}: ${bar.type === 'io' ? 'i/o' : 'mem'} at 0x${from} [0x${to}]`;
  });
  return [`class ${className}, addr ${addr}, pci id ${id} (sub ${subsystem})`, ...bars];
}

function deviceLines(device: Qdev): readonly string[] {
  return [
    ...device.gpios.map(({ direction, name, count }) => `gpio-${direction} "${name}" ${count}`),
    ...device.type.properties.map(
      (property) => `${property.name} = ${property.kind.format(device.value(property))}`,
    ),
    ...placeLines(device.place),
  ];
}

function busText(bus: Qbus, indent: number): string {
  const pad = ' '.repeat(indent);
  const head = `${pad}bus: ${bus.name}\n${pad}  type ${bus.type}\n`;
  return head + bus.devices.map((device) => deviceText(device, indent + STEP)).join('');
}

function deviceText(device: Qdev, indent: number): string {
  const pad = ' '.repeat(indent);
  const lines = deviceLines(device).map((line) => `${pad}  ${line}\n`);
  const below = device.buses.map((bus) => busText(bus, indent + STEP));
  return `${pad}dev: ${device.type.name}, id "${device.id}"\n${lines.join('')}${below.join('')}`;
}

/** All buses with their devices, newest first. */
export function qtreeText(tree: DeviceTree): string {
  return busText(tree.systemBus, 0);
}
