/** What disks are asked, played to QEMU 7.2 by scripts/record-scsi.ts and to ours by the test. */
import type { ScsiCase, ScsiCommand } from './driver.ts';

const MIB = 1 << 20;
const HD = { drive: '', device: 'scsi-hd' } as const;

const ask = (name: string, cdb: string, room = 0): ScsiCommand =>
  room === 0 ? { name, cdb } : { name, cdb, in: room };
const give = (name: string, cdb: string, out: string): ScsiCommand => ({ name, cdb, out });
const at = (to: readonly [number, number], commands: readonly ScsiCommand[]): ScsiCommand[] =>
  commands.map((command) => ({ ...command, to }));
const hex = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, '0');

const TUR = ask('TEST UNIT READY', '000000000000');
/** Takes the power-on condition. */
const READY = [TUR, TUR];
const SENSE = ask('REQUEST SENSE', '030000001200', 18);

const inquiry = (page: string, room: number, evpd = true): ScsiCommand =>
  ask(`INQUIRY page ${page} of ${room}`, `12${evpd ? '01' : '00'}${page}${hex(room, 2)}00`, room);
const INQUIRIES = [
  ask('INQUIRY', '120000002400', 36),
  ask('INQUIRY, all of it', '120000006000', 96),
  ask('INQUIRY, 5 bytes', '120000000500', 5),
  ask('INQUIRY, none', '120000000000'),
  inquiry('01', 96, false),
  ...['00', '80', '83', '84', 'b0', 'b1', 'b2', 'b3', 'c0'].map((page) => inquiry(page, 255)),
  inquiry('83', 4),
  ask('INQUIRY with CMDDT', '120200002400', 36),
];

const modeSense = (page: number, dbd = false): ScsiCommand[] => [
  ask(`MODE SENSE 6 ${hex(page, 1)} ${dbd}`, `1a${dbd ? '08' : '00'}${hex(page, 1)}00ff00`, 255),
  ask(`MODE SENSE 10 ${hex(page, 1)} ${dbd}`, `5a${dbd ? '08' : '00'}${hex(page, 1)}00000000010000`, 256),
];
const MODE_SENSES = [
  ...[0, 1, 2, 3, 4, 5, 8, 0xa, 0xe, 0x1a, 0x1c, 0x2a, 0x30, 0x3e, 0x3f].flatMap((page) => modeSense(page)),
  ...[0x08, 0x3f].flatMap((page) => modeSense(page, true)),
  ...[0x48, 0x7f, 0x81, 0x88, 0xbf, 0xc8, 0xff].flatMap((page) => modeSense(page)),
  ask('MODE SENSE 6, short', '1a0008000400', 4),
  ask('MODE SENSE 10 with LLBAA', '5a103f00000000010000', 256),
  ask('MODE SENSE 6, subpage', '1a0008ffff00', 255),
];
const MODE_SELECTS = [
  give('MODE SELECT 6, cache off', '151000001800', `00000000${'0812'}${'00'.repeat(18)}`),
  ...modeSense(8),
  give('MODE SELECT 6, cache on', '151000001800', `00000000${'081204'}${'00'.repeat(17)}`),
  ...modeSense(8),
  give('MODE SELECT 10, cache off', '55100000000000001c00', `${'00'.repeat(8)}0812${'00'.repeat(18)}`),
  ...modeSense(8),
  give('MODE SELECT 10, cache on', '55100000000000001c00', `${'00'.repeat(8)}081204${'00'.repeat(17)}`),
  give('MODE SELECT, unchangeable bits', '151000001800', `00000000${'0812ff'}${'ff'.repeat(17)}`),
  give('MODE SELECT, a page that is not there', '151000001000', `000000003f0a${'00'.repeat(10)}`),
  give('MODE SELECT, page 3f', '151000000600', '000000003f00'),
  give('MODE SELECT, with SP', '151100001800', `00000000${'081204'}${'00'.repeat(17)}`),
  give('MODE SELECT, without PF', '150000001800', `00000000${'081204'}${'00'.repeat(17)}`),
  give('MODE SELECT, too short a page', '151000000a00', '00000000081204000000'),
  give('MODE SELECT, wrong length of page', '151000000a00', '00000000080404000000'),
  give('MODE SELECT, header only', '151000000400', '00000000'),
  give('MODE SELECT, less than a header', '151000000200', '0000'),
  give('MODE SELECT, a block descriptor', '151000000c00', '000000080000080000000200'),
  give('MODE SELECT, a bad length of descriptor', '151000000c00', '000000050000080000000200'),
  give(
    'MODE SELECT 10 with long descriptor',
    '55100000000000001800',
    '0000000001000010000000000000080000000000000002000000',
  ),
  ask('MODE SELECT, nothing', '151000000000'),
  ...modeSense(8),
];

const CAPACITIES = [
  ask('READ CAPACITY 10', '25000000000000000000', 8),
  ask('READ CAPACITY 10 with PMI', '25000000000000000100', 8),
  ask('READ CAPACITY 10 with an address', '25000000010000000000', 8),
  ask('READ CAPACITY 10 with address and PMI', '25000000010000000100', 8),
  ask('READ CAPACITY 16', '9e100000000000000000000000200000', 32),
  ask('READ CAPACITY 16, short', '9e1000000000000000000000000c0000', 12),
  ask('READ CAPACITY 16 with PMI', '9e100000000000000000000000200100', 32),
  ask('GET LBA STATUS', '9e120000000000000000000000200000', 32),
  ask('SERVICE ACTION IN 0', '9e000000000000000000000000200000', 32),
];

const rw = (op: string, lba: number, blocks: number, flags = '00'): string => {
  const cdbs: Readonly<Record<string, string>> = {
    '08': `08${hex(lba, 3)}${hex(blocks & 0xff, 1)}00`,
    '28': `28${flags}${hex(lba, 4)}00${hex(blocks, 2)}00`,
    a8: `a8${flags}${hex(lba, 4)}${hex(blocks, 4)}0000`,
    '88': `88${flags}${hex(lba, 8)}${hex(blocks, 4)}0000`,
  };
  return cdbs[op] ?? '';
};
const writeCdb = (op: string, lba: number, blocks: number, flags = '00'): string => {
  const read: Readonly<Record<string, string>> = { '0a': '08', '2a': '28', aa: 'a8', '8a': '88' };
  return op + rw(read[op] ?? '', lba, blocks, flags).slice(2);
};

const reads = (block: number, last: number): ScsiCommand[] => [
  ...['08', '28', 'a8', '88'].flatMap((op) => [
    ask(`READ ${op} of two`, rw(op, 3, 2), 2 * block),
    ask(`READ ${op} of the last`, rw(op, last, 1), block),
    ask(`READ ${op} beyond the end`, rw(op, last, 2), 2 * block),
    ask(`READ ${op} after the end`, rw(op, last + 1, 1), block),
  ]),
  ...['28', 'a8', '88'].map((op) => ask(`READ ${op} of none`, rw(op, 0, 0))),
  ...['28', 'a8', '88'].map((op) => ask(`READ ${op} of none after the end`, rw(op, last + 1, 0))),
  ask('READ 10 with RDPROTECT', rw('28', 0, 1, '20'), block),
  ask('READ 10 with FUA and DPO', rw('28', 0, 1, '18'), block),
  ask('READ 16 far away', '88004000000000000000000000010000', block),
  ask('READ 16 at the end of 64 bits', '8800ffffffffffffffff000000010000', block),
  ask('READ 12 of 2^31 bytes', 'a800000000000040000000', block),
  ask('READ 12 of 2^40 bytes', 'a80000000000ffffffff0000', block),
  ask('READ 10, too little room', rw('28', 0, 2), block),
  ask('READ 10, too much room', rw('28', 1, 1), 2 * block),
  ask('READ 10 without room', rw('28', 0, 1)),
  give('READ 10, the other way', rw('28', 0, 1), '00'.repeat(16)),
];
const writes = (block: number, last: number): ScsiCommand[] => [
  ...['0a', '2a', 'aa', '8a'].flatMap((op, n) => [
    give(`WRITE ${op}`, writeCdb(op, 0x20 + n, 1), hex(0xa0 + n, 1).repeat(block)),
    ask(`READ it again`, rw('28', 0x20 + n, 1), block),
    give(`WRITE ${op} beyond the end`, writeCdb(op, last, 2), 'ee'.repeat(2 * block)),
  ]),
  give('WRITE 10 of none', writeCdb('2a', 0, 0), ''),
  give('WRITE 10 with WRPROTECT', writeCdb('2a', 0, 1, '20'), 'aa'.repeat(block)),
  give('WRITE 10 with FUA', writeCdb('2a', 0x24, 1, '08'), 'ab'.repeat(block)),
  give('WRITE AND VERIFY 10', `2e00${hex(0x25, 4)}00000100`, 'ac'.repeat(block)),
  give('WRITE AND VERIFY 16', `8e00${hex(0x26, 8)}000000010000`, 'ad'.repeat(block)),
  ask('READ them', rw('28', 0x24, 3), 3 * block),
  give('WRITE 10, too few bytes', writeCdb('2a', 0, 2), 'aa'.repeat(block)),
  give('WRITE 10, too many bytes', writeCdb('2a', 0x60, 1), 'af'.repeat(2 * block)),
  ask('WRITE 10, the other way', writeCdb('2a', 0, 1), block),
  ask('READ what was beside', rw('28', 0x60, 2), 2 * block),
];
const verifies = (block: number): ScsiCommand[] => [
  ask('VERIFY 10', '2f000000000000000100'),
  ask('VERIFY 10 beyond the end', '2f00000fffff00000100'),
  ask('VERIFY 10 of none', '2f000000000000000000'),
  give('VERIFY 10, same bytes', '2f020000002000000100', 'a0'.repeat(block)),
  give('VERIFY 10, other bytes', '2f020000002000000100', 'a1'.repeat(block)),
  give('VERIFY 12, other bytes', 'af0200000020000000010000', 'a1'.repeat(block)),
  give('VERIFY 16, other bytes', '8f020000000000000020000000010000', 'a1'.repeat(block)),
  give('VERIFY 10, BYTCHK 3', '2f060000002000000200', 'a0'.repeat(block)),
  ask('VERIFY 10, BYTCHK 2', '2f040000002000000100'),
];
const ranges = (block: number): ScsiCommand[] => {
  const unmap = (...parts: readonly (readonly [number, number])[]): string =>
    `${hex(6 + 16 * parts.length, 2)}${hex(16 * parts.length, 2)}00000000` +
    parts.map(([lba, blocks]) => `${hex(lba, 8)}${hex(blocks, 4)}00000000`).join('');
  const cdb = (length: number): string => `420000000000 00${hex(length, 2)}00`;
  return [
    give('UNMAP', cdb(24), unmap([0x28, 2])),
    give('UNMAP of two ranges', cdb(40), unmap([0x2a, 1], [0x2c, 1])),
    give('UNMAP beyond the end', cdb(24), unmap([0xfffff, 1])),
    give('UNMAP of a good and a bad range', cdb(40), unmap([0x2d, 1], [0xfffff, 1])),
    give('UNMAP, nothing', cdb(8), unmap()),
    ask('UNMAP, no list', cdb(0)),
    give('UNMAP, half a header', cdb(4), '00060000'),
    give('UNMAP with ANCHOR', `42010000000000001800`, unmap([0x2e, 1])),
    give('UNMAP, bad lengths', cdb(24), unmap([0x2e, 1]).replace(/^....../, '000200')),
    ask('READ what is left', rw('28', 0x27, 8), 8 * block),
    give('WRITE SAME 10, zeros', '41000000003000000200', '00'.repeat(block)),
    give('WRITE SAME 10, a pattern', '41000000003200000200', 'c5'.repeat(block)),
    give('WRITE SAME 10, zeros, with UNMAP', '41080000003400000200', '00'.repeat(block)),
    give('WRITE SAME 10, a pattern, with UNMAP', '41080000003500000200', 'c6'.repeat(block)),
    give('WRITE SAME 10 of none', '41000000003600000000', 'c7'.repeat(block)),
    give('WRITE SAME 10 beyond the end', '410000000fffff000100', 'c7'.repeat(block)),
    give('WRITE SAME 10 with LBDATA', '41020000003800000100', 'c8'.repeat(block)),
    give('WRITE SAME 10 with ANCHOR', '41100000003800000100', 'c8'.repeat(block)),
    give('WRITE SAME 16, a pattern', '93000000000000000039000000020000', 'c9'.repeat(block)),
    give('WRITE SAME 16, zeros', '9300000000000000003b000000010000', '00'.repeat(block)),
    give('WRITE SAME 16, too few bytes', '9300000000000000003e000000010000', '00'.repeat(256)),
    ask('READ what became of it', rw('28', 0x30, 16), 16 * block),
  ];
};
const NO_DATA_OUT = [
  ask('WRITE SAME 16 with NDOB', '93010000000000000050000000010000'),
  ask('WRITE SAME 16 with NDOB and UNMAP', '93090000000000000051000000010000'),
  ask('READ what NDOB wrote', rw('28', 0x50, 3), 3 * 512),
];
const OTHERS = [
  ask('SYNCHRONIZE CACHE 10', '35000000000000000000'),
  ask('SYNCHRONIZE CACHE 16', '91000000000000000000000000000000'),
  ask('SEEK 10', '2b000000000000000000'),
  ask('SEEK 10 beyond the end', '2b00000fffff00000000'),
  ask('SEEK 6', '0b0000000000'),
  ask('REZERO UNIT', '010000000000'),
  ask('START', '1b0000000100'),
  ask('STOP', '1b0000000000'),
  ask('START, power condition', '1b0000001100'),
  ask('START, eject', '1b0000000200'),
  TUR,
  ask('START, load', '1b0000000300'),
  TUR,
  ask('PREVENT REMOVAL', '1e0000000100'),
  ask('ALLOW REMOVAL', '1e0000000000'),
  ask('RESERVE 6', '160000000000'),
  ask('RESERVE 6, third party', '161000000000'),
  ask('RELEASE 6', '170000000000'),
  ask('RELEASE 6, third party', '171000000000'),
  ask('RESERVE 10', '56000000000000000000'),
  ask('RESERVE 10, third party', '56030000000000000000'),
  ask('RELEASE 10', '57000000000000000000'),
  ask('RELEASE 10, third party', '57020000000000000000'),
  ask('SEND DIAGNOSTIC', '1d0000000000'),
  ask('SEND DIAGNOSTIC, self test', '1d0400000000'),
  ask('FORMAT UNIT', '040000000000'),
  ask('PERSISTENT RESERVE IN', '5e000000000000000800', 8),
  give('PERSISTENT RESERVE OUT', '5f000000000000001800', '00'.repeat(24)),
  ask('MAINTENANCE IN, REPORT SUPPORTED OPERATION CODES', 'a30c00000000000002000000', 512),
  ask('LOG SENSE', '4d000000000000000800', 8),
  ask('READ BUFFER', '3c000000000000000800', 8),
  ask('ATA PASS-THROUGH 16', '85000000000000000000000000000000'),
  ask('VARIABLE LENGTH', '7f000000000000180009000000000000000000000000000000000000000000010000'.slice(0, 64)),
];
const SENSES = [
  ask('nonsense', 'ff0000000000'),
  SENSE,
  ask('READ beyond the end', rw('28', 0x0f_ffff, 1), 512),
  SENSE,
  ask('REQUEST SENSE, descriptors', '030100001200', 18),
  ask('REQUEST SENSE, 4 bytes', '030000000400', 4),
  ask('REQUEST SENSE, 255 bytes', '03000000ff00', 255),
  ask('REQUEST SENSE, none', '030000000000'),
];
const luns = (select: number, room: number): ScsiCommand =>
  ask(`REPORT LUNS ${select} of ${room}`, `a000${hex(select, 1)}000000${hex(room, 4)}0000`, room);
const REPORTS = [luns(0, 64), luns(1, 64), luns(2, 64), luns(3, 64), luns(0, 16), luns(0, 8)];

/** Each operation code with nothing else said: which are there, and how long each takes its block to be. */
const SWEEP = Array.from({ length: 256 }, (_, op) =>
  ask(`operation ${hex(op, 1)}`, hex(op, 1) + '00'.repeat(15), 4096),
);
/** The same with every transfer length 1. */
const SWEEP_ONE = Array.from({ length: 256 }, (_, op) => {
  const groups = [
    '0000010000',
    '000000000000000100',
    '000000000000000100',
    '',
    '000000000000000000000000010000',
    '0000000000000000010000',
  ];
  return ask(`operation ${hex(op, 1)} of one`, (hex(op, 1) + (groups[op >> 5] ?? '')).padEnd(32, '0'), 4096);
}).filter(({ cdb }) => !/^(1b|28|88|a8|a6|a7|bb|04|a1|25|9e|a3|1a|5a|a0|03|12)/.test(cdb));

const CD_COMMANDS = [
  ...['00', '01', '02', '03', '05'].flatMap((format) => [
    ask(`READ TOC ${format}`, `43000000${'00'}0000020000`.replace(/^4300/, `4300${format}`), 512),
    ask(`READ TOC ${format}, in MSF`, `4302${format}00000000020000`, 512),
  ]),
  ask('READ TOC of track 1', '43000000000001020000', 512),
  ask('READ TOC of track 2', '43000000000002020000', 512),
  ask('READ TOC of lead-out', '430000000000aa020000', 512),
  ask('READ TOC, short', '43000000000000000400', 4),
  ask('READ TOC, format in the last byte', '43000000000000020040', 512),
  ask('READ TOC, format 2 in the last byte', '43020000000000020080', 512),
  ask('READ DISC INFORMATION', '51000000000000004000', 64),
  ask('READ DISC INFORMATION, type 1', '51010000000000004000', 64),
  ask('READ TRACK INFORMATION', '52010000000100004000', 64),
  ask('GET CONFIGURATION', '46000000000000020000', 512),
  ask('GET CONFIGURATION, one', '46020000030000020000', 512),
  ask('GET CONFIGURATION, current', '46010000000000020000', 512),
  ask('GET EVENT STATUS, polled', '4a010000100000010000', 256),
  ask('GET EVENT STATUS, again', '4a010000100000010000', 256),
  ask('GET EVENT STATUS, asynchronous', '4a000000100000010000', 256),
  ask('GET EVENT STATUS, other classes', '4a010000020000010000', 256),
  ask('GET EVENT STATUS, 4 bytes', '4a010000100000000400', 4),
  ask('MECHANISM STATUS', 'bd00000000000000000800000000'.slice(0, 24), 8),
  ask('READ DVD STRUCTURE, physical', 'ad0000000000000008040000', 2052),
  ask('READ DVD STRUCTURE, copyright', 'ad0000000000000108040000', 2052),
  ask('READ DVD STRUCTURE, BCA', 'ad0000000000000308040000', 2052),
  ask('READ DVD STRUCTURE, manufacturing', 'ad0000000000000408040000', 2052),
  ask('READ DVD STRUCTURE, list', 'ad000000000000ff08040000', 2052),
  ask('READ DVD STRUCTURE, layer 1', 'ad0000000000010008040000', 2052),
  ask('READ DVD STRUCTURE, an address', 'ad0000000001000008040000', 2052),
  ask('READ DVD STRUCTURE, Blu-ray', 'ad0100000000000008040000', 2052),
  ask('SET CD SPEED', 'bb00ffffffff000000000000'),
  ask('GET PERFORMANCE', 'ac0000000000000000010000', 64),
  ask('READ CD', 'be0000000000000000011000', 2048),
  ask('REPORT KEY', 'a40000000000000000080000', 8),
  ask('READ BUFFER CAPACITY', '5c000000000000000c00', 12),
];
const CD_TRAY = [
  TUR,
  ask('PREVENT REMOVAL', '1e0000000100'),
  ...modeSense(0x2a),
  ask('EJECT while it is locked', '1b0000000200'),
  ask('ALLOW REMOVAL', '1e0000000000'),
  ask('EJECT', '1b0000000200'),
  ask('GET EVENT STATUS, polled', '4a010000100000010000', 256),
  TUR,
  ask('MECHANISM STATUS', 'bd0000000000000000080000', 8),
  ask('READ CAPACITY', '25000000000000000000', 8),
  ask('READ 10', rw('28', 0, 1), 2048),
  ask('READ TOC', '43000000000000020000', 512),
  ask('GET CONFIGURATION', '46000000000000020000', 512),
  ask('EJECT again', '1b0000000200'),
  ask('START', '1b0000000100'),
  ask('LOAD', '1b0000000300'),
  ask('GET EVENT STATUS, polled', '4a010000100000010000', 256),
  TUR,
  TUR,
  ask('LOAD again', '1b0000000300'),
  ask('PREVENT REMOVAL, persistent', '1e0000000200'),
];

const CD = { drive: 'media=cdrom', device: 'scsi-cd' } as const;

export const SCSI_CASES: readonly ScsiCase[] = [
  {
    name: 'hd: what it says of itself',
    devices: [HD],
    commands: [...INQUIRIES, SENSE, TUR, TUR, SENSE, ...INQUIRIES, ...CAPACITIES, ...MODE_SENSES, ...REPORTS],
  },
  { name: 'hd: mode select', devices: [HD], commands: [...READY, ...MODE_SELECTS] },
  {
    name: 'hd: reads, writes, ranges',
    devices: [HD],
    commands: [
      ...READY,
      ...reads(512, 2047),
      ...writes(512, 2047),
      ...verifies(512),
      ...ranges(512),
      ...NO_DATA_OUT,
      ...OTHERS,
      ...SENSES,
    ],
  },
  { name: 'hd: all operations', devices: [HD], commands: [...READY, ...SWEEP, ...SWEEP_ONE] },
  {
    name: 'hd: first command is of each kind',
    devices: [HD],
    commands: [
      ask('REPORT LUNS', 'a00000000000000000400000', 64),
      ask('nonsense', 'ff0000000000'),
      SENSE,
      ...READY,
    ],
  },
  {
    name: 'hd: properties',
    devices: [
      {
        drive: '',
        device:
          'scsi-hd,serial=HOTSLOT-0001,wwn=0x5000c50015ea71ac,port_wwn=0x5000c50015ea71ad,port_index=1,vendor=ACME,product=ROCKET DRIVE,ver=1.2,device_id=mydisk,rotation_rate=7200,dpofua=on,removable=on',
      },
    ],
    commands: [...READY, ...INQUIRIES, ...CAPACITIES, ...modeSense(0x3f), ...OTHERS],
  },
  {
    name: 'hd: old version of the standard, solid state, limits',
    devices: [
      {
        drive: '',
        device:
          'scsi-hd,scsi_version=2,rotation_rate=1,discard_granularity=0,opt_io_size=65536,min_io_size=4096,max_unmap_size=1048576,max_io_size=131072,write-cache=off',
      },
    ],
    commands: [...READY, ...INQUIRIES, ...CAPACITIES, ...modeSense(0x3f), ...ranges(512)],
  },
  {
    name: 'hd: blocks of 4096 bytes',
    devices: [
      { drive: '', device: 'scsi-hd,logical_block_size=4096,physical_block_size=4096', bytes: 2 * MIB },
    ],
    commands: [
      ...READY,
      ...INQUIRIES,
      ...CAPACITIES,
      ...modeSense(0x3f),
      ...reads(4096, 511).slice(0, 20),
      ...writes(4096, 511),
      ...ranges(4096),
    ],
  },
  {
    name: 'hd: 512 logical on 4096 physical, geometry',
    devices: [{ drive: '', device: 'scsi-hd,physical_block_size=4096,cyls=100,heads=8,secs=32' }],
    commands: [...READY, ...CAPACITIES, ...modeSense(0x04), ...modeSense(0x05), inquiry('b0', 255)],
  },
  {
    name: 'hd: read-only',
    devices: [{ drive: 'readonly=on', device: 'scsi-hd' }],
    commands: [
      ...READY,
      ...modeSense(0x3f),
      ...reads(512, 2047).slice(0, 4),
      ...writes(512, 2047),
      ...ranges(512),
      ...verifies(512),
    ],
  },
  {
    name: 'several logical units, and none',
    devices: [
      { drive: '', device: 'scsi-hd,scsi-id=1,lun=0,serial=one' },
      { drive: '', device: 'scsi-hd,scsi-id=1,lun=5,serial=two' },
      { drive: '', device: 'scsi-hd,scsi-id=3,lun=300,serial=three' },
      { drive: '', device: 'scsi-hd,scsi-id=5,lun=7,serial=four' },
      { drive: '', device: 'scsi-hd,scsi-id=5,lun=2,serial=five' },
      { drive: '', device: 'scsi-hd,scsi-id=5,lun=0,serial=six' },
      { drive: '', device: 'scsi-hd,scsi-id=5,lun=9,serial=seven' },
    ],
    commands: [
      ...at([1, 0], [TUR, TUR, ...REPORTS, inquiry('80', 255)]),
      ...at([1, 5], [TUR, TUR, ...REPORTS, inquiry('80', 255)]),
      ...at([3, 300], [TUR, TUR, ...REPORTS, inquiry('80', 255)]),
      ...at([3, 0], [...INQUIRIES, TUR, SENSE, ...REPORTS, ask('READ', rw('28', 0, 1), 512)]),
      ...at(
        [1, 2],
        [
          ...INQUIRIES,
          TUR,
          SENSE,
          ask('REQUEST SENSE, descriptors', '030100001200', 18),
          ...REPORTS,
          ask('READ', rw('28', 0, 1), 512),
        ],
      ),
      ...at([2, 0], [...INQUIRIES, TUR]),
      ...at([5, 0], [...REPORTS, TUR, TUR]),
      ...at([5, 9], [inquiry('80', 255), TUR]),
      ...at([3, 16383], [TUR]),
    ],
  },
  {
    name: 'cd: with a disc',
    devices: [CD],
    commands: [
      ...INQUIRIES,
      SENSE,
      ...READY,
      ...INQUIRIES,
      ...CAPACITIES,
      ...MODE_SENSES,
      ...MODE_SELECTS,
      ...CAPACITIES,
      give('MODE SELECT, blocks of 2048 bytes', '151000000c00', '000000080000080000000800'),
      ...CAPACITIES,
      ...CD_COMMANDS,
      ...reads(2048, 511),
      give('WRITE 10', writeCdb('2a', 0, 1), 'aa'.repeat(2048)),
      ...OTHERS,
      ...CD_TRAY,
    ],
  },
  { name: 'cd: all operations', devices: [CD], commands: [...READY, ...SWEEP, ...SWEEP_ONE] },
  {
    name: 'cd: a large disc is a DVD',
    devices: [{ drive: 'media=cdrom', device: 'scsi-cd', bytes: 900 * MIB }],
    commands: [...READY, ...CAPACITIES, ...CD_COMMANDS],
  },
  {
    name: 'cd: no disc',
    devices: [{ device: 'scsi-cd' }],
    commands: [
      ...INQUIRIES,
      ...READY,
      SENSE,
      ...CAPACITIES,
      ...MODE_SENSES,
      ...CD_COMMANDS,
      ...reads(2048, 511).slice(0, 18),
      ...OTHERS,
      ...CD_TRAY,
    ],
  },
  {
    name: 'cd: a drive without a disc',
    devices: [
      {
        drive: 'media=cdrom',
        device: 'scsi-cd,quirk_mode_sense_rom_use_dbd=on,quirk_mode_page_apple_vendor=on',
        bytes: 0,
      },
    ],
    commands: [...READY, ...MODE_SENSES, ...CD_TRAY],
  },
];
