/** `blockdev-reopen`: nodes get other settings, and other nodes below them, while they are used. All of them, or none. */
import { MonitorError } from '../core/monitor-error.ts';
import { asBlockError, type BlockBackend } from './block-backend.ts';
import { type BlockNode, detectZeroesError, type NodeSettings } from './block-node.ts';
import { type BlockdevOptions, settingsOf } from './blockdev-options.ts';
import { addUser, bottomOf, edgeOf, removeUser, userConflict } from './node-users.ts';
import { partSource, rawDisk } from './raw-part.ts';

/** What of the block layer is needed. */
export interface ReopenHost {
  readonly find: (name: string) => BlockNode | undefined;
  readonly open: (path: string, readOnly: boolean) => Promise<BlockBackend>;
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
    if (node.options !== undefined) node.options = { ...options, file: options.file ?? node.options.file };
    if (file === undefined) continue;
    const image = rawDisk(file.disk, options);
    if (file !== node.file) await replaceFile(node, file, host);
    node.image = image;
    node.source = partSource(options);
  }
  for (const close of opened) await close();
}

/** What becomes of a node, and of the one that was made for it below. */
function prepare(
  node: BlockNode,
  options: BlockdevOptions,
  above: NodeSettings | undefined,
  host: ReopenHost,
): readonly Change[] {
  const settings = settingsOf(options, above);
  checkUnchanged(node, options);
  if (settings.detectZeroes === 'unmap' && !settings.unmap) throw detectZeroesError();
  const { file } = node;
  if (file === undefined) return [{ node, options, settings, file }];
  const isOwn = file.options === undefined && typeof node.options?.file === 'object';
  const below = options.file;
  if (typeof below === 'object') {
    if (!isOwn) throw cannotChange('file.driver');
    return [{ node, options, settings, file }, ...prepare(file, below, settings, host)];
  }
  const named = below === undefined ? file : host.find(below);
  if (named === undefined) throw new MonitorError(`Cannot find device='' nor node-name='${below}'`);
  if (!isOwn || named !== file) return [{ node, options, settings, file: named }];
  const kept = typeof node.options?.file === 'object' ? node.options.file : undefined;
  const changed: BlockdevOptions = { ...options, file: kept };
  const child = kept === undefined ? [] : prepare(file, kept, settings, host);
  return [{ node, options: changed, settings, file }, ...child];
}

function cannotChange(option: string): MonitorError {
  return new MonitorError(`Cannot change the option '${option}'`);
}

function checkUnchanged(node: BlockNode, options: BlockdevOptions): void {
  if (options.driver !== node.driver) throw cannotChange('driver');
  for (const name of ['filename', 'size', 'read-zeroes'] as const) {
    const value = options[name];
    if (value !== undefined && node.file === undefined && value !== node.source[name]) {
      throw cannotChange(name);
    }
  }
  const share = options['force-share'];
  if (share !== undefined && share !== node.settings.forceShare) throw cannotChange('force-share');
}

function check({ node, options, settings, file }: Change): void {
  if (settings.readOnly && node.users.some(({ writes }) => writes)) {
    throw new MonitorError(`Read-only block node '${node.name}' cannot support read-write users`);
  }
  if (file === undefined) return;
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
      const isUsed = node.users.length > 0 && !settings.forceShare;
      const after = await host.open(node.path, settings.readOnly);
      done.push({ node, before, after });
      await before.unlock();
      if (isUsed) await after.lock(node.users.some(({ writes }) => writes) ? 'write' : 'read');
      node.image = after;
    }
  } catch (error) {
    for (const { node, before, after } of done.reverse()) {
      node.image = before;
      await after.close();
      if (node.users.length > 0 && !node.settings.forceShare) await before.lock('read');
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
    if (!bottom.settings.forceShare) await bottom.disk.lock(edge.writes ? 'write' : 'read');
    addUser(file, edge);
  }
  node.file = file;
  file.references++;
  if (before === undefined) return;
  if (edge !== undefined) {
    removeUser(before, edge);
    const bottom = bottomOf(before);
    if (bottom.users.length === 0) await bottom.disk.unlock();
  }
  await host.release(before);
}
