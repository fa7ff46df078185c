import {
  asBlockError,
  type BlockBackend,
  BlockError,
  type ImageLockMode,
  notFoundError,
} from './block-backend.ts';
import { ChunkCache, type ChunkCacheOptions, type ChunkStore } from './chunk-cache.ts';
import { CHUNK_BYTES, type ChunkDatabase, type ImageRecord, type StorageEstimate } from './chunk-database.ts';
import { ImageLock, type ImageLocks } from './image-locks.ts';
import { imagePath } from './image-names.ts';
import type { ImageInfo, ImageStore, OpenOptions, UploadOptions } from './image-store.ts';
import { UploadBatch } from './upload-batch.ts';

/** Chunks in one read of a download. */
const DOWNLOAD_CHUNKS = 8;

export interface ImageStoreHost {
  readonly database: ChunkDatabase;
  readonly locks: ImageLocks;
  /** A name that was never given out before. */
  newId(): string;
  /** Storage failed while a machine wrote to `path`; the guest has got an I/O error, its data is kept for the next flush. */
  onStorageError?(path: string, error: BlockError): void;
  /** Somebody of this page began to use an image, or ended it: `list` says another `inUse` now. */
  onUseChange?(): void;
  /** A machine's writes were stored: `list` may say other `storedBytes` now. */
  onStored?(): void;
  /** For tests. */
  readonly cache?: Pick<ChunkCacheOptions, 'dirtyBudgetBytes' | 'cleanBudgetBytes'>;
  readonly chunkBytes?: number;
}

/** An image that nobody can take away meanwhile. */
interface Held {
  readonly record: ImageRecord;
  release(): Promise<void>;
}

/**
 * Images in a chunk database.
 *
 * | lock | held by | in mode |
 * |---|---|---|
 * | `image/ID/open` | each opened image and each download, from open to close | read |
 * | | rename, delete | write |
 * | `image/ID` | each attached drive: QEMU's lock | read, write |
 * | `upload/ID` | an upload; chunks of one that nobody holds are rubbish | write |
 */
export class ChunkImageStore implements ImageStore {
  readonly persistent: boolean;
  readonly #host: ImageStoreHost;
  readonly #database: ChunkDatabase;
  readonly #locks: ImageLocks;
  readonly #chunkBytes: number;
  readonly #open = new Map<string, Set<ChunkCache>>();

  constructor(host: ImageStoreHost) {
    this.#host = host;
    this.#database = host.database;
    this.#locks = host.locks;
    this.#chunkBytes = host.chunkBytes ?? CHUNK_BYTES;
    this.persistent = host.database.persistent;
  }

  get dirtyBytes(): number {
    return this.#opened().reduce((sum, cache) => sum + cache.dirtyBytes, 0);
  }

  get hasUnstored(): boolean {
    return this.#opened().some((cache) => cache.hasUnstored);
  }

  async list(): Promise<readonly ImageInfo[]> {
    const records = await this.#database.records();
    return Promise.all(records.map((record) => this.#info(record)));
  }

  async stat(path: string): Promise<ImageInfo> {
    return this.#info(await this.#find(path));
  }

  async createEmpty(path: string, sizeBytes: number): Promise<void> {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      throw new BlockError('EINVAL', `'${sizeBytes}' is not a size in bytes`);
    }
    const record = { id: this.#host.newId(), path: imagePath(path), sizeBytes, chunkBytes: this.#chunkBytes };
    await this.#addRecord(record);
  }

  async upload(
    path: string,
    source: AsyncIterable<Uint8Array>,
    options: UploadOptions = {},
  ): Promise<ImageInfo> {
    const name = imagePath(path);
    if ((await this.#database.find(name)) !== undefined) throw existsError(name);
    const id = this.#host.newId();
    const release = await this.#locks.acquire(`upload/${id}`, 'write');
    try {
      await this.#database.commit({ id, upload: 'begin' });
      const sizeBytes = await this.#storeAll(id, source, options);
      if (options.sizeBytes !== undefined && sizeBytes !== options.sizeBytes) {
        throw new BlockError('EINVAL', `Upload ended after ${sizeBytes} of ${options.sizeBytes} bytes`);
      }
      const record = { id, path: name, sizeBytes, chunkBytes: this.#chunkBytes };
      await this.#addRecord(record, 'end');
      return await this.#info(record);
    } catch (error) {
      // When this fails too, `sweep` takes the chunks away.
      await this.#database.commit({ id, removeAll: true, upload: 'end' }).catch(() => {});
      throw asBlockError(error);
    } finally {
      await release?.();
    }
  }

  async *download(path: string): AsyncGenerator<Uint8Array> {
    const { record, release } = await this.#hold(path, 'read');
    try {
      await Promise.all([...(this.#open.get(record.id) ?? [])].map((cache) => cache.flush()));
      const { chunkBytes, sizeBytes } = (await this.#database.find(record.path)) ?? record;
      const stored = new Set(await this.#database.storedChunks(record.id));
      const chunks = Math.ceil(sizeBytes / chunkBytes);
      for (let first = 0; first < chunks; first += DOWNLOAD_CHUNKS) {
        const indices = Array.from(
          { length: Math.min(DOWNLOAD_CHUNKS, chunks - first) },
          (_, i) => first + i,
        );
        const wanted = indices.filter((index) => stored.has(index));
        const loaded = wanted.length > 0 ? await this.#database.load(record.id, wanted) : [];
        for (const index of indices) {
          const bytes = loaded[wanted.indexOf(index)] ?? new Uint8Array(chunkBytes);
          yield bytes.subarray(0, Math.min(chunkBytes, sizeBytes - index * chunkBytes));
        }
      }
    } finally {
      await release();
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const path = imagePath(to);
    const { record, release } = await this.#hold(from, 'write');
    try {
      if (path === record.path) return;
      await this.#addRecord({ ...record, path }, undefined, record.path);
    } finally {
      await release();
    }
  }

  async delete(path: string): Promise<void> {
    const { record, release } = await this.#hold(path, 'write');
    try {
      await this.#database.commit({ id: record.id, removeAll: true, drop: record.path });
    } finally {
      await release();
    }
  }

  async open(path: string, options: OpenOptions = {}): Promise<BlockBackend> {
    const { record, release } = await this.#hold(path, 'read');
    const readOnly = options.readOnly ?? false;
    const { id } = record;
    try {
      const cache: ChunkCache = await ChunkCache.open(this.#storeOf(record), {
        ...this.#host.cache,
        readOnly,
        lock: new ImageLock(this.#locks, `image/${id}`, path),
        onError: (error) => this.#host.onStorageError?.(record.path, error),
        onClose: () => {
          this.#open.get(id)?.delete(cache);
          return release();
        },
      });
      if (options.lock === true) await cache.lock(readOnly ? 'read' : 'write');
      this.#open.set(id, (this.#open.get(id) ?? new Set()).add(cache));
      return cache;
    } catch (error) {
      await release();
      throw asBlockError(error);
    }
  }

  estimate(): Promise<StorageEstimate> {
    return this.#database.estimate();
  }

  async flush(): Promise<void> {
    await Promise.all(this.#opened().map((cache) => cache.flush()));
  }

  /** Takes away what uploads that were cut off left behind. */
  async sweep(): Promise<void> {
    for (const id of await this.#database.uploads()) {
      const release = await this.#locks.acquire(`upload/${id}`, 'write');
      if (release === undefined) continue;
      try {
        await this.#database.commit({ id, removeAll: true, upload: 'end' });
      } finally {
        await release();
      }
    }
  }

  #opened(): readonly ChunkCache[] {
    return [...this.#open.values()].flatMap((caches) => [...caches]);
  }

  async #find(path: string): Promise<ImageRecord> {
    const record = await this.#database.find(imagePath(path));
    if (record === undefined) throw notFoundError(path);
    return record;
  }

  /** The record, and a lock on its image against rename and delete, or against every use. */
  async #hold(path: string, mode: ImageLockMode): Promise<Held> {
    const { id } = await this.#find(path);
    const release = await this.#locks.acquire(`image/${id}/open`, mode);
    if (release === undefined) throw busyError(path);
    const giveUp = async (): Promise<void> => {
      await release();
      this.#host.onUseChange?.();
    };
    this.#host.onUseChange?.();
    const record = await this.#database.find(imagePath(path));
    if (record?.id === id) return { record, release: giveUp };
    await giveUp();
    throw notFoundError(path);
  }

  #storeOf(record: ImageRecord): ChunkStore {
    const store = storeOf(this.#database, record);
    return {
      ...store,
      commit: async (changes, sizeBytes) => {
        await store.commit(changes, sizeBytes);
        this.#host.onStored?.();
      },
    };
  }

  async #info(record: ImageRecord): Promise<ImageInfo> {
    const stored = await this.#database.countChunks(record.id);
    return {
      path: record.path,
      sizeBytes: record.sizeBytes,
      storedBytes: stored * record.chunkBytes,
      inUse: await this.#locks.isHeld(`image/${record.id}/open`),
    };
  }

  async #addRecord(record: ImageRecord, upload?: 'end', drop?: string): Promise<void> {
    try {
      await this.#database.commit({
        id: record.id,
        add: record,
        ...(upload === undefined ? {} : { upload }),
        ...(drop === undefined ? {} : { drop }),
      });
    } catch (error) {
      const failure = asBlockError(error);
      throw failure.code === 'EEXIST' ? existsError(record.path) : failure;
    }
  }

  /** Cuts the source into chunks and stores those that are not zeros; the number of bytes. */
  async #storeAll(
    id: string,
    source: AsyncIterable<Uint8Array>,
    { sizeBytes, onProgress, signal }: UploadOptions,
  ): Promise<number> {
    const batch = new UploadBatch(this.#chunkBytes, (put) => this.#database.commit({ id, put }));
    let done = 0;
    for await (const piece of source) {
      if (signal?.aborted === true) throw new BlockError('ECANCELED');
      done += piece.length;
      if (sizeBytes !== undefined && done > sizeBytes) {
        throw new BlockError('EINVAL', `Upload is longer than ${sizeBytes} bytes`);
      }
      await batch.add(piece);
      onProgress?.(done);
    }
    if (signal?.aborted === true) throw new BlockError('ECANCELED');
    await batch.end();
    return done;
  }
}

function storeOf(database: ChunkDatabase, record: ImageRecord): ChunkStore {
  const { id, chunkBytes } = record;
  let current = record;
  return {
    chunkBytes,
    async state() {
      current = (await database.find(record.path)) ?? record;
      const [stored, paged] = [await database.storedChunks(id), await database.pagedChunks(id)];
      return { sizeBytes: current.sizeBytes, stored, paged };
    },
    load: (indices, paged) => database.load(id, indices, paged),
    commit({ put, pages, remove, paged }, sizeBytes) {
      const change = { id, put, pages, remove, paged };
      if (sizeBytes === current.sizeBytes) return database.commit(change);
      current = { ...current, sizeBytes };
      return database.commit({ ...change, update: current });
    },
  };
}

function existsError(path: string): BlockError {
  return new BlockError('EEXIST', `'${path}' already exists`);
}

function busyError(path: string): BlockError {
  return new BlockError(
    'EBUSY',
    `'${path}' is in use: first remove its drive from the machine, or close the tab that has it`,
  );
}
