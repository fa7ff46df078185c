/** The machine's nodes: made for drives and by `blockdev-add`, shared by who uses them, gone with the last of these. QEMU: the block graph. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { isWellFormedId } from '../qdev/option-string.ts';
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
import { type BlockdevOptions, settingsOf } from './blockdev-options.ts';
import { openFormat, probedRawWarning } from './formats.ts';
import type { ImageOpener } from './image-store.ts';
import { reopenNodes } from './node-reopen.ts';
import { addUser, bottomOf, removeUser, userConflict } from './node-users.ts';
import { NullBackend, nullDriverOf } from './null-backend.ts';
import { SECTOR_BYTES } from './raw.ts';
import { partSource, rawDisk } from './raw-part.ts';

/** QEMU: the array for a node's name has 32 bytes. */
const NAME_MAX = 31;
/** QEMU: BDRV_MAX_LENGTH, so that a gigabyte more is still a number of 63 bits. */
const MOST_BYTES = 2n ** 63n - 2n ** 30n;
const NULL_BYTES = 1 << 30;
/** What opening a file for writing fails with, where it can be read. */
const NOT_TO_BE_WRITTEN: ReadonlySet<BlockErrorCode> = new Set(['EACCES', 'EROFS', 'EISDIR']);

/** What a drive asks for with an image. */
export interface DriveImage {
  readonly path: string;
  /** Undefined: it is guessed. */
  readonly format: string | undefined;
  readonly nodeName: string | undefined;
  readonly settings: NodeSettings;
}

/** Names that a snapshot gives to nodes that have none of the user's, from the upper node down. */
export type NodeNames = readonly string[];

export interface BlockNodesOptions {
  readonly images: ImageOpener;
  readonly warn: (message: string) => void;
  /** A drive has this name. */
  readonly isDrive: (name: string) => boolean;
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

  /** A format over a file, for a drive. Rejects with `MonitorError`. */
  async openImage({ path, format, nodeName, settings }: DriveImage, names?: NodeNames): Promise<BlockNode> {
    if (nodeName !== undefined) this.#checkName(nodeName);
    const below = { ...settings, unmap: true };
    const driver = nullDriverOf(path);
    const file =
      driver === undefined
        ? await this.#openFile(path, below, names?.[1])
        : // QEMU reads what was in memory before, unless it is told `file.read-zeroes=on`; here zeros are read.
          this.#make(nullParts({ driver }, below, true), names?.[1]);
    try {
      const { format: found, disk } = await openFormat(file.disk, format);
      if (format === undefined && found === 'raw') this.#options.warn(probedRawWarning(path));
      const name = nodeName ?? names?.[0];
      const given: BlockdevOptions = { driver: 'raw' };
      return this.#make(
        { driver: found, source: {}, image: disk, settings, given, file, ownsFile: true },
        name,
      );
    } catch (error) {
      return this.#undo(file, error);
    }
  }

  /** `blockdev-add`. Rejects with `MonitorError`, having made nothing. */
  async add(options: BlockdevOptions, names?: NodeNames): Promise<BlockNode> {
    if (options['node-name'] === undefined) {
      throw new MonitorError("'node-name' must be specified for the root node");
    }
    const node = await this.#open(options, names);
    node.options = options;
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

  /** Gives the node to a user, and locks its image. Rejects with `MonitorError`. */
  async attach(node: BlockNode, wanted: Omit<NodeUser, 'age'>): Promise<NodeUser> {
    const user: NodeUser = { ...wanted, age: this.#age++ };
    const refused = userConflict(node, user);
    if (refused !== undefined) throw refused;
    addUser(node, user);
    const bottom = bottomOf(node);
    if (bottom.settings.forceShare) return user;
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
    const isFree = bottom.users.length === 0;
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
      open: (path, readOnly) => this.#options.images.open(path, { readOnly }),
      release: (node) => this.release(node),
    });
  }

  /** Closes what monitors have made, newest first. Rejects with `BlockError`. */
  async closeAll(): Promise<void> {
    for (const node of this.#nodes.filter(({ options }) => options !== undefined).reverse()) {
      await this.#close(node);
    }
  }

  async #open(options: BlockdevOptions, names?: NodeNames, above?: NodeSettings): Promise<BlockNode> {
    const settings = settingsOf(options, above);
    if (settings.forceShare && !settings.readOnly) {
      throw new MonitorError('force-share=on can only be used with read-only images');
    }
    if (options.driver === 'raw') return this.#openRaw(options, settings, names);
    const { driver, filename = '' } = options;
    if (driver === 'file' && filename === '') throw noFileName();
    this.#checkCommon(options, settings);
    const name = options['node-name'] ?? names?.[0];
    if (driver !== 'file') return this.#make(nullParts(options, settings), name);
    return this.#openFile(filename, settings, name, options);
  }

  /** QEMU: what is looked at when the node below is there, and before the node itself is opened. */
  #checkCommon(options: BlockdevOptions, settings: NodeSettings): void {
    if (settings.detectZeroes === 'unmap' && !settings.unmap) throw detectZeroesError();
    const name = options['node-name'];
    if (name !== undefined) this.#checkName(name);
  }

  async #openRaw(options: BlockdevOptions, settings: NodeSettings, names?: NodeNames): Promise<BlockNode> {
    const below = options.file;
    const file =
      typeof below === 'object'
        ? await this.#open(below, names?.slice(1), settings)
        : this.#referenced(below ?? '');
    try {
      this.#checkCommon(options, settings);
      const image = rawDisk(file.disk, options);
      return this.#make(
        {
          ...{ driver: 'raw', source: partSource(options), image, settings },
          ...{ given: options, file, ownsFile: typeof below === 'object' },
        },
        options['node-name'] ?? names?.[0],
      );
    } catch (error) {
      return this.#undo(file, error);
    }
  }

  #referenced(name: string): BlockNode {
    const node = this.find(name);
    if (node === undefined) {
      throw new MonitorError(`Cannot find device='${name}' nor node-name='${name}'`);
    }
    return node;
  }

  async #openFile(
    path: string,
    settings: NodeSettings,
    name: string | undefined,
    options: BlockdevOptions = { driver: 'file', filename: path },
  ): Promise<BlockNode> {
    const { 'auto-read-only': mayBeReadOnly = false, aio } = options;
    let { readOnly } = settings;
    const open = (): Promise<BlockBackend> => this.#options.images.open(path, { readOnly });
    const image = await open()
      .catch((error: unknown) => {
        if (!mayBeReadOnly || !NOT_TO_BE_WRITTEN.has(asBlockError(error).code)) throw error;
        readOnly = true;
        return open();
      })
      .catch(rethrow);
    if (aio === 'native' && !settings.direct) {
      await image.close().catch(rethrow);
      throw nativeError();
    }
    return this.#make(
      {
        ...{ driver: 'file', source: { filename: path }, image, settings: { ...settings, readOnly } },
        ...{ given: options, file: undefined, ownsFile: false },
      },
      name,
    );
  }

  #make(parts: Omit<NodeParts, 'name' | 'age'>, name: string | undefined): BlockNode {
    const node = new BlockNode({ ...parts, name: name ?? this.#generatedName(), age: this.#age++ });
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
    if (this.#options.isDrive(name)) {
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

/** @param byDefault whether zeros are read where the options do not say it */
function nullParts(
  options: BlockdevOptions,
  settings: NodeSettings,
  byDefault = false,
): Omit<NodeParts, 'name' | 'age'> {
  const { driver, size, 'read-zeroes': readsZeroes } = options;
  const source = {
    ...(size === undefined ? {} : { size }),
    ...(readsZeroes === undefined ? {} : { 'read-zeroes': readsZeroes }),
  };
  const image = new NullBackend(sectorBytes(size ?? NULL_BYTES), readsZeroes ?? byDefault);
  return { driver, source, image, settings, given: options, file: undefined, ownsFile: false };
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
