import { constants, fstatSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import {
  type BlockBackend,
  BlockError,
  checkRange,
  ImageLock,
  type ImageLockMode,
  type ImageLocks,
  type ImageOpener,
  isZero,
  notFoundError,
  type OpenOptions,
} from '../emu/index.ts';
import { FileLocks } from './file-lock.ts';
import { hostErrorCode, hostErrorText } from './host-errors.ts';
import { readPipedText } from './text-file.ts';

/** Bytes zeroed at a time. */
const ZERO_BYTES = 1024 * 1024;
/** stat(2) counts in these. */
const STAT_BLOCK_BYTES = 512;
/** Linux's number of the file system of processes. */
const PROC_SUPER_MAGIC = 0x9fa0;
/** A pipe without a writer is opened at once, to be refused. */
const PATIENT = constants.O_NONBLOCK ?? 0;

/** A disk image that is a file of this computer. */
export class FileBackend implements BlockBackend {
  readonly readOnly: boolean;
  readonly #file: FileHandle;
  readonly #lock: ImageLock;
  /** Nobody has to be kept away for a write. */
  readonly #isUnlocked: boolean;
  #sizeBytes: number;
  /** One range at a time is zeroed: each has a megabyte of memory. */
  #zeroing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    file: FileHandle,
    sizeBytes: number,
    { readOnly, isUnlocked }: OpenOptions,
    lock: ImageLock,
  ) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.readOnly = readOnly ?? false;
    this.#isUnlocked = isUnlocked ?? false;
    this.#lock = lock;
  }

  /** ENOENT, EACCES, EISDIR in QEMU's words; with `lock` also the lock error. */
  static async open(
    path: string,
    options: OpenOptions = {},
    locks: ImageLocks = new FileLocks(),
  ): Promise<FileBackend> {
    const readOnly = options.readOnly ?? false;
    const access = readOnly ? constants.O_RDONLY : constants.O_RDWR;
    const file = await open(path, access | PATIENT).catch((error: unknown) => {
      throw openError(path, error);
    });
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw notRegularError(path);
      if (stat.size === 0 && (await isOfProcesses(path))) throw noSizeError();
      const lock = new ImageLock(locks, `${stat.dev}-${stat.ino}`, path);
      const backend = new FileBackend(file, stat.size, options, lock);
      if (options.lock === true) await backend.lock(readOnly ? 'read' : 'write');
      return backend;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get allocatedBytes(): number {
    return this.#closed ? 0 : fstatSync(this.#file.fd).blocks * STAT_BLOCK_BYTES;
  }

  async lock(mode: ImageLockMode): Promise<void> {
    await this.#lock.lock(mode);
    this.#sizeBytes = (await this.#file.stat()).size;
  }

  async unlock(): Promise<void> {
    if (!this.readOnly && this.#mayWrite) await this.flush();
    await this.#lock.unlock();
  }

  /** Waits for the disk: cheaper than a promise when the host has the bytes cached, as it mostly has. */
  readSync(offset: number, target: Uint8Array): boolean {
    if (this.#closed || offset < 0 || offset + target.length > this.#sizeBytes) return false;
    try {
      return readSync(this.#file.fd, target, 0, target.length, offset) === target.length;
    } catch {
      return false;
    }
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    if (this.#closed || !this.#mayWrite) return false;
    if (offset < 0 || offset + source.length > this.#sizeBytes) return false;
    try {
      return writeSync(this.#file.fd, source, 0, source.length, offset) === source.length;
    } catch {
      return false;
    }
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#check(offset, target.length);
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await this.#file
        .read(target, done, target.length - done, offset + done)
        .catch(ioError);
      if (bytesRead === 0) throw new BlockError('EIO');
      done += bytesRead;
    }
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#checkWritable(offset, source.length);
    for (let done = 0; done < source.length; ) {
      const left = source.length - done;
      done += (await this.#file.write(source, done, left, offset + done).catch(ioError)).bytesWritten;
    }
  }

  async flush(): Promise<void> {
    this.#check(0, 0);
    await this.#file.datasync().catch(ioError);
  }

  /** Not modelled: giving the room back to the file system; Node cannot punch holes. What is a hole stays one. */
  discard(offset: number, length: number): Promise<void> {
    const turn = this.#zeroing.then(() => this.#zero(offset, length));
    this.#zeroing = turn.catch(() => {});
    return turn;
  }

  async #zero(offset: number, length: number): Promise<void> {
    await this.#checkWritable(offset, length);
    const piece = new Uint8Array(Math.min(length, ZERO_BYTES));
    for (let done = 0; done < length; done += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, length - done));
      await this.read(offset + done, part);
      if (isZero(part)) continue;
      part.fill(0);
      await this.write(offset + done, part);
    }
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.discard(offset, length);
  }

  async resize(sizeBytes: number): Promise<void> {
    await this.#checkWritable(0, 0);
    await this.#file.truncate(sizeBytes).catch((error: unknown) => {
      throw hostErrorCode(error) === 'EFBIG' ? new BlockError('EFBIG') : ioError(error);
    });
    this.#sizeBytes = sizeBytes;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    if (!this.readOnly) await this.flush();
    this.#closed = true;
    await this.#lock.unlock();
    await this.#file.close().catch(ioError);
  }

  #check(offset: number, length: number): void {
    if (this.#closed) throw new BlockError('EIO');
    checkRange(this.#sizeBytes, offset, length);
  }

  async #checkWritable(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
    if (this.readOnly) throw new BlockError('EROFS');
    if (!this.#mayWrite) await this.lock('write');
  }

  get #mayWrite(): boolean {
    return this.#isUnlocked || this.#lock.held === 'write';
  }
}

/** Files of this computer as a machine's images. */
export const FILE_IMAGES: ImageOpener = {
  open: (path, options) => FileBackend.open(path, options),
  readText: readPipedText,
};

/** QEMU: what opening `path` prints. */
function openError(path: string, error: unknown): BlockError {
  switch (hostErrorCode(error)) {
    case 'ENOENT':
      return notFoundError(path);
    case 'EISDIR':
      return new BlockError('EISDIR', `Could not open '${path}': Is a directory`);
    case 'ERR_INVALID_ARG_VALUE':
      // A name with a zero byte in it.
      return notFoundError(path);
    case 'EACCES':
      return new BlockError('EACCES', `Could not open '${path}': Permission denied`);
    case 'EROFS':
      return new BlockError('EROFS', `Could not open '${path}': Read-only file system`);
    default:
      return new BlockError('EIO', `Could not open '${path}': ${hostErrorText(error)}`);
  }
}

function notRegularError(path: string): BlockError {
  return new BlockError('EINVAL', `'file' driver requires '${path}' to be a regular file`);
}

async function isOfProcesses(path: string): Promise<boolean> {
  return (await statfs(path).catch(() => undefined))?.type === PROC_SUPER_MAGIC;
}

/** QEMU: for files whose end cannot be sought. Those of /proc where it can be are disks of 0 bytes there. */
function noSizeError(): BlockError {
  return new BlockError('EINVAL', 'Could not refresh total sector count: Invalid argument');
}

function ioError(error: unknown): never {
  const code = hostErrorCode(error);
  throw new BlockError(code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' ? 'ENOSPC' : 'EIO');
}
