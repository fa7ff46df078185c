/** Properties of QEMU's processors by name: their types, and their values as the command line writes them. */
import { readCInteger, UINT64_END } from '../../core/c-integer.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { parseBool } from '../../qdev/properties.ts';
import { IDLE_FEATURES } from './cpu-model-table.ts';
import { PROPERTIES } from './cpu-property-table.ts';

export type CpuValue = boolean | number | bigint | string;

/** QEMU's name of each property's type, in QEMU's order. */
export const CPU_PROPERTIES: ReadonlyMap<string, string> = new Map(
  PROPERTIES.split(' ').map((word) => {
    const [name = '', type = 'bool'] = word.split(':');
    return [name, type];
  }),
);

/** Only the model that has all that the emulator has. */
const OF_MAX = new Set(['host-cache-info', 'migratable']);
/** What the object tells of itself. */
const READ_ONLY = new Set([
  ...['crash-information', 'feature-words', 'filtered-features', 'unavailable-features'],
  ...['legacy-memory', 'type', 'hotplugged', 'hotpluggable'],
]);
/** Ranges that are narrower than the type, and have an error of their own. */
const RANGES: Readonly<Record<string, bigint>> = {
  family: 0x10en,
  model: 0xffn,
  stepping: 0xfn,
  'tsc-frequency': 2n ** 63n - 1n,
};
const LBR_FORMAT_MASK = 0x3fn;
const ON_OFF_AUTO = ['auto', 'on', 'off'];

/** Processors of the model `isMax` or of others have the property `name`. */
export function hasCpuProperty(name: string, isMax: boolean): boolean {
  return CPU_PROPERTIES.has(name) && (isMax || !OF_MAX.has(name));
}

export function isReadOnlyCpuProperty(name: string): boolean {
  return READ_ONLY.has(name);
}

/** QEMU: without KVM these are off, whatever was asked for. */
export function needsKvm(name: string): boolean {
  return IDLE_FEATURES.includes(name);
}

/** The text of the command line as a value. Throws QEMU's error. */
export function readCpuValue(name: string, text: string): CpuValue {
  const type = CPU_PROPERTIES.get(name);
  if (type === 'bool') return readSwitch(name, text);
  if (type === 'str' || type === 'string') return text;
  if (type === 'OnOffAuto') {
    if (ON_OFF_AUTO.includes(text)) return text;
    throw new MonitorError(`Parameter '${name}' does not accept value '${text}'`);
  }
  return readNumber(name, text, type ?? '');
}

function readSwitch(name: string, text: string): boolean {
  const value = parseBool(text);
  if (value === undefined) throw expects(name, "'on' or 'off'");
  return value;
}

function readNumber(name: string, text: string, type: string): number | bigint {
  const isSigned = !type.startsWith('u');
  const value = readCInteger(text);
  const isRead = value !== undefined && value < UINT64_END && value > -UINT64_END;
  if (!isRead || (isSigned && BigInt.asIntN(64, value) !== value))
    throw expects(name, isSigned ? 'int64' : 'uint64');
  const max = RANGES[name];
  if (max !== undefined && (value < 0n || value > max))
    throw new MonitorError(`Property .${name} doesn't take value ${value} (minimum: 0, maximum: ${max})`);
  if (name === 'lbr-fmt' && (value & ~LBR_FORMAT_MASK) !== 0n)
    throw new MonitorError("Property value for 'lbr-fmt' has bits outside mask '0x3f'");
  // QEMU: a minus sign wraps round.
  const whole = isSigned ? value : BigInt.asUintN(64, value);
  const bits = Number(/\d+$/.exec(type)?.[0] ?? 64);
  const kept = isSigned ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole);
  if (kept !== whole) throw expects(name, `${type}_t`);
  return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
}

function expects(name: string, what: string): MonitorError {
  return new MonitorError(`Parameter '${name}' expects ${what}`);
}
