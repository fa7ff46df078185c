/** Properties that every PCI device has, in QEMU's order. */
import { MonitorError } from '../core/monitor-error.ts';
import { JsonDouble } from '../qapi/json-value.ts';
import { boardType, type DeviceType } from '../qdev/device-type.ts';
import {
  badValueError,
  fixed,
  INT32,
  number,
  off,
  on,
  type PropertyKind,
  type PropertySpec,
  STR,
} from '../qdev/properties.ts';
import { parsePciAddress, pciFunction, pciSlot } from './pci-bus.ts';

const LAST_DEVFN = 255;

/** `SLOT` or `SLOT.FUNCTION` in hexadecimal, or a devfn as a JSON number; -1 for the first free slot. */
const PCI_ADDRESS: PropertyKind = {
  ...INT32,
  parse(text, { name }, owner) {
    const devfn = parsePciAddress(text);
    if (devfn === undefined) throw badValueError(owner, name, text);
    return devfn;
  },
  fromJson(json, property, owner) {
    if (typeof json === 'string') return PCI_ADDRESS.parse(json, property, owner);
    if (typeof json === 'boolean' || (typeof json === 'object' && !(json instanceof JsonDouble))) {
      throw new MonitorError(`Invalid parameter type for '${property.name}', expected int or str`);
    }
    const devfn = Number(INT32.fromJson(json, property, owner));
    if (devfn >= -1 && devfn <= LAST_DEVFN) return devfn;
    throw new MonitorError(`Parameter '${property.name}' expects a value between -1 and ${LAST_DEVFN}`);
  },
  format(value) {
    const devfn = Number(value);
    return `${pciSlot(devfn).toString(16).padStart(2, '0')}.${pciFunction(devfn).toString(16)}`;
  },
};

export const PCI_PROPERTIES: readonly PropertySpec[] = [
  { name: 'addr', kind: PCI_ADDRESS, default: -1, help: 'PCI slot and function, such as 06 or 06.0' },
  fixed({ name: 'romfile', kind: STR }),
  fixed(number('romsize', 0xffff_ffff)),
  number('rombar', 1),
  off('multifunction'),
  on('x-pcie-lnksta-dllla'),
  on('x-pcie-extcap-init'),
  fixed({ name: 'failover_pair_id', kind: STR }),
  number('acpi-index', 0),
];

/** A function that is part of a board: it stays in its slot. */
export function pciBoardType(
  name: string,
  properties: readonly PropertySpec[] = [],
  more: Partial<DeviceType> = {},
): DeviceType {
  return boardType(name, 'PCI', [...properties, ...PCI_PROPERTIES], { hotpluggable: false, ...more });
}
