/** How a node is asked for. Spec: QEMU qapi/block-core.json, BlockdevOptions; the drivers that this machine has. */
import type { MonitorError } from '../core/monitor-error.ts';
import type { JsonObject } from '../qapi/json-value.ts';
import {
  BOOL,
  enumeration,
  INT,
  type ObjectNode,
  optional,
  type SchemaNode,
  type SchemaType,
  STR,
  struct,
  union,
} from '../qapi/schema.ts';
import { BLKDEBUG_MEMBERS, type BlkdebugOptions } from './blkdebug-options.ts';
import { DETECT_ZEROES, type NodeSettings } from './block-node.ts';

export const NODE_DRIVERS = ['blkdebug', 'file', 'null-aio', 'null-co', 'raw'] as const;
export type NodeDriver = (typeof NODE_DRIVERS)[number];

export const LOCKINGS = ['auto', 'on', 'off'] as const;

/** As it was asked for and checked. What only one driver has is undefined for the others. */
export interface BlockdevOptions extends BlkdebugOptions {
  readonly driver: NodeDriver;
  readonly 'node-name'?: string | undefined;
  readonly discard?: 'ignore' | 'unmap' | undefined;
  readonly cache?:
    | { readonly direct?: boolean | undefined; readonly 'no-flush'?: boolean | undefined }
    | undefined;
  readonly 'read-only'?: boolean | undefined;
  readonly 'auto-read-only'?: boolean | undefined;
  readonly 'force-share'?: boolean | undefined;
  readonly 'detect-zeroes'?: NodeSettings['detectZeroes'] | undefined;
  readonly filename?: string | undefined;
  /** `off`: nobody else is kept away, and nobody keeps this one away. */
  readonly locking?: (typeof LOCKINGS)[number] | undefined;
  readonly aio?: 'threads' | 'native' | 'io_uring' | undefined;
  /** The node below, or what it is to be. */
  readonly file?: string | BlockdevOptions | undefined;
  /** Of blkdebug: the same. */
  readonly image?: string | BlockdevOptions | undefined;
  /** Of raw: where it begins in the node below, in bytes. */
  readonly offset?: number | bigint | undefined;
  /** Of a null driver, or of the part that raw is. */
  readonly size?: number | bigint | undefined;
  readonly 'read-zeroes'?: boolean | undefined;
}

/** What a node is made from: checked options, or options in text with what is wrong with them, which QEMU tells in the middle of its work. */
export interface NodeRequest extends Omit<BlockdevOptions, 'driver' | 'file' | 'image'> {
  /** Undefined: a format, which is guessed. */
  readonly driver: NodeDriver | undefined;
  readonly file?: string | NodeRequest | undefined;
  readonly image?: string | NodeRequest | undefined;
  /** It belongs to a drive. */
  readonly isOfDrive?: boolean;
  /** What is told of the options that say what it works on, where that is not their values: options in text are told as text. */
  readonly source?: JsonObject | undefined;
  /** Told when the node below is there, before the name is looked at. */
  readonly wrong?: MonitorError | undefined;
  /** Told when the node's image is open. */
  readonly wrongWhenOpen?: MonitorError | undefined;
  /** Of blkdebug, told before and after its file of rules is read. */
  readonly wrongDebug?: {
    readonly sizes: MonitorError | undefined;
    readonly rules: MonitorError | undefined;
  };
}

/** A request as the options that say the same. `found`: the format that was guessed. */
export function plainOptions(request: NodeRequest, found: NodeDriver = 'raw'): BlockdevOptions {
  const {
    isOfDrive: _,
    source: _source,
    wrong: _wrong,
    wrongWhenOpen: _late,
    wrongDebug: _debug,
    driver = found,
    file,
    image,
    ...others
  } = request;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const below = Object.entries({ file, image }).filter(([, node]) => node !== undefined);
  const plain = below.map(([name, node]) => [name, typeof node === 'object' ? plainOptions(node) : node]);
  return { ...Object.fromEntries(given), driver, ...Object.fromEntries(plain) };
}

export const DETECT_ZEROES_OPTIONS = enumeration('BlockdevDetectZeroesOptions', DETECT_ZEROES);

const NULL_OPTIONS = struct({ size: optional(INT), 'read-zeroes': optional(BOOL) });

/** The options know themselves: a node may be told what the one below it is. */
const FILE_CHOICES: SchemaNode[] = [STR.node];
const FILE_REFERENCE: SchemaType<string | BlockdevOptions> = {
  node: { meta: 'alternate', name: 'BlockdevRef', choices: FILE_CHOICES },
};

const OPTIONS = union(
  {
    driver: enumeration('BlockdevDriver', NODE_DRIVERS),
    'node-name': optional(STR),
    discard: optional(enumeration('BlockdevDiscardOptions', ['ignore', 'unmap'])),
    cache: optional(struct({ direct: optional(BOOL), 'no-flush': optional(BOOL) })),
    'read-only': optional(BOOL),
    'auto-read-only': optional(BOOL),
    'force-share': optional(BOOL),
    'detect-zeroes': optional(DETECT_ZEROES_OPTIONS),
  },
  'driver',
  {
    blkdebug: struct({ image: FILE_REFERENCE, ...BLKDEBUG_MEMBERS }),
    file: struct({
      filename: STR,
      locking: optional(enumeration('OnOffAuto', LOCKINGS)),
      aio: optional(enumeration('BlockdevAioOptions', ['threads', 'native', 'io_uring'])),
    }),
    'null-aio': NULL_OPTIONS,
    'null-co': NULL_OPTIONS,
    raw: struct({ file: FILE_REFERENCE, offset: optional(INT), size: optional(INT) }),
  },
);
FILE_CHOICES.unshift(OPTIONS.node);

/** TypeScript cannot infer a type that has itself as a part, so that this one is said. */
export const BLOCKDEV_OPTIONS: SchemaType<BlockdevOptions, ObjectNode> = { node: OPTIONS.node };

/** What every driver has. A node that is made for another one below it has that one's for what is not said. */
export function settingsOf(options: NodeRequest, above?: NodeSettings): NodeSettings {
  return {
    readOnly: options['read-only'] ?? above?.readOnly ?? false,
    direct: options.cache?.direct ?? above?.direct ?? false,
    noFlush: options.cache?.['no-flush'] ?? above?.noFlush ?? false,
    // QEMU: the node above decides what is discarded.
    unmap: options.discard === undefined ? above !== undefined : options.discard === 'unmap',
    forceShare: options['force-share'] ?? above?.forceShare ?? false,
    detectZeroes: options['detect-zeroes'] ?? 'off',
  };
}
