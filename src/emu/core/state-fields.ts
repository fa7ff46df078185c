/**
 * What a state may hold, said as data: one kind per field, in a table beside the type of the state. A snapshot comes from outside: before
 * anything is restored, every state in it is held to its table, so that `restore` gets nothing that `save` could not have given.
 *
 * A table is typed by its state: a field that has no kind, or a kind that has no field, does not compile.
 */
import { MAX_TIME_NS } from './clock.ts';

/** What is wrong: in which field, and how, as the end of a sentence that begins with the field. */
export interface Misfit {
  /** As one writes it in JavaScript: `timers[1].config`; empty for the value itself. */
  readonly field: string;
  readonly text: string;
}

export interface StateKind<T> {
  /** A record may be without the field. */
  readonly mayBeAbsent?: boolean;
  /** Never there: it ties the kind to the type of its values. */
  readonly type?: T;
  /** Undefined: the value is of this kind. */
  misfit(value: unknown): Misfit | undefined;
}

/** A kind for each field of `T`. */
export type StateFields<T> = { readonly [K in keyof T]-?: StateKind<T[K]> };

/** Values of which nothing inside has a name. */
export function kind<T>(isOf: (value: unknown) => boolean, expected: string): StateKind<T> {
  return {
    misfit: (value) => (isOf(value) ? undefined : { field: '', text: `is ${shown(value)}, not ${expected}` }),
  };
}

/** Whole numbers; `-0` is none, since no register holds it. */
export function integer(min: number, max: number): StateKind<number> {
  const isOf = (value: unknown): boolean =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= min &&
    value <= max &&
    !Object.is(value, -0);
  return kind(isOf, `an integer from ${min} to ${max}`);
}

export const BYTE = integer(0, 0xff);
export const WORD = integer(0, 0xffff);
export const DWORD = integer(0, 0xffff_ffff);
/** A dword as bitwise operators leave it. */
export const INT32 = integer(-0x8000_0000, 0x7fff_ffff);

/** A register of which only the bits of `bits` can be set: at most 31. */
export function mask(bits: number): StateKind<number> {
  const isOf = (value: unknown): boolean =>
    typeof value === 'number' && (value & bits) === value && !Object.is(value, -0);
  return kind(isOf, `a number with no bits but 0x${bits.toString(16)}`);
}

/** Moments of virtual time. A deadline may lie in the past: then it is due. */
export const TIME_NS = integer(0, MAX_TIME_NS);
/** Null: not armed. */
export const DEADLINE_NS = nullable(TIME_NS);

/** Any number but NaN and the infinities. */
export function finite(min: number, max: number): StateKind<number> {
  const isOf = (value: unknown): boolean => typeof value === 'number' && value >= min && value <= max;
  return kind(isOf, `a number from ${min} to ${max}`);
}

/** A register of `bits` bits as a bigint. */
export function bigUnsigned(bits: number): StateKind<bigint> {
  const isOf = (value: unknown): boolean =>
    typeof value === 'bigint' && value >= 0n && value >> BigInt(bits) === 0n;
  return kind(isOf, `a bigint of ${bits} bits`);
}

export const BOOLEAN: StateKind<boolean> = kind((value) => typeof value === 'boolean', 'true or false');

export function text(maxLength: number): StateKind<string> {
  const isOf = (value: unknown): boolean => typeof value === 'string' && value.length <= maxLength;
  return kind(isOf, `a text of at most ${maxLength} characters`);
}

export function oneOf<const V extends string | number>(...values: readonly V[]): StateKind<V> {
  const known: readonly unknown[] = values;
  return kind((value) => known.includes(value) && !Object.is(value, -0), `one of ${values.join(', ')}`);
}

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** `length` elements exactly. */
export function typedArray<A extends TypedArray>(
  type: { new (length: number): A; readonly name: string },
  length: number,
): StateKind<A> {
  return kind(
    (value) => value instanceof type && value.length === length,
    `${length} elements of a ${type.name}`,
  );
}

export function bytes(length: number): StateKind<Uint8Array> {
  return typedArray<Uint8Array>(Uint8Array, length);
}

export function nullable<T>(of: StateKind<T>): StateKind<T | null> {
  return { misfit: (value) => (value === null ? undefined : of.misfit(value)) };
}

/** For a field that snapshots of before do not have. */
export function absentOr<T>(of: StateKind<T>): StateKind<T | undefined> {
  return { mayBeAbsent: true, misfit: (value) => of.misfit(value) };
}

/** @param length exactly, or at most and at least */
export function list<T>(
  of: StateKind<T>,
  length: number | { readonly max: number; readonly min?: number },
): StateKind<T[]> {
  const { min = 0, max } = typeof length === 'number' ? { min: length, max: length } : length;
  const expected = min === max ? `a list of ${max}` : `a list of ${min} to ${max}`;
  return {
    misfit(value) {
      const fits = Array.isArray(value) && value.length >= min && value.length <= max;
      if (!fits) return { field: '', text: `is ${shown(value)}, not ${expected}` };
      for (let at = 0; at < value.length; at++) {
        const wrong = of.misfit(value[at]);
        if (wrong !== undefined) return inside(`[${at}]`, wrong);
      }
      return undefined;
    },
  };
}

/** A list with a kind for each place. */
export function tuple<const T extends readonly unknown[]>(
  ...kinds: { readonly [K in keyof T]: StateKind<T[K]> }
): StateKind<T> {
  const each: readonly StateKind<unknown>[] = kinds;
  const all = list(ANYTHING, each.length);
  return {
    misfit(value) {
      const wrong = all.misfit(value);
      if (wrong !== undefined || !Array.isArray(value)) return wrong;
      for (const [at, kindOf] of each.entries()) {
        const misfit = kindOf.misfit(value[at]);
        if (misfit !== undefined) return inside(`[${at}]`, misfit);
      }
      return undefined;
    },
  };
}

/** An object with these fields and no other. */
export function record<T extends object>(fields: StateFields<T>): StateKind<T> {
  const kinds = Object.entries<StateKind<unknown>>(fields);
  const names = new Set(Object.keys(fields));
  return {
    misfit(value) {
      if (!isObject(value)) return { field: '', text: `is ${shown(value)}, not a set of fields` };
      for (const [name, kindOf] of kinds) {
        if (!Object.hasOwn(value, name)) {
          if (kindOf.mayBeAbsent === true) continue;
          return { field: name, text: 'is missing' };
        }
        const wrong = kindOf.misfit(value[name]);
        if (wrong !== undefined) return inside(name, wrong);
      }
      for (const name of Object.keys(value))
        if (!names.has(name)) return { field: cut(name), text: 'is not known' };
      return undefined;
    },
  };
}

/** @param rule what a value of the kind must be besides: undefined, or the end of a sentence that begins with the field */
export function where<T>(of: StateKind<T>, rule: (value: T) => string | undefined): StateKind<T> {
  return {
    misfit(value) {
      const wrong = of.misfit(value);
      if (wrong !== undefined) return wrong;
      const broken = rule(value as T);
      return broken === undefined ? undefined : { field: '', text: broken };
    },
  };
}

/** For what this device does not have. */
export const NOTHING: StateKind<null> = kind((value) => value === null, 'null');

/** Anything: what is inside is checked by somebody else. */
export const ANYTHING: StateKind<unknown> = { misfit: () => undefined };

const TEXT_MAX = 40;

/** A text of the snapshot's own, which may be of any length. */
function cut(own: string): string {
  return own.length <= TEXT_MAX ? own : `${own.slice(0, TEXT_MAX)}…`;
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function inside(outer: string, { field, text: why }: Misfit): Misfit {
  return { field: field === '' || field.startsWith('[') ? outer + field : `${outer}.${field}`, text: why };
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes of a ${value.constructor.name}`;
  if (typeof value === 'object' && value !== null) return 'a set of fields';
  if (typeof value === 'string') return `"${cut(value)}"`;
  return Object.is(value, -0) ? '-0' : cut(String(value));
}
