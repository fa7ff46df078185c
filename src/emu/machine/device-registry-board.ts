/** Chips that are part of the pc board, by QEMU's type names and with its properties. The user cannot make them. */

import type { PropertyKind, PropertySpec } from '../qdev/properties.ts';
import {
  BOOL,
  INT32,
  LOST_TICK_POLICY,
  readOnlyKind,
  SIZE,
  STR,
  UINT8,
  UINT16,
  UINT32,
} from '../qdev/properties.ts';
import type { DeviceCategory, DeviceType } from './device-registry.ts';
import { PCI_PROPERTIES } from './device-registry-pci.ts';

const integer = (name: string, value: number, kind: PropertyKind = UINT32): PropertySpec => ({
  name,
  kind,
  default: value,
});
const bool = (name: string, value: boolean): PropertySpec => ({
  name,
  kind: BOOL,
  default: value,
  help: 'on/off',
});
const UNSET = 0xffff_ffff;

function chip(
  name: string,
  busType: string | undefined,
  properties: readonly PropertySpec[],
  more: Partial<DeviceType> = {},
): DeviceType {
  const category: DeviceCategory = 'Uncategorized';
  return {
    name,
    category,
    ...(busType === undefined ? {} : { busType }),
    userCreatable: false,
    hotpluggable: true,
    properties,
    ...more,
  };
}

const pciChip = (
  name: string,
  properties: readonly PropertySpec[] = [],
  more: Partial<DeviceType> = {},
): DeviceType => chip(name, 'PCI', [...properties, ...PCI_PROPERTIES], { hotpluggable: false, ...more });

export const I440FX_PCIHOST = chip('i440FX-pcihost', 'System', [
  integer('pci-hole64-size', 2 ** 31, SIZE),
  integer('short_root_bus', 0),
  bool('x-pci-hole64-fix', true),
  bool('x-config-reg-migration-enabled', true),
  bool('bypass-iommu', false),
]);
export const I440FX = pciChip('i440FX', [], { description: 'Host bridge' });
export const PIIX3 = pciChip('PIIX3', [], { description: 'ISA bridge' });
export const PIIX3_IDE = pciChip('piix3-ide', [], { category: 'Storage', userCreatable: true });
export const PIIX4_PM = pciChip('PIIX4_PM', [
  integer('smb_io_base', 0),
  integer('disable_s3', 0, UINT8),
  integer('disable_s4', 0, UINT8),
  integer('s4_val', 2, UINT8),
  bool('acpi-pci-hotplug-with-bridge-support', true),
  bool('acpi-root-pci-hotplug', true),
  bool('memory-hotplug-support', true),
  bool('smm-compat', false),
  bool('smm-enabled', false),
  bool('x-not-migrate-acpi-index', false),
]);
export const HPET = chip('hpet', 'System', [
  integer('timers', 3, UINT8),
  bool('msi', false),
  integer('hpet-intcap', 0),
  bool('hpet-offset-saved', true),
]);
export const IOAPIC = chip('ioapic', 'System', [integer('version', 0x20)]);
export const FW_CFG_IO = chip('fw_cfg_io', 'System', [
  bool('dma_enabled', true),
  integer('x-file-slots', 32, UINT16),
  bool('acpi-mr-restore', true),
]);
export const PS2_KBD = chip('ps2-kbd', 'System', []);
export const PS2_MOUSE = chip('ps2-mouse', 'System', []);
export const I8257 = chip('i8257', 'ISA', [
  integer('base', 0, INT32),
  integer('page-base', 0x80, INT32),
  integer('pageh-base', -1, INT32),
  integer('dshift', 0, INT32),
]);
export const PORT92 = chip('port92', 'ISA', []);
export const ISA_I8259 = chip('isa-i8259', 'ISA', [
  integer('iobase', UNSET),
  integer('elcr_addr', UNSET),
  integer('elcr_mask', UNSET, UINT8),
  bool('master', false),
]);
export const MC146818RTC = chip(
  'mc146818rtc',
  'ISA',
  [
    integer('base_year', 1980, INT32),
    integer('iobase', 0x70, UINT16),
    integer('irq', 8, UINT8),
    { name: 'lost_tick_policy', kind: LOST_TICK_POLICY, default: 'discard' },
  ],
  { category: 'Misc', userCreatable: true },
);
export const ISA_PIT = chip('isa-pit', 'ISA', [integer('iobase', UNSET)]);
export const ISA_PCSPK = chip('isa-pcspk', 'ISA', [
  { name: 'audiodev', kind: STR, help: 'audio back end' },
  integer('iobase', 0x61),
  bool('migrate', true),
]);
export const ISA_SERIAL = chip(
  'isa-serial',
  'ISA',
  [integer('index', UNSET), integer('iobase', UNSET), integer('irq', UNSET)],
  {
    category: 'Input',
    userCreatable: true,
    options: [
      integer('baudbase', 115200),
      { name: 'chardev', kind: STR, help: 'character back end' },
      { name: 'wakeup', kind: BOOL, default: false },
      { name: 'serial', kind: readOnlyKind('child<serial>') },
    ],
  },
);
export const I8042 = chip(
  'i8042',
  'ISA',
  [
    bool('extended-state', true),
    bool('kbd-throttle', false),
    integer('kbd-irq', 1, UINT8),
    integer('mouse-irq', 12, UINT8),
  ],
  { category: 'Input', userCreatable: true },
);
export const QEMU64_CPU = chip('qemu64-x86_64-cpu', undefined, [], { category: 'CPU' });

/** Every type above. */
export const BOARD_TYPES: readonly DeviceType[] = [
  I440FX_PCIHOST,
  I440FX,
  PIIX3,
  PIIX3_IDE,
  PIIX4_PM,
  HPET,
  IOAPIC,
  FW_CFG_IO,
  PS2_KBD,
  PS2_MOUSE,
  I8257,
  PORT92,
  ISA_I8259,
  MC146818RTC,
  ISA_PIT,
  ISA_PCSPK,
  ISA_SERIAL,
  I8042,
  QEMU64_CPU,
];
