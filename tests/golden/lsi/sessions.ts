/** What a driver does to an LSI 53C895A in slot 2, its SCRIPTS among it, played to QEMU 7.2 by the recorder and to ours by the test. */
import type { Step } from '../virtio/sessions.ts';

export interface LsiSession {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly steps: readonly Step[];
}

const PORTS = 0xc000;
const MEMORY = 0xfe00_0000;
const RAM = 0xfe01_0000;
/** In the guest's RAM: a program, and what it works on. */
const PROGRAM = 0x1_0000;
const DATA = 0x2_0000;
const REGISTERS = 256;
/** Whose writes start something, or reset the chip. */
const ACTIVE = new Set([0x01, 0x14, 0x2f, 0x3b, 0x49]);

const config = (offset: number): Step => ['out', 0xcf8, 4, 0x8000_1000 + offset];
const configSpace = (): Step[] =>
  Array.from({ length: 16 }, (_, n): Step[] => [config(4 * n), ['in', 0xcfc, 4]]).flat();
const configWrite = (offset: number, value: number): Step[] => [config(offset), ['out', 0xcfc, 4, value]];
const bars = (): Step[] => [
  ...[0x10, 0x14, 0x18, 0x1c, 0x30].flatMap((bar): Step[] => [
    ...configWrite(bar, 0xffff_ffff),
    ['in', 0xcfc, 4],
    ...configWrite(bar, 0),
  ]),
  ...configWrite(0x10, PORTS),
  ...configWrite(0x14, MEMORY),
  ...configWrite(0x18, RAM),
  ...configWrite(0x04, 7),
];
const read = (offset: number, size: 1 | 2 | 4 = 1): Step => ['in', PORTS + offset, size];
const write = (offset: number, value: number, size: 1 | 2 | 4 = 1): Step => [
  'out',
  PORTS + offset,
  size,
  value,
];
/** All but those that a read changes. */
const dump = (): Step[] =>
  Array.from({ length: REGISTERS }, (_, offset) => offset)
    .filter((offset) => ![0x0c, 0x1a, 0x42, 0x43].includes(offset))
    .map((offset) => read(offset));
const fill = (value: number): Step[] =>
  Array.from({ length: REGISTERS }, (_, offset) => offset)
    .filter((offset) => !ACTIVE.has(offset))
    .map((offset) => write(offset, value));
const words = (at: number, ...values: readonly number[]): Step[] =>
  values.map((value, n): Step => ['write', at + 4 * n, 4, value >>> 0]);
/** Runs a program, and says how it ended. */
const run = (program: readonly number[]): Step[] => [
  ...words(PROGRAM, ...program),
  write(0x2c, PROGRAM, 4),
  ['pass'],
  ...[0x14, 0x15, 0x0c, 0x42, 0x43, 0x14].map((offset) => read(offset)),
  ...[0x24, 0x28, 0x2c, 0x30, 0x1c, 0x34, 0x5c, 0x10].map((offset) => read(offset, 4)),
  ...[0x08, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x01, 0x06, 0x50].map((offset) => read(offset)),
];

const INT = 0x9808_0000;
const JUMP = 0x8008_0000;
const move = (phase: number, count: number): number => 0x0800_0000 + phase * 0x100_0000 + count;
const intUnless = (phase: number): number => 0x9802_0000 + phase * 0x100_0000;
const SELECT_ATN = 0x4100_0000;
const OUT = 0;
const IN = 1;
const COMMAND = 2;
const STATUS = 3;
const MESSAGE_OUT = 6;
const MESSAGE_IN = 7;
const CLEAR_ATN = 0x6000_0008;
const WAIT_DISCONNECT = 0x4800_0000;
const WAIT_RESELECT = 0x5000_0000;

/** A whole command to a target: what is sent and got is in DATA. */
const command = (target: number, data: readonly number[]): number[] => [
  ...[SELECT_ATN + target * 0x1_0000, PROGRAM + 0x400],
  ...[intUnless(MESSAGE_OUT), 0x61],
  ...[move(MESSAGE_OUT, 1), DATA],
  ...[CLEAR_ATN, 0],
  ...[intUnless(COMMAND), 0x62],
  ...[move(COMMAND, 6), DATA + 0x10],
  ...data,
  ...[intUnless(STATUS), 0x63],
  ...[move(STATUS, 1), DATA + 0x20],
  ...[move(MESSAGE_IN, 1), DATA + 0x21],
  ...[WAIT_DISCONNECT, 0],
  ...[INT, 0x55],
];
const said = (at: number, bytes: readonly number[]): Step[] =>
  bytes.map((byte, n): Step => ['write', at + n, 1, byte]);
const answered = (): Step[] => [
  ['dump', DATA + 0x20, 2],
  ['dump', DATA + 0x100, 64],
];
const INQUIRY = [0x12, 0, 0, 0, 36, 0];
const SENSE = [0x03, 0, 0, 0, 18, 0];
const READY = [0, 0, 0, 0, 0, 0];
const MODE_SELECT = [0x15, 0x10, 0, 0, 24, 0];

/** Register operations: from SFBR, to SFBR, and on a register; with each operator. */
const operations = (): number[] =>
  [5, 6, 7].flatMap((opcode) =>
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((operator) => [
      // The result goes to, or comes from, SCRATCHA and the bytes behind it.
      ...[
        0x4000_0000 + opcode * 0x800_0000 + operator * 0x100_0000 + (0x60 + operator) * 0x1_0000 + 0xa5_00,
        0,
      ],
    ]),
  );

const ADAPTER = ['-device', 'lsi53c895a,id=l,addr=2'];
const DISK = [
  ...['-drive', 'if=none,id=d,driver=null-co,size=1M', '-device', 'scsi-hd,drive=d,scsi-id=0'],
  ...['-device', 'scsi-cd,scsi-id=3'],
];

export const LSI_SESSIONS: readonly LsiSession[] = [
  {
    name: 'configuration and registers',
    arguments: ADAPTER,
    steps: [
      ...configSpace(),
      ...bars(),
      ...configSpace(),
      ...dump(),
      ...fill(0xff),
      ...dump(),
      ...[0x0c, 0x1a, 0x42, 0x43].map((offset) => read(offset)),
      ...fill(0),
      ...dump(),
      ...fill(0x5a),
      write(0x14, 0x40),
      ...dump(),
      write(0x14, 0),
      // The general purpose timer, the bus, signals.
      write(0x40, 0xff),
      write(0x41, 0xff),
      write(0x49, 1),
      ...[0x14, 0x42, 0x43, 0x14].map((offset) => read(offset)),
      write(0x01, 8),
      ...[0x14, 0x0d, 0x42, 0x14].map((offset) => read(offset)),
      write(0x01, 0),
      read(0x0d),
      write(0x14, 0x20),
      ...[0x14, 0x1a, 0x14, 0x1a].map((offset) => read(offset)),
      write(0x14, 0x80),
      ...[0x14, 0x0c, 0x0c, 0x14].map((offset) => read(offset)),
      // Registers and RAM in memory.
      ['write', MEMORY + 0x34, 4, 0x1234_5678],
      ['read', MEMORY + 0x34, 4],
      ['read', MEMORY + 0x35, 2],
      read(0x34, 4),
      ['write', RAM + 0x100, 4, 0xcafe_babe],
      ['read', RAM + 0x100, 4],
      ['read', RAM + 0x102, 1],
      ['read', RAM + 0x1ffc, 4],
      ...configWrite(0x04, 0),
      ...configSpace(),
    ],
  },
  {
    name: 'programs without the bus',
    arguments: ADAPTER,
    steps: [
      ...bars(),
      write(0x39, 0xff),
      ...run([INT, 0x77]),
      // Memory moves, loads and stores, from the program's own RAM and relative to DSA.
      ...words(DATA, 0x1111_1111, 0x2222_2222, 0x3333_3333, 0x4444_4444),
      write(0x10, DATA, 4),
      ...run([
        ...[0xc000_0008, DATA, DATA + 0x40],
        ...[0xc000_0010, DATA, RAM + 0x200],
        ...[0xe134_0004, RAM + 0x204],
        ...[0xe034_0003, DATA + 0x60],
        ...[0xf15c_0004, 8],
        ...[0xf05c_0002, 0x64],
        ...[INT, 0x78],
      ]),
      ['dump', DATA, 0x70],
      ['read', RAM + 0x20c, 4],
      // Arithmetic, with and without carry.
      ...run([0x6000_0400, 0, 0x7808_5a00, 0, ...operations(), 0x5800_0400, 0, ...operations(), INT, 0x79]),
      ...[0x60, 0x64, 0x68, 0x6c].map((offset) => read(offset, 4)),
      // Jumps: relative, by data, by mask, by carry, by phase; call and return; an interrupt that does not stop.
      ...run([
        ...[0x7808_4200, 0],
        ...[0x808c_0042, 8],
        ...[INT, 1],
        ...[0x8084_0042, 8],
        ...[JUMP, PROGRAM + 0x30],
        ...[INT, 2],
        ...[0x800c_0f4f, PROGRAM + 0x40],
        ...[INT, 3],
        ...[0x80a8_0000, 8],
        ...[0x8888_0000, 8],
        ...[INT, 0x7a],
        ...[0x5800_0400, 0],
        ...[0x8028_0000, PROGRAM + 0x70],
        ...[INT, 5],
        ...[0x9008_0000, 0],
      ]),
      ...run([0x9818_0000, 0x12, INT, 0x7b]),
      write(0x14, 4),
      read(0x14),
      // One step at a time.
      write(0x3b, 0x10),
      ...run([0x7834_0100, 0, 0x7835_0200, 0, INT, 0x7c]),
      write(0x3b, 0x14),
      ...[0x14, 0x0c, 0x14].map((offset) => read(offset)),
      read(0x2c, 4),
      write(0x3b, 0),
      // Nothing is there, and then something.
      ...run([0, 0, 0, INT, 0x7d]),
      // An instruction that there is not.
      ...run([0xb808_0000, 0, INT, 0x7e]),
    ],
  },
  {
    name: 'programs on the bus',
    arguments: [...ADAPTER, ...DISK],
    steps: [
      ...bars(),
      ...[0x39, 0x40, 0x41].map((offset) => write(offset, 0xff)),
      ...said(DATA, [0xc0]),
      ...said(DATA + 0x10, INQUIRY),
      ...run(command(0, [intUnless(IN), 0x64, move(IN, 36), DATA + 0x100])),
      ...answered(),
      ...said(DATA + 0x10, READY),
      ...run(command(0, [])),
      ...answered(),
      ...said(DATA + 0x10, SENSE),
      ...run(command(0, [intUnless(IN), 0x64, move(IN, 18), DATA + 0x100])),
      ...answered(),
      ...said(DATA + 0x10, READY),
      ...run(command(3, [])),
      ...answered(),
      // Parameters for a disk, in two parts.
      ...said(DATA + 0x10, MODE_SELECT),
      ...said(DATA + 0x100, [0, 0, 0, 0, 8, 0x12, 4, ...new Array<number>(17).fill(0)]),
      ...run(command(0, [intUnless(OUT), 0x65, move(OUT, 10), DATA + 0x100, move(OUT, 14), DATA + 0x10a])),
      ...answered(),
      // Another way, table and all.
      ...said(DATA + 0x10, INQUIRY),
      write(0x10, DATA + 0x200, 4),
      ...words(DATA + 0x208, 20, DATA + 0x100, 16, DATA + 0x140),
      ...run(command(0, [0x1900_0000, 8, 0x1900_0000, 16])),
      ...answered(),
      ['dump', DATA + 0x140, 16],
      // The wrong phase, and less than is offered; with and without a place to go.
      ...run([SELECT_ATN, PROGRAM + 0x400, move(COMMAND, 6), DATA, INT, 0x56]),
      write(0x14, 0x40),
      write(0x14, 0),
      ...bars(),
      ...[0x39, 0x40, 0x41].map((offset) => write(offset, 0xff)),
      write(0xc0, PROGRAM + 0x300, 4),
      write(0xc4, PROGRAM + 0x310, 4),
      ...words(PROGRAM + 0x300, INT, 0x71, 0, 0, INT, 0x72),
      write(0x56, 0xc0),
      ...run(command(0, [move(IN, 64), DATA + 0x100])),
      ...answered(),
      write(0x14, 0x40),
      write(0x14, 0),
      ...[0x39, 0x40, 0x41].map((offset) => write(offset, 0xff)),
      // Nobody is there.
      ...run([SELECT_ATN + 0x5_0000, PROGRAM + 0x400, intUnless(MESSAGE_OUT), 0x61, INT, 0x57]),
      write(0x14, 0x40),
      write(0x14, 0),
      ...[0x39, 0x40, 0x41].map((offset) => write(offset, 0xff)),
      // A target that is waited for, until the driver says to look elsewhere.
      ...words(PROGRAM + 0x400, INT, 0x58),
      ...run([WAIT_RESELECT, PROGRAM + 0x400, INT, 0x59]),
      write(0x14, 0x20),
      ['pass'],
      ...[0x14, 0x0c, 0x14, 0x1a].map((offset) => read(offset)),
      ...[0x2c, 0x30].map((offset) => read(offset, 4)),
      // Messages: what is not known, an agreement, a tag, a reset.
      ...said(DATA, [0x13]),
      ...run([
        SELECT_ATN,
        PROGRAM + 0x400,
        move(MESSAGE_OUT, 1),
        DATA,
        move(MESSAGE_IN, 1),
        DATA + 0x21,
        INT,
        0x5a,
      ]),
      ['dump', DATA + 0x20, 2],
      write(0x14, 0x40),
      write(0x14, 0),
      ...[0x39, 0x40, 0x41].map((offset) => write(offset, 0xff)),
      ...said(DATA, [0xc0, 0x20, 0x07, 1, 3, 1, 25, 15]),
      ...run([SELECT_ATN, PROGRAM + 0x400, move(MESSAGE_OUT, 8), DATA, INT, 0x5b]),
      write(0x14, 0x40),
      write(0x14, 0),
      ...[0x39, 0x40, 0x41].map((offset) => write(offset, 0xff)),
      ...said(DATA, [0xc0, 0x0c]),
      ...run([SELECT_ATN, PROGRAM + 0x400, move(MESSAGE_OUT, 2), DATA, INT, 0x5c]),
      ...said(DATA, [0xc0]),
      ...said(DATA + 0x10, READY),
      ...run(command(0, [])),
      ...answered(),
    ],
  },
];
