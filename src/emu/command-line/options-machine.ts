/** -machine, -accel, -cpu, -smp: what there is to choose. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import {
  type CpuCompat,
  type CpuDescription,
  DEFAULT_CPU,
  describeCpu,
  hyperthreadingWarning,
} from '../cpu/models/cpu-option.ts';
import { placeError } from '../machine/boards/pc-cpus.ts';
import { OEM_BYTES } from '../machine/boot-config.ts';
import { apicIdOf, ONE_PROCESSOR, placeOfCpu, type SmpConfig } from '../machine/cpu-topology.ts';
import type { MachineConfig } from '../machine/machine-config.ts';
import {
  CURRENT_MACHINE,
  MACHINE_VERSIONS,
  type MachineVersion,
  machineVersion,
  NONE_MACHINE,
} from '../machine/machine-versions.ts';
import { MAX_CPUS, readSmp, SMP_KEYS } from '../machine/smp-options.ts';
import { parseBool } from '../qdev/properties.ts';
import { StartError, startError } from './start-error.ts';

const NO_KVM = 'Could not access KVM kernel module: No such file or directory';

/** Properties of the board that are no choice here: the one value that is true. */
/** Switches that are about the host, and those that the machine `none` has for nothing. */
const WITHOUT_EFFECT = ['dump-guest-core', 'mem-merge', 'suppress-vmdesc'];
const WITHOUT_EFFECT_ON_NONE = [...WITHOUT_EFFECT, 'graphics', 'usb'];
const FIXED: Readonly<Record<string, boolean>> = {
  acpi: true,
  'default-bus-bypass-iommu': false,
  graphics: true,
  hpet: true,
  i8042: true,
  nvdimm: false,
  pit: true,
  sata: false,
  smbus: true,
};

/** `key=value` pairs as -machine, -accel and -smp read them; `,,` is a comma of the value. */
export function parsePairs(text: string, implied: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const parts = text.match(/(?:[^,]|,,)+/g) ?? [];
  for (const [at, part] of parts.entries()) {
    const [, key = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(part.replaceAll(',,', ',')) ?? [];
    if (value !== undefined) pairs.set(key, value);
    else if (at === 0) pairs.set(implied, key);
    else if (key.startsWith('no')) pairs.set(key.slice(2), 'off');
    else pairs.set(key, 'on');
  }
  return pairs;
}

export function machineHelp(): string {
  const title = 'Standard PC (i440FX + PIIX, 1996)';
  const line = (name: string, rest = ''): string => `${name.padEnd(20)} ${title}${rest}\n`;
  const versions = MACHINE_VERSIONS.map(({ name }) =>
    line(name, name === CURRENT_MACHINE ? ' (default)' : ''),
  );
  const none = `${NONE_MACHINE.padEnd(20)} empty machine\n`;
  return `Supported machines are:\n${line('pc', ` (alias of ${CURRENT_MACHINE})`)}${versions.join('')}${none}`;
}

export const ACCEL_HELP = 'Accelerators supported in QEMU binary:\ntcg\n';

/** What -machine says beyond the choice of the board. */
export interface MachineOptions {
  readonly version: MachineVersion;
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly append: string | undefined;
  /** Names in the order of preference. */
  readonly accel: string | undefined;
  readonly board: BoardOptions;
  /** Guests are told how fast NUMA nodes reach each other's memory. */
  readonly hmat: boolean;
}

/** What of it the board is told. */
export interface BoardOptions {
  /** A name of MACHINE_VERSIONS. */
  readonly machineType: string;
  readonly oem: MachineConfig['oem'];
  readonly smm: boolean;
  /** The board has its USB controller. Machine none takes the word, too. */
  readonly usb: boolean;
  /** The file of a firmware; undefined: the one that is built in. */
  readonly bios: string | undefined;
  /** The object that is the RAM; undefined: one of the board's. */
  readonly memoryBackend: string | undefined;
  /** Nodes or drives that are flash: the one that ends at 4 GiB, and the one below it. */
  readonly flashNodes: readonly [string | undefined, string | undefined];
}

/** Those of them that machine none has not. */
const ONLY_PC = ['x-oem-id', 'x-oem-table-id', 'smm', 'pflash0', 'pflash1'];
/** Read apart from the board's own switches. */
const READ_APART = ['memory-backend', 'firmware', 'type', 'kernel', 'initrd', 'append', 'accel', ...ONLY_PC];

/** The type that -machine names, before its options are judged; undefined: none. */
export function typeGiven(values: readonly string[]): string | undefined {
  const ofWord = (word: string, at: number): readonly string[] => {
    if (word.startsWith('type=')) return [word.slice('type='.length)];
    return at === 0 && !word.includes('=') ? [word] : [];
  };
  return values.flatMap((value) => value.split(',').flatMap(ofWord)).at(-1);
}

/** Checks all -machine options together, as QEMU does. Throws StartError. */
export function readMachine(given: ReadonlyMap<string, string>): MachineOptions {
  const version = versionOf(given.get('type') ?? CURRENT_MACHINE);
  let hmat = false;
  let usb = false;
  for (const [name, text] of given) {
    if (READ_APART.includes(name) && !(version.isEmpty && ONLY_PC.includes(name))) continue;
    if (name === 'hmat' && !version.isEmpty) {
      hmat = flagOf(name, text);
      continue;
    }
    if (name === 'usb') {
      usb = flagOf(name, text);
      continue;
    }
    if ((version.isEmpty ? WITHOUT_EFFECT_ON_NONE : WITHOUT_EFFECT).includes(name)) {
      flagOf(name, text);
      continue;
    }
    const only = !version.isEmpty && Object.hasOwn(FIXED, name) ? FIXED[name] : undefined;
    if (only === undefined) throw startError(`Property '${version.name}-machine.${name}' not found`);
    if (flagOf(name, text) !== only) throw startError(`'${name}=${text}' is not modelled by this machine`);
  }
  return {
    version,
    kernel: given.get('kernel'),
    initrd: given.get('initrd'),
    append: given.get('append'),
    accel: given.get('accel'),
    board: {
      machineType: version.name,
      oem: readOem(given),
      smm: readSmm(given.get('smm')),
      usb,
      bios: given.get('firmware'),
      // QEMU: an empty name is none.
      memoryBackend: given.get('memory-backend') || undefined,
      flashNodes: [given.get('pflash0') || undefined, given.get('pflash1') || undefined],
    },
    hmat,
  };
}

function readOem(given: ReadonlyMap<string, string>): MachineConfig['oem'] {
  const [id, tableId] = [given.get('x-oem-id'), given.get('x-oem-table-id')];
  if (id === undefined && tableId === undefined) return undefined;
  for (const [name, value, size] of [
    ['x-oem-id', id, OEM_BYTES.id],
    ['x-oem-table-id', tableId, OEM_BYTES.tableId],
  ] as const) {
    if (value === undefined || new TextEncoder().encode(value).length <= size) continue;
    throw startError(`User specified ${name} value is bigger than ${size} bytes in size`);
  }
  return { id, tableId };
}

/** Not modelled: system management mode itself, be it on or off. */
function readSmm(text = 'auto'): boolean {
  if (!['auto', 'on', 'off'].includes(text))
    throw startError(`Parameter 'smm' does not accept value '${text}'`);
  return text !== 'off';
}

function flagOf(name: string, text: string): boolean {
  const value = parseBool(text);
  if (value === undefined) throw startError(`Parameter '${name}' expects 'on' or 'off'`);
  return value;
}

function versionOf(type: string): MachineVersion {
  try {
    return machineVersion(type);
  } catch {
    throw startError('unsupported machine type\nUse -machine help to list supported machines');
  }
}

/** One accelerator that the user would take. */
export interface AccelChoice {
  readonly name: string;
  readonly at: string | undefined;
}

export type Accel = 'tcg' | 'qtest';

/**
 * The first accelerator that there is. Throws StartError; QEMU's words of one built without KVM's kernel module.
 * @param warn told why a choice was passed over
 * @param isTest QEMU: with -qtest it says less about that
 */
export function chooseAccel(
  choices: readonly AccelChoice[],
  warn: (text: string) => void,
  isTest: boolean,
): Accel {
  if (choices.length === 0) return 'tcg';
  const problems: string[] = [];
  for (const { name, at } of choices) {
    if (name === 'tcg' || name === 'qtest') {
      for (const text of problems) warn(text);
      if (problems.length > 0 && !isTest) warn(startError(`falling back to ${name}`).message);
      return name;
    }
    if (name === 'kvm' && isTest) {
      problems.push(NO_KVM);
      continue;
    }
    problems.push(
      name === 'kvm'
        ? `${NO_KVM}\n${startError('failed to initialize kvm: No such file or directory', at).message}`
        : startError(`invalid accelerator ${name}`, at).message,
    );
  }
  throw new StartError(problems.join('\n'));
}

/**
 * Throws StartError for a processor that there is not. What QEMU says of processors it says of each.
 * @param warn told what is masked
 */
export function checkCpu(
  text: string | undefined,
  { cpu, isEmpty }: MachineVersion,
  smp: SmpConfig,
  warn: (text: string) => void,
): void {
  const say = (message: string): void => warn(startError(`warning: ${message}`).message);
  const { identity, given } = chosenCpu(text ?? DEFAULT_CPU, cpu, say);
  // QEMU: a board gives its processors their numbers; without one the user has to.
  if (isEmpty && text !== undefined && !given.has('apic-id'))
    throw startError('apic-id property was not initialized properly');
  const { cpus, threads } = smp;
  for (let index = 0; index < cpus; index++) {
    if (!isEmpty) checkPlace(given, smp, index);
    for (const warning of identity.warnings) say(warning);
    const hyperthreading = index === 0 ? hyperthreadingWarning(identity, threads) : undefined;
    if (hyperthreading !== undefined) say(hyperthreading);
  }
}

/** Ids that -cpu gives go for each processor; its node is checked when all of -numa is known. */
function checkPlace(given: CpuDescription['given'], smp: SmpConfig, index: number): void {
  const asked = (name: string): number => Number(given.get(name) ?? -1);
  const error = placeError(
    asked,
    { ...placeOfCpu(smp, index), node: asked('node-id') },
    apicIdOf(smp, index),
  );
  if (error !== undefined) throw startError(error.message);
}

function chosenCpu(text: string, compat: CpuCompat, say: (text: string) => void): CpuDescription {
  try {
    return describeCpu(text, compat, say);
  } catch (error) {
    if (error instanceof MonitorError) throw startError(error.message);
    throw error;
  }
}

/** What -smp help prints. */
export const SMP_HELP = `smp-opts options:\n${[...SMP_KEYS]
  .sort()
  .map((key) => `  ${key}=<num>\n`)
  .join('')}`;

/** Throws StartError for processors that the machine cannot have. Without options it has one. */
export function smpOption(
  given: ReadonlyMap<string, string>,
  { prefersSockets, name, isEmpty }: MachineVersion,
  warn: (text: string) => void,
): SmpConfig {
  if (given.size === 0) return ONE_PROCESSOR;
  const smp = readSmp(given, { prefersSockets, machine: name, maxCpus: isEmpty ? 1 : MAX_CPUS }, (text) =>
    warn(startError(`warning: ${text}`).message),
  );
  if (typeof smp === 'string') throw startError(smp);
  return smp;
}
