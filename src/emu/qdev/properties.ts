/** Typed device properties: what the user may write, what `info qtree` shows, what the help says. */
import { readCInteger, UINT64_END } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { type JsonValue, jsonInteger, signedInteger, unsignedInteger } from '../qapi/json-value.ts';
import type { Services } from './services.ts';

export type PropertyValue = string | number | boolean | undefined;
export type PropertyValues = ReadonlyMap<string, PropertyValue>;

/** Where a value is given: the property, the name of the type that has it, and what the machine has. */
export interface PropertyUse {
  readonly property: PropertySpec;
  readonly owner: string;
  readonly services: Services;
  /** The user's id of the device that is being made. Absent: it is of a part of it, which has none. */
  readonly id?: string;
}

/** One kind of property: how its values are read and printed, as text and as JSON. What reads throws `MonitorError` in QEMU's words. */
export interface PropertyKind {
  /** QEMU's type name in `device_add X,help`. */
  readonly typeName: string;
  readonly parse: (text: string, property: PropertySpec, owner: string) => PropertyValue;
  readonly fromJson: (json: JsonValue, property: PropertySpec, owner: string) => PropertyValue;
  /** Of a list: reads what options with dots in their names, `name.0=…`, mean together. Absent: it has no parts. */
  readonly fromParts?: (parts: JsonValue, property: PropertySpec) => PropertyValue;
  /** As `info qtree` prints it. */
  readonly format: (value: PropertyValue) => string;
  readonly toJson: (value: PropertyValue) => JsonValue;
  /** The device itself knows the value: nobody sets it. */
  readonly isReadOnly?: boolean;
  /** Refuses a value that names something which the machine does not have, or which is taken. */
  readonly check?: (value: PropertyValue, use: PropertyUse) => MonitorError | undefined;
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
  /** `object_add` refuses to make an object without it. */
  readonly required?: boolean;
  /** Only the default is modelled: any other value is refused. */
  readonly fixed?: boolean;
}

const expects = (name: string, what: string): MonitorError =>
  new MonitorError(`Parameter '${name}' expects ${what}`);

/** QEMU's error for JSON of another type. */
const expectsType = (name: string, what: string): MonitorError =>
  new MonitorError(`Invalid parameter type for '${name}', expected: ${what}`);

const hex = (value: number): string =>
  value < 0 ? BigInt.asUintN(64, BigInt(value)).toString(16) : value.toString(16);
const formatInteger = (value: PropertyValue): string => `${value} (0x${hex(Number(value))})`;
const formatText = (value: PropertyValue): string => `"${value ?? ''}"`;

function parseInteger(text: string, name: string): bigint {
  const value = readCInteger(text);
  if (value === undefined) throw expects(name, 'integer');
  return value;
}

function jsonSigned(json: JsonValue, name: string): bigint {
  const value = signedInteger(json);
  if (value === undefined) throw expectsType(name, 'integer');
  return value;
}

/** QEMU: all kinds of unsigned numbers are read as one of 64 bits, and a negative one wraps round. */
function jsonUnsigned(json: JsonValue, name: string): bigint {
  const value = unsignedInteger(json);
  if (value === undefined) throw expects(name, 'uint64');
  return value;
}

function jsonText(json: JsonValue, { name }: PropertySpec): string {
  if (typeof json === 'string') return json;
  throw expectsType(name, 'string');
}

function integer(bits: number, signed: boolean): PropertyKind {
  const typeName = `${signed ? '' : 'u'}int${bits}`;
  const low = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const high = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const inRange = (value: bigint, name: string): number => {
    if (value < low || value > high) throw expects(name, `${typeName}_t`);
    return Number(value);
  };
  return {
    typeName,
    parse: (text, { name }) => inRange(parseInteger(text, name), name),
    fromJson: (json, { name }) => inRange((signed ? jsonSigned : jsonUnsigned)(json, name), name),
    format: formatInteger,
    toJson: Number,
  };
}

export const UINT8 = integer(8, false);
export const UINT16 = integer(16, false);
export const UINT32 = integer(32, false);
export const INT32 = integer(32, true);

/** QEMU: of a property that is no field of its device. */
export const INT64: PropertyKind = { ...integer(64, true), typeName: 'int' };

/** Values are decimal text: they reach beyond the exact numbers. QEMU: a minus sign wraps round. */
export const UINT64: PropertyKind = {
  typeName: 'uint64',
  parse(text, { name }) {
    const value = parseInteger(text, name);
    if (value >= UINT64_END || value <= -UINT64_END) throw expects(name, 'integer');
    return String(BigInt.asUintN(64, value));
  },
  fromJson: (json, { name }) => String(jsonUnsigned(json, name)),
  format: (value) => `${value} (0x${BigInt(value ?? 0).toString(16)})`,
  toJson: (value) => jsonInteger(BigInt(value ?? 0)),
};

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
  fromJson(json, { name }) {
    if (typeof json === 'boolean') return json;
    throw expectsType(name, 'boolean');
  },
  format: String,
  toJson: (value) => value === true,
};

export const STR: PropertyKind = {
  typeName: 'str',
  parse: (text) => text,
  fromJson: jsonText,
  format: formatText,
  toJson: (value) => String(value ?? ''),
};

export function enumeration(typeName: string, words: readonly string[]): PropertyKind {
  const word = (text: string, { name }: PropertySpec): string => {
    if (words.includes(text)) return text;
    throw new MonitorError(`Parameter '${name}' does not accept value '${text}'`);
  };
  return {
    typeName,
    parse: word,
    fromJson: (json, property) => word(jsonText(json, property), property),
    format: formatText,
    toJson: String,
  };
}

export const ON_OFF_AUTO = enumeration('OnOffAuto', ['auto', 'on', 'off']);
export const ERROR_POLICY = enumeration('BlockdevOnError', ['report', 'ignore', 'enospc', 'stop', 'auto']);
export const HOST_MEM_POLICY = enumeration('HostMemPolicy', ['default', 'preferred', 'bind', 'interleave']);
export const LOST_TICK_POLICY = enumeration('LostTickPolicy', ['discard', 'delay', 'slew']);

const SIZE_SUFFIX: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5, e: 6 };

/** Bytes, with QEMU's suffixes; undefined for no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, suffix = 'b'] = /^(0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?)([bkmgtpe])?$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const unit = SIZE_SUFFIX[suffix.toLowerCase()] ?? 0;
  // QEMU: there is no part of a byte.
  if (unit === 0 && !Number.isInteger(Number(digits))) return undefined;
  const value = Number(digits) * 1024 ** unit;
  return value < 2 ** 64 ? Math.floor(value) : undefined;
}

/** QEMU's warning about a size in base 16 with a suffix, `0x1k`, whatever else is wrong with it; undefined: it is none. */
export function hexSizeWarning(text: string): string | undefined {
  if (!/^0x[\da-f]+[kmgtp]/i.test(text)) return undefined;
  return `warning: Using a multiplier suffix on hex numbers is deprecated: ${text}`;
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
  fromJson: (json, { name }) => Number(jsonUnsigned(json, name)),
  format: (value) => formatSize(Number(value)),
  toJson: Number,
};

const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 2 * 1024 * 1024;

/** A power of two between 512 B and 2 MiB; 0 leaves the choice to the device. */
export const BLOCK_SIZE: PropertyKind = {
  ...SIZE,
  // QEMU: what is refused is shown with a sign.
  fromJson: (json, { name }) => Number(BigInt.asIntN(64, jsonUnsigned(json, name))),
  check(given, { property: { name }, id = '' }) {
    const value = Number(given);
    if (value === 0) return undefined;
    const text = `Property ${id}.${name} doesn't take value`;
    if (value < MIN_BLOCK_BYTES || value > MAX_BLOCK_BYTES) {
      return new MonitorError(`${text} ${value} (minimum: ${MIN_BLOCK_BYTES}, maximum: ${MAX_BLOCK_BYTES})`);
    }
    if (Number.isInteger(Math.log2(value))) return undefined;
    return new MonitorError(`${text} '${value}', it's not a power of 2`);
  },
};

/** QEMU's error for a value that a property with a syntax of its own cannot read. */
export function badValueError(owner: string, name: string, text: string): MonitorError {
  return new MonitorError(`Property '${owner}.${name}' doesn't take value '${text}'`);
}

/** Something that cannot be set: it is listed in the help only. */
export function readOnlyKind(typeName: string): PropertyKind {
  const refuse = (_given: JsonValue, { name }: PropertySpec, owner: string): never => {
    throw new MonitorError(`Property '${owner}.${name}' is not writable`);
  };
  return { ...STR, typeName, parse: refuse, fromJson: refuse, isReadOnly: true };
}

/** Throws our error when the machine models the default only: to be looked at when QEMU would take all values. */
export function checkFixed(property: PropertySpec, value: PropertyValue, owner: string): void {
  // An empty text is as good as none: `romfile=`.
  if (!property.fixed || value === property.default || (value === '' && property.default === undefined))
    return;
  const only = property.default === undefined ? 'none' : `'${helpDefault(property.default)}'`;
  throw new MonitorError(`Property '${owner}.${property.name}' is fixed at ${only} in this machine`);
}

/** Text, or what options with dots in their names have become. */
function readText(given: JsonValue, property: PropertySpec, owner: string): PropertyValue {
  const { kind, name } = property;
  if (typeof given !== 'object' || given === null) return kind.parse(String(given), property, owner);
  if (kind.fromParts !== undefined) return kind.fromParts(given, property);
  throw new MonitorError(`Parameters '${name}.*' are unexpected`);
}

/** The value that the user gave, as text or, with `json`, as JSON. Throws QEMU's error. `checkFixed` follows. */
export function readProperty(
  given: JsonValue,
  json: boolean,
  { property, owner, services, id }: PropertyUse,
): PropertyValue {
  const { kind } = property;
  const named = property.owner ?? owner;
  const value = json ? kind.fromJson(given, property, named) : readText(given, property, named);
  const use = { property, owner: named, services, ...(id === undefined ? {} : { id }) };
  const refused = kind.check?.(value, use);
  if (refused !== undefined) throw refused;
  return value;
}

/** Values over the defaults of `properties`; all properties have one. */
export function withDefaults(properties: readonly PropertySpec[], given: PropertyValues): PropertyValues {
  const values = new Map<string, PropertyValue>();
  for (const property of properties) values.set(property.name, property.default);
  for (const [name, value] of given) values.set(name, value);
  return values;
}

// Properties as the tables of types write them.
export const on = (name: string, help = 'on/off'): PropertySpec => ({
  name,
  kind: BOOL,
  default: true,
  help,
});
export const off = (name: string, help = 'on/off'): PropertySpec => ({
  name,
  kind: BOOL,
  default: false,
  help,
});
/** Only the default is modelled. */
export const fixed = (property: PropertySpec): PropertySpec => ({ ...property, fixed: true });
export const number = (name: string, value: number, kind: PropertyKind = UINT32): PropertySpec => ({
  name,
  kind,
  default: value,
});
function helpDefault(value: PropertyValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}
