/** What drivers do with the floppy controller: what `scripts/record-disks.ts` plays to QEMU. */
import type { DiskSession } from '../ide/sessions.ts';

const PORT = 0x3f0;
const [DOR, TDR, MSR, FIFO, CCR] = [2, 3, 4, 5, 7].map((offset) => PORT + offset) as [
  number,
  number,
  number,
  number,
  number,
];
const DATA = 0x1_0000;
const SECTORS_144 = 2880;
const NS_PER_MS = 1_000_000;

const hex = (value: number): string => `0x${value.toString(16)}`;
const out = (port: number, ...values: readonly number[]): readonly string[] =>
  values.map((value) => `outb ${hex(port)} ${hex(value)}`);
/** A command's bytes. */
const give = (...bytes: readonly number[]): readonly string[] => out(FIFO, ...bytes);
const take = (count: number): string => `inb ${hex(FIFO)} *${count}`;
const status = `inb ${hex(MSR)}`;
/** All ports but the FIFO; reading MSR ends a reset. */
const ports = [1, 2, 3, 4, 6, 7].map((offset) => `inb ${hex(PORT + offset)}`);
const wait = `clock_step ${60 * NS_PER_MS}`;

/** A command, MSR, a result of so many bytes, MSR. */
const ask = (result: number, ...bytes: readonly number[]): readonly string[] => [
  ...give(...bytes),
  status,
  ...(result === 0 ? [] : [take(result), status]),
];
const sense = ask(2, 8);
const dump = ask(10, 0x0e);

/** Channel 2 is made ready for so many bytes. */
const channel = (mode: number, count: number, address = DATA): readonly string[] => [
  ...out(0x0a, 6),
  ...out(0x0c, 0),
  ...out(4, address & 0xff, (address >> 8) & 0xff),
  ...out(0x81, address >> 16),
  ...out(5, (count - 1) & 0xff, (count - 1) >> 8),
  ...out(0x0b, mode | 2),
  ...out(0x0a, 2),
];
/** Status, address and count. */
const channelNow = ['inb 0x8', ...out(0x0c, 0), 'inb 0x4 *2', 'inb 0x5 *2'];
const TO_MEMORY = 0x44;
const FROM_MEMORY = 0x48;
const VERIFIES = 0x40;
const DOWN = 0x20;

/** READ, WRITE and those like them: drive and head, track, head, sector, size, last sector. */
type Place = readonly [unit: number, track: number, head: number, sector: number, size: number, end: number];
const move = (command: number, place: Place, bytes = 0xff): readonly string[] =>
  ask(7, command, ...place, 0x1b, bytes);
const pioOnly = (command: number, place: Place, bytes = 0xff): readonly string[] => [
  ...give(command, ...place, 0x1b, bytes),
  status,
];
const look = (length: number, address = DATA): string => `read ${hex(address)} ${hex(length)}`;
const fill = (value: number, length = 0x1000): string => `memset ${hex(DATA)} ${hex(length)} ${hex(value)}`;

const DISKETTE = ['-drive', 'if=floppy,format=raw,file=@0'];
const READY = [...out(DOR, 0x1c), ...out(CCR, 0), ...give(7, 0), ...sense];
const RESET = [...out(DOR, 0), ...out(DOR, 0x1c), ...sense, ...sense, ...sense, ...sense];
/** Without DMA. */
const BY_FIFO = give(3, 0xaf, 3);

const cmos = [...out(0x70, 0x10), 'inb 0x71', ...out(0x70, 0x14), 'inb 0x71'];

const TRACKS = [39, 40, 41, 42, 79, 80, 81, 82, 83, 84];
const SIZES = [
  [2880, 3360, 3444, 5760, 7040, 1440, 1660, 2400, 2988, 1760],
  [720, 360, 840, 640, 320, 1000, 1, 3520, 6240, 2080],
];

/** What of the diskette in drive A a driver can find out. */
const FACTS = [
  ...[...cmos, ...dump, ...ask(1, 4, 0)],
  ...[0, 1, 2, 3].flatMap((rate) => [
    ...out(CCR, rate),
    ...channel(TO_MEMORY, 512),
    ...move(0x46, [0, 0, 0, 1, 2, 1]),
  ]),
  ...[...out(CCR, 0), ...move(0x46, [4, 0, 1, 1, 2, 1])],
  ...TRACKS.flatMap((track) => [...give(7, 0), ...sense, ...give(0x0f, 0, track), ...sense]),
];

/** Diskettes of many sizes in a drive of one type. */
const GEOMETRIES: readonly DiskSession[] = ['144', '288', '120', 'none'].flatMap((type) =>
  SIZES.map(
    (sizes, at): DiskSession => ({
      name: `diskettes in a drive of type ${type}, ${at + 1}`,
      arguments: ['-drive', 'if=none,id=f', '-device', `floppy,drive=f,drive-type=${type}`],
      images: sizes,
      lines: sizes.flatMap((_, n) => [`hmp change f @${n} raw`, ...FACTS]),
    }),
  ),
);

/** The diskette that is there at the start says what the drive is. */
const AUTOMATIC: readonly DiskSession[] = [2880, 1440, 2400, 1000].map((sectors) => ({
  name: `a drive of no type with ${sectors} sectors`,
  arguments: ['-drive', 'if=floppy,format=raw,file=@0'],
  images: [sectors, 2400],
  lines: [...FACTS, 'hmp change floppy0 @1 raw', ...FACTS],
}));

const DMA: readonly DiskSession[] = [
  {
    name: 'reads and writes through the channel',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...[
        fill(0xee),
        ...channel(TO_MEMORY, 1024),
        ...move(0x46, [0, 0, 0, 1, 2, 18]),
        ...channelNow,
        look(1032),
      ],
      ...[...channel(TO_MEMORY, 512 * 40), ...move(0xc6, [0, 3, 0, 17, 2, 18]), ...channelNow],
      ...[...channel(TO_MEMORY, 512 * 40), ...move(0xc6, [4, 3, 1, 17, 2, 18]), ...channelNow],
      ...[...channel(TO_MEMORY, 512 * 40), ...move(0x46, [4, 3, 1, 17, 2, 18]), ...channelNow],
      ...[fill(0xab), ...channel(FROM_MEMORY, 1024), ...move(0x45, [0, 5, 0, 2, 2, 18]), ...channelNow],
      ...[fill(0xcd), ...channel(FROM_MEMORY, 100), ...move(0x45, [0, 5, 0, 4, 2, 18]), ...channelNow],
      ...[...channel(TO_MEMORY, 2048), ...move(0x46, [0, 5, 0, 1, 2, 18]), ...channelNow, look(2048)],
      ...[...channel(TO_MEMORY, 700), ...move(0x46, [0, 1, 0, 1, 2, 4]), ...channelNow],
      ...[...move(0x46, [0, 1, 0, 1, 2, 4]), ...channelNow],
      ...[...channel(TO_MEMORY, 2048), ...move(0x46, [0, 1, 0, 1, 2, 1]), ...channelNow],
      // The channel's direction does not matter, but that it may only verify.
      ...[...channel(TO_MEMORY, 512), ...move(0x45, [0, 1, 0, 2, 2, 2]), ...channelNow],
      ...[fill(0x77), ...channel(VERIFIES, 512), ...move(0x46, [0, 0, 0, 1, 2, 3]), ...channelNow, look(4)],
      ...[...channel(VERIFIES, 512), ...move(0x45, [0, 6, 0, 1, 2, 3]), ...channelNow],
      ...[
        fill(0),
        ...channel(TO_MEMORY | DOWN, 512, DATA + 0x400),
        ...move(0x46, [0, 4, 0, 3, 2, 3]),
        ...channelNow,
      ],
      ...[look(0x600), ...channel(FROM_MEMORY | DOWN, 512, DATA + 0x400), ...move(0x45, [0, 6, 0, 2, 2, 2])],
      ...[...channel(TO_MEMORY, 1024), ...move(0x46, [0, 6, 0, 1, 2, 2]), look(1024)],
      ...[1, 2, 3, 4].map((value) => `memset ${hex(DATA + 0x180 + value * 0x80)} 0x80 ${hex(value)}`),
      ...[...channel(FROM_MEMORY | DOWN, 512, DATA + 0x400), ...move(0x45, [0, 6, 0, 3, 2, 3])],
      ...[...channel(TO_MEMORY, 512), ...move(0x46, [0, 6, 0, 3, 2, 3]), look(512)],
      // Beyond the diskette there are zeros.
      ...[fill(0x55), ...channel(TO_MEMORY, 512), ...move(0x46, [0, 80, 0, 1, 2, 18]), look(8)],
      ...[...channel(FROM_MEMORY, 512), ...move(0x45, [0, 80, 0, 1, 2, 18]), ...channelNow],
      ...[...channel(TO_MEMORY, 512), ...move(0x46, [0, 0, 0, 0, 2, 18]), ...channelNow, look(8)],
    ],
  },
  {
    name: 'places that there are not',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...channel(TO_MEMORY, 512),
      ...(
        [
          [0, 0, 0, 10, 2, 5],
          [0, 0, 0, 40, 2, 40],
          [0, 90, 0, 1, 2, 18],
          [0, 3, 2, 17, 2, 18],
          [0, 3, 255, 17, 2, 18],
          [1, 0, 0, 1, 2, 18],
          [1, 0, 0, 0, 2, 18],
          [2, 0, 0, 1, 2, 18],
        ] satisfies readonly Place[]
      ).flatMap((place) => [...channel(TO_MEMORY, 512), ...move(0x46, place), ...channelNow, ...ports]),
      ...[...out(CCR, 2), ...move(0x46, [0, 7, 0, 1, 2, 18]), ...out(CCR, 0)],
      // Without implied seeks the heads must be there.
      ...[...give(0x13, 0, 0x10, 0), ...move(0x46, [0, 9, 0, 1, 2, 18]), ...dump],
    ],
  },
  {
    name: 'sizes of sectors',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...[0, 1, 3, 7, 8].flatMap((size) => [
        ...[
          fill(0),
          ...channel(TO_MEMORY, 0x1000),
          ...move(0x46, [0, 0, 0, 1, size, 2], 0x80),
          ...channelNow,
        ],
        look(0x600),
      ]),
      ...[...channel(TO_MEMORY, 512), ...move(0x46, [0, 0, 0, 1, 0, 2], 0), ...channelNow],
    ],
  },
  {
    name: 'scans and verifies',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...[0x51, 0x59, 0x5d, 0x16].flatMap((command) =>
        [0, 0xff].flatMap((value) => [
          ...[
            fill(value),
            ...channel(FROM_MEMORY, 1024),
            ...move(command, [0, 2, 0, 1, 2, 2]),
            ...channelNow,
          ],
        ]),
      ),
      // Memory has what the sector has.
      ...[...channel(TO_MEMORY, 1024), ...move(0x46, [0, 2, 0, 1, 2, 2])],
      ...[0x51, 0x59, 0x5d].flatMap((command) => [
        ...[...channel(FROM_MEMORY, 1024), ...move(command, [0, 2, 0, 1, 2, 2]), ...channelNow],
      ]),
      ...[
        ...move(0x49, [0, 2, 0, 1, 2, 2]),
        ...move(0x4c, [0, 2, 0, 1, 2, 2]),
        ...move(0x42, [0, 2, 0, 1, 2, 2]),
      ],
    ],
  },
  {
    name: 'a channel that is masked, asked for, disabled',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...[...channel(TO_MEMORY, 512), ...out(0x0a, 6), ...pioOnly(0x46, [0, 0, 0, 1, 2, 1]), ...channelNow],
      ...[...out(0x0a, 2), status, take(7), ...channelNow],
      ...[
        ...out(0x0a, 6),
        ...pioOnly(0x46, [0, 0, 0, 1, 2, 1]),
        ...out(DOR, 0),
        ...out(DOR, 0x1c),
        'inb 0x8',
        status,
      ],
      ...[...sense, ...sense, ...out(0x0e, 0), ...channelNow, status],
      ...[...out(9, 6), ...channelNow, ...out(9, 2), 'inb 0x8', status],
      ...[
        ...out(8, 4),
        ...channel(TO_MEMORY, 512),
        ...move(0x46, [0, 1, 0, 1, 2, 1]),
        ...channelNow,
        ...out(8, 0),
      ],
      ...[
        ...give(0x4a, 0),
        ...out(9, 6),
        status,
        ...channelNow,
        ...out(9, 2),
        take(7),
        status,
        wait,
        status,
        take(7),
      ],
    ],
  },
];

const REGISTERS: readonly DiskSession[] = [
  {
    name: 'registers and resets',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...ports,
      ...['inw 0x3f1', 'inw 0x3f5', 'inl 0x3f2', 'inw 0x3f2', 'inb 0x3f0'],
      ...[0x1d, 0x2d, 0x3c, 0x3f, 0x0e, 0x0c].flatMap((value) => [...out(DOR, value), ...ports]),
      ...[0xff, 4, 3].flatMap((value) => [...out(TDR, value), ...ports]),
      ...[
        ...out(DOR, 0),
        'inb 0x3f2',
        ...out(TDR, 4),
        ...give(0x10),
        ...out(CCR, 3),
        ...out(DOR, 0x0c),
        ...ports,
      ],
      ...[...sense, ...sense, ...sense, ...sense, ...ask(1, 8)],
      ...[...out(MSR, 0x80), ...sense, ...sense, ...sense, ...sense, ...ask(1, 8), ...ports],
      ...[...out(MSR, 0x43), ...sense, ...ports, ...sense, ...give(7, 0), ...sense],
      ...[...out(DOR, 0), status, 'inb 0x3f2', ...out(DOR, 0x0c), ...ask(1, 8)],
      ...[...give(0x46, 0), status, take(1), ...RESET, ...dump, take(1), status],
      ...[...give(0x10), ...give(0x10), status, take(2), status],
    ],
  },
  {
    name: 'commands that move no data',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...[
        ...ask(1, 0x10),
        ...ask(1, 0x18),
        ...dump,
        ...ask(1, 0x94),
        ...dump,
        ...ask(1, 0x14),
        ...ask(15, 0x2e),
      ],
      ...[...ask(1, 0xff), ...ask(1, 8), ...ask(1, 4, 0), ...ask(1, 4, 5), ...ask(1, 4, 1), 'inb 0x3f7'],
      ...[...ask(0, 7, 0), ...ports, ...sense, ...ask(0, 0x0f, 0, 10), ...ports, ...sense, ...ask(1, 8)],
      ...[
        ...ask(0, 3, 0xaf, 2),
        ...ask(0, 0x13, 0, 0x57, 5),
        ...ask(0, 0x12, 0x85),
        ...ask(0, 0x12, 3),
        ...dump,
      ],
      ...[
        [0xcf, 3],
        [0x8f, 20],
        [0xcf, 200],
        [0x8f, 7],
      ].flatMap(([code = 0, by = 0]) => [...[...ask(0, code, 0, by), ...sense]]),
      ...[
        ...ask(0, 0x0f, 0, 200),
        ...sense,
        ...ask(0, 0x0f, 1, 5),
        ...sense,
        ...ask(0, 0xcf, 1, 5),
        ...sense,
      ],
      ...[...ask(0, 7, 1), ...sense, ...ask(0, 7, 2), ...sense],
      ...[...ask(1, 0x17, 5, 0), ...ask(15, 0x2e), ...ask(0, 0x33, 1)],
      ...[...ask(4, 0x8e, 1, 2, 3, 4, 0xc0), ...ask(0, 0x8e, 1, 2, 3, 4, 0x80)],
      ...[...ask(0, 0x4e, 0, 0, 11, 22, 0, 0, 0x33, 0x44, 9, 0x8c, 0x40, 0x12, 6, 0, 0, 0, 0), ...dump],
      ...[...ask(15, 0x2e), ...ask(1, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)],
      ...[...ask(0, 0x8e, 1, 2, 3, 4, 5), take(1), ...RESET, ...dump],
    ],
  },
  {
    name: 'every command byte',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...Array.from({ length: 256 }, (_, code) => [
        ...[...out(FIFO, code), status, ...out(FIFO, 0), status, take(1), status],
        ...[...out(DOR, 0), ...out(DOR, 0x1c)],
      ]).flat(),
    ],
  },
  {
    name: 'the next sector passes, and a track is formatted',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...READY,
      ...[...give(0x4a, 0), status, wait, status, take(7), status, ...give(0x4a, 4), wait, take(7), status],
      ...[...out(CCR, 2), ...give(0x4a, 0), wait, take(7), ...out(CCR, 0), ...give(0x0f, 0, 12), ...sense],
      ...[...give(0x4a, 0), wait, take(7), ...ask(1, 8), ...give(0x4a, 1), wait, take(7)],
      ...[...give(0x4a, 0), ...out(DOR, 0), ...out(DOR, 0x1c), wait, status, ...sense],
      ...[...ask(7, 0x4d, 0, 2, 18, 0x54, 0xf6), ...dump, ...ask(7, 0x0d, 0, 2, 9, 0x54, 0xf6), ...dump],
      ...[...give(7, 0), ...sense, ...channel(TO_MEMORY, 512), ...move(0x46, [0, 0, 0, 1, 2, 1]), look(8)],
    ],
  },
];

const FIFO_SESSIONS: readonly DiskSession[] = [
  {
    name: 'reads byte by byte',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...[...READY, ...BY_FIFO, ...dump],
      ...[
        ...pioOnly(0xe6, [0, 0, 0, 1, 2, 1]),
        ...ports,
        take(512),
        status,
        take(512),
        status,
        take(7),
        status,
      ],
      ...[
        ...ask(1, 8),
        ...pioOnly(0x66, [0, 0, 0, 18, 2, 20]),
        take(512),
        status,
        take(1),
        status,
        take(4),
        ...RESET,
      ],
      ...[...BY_FIFO, ...pioOnly(0x66, [0, 0, 0, 1, 0, 1], 0), take(515), status, ...RESET],
      ...[...BY_FIFO, ...pioOnly(0x66, [0, 0, 0, 1, 0, 1], 0x85), take(0x85), status, take(7), status],
      ...[...pioOnly(0x66, [0, 0, 0, 17, 2, 18]), take(1024), status, take(7), status],
      ...[...pioOnly(0x51, [0, 5, 0, 1, 2, 1]), take(512), status, take(7), status],
      ...[...pioOnly(0x56, [0, 5, 0, 1, 2, 1]), take(512), status, take(7), status],
      ...[...pioOnly(0x46, [0, 90, 0, 1, 2, 1]), take(7), status],
    ],
  },
  {
    name: 'writes byte by byte',
    arguments: DISKETTE,
    images: [SECTORS_144],
    lines: [
      ...[...READY, ...BY_FIFO, ...pioOnly(0x45, [0, 5, 0, 1, 2, 2]), take(1)],
      ...[`outb 0x3f5 0x5a *512`, status, `outb 0x3f5 0xa5 *512`, status, take(1), ...RESET],
      ...[...BY_FIFO, ...pioOnly(0xc5, [0, 6, 0, 1, 2, 1]), `outb 0x3f5 0x3c *1024`, status, take(7), status],
      ...[...pioOnly(0x45, [0, 7, 0, 3, 0, 18], 0x10), `outb 0x3f5 0xee *16`, status, take(7), status],
      ...[
        ...pioOnly(0x45, [0, 5, 0, 17, 2, 20]),
        `outb 0x3f5 0x11 *1024`,
        status,
        `outb 0x3f5 0x22 *512`,
        status,
      ],
      ...[`outb 0x3f5 0x33 *512`, status, take(1), ...RESET],
      ...[...out(CCR, 0), ...channel(TO_MEMORY, 1024), ...move(0x46, [0, 5, 0, 1, 2, 18]), look(1024)],
      ...[...channel(TO_MEMORY, 1024), ...move(0xc6, [0, 6, 0, 1, 2, 1]), look(1024)],
      ...[...channel(TO_MEMORY, 512), ...move(0x46, [0, 7, 0, 3, 2, 3]), look(0x40)],
    ],
  },
  {
    name: 'a diskette that is write-protected',
    arguments: ['-drive', 'if=floppy,format=raw,file=@0,readonly=on'],
    images: [SECTORS_144],
    lines: [
      ...[
        ...READY,
        ...ask(1, 4, 0),
        ...channel(FROM_MEMORY, 512),
        ...move(0x45, [0, 5, 0, 1, 2, 1]),
        ...channelNow,
      ],
      ...[...channel(FROM_MEMORY, 100), ...move(0x45, [0, 5, 0, 1, 2, 1]), ...channelNow],
      ...[...BY_FIFO, ...pioOnly(0xc5, [0, 6, 0, 1, 2, 1]), `outb 0x3f5 0x3c *512`, status],
      ...[`outb 0x3f5 0x3c *512`, status, ...RESET],
    ],
  },
];

const MEDIA: readonly DiskSession[] = [
  {
    name: 'no diskette, and then one',
    arguments: ['-drive', 'if=floppy,id=a', '-drive', 'if=floppy,index=1,id=b'],
    images: [SECTORS_144, 5760],
    lines: [
      ...[...cmos, 'hmp info block', ...dump, ...ask(1, 4, 0), ...ask(1, 4, 1), ...READY],
      ...[...channel(TO_MEMORY, 512), ...move(0x46, [0, 0, 0, 1, 2, 1]), ...move(0x46, [0, 0, 0, 0, 2, 1])],
      ...[...give(0x4a, 0), wait, take(7), ...give(0x0f, 0, 3), ...sense],
      ...['hmp change a @0 raw', 'hmp info block', ...ports, ...give(0x0f, 0, 3), ...sense, ...ports],
      ...[...channel(TO_MEMORY, 512), ...move(0x46, [0, 0, 0, 2, 2, 2]), look(8), ...dump, ...cmos],
      ...[
        'hmp eject a',
        'hmp info block',
        ...ports,
        ...move(0x46, [0, 0, 0, 2, 2, 2]),
        ...ask(1, 4, 0),
        ...dump,
      ],
      ...[...give(7, 0), ...sense, ...ports, ...give(0x0f, 0, 1), ...sense, ...ports],
      ...[
        'hmp change a @0 raw read-only',
        ...ask(1, 4, 0),
        ...ports,
        ...give(0x0f, 0, 0),
        ...sense,
        ...ports,
      ],
      ...[
        'hmp change b @1 raw',
        ...out(DOR, 0x2d),
        ...ports,
        ...give(0x0f, 1, 5),
        ...sense,
        ...ports,
        ...out(CCR, 3),
      ],
      ...[
        ...channel(TO_MEMORY, 512),
        ...move(0x46, [1, 7, 0, 36, 2, 36]),
        look(8),
        ...dump,
        'hmp info blockstats',
      ],
      ...['hmp eject b', ...ports, ...dump, ...give(0x4a, 1), wait, take(7), 'hmp eject b', ...ports],
      ...[...out(CCR, 0), ...give(0x4a, 5), wait, take(7), ...give(0x0f, 1, 200), ...sense],
    ],
  },
  {
    name: 'drives of the command line',
    arguments: ['-fda', '@0', '-fdb', '@1'],
    images: [SECTORS_144, 1440],
    lines: ['hmp info block', ...cmos, ...dump, ...ask(1, 4, 0), ...ask(1, 4, 1)],
  },
];

export const FLOPPY_SESSIONS: readonly DiskSession[] = [
  ...DMA,
  ...REGISTERS,
  ...FIFO_SESSIONS,
  ...MEDIA,
  ...GEOMETRIES,
  ...AUTOMATIC,
];
