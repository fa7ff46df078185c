import { type BlockBackend, BlockError } from './block-backend.ts';
import type { StorageEstimate } from './chunk-database.ts';

export interface OpenOptions {
  readonly readOnly?: boolean;
  /** Takes the lock now, not when a device is attached. */
  readonly lock?: boolean;
  /** Writes need no lock. Not modelled by stores that keep images in chunks: there the first write takes it. */
  readonly isUnlocked?: boolean;
}

/** Where `file=` of a drive leads. */
export interface ImageOpener {
  /** The image's bytes, whatever their format. ENOENT with QEMU's text, EBUSY, EIO; with `lock` also the lock error. */
  open(path: string, options?: OpenOptions): Promise<BlockBackend>;
  /** What is in a file that is no disk, which may be a pipe that somebody has yet to write to; absent: an image is read. */
  readText?(path: string): Promise<string>;
}

/** More than anybody writes by hand. */
export const TEXT_MAX_BYTES = 1 << 20;

/** What is in a file that is no disk, as far as `TEXT_MAX_BYTES`. Rejects with `BlockError`. */
export async function readImageText(images: ImageOpener, path: string): Promise<string> {
  if (images.readText !== undefined) return images.readText(path);
  if (path === '') throw new BlockError('ENOENT');
  const file = await images.open(path, { readOnly: true });
  try {
    const bytes = new Uint8Array(Math.min(file.sizeBytes, TEXT_MAX_BYTES));
    await file.read(0, bytes);
    return new TextDecoder().decode(bytes);
  } finally {
    await file.close();
  }
}

export interface ImageInfo {
  readonly path: string;
  readonly sizeBytes: number;
  /** Bytes that it takes in storage. */
  readonly storedBytes: number;
  readonly inUse: boolean;
}

/** What a page's AbortSignal is to the core. */
export interface CancelSignal {
  readonly aborted: boolean;
}

export interface UploadOptions {
  /** When known: an upload of any other length fails with EINVAL. */
  readonly sizeBytes?: number | undefined;
  /** Bytes so far. */
  readonly onProgress?: (doneBytes: number) => void;
  readonly signal?: CancelSignal | undefined;
}

/**
 * The disk images of this host, by path. Paths as in `imagePath`.
 * Rejects with `BlockError`: ENOENT, EEXIST, EBUSY (in use), ENOSPC, EIO.
 */
export interface ImageStore extends ImageOpener {
  /** False when the images are gone with the page. */
  readonly persistent: boolean;
  /** Bytes that machines of this page wrote and that are not stored yet. */
  readonly dirtyBytes: number;
  /** Machines of this page changed what is not stored yet: bytes, discards, or an image's size. */
  readonly hasUnstored: boolean;
  /** In order of path. */
  list(): Promise<readonly ImageInfo[]>;
  stat(path: string): Promise<ImageInfo>;
  /** An image of zeros; takes no room until it is written. */
  createEmpty(path: string, sizeBytes: number): Promise<void>;
  /** ECANCELED when cancelled; any failure leaves nothing behind. */
  upload(path: string, source: AsyncIterable<Uint8Array>, options?: UploadOptions): Promise<ImageInfo>;
  /**
   * The image's bytes in order. Of an image that a machine writes: what was flushed when its part is read.
   * The caller owns the pieces.
   */
  download(path: string): AsyncIterable<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  delete(path: string): Promise<void>;
  estimate(): Promise<StorageEstimate>;
  /** Stores all that machines of this page wrote, for a page that is about to go. */
  flush(): Promise<void>;
}
