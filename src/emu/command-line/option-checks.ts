/** What is looked at in options before there is a machine. */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { OBJECT_TYPES } from '../machine/device-types.ts';
import { objectHelpText } from '../monitor/hmp/object-commands.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { nodeNumber } from '../qdev/host-nodes.ts';
import { readNumberRange } from '../qdev/number-list.ts';
import { Options } from '../qdev/option-string.ts';
import { parseSize } from '../qdev/properties.ts';
import { checkObjectOptions, type ObjectType } from '../qdev/user-objects.ts';
import type { OptionGroup } from './options-memory.ts';
import { startError } from './start-error.ts';

/** QEMU: no two options of a kind have one id. Throws StartError. */
export function checkIds(groups: readonly OptionGroup[], what: string): void {
  const ids = new Set<string>();
  for (const { options, at } of groups) {
    if (options.id === undefined) continue;
    if (ids.has(options.id)) throw startError(`Duplicate ID '${options.id}' for ${what}`, at);
    ids.add(options.id);
  }
}

/** Gives the options with their lists taken apart. Throws MonitorError. */
export function checkedObjectText(options: Options): Options {
  if (objectHelpText(OBJECT_TYPES, options) !== undefined) return options;
  const { type } = checkObjectOptions(OBJECT_TYPES, options, (name) => `Invalid parameter '${name}'`);
  const separate = separateLists(type, options);
  checkValues(type, separate);
  return separate;
}

/** The same of an object that is written as JSON. Throws MonitorError. */
export function checkObjectJson(options: Options<JsonValue>): void {
  const { type } = checkObjectOptions(OBJECT_TYPES, options, (name) => `Parameter '${name}' is unexpected`);
  for (const property of type.properties) {
    const value = options.get(property.name);
    if (value !== undefined) property.kind.fromJson(value, property, type.name);
  }
}

/** Types of objects' numbers, none of which may be negative. */
const NUMBERS: ReadonlySet<string> = new Set(['int', 'uint32']);

/** QEMU: this option's reader looks at values before there is a machine. Throws MonitorError. */
function checkValues({ name: owner, properties }: ObjectType, options: Options): void {
  for (const property of properties) {
    const { name, kind } = property;
    const text = options.get(name);
    if (text === undefined) continue;
    if (kind.typeName === 'size' && parseSize(text) === undefined) {
      throw new MonitorError(`Parameter '${name}' expects a size value`);
    }
    if (NUMBERS.has(kind.typeName) && (readCInteger(text) ?? -1n) < 0n) {
      throw new MonitorError(`Parameter '${name}' expects a uint64 value`);
    }
    kind.parse(text, property, owner);
  }
}

/** Lists are options given more than once, and ranges of numbers: here each number becomes an option of its own, as in `object_add`. Throws QEMU's errors. */
function separateLists({ properties }: ObjectType, options: Options): Options {
  const counts = new Map<string, number>();
  const entries = options.entries.flatMap(([name, text]) => {
    if (!properties.some((one) => one.name === name && one.kind.fromParts !== undefined)) {
      return [[name, text] as const];
    }
    const numbers = readNumberRange(text);
    if (numbers === undefined || numbers.some((number) => number < 0n)) {
      throw new MonitorError(`Parameter '${name}' expects a uint64 value or range`);
    }
    for (const number of numbers) nodeNumber(number);
    const start = counts.get(name) ?? 0;
    counts.set(name, start + numbers.length);
    return numbers.map((number, at) => [`${name}.${start + at}`, String(number)] as const);
  });
  return new Options(entries, options.id);
}
