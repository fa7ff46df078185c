/** All device types that the machine knows. Each stands beside its chip. */
import { ICH9_AHCI } from '../ata/ich9-ahci-type.ts';
import { IDE_TYPES } from '../ata/ide-types.ts';
import { PIIX3_IDE } from '../ata/piix3-ide-type.ts';
import { ISA_SERIAL } from '../char/serial-type.ts';
import { CHIPSET_TYPES } from '../chipset/chip-types.ts';
import { I6300ESB } from '../chipset/i6300esb-type.ts';
import { IB700 } from '../chipset/ib700.ts';
import { ISA_DEBUG_EXIT } from '../chipset/isa-debug-exit.ts';
import { PC_TESTDEV } from '../chipset/pc-testdev-type.ts';
import { PCI_SERIAL_TYPES } from '../chipset/pci-serial-types.ts';
import { PVPANIC_TYPES } from '../chipset/pvpanic-types.ts';
import { CPU_TYPES } from '../cpu/cpu-type.ts';
import { PFLASH_CFI01 } from '../flash/pflash-type.ts';
import { FLOPPY_DEVICE_TYPES } from '../floppy/fdc-types.ts';
import { INPUT_TYPES } from '../input/input-types.ts';
import { MEMORY_BACKEND_TYPES } from '../memory/memory-backend.ts';
import { PC_DIMM } from '../memory/pc-dimm-type.ts';
import { FILTER_DUMP } from '../net/filter-dump.ts';
import { E1000_TYPES } from '../nic/e1000-types.ts';
import { E1000E } from '../nic/e1000e-type.ts';
import { NE2K_PCI } from '../nic/ne2000-type.ts';
import { PCNET } from '../nic/pcnet-type.ts';
import { RTL8139 } from '../nic/rtl8139-type.ts';
import { NVME_TYPES } from '../nvme/nvme-type.ts';
import { PCI_BRIDGE_TYPES } from '../pci/pci-bridge-types.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import type { PropertySpec } from '../qdev/properties.ts';
import type { ObjectType } from '../qdev/user-objects.ts';
import { AM53C974_TYPES } from '../scsi/am53c974-types.ts';
import { LSI53C895A } from '../scsi/lsi53c895a-type.ts';
import { SCSI_DISK_TYPES } from '../scsi/scsi-disk-types.ts';
import { EHCI_TYPES } from '../usb/ehci-types.ts';
import { UHCI_TYPES } from '../usb/uhci-types.ts';
import { USB_HID_TYPES } from '../usb/usb-hid-types.ts';
import { USB_HUB } from '../usb/usb-hub-type.ts';
import { USB_SERIAL } from '../usb/usb-serial-type.ts';
import { USB_STORAGE_TYPES } from '../usb/usb-storage-types.ts';
import { USB_UAS } from '../usb/usb-uas-type.ts';
import { XHCI_TYPES } from '../usb/xhci-types.ts';
import { RNG_TYPES } from '../virtio/rng-backends.ts';
import { VIRTIO_BALLOON_TYPES } from '../virtio/virtio-balloon-pci-type.ts';
import { VIRTIO_BLK_TYPES } from '../virtio/virtio-blk-pci-type.ts';
import { VIRTIO_MEM_TYPES } from '../virtio/virtio-mem-pci-type.ts';
import { VIRTIO_NET_TYPES } from '../virtio/virtio-net-pci-type.ts';
import { VIRTIO_RNG_TYPES } from '../virtio/virtio-rng-pci-type.ts';
import { VIRTIO_SCSI_TYPES } from '../virtio/virtio-scsi-pci-type.ts';
import { VIRTIO_SERIAL_TYPES } from '../virtio/virtio-serial.ts';
import type { GlobalDefault } from './machine-config.ts';
import { EVERY_TYPE, type MachineVersion } from './machine-versions.ts';

export const DEVICE_TYPES: readonly DeviceType[] = [
  ...CHIPSET_TYPES,
  ...INPUT_TYPES,
  ...IDE_TYPES,
  PIIX3_IDE,
  ICH9_AHCI,
  I6300ESB,
  IB700,
  ISA_DEBUG_EXIT,
  ISA_SERIAL,
  PFLASH_CFI01,
  ...FLOPPY_DEVICE_TYPES,
  ...CPU_TYPES,
  PC_DIMM,
  PC_TESTDEV,
  ...PCI_BRIDGE_TYPES,
  ...E1000_TYPES,
  E1000E,
  NE2K_PCI,
  PCNET,
  RTL8139,
  ...PCI_SERIAL_TYPES,
  ...PVPANIC_TYPES,
  LSI53C895A,
  ...AM53C974_TYPES,
  ...NVME_TYPES,
  ...SCSI_DISK_TYPES,
  ...EHCI_TYPES,
  ...UHCI_TYPES,
  ...XHCI_TYPES,
  ...USB_HID_TYPES,
  USB_HUB,
  USB_SERIAL,
  ...USB_STORAGE_TYPES,
  USB_UAS,
  ...VIRTIO_BALLOON_TYPES,
  ...VIRTIO_BLK_TYPES,
  ...VIRTIO_MEM_TYPES,
  ...VIRTIO_NET_TYPES,
  ...VIRTIO_RNG_TYPES,
  ...VIRTIO_SCSI_TYPES,
  ...VIRTIO_SERIAL_TYPES,
];

/** As that version of the machine has them, but for the defaults that its user chose. */
export function typesOf(
  { defaults }: MachineVersion,
  globals: readonly GlobalDefault[] = [],
): readonly DeviceType[] {
  const ofEvery = defaults.get(EVERY_TYPE) ?? [];
  return DEVICE_TYPES.map((type) => {
    const chosen = globals.filter(({ driver }) => driver === type.name);
    const old = new Map([
      ...ofEvery,
      ...(defaults.get(type.name) ?? []),
      ...chosen.map(({ property, value }) => [property, value] as const),
    ]);
    if (old.size === 0) return type;
    const oldest = (property: PropertySpec): PropertySpec =>
      old.has(property.name) ? { ...property, default: old.get(property.name) } : property;
    const { properties, options = [] } = type;
    return { ...type, properties: properties.map(oldest), options: options.map(oldest) };
  });
}

/** What `object_add` makes. */
export const OBJECT_TYPES: readonly ObjectType[] = [FILTER_DUMP, ...MEMORY_BACKEND_TYPES, ...RNG_TYPES];
