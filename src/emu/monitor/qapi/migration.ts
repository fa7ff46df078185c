/** Migration, which this machine does not do: none has begun, and nothing about one can be chosen. Spec: QEMU qapi/migration.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { BOOL, enumeration, list, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const MIGRATION_CAPABILITY = enumeration('MigrationCapability', [
  ...(['xbzrle', 'rdma-pin-all', 'auto-converge', 'zero-blocks', 'compress', 'events'] as const),
  ...(['postcopy-ram', 'x-colo', 'release-ram', 'block', 'return-path', 'pause-before-switchover'] as const),
  ...(['multifd', 'dirty-bitmaps', 'postcopy-blocktime', 'late-block-activate'] as const),
  ...(['x-ignore-shared', 'validate-uuid', 'background-snapshot', 'zero-copy-send'] as const),
  'postcopy-preempt',
]);
const CAPABILITY_STATUS = struct({ capability: MIGRATION_CAPABILITY, state: BOOL });

export const MIGRATION_COMMANDS = [
  command('query-migrate-capabilities', {
    returns: list(CAPABILITY_STATUS),
    run: () => [],
  }),
  command('migrate-set-capabilities', {
    args: struct({ capabilities: list(CAPABILITY_STATUS) }),
    run(_context, { capabilities }) {
      if (capabilities.some(({ state }) => state))
        throw new MonitorError('Hotslot does not migrate machines');
    },
  }),
];
