/**
 * How a migration would be done: capabilities and parameters, which managers set before they ask for one. This machine keeps and checks them as QEMU
 * does, and migrates nowhere. Spec: QEMU qapi/migration.json.
 */
import { MonitorError } from '../core/monitor-error.ts';

export const MIGRATION_CAPABILITIES = [
  ...(['xbzrle', 'rdma-pin-all', 'auto-converge', 'zero-blocks', 'compress', 'events'] as const),
  ...(['postcopy-ram', 'x-colo', 'release-ram', 'block', 'return-path', 'pause-before-switchover'] as const),
  ...(['multifd', 'dirty-bitmaps', 'postcopy-blocktime', 'late-block-activate'] as const),
  ...(['x-ignore-shared', 'validate-uuid', 'background-snapshot', 'zero-copy-send'] as const),
  'postcopy-preempt',
] as const;
export type MigrationCapability = (typeof MIGRATION_CAPABILITIES)[number];

export const MULTIFD_COMPRESSIONS = ['none', 'zlib', 'zstd'] as const;

export interface MigrationParameters {
  readonly 'announce-initial': number | bigint;
  readonly 'announce-max': number | bigint;
  readonly 'announce-rounds': number | bigint;
  readonly 'announce-step': number | bigint;
  readonly 'compress-level': number;
  readonly 'compress-threads': number;
  readonly 'compress-wait-thread': boolean;
  readonly 'decompress-threads': number;
  readonly 'throttle-trigger-threshold': number;
  readonly 'cpu-throttle-initial': number;
  readonly 'cpu-throttle-increment': number;
  readonly 'cpu-throttle-tailslow': boolean;
  readonly 'max-cpu-throttle': number;
  readonly 'tls-creds': string;
  readonly 'tls-hostname': string;
  readonly 'max-bandwidth': number | bigint;
  readonly 'downtime-limit': number | bigint;
  readonly 'x-checkpoint-delay': number;
  readonly 'block-incremental': boolean;
  readonly 'multifd-channels': number;
  readonly 'multifd-compression': (typeof MULTIFD_COMPRESSIONS)[number];
  /** QEMU: whatever levels are chosen, these are told. */
  readonly 'multifd-zlib-level': number;
  readonly 'multifd-zstd-level': number;
  readonly 'xbzrle-cache-size': number | bigint;
  readonly 'max-postcopy-bandwidth': number | bigint;
  readonly 'tls-authz': string;
}
export type MigrationParameter = keyof MigrationParameters;

const DEFAULTS: MigrationParameters = {
  'announce-initial': 50,
  'announce-max': 550,
  'announce-rounds': 5,
  'announce-step': 100,
  'compress-level': 1,
  'compress-threads': 8,
  'compress-wait-thread': true,
  'decompress-threads': 2,
  'throttle-trigger-threshold': 50,
  'cpu-throttle-initial': 20,
  'cpu-throttle-increment': 10,
  'cpu-throttle-tailslow': false,
  'max-cpu-throttle': 99,
  'tls-creds': '',
  'tls-hostname': '',
  'max-bandwidth': 128 << 20,
  'downtime-limit': 300,
  'x-checkpoint-delay': 20_000,
  'block-incremental': false,
  'multifd-channels': 2,
  'multifd-compression': 'none',
  'multifd-zlib-level': 1,
  'multifd-zstd-level': 1,
  'xbzrle-cache-size': 64 << 20,
  'max-postcopy-bandwidth': 0,
  'tls-authz': '',
};

type Limits = readonly [name: MigrationParameter, least: number, most: number, expected: string];

const value = (name: MigrationParameter, least: number, most: number): Limits => [
  ...([name, least, most] as const),
  `a value between ${least} and ${most}`,
];
const integer = (name: MigrationParameter, least: number, most: number): Limits => [
  ...([name, least, most] as const),
  `an integer in the range of ${least} to ${most}`,
];

/** In the order in which QEMU looks at them. */
const LIMITS: readonly Limits[] = [
  value('compress-level', 0, 9),
  value('compress-threads', 1, 255),
  value('decompress-threads', 1, 255),
  integer('throttle-trigger-threshold', 1, 100),
  integer('cpu-throttle-initial', 1, 99),
  integer('cpu-throttle-increment', 1, 99),
  ['downtime-limit', 0, 2_000_000, 'an integer in the range of 0 to (2000 * 1000) ms'],
  value('multifd-channels', 1, 255),
  value('announce-initial', 0, 100_000),
  value('announce-max', 0, 100_000),
  value('announce-rounds', 0, 1000),
  // QEMU: its text has 0.
  ['announce-step', 1, 10_000, 'a value between 0 and 10000'],
];
const PAGE = 4096n;

/** QEMU: with what a snapshot in the background does not go together, in the order in which it is looked for. */
const NOT_IN_BACKGROUND: readonly MigrationCapability[] = [
  ...(['postcopy-ram', 'dirty-bitmaps', 'postcopy-blocktime', 'late-block-activate', 'return-path'] as const),
  ...(['multifd', 'pause-before-switchover', 'auto-converge', 'release-ram', 'rdma-pin-all'] as const),
  ...(['compress', 'xbzrle', 'x-colo', 'validate-uuid', 'zero-copy-send'] as const),
];

export class MigrationSettings {
  #capabilities: ReadonlySet<MigrationCapability> = new Set();
  #parameters = DEFAULTS;

  get parameters(): MigrationParameters {
    return this.#parameters;
  }

  has(capability: MigrationCapability): boolean {
    return this.#capabilities.has(capability);
  }

  /** Throws QEMU's error, having changed nothing. */
  setCapabilities(
    wanted: readonly { readonly capability: MigrationCapability; readonly state: boolean }[],
  ): void {
    const capabilities = new Set(this.#capabilities);
    for (const { capability, state } of wanted) {
      if (state) capabilities.add(capability);
      else capabilities.delete(capability);
    }
    const refused = capabilityError(capabilities, this.#parameters);
    if (refused !== undefined) throw new MonitorError(refused);
    this.#capabilities = capabilities;
  }

  /** Throws QEMU's error, having changed nothing. */
  setParameters(wanted: Partial<MigrationParameters>): void {
    const parameters = {
      ...{ ...this.#parameters, ...wanted },
      ...{ 'multifd-zlib-level': 1, 'multifd-zstd-level': 1 },
    };
    const refused = parameterError(parameters);
    if (refused !== undefined) throw refused;
    if (this.has('zero-copy-send') && !canSendWithoutCopy(this.#capabilities, parameters)) {
      throw new MonitorError(NO_ZERO_COPY);
    }
    this.#parameters = parameters;
  }
}

const NO_ZERO_COPY = 'Zero copy only available for non-compressed non-TLS multifd migration';

function canSendWithoutCopy(capabilities: ReadonlySet<string>, parameters: MigrationParameters): boolean {
  const isPlain = parameters['multifd-compression'] === 'none' && parameters['tls-creds'] === '';
  const isSent = capabilities.has('multifd') && !capabilities.has('compress') && !capabilities.has('xbzrle');
  return isSent && isPlain;
}

/** What of these excludes each other. */
function capabilityError(
  on: ReadonlySet<MigrationCapability>,
  parameters: MigrationParameters,
): string | undefined {
  if (on.has('postcopy-ram') && on.has('x-ignore-shared')) {
    return 'Postcopy is not compatible with ignore-shared';
  }
  const foreground = NOT_IN_BACKGROUND.find((capability) => on.has(capability));
  if (on.has('background-snapshot') && foreground !== undefined) {
    return `Background-snapshot is not compatible with ${foreground}`;
  }
  if (on.has('zero-copy-send') && !canSendWithoutCopy(on, parameters)) return NO_ZERO_COPY;
  if (on.has('postcopy-preempt') && !on.has('postcopy-ram')) return 'Postcopy preempt requires postcopy-ram';
  if (on.has('postcopy-preempt') && on.has('compress'))
    return 'Postcopy preempt not compatible with compress';
  if (on.has('multifd') && on.has('compress')) return 'Multifd is not compatible with compress';
  return undefined;
}

/** QEMU: errors have the parameter's name in C. */
function outOfRange(name: MigrationParameter, expected: string): MonitorError {
  return new MonitorError(`Parameter '${name.replaceAll('-', '_')}' expects ${expected}`);
}

function parameterError(parameters: MigrationParameters): MonitorError | undefined {
  for (const [name, least, most, expected] of LIMITS) {
    const number = Number(parameters[name]);
    if (number < least || number > most) return outOfRange(name, expected);
  }
  const cache = BigInt(parameters['xbzrle-cache-size']);
  if (cache < PAGE || (cache & (cache - 1n)) !== 0n) {
    return outOfRange('xbzrle-cache-size', 'a power of two no less than the target page size');
  }
  const most = parameters['max-cpu-throttle'];
  return most < parameters['cpu-throttle-initial'] || most > 99
    ? outOfRange('max-cpu-throttle', 'an integer in the range of cpu_throttle_initial to 99')
    : undefined;
}
