/**
 * Types of QEMU's schema as values: what a command takes is checked against them, `query-qmp-schema` is made from them, and `Infer` makes TypeScript's
 * types of them, so that what a command gives out cannot differ from what the schema says.
 * Spec: QEMU docs/devel/qapi-code-gen.
 */

import type { JsonObject } from './json-value.ts';

export type IntegerName =
  | 'int'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'size';

export interface Member {
  readonly name: string;
  readonly type: SchemaNode;
  readonly optional: boolean;
  readonly features?: readonly string[] | undefined;
}

export interface ObjectNode {
  readonly meta: 'object';
  readonly members: readonly Member[];
  /** The member whose value says which members there are besides. */
  readonly tag?: string;
  /** By the tag's value; one that is not here has no more members. */
  readonly variants?: ReadonlyMap<string, ObjectNode>;
}

/** A type without what TypeScript knows of it. */
export type SchemaNode =
  | { readonly meta: 'builtin'; readonly name: 'str' | 'bool' | 'number' | 'null' | 'any' }
  | { readonly meta: 'integer'; readonly name: IntegerName }
  | { readonly meta: 'enum'; readonly name: string; readonly values: readonly string[] }
  | { readonly meta: 'array'; readonly element: SchemaNode }
  | ObjectNode
  | { readonly meta: 'alternate'; readonly name: string; readonly choices: readonly SchemaNode[] };

/** A type; `T` is what its values are in TypeScript. */
export interface SchemaType<out T, out N extends SchemaNode = SchemaNode> {
  readonly node: N;
  /** Never there: it keeps `T`. */
  readonly value?: T;
  /** Of a member of this type. */
  readonly features?: readonly string[];
}

export interface Optional<out T> {
  readonly optional: SchemaType<T>;
  readonly features?: readonly string[];
}

type AnyType = SchemaType<unknown>;
export type Members = { readonly [name: string]: AnyType | Optional<unknown> };

/** What a value of the type is in TypeScript. */
export type Infer<S> = S extends SchemaType<infer T> ? T : never;

type Flat<T> = T extends unknown ? { readonly [K in keyof T]: T[K] } : never;
type OptionalNames<M> = { [K in keyof M]: M[K] extends Optional<unknown> ? K : never }[keyof M];
type ObjectOf<M> = Flat<
  { readonly [K in Exclude<keyof M, OptionalNames<M>>]: Infer<M[K]> } & {
    readonly [K in OptionalNames<M>]?: M[K] extends Optional<infer T> ? T | undefined : never;
  }
>;

export const STR: SchemaType<string> = { node: { meta: 'builtin', name: 'str' } };
export const BOOL: SchemaType<boolean> = { node: { meta: 'builtin', name: 'bool' } };
/** With a point or without. */
export const NUMBER: SchemaType<number> = { node: { meta: 'builtin', name: 'number' } };
export const NULL: SchemaType<null> = { node: { meta: 'builtin', name: 'null' } };
/** Any value of JSON. */
export const ANY: SchemaType<unknown> = { node: { meta: 'builtin', name: 'any' } };

function integer<T>(name: IntegerName): SchemaType<T> {
  return { node: { meta: 'integer', name } };
}

/** Those of 64 bits are a bigint when they have more than 53. */
export const INT = integer<number | bigint>('int');
export const UINT8 = integer<number>('uint8');
export const UINT16 = integer<number>('uint16');
export const INT32 = integer<number>('int32');
export const UINT32 = integer<number>('uint32');
export const UINT64 = integer<number | bigint>('uint64');
/** Of bytes. */
export const SIZE = integer<number | bigint>('size');

export function enumeration<const V extends string>(
  name: string,
  values: readonly V[],
): SchemaType<V, Extract<SchemaNode, { meta: 'enum' }>> {
  return { node: { meta: 'enum', name, values } };
}

export function optional<T>(type: SchemaType<T>): Optional<T> {
  return { optional: type };
}

/** The same member, which nobody should use any more. */
export function deprecated<const M extends AnyType | Optional<unknown>>(member: M): M {
  return { ...member, features: ['deprecated'] };
}

/** The same member, which may be another one day. */
export function unstable<const M extends AnyType | Optional<unknown>>(member: M): M {
  return { ...member, features: ['unstable'] };
}

export function list<T>(element: SchemaType<T>): SchemaType<readonly T[]> {
  return { node: { meta: 'array', element: element.node } };
}

function nodeOf(members: Members): readonly Member[] {
  return Object.entries(members).map(([name, member]) =>
    'optional' in member
      ? { name, type: member.optional.node, optional: true, features: member.features }
      : { name, type: member.node, optional: false, features: member.features },
  );
}

/** An object with these members, in the schema's order. */
export function struct<const M extends Members>(members: M): SchemaType<ObjectOf<M>, ObjectNode> {
  return { node: { meta: 'object', members: nodeOf(members) } };
}

type UnionOf<Base, Tag extends keyof Base, V> = {
  [K in Base[Tag] & string]: Flat<
    Omit<Base, Tag> & { readonly [T in Tag]: K } & (K extends keyof V ? Infer<V[K]> : unknown)
  >;
}[Base[Tag] & string];

/**
 * An object that has more members, depending on one of them.
 * @param tag the member that decides
 * @param variants what comes with each of its values; none for those that are not here
 */
export function union<
  const M extends Members,
  Tag extends keyof ObjectOf<M> & string,
  V extends Readonly<Record<string, SchemaType<unknown, ObjectNode>>>,
>(members: M, tag: Tag, variants: V): SchemaType<UnionOf<ObjectOf<M>, Tag, V>, ObjectNode> {
  const cases = new Map(Object.entries(variants).map(([name, { node }]) => [name, node]));
  return { node: { meta: 'object', members: nodeOf(members), tag, variants: cases } };
}

/** A value of one type or another, which their kinds in JSON tell apart. */
export function alternate<const T extends readonly AnyType[]>(
  name: string,
  choices: T,
): SchemaType<Infer<T[number]>> {
  return { node: { meta: 'alternate', name, choices: choices.map(({ node }) => node) } };
}

/** The same, of which TypeScript knows no more than that it is an object of JSON: for a command that takes it as it came. */
export function asJson({ node }: SchemaType<unknown, ObjectNode>): SchemaType<JsonObject, ObjectNode> {
  return { node };
}

/** No members. */
export const NOTHING = struct({});
