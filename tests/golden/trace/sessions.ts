/** Accesses that are traced: played to QEMU 7.2 by the recorder, and to our machine by the test. */

export type Step =
  | readonly [action: 'in', port: number, size: 1 | 2 | 4]
  | readonly [action: 'out', port: number, size: 1 | 2 | 4, value: number]
  /** A register in memory. */
  | readonly [action: 'read', gpa: number, size: 1 | 2 | 4]
  | readonly [action: 'write', gpa: number, size: 1 | 2 | 4, value: number]
  /** Bytes of RAM, as hexadecimal. */
  | readonly [action: 'ram', gpa: number, bytes: string]
  /** What is done beside the processor is done. */
  | readonly [action: 'pass'];

export interface TraceSession {
  readonly name: string;
  /** Of the machine, beside those that all have. */
  readonly arguments: readonly string[];
  readonly patterns: readonly string[];
  /** Messages that are logged too; absent: none. */
  readonly items?: readonly string[];
  readonly steps: readonly Step[];
}

/** Lines of QEMU's trace by session; an address of QEMU's is `@` and its number in the session. */
export type TraceRecords = Readonly<Record<string, readonly string[]>>;

/** Arguments of every session. */
export const COMMON: readonly string[] = ['-nodefaults', '-display', 'none', '-m', '64', '-serial', 'null'];
/** An image of so many bytes. */
export const DISK = { name: 'disk', bytes: 1 << 20 };

const CARD = 4;
const NIC = 5;
const IO_BAR = 0xc000;
const MEMORY_BAR = 0xfe00_0000;
const RING = 0x10_000;
const DATA = 0x60_000;

function config(slot: number, register: number): Step {
  return ['out', 0xcf8, 4, 0x8000_0000 + slot * 0x800 + (register & 0xfc)];
}

/** A dword of a configuration space on any bus is written. */
function ofBus(bus: number, slot: number, register: number, value: number): readonly Step[] {
  const address = 0x8000_0000 + bus * 0x1_0000 + slot * 0x800 + (register & 0xfc);
  return [
    ['out', 0xcf8, 4, address],
    ['out', 0xcfc + (register & 3), register === 0x3e || register === 0x04 ? 2 : 4, value],
  ];
}

const CARD_ON: readonly Step[] = [
  config(CARD, 0x10),
  ['out', 0xcfc, 4, IO_BAR],
  config(CARD, 0x20),
  ['out', 0xcfc, 4, MEMORY_BAR],
  config(CARD, 0x04),
  ['out', 0xcfc, 2, 7],
];

function little(value: number, bytes: number): string {
  let text = '';
  for (let at = 0; at < bytes; at++) {
    text += Math.floor((value / 256 ** at) % 256)
      .toString(16)
      .padStart(2, '0');
  }
  return text;
}

/** The driver sets up queues through the legacy interface; queue n is at RING times n + 1. */
function driver(features: number, queues: number): readonly Step[] {
  const steps: Step[] = [
    ['out', IO_BAR + 0x12, 1, 1],
    ['out', IO_BAR + 0x12, 1, 3],
    ['out', IO_BAR + 0x04, 4, features],
  ];
  for (let queue = 0; queue < queues; queue++) {
    steps.push(['out', IO_BAR + 0x0e, 2, queue], ['out', IO_BAR + 0x08, 4, (RING * (queue + 1)) >>> 12]);
  }
  return [...steps, ['out', IO_BAR + 0x12, 1, 7]];
}

interface Buffer {
  readonly gpa: number;
  readonly length: number;
  readonly writable?: boolean;
}

/** The chain of `buffers` is made available as request number `nth`, and the queue notified. */
function request(queue: number, size: number, nth: number, ...buffers: readonly Buffer[]): readonly Step[] {
  const ring = RING * (queue + 1);
  const chain = buffers.map(({ gpa, length, writable = false }, at): Step => {
    const flags = (at + 1 < buffers.length ? 1 : 0) | (writable ? 2 : 0);
    return ['ram', ring + 16 * at, little(gpa, 8) + little(length, 4) + little(flags, 2) + little(at + 1, 2)];
  });
  const available = ring + 16 * size;
  return [
    ...chain,
    ['ram', available + 4 + 2 * (nth - 1), '0000'],
    ['ram', available + 2, little(nth, 2)],
    ['out', IO_BAR + 0x10, 2, queue],
    ['pass'],
  ];
}

const BLK_QUEUE = 256;
const blkHeader = (type: number, sector: number): Step => [
  'ram',
  DATA,
  little(type, 4) + little(0, 4) + little(sector, 8),
];
const blkRequest = (nth: number, isRead: boolean): readonly Step[] =>
  request(
    ...([0, BLK_QUEUE, nth] as const),
    { gpa: DATA, length: 16 },
    { gpa: DATA + 0x1000, length: 1024, writable: isRead },
    { gpa: DATA + 0x2000, length: 1, writable: true },
  );

const SCSI_QUEUE = 256;
const SCSI_UNIT = '0100400000000000';
const scsiCommand = (nth: number, cdb: string, length: number): readonly Step[] => [
  ['ram', DATA, SCSI_UNIT + little(nth + 0x10, 8) + '000000' + cdb.padEnd(64, '0')],
  ...request(
    ...([2, SCSI_QUEUE, nth] as const),
    { gpa: DATA, length: 51 },
    { gpa: DATA + 0x1000, length: 108, writable: true },
    { gpa: DATA + 0x2000, length, writable: true },
  ),
];
const scsiTask = (nth: number, subtype: number): readonly Step[] => [
  ['ram', DATA, little(0, 4) + little(subtype, 4) + SCSI_UNIT + little(nth + 0x20, 8)],
  ...request(
    ...([0, SCSI_QUEUE, nth] as const),
    { gpa: DATA, length: 24 },
    { gpa: DATA + 0x1000, length: 1, writable: true },
  ),
];

const CONTROL_QUEUE = 32;
const control = (nth: number, id: number, event: number, value: number): readonly Step[] => [
  ['ram', DATA, little(id, 4) + little(event, 2) + little(value, 2)],
  ...request(3, CONTROL_QUEUE, nth, { gpa: DATA, length: 8 }),
];

const RING_USED = RING + 0x2000;
const RING_AVAILABLE = RING + 0x1000;
/** The driver of a card without the legacy interface sets up queue 0. */
const MODERN_DRIVER: readonly Step[] = [
  ['write', MEMORY_BAR + 0x14, 1, 1],
  ['write', MEMORY_BAR + 0x14, 1, 3],
  ['write', MEMORY_BAR + 0x08, 4, 1],
  ['write', MEMORY_BAR + 0x0c, 4, 1],
  ['write', MEMORY_BAR + 0x14, 1, 0x0b],
  ['write', MEMORY_BAR + 0x16, 2, 0],
  ['write', MEMORY_BAR + 0x20, 4, RING],
  ['write', MEMORY_BAR + 0x28, 4, RING_AVAILABLE],
  ['write', MEMORY_BAR + 0x30, 4, RING_USED],
  ['write', MEMORY_BAR + 0x1c, 2, 1],
  ['write', MEMORY_BAR + 0x14, 1, 0x0f],
];
const DEVICE_MEMORY = 2 ** 32;
const memRequest = (nth: number, type: number, blocks: number): readonly Step[] => [
  ['ram', DATA, little(type, 8) + little(DEVICE_MEMORY, 8) + little(blocks, 2)],
  ['ram', RING, little(DATA, 8) + little(24, 4) + little(1, 2) + little(1, 2)],
  ['ram', RING + 16, little(DATA + 0x1000, 8) + little(16, 4) + little(2, 2) + little(0, 2)],
  ['ram', RING_AVAILABLE + 4 + 2 * (nth - 1), '0000'],
  ['ram', RING_AVAILABLE + 2, little(nth, 2)],
  ['write', MEMORY_BAR + 0x3000, 2, 0],
  ['pass'],
];

/** In slot 5: its first BARs, in ports or in memory. */
const nicOn = (...places: readonly number[]): readonly Step[] => [
  ...places.flatMap((place, n): readonly Step[] => [config(NIC, 0x10 + 4 * n), ['out', 0xcfc, 4, place]]),
  config(NIC, 0x04),
  ['out', 0xcfc, 2, 7],
];
const ATA_DISK = ['-drive', `if=none,id=d,format=raw,file=${DISK.name}`];
const MASTER = 0xc000;
/** The registers of a command on the first channel. */
const ata = (code: number, feature: number, count: number, device = 0xe0): readonly Step[] => [
  ['out', 0x1f6, 1, device],
  ['out', 0x1f1, 1, feature],
  ['out', 0x1f2, 1, count],
  ['out', 0x1f3, 1, 3],
  ['out', 0x1f4, 1, 0],
  ['out', 0x1f5, 1, 0],
  ['out', 0x1f7, 1, code],
  ['pass'],
  ['in', 0x3f6, 1],
  ['in', 0x1f1, 1],
  ['in', 0x1f2, 1],
  ['in', 0x1f7, 1],
];
const atapi = (...words: readonly number[]): readonly Step[] => [
  ...ata(0xa0, 0, 0, 0xb0),
  ...Array.from({ length: 6 }, (_, n): Step => ['out', 0x1f0, 2, words[n] ?? 0]),
  ['pass'],
  ['in', 0x1f7, 1],
];
const IDE_FUNCTION = 0x8000_0900;
const AHCI_PORT = MEMORY_BAR + 0x100;

/** Command `place` of an NVMe queue: its opcode, namespace, address of data, and dwords 10 and 11; and its doorbell. */
function nvmeCommand(
  queue: 0 | 1,
  place: number,
  [opcode, nsid, gpa, ten, eleven]: readonly [number, number, number, number, number],
): readonly Step[] {
  const words = [opcode + place * 0x1_0000, nsid, 0, 0, 0, 0, gpa, 0, 0, 0, ten, eleven, 0, 0, 0, 0];
  return [
    ['ram', RING * (1 + 2 * queue) + 64 * place, words.map((word) => little(word, 4)).join('')],
    ['write', MEMORY_BAR + 0x1000 + 8 * queue, 4, place + 1],
    ['pass'],
  ];
}

export const SESSIONS: readonly TraceSession[] = [
  {
    name: 'the floppy controller',
    arguments: [],
    patterns: ['fdc_ioport_*'],
    steps: [
      ...[['out', 0x3f2, 1, 0x1c] as const, ['in', 0x3f4, 1] as const, ['in', 0x3f1, 2] as const],
      ...[['out', 0x3f5, 1, 0x10] as const, ['in', 0x3f5, 1] as const, ['in', 0x3f7, 1] as const],
    ],
  },
  {
    name: 'ne2000',
    arguments: ['-device', 'ne2k_pci,addr=5,romfile='],
    patterns: ['ne2000_*'],
    steps: [
      ...nicOn(IO_BAR),
      ['in', IO_BAR, 1],
      ['out', IO_BAR, 1, 0x21],
      ['in', IO_BAR + 0x10, 2],
      ['out', IO_BAR + 1, 1, 0x46],
      ['in', IO_BAR + 0x1f, 1],
      ['in', IO_BAR + 0x18, 1],
      ['out', IO_BAR, 1, 0x62],
      ['in', IO_BAR + 7, 1],
      ['in', IO_BAR + 6, 2],
      ['out', IO_BAR + 0x10, 4, 5],
      ['in', IO_BAR + 0x10, 4],
    ],
  },
  {
    name: 'pcnet',
    arguments: ['-device', 'pcnet,addr=5,romfile='],
    patterns: ['pcnet_*'],
    steps: [
      ...nicOn(IO_BAR, MEMORY_BAR),
      ['in', IO_BAR, 1],
      ['in', IO_BAR + 2, 2],
      ['in', IO_BAR + 4, 4],
      ['out', IO_BAR, 1, 1],
      ['in', IO_BAR + 0x10, 2],
      ['out', IO_BAR + 0x12, 2, 20],
      ['out', IO_BAR + 0x16, 2, 2],
      ['out', IO_BAR + 0x12, 2, 4],
      ['out', IO_BAR + 0x10, 2, 0x80],
      ['out', IO_BAR + 0x12, 2, 2],
      ['out', IO_BAR + 0x10, 2, 1],
      ['out', IO_BAR + 0x12, 2, 0],
      ['out', IO_BAR + 0x10, 2, 0x41],
      ['in', IO_BAR + 0x10, 2],
      ['out', IO_BAR + 0x10, 2, 0x141],
      ['in', IO_BAR + 0x14, 2],
      ['out', IO_BAR + 0x10, 4, 0],
      ['in', IO_BAR + 0x10, 4],
      ['in', IO_BAR, 4],
      ['in', IO_BAR + 0x18, 4],
      ['out', IO_BAR + 2, 1, 9],
    ],
  },
  {
    name: 'e1000',
    arguments: ['-device', 'e1000,addr=5,romfile='],
    patterns: ['e1000x_link_*'],
    steps: [...nicOn(MEMORY_BAR, IO_BAR), ['write', MEMORY_BAR + 0x20, 4, 0x0420_1340]],
  },
  {
    name: 'IDE',
    arguments: [...ATA_DISK, '-device', 'ide-hd,drive=d,bus=ide.0', '-device', 'ide-cd,bus=ide.0'],
    patterns: ['ide_*', 'bmdma_*'],
    steps: [
      ['out', 0x3f6, 1, 2],
      ['out', 0x3f6, 1, 0],
      ...ata(0x20, 0, 1),
      ['in', 0x1f0, 1],
      ['in', 0x1f0, 2],
      ['in', 0x1f0, 4],
      ...ata(0x08, 0, 0),
      ...Array.from({ length: 126 }, (): Step => ['in', 0x1f0, 4]),
      ...ata(0x30, 0, 1),
      ['out', 0x1f0, 2, 0x1234],
      ['out', 0x1f0, 2, 0x1234],
      ...Array.from({ length: 127 }, (_, n): Step => ['out', 0x1f0, 4, n]),
      ['pass'],
      ['in', 0x1f7, 1],
      ['out', 0xcf8, 4, IDE_FUNCTION + 0x20],
      ['out', 0xcfc, 4, MASTER],
      ['out', 0xcf8, 4, IDE_FUNCTION + 0x04],
      ['out', 0xcfc, 2, 5],
      ['ram', RING, little(DATA, 4) + little(0x8000_0400, 4)],
      ['out', MASTER + 4, 4, RING],
      ...ata(0xc8, 0, 2),
      ['out', MASTER, 1, 9],
      ['pass'],
      ['in', MASTER + 2, 1],
      ['out', MASTER, 1, 0],
      ...atapi(0),
      ...atapi(0x00ff),
    ],
  },
  {
    name: 'AHCI',
    arguments: [...ATA_DISK, '-device', 'ich9-ahci,id=s,addr=4', '-device', 'ide-hd,drive=d,bus=s.0'],
    patterns: ['ahci_cmd_done', 'ncq_finish', 'process_ncq_command'],
    steps: [
      config(CARD, 0x24),
      ['out', 0xcfc, 4, MEMORY_BAR],
      config(CARD, 0x04),
      ['out', 0xcfc, 2, 7],
      ['ram', RING, little(5, 2) + little(1, 2) + little(0, 4) + little(DATA, 8)],
      ['ram', DATA + 0x80, little(DATA + 0x1000, 8) + little(0, 4) + little(1023, 4)],
      ['write', AHCI_PORT, 4, RING],
      ['write', AHCI_PORT + 8, 4, RING + 0x1000],
      ['write', AHCI_PORT + 0x18, 4, 0x16],
      ['write', AHCI_PORT + 0x18, 4, 0x17],
      ['ram', DATA, '2780f5'.padEnd(40, '0')],
      ['write', AHCI_PORT + 0x38, 4, 1],
      ['pass'],
      ['ram', DATA, '27806002050000400000000000000000'],
      ['write', AHCI_PORT + 0x38, 4, 1],
      ['pass'],
    ],
  },
  {
    name: 'serial port',
    arguments: [],
    patterns: ['serial_*'],
    steps: [
      ['out', 0x3fb, 1, 0x83],
      ['out', 0x3f8, 1, 1],
      ['out', 0x3f9, 1, 0],
      ['out', 0x3fb, 1, 0x1f],
      ['out', 0x3fb, 1, 0x0b],
      ['in', 0x3fd, 1],
      ['out', 0x3f9, 1, 2],
      ['in', 0x3fa, 1],
      ['out', 0x3ff, 1, 5],
      ['in', 0x3f8, 4],
      ['out', 0x3fa, 2, 0x03c7],
      ['in', 0x3fa, 2],
    ],
  },
  {
    name: 'interrupt controllers',
    arguments: [],
    patterns: ['pic_ioport_*', 'ioapic_mem_*', 'ioapic_eoi_broadcast', 'apic_deliver_irq'],
    steps: [
      ['out', 0x20, 1, 0x11],
      ['out', 0x21, 1, 0x08],
      ['out', 0x21, 1, 0x04],
      ['out', 0x21, 1, 0x01],
      ['in', 0x21, 1],
      ['out', 0x20, 1, 0x0b],
      ['in', 0x20, 1],
      ['out', 0xa0, 1, 0x11],
      ['in', 0xa1, 1],
      ['write', 0xfec0_0000, 4, 0x18],
      ['read', 0xfec0_0010, 4],
      ['write', 0xfec0_0010, 4, 0x31],
      ['read', 0xfec0_0000, 1],
      ['write', 0xfec0_0000, 4, 0x19],
      ['write', 0xfec0_0010, 4, 0x0100_0000],
      // The serial port asks for its first interrupt.
      ['out', 0x3f9, 1, 2],
      ['write', 0xfec0_0040, 4, 0x31],
    ],
  },
  {
    name: 'wires',
    arguments: [],
    patterns: ['x86_gsi_interrupt', 'pic_set_irq', 'ioapic_set_irq'],
    steps: [
      ['out', 0x3f9, 1, 2],
      ['in', 0x3fa, 1],
      ['out', 0x3f9, 1, 0],
      ['out', 0x3f9, 1, 2],
    ],
  },
  {
    name: 'bridges',
    arguments: [
      ...['-device', 'pci-bridge,id=b,chassis_nr=1,addr=4', '-device', 'virtio-rng-pci,bus=b,addr=3'],
      ...['-device', 'i82801b11-bridge,id=c,bus=b,addr=1', '-device', 'virtio-rng-pci,bus=c,addr=2'],
    ],
    patterns: ['pci_*'],
    steps: [
      ...ofBus(0, CARD, 0x18, 0x0002_0100),
      ...ofBus(1, 1, 0x18, 0x0002_0201),
      ...ofBus(2, 2, 0x14, MEMORY_BAR),
      ...ofBus(2, 2, 0x04, 7),
      ...ofBus(3, 2, 0x04, 7),
      ...[ofBus(0, CARD, 0x20, 0xfe00_fe00), ofBus(0, CARD, 0x04, 7)].flat(),
      ['read', MEMORY_BAR, 4],
      ...[ofBus(1, 1, 0x20, 0xfe00_fe00), ofBus(1, 1, 0x04, 7)].flat(),
      ['read', MEMORY_BAR, 4],
      ['write', MEMORY_BAR, 4, 0x1234],
      ['in', 0xcfc, 4],
      // A reset of the bus behind.
      ...ofBus(0, CARD, 0x3e, 0x40),
      ...ofBus(1, 3, 0x04, 0),
    ],
  },
  {
    name: 'keyboard controller',
    arguments: [],
    patterns: ['pckbd*', 'ps2_*', 'port92*'],
    steps: [
      ['out', 0x92, 1, 2],
      ['in', 0x92, 1],
      ['in', 0x64, 1],
      ['out', 0x64, 1, 0xaa],
      ['in', 0x60, 1],
      ['out', 0x64, 1, 0x60],
      ['out', 0x60, 1, 0x47],
      ['out', 0x64, 1, 0xd4],
      ['out', 0x60, 1, 0xf4],
      ['in', 0x60, 1],
      ['out', 0x60, 1, 0xed],
      ['in', 0x60, 1],
      ['out', 0x60, 1, 0x07],
      ['in', 0x60, 1],
      ['out', 0x60, 1, 0xf2],
      ['in', 0x60, 1],
      ['in', 0x60, 1],
      ['in', 0x60, 1],
      ['out', 0x60, 1, 0xf5],
      ['in', 0x60, 1],
      ['out', 0x60, 1, 0xf6],
      ['in', 0x60, 1],
      ['out', 0x60, 1, 0xff],
      ['in', 0x60, 1],
      ['in', 0x60, 1],
      ['out', 0x64, 1, 0xd4],
      ['out', 0x60, 1, 0xff],
      ['in', 0x60, 1],
      ['in', 0x60, 1],
      ['in', 0x60, 1],
      ['out', 0x64, 1, 0xd1],
      ['out', 0x60, 1, 0xdf],
    ],
  },
  {
    name: 'ports and registers in memory',
    arguments: [],
    patterns: ['memory_region_ops*', 'cpu_in', 'cpu_out'],
    steps: [
      ['out', 0x43, 1, 0x36],
      ['out', 0x40, 2, 0x1234],
      ['out', 0x61, 1, 1],
      ['out', 0x71, 1, 0],
      ['in', 0x71, 1],
      ['out', 0x92, 1, 0],
      ['in', 0x92, 1],
      ['in', 0x4d0, 2],
      ['in', 0x3fc, 4],
      ['in', 0x999, 1],
      ['in', 0x999, 2],
      ['in', 0x998, 4],
      ['out', 0x999, 1, 0x55],
      ['out', 0x998, 4, 0x1234_5678],
      ['read', 0xfec0_0000, 4],
      ['write', 0xfec0_0000, 4, 1],
      ['read', 0xfec0_0010, 4],
      ['read', 0xfed0_00f0, 4],
      ['write', 0xfed0_0010, 4, 0],
      ['read', 0xf000_0000, 4],
      ['in', 0xafe0, 4],
      ['in', 0xae00, 4],
    ],
  },
  {
    name: 'what is wrong or not there',
    arguments: [],
    patterns: [],
    items: ['guest_errors', 'unimp'],
    steps: [
      ['out', 0x64, 1, 0x33],
      ['read', 0xfed0_0000, 2],
      ['read', 0xfed0_000b, 1],
      ['write', 0xfed0_0010, 2, 1],
      ['in', 0xae02, 1],
      ['out', 0xae08, 2, 1],
      ['read', 0xf000_0000, 4],
      ['write', 0xfeb0_0000, 4, 1],
      ['read', 0xfed0_0700, 1],
      ['out', 0x20, 1, 0x19],
      ['out', 0x08, 1, 0x80],
    ],
  },
  {
    name: 'PCI configuration',
    arguments: ['-device', `virtio-rng-pci,addr=${CARD}`],
    patterns: ['pci_*', 'msix_*'],
    steps: [
      config(CARD, 0),
      ['in', 0xcfc, 4],
      ['in', 0xcfe, 2],
      config(CARD, 0x10),
      ['out', 0xcfc, 4, 0xffff_ffff],
      ['in', 0xcfc, 4],
      ['out', 0xcfc, 4, IO_BAR],
      config(CARD, 0x04),
      ['out', 0xcfc, 2, 7],
      config(CARD, 0x14),
      ['out', 0xcfc, 4, 0xfebf_0000],
      ['out', 0xcfc, 4, 0xfebd_0000],
      config(CARD, 0x04),
      ['out', 0xcfc, 2, 0],
      config(CARD, 0x98),
      ['out', 0xcfe, 2, 0x8000],
      ['out', 0xcfc, 4, 0xc000_0000],
      config(9, 0),
      ['in', 0xcfc, 4],
      config(1, 0x60),
      ['out', 0xcfc, 1, 0x0b],
      config(0, 0x72),
      ['in', 0xcfe, 1],
    ],
  },
  {
    name: 'fw_cfg',
    arguments: [],
    patterns: ['fw_cfg_select', 'fw_cfg_read'],
    steps: [
      ['out', 0x510, 2, 0],
      ['in', 0x511, 1],
      ['in', 0x510, 1],
      ['out', 0x510, 2, 0x7777],
      ['in', 0x511, 1],
      ...[0x05, 0x0b, 0x19, 0x20, 0x8002, 0x8003].map((key): Step => ['out', 0x510, 2, key]),
      ['in', 0x511, 1],
    ],
  },
  {
    name: 'virtio-rng',
    arguments: ['-device', `virtio-rng-pci,addr=${CARD}`],
    patterns: ['virtio_*'],
    steps: [
      ...CARD_ON,
      ...driver(0, 1),
      ...request(0, 8, 1, { gpa: DATA, length: 64, writable: true }),
      ['out', IO_BAR + 0x10, 2, 5],
      ['out', IO_BAR + 0x12, 1, 0],
      ['write', MEMORY_BAR + 0x14, 1, 1],
      ['write', MEMORY_BAR + 0x3000, 2, 0],
    ],
  },
  {
    name: 'virtio-blk',
    arguments: [
      ...['-drive', `if=none,id=d,file=${DISK.name},format=raw`],
      ...['-device', `virtio-blk-pci,addr=${CARD},drive=d`],
    ],
    patterns: ['virtio_blk_*', 'virtio_set_status', 'virtio_notify*'],
    steps: [
      ...CARD_ON,
      ...driver(0, 1),
      blkHeader(0, 3),
      ...blkRequest(1, true),
      blkHeader(1, 5),
      ...blkRequest(2, false),
      blkHeader(8, 0),
      ...blkRequest(3, true),
      blkHeader(1, 500_000),
      ...blkRequest(4, false),
    ],
  },
  {
    name: 'nvme',
    arguments: [
      ...['-drive', `if=none,id=d,file=${DISK.name},format=raw`],
      ...['-device', `nvme,addr=${CARD},serial=a,drive=d`],
    ],
    patterns: [
      ...['pci_nvme_admin_cmd', 'pci_nvme_io_cmd', 'pci_nvme_create_*', 'pci_nvme_del_*'],
      'pci_nvme_mmio_doorbell_*',
    ],
    steps: [
      ...ofBus(0, CARD, 0x10, MEMORY_BAR),
      ...ofBus(0, CARD, 0x04, 6),
      ...[0x24, 0x28, 0x30, 0x14].map((at, n): Step => {
        const values = [0x000f_000f, RING, RING * 2, 0x0046_0001];
        return ['write', MEMORY_BAR + at, 4, values[n] ?? 0];
      }),
      ...nvmeCommand(0, 0, [5, 0, RING * 4, 0x000f_0001, 3]),
      ...nvmeCommand(0, 1, [1, 0, RING * 3, 0x000f_0001, 0x1_0001]),
      ...nvmeCommand(1, 0, [2, 1, DATA, 0, 0]),
      ...nvmeCommand(1, 1, [1, 1, DATA, 8, 0]),
      ...nvmeCommand(1, 2, [0, 1, 0, 0, 0]),
      ...nvmeCommand(1, 3, [0x7f, 1, 0, 0, 0]),
      ['write', MEMORY_BAR + 0x100c, 4, 4],
      ...nvmeCommand(0, 2, [0, 0, 0, 1, 0]),
      ...nvmeCommand(0, 3, [4, 0, 0, 1, 0]),
      ...nvmeCommand(0, 4, [0xff, 0, 0, 0, 0]),
      ['write', MEMORY_BAR + 0x1004, 4, 5],
    ],
  },
  {
    name: 'virtio-scsi',
    arguments: [
      ...['-device', `virtio-scsi-pci,addr=${CARD}`, '-drive', `if=none,id=d,file=${DISK.name},format=raw`],
      ...['-device', 'scsi-hd,drive=d'],
    ],
    patterns: ['virtio_scsi_*'],
    steps: [
      ...CARD_ON,
      ...driver(2, 3),
      ...scsiCommand(1, '000000000000', 16),
      ...scsiCommand(2, '120000002400', 36),
      ...scsiCommand(3, '28000000000100000100', 512),
      ...scsiCommand(4, '28000000000100000200', 512),
      ...[0, 1, 2, 3, 5, 6, 7, 4, 9].flatMap((subtype, n) => scsiTask(n + 1, subtype)),
      ['ram', DATA, little(1, 4) + SCSI_UNIT + little(0x10, 4)],
      ...request(
        ...([0, SCSI_QUEUE, 10] as const),
        { gpa: DATA, length: 16 },
        { gpa: DATA + 0x1000, length: 5, writable: true },
      ),
    ],
  },
  {
    name: 'virtio-balloon',
    arguments: ['-device', `virtio-balloon-pci,addr=${CARD}`],
    patterns: ['virtio_balloon_*', 'virtio_notify'],
    steps: [
      ...CARD_ON,
      ...driver(0, 2),
      ['in', IO_BAR + 0x14, 4],
      ['ram', DATA, little(0x100, 4) + little(0x10_0000, 4)],
      ...request(0, 128, 1, { gpa: DATA, length: 8 }),
      ['out', IO_BAR + 0x18, 4, 2],
    ],
  },
  {
    name: 'virtio-mem',
    arguments: [
      ...['-m', '64,slots=2,maxmem=1G', '-object', 'memory-backend-ram,id=m,size=128M'],
      ...['-device', `virtio-mem-pci,addr=${CARD},memdev=m,requested-size=16M`],
    ],
    patterns: ['virtio_mem_*', 'virtio_queue_notify', 'virtio_pci_notify_write', 'virtio_set_status'],
    steps: [
      ...CARD_ON,
      ...MODERN_DRIVER,
      ...memRequest(1, 0, 2),
      ...memRequest(2, 3, 2),
      ...memRequest(3, 3, 4),
      ...memRequest(4, 1, 1),
      ...memRequest(5, 2, 0),
      ...memRequest(6, 0, 1000),
    ],
  },
  {
    name: 'virtio-serial',
    arguments: [
      ...['-device', `virtio-serial-pci,addr=${CARD}`, '-chardev', 'null,id=c'],
      ...['-device', 'virtserialport,chardev=c,nr=1'],
    ],
    patterns: ['virtio_serial_*'],
    steps: [
      ...CARD_ON,
      ...driver(2, 4),
      ...request(2, CONTROL_QUEUE, 1, { gpa: DATA + 0x1000, length: 64, writable: true }),
      ...control(1, 0xffff_ffff, 0, 1),
      ...control(2, 1, 3, 1),
      ...control(3, 1, 6, 1),
      ...control(4, 9, 6, 1),
    ],
  },
];
