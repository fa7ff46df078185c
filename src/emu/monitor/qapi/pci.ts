/** The PCI buses. Spec: QEMU qapi/pci.json. */
import type { MachineApi } from '../../machine/machine-api.ts';
import type { PciBarInfo, PciDeviceInfo } from '../../pci/pci-info.ts';
import { BOOL, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const PCI_DEVICE_CLASS = struct({ desc: optional(STR), class: INT });
const PCI_DEVICE_ID = struct({
  ...{ device: INT, vendor: INT },
  ...{ subsystem: optional(INT), 'subsystem-vendor': optional(INT) },
});
const PCI_MEMORY_REGION = struct({
  ...{ bar: INT, type: STR, address: INT, size: INT },
  ...{ prefetch: optional(BOOL), mem_type_64: optional(BOOL) },
});
const PCI_DEVICE_INFO = struct({
  ...{ bus: INT, slot: INT, function: INT },
  class_info: PCI_DEVICE_CLASS,
  id: PCI_DEVICE_ID,
  irq: optional(INT),
  ...{ irq_pin: INT, qdev_id: STR },
  regions: list(PCI_MEMORY_REGION),
});
const PCI_INFO = list(struct({ bus: INT, devices: list(PCI_DEVICE_INFO) }));

export type PciRegion = Infer<typeof PCI_MEMORY_REGION>;
export type PciDevice = Infer<typeof PCI_DEVICE_INFO>;
export type PciInfo = Infer<typeof PCI_INFO>[number];

/** QEMU: a bar that the guest has not enabled is at all ones. */
function region({ bar, type, address, size, prefetch, mem64 }: PciBarInfo): PciRegion {
  const at = { bar, type, address: address ?? -1, size };
  return type === 'io' ? at : { ...at, prefetch, mem_type_64: mem64 };
}

function deviceInfo(device: PciDeviceInfo): PciDevice {
  const { bus, slot, irqPin, subsystem, subsystemVendor } = device;
  return {
    ...{ bus, slot, function: device.function },
    class_info: { desc: device.className, class: device.classCode },
    id: {
      ...{ device: device.device, vendor: device.vendor },
      ...{ subsystem, 'subsystem-vendor': subsystemVendor },
    },
    irq: irqPin === 0 ? undefined : device.irqLine,
    ...{ irq_pin: irqPin, qdev_id: device.id },
    regions: device.bars.map(region),
  };
}

export function queryPci(machine: MachineApi): Infer<typeof PCI_INFO> {
  const { inspect } = machine;
  return inspect.hasPciBus ? [{ bus: 0, devices: inspect.pciFunctions().map(deviceInfo) }] : [];
}

export const PCI_COMMANDS = [
  command('query-pci', { returns: PCI_INFO, run: ({ machine }) => queryPci(machine) }),
];
