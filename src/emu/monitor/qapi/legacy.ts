/** Commands and answers of QMP that later versions have no more. Spec: QEMU qapi/misc.json of 1.5, 2.0 and 5.1. */
import { CPU_INSTANCE_PROPERTIES } from '../../machine/numa-options.ts';
import type { QapiCommand } from '../../qapi/command.ts';
import { BOOL, enumeration, INT, list, optional, STR, struct, union } from '../../qapi/schema.ts';
import { cpuLines } from '../hmp/info-cpus.ts';
import type { QmpContext } from '../qmp/own-commands.ts';
import { command } from './context.ts';
import type { CpuAdd } from './cpu-numbers.ts';
import { CPU_INFO_FAST_BASE, CPU_INFO_FAST_BRANCHES, queryCpusFast } from './machine.ts';

const CPU_INFO_ARCH = enumeration('CpuInfoArch', [
  ...(['x86', 'sparc', 'ppc', 'mips', 'tricore', 's390', 'riscv', 'other'] as const),
]);
/** The answers of one processor machine, the first chosen: a client of QMP chooses none. */
const FIRST = 0;

export const cpuAddCommand = (add: CpuAdd): QapiCommand<QmpContext> =>
  command('cpu-add', {
    args: struct({ id: INT }),
    run: ({ machine }, { id }) => add(machine, Number(id)),
  });

/** QEMU 5.1: each processor tells its architecture, too. */
export const QUERY_CPUS_FAST: QapiCommand<QmpContext> = command('query-cpus-fast', {
  returns: list(union({ ...CPU_INFO_FAST_BASE, arch: CPU_INFO_ARCH }, 'target', CPU_INFO_FAST_BRANCHES)),
  run: ({ machine }) => queryCpusFast(machine).map((cpu) => ({ ...cpu, arch: 'x86' as const })),
});

/** QEMU 1.5 to 2.0. QEMU: it stops each processor to ask it. */
export const QUERY_CPUS: QapiCommand<QmpContext> = command('query-cpus', {
  returns: list(struct({ CPU: INT, current: BOOL, halted: BOOL, pc: optional(INT), thread_id: INT })),
  run: ({ machine }) =>
    cpuLines(machine, FIRST).map(({ index, isCurrent, halted, pc, threadId }) => ({
      ...{ CPU: index, current: isCurrent, halted, pc: BigInt.asIntN(64, pc), thread_id: threadId },
    })),
});

/** QEMU 5.1: the same, and where the processor is. */
export const QUERY_CPUS_5_1: QapiCommand<QmpContext> = command('query-cpus', {
  returns: list(
    struct({
      ...{ CPU: INT, current: BOOL, halted: BOOL, qom_path: STR, thread_id: INT },
      props: optional(CPU_INSTANCE_PROPERTIES),
      arch: CPU_INFO_ARCH,
      pc: INT,
    }),
  ),
  run: ({ machine }) => {
    const places = queryCpusFast(machine);
    return cpuLines(machine, FIRST).map(({ index, isCurrent, halted, pc, threadId }) => {
      const place = places.find((one) => one['cpu-index'] === index);
      return {
        ...{
          CPU: index,
          current: isCurrent,
          halted,
          qom_path: place?.['qom-path'] ?? '',
          thread_id: threadId,
        },
        props: place?.props,
        arch: 'x86' as const,
        pc: BigInt.asIntN(64, pc),
      };
    });
  },
});
