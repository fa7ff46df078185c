/** The tables by which devices decode, and docs/registers.md, which is made of them. */
import { CpuHotplug } from '../src/emu/acpi/cpu-hotplug.ts';
import { GpeBlock } from '../src/emu/acpi/gpe.ts';
import { MemoryHotplug } from '../src/emu/acpi/memory-hotplug.ts';
import { PciHotplug } from '../src/emu/acpi/pci-hotplug.ts';
import { BusMaster } from '../src/emu/ata/bus-master.ts';
import { Ich9Ahci } from '../src/emu/ata/ich9-ahci.ts';
import { IdeChannel } from '../src/emu/ata/ide-channel.ts';
import type { RegisterList } from '../src/emu/bus/register-table.ts';
import { Serial16550 } from '../src/emu/char/serial-16550.ts';
import { FwCfg } from '../src/emu/chipset/fw-cfg.ts';
import { Hpet } from '../src/emu/chipset/hpet.ts';
import { I6300Esb } from '../src/emu/chipset/i6300esb.ts';
import { I8254 } from '../src/emu/chipset/i8254.ts';
import { I8259Pair } from '../src/emu/chipset/i8259.ts';
import { Ib700 } from '../src/emu/chipset/ib700.ts';
import { IoApic } from '../src/emu/chipset/ioapic.ts';
import { DebugExitRegister } from '../src/emu/chipset/isa-debug-exit.ts';
import { Mc146818 } from '../src/emu/chipset/mc146818.ts';
import { Piix4Pm } from '../src/emu/chipset/piix4-pm.ts';
import { PmSmbus } from '../src/emu/chipset/pm-smbus.ts';
import { Port92 } from '../src/emu/chipset/port92.ts';
import { PvpanicRegister } from '../src/emu/chipset/pvpanic.ts';
import { LocalApic } from '../src/emu/cpu/apic/local-apic.ts';
import { I82078 } from '../src/emu/floppy/i82078.ts';
import { I8042 } from '../src/emu/input/i8042.ts';
import { E1000_REGISTERS } from '../src/emu/nic/e1000-register-table.ts';
import { E1000E_REGISTERS } from '../src/emu/nic/e1000e-register-table.ts';
import { Ne2000 } from '../src/emu/nic/ne2000.ts';
import { PCNET_REGISTERS } from '../src/emu/nic/pcnet-register-table.ts';
import { RTL8139_BY_SIZE } from '../src/emu/nic/rtl8139-register-table.ts';
import { Nvme } from '../src/emu/nvme/nvme.ts';
import { PciHost } from '../src/emu/pci/pci-host.ts';
import { Shpc } from '../src/emu/pci/shpc.ts';
import { ShpcSlot } from '../src/emu/pci/shpc-slot.ts';
import { Am53c974 } from '../src/emu/scsi/am53c974.ts';
import { Ehci } from '../src/emu/usb/ehci.ts';
import { Uhci } from '../src/emu/usb/uhci.ts';
import { XhciInterrupters } from '../src/emu/usb/xhci-interrupters.ts';
import { XhciPorts } from '../src/emu/usb/xhci-ports.ts';
import { XhciRegisters } from '../src/emu/usb/xhci-registers.ts';
import { VirtioPciLegacy } from '../src/emu/virtio/virtio-pci-legacy.ts';
import { VirtioPciModern } from '../src/emu/virtio/virtio-pci-modern.ts';

export const REGISTER_DOCUMENT = 'docs/registers.md';

/** Every table of a device, in the order of the document. */
export const REGISTER_TABLES: readonly RegisterList[] = [
  Piix4Pm.registers,
  Piix4Pm.apmRegisters,
  PmSmbus.registers,
  GpeBlock.registers,
  PciHotplug.registers,
  CpuHotplug.registers,
  MemoryHotplug.registers,
  VirtioPciModern.registers,
  VirtioPciLegacy.registers,
  IdeChannel.registers,
  BusMaster.registers,
  Ich9Ahci.registers,
  Ich9Ahci.portRegisters,
  I82078.registers,
  Nvme.registers,
  Uhci.registers,
  E1000_REGISTERS,
  E1000E_REGISTERS,
  ...Object.values(RTL8139_BY_SIZE),
  Ne2000.registers,
  PCNET_REGISTERS,
  Ehci.registers,
  XhciRegisters.registers,
  XhciPorts.registers,
  XhciInterrupters.registers,
  Am53c974.registers,
  Serial16550.registers,
  I8254.registers,
  Hpet.registers,
  I8259Pair.registers,
  I8259Pair.elcrRegisters,
  IoApic.registers,
  LocalApic.registers,
  I8042.registers,
  Mc146818.registers,
  Port92.registers,
  FwCfg.registers,
  PciHost.registers,
  Shpc.registers,
  ShpcSlot.registers,
  PvpanicRegister.registers,
  DebugExitRegister.registers,
  I6300Esb.registers,
  Ib700.registers,
];

const HEAD = `# Registers

Made by \`npx tsx scripts/register-document.ts\` of the tables in the sources (\`src/emu/bus/register-table.ts\`): the same table decodes a
driver's accesses and names them in the trace. \`trace-event hotslot_register_* on\` in the monitor, or \`-trace hotslot_register_*\` on the command
line, tells each access with the name that stands here. Devices that decode by other means are told by \`memory_region_ops_*\`: IDE, DMA and PCI's
configuration spaces, which are bytes.

Offsets are hexadecimal, from the beginning of the block; sizes are bytes.
`;

function access({ read, write }: RegisterList['registers'][number]): string {
  return `${read === undefined ? '' : 'r'}${write === undefined ? '' : 'w'}`;
}

function section({ block, registers }: RegisterList): string {
  const { name, title, place, spec } = block;
  const rows = registers.map((register) => {
    const { offset, sizeBytes, help, when } = register;
    const condition = when === undefined ? '' : `; when ${when.text}`;
    const at = offset.toString(16).padStart(2, '0');
    return `| ${at} | ${sizeBytes} | ${access(register)} | \`${register.name}\` | ${help}${condition} |`;
  });
  return [
    `## ${title}`,
    '',
    `\`${name}\` in the trace; ${place}. Spec: ${spec}.`,
    '',
    '| offset | size | | register | |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** The text of the document. */
export function registerDocument(): string {
  return [HEAD, ...REGISTER_TABLES.map(section)].join('\n');
}
