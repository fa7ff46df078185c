/** What `drive_add` and `-drive` understand. Texts and their order are QEMU's. */
import { MonitorError, MonitorHelp } from '../core/monitor-error.ts';
import { inQdictOrder } from '../qapi/qdict-order.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseBool } from '../qdev/properties.ts';
import { DETECT_ZEROES, type NodeSettings } from './block-node.ts';
import type { Direction } from './block-transfer.ts';
import { NODE_DRIVERS, type NodeDriver, type NodeRequest } from './blockdev-options.ts';
import {
  THROTTLE_ALIASES,
  THROTTLE_OPTIONS,
  throttleGroup,
  throttleLimits,
  throttleNumbers,
} from './drive-throttle-options.ts';
import type { ErrorPolicies, ErrorPolicy } from './error-policy.ts';
import { knownDriver, textNode } from './text-node.ts';
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

/** Where a drive is. */
export interface DrivePlace {
  readonly id: string | undefined;
  readonly interface: DriveInterface;
  readonly bus: number;
  /** Undefined: the first free one. */
  readonly unit: number | undefined;
  readonly index: number | undefined;
  readonly cdrom: boolean;
}

export interface DriveOptions {
  readonly cache: DriveCache;
  /** Undefined: an empty drive. */
  readonly node: NodeRequest | undefined;
  readonly limits: ThrottleLimits;
  /** Those that are not QEMU's defaults. */
  readonly errors: Partial<ErrorPolicies>;
  /** Undefined: one of its own. */
  readonly throttleGroup: string | undefined;
}

/** Options of QEMU's that change what a drive does and that are not modelled: only these values are taken. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  snapshot: ['off'],
  'copy-on-read': ['off'],
};
/** What errors do: QEMU's words for it. */
const ERROR_OPTIONS: readonly {
  readonly name: string;
  readonly operation: Direction;
  readonly words: readonly ErrorPolicy[];
}[] = [
  { name: 'werror', operation: 'write', words: ['ignore', 'stop', 'report', 'enospc'] },
  { name: 'rerror', operation: 'read', words: ['ignore', 'stop', 'report'] },
];
/** QEMU: no others have devices that can wait. */
const CAN_STOP: readonly DriveInterface[] = ['ide', 'scsi', 'virtio', 'none'];
const ALIASES: readonly (readonly [from: string, to: string])[] = [
  ['readonly', 'read-only'],
  ...THROTTLE_ALIASES,
];
const NUMBERS = new Set(['bus', 'unit', 'index']);
const PLACE_OPTIONS = [...NUMBERS, 'if', 'media', 'read-only', 'copy-on-read'];
/** Those that are about the drive, not about its image. */
const OF_DRIVE = new Set([
  ...PLACE_OPTIONS,
  ...['file', 'format', 'driver', 'cache', 'cache.writeback', 'aio', 'detect-zeroes'],
  ...THROTTLE_OPTIONS,
  ...Object.keys(ONLY),
  ...ERROR_OPTIONS.map(({ name }) => name),
]);

function boolOption(values: Map<string, string>, name: string): boolean | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
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

function driveAio(values: Map<string, string>): NodeRequest['aio'] {
  const aio = values.get('aio');
  if (aio === undefined || aio === 'threads') return undefined;
  if (aio !== 'native' && aio !== 'io_uring') throw new MonitorError('invalid aio option');
  return aio;
}

/** Throws QEMU's error. */
function detectZeroes(values: Map<string, string>): NodeSettings['detectZeroes'] {
  const text = values.get('detect-zeroes') ?? 'off';
  const found = DETECT_ZEROES.find((word) => word === text);
  if (found === undefined) throw new MonitorError(`invalid parameter value: ${text}`);
  return found;
}

/** Those that are given. Throws QEMU's error. */
function errorPolicies(values: Map<string, string>): Partial<ErrorPolicies> {
  const given = ERROR_OPTIONS.flatMap(({ name, operation, words }) => {
    const text = values.get(name);
    if (text === undefined) return [];
    const policy = words.find((word) => word === text);
    if (policy === undefined) throw new MonitorError(`'${text}' invalid ${operation} error action`);
    return [[operation, policy] as const];
  });
  return Object.fromEntries(given);
}

/** QEMU's error for what an interface does not know. */
export function checkErrorOptions(options: Options, type: DriveInterface): void {
  if (CAN_STOP.includes(type)) return;
  const values = options.effective();
  const given = ERROR_OPTIONS.find(({ name }) => values.has(name));
  if (given !== undefined) throw new MonitorError(`${given.name} is not supported by this bus type`);
}

function checkUnmodelled(values: Map<string, string>, name: string): void {
  const text = values.get(name);
  const allowed = ONLY[name];
  if (text === undefined || allowed === undefined) return;
  const value = boolOption(values, name) === true ? 'on' : 'off';
  if (!allowed.includes(value)) throw new MonitorError(`'${name}=${text}' is not modelled by this machine`);
}

/** Undefined: it is guessed, or there is none. QEMU: lists those that there are in the place of an error. */
function formatOf(values: Map<string, string>): string | undefined {
  const format = values.get('format');
  const driver = values.get('driver');
  if (format === '?' || format === 'help') {
    const names = NODE_DRIVERS.join(' ');
    throw new MonitorHelp(`Supported formats: ${names}\nSupported formats (read-only): ${names}`);
  }
  if (format !== undefined && driver !== undefined) {
    throw new MonitorError("Cannot specify both 'driver' and 'format'");
  }
  return format ?? driver;
}

/** Where the drive is to be. Throws `MonitorError`. */
export function parseDrivePlace(options: Options, byDefault: DriveInterface): DrivePlace {
  const values = renamed(options);
  cacheMode(values);
  for (const name of inQdictOrder(PLACE_OPTIONS.filter((key) => values.has(key)))) {
    if (NUMBERS.has(name)) numberOption(values, name);
    else if (name !== 'if' && name !== 'media') boolOption(values, name);
  }
  const cdrom = isCdrom(values);
  const type = interfaceOf(values, byDefault);
  const [bus = 0, unit, index] = [...NUMBERS].map((name) => numberOption(values, name));
  if (index !== undefined && (bus !== 0 || unit !== undefined)) {
    throw new MonitorError('index cannot be used with bus and unit');
  }
  const { id } = options;
  const perBus = UNITS_PER_BUS[type] ?? 0;
  if (perBus > 0 && unit !== undefined && unit >= perBus) {
    throw new MonitorError(`unit ${unit} too big (max is ${perBus - 1})`);
  }
  if (index === undefined) return { id, interface: type, bus, unit, index, cdrom };
  const [onBus, at] = perBus === 0 ? [bus, index] : [Math.floor(index / perBus), index % perBus];
  return { id, interface: type, bus: onBus, unit: at, index, cdrom };
}

/** What else a drive's options say. Throws `MonitorError`. */
export function parseDriveOptions(options: Options): DriveOptions {
  const values = renamed(options);
  const mode = cacheMode(values);
  const writeback = boolOption(values, 'cache.writeback') ?? mode.writeback;
  for (const name of ['snapshot', 'copy-on-read']) boolOption(values, name);
  const numbers = throttleNumbers(values);
  const aio = driveAio(values);
  const limits = throttleLimits(numbers);
  const zeroes = detectZeroes(values);
  const format = formatOf(values);
  const errors = errorPolicies(values);
  const driver = format === undefined ? undefined : knownDriver(format);
  for (const name of Object.keys(ONLY)) checkUnmodelled(values, name);
  const isReadOnly = boolOption(values, 'read-only') === true || isCdrom(values);
  const node = driveNode(values, driver, mode, isReadOnly);
  return {
    cache: {
      writeback,
      direct: node?.cache?.direct ?? mode.direct,
      noFlush: node?.cache?.['no-flush'] ?? mode.noFlush,
    },
    node: node && ofDrive({ ...node, 'detect-zeroes': zeroes }, aio),
    limits,
    errors,
    throttleGroup: throttleGroup(values),
  };
}

/** The drive's node; undefined: it is empty. */
function driveNode(
  values: Map<string, string>,
  driver: NodeDriver | undefined,
  mode: DriveCache,
  isReadOnly: boolean,
): NodeRequest | undefined {
  const path = values.get('file') || undefined;
  const ofNode = new Map([...values].filter(([key]) => !OF_DRIVE.has(key)));
  if (values.has('cache')) ofNode.set('cache', '');
  if (path === undefined && driver === undefined && ofNode.size === 0) return undefined;
  ofNode.delete('cache');
  const byMode = new Map([
    ['cache.direct', mode.direct],
    ['cache.no-flush', mode.noFlush],
  ]);
  for (const [name, isOn] of byMode) if (!ofNode.has(name)) ofNode.set(name, isOn ? 'on' : 'off');
  ofNode.set('read-only', isReadOnly ? 'on' : 'off');
  return textNode(ofNode, driver, { path });
}

/** A drive's rules are for all nodes below it; what it says of its file is for the file. */
function ofDrive(request: NodeRequest, aio: NodeRequest['aio']): NodeRequest {
  const { file, image } = request;
  const below = (node: typeof file): typeof file => (typeof node === 'object' ? ofDrive(node, aio) : node);
  const own = request.driver === 'file' ? { aio: request.aio ?? aio } : {};
  return { ...request, ...own, file: below(file), image: below(image), isOfDrive: true };
}

/** The name of a drive that was given none, as QEMU makes it: `none5`, `ide1-cd0`. */
export function automaticDriveName(type: DriveInterface, bus: number, unit: number, cdrom: boolean): string {
  const media = HAS_MEDIA_SUFFIX.includes(type) ? (cdrom ? '-cd' : '-hd') : '';
  const perBus = UNITS_PER_BUS[type] ?? 0;
  return perBus > 0 ? `${type}${bus}${media}${unit}` : `${type}${media}${unit}`;
}
