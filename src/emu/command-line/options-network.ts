/** -netdev, -nic and -net: texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { DEVICE_TYPES } from '../machine/device-types.ts';
import { checkCardOptions, type NetworkCard, readNetworkCard } from '../monitor/network-card.ts';
import { parseNicMac } from '../net/mac-address.ts';
import { NETDEV, NETDEV_HELP, type NetdevOptions, readNetdev } from '../net/netdev-options.ts';
import { checkedAs } from '../qapi/check.ts';
import { parseJson } from '../qapi/json-reader.ts';
import { isJsonObject } from '../qapi/json-value.ts';
import { Options } from '../qdev/option-string.ts';
import type { OptionGroup } from './options-memory.ts';
import type { GivenOption } from './options-split.ts';
import { startError } from './start-error.ts';

/** One of the options, in the order in which QEMU carries them out. */
export type NetworkStep =
  | { readonly kind: 'netdev'; readonly options: NetdevOptions; readonly at: string }
  /** A card and its own back end. */
  | {
      readonly kind: 'nic';
      readonly backend: NetdevOptions;
      readonly isNamed: boolean;
      readonly card: NetworkCard;
      readonly at: string;
    }
  /** A back end at a port of hub 0. */
  | { readonly kind: 'net'; readonly backend: NetdevOptions; readonly isNamed: boolean; readonly at: string }
  /** A card at a port of hub 0, or at a back end by name. */
  | {
      readonly kind: 'net-nic';
      readonly netdev: string | undefined;
      readonly card: NetworkCard;
      readonly at: string;
    };

export interface NetworkOptions {
  readonly steps: readonly NetworkStep[];
  /**
   * The user said nothing of networks: QEMU's boards have a card of their own then, an `e1000` at a user network of hub 0. Not
   * modelled: there is no such card.
   */
  readonly wantsDefaultCard: boolean;
}

/** What is asked for in place of a machine. */
export interface NetworkAnswer {
  readonly text: string;
}

/** Stands for the id of a back end that QEMU names itself. */
const UNNAMED = 'unnamed';
const NIC_OPTIONS = new Set(['type', 'netdev', 'macaddr', 'model', 'addr', 'vectors']);
const isHelp = (text: string | undefined): boolean => text === 'help' || text === '?';

/** @param group splits an option's text. Throws StartError. */
export function readNetwork(
  given: readonly GivenOption[],
  group: (option: GivenOption) => OptionGroup,
): NetworkOptions | NetworkAnswer {
  const all = (name: string): readonly GivenOption[] => given.filter((option) => option.name === name);
  const ids = new Set<string>();
  const steps: NetworkStep[] = [];
  for (const option of all('netdev')) {
    if (option.value.startsWith('{')) {
      steps.push({
        kind: 'netdev',
        options: reading(option.at, () => readJson(option.value)),
        at: option.at,
      });
      continue;
    }
    const { options, at } = group(option);
    if (isHelp(options.get('type'))) return { text: NETDEV_HELP };
    reading(at, () => checkNew(ids, options.id));
    steps.push({ kind: 'netdev', options: reading(at, () => readNetdev(options)), at });
  }
  for (const option of all('nic')) {
    const { options, at } = group(option);
    if (isHelp(options.get('model'))) return { text: modelsHelp() };
    if (options.get('type') !== 'none') steps.push(reading(at, () => readNic(options, at)));
  }
  for (const option of all('net')) {
    const { options, at } = group(option);
    if (options.get('type') !== 'none') steps.push(reading(at, () => readNet(options, at)));
  }
  // QEMU: to ask for nothing, with none, is to say something.
  const wantsDefaultCard = !given.some(({ name }) => ['netdev', 'nic', 'net', 'nodefaults'].includes(name));
  return { steps, wantsDefaultCard };
}

/** What `read` gives; an error is one of the option's. */
function reading<T>(at: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof MonitorError ? startError(error.message, at) : error;
  }
}

function modelsHelp(): string {
  const cards = DEVICE_TYPES.filter(({ category, busType }) => category === 'Network' && busType === 'PCI');
  const names = cards.map(({ name }) => name).sort();
  return `Supported NIC models:\n${names.map((name) => `${name}\n`).join('')}`;
}

function readJson(text: string): NetdevOptions {
  const value = parseJson(text);
  if (!isJsonObject(value)) throw new MonitorError('Invalid parameter type, expected: object');
  return checkedAs(NETDEV, value);
}

function checkNew(ids: Set<string>, id: string | undefined): void {
  if (id === undefined) return;
  if (ids.has(id)) throw new MonitorError(`Duplicate ID '${id}' for netdev`);
  ids.add(id);
}

function without(options: Options, names: readonly string[]): Options {
  return new Options(
    options.entries.filter(([key]) => !names.includes(key)),
    options.id,
  );
}

/** QEMU: a card of its own is said in the words of its back end, and two more. */
function readNic(options: Options, at: string): NetworkStep {
  const mac = options.get('mac');
  const card = { model: options.get('model'), mac: mac === undefined ? undefined : parseNicMac(mac) };
  const typed =
    options.get('type') === undefined
      ? new Options([['type', 'user'], ...options.entries], options.id)
      : options;
  const backend = readNetdev(without(typed, ['model', 'mac']), options.id ?? UNNAMED);
  return { kind: 'nic', backend, isNamed: options.id !== undefined, card, at };
}

function readNet(options: Options, at: string): NetworkStep {
  if (options.get('type') !== 'nic') {
    const backend = readNetdev(options, options.id ?? UNNAMED);
    return { kind: 'net', backend, isNamed: options.id !== undefined, at };
  }
  checkCardOptions(options, NIC_OPTIONS);
  return { kind: 'net-nic', netdev: options.get('netdev'), card: readNetworkCard(options), at };
}
