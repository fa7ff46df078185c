import { linuxErrorText } from '../core/linux-errors.ts';
import { MonitorError } from '../core/monitor-error.ts';

export type BlockErrorCode =
  | 'EIO'
  | 'ENOSPC'
  | 'EFBIG'
  | 'EACCES'
  | 'EROFS'
  | 'EINVAL'
  | 'EPERM'
  | 'ENOENT'
  | 'EEXIST'
  | 'EBUSY'
  | 'ECANCELED'
  | 'ENAMETOOLONG'
  | 'EISDIR';

/** strerror(3) texts, as QEMU prints them. */
export const BLOCK_ERROR_TEXT: Readonly<Record<BlockErrorCode, string>> = {
  EIO: 'Input/output error',
  ENOSPC: 'No space left on device',
  EFBIG: 'File too large',
  EACCES: 'Permission denied',
  EROFS: 'Read-only file system',
  EINVAL: 'Invalid argument',
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  EEXIST: 'File exists',
  EBUSY: 'Device or resource busy',
  ECANCELED: 'Operation canceled',
  ENAMETOOLONG: 'File name too long',
  EISDIR: 'Is a directory',
};

/** Linux's numbers of them, as QEMU's trace has them. */
export const BLOCK_ERROR_NUMBERS: Readonly<Record<BlockErrorCode, number>> = {
  EIO: 5,
  ENOSPC: 28,
  EFBIG: 27,
  EACCES: 13,
  EROFS: 30,
  EINVAL: 22,
  EPERM: 1,
  ENOENT: 2,
  EEXIST: 17,
  EBUSY: 16,
  ECANCELED: 125,
  ENAMETOOLONG: 36,
  EISDIR: 21,
};

/** What a block back end rejects with: the guest gets the bus's I/O error, the user reads `message`. */
export class BlockError extends Error {
  readonly code: BlockErrorCode;
  /** Linux's number of it, which may be one that has no code here. */
  readonly errno: number;
  /** Extra line that QEMU prints after the error, or undefined. */
  readonly hint: string | undefined;

  constructor(code: BlockErrorCode, message: string = BLOCK_ERROR_TEXT[code], hint?: string, errno?: number) {
    super(message);
    this.name = 'BlockError';
    this.code = code;
    this.errno = errno ?? BLOCK_ERROR_NUMBERS[code];
    this.hint = hint;
  }

  /** Any error of Linux, by its number. */
  static ofLinux(errno: number): BlockError {
    const known = (Object.keys(BLOCK_ERROR_NUMBERS) as BlockErrorCode[]).find(
      (code) => BLOCK_ERROR_NUMBERS[code] === errno,
    );
    return new BlockError(known ?? 'EIO', linuxErrorText(errno), undefined, errno);
  }

  /** The same for the monitor's reader. */
  toMonitorError(): MonitorError {
    return new MonitorError(this.message, 'GenericError', this.hint);
  }
}

/**
 * `write` excludes every other lock, `read` excludes writers.
 * QEMU: what BLK_PERM_WRITE with write unshared does to a second opener (share-rw=off).
 */
export type ImageLockMode = 'read' | 'write';

/**
 * Bytes that a disk is made of. Offsets and lengths in bytes, exact to 2^53, any alignment.
 * Requests may overlap in time; those on different bytes never disturb each other.
 * Every promise rejects with a `BlockError` and with nothing else.
 * No method is optional: what stands between a disk and its device must pass all of them on (`BlockFilter`).
 */
export interface BlockBackend {
  /** Changes only by `resize`. */
  readonly sizeBytes: number;
  /** Bytes that the image takes where it is kept. */
  readonly allocatedBytes: number;
  readonly readOnly: boolean;
  /** Fills all of `target`. EIO beyond the end. */
  read(offset: number, target: Uint8Array): Promise<void>;
  /** `source` may be reused as soon as the promise settles, not before. EROFS when read-only. */
  write(offset: number, source: Uint8Array): Promise<void>;
  /** Resolves when every write that had resolved before the call survives a crash of the host. */
  flush(): Promise<void>;
  /** The bytes read as zeros afterwards. */
  discard(offset: number, length: number): Promise<void>;
  writeZeroes(offset: number, length: number): Promise<void>;
  /** Flushes, unlocks and gives up the image; later requests reject with EIO. When the flush fails it stays open. */
  close(): Promise<void>;
  /** Does the read at once and returns true; or does nothing and returns false: then use `read`. */
  readSync(offset: number, target: Uint8Array): boolean;
  /** Does the write at once and returns true; or does nothing and returns false: then use `write`. */
  writeSync(offset: number, source: Uint8Array): boolean;
  /** New bytes read as zeros. EINVAL where the size cannot change. */
  resize(sizeBytes: number): Promise<void>;
  /**
   * Rejects with QEMU's lock error when another user of the image forbids it.
   * QEMU: taken when a device is attached (device_add), not by drive_add if=none.
   */
  lock(mode: ImageLockMode): Promise<void>;
  /** Flushes, then lets others in. When the flush fails it rejects and the lock is kept. */
  unlock(): Promise<void>;
}

/** EIO unless all of the range lies in an image of `sizeBytes`. */
export function checkRange(sizeBytes: number, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= sizeBytes)) throw new BlockError('EIO');
}

/** Any error as a `BlockError`; what is not one becomes EIO. */
export function asBlockError(error: unknown): BlockError {
  if (error instanceof BlockError) return error;
  return new BlockError('EIO', error instanceof Error ? error.message : String(error));
}

/** QEMU: what a second user of `path` reads, the same for another process and for another drive of this machine. */
export function lockError(mode: ImageLockMode, path: string): BlockError {
  const what = mode === 'write' ? '"write" lock' : 'shared "write" lock';
  return new BlockError('EACCES', `Failed to get ${what}`, `Is another process using the image [${path}]?`);
}

/** QEMU: what opening a missing `path` prints. */
export function notFoundError(path: string): BlockError {
  return new BlockError('ENOENT', `Could not open '${path}': No such file or directory`);
}
