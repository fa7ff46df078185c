/**
 * Holds what a client sent against the schema. Texts are QEMU's, and so is the order in which they are found: members as the schema lists them,
 * then those that nobody expects.
 */
import { MonitorError } from '../core/monitor-error.ts';
import { isJsonObject, type JsonObject, type JsonValue, keysOf } from './json-value.ts';
import type { IntegerName, Member, ObjectNode, SchemaNode, SchemaType } from './schema.ts';
import { inVisitorOrder } from './visitor-order.ts';

/** How an entry of a list is called in errors. QEMU: `list[0]` of what came as JSON, `list.0` of options. */
type EntryPath = (list: string, at: number) => string;
const OF_JSON: EntryPath = (list, at) => `${list}[${at}]`;
const OF_OPTIONS: EntryPath = (list, at) => `${list}.${at}`;

/** Where a value is, in the words of an error. */
interface Place {
  /** From the outermost object on: `backend.data.size`. */
  readonly path: string;
  /** QEMU: what is in a list has none. */
  readonly name: string;
  readonly entryPath: EntryPath;
}

const RANGES: Readonly<Record<IntegerName, readonly [least: bigint, most: bigint]>> = {
  int: [-(1n << 63n), (1n << 63n) - 1n],
  int8: [-(1n << 7n), (1n << 7n) - 1n],
  int16: [-(1n << 15n), (1n << 15n) - 1n],
  int32: [-(1n << 31n), (1n << 31n) - 1n],
  int64: [-(1n << 63n), (1n << 63n) - 1n],
  // QEMU: a negative one of 64 bits is taken as it is stored.
  uint8: [0n, (1n << 8n) - 1n],
  uint16: [0n, (1n << 16n) - 1n],
  uint32: [0n, (1n << 32n) - 1n],
  uint64: [-(1n << 63n), (1n << 64n) - 1n],
  size: [-(1n << 63n), (1n << 64n) - 1n],
};

/** What QEMU calls the kinds of JSON. */
const KINDS = { str: 'string', bool: 'boolean', number: 'number', null: 'null' } as const;

function wrongType({ path }: Place, expected: string): MonitorError {
  return new MonitorError(`Invalid parameter type for '${path}', expected: ${expected}`);
}

function checkInteger(name: IntegerName, value: JsonValue, place: Place): number | bigint {
  const isSigned = name.startsWith('int');
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    // QEMU: the wide unsigned one has another text, and whatever has fewer bits is read as a wide one first.
    if (isSigned) throw wrongType(place, 'integer');
    throw new MonitorError(`Parameter '${place.path}' expects uint64`);
  }
  const [least, most] = RANGES[name];
  const exact = BigInt(value);
  if (exact >= least && exact <= most) return isSigned || exact >= 0n ? value : BigInt.asUintN(64, exact);
  if (name === 'int' || name === 'int64') throw wrongType(place, 'integer');
  throw new MonitorError(`Parameter '${place.name}' expects ${name}_t`);
}

function hasKind(node: SchemaNode, value: JsonValue): boolean {
  switch (node.meta) {
    case 'object':
      return isJsonObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'enum':
      return typeof value === 'string';
    case 'alternate':
      return node.choices.some((choice) => hasKind(choice, value));
    case 'builtin':
      return builtinFits(node.name, value);
  }
}

function builtinFits(name: keyof typeof KINDS | 'any', value: JsonValue): boolean {
  switch (name) {
    case 'any':
      return true;
    case 'str':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case 'null':
      return value === null;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' || isDouble(value);
  }
}

function isDouble(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isJsonObject(value);
}

function check(node: SchemaNode, value: JsonValue, place: Place): JsonValue {
  switch (node.meta) {
    case 'integer':
      return checkInteger(node.name, value, place);
    case 'builtin':
      if (node.name !== 'any' && !builtinFits(node.name, value)) throw wrongType(place, KINDS[node.name]);
      return value;
    case 'enum':
      if (typeof value !== 'string') throw wrongType(place, 'string');
      if (!node.values.includes(value)) {
        throw new MonitorError(`Parameter '${place.name}' does not accept value '${value}'`);
      }
      return value;
    case 'array':
      if (!Array.isArray(value)) throw wrongType(place, 'array');
      return value.map((one: JsonValue, n) =>
        check(node.element, one, { ...place, path: place.entryPath(place.path, n), name: 'null' }),
      );
    case 'alternate': {
      const choice = node.choices.find((one) => hasKind(one, value));
      // QEMU: by its own name, not by its path.
      if (choice === undefined) throw wrongType({ ...place, path: place.name }, node.name);
      return check(choice, value, place);
    }
    case 'object':
      if (!isJsonObject(value)) throw wrongType(place, 'object');
      return checkObject(node, value, place);
  }
}

function checkMembers(
  members: readonly Member[],
  given: JsonObject,
  { prefix, entryPath }: { readonly prefix: string; readonly entryPath: EntryPath },
  checked: Record<string, JsonValue>,
): void {
  for (const { name, type, optional } of members) {
    const path = prefix + name;
    const value = given[name];
    if (value !== undefined) checked[name] = check(type, value, { path, name, entryPath });
    else if (!optional) throw new MonitorError(`Parameter '${path}' is missing`);
  }
}

function checkObject(node: ObjectNode, given: JsonObject, { path, entryPath }: Place): JsonObject {
  const checked: Record<string, JsonValue> = Object.create(null);
  const prefix = path === '' ? '' : `${path}.`;
  const inside = { prefix, entryPath };
  checkMembers(node.members, given, inside, checked);
  const tag = node.tag === undefined ? undefined : checked[node.tag];
  const variant = typeof tag === 'string' ? node.variants?.get(tag) : undefined;
  if (variant !== undefined) checkMembers(variant.members, given, inside, checked);
  const unexpected = inVisitorOrder(keysOf(given)).find((name) => checked[name] === undefined);
  if (unexpected !== undefined) throw new MonitorError(`Parameter '${prefix}${unexpected}' is unexpected`);
  return checked;
}

/**
 * The arguments of a command as the schema has them; integers are a bigint only where they need more than 53 bits.
 * Throws `MonitorError`, QEMU's.
 */
export function checkArguments(node: ObjectNode, given: JsonObject): JsonObject {
  return checkObject(node, given, { path: '', name: '', entryPath: OF_JSON });
}

/**
 * The same as a value of the type that the schema is of.
 * @param isOfOptions it came as options, not as JSON
 */
export function checkedAs<T>({ node }: SchemaType<T, ObjectNode>, given: JsonObject, isOfOptions = false): T {
  const entryPath = isOfOptions ? OF_OPTIONS : OF_JSON;
  // That is what was checked.
  return checkObject(node, given, { path: '', name: '', entryPath }) as T;
}
