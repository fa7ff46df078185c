/** The machine's nodes: made for drives and by `blockdev-add`, shared by who uses them, gone with the last of these. QEMU: the block graph. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { keysOf } from '../qapi/json-value.ts';
import { isWellFormedId } from '../qdev/option-string.ts';
import { watched } from './blkdebug.ts';
import {
  asBlockError,
  BLOCK_ERROR_TEXT,
  type BlockBackend,
  BlockError,
  type BlockErrorCode,
} from './block-backend.ts';
import {
  BlockNode,
  detectZeroesError,
  type NodeParts,
  type NodeSettings,
  type NodeUser,
} from './block-node.ts';
import { type BlockdevOptions, type NodeRequest, plainOptions, settingsOf } from './blockdev-options.ts';
import { openFormat, probedRawWarning } from './formats.ts';
import type { ImageOpener } from './image-store.ts';
import { reopenNodes } from './node-reopen.ts';
import { addUser, bottomOf, removeUser, userConflict } from './node-users.ts';
import { NullBackend } from './null-backend.ts';
import { openBlkdebug, readRules } from './open-blkdebug.ts';
import { SECTOR_BYTES } from './raw.ts';
import { partSource, rawDisk } from './raw-part.ts';

/** QEMU: the array for a node's name has 32 bytes. */
const NAME_MAX = 31;
/** QEMU: BDRV_MAX_LENGTH, so that a gigabyte more is still a number of 63 bits. */
const MOST_BYTES = 2n ** 63n - 2n ** 30n;
const NULL_BYTES = 1 << 30;
/** What opening a file for writing fails with, where it can be read. */
const NOT_TO_BE_WRITTEN: ReadonlySet<BlockErrorCode> = new Set(['EACCES', 'EROFS', 'EISDIR']);

/** Names that a snapshot gives to nodes that have none of the user's, from the upper node down. */
export type NodeNames = readonly string[];

export interface BlockNodesOptions {
  readonly images: ImageOpener;
  readonly warn: (message: string) => void;
  /** The drive of this name. */
  readonly findDrive: (
    name: string,
  ) => { readonly medium: { readonly node: BlockNode } | undefined } | undefined;
}

export class BlockNodes {
  readonly #options: BlockNodesOptions;
  readonly #nodes: BlockNode[] = [];
  #age = 0;
  /** The number that the next generated name begins with. */
  count = 0;

  constructor(options: BlockNodesOptions) {
    this.#options = options;
  }

  /** In the order of their creation. */
  list(): readonly BlockNode[] {
    return this.#nodes;
  }

  find(name: string): BlockNode | undefined {
    return this.#nodes.find((node) => node.name === name && !node.isClosing);
  }

  /** For a drive. Rejects with `MonitorError`. */
  open(request: NodeRequest, names?: NodeNames): Promise<BlockNode> {
    return this.#open(request, names);
  }

  /** `blockdev-add`. Rejects with `MonitorError`, having made nothing. */
  async add(request: NodeRequest, names?: NodeNames): Promise<BlockNode> {
    if (request['node-name'] === undefined) {
      throw new MonitorError("'node-name' must be specified for the root node");
    }
    const node = await this.#open(request, names);
    node.options = node.given;
    return node;
  }

  /** `blockdev-del`. Rejects with `MonitorError`; an image that cannot be stored stays. */
  async delete(name: string): Promise<void> {
    const node = this.find(name);
    if (node === undefined) throw new MonitorError(`Failed to find node with node-name='${name}'`);
    if (node.users.some(({ role }) => role === 'root')) throw new MonitorError(`Node ${name} is in use`);
    if (node.options === undefined) throw new MonitorError(`Node ${name} is not owned by the monitor`);
    if (node.references > 0) throw new MonitorError(`Block device ${name} is in use`);
    await this.#close(node).catch(rethrow);
  }

  /** For who is to use a node from now on. */
  nextAge(): number {
    return this.#age++;
  }

  /** Gives the node to a user, and locks its image. Rejects with `MonitorError`. */
  async attach(node: BlockNode, user: NodeUser): Promise<NodeUser> {
    const refused = userConflict(node, user);
    if (refused !== undefined) throw refused;
    addUser(node, user);
    const bottom = bottomOf(node);
    if (!bottom.takesLock) return user;
    const mode = bottom.users.some(({ writes }) => writes) ? 'write' : 'read';
    await bottom.disk.lock(mode).catch((error: unknown) => {
      removeUser(node, user);
      return rethrow(error);
    });
    return user;
  }

  /** The user is done with the node. Rejects with `BlockError`: what is not stored keeps the lock. */
  async detach(node: BlockNode, user: NodeUser): Promise<void> {
    removeUser(node, user);
    const bottom = bottomOf(node);
    if (bottom.users.length === 0) await bottom.disk.unlock();
  }

  /** One reference less; the last one closes the node, unless a monitor has it. Rejects with `BlockError`: then nothing has changed. */
  async release(node: BlockNode): Promise<void> {
    node.references--;
    assert(node.references >= 0, `node ${node.name} is released once by each who has it`);
    if (node.references > 0 || node.options !== undefined) return;
    await this.#close(node).catch((error: unknown) => {
      node.references++;
      throw error;
    });
  }

  /** Another size for the image, which is stored at once. Rejects with `MonitorError`. */
  async resize(node: BlockNode, sizeBytes: number): Promise<void> {
    if (node.disk.readOnly) throw new MonitorError('Image is read-only');
    const bottom = bottomOf(node);
    if (bottom.driver !== 'file') throw new MonitorError('Image format driver does not support resize');
    const refused = this.#resizeConflict(node);
    if (refused !== undefined) throw refused;
    const isFree = bottom.users.length === 0 && bottom.takesLock;
    try {
      if (!Number.isSafeInteger(sizeBytes)) throw new BlockError('EFBIG');
      if (isFree) await bottom.disk.lock('write');
      await node.disk.resize(sizeBytes);
      // Whatever a guest's flushes do.
      await bottom.image.flush();
    } catch (error) {
      const failure = asBlockError(error);
      const isPlain = failure.message === BLOCK_ERROR_TEXT[failure.code];
      throw isPlain
        ? new MonitorError(`Could not resize file: ${failure.message}`)
        : failure.toMonitorError();
    } finally {
      if (isFree) await bottom.disk.unlock().catch(rethrow);
    }
  }

  /** QEMU: who has a part of a file does not let others change its size. */
  #resizeConflict(node: BlockNode): MonitorError | undefined {
    let by = 'an unnamed block device';
    let role = 'root';
    for (let at: BlockNode | undefined = node, above: BlockNode | undefined; at !== undefined; at = at.file) {
      const file = at;
      const denies = this.#nodes.findLast((one) => one.file === file && one !== above && one.isPart);
      if (denies !== undefined) {
        return new MonitorError(
          `Permission conflict on node '${file.name}': permissions 'resize' are both required by ${by} (uses node '${file.name}' ` +
            `as '${role}' child) and unshared by node '${denies.name}' (uses node '${file.name}' as 'file' child).`,
        );
      }
      by = `node '${file.name}'`;
      role = 'file';
      above = file;
    }
    return undefined;
  }

  /** Other settings, or another node below. Rejects with `MonitorError`. */
  reopen(options: readonly BlockdevOptions[]): Promise<void> {
    return reopenNodes(options, {
      find: (name) => this.find(name),
      open: ({ path, given }, readOnly) =>
        this.#options.images.open(path, { readOnly, isUnlocked: given.locking === 'off' }),
      release: (node) => this.release(node),
    });
  }

  /** Closes what monitors have made, newest first. Rejects with `BlockError`. */
  async closeAll(): Promise<void> {
    for (const node of this.#nodes.filter(({ options }) => options !== undefined).reverse()) {
      await this.#close(node);
    }
  }

  async #open(request: NodeRequest, names?: NodeNames, above?: NodeSettings): Promise<BlockNode> {
    const settings = settingsOf(request, above);
    if (settings.forceShare && !settings.readOnly) {
      throw new MonitorError('force-share=on can only be used with read-only images');
    }
    const { driver, filename = '' } = request;
    if (driver === undefined || driver === 'raw') return this.#openFormat(request, settings, names);
    if (driver === 'blkdebug') return this.#openBlkdebug(request, settings, names);
    if (driver === 'file' && filename === '') throw noFileName();
    this.#checkCommon(request, settings);
    const name = request['node-name'] ?? names?.[0];
    if (driver === 'file') return this.#openFile(request, filename, settings, name);
    const parts = nullParts(driver, request, settings);
    if (request.wrongWhenOpen !== undefined) throw request.wrongWhenOpen;
    return this.#make(parts, name);
  }

  /** QEMU: what is looked at when the node below is there, and before the node itself is opened. */
  #checkCommon({ 'node-name': name, isOfDrive, wrong }: NodeRequest, settings: NodeSettings): void {
    if (wrong !== undefined) throw wrong;
    // QEMU: a drive is not asked.
    if (settings.detectZeroes === 'unmap' && !settings.unmap && isOfDrive !== true) throw detectZeroesError();
    if (name !== undefined) this.#checkName(name);
  }

  async #openFormat(request: NodeRequest, settings: NodeSettings, names?: NodeNames): Promise<BlockNode> {
    const below = request.file;
    const file =
      typeof below === 'object'
        ? await this.#open(below, names?.slice(1), settings)
        : this.#referenced(below ?? '');
    try {
      const disk = request.driver === undefined ? await this.#guessed(file, settings) : undefined;
      this.#checkCommon(request, settings);
      const source = request.source ?? partSource(request);
      const isWhole = keysOf(source).length === 0;
      if (request.wrongWhenOpen !== undefined) throw request.wrongWhenOpen;
      const image =
        isWhole && disk !== undefined ? disk : rawDisk(watched(file.disk, file.image, true), request);
      return this.#make(
        {
          ...{ driver: 'raw', source, image, settings, given: plainOptions(request) },
          ...{ file, ownsFile: typeof below === 'object' },
        },
        request['node-name'] ?? names?.[0],
      );
    } catch (error) {
      return this.#undo(file, error);
    }
  }

  /** QEMU: the node is there, by its name, before the one below it. */
  async #openBlkdebug(request: NodeRequest, settings: NodeSettings, names?: NodeNames): Promise<BlockNode> {
    this.#checkCommon(request, settings);
    const name = request['node-name'] ?? names?.[0] ?? this.#generatedName();
    const age = this.#age++;
    const older = new Set(this.#nodes);
    const rules = await readRules(request, this.#options.images);
    const below = request.image;
    const file =
      typeof below === 'object'
        ? await this.#open(below, names?.slice(1), settings)
        : this.#referenced(below ?? '');
    try {
      const { source, image } = openBlkdebug(request, rules, watched(file.disk, file.image, false));
      const parts = { driver: 'blkdebug', source, image, settings, given: plainOptions(request), file };
      const node = this.#make({ ...parts, ownsFile: typeof below === 'object' }, name, age);
      this.#nodes.pop();
      const at = this.#nodes.findIndex((one) => !older.has(one));
      this.#nodes.splice(at < 0 ? this.#nodes.length : at, 0, node);
      return node;
    } catch (error) {
      return this.#undo(file, error);
    }
  }

  /** The bytes of a file by the format that it looks like. QEMU: warns where what is written may make it look otherwise. */
  async #guessed(file: BlockNode, { readOnly }: NodeSettings): Promise<BlockBackend> {
    const { format, disk } = await openFormat(file.disk, undefined, watched(file.disk, file.image, true));
    if (format === 'raw' && !readOnly) this.#options.warn(probedRawWarning(file.path));
    return disk;
  }

  /** The node that has this name, or that is in the drive of this name. Throws QEMU's error. */
  #referenced(name: string): BlockNode {
    const drive = this.#options.findDrive(name);
    if (drive !== undefined && drive.medium === undefined) {
      throw new MonitorError(`Device '${name}' has no medium`);
    }
    const node = drive?.medium?.node ?? this.find(name);
    if (node === undefined) {
      throw new MonitorError(`Cannot find device='${name}' nor node-name='${name}'`);
    }
    return node;
  }

  async #openFile(
    request: NodeRequest,
    path: string,
    settings: NodeSettings,
    name: string | undefined,
  ): Promise<BlockNode> {
    const { 'auto-read-only': mayBeReadOnly = false, aio, isOfDrive = false, wrongWhenOpen } = request;
    const isUnlocked = request.locking === 'off';
    let { readOnly } = settings;
    const open = (): Promise<BlockBackend> => this.#options.images.open(path, { readOnly, isUnlocked });
    const image = await open()
      .catch((error: unknown) => {
        const { code } = asBlockError(error);
        // QEMU: a drive's image is read only until it is written; of a folder that tells that it is no file.
        const isRetried = mayBeReadOnly ? NOT_TO_BE_WRITTEN.has(code) : isOfDrive && code === 'EISDIR';
        if (!isRetried) throw error;
        readOnly = true;
        return open();
      })
      .catch(rethrow);
    const wrong = aio === 'native' && !settings.direct ? nativeError() : wrongWhenOpen;
    if (wrong !== undefined) {
      await image.close().catch(rethrow);
      throw wrong;
    }
    return this.#make(
      {
        ...{ driver: 'file', source: { filename: path }, image, settings: { ...settings, readOnly } },
        ...{ given: plainOptions(request), file: undefined, ownsFile: false },
      },
      name,
    );
  }

  #make(parts: Omit<NodeParts, 'name' | 'age'>, name: string | undefined, age = this.#age++): BlockNode {
    const node = new BlockNode({ ...parts, name: name ?? this.#generatedName(), age });
    if (node.file !== undefined) node.file.references++;
    this.#nodes.push(node);
    return node;
  }

  /** The node above could not be made: one that was made for it goes again. */
  async #undo(file: BlockNode, error: unknown): Promise<never> {
    if (file.references === 0 && file.options === undefined) await this.#close(file);
    return rethrow(error);
  }

  /** QEMU: a counter and two random digits, so that nobody relies on the name. */
  #generatedName(): string {
    const count = this.count++;
    return `#block${count}${String((count * 61 + 17) % 100).padStart(2, '0')}`;
  }

  #checkName(name: string): void {
    if (!isWellFormedId(name)) throw new MonitorError(`Invalid node-name: '${name}'`);
    if (this.#options.findDrive(name) !== undefined) {
      throw new MonitorError(`node-name=${name} is conflicting with a device id`);
    }
    if (this.#nodes.some((node) => node.name === name)) {
      throw new MonitorError(`Duplicate nodes with node-name='${name}'`);
    }
    if (name.length > NAME_MAX) throw new MonitorError('Node name too long');
  }

  /** Closes a node that nobody uses, and what was made for it below. When its image cannot be stored all of it stays. */
  async #close(node: BlockNode): Promise<void> {
    const { file } = node;
    node.isClosing = true;
    try {
      if (file === undefined) await node.disk.close();
      else await this.release(file);
    } catch (error) {
      node.isClosing = false;
      throw error;
    }
    const at = this.#nodes.indexOf(node);
    if (at >= 0) this.#nodes.splice(at, 1);
  }
}

function noFileName(): MonitorError {
  return new MonitorError("The 'file' block driver requires a file name");
}

function nativeError(): MonitorError {
  return new MonitorError(
    'aio=native was specified, but it requires cache.direct=on, which was not specified.',
  );
}

function nullParts(
  driver: 'null-co' | 'null-aio',
  request: NodeRequest,
  settings: NodeSettings,
): Omit<NodeParts, 'name' | 'age'> {
  // QEMU reads what was in memory before, unless it is told `read-zeroes=on`; of a drive zeros are read here.
  const { size, 'read-zeroes': readsZeroes, isOfDrive = false } = request;
  const source = request.source ?? {
    ...(size === undefined ? {} : { size }),
    ...(readsZeroes === undefined ? {} : { 'read-zeroes': readsZeroes }),
  };
  const image = new NullBackend(sectorBytes(size ?? NULL_BYTES), readsZeroes ?? isOfDrive);
  return { driver, source, image, settings, given: plainOptions(request), file: undefined, ownsFile: false };
}

/** A size in whole sectors, which are exact in a number. Throws QEMU's error. */
function sectorBytes(size: number | bigint): number {
  const bytes = BigInt(size);
  if (bytes > MOST_BYTES) {
    throw new MonitorError(`Could not refresh total sector count: ${BLOCK_ERROR_TEXT.EFBIG}`);
  }
  return Number((bytes + BigInt(SECTOR_BYTES) - 1n) / BigInt(SECTOR_BYTES)) * SECTOR_BYTES;
}

function rethrow(error: unknown): never {
  throw error instanceof MonitorError ? error : asBlockError(error).toMonitorError();
}
