/** `blockdev-reopen`: nodes get other settings, and other nodes below them, while they are used. All of them, or none. */
import { MonitorError } from '../core/monitor-error.ts';
import { type JsonObject, type JsonValue, keysOf } from '../qapi/json-value.ts';
import { inQdictOrder } from '../qapi/qdict-order.ts';
import { watched } from './blkdebug.ts';
import { asBlockError, type BlockBackend } from './block-backend.ts';
import { type BlockNode, detectZeroesError, type NodeSettings } from './block-node.ts';
import { type BlockdevOptions, settingsOf } from './blockdev-options.ts';
import { addUser, bottomOf, edgeOf, removeUser, userConflict } from './node-users.ts';
import { blkdebugSource, permissionsIn } from './open-blkdebug.ts';
import { partSource, rawDisk } from './raw-part.ts';

/** What of the block layer is needed. */
export interface ReopenHost {
  readonly find: (name: string) => BlockNode | undefined;
  readonly open: (node: BlockNode, readOnly: boolean) => Promise<BlockBackend>;
  readonly release: (node: BlockNode) => Promise<void>;
}

/** A node with what it is to be. */
interface Change {
  readonly node: BlockNode;
  readonly options: BlockdevOptions;
  readonly settings: NodeSettings;
  /** The node that is to be below. */
  readonly file: BlockNode | undefined;
}

/** Rejects with `MonitorError`, having changed nothing. */
export async function reopenNodes(all: readonly BlockdevOptions[], host: ReopenHost): Promise<void> {
  const changes = all.flatMap((options) => {
    const name = options['node-name'];
    if (name === undefined) throw new MonitorError('node-name not specified');
    const node = host.find(name);
    if (node === undefined) throw new MonitorError(`Failed to find node with node-name='${name}'`);
    return prepare(node, options, undefined, host);
  });
  for (const change of changes) check(change);
  const opened = await openAll(changes, host);
  for (const { node, options, settings, file } of changes) {
    node.settings = settings;
    node.given = options;
    if (node.options !== undefined) node.options = options;
    if (node.driver === 'blkdebug')
      node.source = Object.fromEntries(Object.entries(blkdebugSource(options)).reverse());
    if (file === undefined || node.driver !== 'raw') continue;
    const image = rawDisk(watched(file.disk, file.image, true), options);
    if (file !== node.file) await replaceFile(node, file, host);
    node.image = image;
    node.source = partSource(options);
  }
  for (const close of opened) await close();
}

/** What becomes of a node, and of the one that was made for it below. */
function prepare(
  node: BlockNode,
  given: BlockdevOptions,
  above: NodeSettings | undefined,
  host: ReopenHost,
): readonly Change[] {
  const { forceShare } = node.settings;
  // QEMU: how discards are done stays as it was where neither the options nor a node above say it.
  const isUnmapKept = given.discard === undefined && above === undefined && node.settings.unmap;
  const options: BlockdevOptions = isUnmapKept ? { ...given, discard: 'unmap' } : given;
  const settings = { ...settingsOf(options, above), forceShare };
  if (settings.detectZeroes === 'unmap' && !settings.unmap) throw detectZeroesError();
  checkNotReset(node, options);
  // QEMU: the part has to be one of the file that is below now. Here also of the one that comes.
  if (node.driver === 'raw' && node.file !== undefined) rawDisk(node.file.disk, options);
  const file = fileBelow(node, options, host);
  checkUnchanged(node, options);
  if (file === undefined || file !== node.file || !node.ownsFile) return [{ node, options, settings, file }];
  const wanted = options[node.childName];
  const below = typeof wanted === 'object' ? wanted : file.given;
  const changed: BlockdevOptions = { ...options, [node.childName]: below };
  return [{ node, options: changed, settings, file }, ...prepare(file, below, settings, host)];
}

function cannotChange(option: string): MonitorError {
  return new MonitorError(`Cannot change the option '${option}'`);
}

/** The node that is to be below. QEMU's errors for one that cannot be. */
function fileBelow(node: BlockNode, options: BlockdevOptions, host: ReopenHost): BlockNode | undefined {
  const wanted = options[node.childName];
  if (typeof wanted !== 'string') {
    if (wanted !== undefined && !node.ownsFile) throw cannotChange(`${node.childName}.driver`);
    return node.file;
  }
  // QEMU: another image is refused with the other options, and so is the same one by its name.
  if (node.childName === 'image') return node.file;
  const named = host.find(wanted);
  if (named === undefined) throw new MonitorError(`Cannot find device='' nor node-name='${wanted}'`);
  if (node.file !== undefined) return named;
  throw new MonitorError('Cannot set file child to format node without file child');
}

const FIXED = ['filename', 'aio', 'locking', 'size', 'read-zeroes', 'force-share'] as const;

/** The options that stay as they were when the node was made. */
function fixedOptions(node: BlockNode, options: BlockdevOptions): JsonObject {
  const own = node.driver === 'blkdebug' ? { ...blkdebugSource(options), ...permissionsIn(options) } : {};
  const plain: Record<string, JsonValue> = {};
  for (const name of node.file === undefined ? FIXED : (['force-share'] as const)) {
    const value = options[name];
    if (value !== undefined) plain[name] = value;
  }
  return { ...own, ...plain };
}

function checkNotReset(node: BlockNode, options: BlockdevOptions): void {
  const now = fixedOptions(node, options);
  const reset = inQdictOrder(keysOf(fixedOptions(node, node.given))).find((name) => now[name] === undefined);
  if (reset !== undefined) throw new MonitorError(`Option '${reset}' cannot be reset to its default value`);
}

/** QEMU: force-share cannot even be said to stay as it is. */
function checkUnchanged(node: BlockNode, options: BlockdevOptions): void {
  const before = fixedOptions(node, node.given);
  const now = fixedOptions(node, options);
  const isChanged = (name: string): boolean => name === 'force-share' || now[name] !== before[name];
  const changed = new Map<string, boolean>([
    ['driver', options.driver !== node.driver],
    // QEMU: a name that the last reopening did not say is one that the node does not have.
    ['node-name', options['node-name'] !== undefined && options['node-name'] !== node.given['node-name']],
    ['image', typeof options.image === 'string'],
    ...keysOf(now)
      .toReversed()
      .map((name) => [name, isChanged(name)] as const),
  ]);
  const first = inQdictOrder([...changed.keys()]).find((name) => changed.get(name));
  if (first !== undefined) throw cannotChange(first);
}

function check({ node, options, settings, file }: Change): void {
  if (settings.readOnly && node.users.some(({ writes }) => writes)) {
    throw new MonitorError(`Read-only block node '${node.name}' cannot support read-write users`);
  }
  if (file === undefined || node.driver !== 'raw') return;
  rawDisk(file.disk, options);
  if (file === node.file) return;
  for (let below: BlockNode | undefined = file; below !== undefined; below = below.file) {
    if (below === node)
      throw new MonitorError(`Making '${file.name}' a file child of '${node.name}' would create a cycle`);
  }
  const edge = edgeOf(node);
  const refused = edge && userConflict(file, edge);
  if (refused !== undefined) throw refused;
}

/** Opens images anew that are to be written, or to be written no longer; gives what closes the old ones. */
async function openAll(
  changes: readonly Change[],
  host: ReopenHost,
): Promise<readonly (() => Promise<void>)[]> {
  const done: { node: BlockNode; before: BlockBackend; after: BlockBackend }[] = [];
  try {
    for (const { node, settings } of changes) {
      if (node.driver !== 'file' || settings.readOnly === node.image.readOnly) continue;
      const before = node.image;
      const isUsed = node.users.length > 0 && node.takesLock;
      const after = await host.open(node, settings.readOnly);
      done.push({ node, before, after });
      await before.unlock();
      if (isUsed) await after.lock(node.users.some(({ writes }) => writes) ? 'write' : 'read');
      node.image = after;
    }
  } catch (error) {
    for (const { node, before, after } of done.reverse()) {
      node.image = before;
      await after.close();
      if (node.users.length > 0 && node.takesLock) await before.lock('read');
    }
    throw error instanceof MonitorError ? error : asBlockError(error).toMonitorError();
  }
  return done.map(
    ({ before }) =>
      () =>
        before.close(),
  );
}

/** Another node comes below; users of the node are users of that one from now on. */
async function replaceFile(node: BlockNode, file: BlockNode, host: ReopenHost): Promise<void> {
  const before = node.file;
  const edge = edgeOf(node);
  if (edge !== undefined) {
    const bottom = bottomOf(file);
    if (bottom.takesLock) await bottom.disk.lock(edge.writes ? 'write' : 'read');
    addUser(file, edge);
  }
  node.file = file;
  node.ownsFile = false;
  file.references++;
  if (before === undefined) return;
  if (edge !== undefined) {
    removeUser(before, edge);
    const bottom = bottomOf(before);
    if (bottom.users.length === 0) await bottom.disk.unlock();
  }
  await host.release(before);
}
