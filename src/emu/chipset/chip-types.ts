/** Types of the chips in this folder, by QEMU's names and with its properties. The user cannot make them. */
import { pciBoardType } from '../pci/pci-properties.ts';
import { boardType, type DeviceType } from '../qdev/device-type.ts';
import { INT32, LOST_TICK_POLICY, number, off, on, SIZE, STR, UINT8, UINT16 } from '../qdev/properties.ts';

/** QEMU's value of a number that the board sets. */
const UNSET = 0xffff_ffff;

export const I440FX_PCIHOST = boardType('i440FX-pcihost', 'System', [
  number('pci-hole64-size', 2 ** 31, SIZE),
  number('short_root_bus', 0),
  on('x-pci-hole64-fix'),
  on('x-config-reg-migration-enabled'),
  off('bypass-iommu'),
]);
export const I440FX = pciBoardType('i440FX', [], { description: 'Host bridge' });
export const PIIX3 = pciBoardType('PIIX3', [], { description: 'ISA bridge' });
export const PIIX4_PM = pciBoardType(
  'PIIX4_PM',
  [
    number('smb_io_base', 0),
    number('disable_s3', 0, UINT8),
    number('disable_s4', 0, UINT8),
    number('s4_val', 2, UINT8),
    on('acpi-pci-hotplug-with-bridge-support'),
    on('acpi-root-pci-hotplug'),
    on('memory-hotplug-support'),
    off('smm-compat'),
    off('smm-enabled'),
    off('x-not-migrate-acpi-index'),
  ],
  { description: 'PM' },
);
export const HPET = boardType('hpet', 'System', [
  number('timers', 3, UINT8),
  off('msi'),
  number('hpet-intcap', 0),
  on('hpet-offset-saved'),
]);
export const IOAPIC = boardType('ioapic', 'System', [number('version', 0x20)]);
export const FW_CFG_IO = boardType('fw_cfg_io', 'System', [
  on('dma_enabled'),
  number('x-file-slots', 32, UINT16),
  on('acpi-mr-restore'),
]);
export const I8257 = boardType('i8257', 'ISA', [
  number('base', 0, INT32),
  number('page-base', 0x80, INT32),
  number('pageh-base', -1, INT32),
  number('dshift', 0, INT32),
]);
export const PORT92 = boardType('port92', 'ISA', []);
export const ISA_I8259 = boardType('isa-i8259', 'ISA', [
  number('iobase', UNSET),
  number('elcr_addr', UNSET),
  number('elcr_mask', UNSET, UINT8),
  off('master'),
]);
export const MC146818RTC = boardType(
  'mc146818rtc',
  'ISA',
  [
    number('base_year', 1980, INT32),
    number('iobase', 0x70, UINT16),
    number('irq', 8, UINT8),
    { name: 'lost_tick_policy', kind: LOST_TICK_POLICY, default: 'discard' },
  ],
  { category: 'Misc', userCreatable: true },
);
export const ISA_PIT = boardType('isa-pit', 'ISA', [number('iobase', UNSET)]);
export const ISA_PCSPK = boardType(
  'isa-pcspk',
  'ISA',
  [{ name: 'audiodev', kind: STR, help: 'audio back end' }, number('iobase', 0x61), on('migrate')],
  { category: 'Sound' },
);

/** Every type above. */
export const CHIPSET_TYPES: readonly DeviceType[] = [
  I440FX_PCIHOST,
  I440FX,
  PIIX3,
  PIIX4_PM,
  HPET,
  IOAPIC,
  FW_CFG_IO,
  I8257,
  PORT92,
  ISA_I8259,
  MC146818RTC,
  ISA_PIT,
  ISA_PCSPK,
];
