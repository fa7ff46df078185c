/** Commands about migration and networks, which this machine has not. Sentences are QEMU's where it has one for such a machine. */
import { flag, integer, long, maybe, string } from '../argument-specs.ts';
import { type AbsentRow, type Answer, sameForAll } from './absent.ts';

const NO_MIGRATION = 'Error: Hotslot does not migrate machines';

/** What QEMU finds wrong with a measurement, in its order. */
const DIRTY_RATE: Answer = {
  given: ['dirty-ring', 'dirty-bitmap'],
  all: 'Either dirty ring or dirty bitmap can be specified!',
  otherwise: {
    inRange: 'second',
    ...{ least: 1, most: 60 },
    outside: 'Error: calc-time is out of range[1, 60].',
    inside: {
      given: ['dirty-ring', 'sample_pages_per_GB'],
      all: 'Error: either sample-pages or dirty-ring can be specified.',
      otherwise: {
        inRange: 'sample_pages_per_GB',
        ...{ least: 128, most: 16_384 },
        outside: 'Error: sample-pages is out of range[128, 16384].',
        inside: 'Error: Hotslot does not measure how much memory the guest writes',
      },
    },
  },
};

export const ABSENT_MIGRATION: readonly AbsentRow[] = [
  [
    'migrate',
    '[-d] [-b] [-i] [-r] uri',
    'move the running machine to another host',
    [flag('d', 'detach'), flag('b', 'blk'), flag('i', 'inc'), flag('r', 'resume'), string('uri')],
    NO_MIGRATION,
  ],
  ['migrate_cancel', '', 'end a migration', [], ''],
  [
    'migrate_continue',
    'state',
    'go on from a state in which a migration waits',
    [string('state')],
    {
      by: 'state',
      texts: {
        none: '',
        ...sameForAll(
          'setup cancelling cancelled active postcopy-active postcopy-paused postcopy-recover completed failed colo pre-switchover device wait-unplug',
          'Error: Migration not in expected state: none',
        ),
      },
    },
  ],
  [
    'migrate_incoming',
    'uri',
    'go on with a machine that comes from another host',
    [string('uri')],
    "Error: '-incoming' was not specified on the command line",
  ],
  [
    'migrate_pause',
    '',
    'let a migration wait',
    [],
    'Error: migrate-pause is currently only supported during postcopy-active state',
  ],
  [
    'migrate_recover',
    'uri',
    'go on with an interrupted migration',
    [string('uri')],
    'Error: Migrate recover can only be run when postcopy is paused.',
  ],
  [
    'client_migrate_info',
    'protocol hostname port tls-port cert-subject',
    'where a remote display is to go on',
    [
      string('protocol'),
      string('hostname'),
      maybe(integer('port')),
      maybe(integer('tls-port')),
      maybe(string('cert-subject')),
    ],
    {
      by: 'protocol',
      texts: { spice: 'Error: SPICE is not in use' },
      other: "Error: Parameter 'protocol' expects 'spice'",
    },
  ],
  [
    'x_colo_lost_heartbeat',
    '',
    'the other of two machines is gone',
    [],
    "Error: The feature 'colo' is not enabled",
  ],
  [
    'calc_dirty_rate',
    '[-r] [-b] second [sample_pages_per_GB]',
    'measure how much memory the guest writes (-r, -b: by other means)',
    [flag('r', 'dirty-ring'), flag('b', 'dirty-bitmap'), long('second'), maybe(long('sample_pages_per_GB'))],
    {
      by: 'second',
      texts: { 0: 'Incorrect period length specified!' },
      other: DIRTY_RATE,
    },
  ],
  [
    'set_vcpu_dirty_limit',
    'dirty_rate [cpu_index]',
    'how much memory a processor may write in a second',
    [long('dirty_rate'), maybe(long('cpu_index'))],
    "Error: dirty page limit feature requires KVM with accelerator property 'dirty-ring-size' set'",
  ],
  [
    'cancel_vcpu_dirty_limit',
    '[cpu_index]',
    'take such a limit back',
    [maybe(long('cpu_index'))],
    "[Please use 'info vcpu_dirty_limit' to query dirty limit for virtual CPU]",
  ],
];
