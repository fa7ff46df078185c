/** Properties that every disk has, whatever its bus, in QEMU's order, and the checks on them. */
import { MonitorError } from '../core/monitor-error.ts';
import {
  BLOCK_SIZE,
  ERROR_POLICY,
  fixed,
  number,
  ON_OFF_AUTO,
  off,
  type PropertyKind,
  type PropertySpec,
  SIZE,
  STR,
} from '../qdev/properties.ts';
import type { Values } from '../qdev/values.ts';
import type { DriveGate } from './drive-gate.ts';
import { DRIVES } from './drives.ts';
import type { ErrorPolicy } from './error-policy.ts';

const GRANULARITY_UNSPECIFIED = 0xffff_ffff;
const DEFAULT_BLOCK_BYTES = 512;
const MAX_IO_BLOCKS = 0xffff;
const HEADS = 16;
const SECTORS = 63;
const MIN_CYLINDERS = 2;
const MAX_CYLINDERS = 16383;

/** The name of a free drive. */
const DRIVE: PropertyKind = {
  ...STR,
  check: (value, { owner, services }) =>
    value === '' ? undefined : services.get(DRIVES).checkFree(String(value), owner),
};

const auto = (name: string): PropertySpec => ({
  name,
  kind: ON_OFF_AUTO,
  default: 'auto',
  help: 'on/off/auto',
});
const policy = (name: string, help: string): PropertySpec => ({
  ...{ name, kind: ERROR_POLICY, default: 'auto', help },
});

/**
 * Those of a disk of any kind.
 * @param owner the type that QEMU names in errors: the disk inside of a transport
 */
export function driveProperties(owner: string): readonly PropertySpec[] {
  return [
    { name: 'drive', kind: DRIVE, help: 'drive made by drive_add', owner },
    fixed(auto('backend_defaults')),
    { name: 'logical_block_size', kind: BLOCK_SIZE, default: 0, help: 'power of two, 512 bytes to 2 MiB' },
    { name: 'physical_block_size', kind: BLOCK_SIZE, default: 0, help: 'power of two, 512 bytes to 2 MiB' },
    number('min_io_size', 0, SIZE),
    number('opt_io_size', 0, SIZE),
    number('discard_granularity', GRANULARITY_UNSPECIFIED, SIZE),
    auto('write-cache'),
    fixed(off('share-rw', '')),
    auto('account-invalid'),
    auto('account-failed'),
    policy('rerror', 'what a read error does'),
    policy('werror', 'what a write error does'),
  ];
}

/** Those of a disk with a geometry, which here cannot be set. */
export function blockProperties(owner: string): readonly PropertySpec[] {
  return [
    ...driveProperties(owner),
    ...['cyls', 'heads', 'secs', 'lcyls', 'lheads', 'lsecs'].map((name) => fixed(number(name, 0))),
  ];
}

/** The device has the drive from now on: what errors do, as it was told, or else as the drive was. QEMU: blkconf_apply_backend_options. */
export function applyErrorPolicies(values: Values, { errors }: DriveGate): void {
  const given = (['rerror', 'werror'] as const).flatMap((name) => {
    const policy = values.text(name);
    return policy === 'auto' ? [] : [[name === 'rerror' ? 'read' : 'write', policy as ErrorPolicy] as const];
  });
  errors.setPolicies(Object.fromEntries(given));
  errors.tellStatus();
}

/** Sizes in bytes. */
export interface BlockLimits {
  readonly logicalBlockSize: number;
  readonly physicalBlockSize: number;
  readonly minIoSize: number;
  readonly optIoSize: number;
  /** Undefined: the device's choice. */
  readonly discardGranularity: number | undefined;
}

/** The limits that the user set, or QEMU's error. */
export function blockLimits(values: Values): BlockLimits | MonitorError {
  const logical = values.number('logical_block_size') || DEFAULT_BLOCK_BYTES;
  const physical = values.number('physical_block_size') || DEFAULT_BLOCK_BYTES;
  if (logical > physical) return new MonitorError('logical_block_size > physical_block_size not supported');
  const granularity = values.number('discard_granularity');
  const misaligned = (name: string): boolean => values.number(name) % logical !== 0;
  const error = (name: string): MonitorError =>
    new MonitorError(`${name} must be a multiple of logical_block_size`);
  if (misaligned('min_io_size')) return error('min_io_size');
  if (values.number('min_io_size') / logical > MAX_IO_BLOCKS) {
    return new MonitorError(`min_io_size must not exceed ${MAX_IO_BLOCKS} logical blocks`);
  }
  if (misaligned('opt_io_size')) return error('opt_io_size');
  const automatic = granularity === GRANULARITY_UNSPECIFIED;
  if (!automatic && misaligned('discard_granularity')) return error('discard_granularity');
  return {
    logicalBlockSize: logical,
    physicalBlockSize: physical,
    minIoSize: values.number('min_io_size'),
    optIoSize: values.number('opt_io_size'),
    discardGranularity: automatic ? undefined : granularity,
  };
}

/** QEMU: the geometry of a disk without a partition table that says otherwise, as property values. */
export function geometryOf(sizeBytes: number): readonly (readonly [name: string, value: number])[] {
  const cylinders = Math.floor(sizeBytes / 512 / (HEADS * SECTORS));
  return [
    ['cyls', Math.min(MAX_CYLINDERS, Math.max(MIN_CYLINDERS, cylinders))],
    ['heads', HEADS],
    ['secs', SECTORS],
  ];
}
