/** `info hotpluggable-cpus` and `info numa`. */
import type { CpuInfo, HotpluggableCpu, MemoryApi } from '../../machine/machine-api.ts';

const MIB = 2 ** 20;

/** QEMU: the last place comes first. */
export function hotpluggableCpusText(cpus: readonly HotpluggableCpu[]): string {
  return `Hotpluggable CPUs:\n${cpus.toReversed().map(cpuText).join('')}`;
}

function cpuText({ type, qomPath, place, hasDies, hasNode }: HotpluggableCpu): string {
  const line = (indent: string, name: string, value: string | number): string =>
    `${indent}${name}: "${value}"\n`;
  const ids = [
    ...(hasNode ? [line('    ', 'node-id', 0)] : []),
    line('    ', 'socket-id', place.socket),
    ...(hasDies ? [line('    ', 'die-id', place.die)] : []),
    line('    ', 'core-id', place.core),
    line('    ', 'thread-id', place.thread),
  ];
  return [
    line('  ', 'type', type),
    line('  ', 'vcpus_count', 1),
    ...(qomPath === undefined ? [] : [line('  ', 'qom_path', qomPath)]),
    '  CPUInstance Properties:\n',
    ...ids,
  ].join('');
}

/**
 * QEMU: the one node has all processors and all memory.
 * @param cpus those that are there, the oldest first
 */
export function numaText(cpus: readonly CpuInfo[], { base, plugged }: MemoryApi['sizes']): string {
  const present = cpus.map(({ index }) => ` ${index}`);
  const mib = (bytes: number): string => `${Math.floor(bytes / MIB)} MB`;
  const lines = [`cpus:${present.join('')}`, `size: ${mib(base + plugged)}`, `plugged: ${mib(plugged)}`];
  return `1 nodes\n${lines.map((line) => `node 0 ${line}\n`).join('')}`;
}
