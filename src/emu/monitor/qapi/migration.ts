/** Migration, which this machine does not do: what can be chosen for one is kept and checked, and none ever begins. Spec: QEMU qapi/migration.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import {
  MIGRATION_CAPABILITIES,
  type MigrationParameters,
  MULTIFD_COMPRESSIONS,
} from '../../machine/migration-settings.ts';
import {
  alternate,
  BOOL,
  enumeration,
  INT,
  list,
  NULL,
  optional,
  type SchemaType,
  SIZE,
  STR,
  struct,
  UINT8,
  UINT32,
  UINT64,
  unstable,
} from '../../qapi/schema.ts';
import { command } from './context.ts';

const NO_MIGRATION = 'Hotslot does not migrate machines';

const CAPABILITY_STATUS = struct({
  capability: enumeration('MigrationCapability', MIGRATION_CAPABILITIES),
  state: BOOL,
});
const MIGRATION_STATUS = enumeration('MigrationStatus', [
  ...(['none', 'setup', 'cancelling', 'cancelled', 'active', 'postcopy-active', 'postcopy-paused'] as const),
  ...([
    'postcopy-recover',
    'completed',
    'failed',
    'colo',
    'pre-switchover',
    'device',
    'wait-unplug',
  ] as const),
]);

/** @param text how texts are told, or taken */
const parameters = <T extends string | null>(text: SchemaType<T>) =>
  struct({
    'announce-initial': optional(SIZE),
    'announce-max': optional(SIZE),
    'announce-rounds': optional(SIZE),
    'announce-step': optional(SIZE),
    'compress-level': optional(UINT8),
    'compress-threads': optional(UINT8),
    'compress-wait-thread': optional(BOOL),
    'decompress-threads': optional(UINT8),
    'throttle-trigger-threshold': optional(UINT8),
    'cpu-throttle-initial': optional(UINT8),
    'cpu-throttle-increment': optional(UINT8),
    'cpu-throttle-tailslow': optional(BOOL),
    'tls-creds': optional(text),
    'tls-hostname': optional(text),
    'tls-authz': optional(text),
    'max-bandwidth': optional(SIZE),
    'downtime-limit': optional(UINT64),
    'x-checkpoint-delay': unstable(optional(UINT32)),
    'block-incremental': optional(BOOL),
    'multifd-channels': optional(UINT8),
    'xbzrle-cache-size': optional(SIZE),
    'max-postcopy-bandwidth': optional(SIZE),
    'max-cpu-throttle': optional(UINT8),
    'multifd-compression': optional(enumeration('MultiFDCompression', MULTIFD_COMPRESSIONS)),
    'multifd-zlib-level': optional(UINT8),
    'multifd-zstd-level': optional(UINT8),
  });

/** Those that were given. QEMU: a text that is null is empty. */
function givenOf(args: object): Partial<MigrationParameters> {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, value ?? '']));
}

const DIRTY_LIMIT = "dirty page limit feature requires KVM with accelerator property 'dirty-ring-size' set'";
const COLO_MODE = enumeration('COLOMode', ['none', 'primary', 'secondary']);

const NO_TIMES = { 'start-time': 0, 'calc-time': 0, 'sample-pages': 0 };

function fail(text: string): never {
  throw new MonitorError(text);
}

/** Throws QEMU's error. */
export function startPostcopy({ migration }: MachineApi): never {
  if (migration.has('postcopy-ram')) fail('Postcopy must be started after migration has been started');
  fail('Enable postcopy with migrate_set_capability before the start of migration');
}

const SETTINGS = [
  command('query-migrate-capabilities', {
    returns: list(CAPABILITY_STATUS),
    run: ({ machine }) =>
      MIGRATION_CAPABILITIES.map((capability) => ({ capability, state: machine.migration.has(capability) })),
  }),
  command('migrate-set-capabilities', {
    args: struct({ capabilities: list(CAPABILITY_STATUS) }),
    run: ({ machine }, { capabilities }) => machine.migration.setCapabilities(capabilities),
  }),
  command('query-migrate-parameters', {
    returns: parameters(STR),
    run: ({ machine }) => machine.migration.parameters,
  }),
  command('migrate-set-parameters', {
    args: parameters(alternate('StrOrNull', [STR, NULL])),
    run: ({ machine }, args) => machine.migration.setParameters(givenOf(args)),
  }),
];

const BEGINNINGS = [
  command('query-migrate', { returns: struct({ status: optional(MIGRATION_STATUS) }), run: () => ({}) }),
  command('migrate', {
    args: struct({
      uri: STR,
      blk: optional(BOOL),
      inc: optional(BOOL),
      detach: optional(BOOL),
      resume: optional(BOOL),
    }),
    run: () => fail(NO_MIGRATION),
  }),
  command('migrate_cancel', { run: () => {} }),
  command('migrate-continue', {
    args: struct({ state: MIGRATION_STATUS }),
    run(_, { state }) {
      // QEMU: there is nothing to be done where nothing is.
      if (state !== 'none') fail('Migration not in expected state: none');
    },
  }),
  command('migrate-incoming', {
    args: struct({ uri: STR }),
    run: () => fail("'-incoming' was not specified on the command line"),
  }),
  command('migrate-pause', {
    allowOob: true,
    run: () => fail('migrate-pause is currently only supported during postcopy-active state'),
  }),
  command('migrate-recover', {
    args: struct({ uri: STR }),
    allowOob: true,
    run: () => fail('Migrate recover can only be run when postcopy is paused.'),
  }),
  command('migrate-start-postcopy', {
    run: ({ machine }) => startPostcopy(machine),
  }),
  command('client_migrate_info', {
    args: struct({
      ...{ protocol: STR, hostname: STR, port: optional(INT), 'tls-port': optional(INT) },
      'cert-subject': optional(STR),
    }),
    run(_context, { protocol }) {
      if (protocol !== 'spice') fail("Parameter 'protocol' expects 'spice'");
      throw new MonitorError('SPICE is not in use', 'DeviceNotActive');
    },
  }),
];

/** How much memory the guest writes, and what two machines that run side by side say to each other. */
const BESIDES = [
  command('query-colo-status', {
    returns: struct({
      mode: COLO_MODE,
      'last-mode': COLO_MODE,
      reason: enumeration('COLOExitReason', ['none', 'request', 'error', 'processing']),
    }),
    run: () => ({ mode: 'none', 'last-mode': 'none', reason: 'none' }) as const,
  }),
  command('x-colo-lost-heartbeat', {
    features: ['unstable'],
    run: () => fail("The feature 'colo' is not enabled"),
  }),
  command('query-dirty-rate', {
    returns: struct({
      'dirty-rate': optional(INT),
      status: enumeration('DirtyRateStatus', ['unstarted', 'measuring', 'measured']),
      'start-time': INT,
      'calc-time': INT,
      'sample-pages': UINT64,
      mode: enumeration('DirtyRateMeasureMode', ['page-sampling', 'dirty-ring', 'dirty-bitmap']),
      'vcpu-dirty-rate': optional(list(struct({ id: INT, 'dirty-rate': INT }))),
    }),
    run: () => ({ status: 'unstarted', ...NO_TIMES, mode: 'page-sampling' }) as const,
  }),
  command('query-vcpu-dirty-limit', {
    returns: list(struct({ 'cpu-index': INT, 'limit-rate': UINT64, 'current-rate': UINT64 })),
    run: () => [],
  }),
  command('set-vcpu-dirty-limit', {
    args: struct({ 'cpu-index': optional(INT), 'dirty-rate': UINT64 }),
    run: () => fail(DIRTY_LIMIT),
  }),
  // QEMU: nothing was limited, and nothing is said.
  command('cancel-vcpu-dirty-limit', { args: struct({ 'cpu-index': optional(INT) }), run: () => {} }),
];

export const MIGRATION_COMMANDS = [...SETTINGS, ...BEGINNINGS, ...BESIDES];
