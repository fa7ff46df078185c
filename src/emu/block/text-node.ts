/**
 * A node as options in text ask for it: `drive_add -n`, and what of a drive's options is about its image. Options of the node below begin with `file.`.
 * QEMU reads them otherwise than those that have a schema, with texts of their own. A size that is none ends QEMU where it is a null driver's.
 */
import { MonitorError } from '../core/monitor-error.ts';
import { inQdictOrder } from '../qapi/qdict-order.ts';
import { isWellFormedId, type Options } from '../qdev/option-string.ts';
import { parseBool, parseSize } from '../qdev/properties.ts';
import { BLKDEBUG_SIZES } from './blkdebug-options.ts';
import { DETECT_ZEROES, detectZeroesError } from './block-node.ts';
import { LOCKINGS, NODE_DRIVERS, type NodeDriver, type NodeRequest } from './blockdev-options.ts';
import { nullDriverOf } from './null-backend.ts';
import { blkdebugText, isBlkdebugOption, wrongSize } from './text-blkdebug.ts';

type Values = ReadonlyMap<string, string>;

const BELOW = 'file.';
const AIO = ['threads', 'native', 'io_uring'] as const;
const COMMON = [
  ...['driver', 'node-name', 'discard', 'detect-zeroes', 'read-only', 'auto-read-only', 'force-share'],
  ...['cache.direct', 'cache.no-flush'],
];
const NULL_OPTIONS = ['size', 'read-zeroes'];
const OF_DRIVERS: Readonly<Record<NodeDriver, readonly string[]>> = {
  blkdebug: ['config', 'x-image', ...BLKDEBUG_SIZES],
  file: ['filename', 'aio', 'locking'],
  'null-aio': NULL_OPTIONS,
  'null-co': NULL_OPTIONS,
  raw: ['file', 'offset', 'size'],
};

/** `drive_add -n`. Throws `MonitorError`. */
export function nodeOptions(options: Options): NodeRequest {
  const entries =
    options.id === undefined ? options.entries : [...options.entries, ['id', options.id] as const];
  const values = new Map(entries);
  if (!values.has('node-name')) throw new MonitorError("'node-name' needs to be specified");
  const driver = values.get('driver');
  return textNode(values, driver === undefined ? undefined : knownDriver(driver), {
    reference: values.get('file'),
  });
}

/** Throws QEMU's error. */
export function knownDriver(name: string): NodeDriver {
  const known = NODE_DRIVERS.find((driver) => driver === name);
  if (known === undefined) throw new MonitorError(`Unknown driver '${name}'`);
  return known;
}

/** What is below a format, or what a protocol opens. */
interface Beneath {
  /** The name of a node. */
  readonly reference?: string | undefined;
  /** As the user of a drive wrote it. */
  readonly path?: string | undefined;
}

/**
 * Throws what QEMU finds before it opens anything.
 * @param driver undefined: a format, which is guessed
 */
export function textNode(values: Values, driver: NodeDriver | undefined, beneath: Beneath): NodeRequest {
  const isFormat = driver === undefined || driver === 'raw';
  const file = isFormat ? nodeBelow(values, beneath) : undefined;
  // QEMU: a node below is looked for before these are read, one that is made takes them over; a name is given after them.
  const switches = wrongBool(values);
  const wrong = switches ?? wrongWord(values, driver);
  if (isFormat && file === undefined) {
    if (driver === undefined) throw nothingBelow(driver);
    throw wrong ?? wrongUnmap(values) ?? wrongName(values, driver) ?? nothingBelow(driver);
  }
  if (switches !== undefined && typeof file !== 'string') throw switches;
  const [direct, noFlush] = [boolOption(values, 'cache.direct'), boolOption(values, 'cache.no-flush')];
  const isDebug = driver === 'blkdebug';
  const path = isFormat || isDebug ? undefined : pathFor(driver, values, beneath.path);
  const debug = isDebug
    ? blkdebugText(values, beneath.path, (image) =>
        nodeBelow(values, { path: image, reference: values.get('image') }, 'image.'),
      )
    : {};
  const [discard, detectZeroes] = [values.get('discard'), values.get('detect-zeroes')];
  return {
    driver,
    'node-name': values.get('node-name'),
    discard: discard === undefined ? undefined : discardsOf(discard),
    cache: direct === undefined && noFlush === undefined ? undefined : { direct, 'no-flush': noFlush },
    'read-only': boolOption(values, 'read-only'),
    'auto-read-only': boolOption(values, 'auto-read-only'),
    'force-share': boolOption(values, 'force-share'),
    'detect-zeroes': DETECT_ZEROES.find((word) => word === detectZeroes),
    file,
    filename: path,
    aio: driver === 'file' ? AIO.find((name) => name === values.get('aio')) : undefined,
    locking: driver === 'file' ? LOCKINGS.find((word) => word === values.get('locking')) : undefined,
    ...(driver === 'file' || isDebug ? {} : sizesOf(values, driver)),
    source: Object.fromEntries(
      ['offset', 'size', 'read-zeroes'].flatMap((name) =>
        OF_DRIVERS[driver ?? 'raw'].includes(name) && values.has(name)
          ? [[name, values.get(name) ?? '']]
          : [],
      ),
    ),
    wrong,
    wrongWhenOpen:
      wrongSizeOf(values, driver) ?? wrongReadZeroes(values, driver) ?? unknownOption(values, driver),
    ...debug,
  };
}

const BOOLS = ['auto-read-only', 'read-only', 'cache.direct', 'cache.no-flush', 'force-share'] as const;

function boolOption(values: Values, name: string): boolean | undefined {
  const text = values.get(name);
  return text === undefined ? undefined : parseBool(text);
}

function wrongBool(values: Values): MonitorError | undefined {
  return BOOLS.map((name) => boolError(values, name)).find((error) => error !== undefined);
}

function boolError(values: Values, name: string): MonitorError | undefined {
  const isWrong = values.has(name) && boolOption(values, name) === undefined;
  return isWrong ? new MonitorError(`Parameter '${name}' expects 'on' or 'off'`) : undefined;
}

function wrongReadZeroes(values: Values, driver: NodeDriver | undefined): MonitorError | undefined {
  return OF_DRIVERS[driver ?? 'raw'].includes('read-zeroes') ? boolError(values, 'read-zeroes') : undefined;
}

/** QEMU: a node that is not guessed has its name before anything is opened below it. */
function wrongName(values: Values, driver: NodeDriver | undefined): MonitorError | undefined {
  const name = values.get('node-name');
  const isWrong = driver !== undefined && name !== undefined && !isWellFormedId(name);
  return isWrong ? new MonitorError(`Invalid node-name: '${name}'`) : undefined;
}

function nothingBelow(driver: NodeDriver | undefined): MonitorError {
  return new MonitorError(
    driver === undefined
      ? 'Must specify either driver or file'
      : 'A block device must be specified for "file"',
  );
}

/** @param prefix of its options */
function nodeBelow(
  values: Values,
  { reference, path }: Beneath,
  prefix = BELOW,
): NodeRequest | string | undefined {
  const names = [...values.keys()].filter((key) => key.startsWith(prefix));
  const below = new Map(names.map((key) => [key.slice(prefix.length), values.get(key) ?? '']));
  if (reference !== undefined) {
    if (below.size === 0) return reference;
    throw new MonitorError(
      'Cannot reference an existing block device with additional options or a new filename',
    );
  }
  if (below.size === 0 && path === undefined) return undefined;
  if (path !== undefined && below.has('filename')) {
    throw new MonitorError("Can't specify 'file' and 'filename' options at the same time");
  }
  const named = below.get('driver');
  if (named !== undefined) return textNode(below, knownDriver(named), { path, reference: below.get('file') });
  if (path !== undefined) return textNode(below, protocolOf(path), { path });
  if (below.has('filename')) return textNode(below, 'file', {});
  throw nothingBelow(undefined);
}

/** What stands before a colon is a protocol. Throws QEMU's error for those that this machine has not. */
function protocolOf(path: string): NodeDriver {
  const [, protocol] = /^([^:/]*):/.exec(path) ?? [];
  if (protocol === undefined || protocol === 'file') return 'file';
  const known = NODE_DRIVERS.find((driver) => driver === protocol && driver !== 'raw');
  if (known === undefined) throw new MonitorError(`Unknown protocol '${protocol}'`);
  return known;
}

/** The file that a protocol opens. */
function pathFor(
  driver: Exclude<NodeDriver, 'blkdebug'>,
  values: Values,
  path: string | undefined,
): string | undefined {
  if (driver === 'file') return path?.replace(/^file:/, '') ?? values.get('filename') ?? '';
  if (path === undefined || nullDriverOf(path) === driver) return undefined;
  throw new MonitorError(`The only allowed filename for this driver is '${driver}://'`);
}

/** Undefined: it is no word for it. */
function discardsOf(text: string): 'ignore' | 'unmap' | undefined {
  if (text === 'unmap' || text === 'on') return 'unmap';
  return text === 'ignore' || text === 'off' ? 'ignore' : undefined;
}

function sizesOf(
  values: Values,
  driver: NodeDriver | undefined,
): Pick<NodeRequest, 'offset' | 'size' | 'read-zeroes'> {
  const number = (name: string): number | undefined => parseSize(values.get(name) ?? '');
  if (driver === undefined || driver === 'raw') return { offset: number('offset'), size: number('size') };
  return { size: number('size'), 'read-zeroes': boolOption(values, 'read-zeroes') };
}

/** A word that is none of a list. */
function wrongWord(values: Values, driver: NodeDriver | undefined): MonitorError | undefined {
  const discard = values.get('discard');
  if (discard !== undefined && discardsOf(discard) === undefined)
    return new MonitorError('Invalid discard option');
  const isNone = (name: string, words: readonly string[]): boolean =>
    values.has(name) && !words.includes(values.get(name) ?? '');
  const lists = new Map<string, readonly string[]>([['detect-zeroes', DETECT_ZEROES]]);
  if (driver === 'file') lists.set('aio', AIO).set('locking', LOCKINGS);
  const [wrong] = [...lists].find(([name, words]) => isNone(name, words)) ?? [];
  return wrong === undefined ? undefined : new MonitorError(`invalid parameter value: ${values.get(wrong)}`);
}

function wrongUnmap(values: Values): MonitorError | undefined {
  const isUnmap = discardsOf(values.get('discard') ?? 'ignore') === 'unmap';
  return values.get('detect-zeroes') === 'unmap' && !isUnmap ? detectZeroesError() : undefined;
}

function wrongSizeOf(values: Values, driver: NodeDriver | undefined): MonitorError | undefined {
  const known = OF_DRIVERS[driver ?? 'raw'];
  const sizes = ['offset', 'size'].filter((name) => known.includes(name));
  return wrongSize(values, sizes);
}

function unknownOption(values: Values, driver: NodeDriver | undefined): MonitorError | undefined {
  const isFormat = driver === undefined || driver === 'raw';
  const known = [...COMMON, ...OF_DRIVERS[driver ?? 'raw']];
  const isTaken = (key: string): boolean =>
    (isFormat && key.startsWith(BELOW)) || (driver === 'blkdebug' && isBlkdebugOption(key));
  const isUnknown = (key: string): boolean => !known.includes(key) && !isTaken(key);
  const unknown = inQdictOrder([...values.keys()].filter(isUnknown));
  if (unknown.includes('backing')) return new MonitorError("Driver doesn't support backing files");
  const [first] = unknown;
  if (first === undefined) return undefined;
  return new MonitorError(
    isFormat
      ? `Block format 'raw' does not support the option '${first}'`
      : `Block protocol '${driver}' doesn't support the option '${first}'`,
  );
}
