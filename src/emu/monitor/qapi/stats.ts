/** Statistics of the accelerator, of which only KVM's has any. Spec: QEMU qapi/stats.json. */
import { alternate, BOOL, enumeration, INT, list, optional, STR, struct, union } from '../../qapi/schema.ts';
import { command } from './context.ts';

const STATS_PROVIDER = enumeration('StatsProvider', ['kvm']);
const STATS_TARGET = enumeration('StatsTarget', ['vm', 'vcpu']);
const STATS_REQUEST = struct({ provider: STATS_PROVIDER, names: optional(list(STR)) });
const STATS_FILTER = union({ target: STATS_TARGET, providers: optional(list(STATS_REQUEST)) }, 'target', {
  vcpu: struct({ vcpus: optional(list(STR)) }),
});
const STATS_VALUE = alternate('StatsValue', [INT, BOOL, list(INT)]);
const STATS_RESULT = struct({
  provider: STATS_PROVIDER,
  'qom-path': optional(STR),
  stats: list(struct({ name: STR, value: STATS_VALUE })),
});
const STATS_SCHEMA_VALUE = struct({
  name: STR,
  type: enumeration('StatsType', ['cumulative', 'instant', 'peak', 'linear-histogram', 'log2-histogram']),
  unit: optional(enumeration('StatsUnit', ['bytes', 'seconds', 'cycles', 'boolean'])),
  base: optional(INT),
  exponent: INT,
  'bucket-size': optional(INT),
});
const STATS_SCHEMA = struct({
  provider: STATS_PROVIDER,
  target: STATS_TARGET,
  stats: list(STATS_SCHEMA_VALUE),
});

export const STATS_COMMANDS = [
  command('query-stats', { args: STATS_FILTER, returns: list(STATS_RESULT), run: () => [] }),
  command('query-stats-schemas', {
    args: struct({ provider: optional(STATS_PROVIDER) }),
    returns: list(STATS_SCHEMA),
    run: () => [],
  }),
];
