/** `info blockstats`. */
import type { Command } from '../command.ts';
import { type BlockStats, queryBlockStats } from '../qapi/block-core-stats.ts';

const SHOWN = [
  ...(['rd_bytes', 'wr_bytes', 'rd_operations', 'wr_operations', 'flush_operations'] as const),
  ...(['wr_total_time_ns', 'rd_total_time_ns', 'flush_total_time_ns', 'rd_merged', 'wr_merged'] as const),
  'idle_time_ns',
] as const;

function statsLine({ device, stats }: BlockStats): string {
  return `${device}:${SHOWN.map((name) => ` ${name}=${stats[name] ?? 0}`).join('')}\n`;
}

export const BLOCKSTATS_TOPIC: Command = {
  name: 'blockstats',
  args: [],
  params: '',
  help: 'what drives moved, in bytes, requests and virtual time',
  run: ({ machine }) => queryBlockStats(machine, false).map(statsLine).join(''),
};
