/** Options with dots in their names as the object that they mean: `file.driver=file` is `{"file": {"driver": "file"}}`. QEMU: keyval. */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonObject, keysOf } from '../qapi/json-value.ts';
import type { ObjectNode, SchemaNode } from '../qapi/schema.ts';
import { parseKeyValues } from './option-string.ts';
import { parseBool } from './properties.ts';

const FRAGMENT = /^([A-Za-z][\w-]*|\d+)$/;

type Tree = Map<string, string | Tree>;

/** Throws QEMU's error for names that contradict each other. */
export function nestedOptions(entries: readonly (readonly [key: string, value: string])[]): JsonObject {
  const root: Tree = new Map();
  for (const [key, value] of entries) {
    const names = key.split('.').map((name) => name.replace(/^0+(?=\d+$)/, ''));
    if (!names.every((name) => FRAGMENT.test(name))) throw new MonitorError(`Invalid parameter '${key}'`);
    let at = root;
    for (const [depth, name] of names.slice(0, -1).entries()) {
      const next = at.get(name) ?? new Map();
      if (typeof next === 'string') throw inconsistent(names.slice(0, depth + 1));
      at.set(name, next);
      at = next;
    }
    const last = names.at(-1) ?? '';
    if (at.get(last) instanceof Map) throw inconsistent(names);
    at.set(last, value);
  }
  return objectOf(root);
}

function inconsistent(names: readonly string[]): MonitorError {
  return new MonitorError(`Parameters '${names.join('.')}.*' used inconsistently`);
}

function objectOf(tree: Tree, prefix = ''): JsonObject {
  const one = (key: string, value: string | Tree): JsonValue =>
    typeof value === 'string' ? value : valueOfTree(value, prefix + key);
  return jsonObject(new Map([...tree].map(([key, value]) => [key, one(key, value)] as const)));
}

/** Names that are numbers count the entries of a list. Throws QEMU's errors. */
function valueOfTree(tree: Tree, path: string): JsonValue {
  const isNumber = (key: string): boolean => /^\d/.test(key);
  const members = objectOf(tree, `${path}.`);
  const keys = [...tree.keys()];
  if (!keys.some(isNumber)) return members;
  if (!keys.every(isNumber)) throw inconsistent([path]);
  return keys.map((_, at) => {
    const value = members[at];
    if (value === undefined) throw new MonitorError(`Parameter '${path}.${at}' missing`);
    return value;
  });
}

/** Reads the options of the command line. Throws `MonitorError`. */
export function parseKeyval(text: string, implied: string): JsonObject {
  if (text === '') return {};
  const { entries, id } = parseKeyValues(text, implied);
  if (entries.some(([key, value]) => key === implied && (value === 'help' || value === '?'))) {
    throw new MonitorError('Help is not available for this option');
  }
  return nestedOptions(id === undefined ? entries : [...entries, ['id', id]]);
}

/** The values of `given`, all of them text, as the types that the schema asks for; what it does not know stays. Throws QEMU's error. */
export function typedOptions(node: ObjectNode, given: JsonObject, prefix = ''): JsonObject {
  const tag = node.tag === undefined ? undefined : given[node.tag];
  const variant = typeof tag === 'string' ? node.variants?.get(tag) : undefined;
  const members = new Map(
    [...node.members, ...(variant?.members ?? [])].map(({ name, type }) => [name, type] as const),
  );
  return jsonObject(
    new Map(
      keysOf(given).map((name) => {
        const type = members.get(name);
        const value = given[name] ?? null;
        return [name, type === undefined ? value : typed(type, value, prefix + name)] as const;
      }),
    ),
  );
}

/** A number of 64 bits with its sign; a bigint only where it has more than 53. Undefined: it is none. */
function wholeNumber(text: string): number | bigint | undefined {
  const exact = readCInteger(text);
  if (exact === undefined || BigInt.asIntN(64, exact) !== exact) return undefined;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

function typed(type: SchemaNode, value: JsonValue, path: string): JsonValue {
  if (typeof value !== 'string') {
    if (type.meta === 'array' && Array.isArray(value)) {
      return value.map((one: JsonValue, at) => typed(type.element, one, `${path}.${at}`));
    }
    const object = type.meta === 'alternate' ? type.choices.find(({ meta }) => meta === 'object') : type;
    if (object?.meta !== 'object' || !isJsonObject(value)) return value;
    return typedOptions(object, value, `${path}.`);
  }
  if (type.meta === 'integer') {
    const number = wholeNumber(value);
    if (number === undefined) throw new MonitorError(`Parameter '${path}' expects integer`);
    return number;
  }
  if (type.meta !== 'builtin' || type.name !== 'bool') return value;
  const truth = parseBool(value);
  if (truth === undefined) throw new MonitorError(`Parameter '${path}' expects 'on' or 'off'`);
  return truth;
}
