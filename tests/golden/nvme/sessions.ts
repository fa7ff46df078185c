/** What a driver does to an NVMe controller in slot 2, played to QEMU 7.2 by the recorder and to ours by the test. */
import type { Step } from '../virtio/sessions.ts';

export interface NvmeSession {
  readonly name: string;
  readonly arguments: readonly string[];
  /** The drives and devices of `arguments`, in the words of the monitor. */
  readonly drives: readonly string[];
  readonly devices: readonly string[];
  readonly steps: readonly Step[];
}

const BAR = 0xfe00_0000;
/** In the guest's RAM: the admin queues, queues for data, lists, and a page for the data of each command. */
const ASQ = 0x10_0000;
const ACQ = 0x11_0000;
const SQ = 0x12_0000;
const CQ = 0x13_0000;
export const LIST = 0x14_0000;
export const DATA = 0x20_0000;
const PAGE = 0x1000;
const ENTRIES = 32;

const config = (offset: number): Step => ['out', 0xcf8, 4, 0x8000_1000 + offset];
const configRead = (offset: number): Step[] => [config(offset), ['in', 0xcfc, 4]];
const configWrite = (offset: number, value: number): Step[] => [config(offset), ['out', 0xcfc, 4, value]];
const configSpace = (): Step[] => Array.from({ length: 64 }, (_, n): Step[] => configRead(4 * n)).flat();
const read = (offset: number, size: 1 | 2 | 4 = 4): Step => ['read', BAR + offset, size];
const write = (offset: number, value: number, size: 1 | 2 | 4 = 4): Step => [
  'write',
  BAR + offset,
  size,
  value,
];
const registers = (): Step[] => Array.from({ length: 18 }, (_, n) => read(4 * n));
const bars = (): Step[] => [
  ...configWrite(0x10, 0xffff_ffff),
  ...configRead(0x10),
  ...configWrite(0x14, 0xffff_ffff),
  ...configRead(0x14),
  ...configWrite(0x10, BAR),
  ...configWrite(0x14, 0),
  ...configWrite(0x04, 6),
];
const words = (at: number, ...values: readonly number[]): Step[] =>
  values.map((value, n): Step => ['write', at + 4 * n, 4, value >>> 0]);

/** Of a command: opcode and flags, and dwords of it by number. */
export interface Command {
  readonly op: number;
  readonly flags?: number;
  readonly nsid?: number;
  /** Dwords by their numbers. */
  readonly dw?: Readonly<Record<number, number>>;
  /** Bytes of its data that are looked at afterwards. */
  readonly look?: readonly (readonly [offset: number, length: number])[];
}

/** Plays commands in batches and keeps the places in the queues. */
class Driver {
  readonly #places = [0, 0];

  enable(cc = 0x0046_0001): Step[] {
    this.#places[0] = 0;
    return [
      write(0x24, ((ENTRIES - 1) << 16) | (ENTRIES - 1)),
      ...[write(0x28, ASQ), write(0x2c, 0), write(0x30, ACQ), write(0x34, 0)],
      write(0x14, cc),
      read(0x1c),
    ];
  }

  /** The place behind `count` more commands. */
  next(queue: 0 | 1, count: number): number {
    return ((this.#places[queue] ?? 0) + count) % ENTRIES;
  }

  /** Command n has its data in page n, unless it says otherwise. */
  batch(queue: 0 | 1, commands: readonly Command[]): Step[] {
    const [sq, cq] = queue === 0 ? [ASQ, ACQ] : [SQ, CQ];
    const first = this.#places[queue] ?? 0;
    const place = (n: number): number => (first + n) % ENTRIES;
    const end = place(commands.length);
    this.#places[queue] = end;
    return [
      ...commands.flatMap(({ op, flags = 0, nsid = 0, dw = {} }, n) => {
        const all = new Array<number>(16).fill(0);
        all[0] = op | (flags << 8) | ((0x100 + n) << 16);
        all[1] = nsid;
        all[6] = DATA + n * PAGE;
        for (const [at, value] of Object.entries(dw)) all[Number(at)] = value;
        return words(sq + 64 * place(n), ...all);
      }),
      write(0x1000 + 8 * queue, end),
      ['pass'],
      ...commands.map((_, n): Step => ['dump', cq + 16 * place(n), 16]),
      ...commands.flatMap(({ look = [] }, n) =>
        look.map(([offset, length]): Step => ['dump', DATA + n * PAGE + offset, length]),
      ),
      write(0x1004 + 8 * queue, end),
    ];
  }
}

const identify = (cns: number, nsid = 0, more: Partial<Command> = {}, set = 0): Command => ({
  op: 6,
  nsid,
  dw: { 10: cns, 11: set << 24 },
  ...more,
});
const HEAD = [[0, 64]] as const;
const setFeature = (id: number, value = 0, nsid = 0): Command => ({
  ...{ op: 9, nsid, dw: { 10: id, 11: value } },
});
const getFeature = (id: number, value = 0, nsid = 0, look: Command['look'] = []): Command => ({
  ...{ op: 10, nsid, dw: { 10: id, 11: value }, look },
});
const log = (
  page: number,
  dwords: number,
  nsid = 0xffff_ffff,
  dw: Command['dw'] = {},
  look: Command['look'] = HEAD,
): Command => ({
  op: 2,
  nsid,
  dw: { 10: page | ((dwords - 1) << 16), ...dw },
  look,
});
const createCq = (id: number, entries: number, flags = 3, vector = 0, gpa = CQ): Command => ({
  ...{ op: 5, dw: { 6: gpa, 10: id | ((entries - 1) << 16), 11: flags | (vector << 16) } },
});
const createSq = (id: number, entries: number, flags = 1, cqid = 1, gpa = SQ): Command => ({
  ...{ op: 1, dw: { 6: gpa, 10: id | ((entries - 1) << 16), 11: flags | (cqid << 16) } },
});
const io = (op: number, block: number, blocks: number, more: Partial<Command> = {}): Command => ({
  ...{ op, nsid: 1, ...more },
  dw: { 10: block, 12: blocks - 1, ...more.dw },
});

const NULL_DRIVE = 'if=none,id=d,driver=null-co,read-zeroes=on,size=1M';
const CONTROLLER = 'nvme,id=nv,addr=2,serial=SN-1,drive=d';
const ONE = {
  arguments: ['-drive', NULL_DRIVE, '-device', CONTROLLER],
  drives: [NULL_DRIVE],
  devices: [CONTROLLER],
};
const SECOND_DRIVE = 'if=none,id=e,driver=null-co,read-zeroes=on,size=2M';
const BARE =
  'nvme,id=nv,addr=2,serial=a serial number of more,mdts=2,aerl=0,max_ioqpairs=2,msix_qsize=2,use-intel-id=on';
const NAMESPACES = [
  'nvme-ns,bus=nv,drive=d,nsid=7,eui64=0x1122334455667788,logical_block_size=4096,physical_block_size=4096',
  'nvme-ns,bus=nv,drive=e,uuid=00112233-4455-6677-8899-aabbccddeeff,discard_granularity=65536',
];
const TWO = {
  arguments: [
    ...['-drive', NULL_DRIVE, '-drive', SECOND_DRIVE, '-device', BARE],
    ...NAMESPACES.flatMap((one) => ['-device', one]),
  ],
  drives: [NULL_DRIVE, SECOND_DRIVE],
  devices: [BARE, ...NAMESPACES],
};
const IDENTITY = [
  [0, 144],
  [240, 320],
  [768, 64],
  [2048, 64],
] as const;
const PRIMARY = [[0, 96]] as const;
const TIMESTAMP = 14;
/** Behind the time: where it is from. */
const ORIGIN = [[6, 2]] as const;
const FEATURES = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 14, 0x16, 0x19, 3, 0x20];

function registerSteps(): Step[] {
  const driver = new Driver();
  return [
    ...configSpace(),
    ...bars(),
    ...Array.from({ length: 48 }, (_, n) => configWrite(0x40 + 4 * n, 0xffff_ffff)).flat(),
    ...configSpace(),
    ...Array.from({ length: 48 }, (_, n) => configWrite(0x40 + 4 * n, 0)).flat(),
    ...configSpace(),
    ...bars(),
    ...registers(),
    ...[
      read(0, 2),
      read(1, 2),
      read(3, 1),
      read(0x15, 4),
      read(0xffc),
      read(0xffe, 4),
      read(0x1000),
      read(0x3000),
    ],
    ...[0x00, 0x08, 0x0c, 0x10, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c, 0x40, 0x50].map((at) =>
      write(at, 0x1234_5678),
    ),
    ...registers(),
    ...[
      write(0x10, 0xffff_ffff),
      write(0x0c, 5, 2),
      write(0x24, 0x55, 1),
      write(0x28, 0xaa, 1),
      write(0x2d, 7),
    ],
    ...registers(),
    // Starts that are refused.
    ...[write(0x24, 0), write(0x28, 0), write(0x2c, 0), write(0x30, 0), write(0x34, 0)],
    ...[write(0x14, 0x0046_0001), read(0x14), read(0x1c), write(0x14, 0), read(0x1c)],
    ...[0x0046_0061, 0x0046_0071, 0x0046_0011, 0x0036_0001, 0x0045_0001, 0x0046_0201, 0x0046_0281].flatMap(
      (cc): Step[] => [...driver.enable(cc), read(0x14), write(0x14, cc & ~1), read(0x14), read(0x1c)],
    ),
    ...driver.enable(),
    ...[write(0x14, 0x0046_4001), read(0x1c), write(0x14, 0x0046_0001), read(0x1c)],
    ...[write(0x14, 0x0046_8001), read(0x1c), write(0x14, 0x0046_8000), read(0x1c), ...registers()],
    // A reset of the function.
    ...driver.enable(),
    ...configRead(0x88),
    ...configWrite(0x88, 0x8000),
    ...configSpace(),
    ...bars(),
    ...registers(),
  ];
}

function adminSteps(): Step[] {
  const driver = new Driver();
  const admin = (...commands: readonly Command[]): Step[] => driver.batch(0, commands);
  return [
    ...bars(),
    ...driver.enable(),
    ...admin(
      identify(0x01, 0, { look: IDENTITY }),
      identify(0x00, 1, { look: [[0, 256]] }),
      identify(0x00, 2, { look: HEAD }),
      ...[0, 257, 0xffff_ffff].map((nsid) => identify(0x00, nsid)),
      ...[0, 1, 0xffff_fffe].map((nsid) => identify(0x02, nsid, { look: HEAD })),
      ...[1, 2, 0].map((nsid) => identify(0x03, nsid, { look: HEAD })),
      ...[0x05, 0x06, 0x07].flatMap((cns) => [0, 2, 3].map((set) => identify(cns, 1, { look: HEAD }, set))),
    ),
    ...admin(
      ...[0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x1a, 0x1b, 0x1c, 0xff].map((cns) =>
        identify(cns, cns === 0x10 || cns === 0x1a ? 0 : 1, { look: cns === 0x14 ? PRIMARY : HEAD }),
      ),
      // Data that cannot be reached, or is not allowed to be described so.
      identify(0x01, 0, { flags: 0x40 }),
      identify(0x01, 0, { flags: 0x01 }),
      identify(0x01, 0, { dw: { 6: DATA + 0x800, 8: DATA + 0x1000, 10: 1 } }),
      identify(0x01, 0, { dw: { 6: DATA + 0x800, 8: DATA + 0x1004, 10: 1 } }),
      identify(0x01, 0, { dw: { 6: DATA + 2, 8: DATA + 0x5000, 10: 1 } }),
    ),
    ...admin(...FEATURES.map((id) => getFeature(id, 0, 1, id === TIMESTAMP ? ORIGIN : HEAD))),
    ...admin(...FEATURES.map((id) => getFeature(id | 0x300, 0, 1))),
    ...admin(
      ...FEATURES.map((id) => getFeature(id | 0x100, 0, 1)),
      ...[
        getFeature(4, 0x10_0000),
        getFeature(4, 0x1_0000),
        getFeature(4, 0x20_0000),
        getFeature(9, 64),
        getFeature(9, 65),
      ],
      ...[getFeature(5, 0, 0), getFeature(5, 0, 2), getFeature(5, 0, 300)],
    ),
    ...admin(
      ...FEATURES.map((id) => setFeature(id, 0x5, 0)),
      ...[
        setFeature(1 + 2 ** 31, 0),
        setFeature(5, 1, 1),
        setFeature(5, 1, 2),
        setFeature(6, 0, 1),
        setFeature(6, 0, 300),
      ],
      ...[
        setFeature(7, 0xffff, 0),
        setFeature(7, 0x3_0003, 0),
        setFeature(4, 0x20_0000),
        setFeature(4, 0x1_0000),
      ],
    ),
    ...admin(...FEATURES.map((id) => getFeature(id, 0, 1))),
    // The time that was told there is not looked at.
    ...words(DATA + 10 * PAGE, 0, 0),
    ...admin(
      ...[1, 2, 3, 4, 5, 6].map((page) => log(page, 16)),
      ...[
        log(2, 16, 1),
        log(2, 16, 2),
        log(3, 4, 0, { 12: 8 }),
        log(3, 4, 0, { 12: 512 }),
        log(3, 4, 0, { 12: 6 }),
      ],
      ...[log(5, 64, 0, {}, [[0, 256]]), log(5, 64, 0, { 12: 1024 }, [[0, 256]]), log(5, 16, 0, { 12: 512 })],
      ...[log(1, 16, 0, { 12: 64 }), log(2, 0x1_0000), { ...log(2, 128), dw: { 10: 2, 11: 0xffff } }],
    ),
    ...admin(
      ...[0x03, 0x0d, 0x15, 0x1c, 0x80, 0x81, 0xff].map((op): Command => ({ op, nsid: 2 })),
      ...[0x15, 0x1c].map((op): Command => ({ op, nsid: 0, dw: { 10: 8 } })),
      ...[
        { op: 0x08, dw: { 10: 0 } },
        { op: 0x08, dw: { 10: 5 } },
      ],
      ...[{ op: 0x7c, dw: { 6: DATA + 4 } }],
      // Queues.
      ...[
        createCq(0, 16),
        createCq(65, 16),
        createCq(1, 1),
        createCq(1, 0x801),
        createCq(1, 16, 3, 0, CQ + 4),
      ],
      ...[createCq(1, 16, 3, 1), createCq(1, 16, 2), createSq(1, 16), createCq(1, ENTRIES), createCq(1, 16)],
      ...[
        createSq(0, 16),
        createSq(1, 1),
        createSq(1, 16, 0),
        createSq(1, 16, 1, 1, SQ + 8),
        createSq(1, ENTRIES),
      ],
    ),
    ...admin(
      ...[
        createSq(1, 16),
        createSq(2, 4),
        setFeature(7, 0, 0),
        { op: 4, dw: { 10: 1 } },
        { op: 4, dw: { 10: 0 } },
      ],
      ...[
        { op: 0, dw: { 10: 0 } },
        { op: 0, dw: { 10: 9 } },
        { op: 0, dw: { 10: 2 } },
        { op: 0, dw: { 10: 1 } },
      ],
      ...[
        { op: 4, dw: { 10: 1 } },
        { op: 4, dw: { 10: 1 } },
      ],
    ),
    // Events: requests, doorbells that there are not, the page that tells of it.
    ...admin(...Array.from({ length: 5 }, (): Command => ({ op: 12 }))),
    ...[write(0x1000 + 8 * 9, 1), ['pass'] as Step, write(0x1004, 999), ['pass'] as Step],
    ...Array.from({ length: ENTRIES }, (_, n): Step => ['dump', ACQ + 16 * n, 16]),
    ...[write(0x1002, 1), write(0x14, 0), read(0x1c), ...registers()],
  ];
}

function ioSteps(): Step[] {
  const driver = new Driver();
  const admin = (...commands: readonly Command[]): Step[] => driver.batch(0, commands);
  const data = (...commands: readonly Command[]): Step[] => driver.batch(1, commands);
  const prps = (prp1: number, prp2: number, more: Partial<Command> = {}): Partial<Command> => ({
    ...more,
    dw: { 6: prp1, 8: prp2 },
  });
  const sgl = (gpa: number, length: number, type: number): Partial<Command> => ({
    flags: 0x40,
    dw: { 6: gpa, 7: 0, 8: length, 9: type * 2 ** 28 },
  });
  const descriptor = (at: number, gpa: number, length: number, type: number): Step[] =>
    words(at, gpa, 0, length, type * 2 ** 28);
  return [
    ...bars(),
    ...driver.enable(),
    ...admin(createCq(1, ENTRIES), createSq(1, ENTRIES)),
    ...words(DATA, 0x1234_5678),
    ...data(
      io(2, 0, 8, { look: HEAD }),
      ...[io(1, 4, 1), io(2, 0, 1, { nsid: 0 }), io(2, 0, 1, { nsid: 2 }), io(2, 0, 1, { nsid: 300 })],
      ...[io(2, 2047, 1), io(2, 2047, 2), io(2, 2048, 1), io(2, 0, 1, { dw: { 11: 0xffff_ffff } })],
      ...[io(2, 0, 1024, prps(DATA, LIST)), io(2, 0, 1025, prps(DATA, LIST))],
      ...[
        io(0, 0, 1),
        io(0, 0, 1, { nsid: 0xffff_ffff }),
        io(0, 0, 1, { nsid: 2 }),
        io(0, 0, 1, { nsid: 0 }),
      ],
      ...[io(8, 0, 2048), io(8, 1, 2048), io(0x0c, 0, 16), io(0x0c, 0, 1025), io(0x0c, 2047, 2)],
      ...[
        io(3, 0, 1),
        io(0x0d, 0, 1),
        io(0x79, 0, 1),
        io(0x7d, 0, 1),
        io(2, 0, 1, { flags: 1 }),
        io(2, 0, 1, { flags: 0xc0 }),
      ],
    ),
    // Compare with zeros, and with something else.
    ...words(DATA, 0),
    ...words(DATA + PAGE, 1),
    ...data(io(5, 0, 1), io(5, 0, 1), io(5, 2047, 2), io(5, 0, 1025)),
    // PRPs: offsets, lists, lists over pages.
    ...words(LIST, DATA + 0x1000, 0, DATA + 0x2000, 0, DATA + 0x3001, 0),
    ...words(LIST + 0xff8, LIST + PAGE, 0, DATA + 0x1000, 0, DATA + 0x2000, 0, DATA + 0x4000, 0),
    ...words(LIST + 0xf00, 0x7000_0000, 0),
    ...data(
      ...[io(2, 0, 2, prps(DATA + 0xf00, DATA + 0x3000)), io(2, 0, 2, prps(DATA + 0xf00, DATA + 0x3004))],
      ...[io(2, 0, 8, prps(DATA + 0x10, DATA + 0x3000)), io(2, 0, 16, prps(DATA, DATA + 0x1000))],
      ...[
        io(2, 0, 24, prps(DATA, LIST)),
        io(2, 0, 32, prps(DATA, LIST)),
        io(2, 0, 32, prps(DATA, LIST + 0xff8)),
      ],
      ...[
        io(2, 0, 40, prps(DATA, LIST + 0xff8)),
        io(2, 0, 24, prps(DATA, 0x7000_0000)),
        io(2, 0, 24, prps(DATA, LIST + 4)),
      ],
    ),
    // SGLs.
    ...descriptor(LIST, DATA, 256, 0),
    ...descriptor(LIST + 16, DATA + 512, 256, 0),
    ...descriptor(LIST + 32, DATA, 256, 0),
    ...descriptor(LIST + 48, LIST, 32, 3),
    ...descriptor(LIST + 64, LIST, 32, 2),
    ...descriptor(LIST + 80, DATA, 0, 0),
    ...descriptor(LIST + 96, DATA, 512, 4),
    ...data(
      ...[io(2, 0, 1, sgl(DATA, 512, 0)), io(2, 0, 1, sgl(DATA, 256, 0)), io(2, 0, 1, sgl(DATA, 1024, 0))],
      ...[io(2, 0, 1, sgl(LIST, 32, 3)), io(2, 0, 1, sgl(LIST, 32, 2)), io(2, 0, 1, sgl(LIST, 16, 3))],
      ...[
        io(2, 0, 1, sgl(LIST, 48, 3)),
        io(2, 0, 1, sgl(LIST + 48, 16, 2)),
        io(2, 0, 1, sgl(LIST + 48, 16, 3)),
      ],
      ...[
        io(2, 0, 1, sgl(LIST + 32, 32, 2)),
        io(2, 0, 1, sgl(LIST + 48, 32, 2)),
        io(2, 0, 1, sgl(LIST, 20, 3)),
      ],
      ...[io(2, 0, 1, sgl(LIST, 0, 3)), io(2, 0, 1, sgl(DATA, 512, 1)), io(2, 0, 1, sgl(LIST + 80, 16, 3))],
      ...[
        io(2, 0, 1, sgl(LIST + 96, 16, 3)),
        io(2, 0, 1, sgl(LIST + 96, 32, 2)),
        io(2, 0, 1, sgl(0x7000_0000, 32, 3)),
      ],
    ),
    // Ranges that are given back, and copies.
    ...words(DATA, 0, 8, 0, 0, 0, 8, 4000, 0),
    ...words(DATA + PAGE, 0, 0xffff_ffff, 0, 0),
    ...words(DATA + 2 * PAGE, 0, 0, 8, 0, 7, 0, 0, 0, 0, 0, 16, 0, 7, 0, 0, 0),
    ...words(DATA + 3 * PAGE, 0, 0, 8, 0, 128, 0, 0, 0),
    ...words(DATA + 4 * PAGE, 0, 0, 2047, 0, 1, 0, 0, 0),
    ...data(
      ...[1, 0].map((count): Command => ({ op: 9, nsid: 1, dw: { 10: count, 11: 4 } })),
      { op: 0x19, nsid: 1, dw: { 10: 64, 12: 1 } },
      { op: 0x19, nsid: 1, dw: { 10: 64, 12: 0 } },
      { op: 0x19, nsid: 1, dw: { 10: 64, 12: 0 } },
      { op: 0x19, nsid: 1, dw: { 6: DATA + 2 * PAGE, 10: 2047, 12: 0 } },
      { op: 0x19, nsid: 1, dw: { 10: 64, 12: 0x80 } },
      ...[1, 2].map((format): Command => ({ op: 0x19, nsid: 1, dw: { 10: 64, 12: format << 8 } })),
      { op: 9, nsid: 1, dw: { 10: 0, 11: 3 } },
    ),
    // Formats, and a buffer of doorbells.
    ...admin({ op: 0x80, nsid: 1, dw: { 10: 4 } }),
    ...admin({ op: 0x80, nsid: 1, dw: { 10: 9 } }, identify(0, 1, { look: [[0, 32]] }), {
      op: 0x80,
      nsid: 0,
    }),
    ...admin({ op: 0x80, nsid: 0xffff_ffff }),
    ...admin(identify(0, 1, { look: [[0, 32]] }), { op: 0x7c, dw: { 6: LIST, 8: LIST + PAGE } }),
    ['dump', LIST, 32],
    ['dump', LIST + PAGE, 32],
    ...words(LIST + 8, driver.next(1, 1)),
    ...data(io(0, 0, 1)),
    ['dump', LIST, 32],
    ['dump', LIST + PAGE, 32],
  ];
}

function otherSteps(): Step[] {
  const driver = new Driver();
  return [
    ...configSpace(),
    ...bars(),
    ...registers(),
    ...driver.enable(),
    ...driver.batch(0, [
      identify(0x01, 0, { look: IDENTITY }),
      identify(0x00, 7, { look: [[0, 256]] }),
      identify(0x00, 1, { look: [[0, 256]] }),
      ...[0, 1, 7].map((nsid) => identify(0x02, nsid, { look: HEAD })),
      ...[1, 7].map((nsid) => identify(0x03, nsid, { look: HEAD })),
      identify(0x06, 0, { look: HEAD }),
      ...[getFeature(7), getFeature(9, 2), getFeature(9, 3)],
      ...[createCq(3, 4), createCq(1, ENTRIES), createSq(1, ENTRIES)],
      ...[{ op: 12 }, { op: 12 }, log(2, 16, 7)],
    ]),
    ...driver.batch(1, [
      ...[io(2, 0, 4, { nsid: 7, dw: { 8: LIST } }), io(2, 0, 5, { nsid: 7, dw: { 8: LIST } })],
      ...[
        io(2, 255, 1, { nsid: 7 }),
        io(2, 256, 1, { nsid: 7 }),
        io(2, 4095, 1, { nsid: 1 }),
        io(2, 4096, 1, { nsid: 1 }),
      ],
      ...[io(0, 0, 1, { nsid: 0xffff_ffff }), io(2, 0, 1, { nsid: 2 })],
    ]),
    ...words(DATA, 0, 0, 8, 0, 7, 0, 0, 0, 0, 0, 16, 0, 7, 0, 0, 0),
    ...words(DATA + PAGE, 0, 0, 8, 0, 128, 0, 0, 0),
    ...words(DATA + 2 * PAGE, 0, 0, 4095, 0, 1, 0, 0, 0),
    ...driver.batch(1, [
      ...[1, 0, 0].map((last): Command => ({ op: 0x19, nsid: 1, dw: { 10: 64, 12: last } })),
      { op: 0x19, nsid: 1, dw: { 6: DATA, 10: 4095, 12: 0 } },
      { op: 0x19, nsid: 1, dw: { 6: DATA, 10: 64, 12: 0x80 } },
    ]),
  ];
}

export const NVME_SESSIONS: readonly NvmeSession[] = [
  { name: 'configuration and registers', ...ONE, steps: registerSteps() },
  { name: 'admin commands', ...ONE, steps: adminSteps() },
  { name: 'commands for data', ...ONE, steps: ioSteps() },
  { name: 'two namespaces', ...TWO, steps: otherSteps() },
];
