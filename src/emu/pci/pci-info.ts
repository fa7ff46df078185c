/** What is on a PCI bus, as plain data: for `info pci`, `query-pci` and the page's picture of the PC. */

import {
  type BridgeWindows,
  bridgeWindows,
  PCI_PRIMARY_BUS,
  PCI_SECONDARY_BUS,
  PCI_SUBORDINATE_BUS,
} from './bridge-windows.ts';
import {
  PCI_CLASS_PROG,
  PCI_INTERRUPT_LINE,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
} from './config-space.ts';
import type { PciBus } from './pci-bus.ts';
import { pciFunction, pciSlot } from './pci-bus.ts';
import type { PciDevice } from './pci-device.ts';

/** QEMU's texts for class codes (class << 8 | subclass), as `info pci` and `info qtree` show them. */
const CLASS_NAMES: Readonly<Record<number, string>> = {
  1: 'VGA controller',
  256: 'SCSI controller',
  257: 'IDE controller',
  258: 'Floppy controller',
  259: 'IPI controller',
  260: 'RAID controller',
  262: 'SATA controller',
  263: 'SAS controller',
  384: 'Storage controller',
  512: 'Ethernet controller',
  513: 'Token Ring controller',
  514: 'FDDI controller',
  515: 'ATM controller',
  640: 'Network controller',
  768: 'VGA controller',
  769: 'XGA controller',
  770: '3D controller',
  896: 'Display controller',
  1024: 'Video controller',
  1025: 'Audio controller',
  1026: 'Phone',
  1027: 'Audio controller',
  1152: 'Multimedia controller',
  1280: 'RAM controller',
  1281: 'Flash controller',
  1408: 'Memory controller',
  1536: 'Host bridge',
  1537: 'ISA bridge',
  1538: 'EISA bridge',
  1539: 'MC bridge',
  1540: 'PCI bridge',
  1541: 'PCMCIA bridge',
  1542: 'NUBUS bridge',
  1543: 'CARDBUS bridge',
  1544: 'RACEWAY bridge',
  1664: 'Bridge',
  1792: 'Serial port',
  1793: 'Parallel port',
  2048: 'Interrupt controller',
  2049: 'DMA controller',
  2050: 'Timer',
  2051: 'RTC',
  2304: 'Keyboard',
  2305: 'Pen',
  2306: 'Mouse',
  2560: 'Dock station',
  2816: 'i386 cpu',
  3072: 'Firewire controller',
  3073: 'Access bus controller',
  3074: 'SSA controller',
  3075: 'USB controller',
  3076: 'Fibre channel controller',
  3077: 'SMBus',
};

export interface PciBarInfo {
  readonly bar: number;
  readonly type: 'io' | 'memory';
  /** Undefined while the guest has not enabled it; QEMU shows that as all ones. */
  readonly address: number | undefined;
  readonly size: number;
  readonly prefetch: boolean;
  readonly mem64: boolean;
}

/** The numbers and windows of a bridge, and what is behind it. */
export interface PciBridgeInfo extends BridgeWindows {
  readonly primary: number;
  readonly secondary: number;
  readonly subordinate: number;
  /** Undefined: the guest has given the bus behind no number yet. */
  readonly devices: readonly PciDeviceInfo[] | undefined;
}

export interface PciDeviceInfo {
  readonly bus: number;
  readonly slot: number;
  readonly function: number;
  readonly type: string;
  readonly id: string;
  readonly classCode: number;
  /** Undefined: QEMU has no text for it. */
  readonly className: string | undefined;
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
  /** Undefined: it is no bridge. */
  readonly bridge: PciBridgeInfo | undefined;
  readonly irqLine: number;
  /** 0 none, 1 INTA# … 4 INTD#. */
  readonly irqPin: number;
  readonly bars: readonly PciBarInfo[];
}

/** QEMU's text for a class code (class << 8 | subclass) in `info qtree`, where an unknown code is hexadecimal. */
export function pciQtreeClassName(classCode: number): string {
  return CLASS_NAMES[classCode] ?? `Class ${classCode.toString(16).padStart(4, '0')}`;
}

/** One function as the monitor shows it, without what is behind it. @param bus number of its bus */
export function pciDeviceInfo(device: PciDevice, bus: number): PciDeviceInfo {
  const { identity, config } = device;
  const hasSubsystem = identity.isBridge !== true;
  const classCode = config.read(PCI_CLASS_PROG + 1, 2);
  return {
    bus,
    slot: pciSlot(device.devfn),
    function: pciFunction(device.devfn),
    type: identity.type,
    id: device.id,
    classCode,
    className: CLASS_NAMES[classCode],
    vendor: identity.vendorId,
    device: identity.deviceId,
    subsystemVendor: hasSubsystem ? config.read(PCI_SUBSYSTEM_VENDOR_ID, 2) : 0,
    subsystem: hasSubsystem ? config.read(PCI_SUBSYSTEM_ID, 2) : 0,
    bridge: undefined,
    irqLine: config.read(PCI_INTERRUPT_LINE, 1),
    irqPin: identity.interruptPin ?? 0,
    bars: device.bars.map((bar) => ({
      bar: bar.index,
      type: bar.kind === 'io' ? 'io' : 'memory',
      address: bar.address,
      size: bar.sizeBytes,
      prefetch: bar.prefetchable,
      mem64: bar.kind === 'mem64',
    })),
  };
}

/** All functions of a bus, lowest devfn first, and of those behind its bridges. */
export function pciBusInfo(root: PciBus): PciDeviceInfo[] {
  return busInfo(root, root, new Set());
}

/** @param told buses that are shown already: a guest may give numbers that lead in circles, in which QEMU goes round for ever */
function busInfo(root: PciBus, bus: PciBus, told: Set<PciBus>): PciDeviceInfo[] {
  told.add(bus);
  return bus.devices().map((device) => {
    const info = pciDeviceInfo(device, bus.number);
    return device.bridge === undefined ? info : { ...info, bridge: bridgeInfo(root, device, told) };
  });
}

/** QEMU: what is behind is looked for by its number, as a configuration cycle does. */
function bridgeInfo(root: PciBus, { config }: PciDevice, told: Set<PciBus>): PciBridgeInfo {
  const secondary = config.read(PCI_SECONDARY_BUS, 1);
  const found = secondary === 0 ? undefined : root.find(secondary);
  return {
    ...bridgeWindows(config),
    primary: config.read(PCI_PRIMARY_BUS, 1),
    secondary,
    subordinate: config.read(PCI_SUBORDINATE_BUS, 1),
    devices: found === undefined || told.has(found) ? undefined : busInfo(root, found, told),
  };
}
