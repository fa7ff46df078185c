/** Sessions of the Am53C974 and of the card that has it: registers, its DMA engine, commands of disks as drivers run them. */
import {
  config,
  type DrivenSession,
  hmp,
  into,
  out,
  peek,
  poke,
  qmp,
  read,
  setConfig,
  write,
} from './steps.ts';

const SLOT = 4;
const PORTS = 0xc000;
const CORE = (register: number): number => PORTS + 4 * register;
const DMA = (register: number): number => PORTS + 0x40 + 4 * register;
const SBAC = PORTS + 0x70;
const DATA = 0x3_0000;
const COMMAND = 0x2_0000;

const [TCLO, TCMID, FIFO, CMD, STAT, INTR, SEQ, FLAGS, CFG1] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const TCHI = 14;
const [DMA_CMD, DMA_STC, DMA_SPA, DMA_WBC, DMA_WAC, DMA_STAT] = [0, 1, 2, 3, 4, 5];

const begin = (driver: string, ...disks: readonly string[]): readonly string[] => [
  qmp('qmp_capabilities'),
  qmp('device_add', { driver, id: 's', addr: String(SLOT) }),
  ...disks.flatMap((disk, n) => [
    hmp(`drive_add 0 if=none,id=d${n},${disk}`),
    hmp(`device_add scsi-hd,drive=d${n},id=h${n},bus=s.0,scsi-id=${n},serial=s${n},ver=7`),
  ]),
  ...setConfig(SLOT, 0x10, PORTS),
  ...setConfig(SLOT, 4, 7),
];
const NULL = 'format=raw,file=null-co://,file.read-zeroes=on,file.size=1048576';

const set = (register: number, value: number): string => out(CORE(register), 1, value);
const get = (register: number): string => into(CORE(register), 1);
/** What an interrupt handler reads. */
const state: readonly string[] = [get(STAT), get(SEQ), get(FLAGS), get(INTR), get(STAT)];
const dmaState: readonly string[] = [DMA_CMD, DMA_STC, DMA_SPA, DMA_WBC, DMA_WAC, DMA_STAT, 6, 7].map((n) =>
  into(DMA(n), 4),
);
const count = (bytes: number): readonly string[] => [
  set(TCLO, bytes & 0xff),
  set(TCMID, (bytes >> 8) & 0xff),
  set(TCHI, bytes >> 16),
];
const engine = (gpa: number, bytes: number, toMemory: boolean): readonly string[] => [
  out(DMA(DMA_CMD), 4, toMemory ? 0x80 : 0),
  out(DMA(DMA_STC), 4, bytes),
  out(DMA(DMA_SPA), 4, gpa),
  out(DMA(DMA_CMD), 4, toMemory ? 0x83 : 3),
];
/** Moves data by DMA. */
const transfer = (gpa: number, bytes: number, toMemory: boolean, command = 0x90): readonly string[] => [
  ...count(bytes),
  ...engine(gpa, bytes, toMemory),
  set(CMD, command),
];
/** Selects with a command by DMA, as Linux does. */
const begun = (
  cdb: readonly number[],
  target = 0,
  message: readonly number[] = [0x80],
  select = 0xc2,
): readonly string[] => [
  write(COMMAND, [...message, ...cdb]),
  set(STAT, target),
  ...count(message.length + cdb.length),
  ...engine(COMMAND, message.length + cdb.length, false),
  set(CMD, select),
];
const command = (...given: Parameters<typeof begun>): readonly string[] => [...begun(...given), ...state];
/** Takes status and message, and accepts the message. */
const finish: readonly string[] = [set(CMD, 0x11), ...state, get(FIFO), get(FIFO), set(CMD, 0x12), ...state];

const TUR = [0, 0, 0, 0, 0, 0];
const SENSE = [3, 0, 0, 0, 18, 0];
const INQUIRY = [0x12, 0, 0, 0, 36, 0];
const READ = [0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 3, 0, 0, 2, 0];
const pattern = Array.from({ length: 64 }, (_, n) => (7 * n + 3) & 0xff);
/** The unit attention of power on goes. */
const ready: readonly string[] = [...command(TUR), ...finish, ...command(TUR), ...finish];

const sectors = Array.from({ length: 300 }, (_, n) => (n * 37) & 0xff);

export const AM53C974_SESSIONS: readonly DrivenSession[] = [
  {
    name: 'am53c974_registers',
    steps: [
      ...begin('am53c974'),
      ...[0, 4, 8, 0x10, 0x2c, 0x3c].flatMap((offset) => config(SLOT, offset)),
      ...Array.from({ length: 32 }, (_, n) => into(PORTS + 4 * n, 4)),
      ...Array.from({ length: 16 }, (_, n) => (n === CMD ? [] : [set(n, 0xa5 ^ n), get(n)])).flat(),
      set(CFG1, 0x12),
      ...Array.from({ length: 8 }, (_, n) =>
        n === DMA_CMD ? [] : [out(DMA(n), 4, 0x12345678 + n), into(DMA(n), 4)],
      ).flat(),
      out(SBAC, 4, 0xfeed_beef),
      into(SBAC, 4),
      ...[1, 2].flatMap((size) =>
        [0, 1, 2, 3]
          .filter((at) => at % size === 0)
          .flatMap((at) => [
            out(DMA(DMA_SPA) + at, size as 1 | 2, 0xab_cdef >> (4 * at)),
            into(DMA(DMA_SPA), 4),
            into(DMA(DMA_SPA) + at, size as 1 | 2),
            out(SBAC + at, size as 1 | 2, 0x34),
            into(SBAC, 4),
            out(CORE(CFG1) + at, size as 1 | 2, 0x56),
            into(CORE(CFG1), 4),
          ]),
      ),
      ...[0, 1, 2, 0x18, 0x1a, 0x1b, 0x44, 0x45, 0x46, 0x12, 3, 0x11, 0x10, 0x90, 0x91, 0x7f].flatMap(
        (value) => [set(CMD, value), ...state],
      ),
      ...Array.from({ length: 18 }, (_, n) => [set(FIFO, n + 1), get(FLAGS)]).flat(),
      get(FIFO),
      set(CMD, 1),
      get(FLAGS),
      ...[0, 1, 2, 3, 0x83].flatMap((value) => [out(DMA(DMA_CMD), 4, value), ...dmaState]),
      qmp('system_reset'),
      qmp('query-name'),
      ...setConfig(SLOT, 0x10, PORTS),
      ...setConfig(SLOT, 4, 7),
      ...Array.from({ length: 29 }, (_, n) => into(PORTS + 4 * n, 4)),
    ],
  },
  {
    name: 'am53c974_commands',
    steps: [
      ...begin('am53c974', NULL),
      ...command(TUR),
      ...finish,
      ...command(SENSE),
      ...transfer(DATA, 18, true),
      ...state,
      ...dmaState,
      read(DATA, 18),
      ...finish,
      ...command(INQUIRY),
      ...transfer(DATA, 36, true),
      ...state,
      read(DATA, 36),
      ...finish,
      // In two parts, and more than there is.
      ...command(INQUIRY),
      ...transfer(DATA, 10, true),
      ...state,
      ...transfer(DATA + 16, 100, true),
      ...state,
      ...dmaState,
      read(DATA, 48),
      ...finish,
      // Less than there is.
      ...command(INQUIRY),
      ...transfer(DATA, 8, true),
      ...state,
      ...command(TUR),
      ...finish,
      // The wrong way.
      ...command(INQUIRY),
      ...transfer(DATA, 36, false),
      ...state,
      ...dmaState,
      ...finish,
      // Nobody there, another unit, an unknown command, a short one.
      ...command(TUR, 3),
      ...command(TUR, 0, [0x85]),
      ...finish,
      ...command([0xff, 0, 0, 0, 0, 0]),
      ...finish,
      ...command([0x28, 0, 0]),
      ...finish,
      ...command([]),
      ...finish,
      // Without a message.
      ...command(TUR, 0, [], 0xc1),
      ...finish,
      // DMA that is enabled after the command was given.
      out(DMA(DMA_CMD), 4, 0),
      write(COMMAND, [0x80, ...TUR]),
      ...count(7),
      set(CMD, 0xc2),
      ...state,
      ...engine(COMMAND, 7, false),
      ...state,
      ...finish,
      // Selected with a message of its own, as with tags.
      write(COMMAND, [0x80]),
      ...count(1),
      ...engine(COMMAND, 1, false),
      set(CMD, 0xc3),
      ...state,
      write(COMMAND, [0x20, 5]),
      ...transfer(COMMAND, 2, false),
      ...state,
      write(COMMAND, TUR),
      ...transfer(COMMAND, 6, false),
      ...state,
      ...finish,
    ],
  },
  {
    name: 'am53c974_fifo',
    steps: [
      ...begin('am53c974', NULL),
      ...[0x80, ...TUR].map((byte) => set(FIFO, byte)),
      set(STAT, 0),
      set(CMD, 0x42),
      ...state,
      ...finish,
      ...[0x80, ...INQUIRY].map((byte) => set(FIFO, byte)),
      set(CMD, 0x42),
      ...state,
      ...Array.from({ length: 4 }, () => [set(CMD, 0x10), get(FLAGS), get(FIFO), ...state]).flat(),
      ...[0x80].map((byte) => set(FIFO, byte)),
      set(CMD, 0x43),
      ...state,
      ...TUR.flatMap((byte) => [set(FIFO, byte)]),
      ...state,
      set(CMD, 0x10),
      ...state,
      set(CMD, 0x10),
      ...state,
      ...finish,
      set(CMD, 0x42),
      ...state,
      ...[0x80, ...TUR].map((byte) => set(FIFO, byte)),
      ...state,
      set(CMD, 0x10),
      ...state,
      ...finish,
      set(CMD, 0x41),
      ...TUR.map((byte) => set(FIFO, byte)),
      set(CMD, 0x10),
      ...state,
      ...finish,
      // A write whose data comes through the FIFO.
      ...command(WRITE),
      ...pattern.slice(0, 16).map((byte) => set(FIFO, byte)),
      set(CMD, 0x10),
      ...state,
      ...pattern.slice(0, 4).map((byte) => set(FIFO, byte)),
      set(CMD, 0x10),
      ...state,
      out(DMA(DMA_CMD), 4, 2),
      ...state,
      set(CMD, 2),
      ...state,
      ...command(TUR),
      ...finish,
    ],
  },
  {
    name: 'am53c974_data',
    steps: [
      ...begin('am53c974', 'format=raw,file=null-co://,file.size=67108864'),
      ...ready,
      write(DATA, sectors),
      ...command(WRITE),
      ...transfer(DATA, 300, false),
      ...state,
      ...dmaState,
      ...transfer(DATA, 724, false),
      ...state,
      ...dmaState,
      ...finish,
      ...command(READ),
      ...transfer(DATA, 512, true),
      ...state,
      ...transfer(DATA + 512, 512, true),
      ...state,
      ...dmaState,
      ...finish,
      // More than a piece: 400 KiB.
      ...command([0x28, 0, 0, 0, 0, 0, 0, 3, 0x20, 0]),
      ...transfer(DATA, 400 << 10, true),
      ...state,
      ...dmaState,
      ...finish,
      ...command([0x2a, 0, 0, 0, 0, 0, 0, 3, 0x20, 0]),
      ...transfer(DATA, 400 << 10, false),
      ...state,
      ...dmaState,
      ...finish,
      ...command([0x28, 0, 0, 0, 0, 0, 0, 3, 0x20, 0]),
      ...transfer(DATA, 65_536, true),
      ...state,
      ...transfer(DATA, 65_536, true),
      ...state,
      ...transfer(DATA, 131_072, true),
      ...state,
      ...dmaState,
      ...transfer(DATA, 0, true),
      ...state,
      ...dmaState,
      // MODE SELECT: a list.
      ...command([0x15, 0x10, 0, 0, 24, 0]),
      write(DATA, [0, 0, 0, 0, 8, 18, ...new Array<number>(18).fill(0)]),
      ...transfer(DATA, 24, false),
      qmp('query-name'),
      ...state,
      ...finish,
      // SYNCHRONIZE CACHE.
      ...begun([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      qmp('query-name'),
      ...state,
      ...finish,
      qmp('query-blockstats'),
    ],
  },
  {
    name: 'am53c974_errors',
    steps: [
      ...begin(
        'am53c974',
        `driver=raw,werror=stop,rerror=stop,file.driver=blkdebug,file.image.driver=null-co,file.image.size=1048576,file.inject-error.0.event=write_aio,file.inject-error.0.errno=5,file.inject-error.0.once=on,file.inject-error.1.event=read_aio,file.inject-error.1.errno=28,file.inject-error.1.once=on,file.inject-error.1.sector=3,node-name=n`,
      ),
      ...ready,
      ...command(WRITE),
      ...transfer(DATA, 1024, false),
      qmp('query-status'),
      ...state,
      qmp('cont'),
      qmp('query-status'),
      ...state,
      ...finish,
      ...begun(READ),
      qmp('query-status'),
      hmp('info block'),
      qmp('cont'),
      qmp('query-status'),
      ...state,
      ...transfer(DATA, 1024, true),
      qmp('query-status'),
      ...state,
      ...finish,
      hmp('info block'),
    ],
  },
  {
    name: 'am53c974_gone',
    steps: [
      ...begin('am53c974', NULL, NULL),
      ...ready,
      ...command(READ),
      qmp('device_del', { id: 'h0' }),
      qmp('query-name'),
      ...state,
      ...transfer(DATA, 1024, true),
      ...state,
      ...command(TUR),
      ...command(TUR, 1),
      ...finish,
      set(CMD, 3),
      ...state,
      ...command(TUR, 1),
      ...finish,
      qmp('query-block'),
    ],
  },
  {
    name: 'dc390_eeprom',
    steps: [
      ...begin('dc390'),
      ...[0, 8].flatMap((offset) => config(SLOT, offset)),
      ...[0, 1, 16, 32, 33, 34, 35, 36, 62, 63].flatMap(eepromWord),
      ...eepromCommand(0, 0x30),
      ...eepromCommand(1, 5, 0x1234),
      ...eepromWord(5),
      ...eepromCommand(3, 5),
      ...eepromCommand(1, 5, 0x1234),
      ...eepromWord(5),
      ...eepromCommand(0, 0x00),
      ...eepromCommand(3, 5),
      ...eepromWord(5),
      poke(DATA, 1, 0),
      peek(DATA, 1),
    ],
  },
];

/** The lines of the EEPROM: clock and data. */
function lines(clock: boolean, data: boolean): string {
  return out(0xcfc, 1, (clock ? 0x80 : 0) | (data ? 0x40 : 0));
}

function clocked(data: boolean): readonly string[] {
  return [lines(false, data), lines(true, data)];
}

function eepromCommand(operation: number, address: number, data?: number): readonly string[] {
  const bits = `01${operation.toString(2).padStart(2, '0')}${address.toString(2).padStart(6, '0')}`;
  const more = data === undefined ? '' : data.toString(2).padStart(16, '0');
  const at = (offset: number): string => out(0xcf8, 4, 0x8000_0000 + (SLOT << 11) + offset);
  return [at(0x80), ...[...bits, ...more].flatMap((bit) => clocked(bit === '1')), at(0xc0), out(0xcfc, 1, 0)];
}

function eepromWord(address: number): readonly string[] {
  const bits = `0110${address.toString(2).padStart(6, '0')}`;
  const at = (offset: number): string => out(0xcf8, 4, 0x8000_0000 + (SLOT << 11) + offset);
  return [
    at(0x80),
    ...[...bits].flatMap((bit) => clocked(bit === '1')),
    at(0),
    into(0xcfc, 1),
    ...Array.from({ length: 16 }, () => [at(0x80), ...clocked(false), at(0), into(0xcfc, 1)]).flat(),
    at(0xc0),
    out(0xcfc, 1, 0),
  ];
}
