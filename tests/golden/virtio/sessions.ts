/** What a driver does to a virtio card in slot 2, played to QEMU 7.2 by the recorder and to our cards by the test. */

export type Size = 1 | 2 | 4;
export type Step =
  | readonly [action: 'in', port: number, size: Size]
  | readonly [action: 'out', port: number, size: Size, value: number]
  | readonly [action: 'read', gpa: number, size: Size]
  | readonly [action: 'write', gpa: number, size: Size, value: number]
  /** Bytes of RAM. */
  | readonly [action: 'dump', gpa: number, length: number]
  /** The clock moves. */
  | readonly [action: 'pass']
  /** What the guest has sent to the host's end of the port. */
  | readonly [action: 'host'];

export interface VirtioSession {
  readonly name: string;
  readonly card: 'rng' | 'serial' | 'balloon' | 'balloon-pages' | 'mem' | 'scsi' | 'scsi-small' | 'net';
  /** QEMU's arguments after `-machine pc -nodefaults`. */
  readonly arguments: readonly string[];
  readonly steps: readonly Step[];
}

/** The answer to each step that has one. */
export type VirtioRecord = readonly (number | string)[];

export const PORT_NAME = 'org.t';
const DEVFN = 0x10;
const LEGACY = 0xc000;
const MSIX = 0xfe00_0000;
const MODERN = 0x1_0000_0000;
const ISR = MODERN + 0x1000;
const CONFIG = MODERN + 0x2000;
const NOTIFY = MODERN + 0x3000;
const PAGE = 0x1000;
const RINGS = 0x10_0000;
const DATA = 0x2_0000;
const ACKNOWLEDGE = 1;
const DRIVER = 2;
const DRIVER_OK = 4;
const FEATURES_OK = 8;

const select = (offset: number): Step => ['out', 0xcf8, 4, 0x8000_0000 + (DEVFN << 8) + offset];
const configRead = (offset: number): Step[] => [select(offset), ['in', 0xcfc, 4]];
const configWrite = (offset: number, value: number): Step[] => [select(offset), ['out', 0xcfc, 4, value]];
const configSpace = (): Step[] => Array.from({ length: 64 }, (_, n) => configRead(4 * n)).flat();
const read = (at: number, size: Size): Step => ['read', MODERN + at, size];
const write = (at: number, size: Size, value: number): Step => ['write', MODERN + at, size, value];

/** Sizes of the BARs, then where they go. */
const bars = (): Step[] => [
  ...[0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30].flatMap((bar) => [
    ...configWrite(bar, 0xffff_ffff),
    ...configRead(bar),
    ...configWrite(bar, 0),
  ]),
  ...configWrite(0x10, LEGACY),
  ...configWrite(0x14, MSIX),
  ...configWrite(0x20, 0),
  ...configWrite(0x24, 1),
  ...configWrite(0x04, 7),
];

const legacy = (): Step[] => [
  ...[0, 4, 8].map((at): Step => ['in', LEGACY + at, 4]),
  ...[0x0c, 0x0e, 0x10].map((at): Step => ['in', LEGACY + at, 2]),
  ...[0x12, 0x13].map((at): Step => ['in', LEGACY + at, 1]),
  ...[0x14, 0x18, 0x1c, 0x20].map((at): Step => ['in', LEGACY + at, 4]),
];

/** @param msix the card has a table of vectors */
const common = (queues: number, msix = true): Step[] => [
  ...[0, 1, 2].flatMap((word): Step[] => [write(0, 4, word), read(4, 4)]),
  read(0x08, 4),
  read(0x0c, 4),
  read(0x10, 2),
  read(0x12, 2),
  read(0x14, 1),
  read(0x15, 1),
  ...Array.from({ length: queues + 1 }, (_, queue): Step[] => [
    write(0x16, 2, queue),
    ...[0x16, 0x18, 0x1a, 0x1c, 0x1e].map((at) => read(at, 2)),
    ...[0x20, 0x24, 0x28, 0x2c, 0x30, 0x34].map((at) => read(at, 4)),
  ]).flat(),
  ...[0, 4, 8, 12].map((at): Step => ['read', CONFIG + at, 4]),
  ...(msix ? [0, 4, 8, 12] : []).map((at): Step => ['read', MSIX + at, 4]),
];

const rings = (queue: number): number => RINGS + 0x4000 * queue;

const start = (queues: number, features: number): Step[] => [
  write(0x14, 1, 0),
  write(0x14, 1, ACKNOWLEDGE | DRIVER),
  write(8, 4, 0),
  write(0x0c, 4, features),
  write(8, 4, 1),
  write(0x0c, 4, 1),
  read(0x0c, 4),
  write(0x14, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK),
  read(0x14, 1),
  ...Array.from({ length: queues }, (_, queue): Step[] => [
    write(0x16, 2, queue),
    write(0x1a, 2, 0xffff),
    write(0x20, 4, rings(queue)),
    write(0x28, 4, rings(queue) + 0x1000),
    write(0x30, 4, rings(queue) + 0x2000),
    write(0x1c, 2, 1),
    read(0x1c, 2),
    read(0x20, 4),
    ['read', ISR, 1],
  ]).flat(),
  write(0x14, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK),
  read(0x14, 1),
  ['read', ISR, 1],
];

/** Offers one buffer as request number `n` of a queue. */
const offer = (queue: number, n: number, gpa: number, length: number, writable: boolean): Step[] => [
  ['write', rings(queue) + 16 * n, 4, gpa],
  ['write', rings(queue) + 16 * n + 4, 4, 0],
  ['write', rings(queue) + 16 * n + 8, 4, length],
  ['write', rings(queue) + 16 * n + 12, 4, writable ? 2 : 0],
  ['write', rings(queue) + 0x1000 + 4 + 2 * n, 2, n],
  ['write', rings(queue) + 0x1000 + 2, 2, n + 1],
];
const kick = (queue: number, distance = 4): Step[] => [
  ['write', NOTIFY + distance * queue, 2, queue],
  ['pass'],
];
const used = (queue: number, count: number): Step[] => [
  ['dump', rings(queue) + 0x2000, 4 + 8 * count],
  ['read', ISR, 1],
  ['read', ISR, 1],
];
const control = (n: number, id: number, event: number, value: number): Step[] => [
  ['write', DATA + 0x1000 + 8 * n, 4, id],
  ['write', DATA + 0x1004 + 8 * n, 4, event + 0x10000 * value],
  ...offer(3, n, DATA + 0x1000 + 8 * n, 8, false),
  ...kick(3),
];

/** Where the memory of virtio-mem is. */
export const MEM_BASE = 0x1_1000_0000;
export const MEM_SIZE = 64 << 20;
export const MEM_REQUESTED = 8 << 20;
const MEM_CONFIG_SIZE = 0x38;
const MIB = 1 << 20;
const PLUG = 0;
const UNPLUG = 1;
const UNPLUG_ALL = 2;
const STATE = 3;

const ram = (at: number, ...words: readonly number[]): Step[] =>
  words.map((word, n): Step => ['write', at + 4 * n, 4, word]);

/** A request of virtio-mem, number `n`: descriptors 2n and 2n + 1. */
const memRequest = (n: number, type: number, gpa: number, blocks: number): Step[] => {
  const [request, response, desc] = [DATA + 0x100 * n, DATA + 0x100 * n + 0x80, rings(0) + 32 * n];
  return [
    ...ram(request, type, 0, gpa % 2 ** 32, Math.floor(gpa / 2 ** 32), blocks, 0),
    ...ram(response, 0xeeeeeeee, 0xeeeeeeee, 0xeeeeeeee),
    ...ram(desc, request, 0, 24, 1 + 0x10000 * (2 * n + 1)),
    ...ram(desc + 16, response, 0, 10, 2),
    ['write', rings(0) + 0x1000 + 4 + 2 * n, 2, 2 * n],
    ['write', rings(0) + 0x1000 + 2, 2, n + 1],
    ...kick(0),
    ['dump', response, 12],
    ...Array.from({ length: MEM_CONFIG_SIZE / 4 }, (_, at): Step => ['read', CONFIG + 4 * at, 4]),
  ];
};

const SCSI_CONFIG_WORDS = 9;
const SCSI_UNIT = [0x0040_0001, 0];
const scsiConfig = (): Step[] =>
  Array.from({ length: SCSI_CONFIG_WORDS }, (_, n): Step => ['read', CONFIG + 4 * n, 4]);
/** A request of `out` words and room for `room` bytes, number `n` of a queue: descriptors 2n and 2n + 1. */
const scsiRequest = (
  queue: number,
  n: number,
  out: readonly number[],
  length: number,
  room: number,
): Step[] => {
  const [request, response, desc] = [DATA + 0x400 * n, DATA + 0x400 * n + 0x200, rings(queue) + 32 * n];
  return [
    ...ram(request, ...out),
    ...ram(desc, request, 0, length, 1 + (2 * n + 1) * 0x10000),
    ...ram(desc + 16, response, 0, room, 2),
    ['write', rings(queue) + 0x1000 + 4 + 2 * n, 2, 2 * n],
    ['write', rings(queue) + 0x1000 + 2, 2, n + 1],
    ...kick(queue),
    ['dump', response, Math.min(room, 128)],
  ];
};
/** A command without data, with six bytes of descriptor block in `cdb`. */
const scsiCommand = (n: number, cdb: number, length = 51, room = 108): Step[] =>
  // The block begins in the last byte of the fifth word.
  scsiRequest(
    2,
    n,
    [...SCSI_UNIT, 0x77, 0, (cdb & 0xff) * 0x1000000, Math.floor(cdb / 256), ...new Array<number>(7).fill(0)],
    length,
    room,
  );
const scsiTask = (n: number, subtype: number, unit = SCSI_UNIT): Step[] =>
  scsiRequest(0, n, [0, subtype, ...unit, 0x77, 0], 24, 1);
/** A request of virtio-net's control queue, number `n`: class, command and four bytes, as two words; then the answer. */
const netControl = (n: number, first: number, second: number, length: number): Step[] => {
  const [request, answer, desc] = [DATA + 0x100 * n, DATA + 0x100 * n + 0x80, rings(2) + 32 * n];
  return [
    ...ram(request, first, second),
    ...ram(answer, 0xeeeeeeee),
    ...ram(desc, request, 0, length, 1 + 0x10000 * (2 * n + 1)),
    ...ram(desc + 16, answer, 0, 1, 2),
    ['write', rings(2) + 0x1000 + 4 + 2 * n, 2, 2 * n],
    ['write', rings(2) + 0x1000 + 2, 2, n + 1],
    ...kick(2),
    ['dump', answer, 4],
    ['read', CONFIG, 4],
    ['read', CONFIG + 4, 4],
  ];
};

export const SESSIONS: readonly VirtioSession[] = [
  {
    name: 'virtio-rng-pci: configuration, registers, one request',
    card: 'rng',
    arguments: ['-object', 'rng-builtin,id=r', '-device', 'virtio-rng-pci,rng=r,addr=2'],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...legacy(),
      ...common(1),
      ...start(1, 0),
      ...offer(0, 0, DATA, 20, true),
      ...offer(0, 1, DATA + 0x100, 70, true),
      ...kick(0),
      ...used(0, 3),
      ...legacy(),
      write(0x14, 1, 0),
      ...common(1),
      ...configWrite(0x04, 0),
      ...configSpace(),
    ],
  },
  {
    name: 'virtio-serial-pci: configuration, registers, control messages, a line from the guest',
    card: 'serial',
    arguments: [
      ...['-chardev', 'ringbuf,id=c', '-device', 'virtio-serial-pci,id=v,addr=2'],
      ...['-device', `virtserialport,chardev=c,name=${PORT_NAME},nr=1`],
    ],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...legacy(),
      ...common(64),
      ...start(6, 2),
      ...[0, 1, 2, 3, 4].flatMap((n) => offer(2, n, DATA + 64 * n, 64, true)),
      ...control(0, 0, 0, 1),
      ...used(2, 5),
      ...used(3, 2),
      ...control(1, 1, 3, 1),
      ...used(2, 5),
      ['dump', DATA, 5 * 64],
      ...control(2, 1, 6, 1),
      ['write', DATA + 0x2000, 4, 0x6c6c6568],
      ['write', DATA + 0x2004, 4, 0x0a6f],
      ...offer(5, 0, DATA + 0x2000, 6, false),
      ...kick(5),
      ...used(5, 1),
      ['host'],
      ['write', CONFIG + 8, 4, 0x41],
      ['host'],
      write(0x14, 1, 0),
      ...common(6),
    ],
  },
  {
    name: 'virtio-balloon-pci: configuration, registers, pages, statistics',
    card: 'balloon',
    arguments: ['-device', 'virtio-balloon-pci,free-page-reporting=on,addr=2'],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...legacy(),
      ...common(4, false),
      ...start(4, 0x32),
      ...ram(DATA, 0x200, 0x201, 0x7_ffff),
      ...ram(0x20_0000, 1, 2),
      ...ram(0x20_1000, 3, 4),
      ...ram(0x20_2000, 5, 6),
      ...offer(0, 0, DATA, 12, false),
      ...kick(0),
      ...used(0, 1),
      ...[0x20_0000, 0x20_1000, 0x20_2000].map((at): Step => ['dump', at, 8]),
      ...offer(1, 0, DATA, 7, false),
      ...kick(1),
      ...used(1, 1),
      ...ram(DATA + 0x100, 4, 0x1234_0000, 0, 0x5_0000, 0),
      ...offer(2, 0, DATA + 0x100, 20, false),
      ...kick(2),
      ...used(2, 1),
      ...offer(2, 1, DATA + 0x100, 20, false),
      ...kick(2),
      ...used(2, 2),
      ['write', CONFIG + 4, 4, 0x10],
      ['write', CONFIG, 4, 0x20],
      ['write', CONFIG + 8, 4, 0x30],
      ...[0, 4, 8, 12, 16].map((at): Step => ['read', CONFIG + at, 4]),
      ...offer(3, 0, 0x20_2000, 0x1000, true),
      ...kick(3),
      ...used(3, 1),
      ['dump', 0x20_2000, 8],
      ['write', CONFIG + 12, 4, 0xaaaa_aaaa],
      ...[0, 4, 8, 12, 16].map((at): Step => ['read', CONFIG + at, 4]),
      ...ram(0x20_3000, 7, 8),
      ...offer(3, 1, 0x20_3000, 0x1000, true),
      ...kick(3),
      ...used(3, 2),
      ['dump', 0x20_3000, 8],
      write(0x14, 1, 0),
      ...common(4, false),
      ...configWrite(0x04, 0),
      ...configSpace(),
    ],
  },
  {
    name: 'virtio-balloon-pci: a page for each queue',
    card: 'balloon-pages',
    arguments: ['-device', 'virtio-balloon-pci,page-per-vq=on,addr=2'],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...start(2, 0),
      ...ram(DATA, 0x200),
      ...offer(0, 0, DATA, 4, false),
      ...kick(0, PAGE),
      ...used(0, 1),
      ...offer(1, 0, DATA, 4, false),
      // Between two queues is the first one's page.
      ['write', NOTIFY + 4, 2, 0],
      ['pass'],
      ...used(1, 1),
      ...kick(1, PAGE),
      ...used(1, 1),
      // No queue has this page.
      ...kick(1000, PAGE),
      ...[0, PAGE, 4].map((at): Step => ['read', NOTIFY + at, 4]),
    ],
  },
  {
    name: 'virtio-net-pci: configuration, registers, requests, a packet',
    card: 'net',
    arguments: ['-netdev', 'user,id=n1', '-device', 'virtio-net-pci,netdev=n1,romfile=,addr=2'],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...legacy(),
      ...common(3),
      ['write', CONFIG + 4, 1, 0x99],
      ['read', CONFIG + 4, 4],
      // MRG_RXBUF, STATUS, CTRL_VQ, CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, GUEST_ANNOUNCE, CTRL_MAC_ADDR.
      ...start(3, 0x00bf_8000),
      ['write', CONFIG + 4, 1, 0x77],
      ['read', CONFIG + 4, 4],
      ...netControl(0, 0x0000_0000, 0, 3),
      ...netControl(1, 0x0001_0600, 0, 3),
      ...netControl(2, 0x5452_0101, 0x0908_0700, 8),
      ...netControl(3, 0x5452_0101, 0x0908_0700, 7),
      ...netControl(4, 0x0005_0002, 0, 4),
      ...netControl(5, 0x1000_0002, 0, 4),
      ...netControl(6, 0x0005_0202, 0, 4),
      ...netControl(7, 0x0000_0003, 0, 2),
      ...netControl(8, 0x0001_0004, 0, 4),
      ...netControl(9, 0x0002_0004, 0, 4),
      ...netControl(10, 0x0000_0005, 0, 8),
      ...netControl(11, 0x0000_0099, 0, 8),
      ...netControl(12, 0x0000_0001, 0, 6),
      ...netControl(13, 0x0000_0200, 0, 2),
      ...used(2, 14),
      ...offer(1, 0, DATA + 0x4000, 72, false),
      ...kick(1),
      ...used(1, 1),
      ...offer(1, 1, DATA + 0x4000, 12, false),
      ...kick(1),
      ...used(1, 2),
      write(0x14, 1, 0),
      ...common(3),
      ...configWrite(0x04, 0),
      ...configSpace(),
    ],
  },
  {
    name: 'virtio-mem-pci: configuration, registers, blocks',
    card: 'mem',
    arguments: [
      ...['-m', '64,maxmem=1G', '-object', 'memory-backend-ram,id=m,size=64M'],
      ...['-device', `virtio-mem-pci,memdev=m,requested-size=8M,memaddr=${MEM_BASE},addr=2`],
    ],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...common(1, false),
      ...start(1, 0),
      ...memRequest(0, PLUG, MEM_BASE, 1),
      ...memRequest(1, PLUG, MEM_BASE + 4 * MIB, 2),
      ...memRequest(2, PLUG, MEM_BASE + 16 * MIB, 2),
      ...memRequest(3, PLUG, MEM_BASE, 1),
      ...memRequest(4, PLUG, MEM_BASE + MIB, 1),
      ...memRequest(5, PLUG, MEM_BASE + 64 * MIB, 1),
      ...memRequest(6, PLUG, MEM_BASE, 0),
      ...memRequest(7, STATE, MEM_BASE, 1),
      ...memRequest(8, STATE, MEM_BASE, 2),
      ...memRequest(9, STATE, MEM_BASE + 8 * MIB, 28),
      ...memRequest(10, STATE, MEM_BASE + 8 * MIB, 29),
      ...memRequest(11, UNPLUG, MEM_BASE + 2 * MIB, 2),
      ...memRequest(12, UNPLUG, MEM_BASE + 4 * MIB, 1),
      ...used(0, 13),
      ['write', CONFIG + 0x30, 4, 0x20],
      ...memRequest(13, UNPLUG_ALL, 0, 0),
      ...memRequest(14, 4, MEM_BASE, 1),
      read(0x14, 1),
      ['read', ISR, 1],
      write(0x14, 1, 0),
      ...common(1, false),
    ],
  },
  {
    name: 'virtio-scsi-pci: configuration, registers, commands, task management',
    card: 'scsi',
    arguments: [
      ...['-device', 'virtio-scsi-pci,id=s,addr=2', '-drive', 'if=none,id=d,driver=null-co,size=1M'],
      ...['-device', 'scsi-hd,drive=d,scsi-id=0,lun=0'],
    ],
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...legacy(),
      ...common(3),
      ...scsiConfig(),
      ...start(3, 6),
      ...scsiCommand(0, 0),
      ...scsiCommand(1, 0),
      ...used(2, 2),
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((subtype, n) => scsiTask(n, subtype)),
      ...scsiTask(9, 0, [0x0140_0001, 0]),
      ...scsiTask(10, 5, [0x0040_0301, 0]),
      ...scsiTask(11, 5, [0x0000_0002, 0]),
      ...scsiTask(12, 4, [0x0040_0901, 0]),
      ...scsiRequest(0, 13, [1, ...SCSI_UNIT, 0xffff_ffff], 16, 5),
      ...scsiRequest(0, 14, [2, ...SCSI_UNIT, 0xffff_ffff], 16, 5),
      ...used(0, 15),
      ...scsiCommand(2, 0),
      // Shorter sense data and longer descriptor blocks.
      ['write', CONFIG + 20, 4, 14],
      ['write', CONFIG + 24, 4, 16],
      ['write', CONFIG + 4, 4, 99],
      ...scsiConfig(),
      ...scsiCommand(3, 0xff, 35, 26),
      ...scsiCommand(4, 0, 35, 26),
      ...used(2, 5),
      ['write', CONFIG + 20, 2, 200],
      ...scsiConfig(),
      // Not as long as a request is.
      ...scsiCommand(5, 0, 30, 108),
      read(0x14, 1),
      ['read', ISR, 1],
      ...scsiCommand(6, 0),
      write(0x14, 1, 0),
      ...common(3),
      ...scsiConfig(),
      // The rings are empty again.
      ...[0, 1, 2].map((queue): Step => ['write', rings(queue) + 0x1002, 2, 0]),
      ...start(3, 6),
      ...scsiCommand(0, 0),
      ['write', CONFIG + 20, 4, 0x10000],
      read(0x14, 1),
      ...scsiConfig(),
      ...configWrite(0x04, 0),
      ...configSpace(),
    ],
  },
  {
    name: 'virtio-scsi-pci: other queues',
    card: 'scsi-small',
    arguments: [
      '-device',
      'virtio-scsi-pci,addr=2,num_queues=3,virtqueue_size=64,seg_max_adjust=off,max_sectors=100,cmd_per_lun=7,hotplug=off,param_change=off,vectors=0',
    ],
    steps: [
      ...configSpace(),
      ...bars(),
      ...legacy(),
      ...common(5, false),
      ...scsiConfig(),
      ...start(3, 6),
      ...scsiCommand(0, 0),
      ...scsiTask(0, 5),
      // It is not a request that there is.
      ...scsiRequest(0, 1, [9, 0, 0, 0, 0, 0], 24, 4),
      ...used(0, 2),
      ...scsiRequest(0, 2, [0], 4, 4),
      read(0x14, 1),
    ],
  },
];
