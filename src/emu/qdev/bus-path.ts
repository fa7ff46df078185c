/** Buses as the user names them in `bus=`: by name, or by a path of devices and their buses, `/i440FX-pcihost/pci.0/r/rng.0`. */
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceTree, Qbus, Qdev } from './tree.ts';

/** QEMU reads no more of a part of the path. */
const PART_MAX = 127;

const listed = (what: string, names: readonly string[]): string =>
  `${what}:${names.map((name, at) => `${at === 0 ? ' ' : ', '}${name}`).join('')}`;

function deviceOn(bus: Qbus, name: string): Qdev {
  const { devices } = bus;
  const found =
    devices.find(({ id }) => id !== '' && id === name) ??
    devices.find(({ type }) => type.name === name) ??
    devices.find(({ type }) => type.alias === name);
  if (found !== undefined) return found;
  const names = devices.map(({ type, id }) => `"${type.name}"${id === '' ? '' : `/"${id}"`}`);
  const hint = listed(`devices at "${bus.name}"`, names);
  throw new MonitorError(`Device '${name}' not found`, 'DeviceNotFound', hint);
}

function busesHint({ id, type, buses }: Qdev): string {
  return listed(
    `child buses at "${id || type.name}"`,
    buses.map(({ name }) => `"${name}"`),
  );
}

function busOf(device: Qdev, name: string): Qbus {
  const found = device.buses.find((bus) => bus.name === name);
  if (found === undefined) {
    throw new MonitorError(`Bus '${name}' not found`, 'GenericError', busesHint(device));
  }
  return found;
}

/** A path may end with a device that has one bus. */
function onlyBusOf(device: Qdev, name: string): Qbus {
  const [bus] = device.buses;
  if (bus === undefined) throw new MonitorError(`Device '${name}' has no child bus`);
  if (device.buses.length === 1) return bus;
  throw new MonitorError(`Device '${name}' has multiple child buses`, 'GenericError', busesHint(device));
}

function busNamed(tree: DeviceTree, name: string): Qbus {
  const found = tree.findBus((bus) => bus.name === name);
  if (found === undefined) throw new MonitorError(`Bus '${name}' not found`);
  return found;
}

/** The bus that a path leads to. Throws `MonitorError`, with what is there where the path leads on to nothing. */
export function busAt(tree: DeviceTree, path: string): Qbus {
  const parts = path
    .split('/')
    .map((part) => part.slice(0, PART_MAX))
    .filter((part) => part !== '');
  let bus = path.startsWith('/') ? tree.systemBus : busNamed(tree, parts.shift() ?? '');
  for (let at = 0; at < parts.length; at += 2) {
    const [name = '', below] = parts.slice(at, at + 2);
    const device = deviceOn(bus, name);
    bus = below === undefined ? onlyBusOf(device, name) : busOf(device, below);
  }
  return bus;
}
