/** Typed device properties: what the user may write, what `info qtree` shows, what the help says. */
import { MonitorError } from '../core/monitor-error.ts';

export type PropertyValue = string | number | boolean | undefined;
export type PropertyValues = ReadonlyMap<string, PropertyValue>;

/** One kind of property. `parse` throws `MonitorError` in QEMU's words. */
export interface PropertyKind {
  /** QEMU's type name in `device_add X,help`. */
  readonly typeName: string;
  readonly parse: (text: string, property: PropertySpec, owner: string) => PropertyValue;
  /** As `info qtree` prints it. */
  readonly format: (value: PropertyValue) => string;
}

export interface PropertySpec {
  readonly name: string;
  readonly kind: PropertyKind;
  /** Shown in the help and used when not given; undefined: none. */
  readonly default?: PropertyValue;
  /** Help text, in our words. */
  readonly help?: string;
  /** Type that QEMU names in errors, when it is not the device's own (alias properties). */
  readonly owner?: string;
  /** Only the default is modelled: any other value is refused. */
  readonly fixed?: boolean;
}

const expects = (name: string, what: string): MonitorError =>
  new MonitorError(`Parameter '${name}' expects ${what}`);

const hex = (value: number): string =>
  value < 0 ? BigInt.asUintN(64, BigInt(value)).toString(16) : value.toString(16);
const formatInteger = (value: PropertyValue): string => `${value} (0x${hex(Number(value))})`;
const formatText = (value: PropertyValue): string => `"${value ?? ''}"`;

const INTEGER = /^\s*[+-]?(?:0[xX][0-9a-fA-F]+|\d+)$/;

function parseInteger(text: string, name: string): bigint {
  if (!INTEGER.test(text)) throw expects(name, 'integer');
  const trimmed = text.trim();
  const digits = trimmed.replace(/^[+-]/, '');
  // C's strtoull with base 0: a leading 0 means octal.
  const octal = /^0[0-7]+$/.test(digits);
  const magnitude = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return trimmed.startsWith('-') ? -magnitude : magnitude;
}

function integer(bits: number, signed: boolean): PropertyKind {
  const low = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const high = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  return {
    typeName: `${signed ? '' : 'u'}int${bits}`,
    parse(text, { name }) {
      const value = parseInteger(text, name);
      if (value < low || value > high) throw expects(name, `${signed ? '' : 'u'}int${bits}_t`);
      return Number(value);
    },
    format: formatInteger,
  };
}

export const UINT8 = integer(8, false);
export const UINT16 = integer(16, false);
export const UINT32 = integer(32, false);
export const INT32 = integer(32, true);

const TRUE_WORDS = new Set(['on', 'yes', 'true', 'y']);
const FALSE_WORDS = new Set(['off', 'no', 'false', 'n']);

/** QEMU's words for a bool, or undefined for no bool. */
export function parseBool(text: string): boolean | undefined {
  if (TRUE_WORDS.has(text)) return true;
  return FALSE_WORDS.has(text) ? false : undefined;
}

export const BOOL: PropertyKind = {
  typeName: 'bool',
  parse(text, { name }) {
    const value = parseBool(text);
    if (value === undefined) throw expects(name, "'on' or 'off'");
    return value;
  },
  format: String,
};

export const STR: PropertyKind = { typeName: 'str', parse: (text) => text, format: formatText };

/** The name of a drive. The machine looks it up when the property is set. */
export const DRIVE: PropertyKind = { ...STR };

function enumeration(typeName: string, words: readonly string[]): PropertyKind {
  return {
    typeName,
    parse(text, { name }) {
      if (words.includes(text)) return text;
      throw new MonitorError(`Parameter '${name}' does not accept value '${text}'`);
    },
    format: formatText,
  };
}

export const ON_OFF_AUTO = enumeration('OnOffAuto', ['auto', 'on', 'off']);
export const ERROR_POLICY = enumeration('BlockdevOnError', ['report', 'ignore', 'enospc', 'stop', 'auto']);
export const LOST_TICK_POLICY = enumeration('LostTickPolicy', ['discard', 'delay', 'slew']);

const SIZE_SUFFIX: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5, e: 6 };

/** Bytes, with QEMU's suffixes; undefined for no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)([bkmgtpe])?$/i.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * 1024 ** (SIZE_SUFFIX[(match[2] ?? 'b').toLowerCase()] ?? 0);
  return value < 2 ** 64 ? Math.floor(value) : undefined;
}

/** QEMU: three significant digits and a binary unit that keeps them below 1000. */
export function formatSize(value: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let unit = 0;
  while (value / 1024 ** unit >= 1000 && unit < units.length - 1) unit++;
  return `${value} (${Number((value / 1024 ** unit).toPrecision(3))} ${units[unit]}B)`;
}

export const SIZE: PropertyKind = {
  typeName: 'size',
  parse(text, { name }) {
    const value = parseSize(text);
    if (value === undefined) throw expects(name, 'size');
    return value;
  },
  format: (value) => formatSize(Number(value)),
};

const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 2 * 1024 * 1024;

/** A power of two between 512 B and 2 MiB; 0 leaves the choice to the device. */
export const BLOCK_SIZE: PropertyKind = {
  ...SIZE,
  parse(text, property, owner) {
    const value = Number(SIZE.parse(text, property, owner));
    const { name } = property;
    if (value === 0) return value;
    if (value < MIN_BLOCK_BYTES || value > MAX_BLOCK_BYTES) {
      const range = `(minimum: ${MIN_BLOCK_BYTES}, maximum: ${MAX_BLOCK_BYTES})`;
      throw new MonitorError(`Property .${name} doesn't take value ${value} ${range}`);
    }
    if (!Number.isInteger(Math.log2(value))) {
      throw new MonitorError(`Property .${name} doesn't take value '${value}', it's not a power of 2`);
    }
    return value;
  },
};

/** QEMU's error for a value that a property with a syntax of its own cannot read. */
export function badValueError(owner: string, name: string, text: string): MonitorError {
  return new MonitorError(`Property '${owner}.${name}' doesn't take value '${text}'`);
}

/** Something that cannot be set: it is listed in the help only. */
export function readOnlyKind(typeName: string): PropertyKind {
  return {
    typeName,
    parse(_text, { name }, owner) {
      throw new MonitorError(`Property '${owner}.${name}' is not writable`);
    },
    format: formatText,
  };
}

/** The value for `text`. Throws QEMU's error, or ours when the machine models the default only. */
export function parseProperty(text: string, property: PropertySpec, owner: string): PropertyValue {
  const value = property.kind.parse(text, property, property.owner ?? owner);
  if (property.fixed && value !== property.default) {
    const only = property.default === undefined ? 'none' : `'${helpDefault(property.default)}'`;
    throw new MonitorError(`Property '${owner}.${property.name}' is fixed at ${only} in this machine`);
  }
  return value;
}

function helpDefault(value: PropertyValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}
