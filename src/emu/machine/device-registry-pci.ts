/** Properties that every PCI device has, in QEMU's order. */
import { parsePciAddress, pciFunction, pciSlot } from '../pci/pci-bus.ts';
import type { PropertyKind, PropertySpec } from '../qdev/properties.ts';
import { BOOL, badValueError, STR, UINT32 } from '../qdev/properties.ts';

/** `SLOT` or `SLOT.FUNCTION` in hexadecimal; -1 for the first free slot. */
const PCI_ADDRESS: PropertyKind = {
  typeName: 'int32',
  parse(text, { name }, owner) {
    const devfn = parsePciAddress(text);
    if (devfn === undefined) throw badValueError(owner, name, text);
    return devfn;
  },
  format(value) {
    const devfn = Number(value);
    return `${pciSlot(devfn).toString(16).padStart(2, '0')}.${pciFunction(devfn).toString(16)}`;
  },
};

export const PCI_PROPERTIES: readonly PropertySpec[] = [
  { name: 'addr', kind: PCI_ADDRESS, default: -1, help: 'PCI slot and function, such as 06 or 06.0' },
  { name: 'romfile', kind: STR, fixed: true },
  { name: 'romsize', kind: UINT32, default: 0xffff_ffff, fixed: true },
  { name: 'rombar', kind: UINT32, default: 1 },
  { name: 'multifunction', kind: BOOL, default: false, help: 'on/off' },
  { name: 'x-pcie-lnksta-dllla', kind: BOOL, default: true, help: 'on/off' },
  { name: 'x-pcie-extcap-init', kind: BOOL, default: true, help: 'on/off' },
  { name: 'failover_pair_id', kind: STR, fixed: true },
  { name: 'acpi-index', kind: UINT32, default: 0 },
];
