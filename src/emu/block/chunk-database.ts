import { BlockError } from './block-backend.ts';

/** Bytes of one stored chunk of a new image. A constant of the image: each keeps that with which it was made. */
export const CHUNK_BYTES = 256 * 1024;

/** A chunk has so many pages: what changed is stored by pages where that is less work than the whole chunk. */
export const CHUNK_PAGES = 64;

/** What is known of a stored image besides its chunks. */
export interface ImageRecord {
  /** Names the chunks; stays the same when the image is renamed. */
  readonly id: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly chunkBytes: number;
}

/** All of it happens, or nothing. */
export interface ImageChange {
  readonly id: string;
  /** Chunks to store; each has all of the image's `chunkBytes`. */
  readonly put?: ReadonlyMap<number, Uint8Array>;
  /** Chunks that read as zeros from now on. */
  readonly remove?: readonly number[];
  /** New contents of pages: chunk, then page of the chunk. The rest of the chunk stays. */
  readonly pages?: ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>;
  /** Those of `put` and `remove` of which pages were stored before. */
  readonly paged?: readonly number[];
  readonly removeAll?: boolean;
  /** Path of the record to take away, before `add` and `update`. */
  readonly drop?: string;
  /** EEXIST when the path is taken. */
  readonly add?: ImageRecord;
  readonly update?: ImageRecord;
  /** Marks the chunks of `id` as those of an upload (begin), or no longer (end). */
  readonly upload?: 'begin' | 'end';
}

/** Some of an image's chunks. */
export interface IndexSet {
  has(index: number): boolean;
}

export interface StorageEstimate {
  /** Bytes that this origin or process uses, undefined when unknown. */
  readonly usedBytes: number | undefined;
  /** Bytes that it may use, undefined when unknown. */
  readonly quotaBytes: number | undefined;
}

/** Where images are kept: records by path, chunks by image and index; an absent chunk is zeros. */
export interface ChunkDatabase {
  /** False when all is gone with the page. */
  readonly persistent: boolean;
  /** In order of path. */
  records(): Promise<readonly ImageRecord[]>;
  find(path: string): Promise<ImageRecord | undefined>;
  /** Indices of the stored chunks, whole or in pages, in no order. */
  storedChunks(id: string): Promise<readonly number[]>;
  /** Those of which pages are stored. */
  pagedChunks(id: string): Promise<readonly number[]>;
  /** Pages count as parts of a chunk. */
  countChunks(id: string): Promise<number>;
  /**
   * The caller owns the bytes.
   * @param paged what `pagedChunks` says or more; without it every chunk may be
   */
  load(
    id: string,
    indices: readonly number[],
    paged?: IndexSet,
  ): Promise<readonly (Uint8Array | undefined)[]>;
  /** Resolves when the change survives a crash of the host. Has its copy of the bytes when it returns. */
  commit(change: ImageChange): Promise<void>;
  /** Images of which the upload began and did not end. */
  uploads(): Promise<readonly string[]>;
  estimate(): Promise<StorageEstimate>;
}

/** `chunk`, zeros when absent, with `pages` copied in; undefined when there is nothing of it. */
export function withPages(
  chunk: Uint8Array | undefined,
  pages: Iterable<readonly [page: number, bytes: Uint8Array]>,
): Uint8Array | undefined {
  let whole = chunk;
  for (const [page, bytes] of pages) {
    whole ??= new Uint8Array(bytes.length * CHUNK_PAGES);
    whole.set(bytes, page * bytes.length);
  }
  return whole;
}

/** Keeps images in memory, where nothing better is at hand. */
export class MemoryChunkDatabase implements ChunkDatabase {
  readonly persistent = false;
  readonly #quotaBytes: number;
  #usedBytes = 0;
  readonly #records = new Map<string, ImageRecord>();
  readonly #chunks = new Map<string, Map<number, Uint8Array>>();
  readonly #uploads = new Set<string>();

  /** @param quotaBytes of chunks; what would be more is refused: ENOSPC */
  constructor(quotaBytes: number = Number.POSITIVE_INFINITY) {
    this.#quotaBytes = quotaBytes;
  }

  async records(): Promise<readonly ImageRecord[]> {
    return [...this.#records.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async find(path: string): Promise<ImageRecord | undefined> {
    return this.#records.get(path);
  }

  async storedChunks(id: string): Promise<readonly number[]> {
    return [...(this.#chunks.get(id)?.keys() ?? [])];
  }

  async pagedChunks(): Promise<readonly number[]> {
    return [];
  }

  async countChunks(id: string): Promise<number> {
    return this.#chunks.get(id)?.size ?? 0;
  }

  async load(id: string, indices: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return indices.map((index) => this.#chunks.get(id)?.get(index)?.slice());
  }

  async commit(change: ImageChange): Promise<void> {
    const { id, add, update, drop } = change;
    if (add !== undefined && add.path !== drop && this.#records.has(add.path)) throw new BlockError('EEXIST');
    if (this.#usedBytes + this.#newBytes(change) > this.#quotaBytes) throw new BlockError('ENOSPC');
    if (drop !== undefined) this.#records.delete(drop);
    for (const record of [add, update]) if (record !== undefined) this.#records.set(record.path, record);
    if (change.removeAll === true) this.#removeAll(id);
    if (change.upload === 'begin') this.#uploads.add(id);
    if (change.upload === 'end') this.#uploads.delete(id);
    if (change.put ?? change.remove ?? change.pages) this.#change(id, change);
  }

  async uploads(): Promise<readonly string[]> {
    return [...this.#uploads];
  }

  async estimate(): Promise<StorageEstimate> {
    const quotaBytes = Number.isFinite(this.#quotaBytes) ? this.#quotaBytes : undefined;
    return { usedBytes: this.#usedBytes, quotaBytes };
  }

  /** Bytes of chunks that are not there yet. */
  #newBytes({ id, put, pages }: ImageChange): number {
    const chunks = this.#chunks.get(id);
    let bytes = 0;
    for (const [index, chunk] of put ?? []) if (chunks?.has(index) !== true) bytes += chunk.length;
    for (const [index, ofChunk] of pages ?? []) {
      if (chunks?.has(index) === true) continue;
      for (const page of ofChunk.values()) {
        bytes += page.length * CHUNK_PAGES;
        break;
      }
    }
    return bytes;
  }

  #removeAll(id: string): void {
    for (const chunk of this.#chunks.get(id)?.values() ?? []) this.#usedBytes -= chunk.length;
    this.#chunks.delete(id);
  }

  #change(id: string, { put, remove, pages }: ImageChange): void {
    const chunks = this.#chunks.get(id) ?? new Map<number, Uint8Array>();
    this.#chunks.set(id, chunks);
    const set = (index: number, bytes: Uint8Array): void => {
      this.#usedBytes += bytes.length - (chunks.get(index)?.length ?? 0);
      chunks.set(index, bytes);
    };
    for (const [index, bytes] of put ?? []) set(index, bytes.slice());
    for (const index of remove ?? []) {
      this.#usedBytes -= chunks.get(index)?.length ?? 0;
      chunks.delete(index);
    }
    for (const [index, ofChunk] of pages ?? []) {
      const whole = withPages(chunks.get(index), ofChunk);
      if (whole !== undefined) set(index, whole);
    }
  }
}
