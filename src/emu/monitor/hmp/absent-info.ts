/** Topics of `info` about what this machine has not. Sentences are QEMU's where it has one for such a machine. */
import { flag, integer, maybe, rest, string } from '../argument-specs.ts';
import { NO_SGX, NO_SGX_MACHINE } from '../qapi/misc-target.ts';
import { type AbsentRow, absentCommands, sameForAll } from './absent.ts';

const NO_ROCKER = 'Error: rocker {name} not found';
/** QEMU: of a machine that never was migrated only what is set is told. */
const MIGRATION_SETTINGS = [
  'globals:',
  'store-global-state: on',
  'only-migratable: off',
  'send-configuration: on',
  'send-section-footer: on',
  'decompress-error-check: on',
  'clear-bitmap-shift: 18',
].join('\n');
const RULE = '-'.repeat(79);

const ROWS: readonly AbsentRow[] = [
  ['block-jobs', '', 'jobs that copy images', [], 'No active jobs'],
  ['capture', '', 'what is written of what is heard', [], ''],
  [
    'dirty_rate',
    '',
    'how much memory the guest writes',
    [],
    'Status: unstarted\nStart Time: 0 (ms)\nSample Pages: 0 (per GB)\nPeriod: 0 (sec)\nMode: page-sampling\nDirty rate: (not ready)',
  ],
  [
    'jit',
    '',
    'what was translated',
    [],
    {
      tcg: 'Hotslot does not count what its JIT translates',
      qtest: 'Error: JIT information is only available with accel=tcg',
    },
  ],
  ['migrate', '', 'how far a migration is', [], MIGRATION_SETTINGS],
  [
    'opcount',
    '',
    'operations of the translator',
    [],
    {
      tcg: '[TCG profiler not compiled]',
      qtest: 'Error: Opcode count information is only available with accel=tcg',
    },
  ],
  ['profile', '', 'where time goes', [], 'Error: Internal profiler not compiled'],
  ['rdma', '', 'remote direct memory access', [], ''],
  ['replay', '', 'whether a run is recorded or replayed', [], 'Record/replay is not active'],
  ['rocker', 'name', 'a rocker switch', [string('name')], NO_ROCKER],
  [
    'rocker-of-dpa-flows',
    'name [tbl_id]',
    'flows of a rocker switch',
    [string('name'), maybe(integer('tbl_id'))],
    NO_ROCKER,
  ],
  [
    'rocker-of-dpa-groups',
    'name [type]',
    'groups of a rocker switch',
    [string('name'), maybe(integer('type'))],
    NO_ROCKER,
  ],
  ['rocker-ports', 'name', 'ports of a rocker switch', [string('name')], NO_ROCKER],
  ['roms', '', 'memory that the guest cannot write', [], { pc: 'Hotslot has no ROM', noBoard: '' }],
  ['sev', '', "AMD's encrypted guests", [], 'SEV is not enabled'],
  ['sgx', '', "Intel's enclaves", [], { pc: NO_SGX, noBoard: NO_SGX_MACHINE }],
  ['spice', '', 'the server of the SPICE protocol', [], 'Server: disabled'],
  [
    'stats',
    'target [names] [provider]',
    'statistics of the machine or of its processors',
    [string('target'), maybe(string('names')), maybe(string('provider'))],
    {
      by: 'target',
      texts: sameForAll('vm vcpu', {
        by: 'provider',
        texts: { '': '', kvm: '' },
        other: 'invalid stats provider {provider}',
      }),
      other: 'invalid stats target {target}',
    },
  ],
  [
    'sync-profile',
    '[-m] [-n] [max]',
    'how long threads wait for each other (-m: sorted by the mean; -n: each object apart)',
    [flag('m', 'mean'), flag('n', 'no_coalesce'), maybe(integer('max'))],
    `Type               Object  Call site  Wait Time (s)         Count  Average (us)\n${RULE}\n${RULE}`,
  ],
  ['tpm', '', 'trusted platform modules', [], ''],
  [
    'usbhost',
    '',
    'USB devices of the host',
    // QEMU: nothing is read behind the name of a command that is in a module which is not installed.
    [maybe(rest('words'))],
    {
      by: 'words',
      texts: { '': 'Command "info usbhost" is not available.' },
      other: 'Command "info usbhost " is not available.',
    },
  ],
  ['vcpu_dirty_limit', '', 'how much memory processors may write', [], 'Dirty page limit not enabled!'],
  [
    'vm-generation-id',
    '',
    'what tells a guest that it was copied',
    [],
    'Error: VM Generation ID device not found',
  ],
  ['vnc', '', 'the server of the VNC protocol', [], 'None'],
];

export const ABSENT_TOPICS = absentCommands(ROWS);
