/** Rules of `blkdebug` in text: a file of them, and options. QEMU: qemu_config_parse, QemuOpts. */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { parseBool } from '../qdev/properties.ts';
import {
  BLKDEBUG_EVENTS,
  BLKDEBUG_IO_TYPES,
  type BlkdebugRuleList,
  type InjectError,
  type SetState,
} from './blkdebug-options.ts';

export const RULE_KINDS = ['inject-error', 'set-state'] as const;
type RuleKind = (typeof RULE_KINDS)[number];

type Kind = 'text' | 'number' | 'bool';
const KEYS: Readonly<Record<RuleKind, ReadonlyMap<string, Kind>>> = {
  'inject-error': new Map<string, Kind>([
    ...([
      ['event', 'text'],
      ['state', 'number'],
      ['iotype', 'text'],
      ['errno', 'number'],
    ] as const),
    ...([
      ['sector', 'number'],
      ['once', 'bool'],
      ['immediately', 'bool'],
    ] as const),
  ]),
  'set-state': new Map<string, Kind>([
    ['event', 'text'],
    ['state', 'number'],
    ['new_state', 'number'],
  ]),
};
/** QEMU: group and key are words of at most this length. */
const WORD_MAX = 63;
const VALUE_MAX = 1023;

interface RuleText {
  readonly kind: RuleKind;
  readonly values: Map<string, string>;
}

/** A number of 64 bits, a negative one as it is stored; undefined: it is none. */
function wholeNumber(text: string): bigint | undefined {
  const value = readCInteger(text);
  const magnitude = value !== undefined && value < 0 ? -value : value;
  return value === undefined || (magnitude ?? 0n) >= 2n ** 64n ? undefined : BigInt.asIntN(64, value);
}

/** Throws QEMU's error where the value is none for the key. */
function checkValue(kind: Kind | undefined, key: string, text: string): void {
  if (kind === 'number' && wholeNumber(text) === undefined) {
    throw new MonitorError(`Parameter '${key}' expects a number`);
  }
  if (kind === 'bool' && parseBool(text) === undefined) {
    throw new MonitorError(`Parameter '${key}' expects 'on' or 'off'`);
  }
}

/** A file of rules. Throws QEMU's error. */
export function readConfig(text: string): BlkdebugRuleList {
  const rules: RuleText[] = [];
  for (const line of text.split('\n')) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, group] = /^\[([^\]\s"]+)\s*("[^"]+")?\]?/.exec(line) ?? [];
    if (group !== undefined) {
      const kind = RULE_KINDS.find((name) => name === group);
      if (kind === undefined) throw new MonitorError(`There is no option group '${group}'`);
      rules.push({ kind, values: new Map() });
      continue;
    }
    setFromLine(line, rules.at(-1));
  }
  return rulesOf(rules);
}

/** QEMU: what stands behind the word and is no value in quotes is an empty one. */
function setFromLine(line: string, rule: RuleText | undefined): void {
  const [, key = '', value = ''] = /^\s*(\S+)(?:\s*=\s*"([^"]*))?/.exec(line) ?? [];
  if (rule === undefined) throw new MonitorError('no group defined');
  const name = key.slice(0, WORD_MAX);
  const kind = KEYS[rule.kind].get(name);
  if (kind === undefined) throw new MonitorError(`Invalid parameter '${name}'`);
  const given = value.slice(0, VALUE_MAX);
  checkValue(kind, name, given);
  rule.values.set(name, given);
}

/** Options as `inject-error.0.event=read_aio`, or `inject-error.event=read_aio` for one rule alone. Throws QEMU's error. */
export function readRuleOptions(values: ReadonlyMap<string, string>): BlkdebugRuleList {
  return rulesOf(RULE_KINDS.flatMap((kind) => sectionsOf(kind, values)));
}

function sectionsOf(kind: RuleKind, values: ReadonlyMap<string, string>): readonly RuleText[] {
  const below = [...values].flatMap(([key, value]) =>
    key.startsWith(`${kind}.`) ? [[key.slice(kind.length + 1), value] as const] : [],
  );
  if (below.length === 0) return [];
  const isOne = below.every(([key]) => KEYS[kind].has(key));
  if (isOne) return [sectionOf(kind, new Map(below))];
  const rules: RuleText[] = [];
  let left = below;
  for (let n = 0; ; n++) {
    const own = left.filter(([key]) => key.startsWith(`${n}.`));
    if (own.length === 0) break;
    left = left.filter((one) => !own.includes(one));
    rules.push(sectionOf(kind, new Map(own.map(([key, value]) => [key.slice(`${n}.`.length), value]))));
  }
  const [unused] = left;
  if (unused !== undefined) throw new MonitorError(`Unused option '${unused[0]}' for [${kind}]`);
  return rules;
}

function sectionOf(kind: RuleKind, values: Map<string, string>): RuleText {
  const keys = KEYS[kind];
  for (const [key, value] of values) checkValue(keys.get(key), key, value);
  const unknown = [...values.keys()].find((key) => !keys.has(key));
  if (unknown !== undefined) {
    throw new MonitorError(`[${kind}] section doesn't support the option '${unknown}'`);
  }
  return { kind, values };
}

function rulesOf(rules: readonly RuleText[]): BlkdebugRuleList {
  const of = (kind: RuleKind): readonly RuleText[] => rules.filter((rule) => rule.kind === kind);
  return {
    'inject-error': of('inject-error').map(({ values }) => errorRule(values)),
    'set-state': of('set-state').map(({ values }) => stateRule(values)),
  };
}

/** Throws QEMU's error for a word that is none of the list. */
function wordOf<W extends string>(words: readonly W[], text: string): W {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new MonitorError(`invalid parameter value: ${text}`);
  return found;
}

function eventOf(values: ReadonlyMap<string, string>): SetState['event'] {
  const text = values.get('event');
  if (text === undefined) throw new MonitorError('Missing event name for rule');
  return wordOf(BLKDEBUG_EVENTS, text);
}

function given<K extends string, V>(key: K, value: V | undefined): { readonly [name in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [name in K]: V });
}

function errorRule(values: ReadonlyMap<string, string>): InjectError {
  const number = (key: string): bigint | undefined => wholeNumber(values.get(key) ?? '');
  const flag = (key: string): boolean | undefined => parseBool(values.get(key) ?? '');
  const iotype = values.get('iotype');
  return {
    event: eventOf(values),
    ...given('state', number('state')),
    ...given('iotype', iotype === undefined ? undefined : wordOf(BLKDEBUG_IO_TYPES, iotype)),
    ...given('errno', number('errno')),
    ...given('sector', number('sector')),
    ...given('once', flag('once')),
    ...given('immediately', flag('immediately')),
  };
}

function stateRule(values: ReadonlyMap<string, string>): SetState {
  const number = (key: string): bigint | undefined => wholeNumber(values.get(key) ?? '');
  return { event: eventOf(values), ...given('state', number('state')), new_state: number('new_state') ?? 0 };
}
