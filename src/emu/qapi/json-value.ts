/** Values of JSON as QEMU has them: whole numbers of 64 bits are told apart from all others, and an object keeps the order of its keys. */

export type JsonValue =
  | null
  | boolean
  /** A whole number that is exact; code of ours may also give a fraction, to be written. */
  | number
  /** A whole number beyond these, signed or unsigned, of 64 bits. */
  | bigint
  | JsonDouble
  | string
  | readonly JsonValue[]
  | JsonObject;

/** Those that were read have no prototype: `__proto__` is a key like any other. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What can be written: a member of an object that is undefined is left out. */
export type JsonOutput =
  | JsonValue
  | undefined
  | readonly JsonOutput[]
  | { readonly [key: string]: JsonOutput };

/** A number with a point or an exponent, or too large for 64 bits. It is no integer, even with a whole value. */
export class JsonDouble {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonDouble)
  );
}

/** JavaScript moves keys like these before all others. */
const INDEX = /^(0|[1-9]\d*)$/;
const KEYS = new WeakMap<object, readonly string[]>();

/** An object whose keys `keysOf` tells in the order given. */
export function jsonObject(members: ReadonlyMap<string, JsonValue>): JsonObject {
  const object = Object.create(null) as Record<string, JsonValue>;
  let moved = false;
  for (const [key, value] of members) {
    object[key] = value;
    moved ||= INDEX.test(key);
  }
  if (moved) KEYS.set(object, [...members.keys()]);
  return object;
}

/** Oldest first. */
export function keysOf(object: object): readonly string[] {
  return KEYS.get(object) ?? Object.keys(object);
}

/** A whole number of 64 bits as a value. */
export function jsonInteger(integer: bigint): number | bigint {
  const value = Number(integer);
  return Number.isSafeInteger(value) ? value : integer;
}

/** The whole number that `value` is, if it fits 64 bits with a sign. */
export function signedInteger(value: JsonValue): bigint | undefined {
  const integer = wholeNumber(value);
  return integer !== undefined && BigInt.asIntN(64, integer) === integer ? integer : undefined;
}

/** QEMU: where 64 bits without a sign are asked for, a negative number wraps round. */
export function unsignedInteger(value: JsonValue): bigint | undefined {
  const integer = wholeNumber(value);
  return integer === undefined ? undefined : BigInt.asUintN(64, integer);
}

function wholeNumber(value: JsonValue): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined;
}
