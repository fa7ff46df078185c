/** `info qtree`. */
import type { DeviceTree, Qbus, Qdev } from '../../qdev/tree.ts';

const STEP = 2;
function deviceLines(device: Qdev): readonly string[] {
  return [
    ...device.gpios.map(({ direction, name, count }) => `gpio-${direction} "${name}" ${count}`),
    ...device.type.properties.map(
      (property) => `${property.name} = ${property.kind.format(device.value(property))}`,
    ),
    ...(device.bus?.print(device) ?? []),
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
