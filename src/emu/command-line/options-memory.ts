/** -m, -icount and -rtc. Texts are QEMU's. */
import { readCInteger, UINT64_END } from '../core/c-integer.ts';
import { DEFAULT_CPU, readCpu } from '../cpu/models/cpu-option.ts';
import { addressesEnd, hasHyperTransport } from '../machine/address-limit.ts';
import { MAX_DIMM_SLOTS, RAM_MAX } from '../machine/machine-config.ts';
import { machineVersion } from '../machine/machine-versions.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseBool, parseSize } from '../qdev/properties.ts';
import type { CommandLine } from './options.ts';
import { startError } from './start-error.ts';

const MIB = 1024 * 1024;
/** QEMU: memory comes in multiples of this. */
const MEMORY_ALIGN = 8192;
const MAX_SHIFT = 10;
const PAGE_BYTES = 4096;
const ADDRESS_BITS = 40;
const ADDRESSES_END = 2 ** ADDRESS_BITS;

/** An option and its value, already split. */
export interface OptionGroup<V extends JsonValue = string> {
  readonly options: Options<V>;
  readonly at: string;
}

/** Throws StartError for a key that the option does not have. */
export function checkKeys({ options, at }: OptionGroup, known: readonly string[]): void {
  const unknown = options.entries.find(([key]) => !known.includes(key))?.[0];
  if (unknown !== undefined) throw startError(`Invalid parameter '${unknown}'`, at);
}

function sizeOf(text: string, name: string, at: string): number {
  const size = parseSize(text);
  if (size !== undefined) return size;
  if (/^\d+[bkmgtpe]?$/i.test(text)) {
    throw startError(`Value '${text}' is out of range for parameter '${name}'`, at);
  }
  throw startError(
    `Parameter '${name}' expects a non-negative number below 2^64\n` +
      'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.',
    at,
  );
}

/** What -m says. */
export interface MemoryOption {
  /** Undefined where the option leaves it to the default. */
  readonly bytes: number | undefined;
  /** Room for DIMMs: `maxBytes` counts them and the RAM. */
  readonly dimms: { readonly slots: number; readonly maxBytes: number } | undefined;
}

/** Throws StartError. */
export function readMemory(group: OptionGroup): MemoryOption {
  const { options, at } = group;
  checkKeys(group, ['size', 'slots', 'maxmem']);
  const text = options.get('size');
  // QEMU: a number without suffix counts MiB here, and only here.
  const unit = text !== undefined && /^\d+$/.test(text) ? MIB : 1;
  const wanted = text === undefined ? 0 : sizeOf(text, 'size', at) * unit;
  const bytes = Math.ceil(wanted / MEMORY_ALIGN) * MEMORY_ALIGN;
  const slots = slotsOf(options.get('slots'), at);
  const max = options.get('maxmem');
  const maxBytes = max === undefined ? undefined : sizeOf(max, 'maxmem', at);
  if (maxBytes === undefined) {
    if (slots !== undefined) throw startError('slots specified but no max-size');
    return { bytes: bytes === 0 ? undefined : bytes, dimms: undefined };
  }
  const dimms = { slots: Number(slots ?? 0), maxBytes };
  if (bytes !== 0) checkMaximum(bytes, dimms);
  if (slots !== undefined && slots > MAX_DIMM_SLOTS) {
    throw startError(`unsupported amount of memory slots: ${slots}`);
  }
  return { bytes: bytes === 0 ? undefined : bytes, dimms };
}

/** How much memory the object has that a machine's memory is to be; undefined: it says nothing, or there is no such object. */
export function backendBytes(
  name: string | undefined,
  objects: readonly OptionGroup<JsonValue>[],
): number | undefined {
  const size = objects
    .find(({ options }) => name !== undefined && (name === options.id || name === `/objects/${options.id}`))
    ?.options.get('size');
  const bytes = typeof size === 'string' ? parseSize(size) : typeof size === 'number' ? size : undefined;
  return bytes && Math.ceil(bytes / MEMORY_ALIGN) * MEMORY_ALIGN;
}

function slotsOf(text: string | undefined, at: string): bigint | undefined {
  if (text === undefined) return undefined;
  const slots = readCInteger(text);
  if (slots === undefined) throw startError("Parameter 'slots' expects a number", at);
  if (slots >= UINT64_END || slots <= -UINT64_END) {
    throw startError(`Value '${text}' is too large for parameter 'slots'`, at);
  }
  // QEMU: a minus sign wraps round.
  return BigInt.asUintN(64, slots);
}

function checkMaximum(bytes: number, { slots, maxBytes }: NonNullable<MemoryOption['dimms']>): void {
  const [initial, maximum] = [bytes, maxBytes].map((size) => `memory size (0x${size.toString(16)})`);
  const wrong = 'invalid value of maxmem:';
  if (maxBytes < bytes) {
    throw startError(`${wrong} maximum ${maximum} must be at least the initial ${initial}`);
  }
  if (slots > 0 && maxBytes === bytes) {
    throw startError(
      `${wrong} memory slots were specified but maximum ${maximum} is equal to the initial ${initial}`,
    );
  }
}

/** Throws StartError for more memory than a machine can have. */
export function checkMemory(
  bytes: number,
  { dimms, machineType, cpu }: Pick<CommandLine, 'dimms' | 'machineType' | 'cpu'>,
): void {
  if (dimms !== undefined) {
    checkMaximum(bytes, dimms);
    if (dimms.maxBytes % PAGE_BYTES !== 0) {
      throw startError(`maximum memory size must by aligned to multiple of ${PAGE_BYTES} bytes`);
    }
    const end = addressesEnd(bytes, dimms, keepsHyperTransport(machineType, cpu));
    if (end > ADDRESSES_END) {
      const [limit, used] = [ADDRESSES_END - 1, end - 1].map((gpa) => `0x${gpa.toString(16)}`);
      throw startError(`Address space limit ${limit} < ${used} phys-bits too low (${ADDRESS_BITS})`);
    }
  }
  if (bytes > RAM_MAX) throw memoryError();
}

function keepsHyperTransport(machineType: string, cpu: string | undefined): boolean {
  const version = machineVersion(machineType);
  return hasHyperTransport(
    version,
    readCpu(cpu ?? DEFAULT_CPU, version.cpu, () => {}),
  );
}

/** QEMU's words when the host has not so much. */
export function memoryError(): Error {
  return startError("cannot set up guest memory 'pc.ram': Cannot allocate memory");
}

/** What -rtc says. */
export interface RtcOption {
  /** Milliseconds since 1970 at which the clock starts; undefined: the host's time. */
  readonly baseMs: number | undefined;
  /** `host`: it makes up for what the machine loses of the host's time. `vm`: it does not. */
  readonly clock: 'host' | 'vm';
}

/** Throws StartError. Not modelled: base=localtime, clock=rt. */
export function readRtc(group: OptionGroup): RtcOption {
  const { options, at } = group;
  checkKeys(group, ['base', 'clock', 'driftfix']);
  const clock = options.get('clock') ?? 'host';
  if (clock !== 'host' && clock !== 'vm')
    throw startError(`'clock=${clock}' is not modelled by this machine`, at);
  const driftfix = options.get('driftfix') ?? 'none';
  if (driftfix !== 'none') throw startError(`'driftfix=${driftfix}' is not modelled by this machine`, at);
  return { clock, baseMs: rtcBase(group) };
}

function rtcBase({ options, at }: OptionGroup): number | undefined {
  const base = options.get('base') ?? 'utc';
  if (base === 'utc') return undefined;
  if (base === 'localtime') throw startError("'base=localtime' is not modelled by this machine", at);
  const isDate = /^\d{4}-\d\d?-\d\d?(?:T\d\d?:\d\d?:\d\d?)?$/.test(base);
  const [year = 0, month = 0, day = 0, ...time] = base.split(/[-T:]/).map(Number);
  // biome-ignore lint/style/noRestrictedGlobals: a calculation, which asks no clock
  const ms = Date.UTC(year, month - 1, day, ...time);
  if (isDate && !Number.isNaN(ms)) return ms;
  throw startError("invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'");
}

/**
 * Shift of -icount; undefined where it is not switched on. Throws StartError.
 * Not modelled: sleep=on, QEMU's default: idle time passes at once.
 */
export function readIcount(group: OptionGroup): number | undefined {
  const { options, at } = group;
  checkKeys(group, ['shift', 'align', 'sleep', 'rr', 'rrfile', 'rrsnapshot']);
  const flag = (name: string): boolean | undefined => {
    const text = options.get(name);
    if (text === undefined) return undefined;
    const value = parseBool(text);
    if (value === undefined) throw startError(`Parameter '${name}' expects 'on' or 'off'`, at);
    return value;
  };
  const shift = options.get('shift');
  if (shift === undefined) {
    if (options.get('rr') !== undefined) throw startError('Please enable icount to use record/replay');
    return undefined;
  }
  const align = flag('align') === true;
  const sleep = flag('sleep');
  if (align && sleep === false) throw startError('align=on and sleep=off are incompatible', at);
  if (shift !== 'auto' && !(/^\d+$/.test(shift) && Number(shift) <= MAX_SHIFT)) {
    throw startError('icount: Invalid shift value', at);
  }
  for (const [text, asked] of [
    ['shift=auto', shift === 'auto'],
    ['align=on', align],
    ['sleep=on', sleep === true],
    ['rr', options.get('rr') !== undefined],
  ] as const) {
    if (asked) throw startError(`'${text}' is not modelled by this machine`, at);
  }
  return Number(shift);
}

/** The name of -name; undefined: none. What it says of the host's process has no meaning here. Throws StartError. */
export function readName(group: OptionGroup): string | undefined {
  const { options, at } = group;
  checkKeys(group, ['guest', 'process', 'debug-threads']);
  const threads = options.get('debug-threads');
  if (threads !== undefined && parseBool(threads) === undefined) {
    throw startError("Parameter 'debug-threads' expects 'on' or 'off'", at);
  }
  return options.get('guest');
}
