/** What monitors tell of the processor models: which there are, and what each becomes. Texts and orders are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { EXECUTED_FEATURES } from '../cpu/cpu-features.ts';
import { MODEL_ALIASES } from '../cpu/models/cpu-model-table.ts';
import {
  cpuTypeOf,
  FEATURE_BITS,
  featuresOfModel,
  MAX_MODEL,
  MODEL_NAMES,
  modelNamed,
} from '../cpu/models/cpu-models.ts';
import { type CpuCompat, expansionOf } from '../cpu/models/cpu-option.ts';
import { hasCpuProperty } from '../cpu/models/cpu-properties.ts';
import { FULL_ONLY } from '../cpu/models/cpu-property-table.ts';
import { type JsonValue, signedInteger, unsignedInteger } from '../qapi/json-value.ts';
import { cpuDefaults, fillCpuValues } from './cpu-values.ts';

export interface CpuDefinition {
  readonly name: string;
  readonly typeName: string;
  readonly aliasOf: string | undefined;
  /** It stays as it is, whatever machine has it. */
  readonly isStatic: boolean;
  /** It is the same on every host. */
  readonly isMigrationSafe: boolean;
  /** Features of the model that the core does not execute. */
  readonly unavailable: readonly string[];
}

const STATIC_MODEL = 'base';

/** QEMU: the last name comes first. */
export function cpuDefinitions(): readonly CpuDefinition[] {
  return MODEL_NAMES.map((name) => ({
    name,
    typeName: cpuTypeOf(name),
    aliasOf: MODEL_ALIASES[name],
    isStatic: name === STATIC_MODEL,
    isMigrationSafe: name !== MAX_MODEL,
    unavailable: unavailableIn(name),
  })).reverse();
}

function unavailableIn(name: string): readonly string[] {
  const model = modelNamed(name);
  if (model === undefined || name === MAX_MODEL) return [];
  const words = featuresOfModel(model);
  return FEATURE_BITS.filter(({ word, bit }) => {
    const missing = (words[word] ?? 0) & ~(EXECUTED_FEATURES[word] ?? 0);
    return ((missing >>> bit) & 1) !== 0;
  }).map((feature) => feature.name);
}

const words = (text: string): readonly string[] => text.split(' ');
const NOT_STATIC: ReadonlySet<string> = new Set(words(FULL_ONLY));
/** Numbers that may be negative. */
const SIGNED: ReadonlySet<string> = new Set(
  words('family model stepping node-id socket-id die-id core-id thread-id x-hv-max-vps'),
);

/** The value as text for the command line's reader of it. Throws QEMU's error for a value of another type than `like`. */
function textOf(name: string, value: JsonValue, like: JsonValue): string {
  if (typeof like === 'boolean') {
    if (typeof value !== 'boolean') throw wrongType(name, 'boolean');
    return value ? 'on' : 'off';
  }
  if (typeof like === 'string') {
    if (typeof value !== 'string') throw wrongType(name, 'string');
    return value;
  }
  if (SIGNED.has(name)) {
    const integer = signedInteger(value);
    if (integer === undefined) throw wrongType(name, 'integer');
    return String(integer);
  }
  if (unsignedInteger(value) === undefined) throw new MonitorError(`Parameter '${name}' expects uint64`);
  return String(value);
}

function wrongType(name: string, expected: string): MonitorError {
  return new MonitorError(`Invalid parameter type for '${name}', expected: ${expected}`);
}

export interface ExpansionRequest {
  readonly name: string;
  /** What is put over the model, in the order in which it counts. */
  readonly given: readonly (readonly [name: string, value: JsonValue])[];
  /** All properties under the model's name; else those that make it out of `base`. */
  readonly full: boolean;
  readonly compat: CpuCompat;
}

/**
 * The model with all its properties. Throws QEMU's error.
 * @param warn told of features that stand on others which are not there
 */
export function expandCpu(
  { name, given, full, compat }: ExpansionRequest,
  warn: (text: string) => void,
): { readonly name: string; readonly props: Readonly<Record<string, JsonValue>> } {
  const expansion = expansionOf(name, compat);
  if (expansion === undefined) throw new MonitorError(`CPU model '${name}' not found`);
  const props = cpuDefaults(name, compat);
  for (const [property, value] of given) {
    const like = props.get(property);
    if (like === undefined) throw new MonitorError(`Property '${cpuTypeOf(name)}.${property}' not found`);
    if (!expansion.set(property, textOf(property, value, like))) props.set(property, value);
  }
  fillCpuValues(props, expansion.expanded(warn), compat);
  const kept = [...props].filter(([property]) => full || !isFullOnly(property));
  return { name: full ? name : STATIC_MODEL, props: Object.fromEntries(kept) };
}

function isFullOnly(property: string): boolean {
  return NOT_STATIC.has(property) || hasCpuProperty(property, true) !== hasCpuProperty(property, false);
}
