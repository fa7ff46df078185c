/** `info hotpluggable-cpus`. */
import type { HotpluggableCpu } from '../../machine/machine-api.ts';

/** QEMU: the last place comes first. */
export function hotpluggableCpusText(cpus: readonly HotpluggableCpu[]): string {
  return `Hotpluggable CPUs:\n${cpus.toReversed().map(cpuText).join('')}`;
}

function cpuText({ type, qomPath, place, hasDies }: HotpluggableCpu): string {
  const line = (indent: string, name: string, value: string | number): string =>
    `${indent}${name}: "${value}"\n`;
  const ids = [
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
