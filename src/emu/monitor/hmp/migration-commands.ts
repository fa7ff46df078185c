/** How a migration would be done: `migrate_set_capability`, `migrate_set_parameter`, and the topics that list them. */
import { readCInteger } from '../../core/c-integer.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import {
  MIGRATION_CAPABILITIES,
  type MigrationParameter,
  MULTIFD_COMPRESSIONS,
} from '../../machine/migration-settings.ts';
import { hexSizeWarning, parseBool, parseSize } from '../../qdev/properties.ts';
import { GivenValue } from '../../qdev/qom-value.ts';
import { onOff, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { startPostcopy } from '../qapi/migration.ts';

type Reader = (name: string, text: string) => number | bigint | boolean | string;

function unsigned(bits: number): Reader {
  return (name, text) => {
    const value = readCInteger(text);
    if (value === undefined) throw new MonitorError(`Parameter '${name}' expects uint64`);
    if (value < 0n || value >= 1n << BigInt(bits)) {
      throw new MonitorError(`Parameter '${name}' expects uint${bits}_t`);
    }
    return Number(value);
  };
}

const byte = unsigned(8);
const text: Reader = (_name, given) => given;
const size: Reader = (name, given) => new GivenValue(name, given, false).size();

/** QEMU: without a suffix it is of MiB, which no other size here is. */
function bandwidth(_name: string, given: string): number {
  const bytes = parseSize(/[\d.]$/.test(given) ? `${given}m` : given);
  if (bytes === undefined) throw new MonitorError(`Invalid size ${given}`);
  return bytes;
}

function bool(name: string, given: string): boolean {
  const value = parseBool(given);
  if (value === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
  return value;
}

function compression(name: string, given: string): string {
  if (MULTIFD_COMPRESSIONS.some((known) => known === given)) return given;
  throw new MonitorError(`Parameter '${name}' does not accept value '${given}'`);
}

/** In the order in which QEMU lists them, with the units that it shows. */
const PARAMETERS: readonly (readonly [name: MigrationParameter, read: Reader, unit?: string])[] = [
  ['announce-initial', size, ' ms'],
  ['announce-max', size, ' ms'],
  ['announce-rounds', size],
  ['announce-step', size, ' ms'],
  ['compress-level', byte],
  ['compress-threads', byte],
  ['compress-wait-thread', bool],
  ['decompress-threads', byte],
  ['throttle-trigger-threshold', byte],
  ['cpu-throttle-initial', byte],
  ['cpu-throttle-increment', byte],
  ['cpu-throttle-tailslow', bool],
  ['max-cpu-throttle', byte],
  ['tls-creds', text],
  ['tls-hostname', text],
  ['max-bandwidth', bandwidth, ' bytes/second'],
  ['downtime-limit', size, ' ms'],
  ['x-checkpoint-delay', unsigned(32), ' ms'],
  ['block-incremental', bool],
  ['multifd-channels', byte],
  ['multifd-compression', compression],
  ['xbzrle-cache-size', size, ' bytes'],
  ['max-postcopy-bandwidth', size],
  ['tls-authz', text],
];
/** QEMU: these can be set, and are not listed. */
const UNLISTED: ReadonlyMap<string, Reader> = new Map([
  ['multifd-zlib-level', byte],
  ['multifd-zstd-level', byte],
]);
const QMP_ONLY = 'block-bitmap-mapping';

function badValue(word: string): MonitorError {
  return new MonitorError(`invalid parameter value: ${word}`);
}

function setCapability({ migration }: MachineApi, name: string, state: boolean): void {
  const capability = MIGRATION_CAPABILITIES.find((known) => known === name);
  if (capability === undefined) throw badValue(name);
  migration.setCapabilities([{ capability, state }]);
}

function setParameter({ machine: { migration }, warn }: CommandContext, name: string, given: string): void {
  if (name === QMP_ONLY) {
    throw new MonitorError(`The ${QMP_ONLY} parameter can only be set through QMP`);
  }
  const read = PARAMETERS.find(([known]) => known === name)?.[1] ?? UNLISTED.get(name);
  if (read === undefined) throw badValue(name);
  const warning = read === size || read === bandwidth ? hexSizeWarning(given) : undefined;
  if (warning !== undefined) warn(warning);
  migration.setParameters({ [name]: read(name, given) });
}

function parametersText({ migration }: MachineApi): string {
  const lines = PARAMETERS.map(([name, read, unit = '']) => {
    const value = migration.parameters[name];
    if (typeof value === 'boolean') return `${name}: ${value ? 'on' : 'off'}\n`;
    return read === text ? `${name}: '${value}'\n` : `${name}: ${value}${unit}\n`;
  });
  return lines.join('');
}

export const MIGRATION_COMMANDS: readonly Command[] = [
  {
    name: 'migrate_set_capability',
    args: [string('capability'), onOff('state')],
    params: 'capability state',
    help: 'how a migration is to be done',
    complete: () => MIGRATION_CAPABILITIES,
    run({ machine }, args) {
      setCapability(machine, String(args.get('capability')), args.get('state') === true);
      return '';
    },
  },
  {
    name: 'migrate_set_parameter',
    args: [string('parameter'), string('value')],
    params: 'parameter value',
    help: 'a number for migrations',
    complete: () => PARAMETERS.map(([name]) => name),
    run(context, args) {
      setParameter(context, String(args.get('parameter')), String(args.get('value')));
      return '';
    },
  },
  {
    name: 'migrate_start_postcopy',
    args: [],
    params: '',
    help: 'let the machine run at its new place before all its memory is there',
    run: ({ machine }) => startPostcopy(machine),
  },
];

export const MIGRATION_TOPICS: readonly Command[] = [
  {
    name: 'migrate_capabilities',
    args: [],
    params: '',
    help: 'how a migration is to be done',
    run: ({ machine: { migration } }) =>
      MIGRATION_CAPABILITIES.map((name) => `${name}: ${migration.has(name) ? 'on' : 'off'}\n`).join(''),
  },
  {
    name: 'migrate_parameters',
    args: [],
    params: '',
    help: 'numbers for migrations',
    run: ({ machine }) => parametersText(machine),
  },
];
