/** What `drive_add` and `-drive` understand. Texts and their order are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseBool } from '../qdev/properties.ts';
import { DETECT_ZEROES, detectZeroesError, type NodeSettings } from './block-node.ts';
import {
  THROTTLE_ALIASES,
  THROTTLE_OPTIONS,
  throttleGroup,
  throttleLimits,
} from './drive-throttle-options.ts';
import { checkFormat } from './formats.ts';
import { nullDriverOf } from './null-backend.ts';
import type { ThrottleLimits } from './throttle-limits.ts';

/** QEMU's interface types in the order of their numbers: `Can't hot-add drive to type 1`. */
export const DRIVE_INTERFACES = [
  'none',
  'ide',
  'scsi',
  'floppy',
  'pflash',
  'mtd',
  'sd',
  'virtio',
  'xen',
] as const;
export type DriveInterface = (typeof DRIVE_INTERFACES)[number];

/** Units per bus; 0: any number. */
const UNITS_PER_BUS: Readonly<Partial<Record<DriveInterface, number>>> = { ide: 2, scsi: 7 };
const HAS_MEDIA_SUFFIX: readonly DriveInterface[] = ['ide', 'scsi'];

export interface DriveCache {
  readonly writeback: boolean;
  readonly direct: boolean;
  readonly noFlush: boolean;
}

const CACHE_MODES: Readonly<Record<string, DriveCache>> = {
  off: { writeback: true, direct: true, noFlush: false },
  none: { writeback: true, direct: true, noFlush: false },
  writeback: { writeback: true, direct: false, noFlush: false },
  writethrough: { writeback: false, direct: false, noFlush: false },
  directsync: { writeback: false, direct: true, noFlush: false },
  unsafe: { writeback: true, direct: false, noFlush: true },
};

export interface DriveOptions {
  readonly id: string | undefined;
  readonly interface: DriveInterface;
  readonly bus: number;
  /** Undefined: the first free one. */
  readonly unit: number | undefined;
  readonly index: number | undefined;
  readonly cdrom: boolean;
  /** Undefined: an empty drive. */
  readonly file: string | undefined;
  readonly format: string | undefined;
  readonly readOnly: boolean;
  readonly cache: DriveCache;
  readonly unmap: boolean;
  readonly detectZeroes: NodeSettings['detectZeroes'];
  /** The name of the image's upper node; undefined: it gets one. */
  readonly nodeName: string | undefined;
  readonly limits: ThrottleLimits;
  /** Undefined: one of its own. */
  readonly throttleGroup: string | undefined;
}

/** Options of QEMU's that change what a drive does and that are not modelled: only these values are taken. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  snapshot: ['off'],
  'copy-on-read': ['off'],
  // Not modelled: `on`, QEMU's default, takes an image that may not be written as a read-only one. Here that is an error.
  'auto-read-only': ['on', 'off'],
  werror: ['report', 'enospc'],
  rerror: ['report'],
};
const BOOLEANS = new Set(['snapshot', 'copy-on-read', 'auto-read-only']);
const WORDS: Readonly<Record<string, { readonly words: readonly string[]; readonly error: string }>> = {
  werror: { words: ['ignore', 'stop', 'report', 'enospc'], error: 'invalid write error action' },
  rerror: { words: ['ignore', 'stop', 'report'], error: 'invalid read error action' },
};
const ALIASES: readonly (readonly [from: string, to: string])[] = [
  ['readonly', 'read-only'],
  ...THROTTLE_ALIASES,
];
const KNOWN = new Set([
  'if',
  'bus',
  'unit',
  'index',
  'media',
  'file',
  'format',
  'driver',
  'read-only',
  'cache',
  'discard',
  'aio',
  'detect-zeroes',
  'node-name',
  ...THROTTLE_OPTIONS,
  ...Object.keys(ONLY),
]);

/** QEMU: these are options of a node, which an empty drive has not. */
const OF_NODES = new Set(['cache', 'discard', 'node-name', 'auto-read-only']);
/** Of `null-co://`. */
const NULL_OPTIONS = new Set(['file.read-zeroes']);

function boolOption(values: Map<string, string>, name: string): boolean {
  const text = values.get(name);
  if (text === undefined) return false;
  const value = parseBool(text);
  if (value === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
  return value;
}

function numberOption(values: Map<string, string>, name: string): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (!/^\s*[+-]?\d+$/.test(text)) throw new MonitorError(`Parameter '${name}' expects a number`);
  return Number(text);
}

function renamed(options: Options): Map<string, string> {
  const values = options.effective();
  for (const [from, to] of ALIASES) {
    const value = values.get(from);
    if (value === undefined) continue;
    if (values.has(to)) {
      throw new MonitorError(`'${to}' and its alias '${from}' can't be used at the same time`);
    }
    values.delete(from);
    values.set(to, value);
  }
  return values;
}

function cacheMode(values: Map<string, string>): DriveCache {
  const cache = CACHE_MODES[values.get('cache') ?? 'writeback'];
  if (cache === undefined) throw new MonitorError('invalid cache option');
  return cache;
}

function isCdrom(values: Map<string, string>): boolean {
  const media = values.get('media') ?? 'disk';
  if (media !== 'disk' && media !== 'cdrom') throw new MonitorError(`'${media}' invalid media`);
  return media === 'cdrom';
}

function interfaceOf(values: Map<string, string>, byDefault: DriveInterface): DriveInterface {
  const text = values.get('if');
  if (text === undefined) return byDefault;
  const found = DRIVE_INTERFACES.find((name) => name === text);
  if (found === undefined) throw new MonitorError(`unsupported bus type '${text}'`);
  return found;
}

function checkDiscard(values: Map<string, string>): boolean {
  const discard = values.get('discard') ?? 'ignore';
  if (!['ignore', 'off', 'unmap', 'on'].includes(discard)) throw new MonitorError('Invalid discard option');
  return discard === 'unmap' || discard === 'on';
}

function checkAio(values: Map<string, string>): void {
  if (!['threads', 'native', 'io_uring'].includes(values.get('aio') ?? 'threads')) {
    throw new MonitorError('invalid aio option');
  }
}

/** Throws QEMU's error. */
function detectZeroes(values: Map<string, string>, unmap: boolean): NodeSettings['detectZeroes'] {
  const text = values.get('detect-zeroes') ?? 'off';
  const found = DETECT_ZEROES.find((word) => word === text);
  if (found === undefined) throw new MonitorError(`invalid parameter value: ${text}`);
  if (found === 'unmap' && !unmap) throw detectZeroesError();
  return found;
}

function checkUnmodelled(values: Map<string, string>): void {
  for (const [name, allowed] of Object.entries(ONLY)) {
    const text = values.get(name);
    if (text === undefined) continue;
    const rule = WORDS[name];
    if (rule !== undefined && !rule.words.includes(text)) {
      throw new MonitorError(`'${text}' ${rule.error}`);
    }
    const value = BOOLEANS.has(name) ? (boolOption(values, name) ? 'on' : 'off') : text;
    if (!allowed.includes(value)) throw new MonitorError(`'${name}=${text}' is not modelled by this machine`);
  }
}

function formatOf(values: Map<string, string>): string | undefined {
  const format = values.get('format');
  const driver = values.get('driver');
  if (format !== undefined && driver !== undefined) {
    throw new MonitorError("Cannot specify both 'driver' and 'format'");
  }
  return format ?? driver;
}

/** What remains of the user's options belongs to the block driver. */
function checkLeftOver(
  values: Map<string, string>,
  file: string | undefined,
  format: string | undefined,
): void {
  const isKnown = (key: string): boolean =>
    KNOWN.has(key) || (NULL_OPTIONS.has(key) && nullDriverOf(file ?? '') !== undefined);
  const unknown = [...values.keys()].find((key) => !isKnown(key));
  checkFormat(format);
  const isNode = [...values.keys()].some((key) => !isKnown(key) || OF_NODES.has(key));
  if (file === undefined && (isNode || format !== undefined)) {
    throw new MonitorError(
      format === undefined
        ? 'Must specify either driver or file'
        : 'A block device must be specified for "file"',
    );
  }
  if (unknown !== undefined) {
    throw new MonitorError(`Block format '${format ?? 'raw'}' does not support the option '${unknown}'`);
  }
}

/** The path that `file=` names; what stands before a colon is a protocol. Throws QEMU's error for those that this machine has not. */
export function pathOf(file: string): string {
  const [, protocol] = /^([^:/]*):/.exec(file) ?? [];
  if (protocol === undefined || nullDriverOf(file) !== undefined) return file;
  if (protocol === 'file') return file.slice('file:'.length);
  throw new MonitorError(`Unknown protocol '${protocol}'`);
}

/** Reads a drive's options. Throws `MonitorError`. */
export function parseDriveOptions(options: Options, byDefault: DriveInterface): DriveOptions {
  const values = renamed(options);
  const cache = cacheMode(values);
  const bus = numberOption(values, 'bus');
  const unit = numberOption(values, 'unit');
  const index = numberOption(values, 'index');
  const cdrom = isCdrom(values);
  const type = interfaceOf(values, byDefault);
  const readOnly = boolOption(values, 'read-only') || cdrom;
  if (index !== undefined && ((bus ?? 0) !== 0 || unit !== undefined)) {
    throw new MonitorError('index cannot be used with bus and unit');
  }
  const perBus = UNITS_PER_BUS[type] ?? 0;
  const unmap = checkDiscard(values);
  checkAio(values);
  checkUnmodelled(values);
  const limits = throttleLimits(values);
  const zeroes = detectZeroes(values, unmap);
  const format = formatOf(values);
  const file = values.get('file') || undefined;
  checkLeftOver(values, file, format);
  return {
    id: options.id,
    interface: type,
    bus: index === undefined || perBus === 0 ? (bus ?? 0) : Math.floor(index / perBus),
    unit: index === undefined ? unit : perBus === 0 ? index : index % perBus,
    index,
    cdrom,
    file,
    format,
    readOnly,
    cache,
    unmap,
    detectZeroes: zeroes,
    nodeName: values.get('node-name'),
    limits,
    throttleGroup: throttleGroup(values),
  };
}

/** The name of a drive that was given none, as QEMU makes it: `none5`, `ide1-cd0`. */
export function automaticDriveName(type: DriveInterface, bus: number, unit: number, cdrom: boolean): string {
  const media = HAS_MEDIA_SUFFIX.includes(type) ? (cdrom ? '-cd' : '-hd') : '';
  const perBus = UNITS_PER_BUS[type] ?? 0;
  return perBus > 0 ? `${type}${bus}${media}${unit}` : `${type}${media}${unit}`;
}
