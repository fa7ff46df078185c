/** The PCI buses. Spec: QEMU qapi/pci.json. */
import type { MachineApi } from '../../machine/machine-api.ts';
import type { WindowRange } from '../../pci/bridge-windows.ts';
import type { PciBarInfo, PciBridgeInfo, PciDeviceInfo } from '../../pci/pci-info.ts';
import {
  BOOL,
  INT,
  type Infer,
  list,
  listOfLater,
  optional,
  type SchemaType,
  STR,
  struct,
} from '../../qapi/schema.ts';
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
const PCI_MEMORY_RANGE = struct({ base: INT, limit: INT });
const PCI_BUS_INFO = struct({
  ...{ number: INT, secondary: INT, subordinate: INT },
  ...{ io_range: PCI_MEMORY_RANGE, memory_range: PCI_MEMORY_RANGE, prefetchable_range: PCI_MEMORY_RANGE },
});
const DEVICE_MEMBERS = {
  ...{ bus: INT, slot: INT, function: INT },
  class_info: PCI_DEVICE_CLASS,
  id: PCI_DEVICE_ID,
  irq: optional(INT),
  ...{ irq_pin: INT, qdev_id: STR },
};
/** A function, and behind a bridge others. */
export interface PciDevice extends Infer<ReturnType<typeof struct<typeof DEVICE_MEMBERS>>> {
  readonly pci_bridge?: PciBridge | undefined;
  readonly regions: readonly PciRegion[];
}
export interface PciBridge {
  readonly bus: Infer<typeof PCI_BUS_INFO>;
  readonly devices?: readonly PciDevice[] | undefined;
}
const PCI_BRIDGE_INFO: SchemaType<PciBridge> = struct({
  bus: PCI_BUS_INFO,
  devices: optional(listOfLater(() => PCI_DEVICE_INFO)),
});
const PCI_DEVICE_INFO: SchemaType<PciDevice> = struct({
  ...DEVICE_MEMBERS,
  pci_bridge: optional(PCI_BRIDGE_INFO),
  regions: list(PCI_MEMORY_REGION),
});
const PCI_INFO = list(struct({ bus: INT, devices: list(PCI_DEVICE_INFO) }));

export type PciRegion = Infer<typeof PCI_MEMORY_REGION>;
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
      ...(device.bridge === undefined ? { subsystem, 'subsystem-vendor': subsystemVendor } : {}),
    },
    irq: irqPin === 0 ? undefined : device.irqLine,
    ...{ irq_pin: irqPin, qdev_id: device.id },
    pci_bridge: device.bridge && bridgeInfo(device.bridge),
    regions: device.bars.map(region),
  };
}

/** An address of 64 bits with a sign, as QEMU's JSON has it. @param base a multiple of 4 KiB, so that it is exact as a number */
function exact(base: number, less = 0n): number | bigint {
  const value = BigInt.asIntN(64, BigInt(base) - less);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function bridgeInfo({ devices, ...bridge }: PciBridgeInfo): PciBridge {
  const { primary, secondary, subordinate } = bridge;
  const range = ({ base, limit }: WindowRange) => ({ base: exact(base), limit: exact(limit + 1, 1n) });
  return {
    bus: {
      ...{ number: primary, secondary, subordinate },
      io_range: range(bridge.io),
      memory_range: range(bridge.memory),
      prefetchable_range: range(bridge.prefetchable),
    },
    devices: devices?.map(deviceInfo),
  };
}

export function queryPci(machine: MachineApi): Infer<typeof PCI_INFO> {
  const { inspect } = machine;
  return inspect.hasPciBus ? [{ bus: 0, devices: inspect.pciFunctions().map(deviceInfo) }] : [];
}

export const PCI_COMMANDS = [
  command('query-pci', { returns: PCI_INFO, run: ({ machine }) => queryPci(machine) }),
];
