/** Snapshots inside of an image, and images that are given out to others: no image here does either. Spec: QEMU qapi/block-core.json, block-export.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, INT, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const SNAPSHOT_INFO = struct({
  ...{ id: STR, name: STR, 'vm-state-size': INT, 'date-sec': INT, 'date-nsec': INT },
  ...{ 'vm-clock-sec': INT, 'vm-clock-nsec': INT, icount: optional(INT) },
});
const EXPORT_TYPE = enumeration('BlockExportType', ['nbd', 'vhost-user-blk', 'fuse', 'vduse-blk']);

/** The format of the drive or node of that name. Throws QEMU's error. */
function formatOf({ drives }: MachineApi, name: string): string {
  const node = drives.find(name)?.medium?.node ?? drives.nodes.find(name);
  if (node !== undefined) return node.driver;
  if (drives.find(name) !== undefined) throw new MonitorError(`Device '${name}' has no medium`);
  throw new MonitorError(`Cannot find device='${name}' nor node-name='${name}'`);
}

export const BLOCK_ABSENT_COMMANDS = [
  command('blockdev-snapshot-internal-sync', {
    args: struct({ device: STR, name: STR }),
    allowPreconfig: true,
    run({ machine }, { device }) {
      const format = formatOf(machine, device);
      throw new MonitorError(
        `Block format '${format}' used by device '${device}' does not support internal snapshots`,
      );
    },
  }),
  command('blockdev-snapshot-delete-internal-sync', {
    args: struct({ device: STR, id: optional(STR), name: optional(STR) }),
    returns: SNAPSHOT_INFO,
    allowPreconfig: true,
    run({ machine }, { device, id, name }) {
      formatOf(machine, device);
      throw new MonitorError(
        id === undefined && name === undefined
          ? 'Name or id must be provided'
          : 'Failed to get a snapshot list: Operation not supported',
      );
    },
  }),
  command('query-block-exports', {
    returns: list(struct({ id: STR, type: EXPORT_TYPE, 'node-name': STR, 'shutting-down': BOOL })),
    allowPreconfig: true,
    run: () => [],
  }),
  command('block-export-del', {
    args: struct({ id: STR, mode: optional(enumeration('BlockExportRemoveMode', ['safe', 'hard'])) }),
    allowPreconfig: true,
    run(_context, { id }) {
      throw new MonitorError(`Export '${id}' is not found`);
    },
  }),
  command('query-pr-managers', {
    returns: list(struct({ id: STR, connected: BOOL })),
    allowPreconfig: true,
    run: () => [],
  }),
];
