/** NUMA nodes, of which the board makes the one that it needs by itself. Spec: QEMU qapi/machine.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { enumeration, list, optional, SIZE, STR, struct, UINT16, union } from '../../qapi/schema.ts';
import { command } from './context.ts';
import { CPU_INSTANCE_PROPERTIES } from './machine.ts';

const NUMA_OPTIONS_TYPE = enumeration('NumaOptionsType', ['node', 'dist', 'cpu']);
/** Not modelled: tables of latencies and caches, `hmat-lb` and `hmat-cache`. */
const NUMA_OPTIONS = union({ type: NUMA_OPTIONS_TYPE }, 'type', {
  node: struct({
    ...{ nodeid: optional(UINT16), cpus: optional(list(UINT16)), mem: optional(SIZE) },
    ...{ memdev: optional(STR), initiator: optional(UINT16) },
  }),
  dist: struct({ src: UINT16, dst: UINT16, val: UINT16 }),
  cpu: CPU_INSTANCE_PROPERTIES,
});

export const MACHINE_NUMA_COMMANDS = [
  command('set-numa-node', {
    args: NUMA_OPTIONS,
    allowPreconfig: true,
    run({ machine }) {
      throw new MonitorError(
        machine.preconfig.isOn
          ? 'Hotslot has no NUMA nodes but those that the board makes by itself'
          : 'The command is permitted only before the machine has been created',
      );
    },
  }),
];
