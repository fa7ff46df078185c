/** `info cpus`, `info hotpluggable-cpus` and `info numa`. */
import type { MachineApi } from '../../machine/machine-api.ts';
import type { HotpluggableCpuInfo } from '../qapi/machine.ts';
import type { NumaNodeInfo } from '../qapi/machine-numa.ts';

/** What `info cpus` may show of a processor. */
export interface CpuLine {
  readonly index: number;
  /** The one that this monitor's commands are about. */
  readonly isCurrent: boolean;
  readonly threadId: number;
  readonly halted: boolean;
  /** Linear address of the next instruction. */
  readonly pc: bigint;
}

const CS = 1;
const MIB = 2 ** 20;
/** In the order in which QEMU shows them. */
const IDS = ['node-id', 'socket-id', 'die-id', 'cluster-id', 'core-id', 'thread-id'] as const;

/** @param current number of the processor that the monitor chose */
export function cpuLines({ inspect }: MachineApi, current: number): readonly CpuLine[] {
  return inspect.cpus().map(({ index, threadId, halted }) => {
    const registers = inspect.cpuRegisters(index);
    const pc = (registers?.rip ?? 0n) + (registers?.segments[CS]?.base ?? 0n);
    return { index, isCurrent: index === current, threadId, halted, pc };
  });
}

export function cpusText(cpus: readonly CpuLine[]): string {
  return cpus
    .map(
      ({ index, isCurrent, threadId }) => `${isCurrent ? '*' : ' '} CPU #${index}: thread_id=${threadId}\n`,
    )
    .join('');
}

export function hotpluggableCpusText(cpus: readonly HotpluggableCpuInfo[]): string {
  return `Hotpluggable CPUs:\n${cpus.map(cpuText).join('')}`;
}

function cpuText(cpu: HotpluggableCpuInfo): string {
  const line = (indent: string, name: string, value: unknown): string => `${indent}${name}: "${value}"\n`;
  const path = cpu['qom-path'];
  const ids = IDS.flatMap((name) => {
    const value = cpu.props[name];
    return value === undefined ? [] : [line('    ', name, value)];
  });
  return [
    line('  ', 'type', cpu.type),
    line('  ', 'vcpus_count', cpu['vcpus-count']),
    ...(path === undefined ? [] : [line('  ', 'qom_path', path)]),
    '  CPUInstance Properties:\n',
    ...ids,
  ].join('');
}

export function numaText(nodes: readonly NumaNodeInfo[]): string {
  const mib = (bytes: number): string => `${Math.floor(bytes / MIB)} MB`;
  const lines = nodes.flatMap(({ cpus, bytes, pluggedBytes }, node) =>
    [
      `cpus:${cpus.map((cpu) => ` ${cpu}`).join('')}`,
      `size: ${mib(bytes)}`,
      `plugged: ${mib(pluggedBytes)}`,
    ].map((line) => `node ${node} ${line}\n`),
  );
  return `${nodes.length} nodes\n${lines.join('')}`;
}
