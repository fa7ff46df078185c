/** Machines whose ACPI tables were recorded from QEMU 7.2, and what describes the same machine to our builder. */
import type { AcpiConfig, AcpiPciDevice } from '../../../src/emu/acpi/acpi-config.ts';
import { pcRamLayout } from '../../../src/emu/memory/pc-ram.ts';

const MIB = 2 ** 20;
/** SeaBIOS puts the tables of `pc` into the last 128 KiB of RAM below 4 GiB. */
export const TABLES_BELOW_TOP = 128 * 1024;

/** Of what fw_cfg tells of NUMA nodes; zeros follow it. */
export const NUMA_BYTES = 128;

export interface GoldenMachine {
  readonly name: string;
  /** QEMU's arguments after `-machine pc`. */
  readonly arguments: readonly string[];
  readonly config: AcpiConfig;
  /** Its AML differs from that of another one in constants only: to run its methods, which takes a second, would find nothing. */
  readonly hasKnownMethods?: true;
}

const HOST_BRIDGE: AcpiPciDevice = { slot: 0, hotpluggable: false };
const ISA_BRIDGE: AcpiPciDevice = { slot: 1, hotpluggable: false, kind: 'isa' };
const ONE_CPU = [{ apicId: 0, present: true }];

function cpus(possible: number, present: number): AcpiConfig['cpus'] {
  return Array.from({ length: possible }, (_, n) => ({ apicId: n, present: n < present }));
}

/** Processors, each in the node that is given for it; the last one is for all others. */
function inNodes(all: AcpiConfig['cpus'], ...nodes: readonly number[]): AcpiConfig['cpus'] {
  return all.map((cpu, n) => ({ ...cpu, node: nodes[n] ?? nodes.at(-1) }));
}

/** QEMU's arguments for objects of so many bytes, as -numa node names them. */
function memdevs(sizes: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(sizes).flatMap(([id, size]) => [
    '-object',
    `memory-backend-ram,id=${id},size=${size}`,
  ]);
}

function numa(...all: readonly string[]): readonly string[] {
  return all.flatMap((one) => ['-numa', one]);
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
      numa: { ramBytes: [256 * MIB] },
      cpus: inNodes(cpus(4, 1), 0),
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
      numa: { ramBytes: [8192 * MIB] },
      cpus: inNodes(ONE_CPU, 0),
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
      numa: { ramBytes: [3072 * MIB] },
      cpus: inNodes(ONE_CPU, 0),
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  {
    name: 'numa',
    arguments: [
      ...['-smp', '2,maxcpus=4,sockets=4', '-m', '512,slots=4,maxmem=2G', '-nodefaults', '-serial', 'null'],
      ...memdevs({ a: '128M', b: '384M' }),
      ...numa('node,memdev=a,cpus=0,cpus=3', 'node,memdev=b,cpus=1-2', 'dist,src=0,dst=1,val=21'),
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(512 * MIB),
      dimms: { slots: 4, maxSize: 2048 * MIB },
      numa: {
        ramBytes: [128 * MIB, 384 * MIB],
        distances: [
          [10, 21],
          [21, 10],
        ],
      },
      cpus: inNodes(cpus(4, 2), 0, 1, 1, 0),
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  // The second node is on both sides of the hole below 4 GiB, the third has processors only.
  {
    name: 'numa-high',
    hasKnownMethods: true,
    arguments: [
      ...['-smp', '4', '-m', '5G', '-nodefaults', '-serial', 'null'],
      ...memdevs({ a: '1G', b: '3G', c: '1G' }),
      ...numa('node,memdev=a,cpus=0', 'node,memdev=b,cpus=1', 'node,cpus=2-3', 'node,memdev=c'),
      ...numa('dist,src=0,dst=1,val=20', 'dist,src=1,dst=0,val=30', 'dist,src=0,dst=2,val=40'),
      ...numa('dist,src=2,dst=0,val=50', 'dist,src=1,dst=2,val=60', 'dist,src=2,dst=1,val=70'),
      ...[0, 1, 2].flatMap((n) => numa(`dist,src=3,dst=${n},val=255`, `dist,src=${n},dst=3,val=10`)),
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(5120 * MIB),
      numa: {
        ramBytes: [1024 * MIB, 3072 * MIB, 0, 1024 * MIB],
        distances: [
          [10, 20, 40, 10],
          [30, 10, 60, 10],
          [50, 70, 10, 10],
          [255, 255, 255, 10],
        ],
      },
      cpus: inNodes(cpus(4, 4), 0, 1, 2),
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
    },
  },
  // Nodes that end at 640 KiB and between there and 1 MiB. The other versions do not take memory without a back end.
  {
    name: 'numa-small',
    hasKnownMethods: true,
    arguments: [
      ...['-machine', 'pc-i440fx-5.0', '-smp', '1', '-m', '64', '-nodefaults', '-serial', 'null'],
      ...numa('node,mem=640K', 'node,mem=200K', 'node,mem=100K', 'node,mem=4K', 'node,mem=64592K,cpus=0'),
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(64 * MIB),
      numa: { ramBytes: [640, 200, 100, 4, 64592].map((kib) => kib * 1024) },
      cpus: inNodes(ONE_CPU, 4),
      serialPorts: [1],
      pci: { bsel: 0, devices: [HOST_BRIDGE, ISA_BRIDGE] },
      rootUid: 1,
    },
  },
  {
    name: 'numa-hmat',
    hasKnownMethods: true,
    arguments: [
      ...['-machine', 'hmat=on', '-smp', '2', '-m', '256', '-nodefaults', '-serial', 'null'],
      ...memdevs({ a: '128M', b: '128M' }),
      ...numa('node,memdev=a,initiator=0', 'node,memdev=b,initiator=0', 'node', 'cpu,node-id=0,socket-id=0'),
      ...numa(
        'hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=10',
        'hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=2000',
        'hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=200M',
        'hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=96M',
        'hmat-lb,initiator=0,target=1,hierarchy=first-level,data-type=write-latency,latency=65540',
        'hmat-lb,initiator=0,target=2,hierarchy=second-level,data-type=read-bandwidth,bandwidth=65536M',
        'hmat-lb,initiator=0,target=0,hierarchy=third-level,data-type=read-latency,latency=0',
        'hmat-cache,node-id=1,size=10K,level=1,associativity=direct,policy=write-through,line=8',
        'hmat-cache,node-id=0,size=16K,level=1,associativity=complex,policy=write-back,line=64',
        'hmat-cache,node-id=0,size=5M,level=2,associativity=none,policy=none,line=128',
      ),
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
      numa: {
        ramBytes: [128 * MIB, 128 * MIB, 0],
        hmat: {
          initiatorOf: [0, 0, undefined],
          initiators: [0],
          tables: [
            { hierarchy: 0, dataType: 0, unit: 10_000n, entries: [1, 200, 0] },
            { hierarchy: 0, dataType: 3, unit: 8n, entries: [25, 12, 0] },
            { hierarchy: 1, dataType: 2, unit: 10_000n, entries: [0, 6554, 0] },
            { hierarchy: 2, dataType: 4, unit: 65_536n, entries: [0, 0, 1] },
            { hierarchy: 3, dataType: 1, unit: 2n ** 32n - 1000n, entries: [0, 0, 0] },
          ],
          caches: [
            { node: 0, level: 1, sizeBytes: 16384n, lineBytes: 64, associativity: 2, policy: 1 },
            { node: 0, level: 2, sizeBytes: 5n << 20n, lineBytes: 128, associativity: 0, policy: 0 },
            { node: 1, level: 1, sizeBytes: 10240n, lineBytes: 8, associativity: 1, policy: 2 },
          ],
        },
      },
      cpus: inNodes(cpus(2, 2), 0),
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
      ...['-machine', 'x-oem-id=TEST,x-oem-table-id=OEM', '-smp', '1', '-m', '256'],
      ...['-nodefaults', '-serial', 'null'],
    ],
    config: {
      ...BASE,
      ram: pcRamLayout(256 * MIB),
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
