/** Drives and the nodes of their images. Spec: QEMU qapi/block-core.json. */
import type { Drive, Medium } from '../../block/drives.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import {
  BOOL,
  deprecated,
  enumeration,
  INT,
  type Infer,
  list,
  optional,
  STR,
  struct,
} from '../../qapi/schema.ts';
import { command } from './context.ts';

/** Not modelled: images that stand on others, have snapshots or a format of their own. */
const IMAGE_INFO = struct({
  ...{ filename: STR, format: STR, 'dirty-flag': optional(BOOL), 'actual-size': optional(INT) },
  ...{ 'virtual-size': INT, 'cluster-size': optional(INT), encrypted: optional(BOOL) },
  compressed: optional(BOOL),
});
const BLOCKDEV_CACHE_INFO = struct({ writeback: BOOL, direct: BOOL, 'no-flush': BOOL });
const DETECT_ZEROES = enumeration('BlockdevDetectZeroesOptions', ['off', 'on', 'unmap']);
/** Of bytes and requests a second; 0: as many as there are. */
const RATES = { bps: INT, bps_rd: INT, bps_wr: INT, iops: INT, iops_rd: INT, iops_wr: INT } as const;
const BLOCK_DEVICE_INFO = struct({
  ...{ file: STR, 'node-name': optional(STR), ro: BOOL, drv: STR, backing_file: optional(STR) },
  ...{ backing_file_depth: INT, encrypted: BOOL, detect_zeroes: DETECT_ZEROES },
  ...RATES,
  image: IMAGE_INFO,
  cache: BLOCKDEV_CACHE_INFO,
  write_threshold: INT,
});
const BLOCK_DEVICE_IO_STATUS = enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace']);
const BLOCK_INFO = struct({
  ...{ device: STR, qdev: optional(STR), type: STR, removable: BOOL, locked: BOOL },
  inserted: optional(BLOCK_DEVICE_INFO),
  tray_open: optional(BOOL),
  'io-status': optional(BLOCK_DEVICE_IO_STATUS),
});

export type BlockDeviceInfo = Infer<typeof BLOCK_DEVICE_INFO>;
export type BlockInfo = Infer<typeof BLOCK_INFO>;

const NO_LIMITS: Readonly<Record<keyof typeof RATES, number>> = {
  ...{ bps: 0, bps_rd: 0, bps_wr: 0 },
  ...{ iops: 0, iops_rd: 0, iops_wr: 0 },
};

interface NodeOfMedium {
  readonly name: string;
  readonly driver: string;
  /** QEMU: a node always is, that the guest has no cache is the drive's affair. */
  readonly writeback: boolean;
}

function nodeInfo({ cache }: Drive, medium: Medium, node: NodeOfMedium): BlockDeviceInfo {
  const { path, backend } = medium;
  const { name, driver, writeback } = node;
  return {
    ...{ file: path, 'node-name': name, ro: backend.readOnly, drv: driver },
    ...{ backing_file_depth: 0, encrypted: false, detect_zeroes: 'off' },
    ...NO_LIMITS,
    image: { filename: path, format: driver, 'dirty-flag': false, 'virtual-size': backend.sizeBytes },
    cache: { writeback, direct: cache.direct, 'no-flush': cache.noFlush },
    write_threshold: 0,
  };
}

function blockInfo(drive: Drive): BlockInfo {
  const { name, medium, attachedTo, removable, cache } = drive;
  const { writeback } = cache;
  return {
    ...{ device: name, qdev: attachedTo, type: 'unknown', removable, locked: false },
    inserted: medium && nodeInfo(drive, medium, { name: medium.nodeName, driver: medium.format, writeback }),
    tray_open: removable && attachedTo !== undefined ? false : undefined,
    'io-status': attachedTo === undefined ? undefined : 'ok',
  };
}

/** In the order of their creation. QEMU: a drive that lost its name is shown with its device, and not without. */
export function queryBlock({ drives }: MachineApi): readonly BlockInfo[] {
  return drives
    .list()
    .filter(({ name, attachedTo }) => name !== '' || attachedTo !== undefined)
    .map(blockInfo);
}

/** Newest first: each image's format, then its file. */
export function queryNamedBlockNodes({ drives }: MachineApi): readonly BlockDeviceInfo[] {
  return drives
    .list()
    .toReversed()
    .flatMap((drive) => {
      const { medium } = drive;
      if (medium === undefined) return [];
      return [
        nodeInfo(drive, medium, { name: medium.nodeName, driver: medium.format, writeback: true }),
        nodeInfo(drive, medium, { name: medium.fileNodeName, driver: 'file', writeback: true }),
      ];
    });
}

const READ_ONLY_MODE = enumeration('BlockdevChangeReadOnlyMode', ['retain', 'read-only', 'read-write']);
/** Whether an image may be written that comes into a drive; undefined: as the one before. */
const READ_ONLY: Readonly<Record<string, boolean | undefined>> = {
  retain: undefined,
  'read-only': true,
  'read-write': false,
};

/** The drive that is meant by its name or by the id of its device. Throws QEMU's error. */
function driveName({ devices }: MachineApi, device: string | undefined, id: string | undefined): string {
  if ((device === undefined) === (id === undefined)) {
    throw new MonitorError("Need exactly one of 'device' and 'id'");
  }
  // QEMU: no device of this machine is one whose drive can be changed.
  if (id !== undefined && devices.removable().includes(id)) {
    throw new MonitorError('Device does not have a block device backend');
  }
  return device ?? id ?? '';
}

/** `change` and `blockdev-change-medium`. Rejects with QEMU's error. */
export function changeMedium(
  { drives }: MachineApi,
  name: string,
  path: string,
  format: string | undefined,
  mode: string | undefined,
): Promise<void> {
  if (mode !== undefined && !Object.hasOwn(READ_ONLY, mode)) {
    throw new MonitorError(`invalid parameter value: ${mode}`);
  }
  return drives.change(name, path, format, mode === undefined ? undefined : READ_ONLY[mode]);
}

export const BLOCK_CORE_COMMANDS = [
  command('eject', {
    args: struct({ device: deprecated(optional(STR)), id: optional(STR), force: optional(BOOL) }),
    run: ({ machine }, { device, id }) => machine.drives.eject(driveName(machine, device, id)),
  }),
  command('blockdev-change-medium', {
    args: struct({
      device: deprecated(optional(STR)),
      id: optional(STR),
      filename: STR,
      format: optional(STR),
      force: optional(BOOL),
      'read-only-mode': optional(READ_ONLY_MODE),
    }),
    run: ({ machine }, { device, id, filename, format, 'read-only-mode': mode }) =>
      changeMedium(machine, driveName(machine, device, id), filename, format, mode),
  }),
  command('query-block', {
    returns: list(BLOCK_INFO),
    allowPreconfig: true,
    run: ({ machine }) => queryBlock(machine),
  }),
  command('query-named-block-nodes', {
    args: struct({ flat: optional(BOOL) }),
    returns: list(BLOCK_DEVICE_INFO),
    allowPreconfig: true,
    run: ({ machine }) => queryNamedBlockNodes(machine),
  }),
];
