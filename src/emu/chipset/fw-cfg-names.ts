/** What QEMU's trace calls the keys of fw_cfg. */
const NAMES = [
  'signature',
  'id',
  'uuid',
  'ram_size',
  'nographic',
  'nb_cpus',
  'machine_id',
  'kernel_addr',
  'kernel_size',
  'kernel_cmdline',
  'initrd_addr',
  // QEMU: so spelt.
  'initdr_size',
  'boot_device',
  'numa',
  'boot_menu',
  'max_cpus',
  'kernel_entry',
  'kernel_data',
  'initrd_data',
  'cmdline_addr',
  'cmdline_size',
  'cmdline_data',
  'setup_addr',
  'setup_size',
  'setup_data',
  'file_dir',
];
const ARCH_LOCAL = 0x8000;
const ARCH_NAMES = ['acpi_tables', 'smbios_entries', 'irq0_override', undefined, 'hpet'];

/** QEMU: files, and keys that it has no name for, are unknown. */
export function keyName(key: number): string {
  return (key < ARCH_LOCAL ? NAMES[key] : ARCH_NAMES[key - ARCH_LOCAL]) ?? 'unknown';
}
