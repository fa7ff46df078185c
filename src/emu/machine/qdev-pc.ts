/** The pc board's devices in the tree: QEMU's order, paths, wires and property values for what the board has. */
import type { PciHotplug } from '../acpi/pci-hotplug.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { PciBus } from '../pci/pci-bus.ts';
import type { PciDevice } from '../pci/pci-device.ts';
import type { PropertyValue } from '../qdev/properties.ts';
import type { DeviceType } from './device-registry.ts';
import * as board from './device-registry-board.ts';
import type { DeviceManager } from './hotplug.ts';
import { PciRootHotplug, pciPlace } from './hotplug-pci.ts';
import type { GpioLines, Qbus, Qdev, QdevDescription } from './qdev.ts';

/** What the board has. Serial ports in the order of their index, which is their place in the list unless given. */
export interface PcBoardParts {
  readonly pciBus: PciBus;
  readonly i440fx: PciDevice;
  readonly piix3: PciDevice;
  readonly piix3Ide: PciDevice;
  readonly piix4Pm: PciDevice;
  readonly serialPorts: readonly {
    readonly iobase: number;
    readonly irq: number;
    readonly index?: number;
  }[];
  readonly i8042: boolean;
}

const SMBBA = 0x90;
const SMB_BASE_MASK = 0xffc0;
const LEGACY_UNATTACHED_AFTER_SERIAL = 12;

const gpio = (direction: 'in' | 'out', count: number, name = ''): GpioLines => ({ direction, name, count });
const values = (given: Readonly<Record<string, PropertyValue | (() => PropertyValue)>>) =>
  new Map(Object.entries(given));
const unattached = (index: number): string => `/machine/unattached/device[${index}]`;

/** Fills the manager's tree, oldest device first. Gives the handler of pci.0 for the ACPI registers, not yet connected. */
export function describePcBoard(manager: DeviceManager, parts: PcBoardParts): PcTree {
  const { systemBus } = manager.tree;
  const hotplug = new PciRootHotplug(parts.pciBus);
  manager.tree.addBusless({
    type: board.QEMU64_CPU,
    qomPath: unattached(0),
    handler: {
      prePlug: () => undefined,
      plug: () => {},
      unplugRequest: () => new MonitorError('Boot CPU is unpluggable'),
      unplug: () => {},
    },
  });
  systemBus.add({ type: board.FW_CFG_IO, qomPath: '/machine/fw_cfg' });
  const host = systemBus.add({ type: board.I440FX_PCIHOST, qomPath: '/machine/i440fx' });
  const pci = host.addBus({ name: parts.pciBus.name, type: 'PCI', handler: hotplug });
  const addPci = pciAdder(pci, parts.pciBus);
  addPci(parts.i440fx, { type: board.I440FX, qomPath: unattached(2) });
  const piix3 = addPci(parts.piix3, { type: board.PIIX3, qomPath: unattached(3) });
  addIsaChips(piix3.addBus({ name: 'isa.0', type: 'ISA' }), parts);
  const last = LEGACY_UNATTACHED_AFTER_SERIAL + parts.serialPorts.length;
  const ide = addPci(parts.piix3Ide, { type: board.PIIX3_IDE, qomPath: unattached(last + 5) });
  ide.addBus({ name: 'ide.0', type: 'IDE', maxDevices: 2 });
  ide.addBus({ name: 'ide.1', type: 'IDE', maxDevices: 2 });
  const pm = addPci(parts.piix4Pm, {
    type: board.PIIX4_PM,
    qomPath: unattached(last + 6),
    gpios: [gpio('out', 1, 'smi-irq'), gpio('out', 1)],
    values: values({
      smb_io_base: () => parts.piix4Pm.config.read(SMBBA, 2) & SMB_BASE_MASK,
      'smm-enabled': true,
    }),
  });
  pm.addBus({ name: 'i2c', type: 'i2c-bus' });
  addSystemChips(systemBus, parts, last);
  return {
    connectHotplug(acpi) {
      hotplug.connect(acpi, pci, manager);
      return hotplug;
    },
    hotplug,
  };
}

export interface PcTree {
  readonly hotplug: PciRootHotplug;
  /** Connects pci.0 to its ACPI registers; before that nothing can be plugged into it. */
  connectHotplug(acpi: PciHotplug): PciRootHotplug;
}

function pciAdder(bus: Qbus, pciBus: PciBus) {
  return (device: PciDevice, description: QdevDescription): Qdev =>
    bus.add({
      ...description,
      device,
      place: () => pciPlace(device, pciBus),
      values: new Map<string, PropertyValue | (() => PropertyValue)>([
        ...(description.values ?? []),
        ['addr', device.devfn],
        ['multifunction', device.identity.multifunction ?? false],
      ]),
    });
}

function addIsaChips(isa: Qbus, { serialPorts, i8042 }: PcBoardParts): void {
  const add = (
    type: DeviceType,
    index: number,
    gpios: readonly GpioLines[],
    given: Readonly<Record<string, PropertyValue>> = {},
  ) => isa.add({ type, qomPath: unattached(index), gpios, values: values(given) });
  add(board.I8257, 4, []);
  add(board.I8257, 5, [], { base: 0xc0, 'page-base': 0x88, dshift: 1 });
  const pic = [gpio('in', 8), gpio('out', 1)];
  add(board.ISA_I8259, 6, pic, { iobase: 0x20, elcr_addr: 0x4d0, elcr_mask: 0xf8, master: true });
  add(board.ISA_I8259, 7, pic, { iobase: 0xa0, elcr_addr: 0x4d1, elcr_mask: 0xde });
  add(board.MC146818RTC, 9, [gpio('out', 1)], { base_year: 0 });
  add(board.ISA_PIT, 10, [gpio('in', 1), gpio('out', 1)], { iobase: 0x40 });
  add(board.ISA_PCSPK, 11, []);
  for (const [at, { iobase, irq, index = at }] of serialPorts.entries()) {
    add(board.ISA_SERIAL, LEGACY_UNATTACHED_AFTER_SERIAL + at, [], { index, iobase, irq });
  }
  const last = LEGACY_UNATTACHED_AFTER_SERIAL + serialPorts.length;
  const keyboardWires = [
    gpio('in', 1, 'ps2-mouse-input-irq'),
    gpio('in', 1, 'ps2-kbd-input-irq'),
    gpio('out', 2),
    gpio('out', 1, 'a20'),
  ];
  if (i8042) add(board.I8042, last + 1, keyboardWires);
  add(board.PORT92, last + 4, [gpio('out', 1, 'a20')]);
}

function addSystemChips(systemBus: Qbus, { i8042 }: PcBoardParts, last: number): void {
  const mmio = (base: number, size: number) => () => ({ kind: 'system' as const, mmio: [{ base, size }] });
  systemBus.add({
    type: board.IOAPIC,
    qomPath: '/machine/i440fx/ioapic',
    gpios: [gpio('in', 24)],
    place: mmio(0xfec0_0000, 0x1000),
  });
  systemBus.add({
    type: board.HPET,
    qomPath: unattached(8),
    gpios: [gpio('in', 2), gpio('out', 1), gpio('out', 32, 'sysbus-irq')],
    values: values({ 'hpet-intcap': 4 }),
    place: mmio(0xfed0_0000, 0x400),
  });
  if (!i8042) return;
  const keyboardController = unattached(last + 1);
  systemBus.add({ type: board.PS2_KBD, qomPath: `${keyboardController}/ps2kbd`, gpios: [gpio('out', 1)] });
  systemBus.add({
    type: board.PS2_MOUSE,
    qomPath: `${keyboardController}/ps2mouse`,
    gpios: [gpio('out', 1)],
  });
}
