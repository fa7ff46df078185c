/** What a command of the human monitor takes, in the words of QEMU's own table of arguments. */
import type { MemoryFormat } from './memory-format.ts';

/**
 * | kind | on the line | value |
 * |---|---|---|
 * | string, block, filename | a word or a quoted text | the text |
 * | options | `key=value,…` | the text |
 * | rest | what is left of the line | the text |
 * | integer | an expression of 32 bits | a number |
 * | long | an expression of 64 bits | a bigint |
 * | index | the same as `integer` behind a dot, as in `0x70.0x10` | a number |
 * | megabytes | an expression of at least 0 | bytes |
 * | size | a size with a suffix, in MiB without one | bytes |
 * | switch | `on` or `off` | a boolean |
 * | format | `/4xw`, before an address | a `MemoryFormat` |
 */
export type ArgumentKind =
  | 'string'
  | 'block'
  | 'filename'
  | 'options'
  | 'rest'
  | 'integer'
  | 'long'
  | 'index'
  | 'megabytes'
  | 'size'
  | 'switch'
  | 'format';

/** An argument with a value. */
export interface ValueSpec {
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly optional?: boolean;
}

/** A flag such as `-n`, or one with a word behind it, such as `-f png`. */
export interface FlagSpec {
  readonly name: string;
  readonly kind: 'flag';
  readonly letter: string;
  readonly hasValue?: boolean;
}

/** One argument of a command. */
export type ArgumentSpec = ValueSpec | FlagSpec;

export type ArgumentValues = ReadonlyMap<string, string | number | bigint | boolean | MemoryFormat>;

const value =
  (kind: ArgumentKind) =>
  (name: string): ValueSpec => ({ name, kind });

export const string = value('string');
export const block = value('block');
export const filename = value('filename');
export const rest = value('rest');
export const integer = value('integer');
export const long = value('long');
export const size = value('size');
export const onOff = value('switch');
export const FORMAT: ValueSpec = { name: 'fmt', kind: 'format' };

export function maybe(spec: ValueSpec): ValueSpec {
  return { ...spec, optional: true };
}

export function flag(letter: string, name: string): FlagSpec {
  return { name, kind: 'flag', letter };
}

export function valueFlag(letter: string, name: string): FlagSpec {
  return { name, kind: 'flag', letter, hasValue: true };
}
