/** What a driver and a user do to PCI bridges: played to QEMU 7.2 by scripts/record-pci.ts, and to our machine by the test. */

/** `bdf` is bus << 8 | slot << 3 | function. */
export type Step =
  /** A configuration read; its value is recorded. */
  | readonly [action: 'get', bdf: number, offset: number, size: 1 | 2 | 4]
  | readonly [action: 'set', bdf: number, offset: number, size: 1 | 2 | 4, value: number]
  /** All 256 bytes of a configuration space are recorded. */
  | readonly [action: 'config', bdf: number]
  | readonly [action: 'in', port: number, size: 1 | 2 | 4]
  | readonly [action: 'out', port: number, size: 1 | 2 | 4, value: number]
  | readonly [action: 'read', gpa: number, size: 1 | 2 | 4]
  | readonly [action: 'write', gpa: number, size: 1 | 2 | 4, value: number]
  /** Bytes of memory are recorded. */
  | readonly [action: 'dump', gpa: number, length: number]
  /** A line for the monitor; its answer is recorded. */
  | readonly [action: 'hmp', line: string]
  /** What query-pci answers, as JSON with its members by name. */
  | readonly [action: 'query']
  /** Names of events with the device that they are about. */
  | readonly [action: 'events'];

/** JSON whose members are in the order of their names. */
export function sortedJson(value: unknown): string {
  const sorted = (_key: string, one: unknown): unknown => {
    if (typeof one === 'bigint') return Number(one);
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.stringify(value, sorted);
}

export interface PciSession {
  readonly name: string;
  readonly arguments: readonly string[];
  /** SeaBIOS, or our firmware, has set the machine up before. */
  readonly firmware?: true;
  readonly steps: readonly Step[];
}

/** By session: for each step that is recorded its value. */
export type PciRecords = Readonly<Record<string, readonly (number | string)[]>>;

const ACPI_OFF = ['-global', 'PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off'];
const device = (...all: readonly string[]): readonly string[] => all.flatMap((one) => ['-device', one]);
const bdf = (bus: number, slot: number): number => (bus << 8) | (slot << 3);

const KINDS = device(
  'pci-bridge,id=b1,chassis_nr=1,addr=4',
  'pci-bridge,id=b2,chassis_nr=2,shpc=off,msi=off,addr=5',
  'i82801b11-bridge,id=b3,addr=6,multifunction=on',
  'pci-bridge,id=b4,chassis_nr=3,shpc=off,addr=7',
  'pci-bridge,id=b5,chassis_nr=254,msi=off,addr=8',
);
const SLOTS_OF_KINDS = [4, 5, 6, 7, 8];

/** Each byte is written with ones and then with zeros. */
function masks(slot: number): readonly Step[] {
  const steps: Step[] = [];
  for (const value of [0xff, 0])
    for (let at = 0; at < 256; at++) {
      steps.push(['set', bdf(0, slot), at, 1, value], ['get', bdf(0, slot), at, 1]);
    }
  return steps;
}

const TWO_LEVELS = device(
  'pci-bridge,id=b1,chassis_nr=1,addr=4',
  'pci-bridge,id=b2,chassis_nr=2,addr=1,bus=b1',
  'virtio-rng-pci,bus=b1,addr=3,vectors=2',
  'virtio-rng-pci,bus=b2,addr=2,vectors=2',
);
const OUTER = bdf(0, 4);
const INNER = bdf(1, 1);
const NEAR = bdf(1, 3);
const FAR = bdf(2, 2);
const NUMBERED: readonly Step[] = [
  ['set', OUTER, 0x18, 4, 0x0002_0100],
  ['set', INNER, 0x18, 4, 0x0002_0201],
];
const VENDORS: readonly Step[] = [NEAR, INNER, FAR, bdf(1, 9), bdf(2, 1), bdf(3, 2)].map((at) => [
  'get',
  at,
  0,
  4,
]);
const TABLE = 0xfb00_0000;
const SEEN: readonly Step[] = [
  ['read', TABLE, 4],
  ['read', TABLE + 0x20_0000, 4],
  ['in', 0xc800, 4],
];

const CYCLES: readonly Step[] = [
  ...VENDORS,
  ...NUMBERED,
  ...VENDORS,
  ['hmp', 'info pci'],
  // The outer bridge passes nothing further on.
  ['set', OUTER, 0x1a, 1, 1],
  ...VENDORS,
  ['set', OUTER, 0x1a, 1, 0xff],
  // Bus 3 is now bus 2's.
  ['set', INNER, 0x19, 1, 3],
  ...VENDORS,
  // Two buses of one number.
  ['set', INNER, 0x19, 1, 1],
  ...VENDORS,
  ['hmp', 'info qtree'],
];

const WINDOWS: readonly Step[] = [
  ...NUMBERED,
  // The inner card: its table at the end of one window, its ports in another.
  ['set', FAR, 0x14, 4, TABLE],
  ['set', FAR, 0x10, 4, 0xc801],
  ['set', FAR, 0x20, 4, TABLE + 0x20_0000],
  ['set', FAR, 0x04, 2, 7],
  ...SEEN,
  ['set', OUTER, 0x20, 4, 0xfb00_fb00],
  ['set', OUTER, 0x04, 2, 7],
  ...SEEN,
  ['set', INNER, 0x20, 4, 0xfb00_fb00],
  ['set', INNER, 0x04, 2, 7],
  ...SEEN,
  ['write', TABLE, 4, 0x1234],
  ...SEEN,
  // Prefetchable memory and ports.
  ['set', OUTER, 0x24, 4, 0xfb20_fb20],
  ['set', INNER, 0x24, 4, 0xfb20_fb20],
  ['set', OUTER, 0x1c, 2, 0xc0c0],
  ['set', INNER, 0x1c, 2, 0xc0c0],
  ...SEEN,
  // Windows of the inner bridge alone do not reach far.
  ['set', OUTER, 0x04, 2, 6],
  ...SEEN,
  ['set', OUTER, 0x04, 2, 5],
  ...SEEN,
  ['set', OUTER, 0x04, 2, 7],
  // Above 4 GiB.
  ['set', OUTER, 0x28, 4, 1],
  ...SEEN,
  ['set', OUTER, 0x2c, 4, 1],
  ...SEEN,
  ['hmp', 'info pci'],
  ['set', OUTER, 0x28, 4, 0xffff_ffff],
  ['set', OUTER, 0x2c, 4, 0xffff_ffff],
  ['hmp', 'info pci'],
  ['query'],
  ['set', OUTER, 0x28, 4, 0],
  ['set', OUTER, 0x2c, 4, 0],
  ...SEEN,
  // A limit below the base closes.
  ['set', OUTER, 0x20, 4, 0xfaf0_fb00],
  ...SEEN,
  ['set', OUTER, 0x20, 4, 0xfb00_fb00],
  // VGA.
  ['set', FAR, 0x10, 4, 0x3c1],
  ['in', 0x3c0, 4],
  ['set', INNER, 0x3e, 2, 8],
  ['in', 0x3c0, 4],
  ['set', OUTER, 0x3e, 2, 8],
  ['in', 0x3c0, 4],
  ['set', FAR, 0x10, 4, 0xc801],
  ...SEEN,
  // The bus is reset, and what is on it.
  ['set', OUTER, 0x3e, 2, 0x48],
  ...VENDORS,
  ...SEEN,
  ['config', NEAR],
  ['config', INNER],
  ['set', OUTER, 0x3e, 2, 0x08],
  ...VENDORS,
  ['config', OUTER],
  ['set', OUTER, 0x1e, 2, 0xffff],
  ['hmp', 'system_reset'],
  ['config', OUTER],
];

/** An interrupt pin of a bridge that is far away, by its status bit and the inputs of the second 8259. */
const SWIZZLE_SLOTS = [1, 2, 3, 4, 5];
const SWIZZLE: readonly Step[] = [
  ['set', bdf(0, 6), 0x18, 4, 0x0002_0100],
  ['set', bdf(1, 1), 0x18, 4, 0x0002_0201],
  // PIRQA to D are ISA's 9, 10, 11 and 15.
  ...[9, 10, 11, 15].map((irq, at): Step => ['set', bdf(0, 1), 0x60 + at, 1, irq]),
  ...[bdf(0, 6), bdf(1, 1)].flatMap((at): Step[] => [
    ['set', at, 0x20, 4, 0xfe00_fe00],
    ['set', at, 0x04, 2, 6],
  ]),
];
export const SHPC_MEMORY = 0xfe00_0000;
const press = (slot: number): readonly Step[] => [
  ['hmp', `device_add virtio-rng-pci,id=r${slot},bus=b2,addr=${slot}`],
  ['out', 0xa0, 1, 0x0a],
  ['in', 0xa0, 1],
  ['get', bdf(1, 1), 0x06, 2],
  ['get', bdf(0, 6), 0x06, 2],
];

const SHPC_BRIDGE = device('pci-bridge,id=b1,chassis_nr=1,addr=4', 'virtio-rng-pci,id=r3,bus=b1,addr=3');
const SHPC_ON: readonly Step[] = [
  ['set', OUTER, 0x18, 4, 0x0001_0100],
  ['set', OUTER, 0x10, 4, SHPC_MEMORY],
  ['set', OUTER, 0x04, 2, 6],
];
const ALL: Step = ['dump', SHPC_MEMORY, 256];
const status: readonly Step[] = [ALL, ['get', OUTER, 0x06, 2], ['events']];
const command = (slot: number, code: number): Step => ['write', SHPC_MEMORY + 0x14, 2, (slot << 8) | code];

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state ^ (state >>> 15)) >>> 0) % below;
  };
}

/** A driver that writes anything, while the user plugs and unplugs. */
function anything(seed: number, count: number): readonly Step[] {
  const random = seeded(seed);
  const steps: Step[] = [];
  for (let n = 0; n < count; n++) {
    const slot = 1 + random(4);
    const what = random(20);
    if (what === 0) steps.push(['hmp', `device_add virtio-rng-pci,id=r${slot},bus=b1,addr=${slot}`]);
    else if (what === 1) steps.push(['hmp', `device_del r${slot}`]);
    else if (what === 2) steps.push(['write', SHPC_MEMORY + 4 * random(48), 4, random(0x1_0000) * 0x1_0001]);
    else if (what === 3) steps.push(['write', SHPC_MEMORY + 2 * random(96), 2, random(0x1_0000)]);
    else if (what === 4) steps.push(['write', SHPC_MEMORY + random(192), 1, random(256)]);
    else if (what === 5) steps.push(['write', SHPC_MEMORY + 0x20, 4, random(16) | (random(4) << 16)]);
    else if (what === 6) steps.push(['write', SHPC_MEMORY + 0x14, 1, random(256)]);
    else if (what === 7) steps.push(['write', SHPC_MEMORY + 0x15, 1, random(40)]);
    else if (what === 8) steps.push(['set', OUTER, 0x42, 1, random(48)], ['get', OUTER, 0x44, 4]);
    else if (what === 9) steps.push(command(random(33), 0x40 + random(16)));
    else if (what === 10) steps.push(['write', SHPC_MEMORY + 0x27 + 4 * (slot - 1), 1, random(128)]);
    else if (what === 11) steps.push(['write', SHPC_MEMORY + 0x26 + 4 * (slot - 1), 1, random(32)]);
    else steps.push(command(slot, random(64)));
    steps.push(...status);
  }
  return steps;
}

const MSI_TARGET = 0x20_0000;
const MESSAGE: Step = ['read', MSI_TARGET, 4];
const CLEARED: Step = ['write', MSI_TARGET, 4, 0];
const MSI: readonly Step[] = [
  ...SHPC_ON,
  ['set', OUTER, 0x50, 4, MSI_TARGET + 3],
  ['set', OUTER, 0x58, 2, 0x1234],
  ['set', OUTER, 0x4e, 2, 0x71],
  ['config', OUTER],
  // Interrupts on, of slot 5's button.
  ['write', SHPC_MEMORY + 0x20, 4, 0xe],
  ['write', SHPC_MEMORY + 0x37, 1, 0x7b],
  ['hmp', 'device_add virtio-rng-pci,id=r5,bus=b1,addr=5'],
  ...status,
  MESSAGE,
  CLEARED,
  ['hmp', 'device_del r5'],
  ...status,
  MESSAGE,
  ['write', SHPC_MEMORY + 0x36, 1, 0x1f],
  ...status,
  // Masked, it is pending until it is not.
  ['set', OUTER, 0x5c, 4, 1],
  ['hmp', 'device_add virtio-rng-pci,id=r6,bus=b1,addr=6'],
  ['write', SHPC_MEMORY + 0x3b, 1, 0],
  ...status,
  MESSAGE,
  ['config', OUTER],
  ['set', OUTER, 0x5c, 4, 0],
  MESSAGE,
  CLEARED,
  ['config', OUTER],
  // Without mastership nothing is sent.
  ['write', SHPC_MEMORY + 0x3a, 1, 0x1f],
  ['set', OUTER, 0x04, 2, 2],
  ['hmp', 'device_del r6'],
  ['write', SHPC_MEMORY + 0x20, 4, 0x0],
  ...status,
  MESSAGE,
  // By the wire.
  ['set', OUTER, 0x04, 2, 6],
  ['set', OUTER, 0x4e, 2, 0],
  ...status,
  ['write', SHPC_MEMORY + 0x22, 1, 3],
  ['write', SHPC_MEMORY + 0x3a, 1, 0x1f],
  command(6, 2),
  ...status,
  ['set', OUTER, 0x4e, 2, 1],
  ...status,
  MESSAGE,
  ['hmp', 'system_reset'],
  ['config', OUTER],
  ['set', OUTER, 0x10, 4, SHPC_MEMORY],
  ['set', OUTER, 0x04, 2, 6],
  ...status,
];

/** Numbers of buses in the registers of ACPI, and what these do. */
const ACPI_REGISTERS = [0, 1, 2, 3, 4, 5].flatMap((bsel): Step[] => [
  ['out', 0xae10, 4, bsel],
  ...[0xae00, 0xae04, 0xae0c].map((port): Step => ['in', port, 4]),
]);
const BSELS: readonly Step[] = [
  ...ACPI_REGISTERS,
  ...['b1', 'b2', 'b3', 'b4'].map(
    (bus, at): Step => ['hmp', `device_add virtio-rng-pci,bus=${bus},id=x${at},addr=${at + 5}`],
  ),
  ['hmp', 'device_add pci-bridge,id=hot,chassis_nr=9'],
  ['hmp', 'device_add virtio-rng-pci,bus=hot,id=y,addr=0'],
  ['hmp', 'device_add virtio-rng-pci,bus=hot,id=y,addr=1'],
  ['hmp', 'device_add pci-bridge,id=hot2,chassis_nr=9,bus=hot,addr=2,shpc=off'],
  ['hmp', 'device_add virtio-rng-pci,bus=hot2,id=z'],
  ['hmp', 'device_add pci-bridge,id=none'],
  ['hmp', 'device_add pci-bridge,id=none,chassis_nr=256'],
  ['hmp', 'device_add i82801b11-bridge,id=hot3,bus=b1,addr=0x1f'],
  ['hmp', 'device_add virtio-rng-pci,bus=hot3,id=z'],
  ['hmp', 'device_add virtio-rng-pci,bus=nosuch,id=z'],
  ['hmp', 'device_add virtio-rng-pci,bus=b1,id=i1,addr=9,acpi-index=7'],
  ['hmp', 'device_add virtio-rng-pci,bus=b2,id=i2,addr=9,acpi-index=7'],
  ['hmp', 'device_add virtio-rng-pci,id=i3,acpi-index=16384'],
  ...ACPI_REGISTERS,
  ...['b1', 'x0', 'x3', 'hot2', 'y', 'hot', 'hot'].map((id): Step => ['hmp', `device_del ${id}`]),
  ['events'],
  ...ACPI_REGISTERS,
  // The guest lets go: of a bridge that stays, of a card, and of a bridge with all that is on it.
  ['out', 0xae10, 4, 0],
  ['out', 0xae08, 4, 1 << 4],
  ['events'],
  ['hmp', 'info qtree'],
  ['out', 0xae10, 4, 4],
  ['out', 0xae08, 4, 1 << 5],
  ['events'],
  ['out', 0xae10, 4, 0],
  ['out', 0xae08, 4, 1 << 7],
  ['events'],
  ...ACPI_REGISTERS,
  ['hmp', 'info qtree'],
  ['hmp', 'system_reset'],
  ['events'],
  ...ACPI_REGISTERS,
];

const NESTED = device(
  'pci-bridge,id=b1,chassis_nr=1,addr=4',
  'pci-bridge,id=b2,chassis_nr=2,addr=5',
  'pci-bridge,id=b3,chassis_nr=3,addr=1,bus=b1',
  'i82801b11-bridge,id=b4,addr=6',
);

const MULTIFUNCTION: readonly Step[] = [
  ['hmp', 'device_add virtio-rng-pci,id=f1,addr=5.1'],
  ['get', bdf(0, 5) + 1, 0, 4],
  ['hmp', 'device_add virtio-rng-pci,id=f0,addr=5.0'],
  ['hmp', 'device_add virtio-rng-pci,id=f2,addr=5.2'],
  ['hmp', 'device_add virtio-rng-pci,id=f0,addr=5.0,multifunction=on'],
  ['get', bdf(0, 5) + 1, 0, 4],
  ['hmp', 'device_add virtio-rng-pci,id=f3,addr=5.3'],
  ['hmp', 'device_add virtio-rng-pci,id=f4,addr=5.2'],
  ['hmp', 'device_add virtio-rng-pci,id=g,addr=6'],
  ['hmp', 'device_add virtio-rng-pci,id=g1,addr=6.1'],
  ['hmp', 'device_add virtio-rng-pci,id=h,addr=20'],
  ['hmp', 'device_add virtio-rng-pci,id=h,addr=5.8'],
  ['hmp', 'device_add virtio-rng-pci,id=h,bus=b1,addr=1f.7'],
  ['hmp', 'device_add virtio-rng-pci,id=h1,bus=b1,addr=1f.0'],
  ['hmp', 'device_add pci-bridge,id=m,chassis_nr=3,addr=8.1'],
  ['hmp', 'device_add i82801b11-bridge,id=m0,addr=8.0,multifunction=on'],
  ['hmp', 'info pci'],
  ['hmp', 'device_del f1'],
  ['out', 0xae10, 4, 0],
  ['in', 0xae04, 4],
  ['out', 0xae08, 4, 1 << 5],
  ['events'],
  ['hmp', 'info pci'],
];

const CARDS = Array.from({ length: 31 }, (_, at): Step => ['hmp', `device_add virtio-rng-pci,id=r${at}`]);
const FULL: readonly Step[] = [
  ...CARDS,
  ['hmp', 'info pci'],
  ['hmp', 'device_add virtio-rng-pci,id=more,addr=3.1'],
  ['hmp', 'device_add virtio-rng-pci,id=more,addr=3'],
  ['hmp', 'device_add virtio-rng-pci,id=behind,bus=b1'],
  ...Array.from({ length: 30 }, (_, at): Step => ['hmp', `device_del r${at}`]),
  ['out', 0xae10, 4, 0],
  ['in', 0xae04, 4],
  ...Array.from({ length: 32 }, (_, slot): Step => ['out', 0xae08, 4, 2 ** slot]),
  ['events'],
  ['hmp', 'info pci'],
];

const PLACED: readonly Step[] = [['hmp', 'info pci']];

export const SESSIONS: readonly PciSession[] = [
  {
    name: 'configuration spaces',
    arguments: KINDS,
    steps: [
      ...SLOTS_OF_KINDS.map((slot): Step => ['config', bdf(0, slot)]),
      ['hmp', 'info pci'],
      ['hmp', 'info qtree'],
    ],
  },
  { name: 'what a guest may write', arguments: KINDS, steps: SLOTS_OF_KINDS.flatMap(masks) },
  { name: 'configuration cycles', arguments: TWO_LEVELS, steps: CYCLES },
  { name: 'windows', arguments: TWO_LEVELS, steps: WINDOWS },
  {
    name: 'interrupt wires',
    arguments: [
      ...ACPI_OFF,
      ...device('pci-bridge,id=b1,chassis_nr=1,addr=6', 'pci-bridge,id=b2,chassis_nr=2,addr=1,bus=b1'),
    ],
    steps: [
      ...SWIZZLE,
      ['set', bdf(1, 1), 0x10, 4, SHPC_MEMORY],
      ['write', SHPC_MEMORY + 0x20, 4, 0],
      ...[0, 1, 2, 3, 4].map((at): Step => ['write', SHPC_MEMORY + 0x27 + 4 * at, 1, 0]),
      ...SWIZZLE_SLOTS.flatMap(press),
    ],
  },
  {
    name: 'hotplug controller',
    arguments: [...ACPI_OFF, ...SHPC_BRIDGE],
    steps: [
      ...SHPC_ON,
      ...status,
      ...[0, 1, 2, 3, 9, 11, 0x27, 0x28, 0xff].flatMap((index): Step[] => [
        ['set', OUTER, 0x42, 1, index],
        ['get', OUTER, 0x44, 4],
      ]),
      ['hmp', 'device_add virtio-rng-pci,id=r0,bus=b1'],
      ['hmp', 'device_add virtio-rng-pci,id=r1,bus=b1,addr=1'],
      ...status,
      ...[0x01, 0x02, 0x04, 0x0f, 0x33].flatMap((code) => [command(1, code), ...status]),
      ['hmp', 'device_del r1'],
      ...status,
      ['hmp', 'device_del r3'],
      ...status,
      command(3, 0x08),
      ...status,
      command(3, 0x0f),
      ...status,
      ['hmp', 'info pci'],
      command(0, 0x48),
      ...status,
      command(0, 0x49),
      ...status,
      ['hmp', 'system_reset'],
      ['set', OUTER, 0x10, 4, SHPC_MEMORY],
      ['set', OUTER, 0x04, 2, 6],
      ...status,
    ],
  },
  ...[1, 2, 3, 4].map(
    (seed): PciSession => ({
      name: `hotplug controller, anything ${seed}`,
      arguments: [...ACPI_OFF, ...SHPC_BRIDGE],
      steps: [...SHPC_ON, ...anything(seed, 150)],
    }),
  ),
  { name: 'message', arguments: [...ACPI_OFF, ...SHPC_BRIDGE], steps: MSI },
  { name: 'numbers of buses', arguments: NESTED, steps: BSELS },
  {
    name: 'numbers of buses, not the root',
    arguments: ['-global', 'PIIX4_PM.acpi-root-pci-hotplug=off', ...NESTED],
    steps: [
      ['hmp', 'device_add virtio-rng-pci,id=x'],
      ['hmp', 'device_add virtio-rng-pci,id=x,bus=b1'],
      ['hmp', 'device_add virtio-rng-pci,id=y,bus=b4,addr=3'],
      ...ACPI_REGISTERS,
      ['hmp', 'device_del b1'],
      ['hmp', 'device_del y'],
      ...ACPI_REGISTERS,
    ],
  },
  {
    name: 'numbers of buses, the root alone',
    arguments: [...ACPI_OFF, ...NESTED],
    steps: [
      ['hmp', 'device_add virtio-rng-pci,id=x,addr=9'],
      ['hmp', 'device_add virtio-rng-pci,id=y,bus=b1,addr=3'],
      ['hmp', 'device_add virtio-rng-pci,id=z,bus=b4,addr=3'],
      ...ACPI_REGISTERS,
      ['hmp', 'device_del b1'],
      ['out', 0xae10, 4, 0],
      ['out', 0xae08, 4, 1 << 4],
      ['events'],
      ...ACPI_REGISTERS,
    ],
  },
  {
    name: 'several functions',
    arguments: device('pci-bridge,id=b1,chassis_nr=1,addr=4'),
    steps: MULTIFUNCTION,
  },
  { name: 'a full bus', arguments: device('pci-bridge,id=b1,chassis_nr=1,addr=2'), steps: FULL },
  {
    name: 'placed: a bridge',
    arguments: device('pci-bridge,id=b1,chassis_nr=1'),
    firmware: true,
    steps: [...PLACED, ['config', bdf(0, 2)]],
  },
  {
    name: 'placed: bridges of each kind',
    arguments: [...KINDS, ...device('virtio-rng-pci,bus=b2', 'virtio-rng-pci,bus=b3', 'virtio-rng-pci')],
    firmware: true,
    steps: [...PLACED, ...SLOTS_OF_KINDS.map((slot): Step => ['config', bdf(0, slot)])],
  },
  {
    name: 'placed: bridges behind bridges',
    arguments: [
      ...NESTED,
      ...device(
        ...['virtio-rng-pci,bus=b3,addr=2', 'virtio-rng-pci,bus=b3,addr=3', 'virtio-rng-pci,bus=b1,addr=7'],
        ...['virtio-serial-pci,bus=b4,addr=1', 'virtio-rng-pci,addr=9', 'virtio-balloon-pci,addr=3'],
      ),
    ],
    firmware: true,
    steps: [...PLACED, ['config', bdf(3, 2)]],
  },
  {
    name: 'reserved room',
    arguments: device(
      'pci-bridge,chassis_nr=1,addr=4,bus-reserve=1,io-reserve=8192,mem-reserve=1M,pref64-reserve=5G',
      'pci-bridge,chassis_nr=2,addr=5,pref32-reserve=0,shpc=off',
      'pci-bridge,chassis_nr=3,addr=6,bus-reserve=0,msi=off',
    ),
    steps: [
      ...[4, 5, 6].map((slot): Step => ['config', bdf(0, slot)]),
      ['hmp', 'info qtree'],
      ['hmp', 'device_add pci-bridge,chassis_nr=1,pref32-reserve=1M,pref64-reserve=1M'],
      ['hmp', 'device_add pci-bridge,chassis_nr=1,mem-reserve=4G,pref32-reserve=4G'],
      ['hmp', 'device_add pci-bridge,chassis_nr=1,pref32-reserve=4G'],
      ['hmp', 'device_add pci-bridge,chassis_nr=1,io-reserve=x'],
    ],
  },
  {
    name: 'placed: reserved room',
    arguments: device(
      'pci-bridge,id=b1,chassis_nr=1,addr=4,bus-reserve=3,io-reserve=8K,mem-reserve=3M,pref64-reserve=8M',
      'pci-bridge,id=b2,chassis_nr=2,addr=5,pref32-reserve=100,shpc=off',
      'pci-bridge,id=b3,chassis_nr=3,addr=6,bus-reserve=4',
      'pci-bridge,id=b4,chassis_nr=4,addr=1,bus=b3',
      'pci-bridge,id=b5,chassis_nr=5,addr=1,bus=b4',
      'virtio-rng-pci,bus=b5,addr=1',
    ),
    firmware: true,
    steps: PLACED,
  },
  {
    name: 'placed: many ports',
    arguments: device(
      ...[1, 2, 3, 4, 5].map((n) => `pci-bridge,id=b${n},chassis_nr=${n}`),
      ...[1, 2, 3, 4, 5].map((n) => `virtio-rng-pci,bus=b${n},addr=1`),
    ),
    firmware: true,
    steps: PLACED,
  },
];
