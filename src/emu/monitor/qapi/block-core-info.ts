/** Drives and nodes as they are told. Spec: QEMU qapi/block-core.json, BlockInfo and BlockDeviceInfo. */
import type { BlockNode } from '../../block/block-node.ts';
import { DETECT_ZEROES_OPTIONS } from '../../block/blockdev-options.ts';
import type { DriveGate } from '../../block/drive-gate.ts';
import type { Drive } from '../../block/drives.ts';
import { SECTOR_BYTES } from '../../block/raw.ts';
import { LIMIT_NAMES, type LimitName, NO_LIMITS } from '../../block/throttle-limits.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import {
  BOOL,
  enumeration,
  INT,
  type Infer,
  list,
  type ObjectNode,
  optional,
  type SchemaType,
  STR,
  struct,
} from '../../qapi/schema.ts';
import { command } from './context.ts';

/** Not modelled: images that stand on others, have snapshots or a format of their own. */
const imageMembers = struct({
  ...{ filename: STR, format: STR, 'dirty-flag': optional(BOOL), 'actual-size': optional(INT) },
  ...{ 'virtual-size': INT, 'cluster-size': optional(INT), encrypted: optional(BOOL) },
  compressed: optional(BOOL),
});
/** The type has itself as a part. */
type ImageInfo = Infer<typeof imageMembers> & {
  /** Of the node below one that changes no bytes. QEMU: a filter. */
  readonly 'backing-image'?: ImageInfo | undefined;
};
const imageInfoMembers = imageMembers.node.members.slice();
const IMAGE_INFO: SchemaType<ImageInfo, ObjectNode> = { node: { meta: 'object', members: imageInfoMembers } };
imageInfoMembers.push({ name: 'backing-image', type: IMAGE_INFO.node, optional: true });
const BLOCKDEV_CACHE_INFO = struct({ writeback: BOOL, direct: BOOL, 'no-flush': BOOL });
/** Of bytes and requests a second; 0: as many as there are. */
export const RATES = { bps: INT, bps_rd: INT, bps_wr: INT, iops: INT, iops_rd: INT, iops_wr: INT } as const;
/** Of bursts. */
export const BURSTS = {
  ...{ bps_max: optional(INT), bps_rd_max: optional(INT), bps_wr_max: optional(INT) },
  ...{ iops_max: optional(INT), iops_rd_max: optional(INT), iops_wr_max: optional(INT) },
  ...{ bps_max_length: optional(INT), bps_rd_max_length: optional(INT), bps_wr_max_length: optional(INT) },
  ...{ iops_max_length: optional(INT), iops_rd_max_length: optional(INT), iops_wr_max_length: optional(INT) },
  iops_size: optional(INT),
} as const;
const BLOCK_DEVICE_INFO = struct({
  ...{ file: STR, 'node-name': optional(STR), ro: BOOL, drv: STR, backing_file: optional(STR) },
  ...{ backing_file_depth: INT, encrypted: BOOL, detect_zeroes: DETECT_ZEROES_OPTIONS },
  ...RATES,
  image: IMAGE_INFO,
  ...BURSTS,
  group: optional(STR),
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
type Limits = Pick<BlockDeviceInfo, keyof typeof RATES | keyof typeof BURSTS | 'group'>;

/** QEMU: limits are a drive's; a node has none. */
function limitsInfo(gate: DriveGate | undefined): Limits {
  const group = gate?.limits?.group;
  const { rates, iopsSize } = group?.limits ?? NO_LIMITS;
  const avg = (name: LimitName): number => rates[name].avg;
  const bursts: Record<string, number> = {};
  for (const name of LIMIT_NAMES) {
    const { max, length } = rates[name];
    if (max === 0) continue;
    bursts[`${name}_max`] = max;
    bursts[`${name}_max_length`] = length;
  }
  return {
    ...{ bps: avg('bps'), bps_rd: avg('bps_rd'), bps_wr: avg('bps_wr') },
    ...{ iops: avg('iops'), iops_rd: avg('iops_rd'), iops_wr: avg('iops_wr') },
    ...bursts,
    iops_size: iopsSize === 0 ? undefined : iopsSize,
    group: group?.name,
  };
}

/** QEMU: `blkdebug` does not know how much room its image takes. */
function takesUnknownRoom({ driver, file }: BlockNode): boolean {
  return driver === 'blkdebug' || (file !== undefined && takesUnknownRoom(file));
}

/** @param isFlat without the images below */
function imageInfo(node: BlockNode, isFlat: boolean): ImageInfo {
  const { driver, path, disk, file } = node;
  const isFilter = driver === 'blkdebug' && file !== undefined;
  return {
    ...{ filename: path, format: driver, 'dirty-flag': isOfFile(node) ? false : undefined },
    'virtual-size': exactly(Math.ceil(disk.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES),
    'actual-size': takesUnknownRoom(node) ? undefined : disk.allocatedBytes,
    'backing-image': isFilter && !isFlat ? imageInfo(file, isFlat) : undefined,
  };
}

/** How many images are told below this one. */
function depthOf({ 'backing-image': below }: ImageInfo): number {
  return below === undefined ? 0 : depthOf(below) + 1;
}

interface NodeView {
  /** The drive as which the node is told; a node alone always has a cache, that the guest has none is the drive's affair. */
  readonly drive?: Drive;
  readonly isFlat?: boolean;
}

function nodeInfo(node: BlockNode, { drive, isFlat = false }: NodeView): BlockDeviceInfo {
  const { name, driver, path, settings } = node;
  const { direct, noFlush, detectZeroes } = settings;
  const image = imageInfo(node, isFlat);
  return {
    ...{ file: path, 'node-name': name, ro: settings.readOnly, drv: driver },
    ...{ backing_file_depth: depthOf(image), encrypted: false, detect_zeroes: detectZeroes },
    ...limitsInfo(drive?.gate),
    image,
    cache: { writeback: drive?.cache.writeback ?? true, direct, 'no-flush': noFlush },
    write_threshold: asInt64(node.writeThreshold),
  };
}

/** QEMU: what has 64 bits without a sign is told with one. */
function asInt64(value: number | bigint): number | bigint {
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) : value;
}

/** A number that is to be written with all of its digits. */
function exactly(value: number): number | bigint {
  return Number.isSafeInteger(value) ? value : BigInt(value);
}

function isOfFile({ driver, file }: BlockNode): boolean {
  return file === undefined ? driver === 'file' : isOfFile(file);
}

function blockInfo(drive: Drive): BlockInfo {
  const { name, medium, attachedTo, removable, gate } = drive;
  const isTray = attachedTo !== undefined && gate.tray !== undefined;
  return {
    ...{ device: name, qdev: attachedTo, type: 'unknown', removable },
    locked: isTray && gate.tray?.isLocked === true,
    inserted: medium && nodeInfo(medium.node, { drive }),
    tray_open: isTray ? gate.tray?.isOpen : undefined,
    'io-status': gate.errors.status,
  };
}

/** QEMU: a drive that lost its name is told of with its device, and not without. */
export function toldDrives({ drives }: MachineApi): readonly Drive[] {
  return drives.list().filter(({ name, attachedTo }) => name !== '' || attachedTo !== undefined);
}

/** In the order of their creation. */
export function queryBlock(machine: MachineApi): readonly BlockInfo[] {
  return toldDrives(machine).map(blockInfo);
}

/** Newest first. */
export function queryNamedBlockNodes({ drives }: MachineApi, isFlat = false): readonly BlockDeviceInfo[] {
  return drives.nodes
    .list()
    .toReversed()
    .map((node) => nodeInfo(node, { isFlat }));
}

export const BLOCK_INFO_COMMANDS = [
  command('query-block', {
    returns: list(BLOCK_INFO),
    allowPreconfig: true,
    run: ({ machine }) => queryBlock(machine),
  }),
  command('query-named-block-nodes', {
    args: struct({ flat: optional(BOOL) }),
    returns: list(BLOCK_DEVICE_INFO),
    allowPreconfig: true,
    run: ({ machine }, { flat }) => queryNamedBlockNodes(machine, flat),
  }),
];
