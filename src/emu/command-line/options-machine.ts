/** -machine, -accel, -cpu, -smp: what there is to choose. Texts are QEMU's. */
import { ONE_PROCESSOR, type SmpConfig } from '../machine/cpu-topology.ts';
import { readSmp, SMP_KEYS } from '../machine/smp-options.ts';
import { parseBool } from '../qdev/properties.ts';
import { StartError, startError } from './start-error.ts';

const MACHINE = 'pc-i440fx-7.2';
const MACHINE_NAMES = ['pc', MACHINE];
const CPU_NAMES = ['qemu64', 'qemu64-v1'];
const CPU_TYPE = 'qemu64-x86_64-cpu';
const NO_KVM = 'Could not access KVM kernel module: No such file or directory';

/** Properties of the board that are no choice here: the one value that is true. */
const FIXED: Readonly<Record<string, boolean>> = {
  acpi: true,
  graphics: true,
  hpet: true,
  i8042: true,
  pit: true,
  sata: false,
  smbus: true,
  usb: false,
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
  const line = (name: string, rest: string): string => `${name.padEnd(20)} ${title} (${rest})\n`;
  return `Supported machines are:\n${line('pc', `alias of ${MACHINE}`)}${line(MACHINE, 'default')}`;
}

export function cpuHelp(): string {
  return [
    'Available CPUs:',
    `x86 ${'qemu64'.padEnd(22)}(alias of qemu64-v1)`,
    `x86 ${'qemu64-v1'.padEnd(22)}QEMU Virtual CPU version 2.5+`,
    '',
  ].join('\n');
}

export const ACCEL_HELP = 'Accelerators supported in QEMU binary:\ntcg\n';

/** What -machine says beyond the choice of the board. */
export interface MachineOptions {
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly append: string | undefined;
  /** Names in the order of preference. */
  readonly accel: string | undefined;
}

/** Checks all -machine options together, as QEMU does. Throws StartError. */
export function readMachine(given: ReadonlyMap<string, string>): MachineOptions {
  const type = given.get('type') ?? MACHINE;
  if (!MACHINE_NAMES.includes(type)) {
    throw startError('unsupported machine type\nUse -machine help to list supported machines');
  }
  for (const [name, text] of given) {
    if (['type', 'kernel', 'initrd', 'append', 'accel'].includes(name)) continue;
    const only = FIXED[name];
    if (only === undefined) throw startError(`Property '${MACHINE}-machine.${name}' not found`);
    const value = parseBool(text);
    if (value === undefined) throw startError(`Parameter '${name}' expects 'on' or 'off'`);
    if (value !== only) throw startError(`'${name}=${text}' is not modelled by this machine`);
  }
  return {
    kernel: given.get('kernel'),
    initrd: given.get('initrd'),
    append: given.get('append'),
    accel: given.get('accel'),
  };
}

/** One accelerator that the user would take. */
export interface AccelChoice {
  readonly name: string;
  readonly at: string | undefined;
}

/**
 * The first accelerator that there is. Throws StartError; QEMU's words of one built without KVM's kernel module.
 * @param warn told why a choice was passed over
 */
export function chooseAccel(choices: readonly AccelChoice[], warn: (text: string) => void): void {
  if (choices.length === 0) return;
  const problems: string[] = [];
  for (const { name, at } of choices) {
    if (name === 'tcg') {
      for (const text of problems) warn(text);
      if (problems.length > 0) warn(startError('falling back to tcg').message);
      return;
    }
    problems.push(
      name === 'kvm'
        ? `${NO_KVM}\n${startError('failed to initialize kvm: No such file or directory', at).message}`
        : startError(`invalid accelerator ${name}`, at).message,
    );
  }
  throw new StartError(problems.join('\n'));
}

/** Throws StartError for a processor that there is not. */
export function checkCpu(text: string | undefined): void {
  if (text === undefined) return;
  if (text === '') throw startError('-cpu option cannot be empty');
  const [name = '', ...features] = text.split(',');
  if (name === 'host') throw startError("CPU model 'host' requires KVM or HVF");
  if (!CPU_NAMES.includes(name)) throw startError(`unable to find CPU model '${name}'`);
  for (const feature of features) {
    if (/^[+-]/.test(feature)) throw startError(`Property '${CPU_TYPE}.${feature.slice(1)}' not found`);
    const [key = '', value] = feature.split('=');
    const notFound = `Property '${CPU_TYPE}.${key}' not found`;
    throw startError(`can't apply global ${CPU_TYPE}.${key}=${value ?? 'on'}: ${notFound}`);
  }
}

/** What -smp help prints. */
export const SMP_HELP = `smp-opts options:\n${[...SMP_KEYS]
  .sort()
  .map((key) => `  ${key}=<num>\n`)
  .join('')}`;

/** Throws StartError for processors that the machine cannot have. Without options it has one. */
export function smpOption(given: ReadonlyMap<string, string>, warn: (text: string) => void): SmpConfig {
  if (given.size === 0) return ONE_PROCESSOR;
  const smp = readSmp(given, { prefersSockets: false, machine: MACHINE }, (text) =>
    warn(startError(`warning: ${text}`).message),
  );
  if (typeof smp === 'string') throw startError(smp);
  return smp;
}
