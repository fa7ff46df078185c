/**
 * -numa: options in text as the values that their schema asks for. QEMU: an older reader than that of -blockdev, with texts of its own, which knows
 * ranges of numbers and takes a list to be an option that is given many times.
 */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { NUMA_OPTIONS, type NumaOptions } from '../machine/numa-options.ts';
import { checkArguments, checkedAs } from '../qapi/check.ts';
import { type JsonValue, jsonObject } from '../qapi/json-value.ts';
import type { Member, SchemaNode } from '../qapi/schema.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseSize } from '../qdev/properties.ts';

/** Numbers of a range, at most. */
const RANGE_MAX = 65_536n;
const UINT64_END = 1n << 64n;
const INT64_END = 1n << 63n;
const MIB = 2 ** 20;

/** Throws MonitorError, with QEMU's text. */
export function readNuma(options: Options): NumaOptions {
  const { members, variants } = NUMA_OPTIONS.node;
  const type = options.get('type') ?? '';
  const all = [...members, ...(variants?.get(type)?.members ?? [])];
  const values = new Map<string, JsonValue>();
  for (const member of all) {
    const value = memberValue(member, options);
    if (value !== undefined) values.set(member.name, value);
    // What is missing or wrong is told before what follows is looked at.
    checkMember(member, value);
  }
  const known = new Set(all.map(({ name }) => name));
  const unknown = options.id !== undefined ? 'id' : options.entries.find(([key]) => !known.has(key))?.[0];
  if (unknown !== undefined) throw new MonitorError(`Invalid parameter '${unknown}'`);
  return checkedAs(NUMA_OPTIONS, jsonObject(values));
}

/** Throws QEMU's error. */
function checkMember(member: Member, value: JsonValue | undefined): void {
  const given = new Map(value === undefined ? [] : [[member.name, value] as const]);
  checkArguments({ meta: 'object', members: [member] }, jsonObject(given));
}

function memberValue({ name, type }: Member, options: Options): JsonValue | undefined {
  const texts = options.entries.filter(([key]) => key === name).map(([, text]) => text);
  const text = texts.at(-1);
  if (text === undefined) return undefined;
  if (type.meta === 'array') return texts.flatMap((one) => numbersOf(name, one));
  // QEMU: a number without suffix counts MiB here.
  if (name === 'mem' && /^(\d+|0x[\da-f]+)$/i.test(text)) return Number(text) * MIB;
  return scalarOf(name, type, text);
}

function scalarOf(name: string, type: SchemaNode, text: string): JsonValue {
  if (type.meta !== 'integer') return text;
  const expects = (what: string): MonitorError => new MonitorError(`Parameter '${name}' expects ${what}`);
  if (type.name === 'size') {
    const size = parseSize(text);
    if (size === undefined) throw expects('a size value');
    return size;
  }
  const isSigned = type.name.startsWith('int');
  const value = readCInteger(text);
  const [least, end] = isSigned ? [-INT64_END, INT64_END] : [0n, UINT64_END];
  if (value === undefined || value < least || value >= end) {
    throw expects(isSigned ? 'an int64 value' : 'a uint64 value');
  }
  return jsonInteger(value);
}

/** A number, or the first and the last of many. */
function numbersOf(name: string, text: string): readonly JsonValue[] {
  const [, from = '', to] = /^([^-]*)(?:-(.*))?$/.exec(text) ?? [];
  const first = readCInteger(from);
  const last = to === undefined ? first : readCInteger(to);
  if (first === undefined || last === undefined || last < first || last - first >= RANGE_MAX) {
    throw new MonitorError(`Parameter '${name}' expects a uint64 value or range`);
  }
  return Array.from({ length: Number(last - first) + 1 }, (_, at) => jsonInteger(first + BigInt(at)));
}

function jsonInteger(value: bigint): JsonValue {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
    ? Number(value)
    : value;
}
