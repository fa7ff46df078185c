/** Port accesses and hotplug requests, played to QEMU 7.2 by the recorder and to our devices by the test. */

export type Step =
  | readonly [action: 'in', port: number, size: 1 | 2 | 4]
  | readonly [action: 'out', port: number, size: 1 | 2 | 4, value: number]
  /** A device arrives in, or is asked to leave, the slot (PCI bus 0, DIMM) or place (CPU) of that number. */
  | readonly [action: 'plug' | 'unplug', number: number]
  | readonly [action: 'reset'];

export interface Session {
  readonly kind: 'pci' | 'cpu' | 'dimm';
  readonly name: string;
  /** QEMU's arguments after `-machine pc -nodefaults`. */
  readonly arguments: readonly string[];
  readonly steps: readonly Step[];
}

/** What came of a session: the value of each `in` step, and the lines of QEMU's trace. */
export interface SessionRecord {
  readonly values: readonly number[];
  readonly trace: readonly string[];
}

/** Which events are recorded. */
export const TRACED: readonly string[] = ['acpi_pci*', 'piix4_gpe*', 'cpuhp*', 'mhp_acpi*'];

const PCI = 0xae00;
const GPE = 0xafe0;
const CPU = 0xaf00;
const DIMM = 0x0a00;

function dump(base: number, size: number): readonly Step[] {
  return Array.from({ length: size / 4 }, (_, n): Step => ['in', base + n * 4, 4]);
}

/** Slot 4 holds a card with acpi-index 7, 5 a bridge, 6 a VGA card. */
const PCI_ARGUMENTS = [
  ...['-device', 'virtio-rng-pci,addr=4,acpi-index=7', '-device', 'pci-bridge,chassis_nr=1,addr=5'],
  ...['-device', 'VGA,addr=6'],
];

export const SESSIONS: readonly Session[] = [
  {
    kind: 'pci',
    name: 'the registers of every access size',
    arguments: PCI_ARGUMENTS,
    steps: [
      ...dump(PCI, 0x18),
      ['in', PCI + 0x0c, 1],
      ['in', PCI + 0x0c, 2],
      ['in', PCI + 0x02, 4],
      ['in', PCI + 0x10, 1],
      ...[1 << 4, 1 << 3, 0x30, 0].flatMap((mask): readonly Step[] => [
        ['out', PCI + 0x14, 4, mask],
        ['in', PCI + 0x14, 4],
      ]),
      ['out', PCI + 0x14, 4, 1 << 4],
      ['out', PCI + 0x10, 4, 0],
      ['in', PCI + 0x14, 4],
      ...[1, 2, 0x105, 0xffffffff].flatMap((bus): readonly Step[] => [
        ['out', PCI + 0x10, 4, bus],
        ...dump(PCI, 0x18),
        ['out', PCI + 0x14, 4, 1 << 4],
        ['out', PCI + 0x08, 4, 1 << 9],
      ]),
      ['out', PCI + 0x10, 4, 0],
      ['out', PCI + 0x00, 4, 5],
      ['out', PCI + 0x04, 4, 5],
      ['out', PCI + 0x0c, 4, 0],
      ...dump(PCI, 0x18),
      ['out', PCI + 0x14, 4, 1 << 4],
      ['out', PCI + 0x00, 4, 1],
      ['in', PCI + 0x14, 4],
      ['out', PCI + 0x14, 4, 1 << 4],
      ['in', PCI + 0x0c, 4],
      ['in', PCI + 0x14, 4],
      ['in', PCI + 0x14, 4],
    ],
  },
  {
    kind: 'pci',
    name: 'insertion and removal',
    arguments: PCI_ARGUMENTS,
    steps: [
      ['in', GPE, 4],
      ['plug', 7],
      ['in', GPE, 4],
      ['in', PCI + 0x0c, 4],
      ['in', PCI, 4],
      ['in', PCI, 4],
      ['out', GPE, 1, 2],
      ['in', GPE, 1],
      ['unplug', 7],
      ['in', PCI + 4, 4],
      ['in', PCI + 4, 4],
      ['in', GPE, 1],
      ['out', PCI + 8, 4, 1 << 6],
      ['out', PCI + 8, 4, 0],
      ['out', PCI + 8, 4, (1 << 7) | (1 << 4)],
      ['in', PCI + 4, 4],
      ['out', PCI + 8, 4, 1 << 7],
      ['in', PCI + 4, 4],
      ['out', PCI + 8, 4, 1 << 9],
      ['plug', 9],
      ['unplug', 9],
      ['out', PCI + 8, 4, 1 << 9],
      ...dump(PCI, 0x18),
    ],
  },
  {
    kind: 'pci',
    name: 'a reset carries out what was asked',
    arguments: PCI_ARGUMENTS,
    steps: [
      ['plug', 7],
      ['plug', 8],
      ['out', GPE + 2, 2, 0xff03],
      ['unplug', 7],
      ['unplug', 8],
      ['out', PCI + 0x14, 4, 1 << 4],
      ['reset'],
      ['in', PCI + 0x14, 4],
      ['in', GPE, 4],
      ...dump(PCI, 0x18),
      ['out', PCI + 0x10, 4, 3],
      ['reset'],
      ['in', PCI + 0x10, 4],
    ],
  },
  {
    kind: 'pci',
    name: 'GPE block, every access size',
    arguments: PCI_ARGUMENTS,
    steps: [
      ['out', GPE, 4, 0xffffffff],
      ['in', GPE, 4],
      ['out', GPE + 2, 2, 0x1234],
      ['in', GPE, 4],
      ['in', GPE + 1, 2],
      ['in', GPE + 3, 1],
      ['plug', 10],
      ['in', GPE, 2],
      ['out', GPE, 1, 0xfd],
      ['in', GPE, 2],
      ['out', GPE, 2, 2],
      ['in', GPE, 2],
    ],
  },
  {
    kind: 'cpu',
    name: 'legacy block and the way out of it',
    arguments: ['-smp', '2,maxcpus=4'],
    steps: [
      ...dump(CPU, 0x20),
      ['in', CPU, 1],
      ['in', CPU + 31, 1],
      ['out', CPU, 1, 5],
      ['out', CPU + 4, 1, 0],
      ['out', CPU + 1, 1, 0],
      ['in', CPU, 4],
      ['plug', 2],
      ['in', CPU, 4],
      ['in', GPE, 4],
      ['reset'],
      ['in', CPU, 4],
      ['out', CPU, 1, 0],
      ...dump(CPU, 0x20),
      ['in', CPU + 4, 2],
      ['in', CPU + 5, 1],
      ['in', CPU + 3, 2],
      ['out', CPU, 4, 2],
      ['in', CPU + 4, 1],
    ],
  },
  {
    kind: 'cpu',
    name: 'events, commands, ejection',
    arguments: ['-smp', '2,maxcpus=4'],
    steps: [
      ['out', CPU, 4, 0],
      ...[0, 1, 2, 3, 4].flatMap((cpu): readonly Step[] => [
        ['out', CPU, 4, cpu],
        ['in', CPU + 4, 1],
      ]),
      ['out', CPU, 4, 1],
      ...[3, 1, 2, 9, 0].flatMap((command): readonly Step[] => [
        ['out', CPU + 5, 1, command],
        ['in', CPU + 8, 4],
        ['in', CPU, 4],
      ]),
      ['plug', 3],
      ['in', GPE, 4],
      ['out', CPU, 4, 0],
      ['out', CPU + 5, 1, 0],
      ['in', CPU + 8, 4],
      ['in', CPU + 4, 1],
      ['unplug', 3],
      ['in', CPU + 4, 1],
      ['out', CPU + 4, 1, 6],
      ['in', CPU + 4, 1],
      ['out', CPU + 4, 1, 0xc],
      ['in', CPU + 4, 1],
      ['unplug', 3],
      ['out', CPU + 4, 1, 0x10],
      ['in', CPU + 4, 1],
      ['out', CPU + 4, 1, 4],
      ['out', CPU, 4, 0],
      ['out', CPU + 5, 1, 0],
      ['in', CPU + 8, 4],
      ['out', CPU + 5, 1, 1],
      ['out', CPU + 8, 4, 3],
      ['out', CPU + 5, 1, 2],
      ['out', CPU + 8, 4, 0x84],
      ['out', CPU + 5, 1, 3],
      ['reset'],
      ['in', CPU + 8, 4],
      ['in', CPU + 4, 1],
      ['out', CPU, 4, 9],
      ['out', CPU + 4, 1, 8],
      ['out', CPU + 5, 1, 0],
      ['out', CPU + 8, 4, 1],
      ['in', CPU + 4, 1],
      ['in', CPU + 8, 4],
      ['out', CPU, 4, 2],
      ['out', CPU + 4, 1, 8],
      ['out', CPU, 4, 0],
      ['out', CPU + 4, 1, 8],
      ['out', CPU + 4, 1, 0x10],
      ['out', CPU, 4, 3],
      ['out', CPU + 4, 1, 8],
      ['in', CPU + 4, 1],
    ],
  },
  {
    kind: 'dimm',
    name: 'slots, events, ejection',
    arguments: ['-m', '256,slots=2,maxmem=1G'],
    steps: [
      ...dump(DIMM, 0x18),
      ['out', DIMM, 4, 5],
      ...dump(DIMM, 0x18),
      ['out', DIMM + 0x14, 1, 8],
      ['out', DIMM + 4, 4, 1],
      ['out', DIMM + 8, 4, 1],
      ['out', DIMM, 4, 0],
      ['plug', 0],
      ['in', GPE, 4],
      ...dump(DIMM, 0x18),
      ['in', DIMM + 0x14, 1],
      ['in', DIMM + 0x15, 1],
      ['in', DIMM + 0x14, 2],
      ['in', DIMM + 1, 4],
      ['in', DIMM + 4, 1],
      ['in', DIMM + 9, 1],
      ['in', DIMM + 8, 2],
      ['out', DIMM + 0x14, 1, 2],
      ['in', DIMM + 0x14, 1],
      ['unplug', 0],
      ['in', DIMM + 0x14, 1],
      ['out', DIMM + 4, 4, 3],
      ['out', DIMM + 8, 4, 0x84],
      ['out', DIMM + 0x14, 1, 0x0e],
      ['in', DIMM + 0x14, 1],
      ['out', DIMM + 0x14, 4, 8],
      ...dump(DIMM, 0x18),
      ['out', DIMM + 0x14, 1, 8],
      ['out', DIMM + 0x10, 4, 1],
      ['out', DIMM + 4, 2, 0x1234],
      ['out', DIMM, 1, 1],
      ['in', DIMM + 0x14, 1],
      ['plug', 1],
      ['unplug', 1],
      ['in', DIMM + 0x14, 1],
      ['reset'],
      ['in', DIMM + 0x14, 1],
    ],
  },
];
