/** Machines whose ACPI tables were recorded from QEMU 7.2, and what describes the same machine to our builder. */
import type { AcpiConfig, AcpiPciDevice } from '../../../src/emu/acpi/acpi-config.ts';
import { pcRamLayout } from '../../../src/emu/memory/pc-ram.ts';

const MIB = 2 ** 20;
/** SeaBIOS puts the tables of `pc` into the last 128 KiB of RAM below 4 GiB. */
export const TABLES_BELOW_TOP = 128 * 1024;

export interface GoldenMachine {
  readonly name: string;
  /** QEMU's arguments after `-machine pc`. */
  readonly arguments: readonly string[];
  readonly config: AcpiConfig;
}

const HOST_BRIDGE: AcpiPciDevice = { slot: 0, hotpluggable: false };
const ISA_BRIDGE: AcpiPciDevice = { slot: 1, hotpluggable: false, kind: 'isa' };
const ONE_CPU = [{ apicId: 0, present: true }];

function cpus(possible: number, present: number): AcpiConfig['cpus'] {
  return Array.from({ length: possible }, (_, n) => ({ apicId: n, present: n < present }));
}

function card(slot: number, func: number = 0): AcpiPciDevice {
  return { slot, func, hotpluggable: true };
}

const BASE = {
  hpet: true,
  serialPorts: [],
  parallelPort: false,
  floppies: [],
  ioApic: { id: 0, base: 0xfec00000 },
  pmBase: 0x600,
  hasNode: false,
  rootUid: 0,
  hasPciHole64: true,
} as const;

export const MACHINES: readonly GoldenMachine[] = [
  {
    name: 'default',
    arguments: ['-smp', '1', '-m', '256', '-vga', 'cirrus'],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      cpus: ONE_CPU,
      serialPorts: [1],
      parallelPort: true,
      floppies: ['288'],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE, { slot: 2, hotpluggable: false }, card(3)] },
    },
  },
  {
    name: 'slots',
    arguments: ['-smp', '1,maxcpus=4', '-m', '256,slots=4,maxmem=1G', '-nodefaults', '-serial', 'null'],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      dimms: { slots: 4, maxSize: 1024 * MIB },
      hasNode: true,
      cpus: cpus(4, 1),
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  {
    name: 'slots-old',
    arguments: [
      ...['-machine', 'pc-i440fx-2.10', '-smp', '1,maxcpus=4', '-m', '256,slots=4,maxmem=1G'],
      ...['-nodefaults', '-serial', 'null'],
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      dimms: { slots: 4, maxSize: 1024 * MIB },
      cpus: cpus(4, 1),
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
      rootUid: 1,
      hasPciHole64: false,
    },
  },
  {
    name: 'high',
    arguments: ['-smp', '1', '-m', '8G,slots=2,maxmem=12G', '-nodefaults', '-serial', 'null'],
    config: {
      ...BASE,
      ram: pcRamLayout(8192 * MIB),
      dimms: { slots: 2, maxSize: 12288 * MIB },
      hasNode: true,
      cpus: ONE_CPU,
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  {
    name: 'room-without-slots',
    arguments: ['-smp', '1', '-m', '3G,maxmem=5G', '-nodefaults', '-serial', 'null'],
    config: {
      ...BASE,
      ram: pcRamLayout(3072 * MIB),
      dimms: { slots: 0, maxSize: 5120 * MIB },
      hasNode: true,
      cpus: ONE_CPU,
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  {
    name: 'pvpanic',
    arguments: [
      ...['-smp', '1', '-m', '256', '-nodefaults', '-serial', 'null'],
      ...['-device', 'pvpanic,ioport=0x600', '-device', 'pvpanic-pci,addr=4'],
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      cpus: ONE_CPU,
      serialPorts: [1],
      pvpanicPort: 0x600,
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE, card(4)] },
    },
  },
  {
    name: 'oem',
    arguments: [
      ...['-machine', 'x-oem-id=TEST,x-oem-table-id=OEM', '-smp', '1', '-m', '256,slots=2,maxmem=1G'],
      ...['-nodefaults', '-serial', 'null'],
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      dimms: { slots: 2, maxSize: 1024 * MIB },
      hasNode: true,
      cpus: ONE_CPU,
      serialPorts: [1],
      oem: { id: 'TEST', tableId: 'OEM' },
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  {
    name: 'without-smm',
    arguments: ['-machine', 'smm=off', '-smp', '1', '-m', '256', '-nodefaults', '-serial', 'null'],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      cpus: ONE_CPU,
      serialPorts: [1],
      hasSmm: false,
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  // QEMU numbers the buses behind bridges from the bridge made last to the first, each before its own children.
  {
    name: 'bridges',
    arguments: [
      ...['-smp', '2,maxcpus=9', '-m', '1G', '-nodefaults', '-serial', 'null', '-serial', 'null', '-no-hpet'],
      ...['-device', 'pci-bridge,id=br1,chassis_nr=1,addr=4'],
      ...['-device', 'virtio-rng-pci,bus=br1,addr=3'],
      ...['-device', 'pci-bridge,id=br2,chassis_nr=2,addr=5,bus=br1'],
      ...['-device', 'virtio-rng-pci,addr=6.0,multifunction=on', '-device', 'virtio-rng-pci,addr=6.1'],
      ...['-device', 'VGA,addr=7'],
      ...['-device', 'virtio-rng-pci,addr=8.0,multifunction=on'],
      ...['-device', 'pci-bridge,id=br3,chassis_nr=3,addr=8.1'],
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(1024 * MIB),
      hpet: false,
      cpus: cpus(9, 2),
      serialPorts: [1, 2],
      pci: {
        bsel: 0,
        devices: [
          HOST_BRIDGE,
          ISA_BRIDGE,
          {
            slot: 4,
            hotpluggable: false,
            bridge: {
              bsel: 2,
              devices: [card(3), { slot: 5, hotpluggable: false, bridge: { bsel: 3, devices: [] } }],
            },
          },
          card(6, 0),
          card(6, 1),
          { slot: 7, hotpluggable: false, kind: 'vga' },
          card(8, 0),
          { slot: 8, func: 1, hotpluggable: false, bridge: { bsel: 1, devices: [] } },
        ],
      },
    },
  },
  {
    name: 'no-root-hotplug',
    arguments: [
      ...['-smp', '1', '-m', '128', '-nodefaults', '-parallel', 'null', '-device', 'cirrus-vga,addr=3'],
      ...['-global', 'PIIX4_PM.acpi-root-pci-hotplug=off', '-device', 'pci-bridge,chassis_nr=1,addr=4'],
      ...['-drive', 'if=floppy,file.driver=null-co,file.size=1474560,format=raw'],
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(128 * MIB),
      cpus: ONE_CPU,
      parallelPort: true,
      floppies: ['144'],
      pci: {
        devices: [
          HOST_BRIDGE,
          ISA_BRIDGE,
          { slot: 3, hotpluggable: false },
          { slot: 4, hotpluggable: false, bridge: { bsel: 0, devices: [] } },
        ],
      },
    },
  },
];
