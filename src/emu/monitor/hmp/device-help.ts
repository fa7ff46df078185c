/** `device_add help` and `device_add X,help`. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { DeviceRegistry, DeviceType } from '../../qdev/device-type.ts';
import { DEVICE_CATEGORIES, isListed } from '../../qdev/device-type.ts';
import { type PropertyKind, type PropertySpec, type PropertyValue, UINT64 } from '../../qdev/properties.ts';

/** Where QEMU begins the description of a property. */
const DESCRIPTION_COLUMN = 24;

/** Buses by the name of a type: where a version told another one than the type has. */
type BusNames = Readonly<Record<string, string>>;

function typeLine(
  { name, alias, description, userCreatable, ...type }: DeviceType,
  buses: BusNames = {},
): string {
  const busType = buses[name] ?? type.busType;
  const bus = busType === undefined ? '' : `, bus ${busType}`;
  const other = alias === undefined ? '' : `, alias "${alias}"`;
  const text = description === undefined ? '' : `, desc "${description}"`;
  return `name "${name}"${bus}${other}${text}${userCreatable ? '' : ', no-user'}\n`;
}

/** QEMU: before 2.7 a processor was no device. */
const isNoCpu = ({ category }: DeviceType): boolean => category !== 'CPU';

interface CategoryStyle {
  /** Processors are among them. */
  readonly hasCpus?: boolean;
  /** Watchdogs have a category of their own. QEMU: before 6.2 they were under Misc. */
  readonly hasWatchdogs?: boolean;
}

/** Types of devices by category. */
export function deviceListText(
  all: readonly DeviceType[],
  { hasCpus = true, hasWatchdogs = true }: CategoryStyle = {},
): string {
  const types = all.filter((type) => hasCpus || isNoCpu(type));
  const categoryOf = ({ category }: DeviceType): DeviceType['category'] =>
    category === 'Watchdog' && !hasWatchdogs ? 'Misc' : category;
  return DEVICE_CATEGORIES.flatMap((category) => {
    const members = types.filter((type) => categoryOf(type) === category);
    return members.length === 0
      ? []
      : [`${category} devices:\n${members.map((type) => typeLine(type)).join('')}`];
  }).join('\n');
}

/** The same without categories, and without processors. */
export function flatDeviceList(all: readonly DeviceType[], buses: BusNames = {}): string {
  return all
    .filter(isNoCpu)
    .map((type) => typeLine(type, buses))
    .join('');
}

/** A number that is kept as text, as a uint64 is, is no string to the user. */
function defaultText(value: PropertyValue, kind: PropertyKind): string {
  return typeof value === 'string' && kind.toJson !== UINT64.toJson ? `"${value}"` : String(value);
}

function propertyLine({ name, kind, help, default: value }: PropertySpec): string {
  const start = `  ${name}=<${kind.typeName}>`;
  if (help === undefined && value === undefined) return `${start}\n`;
  const shown = value === undefined ? '' : ` (default: ${defaultText(value, kind)})`;
  return `${start.padEnd(DESCRIPTION_COLUMN)} - ${help ?? ''}${shown}\n`;
}

/** A type's properties. Throws QEMU's error for a name that is no type. */
export function devicePropertiesText(registry: DeviceRegistry, name: string): string {
  const type = registry.find(name);
  if (type === undefined) throw new MonitorError(`Device '${name}' not found`, 'DeviceNotFound');
  const properties = new Map([...(type.options ?? []), ...type.properties].map((one) => [one.name, one]));
  const lines = [...properties.values()].filter(isListed).map(propertyLine);
  if (lines.length === 0) return `There are no options for ${type.name}.\n`;
  return `${type.name} options:\n${lines.sort().join('')}`;
}
