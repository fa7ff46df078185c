/** What drives moved. Spec: QEMU qapi/block-core.json, BlockStats. */
import type { BlockNode } from '../../block/block-node.ts';
import type { BlockStatistics } from '../../block/block-statistics.ts';
import { NODE_DRIVERS } from '../../block/blockdev-options.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import {
  BOOL,
  enumeration,
  INT,
  type Infer,
  list,
  NUMBER,
  type ObjectNode,
  optional,
  type SchemaType,
  STR,
  struct,
  union,
} from '../../qapi/schema.ts';
import { toldDrives } from './block-core-info.ts';
import { command } from './context.ts';

/** Not modelled: intervals, for which a device would have to ask. */
const TIMED_STATS = struct({
  interval_length: INT,
  ...{ min_rd_latency_ns: INT, max_rd_latency_ns: INT, avg_rd_latency_ns: INT },
  ...{ min_wr_latency_ns: INT, max_wr_latency_ns: INT, avg_wr_latency_ns: INT },
  ...{ min_flush_latency_ns: INT, max_flush_latency_ns: INT, avg_flush_latency_ns: INT },
  ...{ avg_rd_queue_depth: NUMBER, avg_wr_queue_depth: NUMBER },
});
const DEVICE_STATS = struct({
  ...{ rd_bytes: INT, wr_bytes: INT, unmap_bytes: INT },
  ...{ rd_operations: INT, wr_operations: INT, flush_operations: INT, unmap_operations: INT },
  ...{ rd_total_time_ns: INT, wr_total_time_ns: INT, flush_total_time_ns: INT, unmap_total_time_ns: INT },
  ...{ wr_highest_offset: INT, rd_merged: INT, wr_merged: INT, unmap_merged: INT },
  idle_time_ns: optional(INT),
  ...{ failed_rd_operations: INT, failed_wr_operations: INT },
  ...{ failed_flush_operations: INT, failed_unmap_operations: INT },
  ...{ invalid_rd_operations: INT, invalid_wr_operations: INT },
  ...{ invalid_flush_operations: INT, invalid_unmap_operations: INT },
  ...{ account_invalid: BOOL, account_failed: BOOL, timed_stats: list(TIMED_STATS) },
});
type DeviceStats = Infer<typeof DEVICE_STATS>;
const DRIVER_STATS = union({ driver: enumeration('BlockdevDriver', NODE_DRIVERS) }, 'driver', {
  file: struct({ 'discard-nb-ok': INT, 'discard-nb-failed': INT, 'discard-bytes-ok': INT }),
});

export interface BlockStats {
  readonly device?: string | undefined;
  readonly qdev?: string | undefined;
  readonly 'node-name'?: string | undefined;
  readonly stats: DeviceStats;
  readonly 'driver-specific'?: Infer<typeof DRIVER_STATS> | undefined;
  /** Of the node below. */
  readonly parent?: BlockStats | undefined;
}

/** The type has itself as a part. */
const members = struct({
  ...{ device: optional(STR), qdev: optional(STR), 'node-name': optional(STR) },
  stats: DEVICE_STATS,
  'driver-specific': optional(DRIVER_STATS),
}).node.members.slice();
const BLOCK_STATS: SchemaType<BlockStats, ObjectNode> = { node: { meta: 'object', members } };
for (const name of ['parent', 'backing']) members.push({ name, type: BLOCK_STATS.node, optional: true });

const NOTHING = { bytes: 0, operations: 0, totalNs: 0, failed: 0, invalid: 0 };

/** @param statistics absent: of a node, which nobody counts for */
function deviceStats(highestOffset: number, statistics: BlockStatistics | undefined): DeviceStats {
  const of = (kind: 'read' | 'write' | 'flush' | 'unmap'): typeof NOTHING => statistics?.of(kind) ?? NOTHING;
  const [read, write, flush, unmap] = [of('read'), of('write'), of('flush'), of('unmap')];
  const isCounted = statistics !== undefined;
  return {
    ...{ rd_bytes: read.bytes, wr_bytes: write.bytes, unmap_bytes: unmap.bytes },
    ...{ rd_operations: read.operations, wr_operations: write.operations },
    ...{ flush_operations: flush.operations, unmap_operations: unmap.operations },
    ...{ rd_total_time_ns: read.totalNs, wr_total_time_ns: write.totalNs },
    ...{ flush_total_time_ns: flush.totalNs, unmap_total_time_ns: unmap.totalNs },
    ...{ wr_highest_offset: highestOffset, rd_merged: 0, wr_merged: 0, unmap_merged: 0 },
    idle_time_ns: statistics?.idleNs,
    ...{ failed_rd_operations: read.failed, failed_wr_operations: write.failed },
    ...{ failed_flush_operations: flush.failed, failed_unmap_operations: unmap.failed },
    ...{ invalid_rd_operations: read.invalid, invalid_wr_operations: write.invalid },
    ...{ invalid_flush_operations: flush.invalid, invalid_unmap_operations: unmap.invalid },
    ...{ account_invalid: isCounted, account_failed: isCounted, timed_stats: [] },
  };
}

function fileStats({ driver, discards }: BlockNode): BlockStats['driver-specific'] {
  if (driver !== 'file') return undefined;
  const { ok, failed, bytes } = discards;
  return { driver, 'discard-nb-ok': ok, 'discard-nb-failed': failed, 'discard-bytes-ok': bytes };
}

function nodeStats(node: BlockNode, statistics?: BlockStatistics): BlockStats {
  return {
    'node-name': node.name,
    stats: deviceStats(node.highestOffset, statistics),
    'driver-specific': fileStats(node),
    parent: node.file && nodeStats(node.file),
  };
}

/** @param ofNodes of all nodes, oldest first, instead of the drives */
export function queryBlockStats(machine: MachineApi, ofNodes: boolean): readonly BlockStats[] {
  if (ofNodes) return machine.drives.nodes.list().map((node) => nodeStats(node));
  return toldDrives(machine).map(({ name, attachedTo, medium, gate }) => ({
    ...{ device: name, qdev: attachedTo },
    ...(medium === undefined
      ? { stats: deviceStats(0, gate.statistics) }
      : nodeStats(medium.node, gate.statistics)),
  }));
}

export const BLOCK_STATS_COMMANDS = [
  command('query-blockstats', {
    args: struct({ 'query-nodes': optional(BOOL) }),
    returns: list(BLOCK_STATS),
    allowPreconfig: true,
    run: ({ machine }, { 'query-nodes': ofNodes }) => queryBlockStats(machine, ofNodes === true),
  }),
];
