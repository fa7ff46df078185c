/** How a node of `blkdebug` is made: in QEMU's order, for its errors. */
import { linuxErrorText } from '../core/linux-errors.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonObject, JsonValue } from '../qapi/json-value.ts';
import { BlkdebugBackend, blkdebugLimits, checkBlkdebugSizes } from './blkdebug.ts';
import { RULE_KINDS, readConfig } from './blkdebug-config.ts';
import { BLKDEBUG_SIZES, type BlkdebugOptions, type BlkdebugRuleList } from './blkdebug-options.ts';
import { BlkdebugRules } from './blkdebug-rules.ts';
import { asBlockError, type BlockBackend } from './block-backend.ts';
import type { NodeRequest } from './blockdev-options.ts';
import { type ImageOpener, readImageText } from './image-store.ts';

/** The rules, those of the file first. Rejects with `MonitorError`. */
export async function readRules(
  request: NodeRequest,
  images: ImageOpener,
): Promise<readonly BlkdebugRuleList[]> {
  const { config, image, wrongDebug } = request;
  if (wrongDebug?.sizes !== undefined) throw wrongDebug.sizes;
  checkBlkdebugSizes(request);
  const ofFile = config === undefined ? [] : [readConfig(await configText(config, images))];
  if (wrongDebug?.rules !== undefined) throw wrongDebug.rules;
  if (image === undefined) throw new MonitorError('A block device must be specified for "image"');
  return [...ofFile, request];
}

async function configText(path: string, images: ImageOpener): Promise<string> {
  try {
    return await readImageText(images, path);
  } catch (error) {
    const { code, errno } = asBlockError(error);
    const what = code === 'EISDIR' ? 'Cannot read config file' : 'Could not read blkdebug config file';
    throw new MonitorError(`${what}: ${linuxErrorText(errno)}`);
  }
}

/** Throws `MonitorError`. @param below the bytes of the node below */
export function openBlkdebug(
  request: NodeRequest,
  lists: readonly BlkdebugRuleList[],
  below: BlockBackend,
): { readonly source: JsonObject; readonly image: BlockBackend } {
  const limits = blkdebugLimits(request);
  // QEMU: an empty list is an option that nobody takes.
  const empty = [...RULE_KINDS, 'take-child-perms', 'unshare-child-perms'] as const;
  const untaken = empty.find((name) => request[name]?.length === 0);
  if (untaken !== undefined) {
    throw new MonitorError(`Block protocol 'blkdebug' doesn't support the option '${untaken}'`);
  }
  if (request.wrongWhenOpen !== undefined) throw request.wrongWhenOpen;
  const rules = new BlkdebugRules(lists);
  rules.happened('none');
  return {
    source: request.source ?? blkdebugSource(request),
    image: new BlkdebugBackend(below, rules, limits),
  };
}

/** The options that say what the node does, without lists in them. QEMU: the last is told first, where their order is not given by their names. */
export function blkdebugSource(request: BlkdebugOptions): JsonObject {
  const entries: [string, JsonValue][] = [];
  const add = (name: string, value: JsonValue | undefined): void => {
    if (value !== undefined) entries.unshift([name, value]);
  };
  for (const name of ['config', ...BLKDEBUG_SIZES] as const) add(name, request[name]);
  for (const kind of RULE_KINDS) {
    for (const [at, rule] of (request[kind] ?? []).entries()) {
      for (const [key, value] of Object.entries(rule)) add(`${kind}.${at}.${key}`, value);
    }
  }
  return Object.fromEntries(entries);
}

/** The lists of permissions, without lists in them. */
export function permissionsIn(request: BlkdebugOptions): JsonObject {
  const lists = ['take-child-perms', 'unshare-child-perms'] as const;
  return Object.fromEntries(
    lists.flatMap((name) => (request[name] ?? []).map((value, at) => [`${name}.${at}`, value] as const)),
  );
}
