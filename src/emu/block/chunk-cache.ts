import { Budget } from '../core/budget.ts';
import {
  asBlockError,
  type BlockBackend,
  BlockError,
  checkRange,
  type ImageLockMode,
} from './block-backend.ts';
import type { IndexSet } from './chunk-database.ts';
import { ChunkMap, type StoredChanges } from './chunk-map.ts';

export interface ChunkStoreState {
  readonly sizeBytes: number;
  /** Indices of the stored chunks, whole or in pages, in no order. */
  readonly stored: readonly number[];
  /** Those of which pages are stored. */
  readonly paged: readonly number[];
}

/** What a cache stands on: one image of fixed-size chunks, of which an absent one is zeros. */
export interface ChunkStore {
  readonly chunkBytes: number;
  /** The image as it is now. */
  state(): Promise<ChunkStoreState>;
  /** The caller owns the bytes. `paged`: chunks of which pages are stored. */
  load(indices: readonly number[], paged: IndexSet): Promise<readonly (Uint8Array | undefined)[]>;
  /** All or nothing; resolves when durable; has its copy of the bytes when it returns. */
  commit(changes: StoredChanges, sizeBytes: number): Promise<void>;
}

/** A lock that the cache's user takes by `lock`; see `ImageLock`. */
export interface CacheLock {
  readonly held: ImageLockMode | undefined;
  lock(mode: ImageLockMode): Promise<void>;
  unlock(): Promise<void>;
}

export interface ChunkCacheOptions {
  readonly readOnly?: boolean;
  /** Most bytes of chunks that are not yet stored; a write that needs more waits. */
  readonly dirtyBudgetBytes?: number;
  /** Most bytes of chunks kept for reading. */
  readonly cleanBudgetBytes?: number;
  /** The store refused or lost a write; the data is still here. Called once for each failed commit. */
  readonly onError?: (error: BlockError) => void;
  readonly onClose?: () => void | Promise<void>;
  /** Without it there are no other users of the image. */
  readonly lock?: CacheLock;
}

const DEFAULT_DIRTY_BUDGET = 16 * 1024 * 1024;
const DEFAULT_CLEAN_BUDGET = 32 * 1024 * 1024;
/** Below this a read and its read-ahead would push each other out. */
const MIN_BUDGET_CHUNKS = 8;
/** Chunks loaded together when a read goes on from the chunk before. */
const READ_AHEAD = 4;
/** Loads under way at once, each of `READ_AHEAD` chunks at most: a guest may ask for a thousand places of a disk. */
const MAX_LOADS = 16;
/** Chunks with bytes that one commit takes when the budget is used up. */
const WRITE_OUT_CHUNKS = 16;
/** Part of the dirty budget at which storing starts, so that a steady writer does not wait. */
const EARLY = 0.75;

/**
 * Write-back cache over a chunk store, and the disk that a device sees.
 * A flush commits all dirty chunks at once, so that a crash leaves the image as before or after it, except for
 * chunks that the budget made go out earlier: each of those is old or new.
 */
export class ChunkCache implements BlockBackend {
  readonly readOnly: boolean;
  readonly #store: ChunkStore;
  readonly #chunkBytes: number;
  readonly #dirtyBudget: number;
  readonly #onError: (error: BlockError) => void;
  readonly #onClose: () => void | Promise<void>;
  readonly #lock: CacheLock | undefined;
  readonly #map: ChunkMap;
  readonly #loads = new Budget(MAX_LOADS);
  /** What ranges are zeroed with; never written. */
  readonly #zeros: Uint8Array;

  #sizeBytes: number;
  #storedSizeBytes: number;
  #commits: Promise<void> = Promise.resolve();
  #queuedFlush: Promise<void> | undefined;
  #queuedWriteOut: Promise<void> | undefined;
  #locking: Promise<void> = Promise.resolve();
  /** Where the last read ended. */
  #readEnd = -1;
  #lastCommitFailed = false;
  #closed = false;

  private constructor(store: ChunkStore, state: ChunkStoreState, options: ChunkCacheOptions) {
    const least = MIN_BUDGET_CHUNKS * store.chunkBytes;
    const cleanBudget = Math.max(options.cleanBudgetBytes ?? DEFAULT_CLEAN_BUDGET, least);
    this.#store = store;
    this.#chunkBytes = store.chunkBytes;
    this.#zeros = new Uint8Array(store.chunkBytes);
    this.#dirtyBudget = Math.max(options.dirtyBudgetBytes ?? DEFAULT_DIRTY_BUDGET, least);
    this.#map = new ChunkMap(store.chunkBytes, cleanBudget, state);
    this.#sizeBytes = this.#storedSizeBytes = state.sizeBytes;
    this.readOnly = options.readOnly ?? false;
    this.#onError = options.onError ?? (() => {});
    this.#onClose = options.onClose ?? (() => {});
    this.#lock = options.lock;
  }

  static async open(store: ChunkStore, options: ChunkCacheOptions = {}): Promise<ChunkCache> {
    return new ChunkCache(store, await store.state(), options);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get allocatedBytes(): number {
    return this.#map.storedChunks * this.#chunkBytes;
  }

  /** Bytes that would be lost now: what a page asks before it lets the user go. */
  get dirtyBytes(): number {
    return this.#map.dirtyBytes;
  }

  /** Bytes, discards, or the size. */
  get hasUnstored(): boolean {
    return this.#map.hasDirty || this.#sizeBytes !== this.#storedSizeBytes;
  }

  lock(mode: ImageLockMode): Promise<void> {
    const turn = this.#locking.then(() => this.#lockNow(mode));
    this.#locking = turn.catch(() => {});
    return turn;
  }

  async unlock(): Promise<void> {
    if (this.#lock?.held === 'write') await this.flush();
    await this.#lock?.unlock();
  }

  readSync(offset: number, target: Uint8Array): boolean {
    if (this.#closed || !(offset >= 0 && offset + target.length <= this.#sizeBytes)) return false;
    const first = Math.floor(offset / this.#chunkBytes);
    const last = Math.floor((offset + target.length - 1) / this.#chunkBytes);
    for (let index = first; index <= last; index++) if (!this.#map.isHere(index)) return false;
    for (let done = 0, index = first; index <= last; index++) {
      done = this.#map.copyOut(index, offset, target, done);
    }
    this.#loadAhead(offset, target.length);
    return true;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkRange(this.#sizeBytes, offset, target.length);
    for (let done = 0; done < target.length; ) {
      const index = Math.floor((offset + done) / this.#chunkBytes);
      while (!this.#map.isHere(index)) await this.#load(index, offset + target.length);
      done = this.#map.copyOut(index, offset, target, done);
    }
    this.#loadAhead(offset, target.length);
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    if (this.#closed || this.readOnly || !this.#mayWrite()) return false;
    if (!(offset >= 0 && offset + source.length <= this.#sizeBytes)) return false;
    const first = Math.floor(offset / this.#chunkBytes);
    const last = Math.floor((offset + source.length - 1) / this.#chunkBytes);
    if (this.#map.dirtyBytes + (last - first + 1) * this.#chunkBytes > this.#dirtyBudget) return false;
    for (let index = first; index <= last; index++) {
      if (!this.#map.takes(index, offset, source.length)) return false;
    }
    for (let done = 0, index = first; index <= last; index++) {
      done = this.#map.copyIn(index, offset, source, done);
    }
    this.#writeOutEarly();
    return true;
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#checkWritable();
    checkRange(this.#sizeBytes, offset, source.length);
    for (let done = 0; done < source.length; ) {
      const index = Math.floor((offset + done) / this.#chunkBytes);
      while (!this.#isReadyToWrite(index, offset, source.length)) {
        if (this.#isFullFor(index)) await this.#writeOut();
        else await this.#load(index, 0);
      }
      done = this.#map.copyIn(index, offset, source, done);
      this.#writeOutEarly();
    }
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    // A flush that has not begun takes what is dirty when it begins, hence also what this one is asked for.
    this.#queuedFlush ??= this.#inTurn(() => {
      this.#queuedFlush = undefined;
      return this.#commit(Number.POSITIVE_INFINITY);
    });
    return this.#queuedFlush;
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#checkWritable();
    checkRange(this.#sizeBytes, offset, length);
    const end = offset + length;
    const first = Math.ceil(offset / this.#chunkBytes);
    const last = Math.floor(end / this.#chunkBytes);
    for (const index of this.#map.presentIn(first, last)) this.#map.zero(index);
    if (first > last) return this.#zeroPart(offset, end);
    await this.#zeroPart(offset, Math.min(first * this.#chunkBytes, end));
    await this.#zeroPart(Math.max(last * this.#chunkBytes, offset), end);
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.discard(offset, length);
  }

  async resize(sizeBytes: number): Promise<void> {
    await this.#checkWritable();
    if (sizeBytes < this.#sizeBytes) {
      const keep = Math.ceil(sizeBytes / this.#chunkBytes);
      await this.#zeroPart(sizeBytes, Math.min(keep * this.#chunkBytes, this.#sizeBytes));
      const end = Math.ceil(this.#sizeBytes / this.#chunkBytes);
      for (const index of this.#map.presentIn(keep, end)) this.#map.zero(index);
    }
    this.#sizeBytes = sizeBytes;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.flush();
    if (this.#closed) return;
    this.#closed = true;
    this.#map.forgetClean();
    await this.#lock?.unlock();
    await this.#onClose();
  }

  async #lockNow(mode: ImageLockMode): Promise<void> {
    if (this.#lock === undefined || this.#lock.held === mode || this.#lock.held === 'write') return;
    await this.#lock.lock(mode);
    // Before this another user of the image may have changed it.
    const state = await this.#store.state();
    this.#sizeBytes = this.#storedSizeBytes = state.sizeBytes;
    this.#map.reset(state);
  }

  #checkOpen(): void {
    if (this.#closed) throw new BlockError('EIO');
  }

  async #checkWritable(): Promise<void> {
    this.#checkOpen();
    if (this.readOnly) throw new BlockError('EROFS');
    if (!this.#mayWrite()) await this.lock('write');
  }

  #mayWrite(): boolean {
    return this.#lock === undefined || this.#lock.held === 'write';
  }

  #isFullFor(index: number): boolean {
    return !this.#map.holdsDirtyBytes(index) && this.#map.dirtyBytes + this.#chunkBytes > this.#dirtyBudget;
  }

  #isReadyToWrite(index: number, offset: number, length: number): boolean {
    return !this.#isFullFor(index) && this.#map.takes(index, offset, length);
  }

  /** Zeros part of one chunk. */
  async #zeroPart(offset: number, end: number): Promise<void> {
    if (offset < end) await this.write(offset, this.#zeros.subarray(0, end - offset));
  }

  /** Loads a chunk, and those after it that the request (up to byte `end`) or a sequential reader wants next. */
  async #load(index: number, end: number): Promise<void> {
    const underWay = this.#map.loading(index);
    if (underWay !== undefined) return underWay;
    const requested = Math.ceil(end / this.#chunkBytes) - index;
    const wanted = this.#map.isSequential(index) ? READ_AHEAD : Math.min(requested, READ_AHEAD);
    const indices = [index];
    for (let i = index + 1; i < index + wanted; i++) {
      if (!this.#map.isHere(i) && this.#map.loading(i) === undefined) indices.push(i);
    }
    const bytes = this.#loads.use(1, () => this.#store.load(indices, this.#map.paged));
    const load: Promise<void> = bytes.then(
      (chunks) => {
        const complete = indices.map((i, at) => this.#map.loaded(i, load, chunks[at]));
        if (complete.includes(false)) throw new BlockError('EIO', 'The image has lost a chunk in storage');
      },
      (error) => {
        this.#map.loadFailed(indices, load);
        throw asBlockError(error);
      },
    );
    this.#map.beginLoad(indices, load);
    return load;
  }

  /** Somebody who reads on finds the next chunks here, or under way while the guest digests the last ones. */
  #loadAhead(offset: number, length: number): void {
    const readsOn = offset === this.#readEnd;
    this.#readEnd = offset + length;
    if (!readsOn) return;
    const next = Math.ceil(this.#readEnd / this.#chunkBytes);
    for (let index = next; index < next + READ_AHEAD; index++) {
      if (this.#map.isHere(index)) continue;
      if (this.#map.loading(index) === undefined) this.#load(index, 0).catch(() => {});
      return;
    }
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#commits.then(action);
    this.#commits = turn.catch(() => {});
    return turn;
  }

  #writeOut(): Promise<void> {
    this.#queuedWriteOut ??= this.#inTurn(() => {
      this.#queuedWriteOut = undefined;
      return this.#commit(WRITE_OUT_CHUNKS);
    });
    return this.#queuedWriteOut;
  }

  #writeOutEarly(): void {
    if (this.#map.dirtyBytes <= this.#dirtyBudget * EARLY || this.#lastCommitFailed) return;
    if (this.#queuedWriteOut === undefined) this.#writeOut().catch(() => {});
  }

  /** Stores the oldest dirty chunks, at most `limit` with bytes. */
  async #commit(limit: number): Promise<void> {
    const sizeBytes = this.#sizeBytes;
    const plan = this.#map.plan(limit);
    if (plan.changes || sizeBytes !== this.#storedSizeBytes) {
      try {
        await this.#store.commit(plan, sizeBytes);
      } catch (error) {
        this.#map.failed(plan);
        this.#lastCommitFailed = true;
        const failure = asBlockError(error);
        this.#onError(failure);
        throw failure;
      }
    }
    this.#lastCommitFailed = false;
    this.#storedSizeBytes = sizeBytes;
    this.#map.settle(plan);
  }
}
