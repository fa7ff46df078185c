/** The options of `blkdebug` in text, and the file name that stands for them: `blkdebug:CONFIG:IMAGE`. */
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonObject } from '../qapi/json-value.ts';
import { parseSize } from '../qdev/properties.ts';
import { RULE_KINDS, readRuleOptions } from './blkdebug-config.ts';
import { BLKDEBUG_SIZES, type BlkdebugRuleList } from './blkdebug-options.ts';
import type { NodeRequest } from './blockdev-options.ts';
import { sizeError } from './raw-part.ts';

type Values = ReadonlyMap<string, string>;

const PREFIX = 'blkdebug:';
const RULE = new RegExp(`^(?:${RULE_KINDS.join('|')})\\.`);
const TAKEN = new RegExp(`${RULE.source}|^image(?:\\.|$)|^(?:take|unshare)-child-perms\\.`);

/** Config file and image of a file name. QEMU: any other name is the image's. Throws QEMU's error. */
function namesIn(path: string): { readonly config: string | undefined; readonly image: string } {
  if (!path.startsWith(PREFIX)) return { config: undefined, image: path };
  const rest = path.slice(PREFIX.length);
  const end = rest.indexOf(':');
  if (end < 0) throw new MonitorError('blkdebug requires both config file and image path');
  return { config: rest.slice(0, end) || undefined, image: rest.slice(end + 1) };
}

/** Whether the driver takes an option of this name, sizes and files aside. */
export function isBlkdebugOption(key: string): boolean {
  return TAKEN.test(key);
}

/**
 * What a request has for this driver alone. Throws `MonitorError`.
 * @param nodeBelow makes the request for the image, which may be named by a path
 */
export function blkdebugText(
  values: Values,
  path: string | undefined,
  nodeBelow: (path: string | undefined) => NodeRequest['image'],
): Partial<NodeRequest> {
  const named = path === undefined ? undefined : namesIn(path);
  const config = named?.config ?? values.get('config');
  const image = nodeBelow(named?.image ?? values.get('x-image'));
  const { rules, wrong } = rulesIn(values);
  const told = [...values]
    .reverse()
    .filter(([key]) => RULE.test(key) || BLKDEBUG_SIZES.some((name) => name === key));
  const source: JsonObject = { ...(config === undefined ? {} : { config }), ...Object.fromEntries(told) };
  const sizes = BLKDEBUG_SIZES.map((name) => [name, parseSize(values.get(name) ?? '')]);
  const given = [...sizes, ['config', config], ...RULE_KINDS.map((kind) => [kind, rules[kind]])];
  return {
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    ...{ image, source },
    wrongDebug: { sizes: wrongSize(values, BLKDEBUG_SIZES), rules: wrong },
  };
}

function rulesIn(values: Values): {
  readonly rules: BlkdebugRuleList;
  readonly wrong: MonitorError | undefined;
} {
  try {
    const { 'inject-error': errors = [], 'set-state': states = [] } = readRuleOptions(values);
    const rules = {
      ...(errors.length === 0 ? {} : { 'inject-error': errors }),
      ...(states.length === 0 ? {} : { 'set-state': states }),
    };
    return { rules, wrong: undefined };
  } catch (error) {
    if (error instanceof MonitorError) return { rules: {}, wrong: error };
    throw error;
  }
}

/** QEMU's error for the first of these options that is a size and says none. */
export function wrongSize(values: Values, names: readonly string[]): MonitorError | undefined {
  const wrong = names.find((name) => values.has(name) && parseSize(values.get(name) ?? '') === undefined);
  if (wrong === undefined) return undefined;
  return sizeError(wrong);
}
