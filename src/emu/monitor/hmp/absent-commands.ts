/** Commands about what this machine has not. Sentences are QEMU's where it has one for such a machine. */
import {
  type ArgumentSpec,
  block,
  filename,
  flag,
  integer,
  long,
  maybe,
  string,
  valueFlag,
} from '../argument-specs.ts';
import { NO_SUSPEND, NOT_SUSPENDED } from '../qapi/absent.ts';
import { type AbsentRow, absentCommands, type ByWord, sameForAll } from './absent.ts';
import { ABSENT_BLOCK } from './absent-block.ts';
import { ABSENT_MIGRATION } from './absent-migration.ts';

const integers = (...names: readonly string[]): readonly ArgumentSpec[] => names.map(integer);

const byProtocol = (vnc: string): ByWord => ({
  by: 'protocol',
  texts: { vnc, spice: 'Error: SPICE is not in use' },
});

const DISPLAY: readonly AbsentRow[] = [
  [
    'set_password',
    'protocol password [-d display] [action-if-connected]',
    'a password for a remote display',
    [string('protocol'), string('password'), valueFlag('d', 'display'), maybe(string('connected'))],
    {
      by: 'connected',
      texts: {
        ...sameForAll('fail disconnect', byProtocol("Error: Invalid parameter 'connected'")),
        '': byProtocol('Error: Could not set password'),
        keep: byProtocol('Error: Could not set password'),
      },
    },
  ],
  [
    'expire_password',
    'protocol time [-d display]',
    'when the password of a remote display ends',
    [string('protocol'), string('time'), valueFlag('d', 'display')],
    byProtocol('Error: Could not set password expire time'),
  ],
  [
    'wavcapture',
    'path audiodev [frequency [bits [channels]]]',
    'write what is heard to a file',
    [
      filename('path'),
      string('audiodev'),
      maybe(integer('freq')),
      maybe(integer('bits')),
      maybe(integer('nchannels')),
    ],
    "Audiodev '{audiodev}' not found",
  ],
  ['stopcapture', 'capture index', 'write no more of what is heard', [integer('n')], ''],
];

const DEBUGGING: readonly AbsentRow[] = [
  [
    'dumpdtb',
    'filename',
    'write the device tree to a file',
    [filename('filename')],
    "Error: This machine doesn't have a FDT",
  ],
  [
    'pcie_aer_inject_error',
    '[-a] [-c] id <error_status> [<tlp header> [<tlp header prefix>]]',
    'let a PCI Express device report an error',
    [
      flag('a', 'advisory_non_fatal'),
      flag('c', 'correctable'),
      string('id'),
      string('error_status'),
      ...integers(
        ...['header0', 'header1', 'header2', 'header3', 'prefix0', 'prefix1', 'prefix2', 'prefix3'],
      ).map((spec) => ({ ...spec, optional: true })),
    ],
    'id or pci device path is invalid or device not found. {id}',
  ],
  [
    'qemu-io',
    '[-d] [device] "[command]"',
    'give a drive a request by hand (-d: by the id of the device that has it)',
    [flag('d', 'qdev'), block('device'), string('command')],
    {
      by: 'qdev',
      texts: { true: "Error: Device '{device}' not found" },
      other: {
        drive: 'device',
        none: "Error: Cannot find device='' nor node-name='{device}'",
        there: 'Error: Hotslot gives drives no requests by hand',
      },
    },
  ],
  [
    'replay_break',
    'icount',
    'where a replay is to stop',
    [long('icount')],
    'setting the breakpoint is allowed only in play mode',
  ],
  [
    'replay_delete_break',
    '',
    'let a replay stop nowhere',
    [],
    'replay breakpoints are allowed only in play mode',
  ],
  ['replay_seek', 'icount', 'go to a moment of a replay', [long('icount')], 'replay must be enabled to seek'],
  [
    'sync-profile',
    '[on|off|reset]',
    'measure how long threads wait for each other',
    [maybe(string('op'))],
    {
      by: 'op',
      texts: {
        '': 'sync-profile is off',
        on: 'Error: Hotslot has one thread, which waits for no other',
        off: '',
        reset: '',
      },
      other: "Error: Invalid parameter '{op}'",
    },
  ],
  [
    'getfd',
    'getfd name',
    'take an open file under a name',
    [string('fdname')],
    'Error: No file descriptor supplied via SCM_RIGHTS',
  ],
  [
    'closefd',
    'closefd name',
    'close a file that was taken',
    [string('fdname')],
    "Error: File descriptor named '{fdname}' not found",
  ],
  [
    'system_wakeup',
    '',
    'wake a guest that sleeps',
    [],
    { pc: `Error: ${NOT_SUSPENDED}`, noBoard: `Error: ${NO_SUSPEND}` },
  ],
];

export const ABSENT_COMMANDS = absentCommands([
  ...ABSENT_BLOCK,
  ...ABSENT_MIGRATION,
  ...DISPLAY,
  ...DEBUGGING,
]);
