import { assert } from '../core/assert.ts';
import { CHUNK_PAGES, type IndexSet } from './chunk-database.ts';
import { DirtyChunk, type PageMarks, pagesOf } from './dirty-chunk.ts';
import { isZero } from './zeros.ts';

/** Pages of one chunk that one commit stores by themselves; of more it stores the whole chunk. */
const MAX_PAGES = 8;
/** Pages stored by themselves since the chunk was: more than these make it slow to load. */
const MAX_STORED_PAGES = 32;

/** What one commit stores. */
export interface StoredChanges {
  readonly put: ReadonlyMap<number, Uint8Array>;
  /** Chunk, then page of the chunk. */
  readonly pages: ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>;
  readonly remove: readonly number[];
  /** Those of `put` and `remove` of which pages are stored. */
  readonly paged: readonly number[];
}

interface TakenChunk {
  readonly index: number;
  readonly chunk: DirtyChunk;
  readonly version: number;
  readonly changed: PageMarks | undefined;
}

/** The same, and how to recognise chunks that changed while the commit was under way. */
export interface CommitPlan extends StoredChanges {
  /** False: there is nothing to store. */
  readonly changes: boolean;
  readonly taken: readonly TakenChunk[];
}

/** What a store has at first, by index. */
interface StoredIndices {
  /** Whole or in pages. */
  readonly stored: readonly number[];
  readonly paged: readonly number[];
}

/**
 * Which chunks of an image are where. Everything here is done at once; waiting is the cache's business.
 *
 * | chunk is in | reads as | after a crash |
 * |---|---|---|
 * | `#dirty` | its bytes here, once it is complete | as last committed |
 * | `#clean` | its bytes here | the same |
 * | `#stored` only | what the store has: must be loaded | the same |
 * | none | zeros | zeros |
 */
export class ChunkMap {
  readonly #chunkBytes: number;
  readonly #cleanBudget: number;
  readonly #pageBytes: number;
  #stored: Set<number>;
  /** Chunks of which pages are stored, and how many were since this map is there. */
  #paged: Map<number, number>;
  /** Oldest first. */
  readonly #dirty = new Map<number, DirtyChunk>();
  #dirtyBytes = 0;
  /** Least recently used first. */
  readonly #clean = new Map<number, Uint8Array>();
  #lastUsed = -1;
  /** Loads under way; one that is no longer here when it ends brings old bytes. */
  readonly #loading = new Map<number, Promise<void>>();

  /** @param cleanBudget bytes */
  constructor(chunkBytes: number, cleanBudget: number, { stored, paged }: StoredIndices) {
    this.#chunkBytes = chunkBytes;
    this.#pageBytes = chunkBytes / CHUNK_PAGES;
    this.#cleanBudget = cleanBudget;
    this.#stored = new Set(stored);
    this.#paged = new Map(paged.map((index) => [index, 0]));
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  /** How many the store has. */
  get storedChunks(): number {
    return this.#stored.size;
  }

  get hasDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Starts over from what is stored now. */
  reset({ stored, paged }: StoredIndices): void {
    assert(this.#dirty.size === 0, 'dirty chunks without a lock');
    this.#stored = new Set(stored);
    this.#paged = new Map(paged.map((index) => [index, 0]));
    this.forgetClean();
  }

  forgetClean(): void {
    this.#clean.clear();
    this.#loading.clear();
  }

  /** True when the chunk's bytes are known without the store. */
  isHere(index: number): boolean {
    const dirty = this.#dirty.get(index);
    return dirty?.complete ?? (this.#clean.has(index) || !this.#stored.has(index));
  }

  /**
   * True when the part of a write that lies in the chunk can be kept without loading it: whole pages, or pages that are here.
   * Guest: Linux cuts 1 MiB into 254 pages and 2, so that a rewritten disk would load a chunk for each.
   */
  takes(index: number, offset: number, length: number): boolean {
    if (this.isHere(index)) return true;
    const from = Math.max(0, offset - index * this.#chunkBytes);
    const to = Math.min(this.#chunkBytes, offset + length - index * this.#chunkBytes);
    if (this.#dirty.get(index)?.holds(from, to) === true || to - from === this.#chunkBytes) return true;
    const whole = from % this.#pageBytes === 0 && to % this.#pageBytes === 0;
    return whole && this.#pagesLeft(index) >= MAX_PAGES;
  }

  /** Chunks of which pages are stored. */
  get paged(): IndexSet {
    return this.#paged;
  }

  /** True when writing to the chunk takes no more of the dirty budget. */
  holdsDirtyBytes(index: number): boolean {
    return this.#dirty.get(index)?.bytes !== undefined;
  }

  /** Copies the part of chunk `index` that is next in `target`; the new count of bytes done. */
  copyOut(index: number, offset: number, target: Uint8Array, done: number): number {
    const from = offset + done - index * this.#chunkBytes;
    const length = Math.min(this.#chunkBytes - from, target.length - done);
    const dirty = this.#dirty.get(index);
    const bytes = dirty === undefined ? this.#useClean(index) : dirty.bytes;
    if (bytes === undefined) target.fill(0, done, done + length);
    else target.set(length === this.#chunkBytes ? bytes : bytes.subarray(from, from + length), done);
    return done + length;
  }

  /** Copies the next part of `source` to chunk `index`, which `takes` it; the new count of bytes done. */
  copyIn(index: number, offset: number, source: Uint8Array, done: number): number {
    const from = offset + done - index * this.#chunkBytes;
    const length = Math.min(this.#chunkBytes - from, source.length - done);
    const part = source.subarray(done, done + length);
    this.#write(index, from, part);
    return done + length;
  }

  /** Makes a whole chunk zeros. */
  zero(index: number): void {
    const dirty = this.#dirty.get(index);
    if (dirty?.bytes !== undefined) this.#dirtyBytes -= this.#chunkBytes;
    if (dirty === undefined) this.#dirty.set(index, DirtyChunk.zeros(this.#chunkBytes));
    else dirty.zero();
    this.#clean.delete(index);
    this.#loading.delete(index);
  }

  /** Chunks of `first` … `end` - 1 that may hold anything but zeros. */
  presentIn(first: number, end: number): readonly number[] {
    const present: number[] = [];
    if (end - first <= this.#stored.size + this.#dirty.size) {
      for (let i = first; i < end; i++) if (this.#stored.has(i) || this.#dirty.has(i)) present.push(i);
      return present;
    }
    for (const i of this.#stored) if (i >= first && i < end) present.push(i);
    for (const i of this.#dirty.keys()) if (i >= first && i < end && !this.#stored.has(i)) present.push(i);
    return present;
  }

  loading(index: number): Promise<void> | undefined {
    return this.#loading.get(index);
  }

  /** True when the chunk before is here with bytes: somebody reads on. */
  isSequential(index: number): boolean {
    return this.#clean.has(index - 1) || this.#dirty.has(index - 1);
  }

  beginLoad(indices: readonly number[], load: Promise<void>): void {
    for (const index of indices) this.#loading.set(index, load);
  }

  /** Takes the bytes that `load` brought, unless they are old by now. False when bytes are missing. */
  loaded(index: number, load: Promise<void>, bytes: Uint8Array | undefined): boolean {
    if (this.#loading.get(index) !== load) return true;
    this.#loading.delete(index);
    if (bytes === undefined) return false;
    const dirty = this.#dirty.get(index);
    if (dirty === undefined) this.#keepClean(index, bytes);
    else dirty.completeFrom(bytes);
    return true;
  }

  loadFailed(indices: readonly number[], load: Promise<void>): void {
    for (const index of indices) if (this.#loading.get(index) === load) this.#loading.delete(index);
  }

  /** What to commit: the oldest `limit` dirty chunks with bytes, and the zeroed ones among them. */
  plan(limit: number): CommitPlan {
    const put = new Map<number, Uint8Array>();
    const pages = new Map<number, ReadonlyMap<number, Uint8Array>>();
    const remove: number[] = [];
    const taken: TakenChunk[] = [];
    let left = limit;
    for (const [index, chunk] of this.#dirty) {
      if (chunk.bytes !== undefined && left-- === 0) break;
      const changed = chunk.takeChanged();
      taken.push({ index, chunk, version: chunk.version, changed });
      const few = this.#fewPages(index, chunk, changed);
      if (few !== undefined) pages.set(index, few);
      else if (chunk.bytes !== undefined && !isZero(chunk.bytes)) put.set(index, chunk.bytes);
      else if (this.#stored.has(index)) remove.push(index);
    }
    const paged = [...put.keys(), ...remove].filter((index) => this.#paged.has(index));
    return { put, pages, remove, paged, taken, changes: put.size + pages.size + remove.length > 0 };
  }

  /** The plan is committed: what did not change since is clean. */
  settle(plan: CommitPlan): void {
    for (const { index, chunk, version } of plan.taken) {
      const pages = plan.pages.get(index);
      const put = plan.put.has(index) || pages !== undefined;
      if (put) this.#stored.add(index);
      else this.#stored.delete(index);
      if (pages === undefined) this.#paged.delete(index);
      else this.#paged.set(index, (this.#paged.get(index) ?? 0) + pages.size);
      if (chunk.version !== version) continue;
      this.#dirty.delete(index);
      // What is being loaded may be older than the commit.
      this.#loading.delete(index);
      if (chunk.bytes === undefined) continue;
      this.#dirtyBytes -= this.#chunkBytes;
      if (put && chunk.complete) this.#keepClean(index, chunk.bytes);
    }
  }

  /** The plan is not committed: all of it is to be stored still. */
  failed(plan: CommitPlan): void {
    for (const { chunk, changed } of plan.taken) chunk.giveBack(changed);
  }

  /** The pages that changed, when storing them is less work than storing the chunk, or all that can be done. */
  #fewPages(
    index: number,
    { bytes, complete }: DirtyChunk,
    changed: PageMarks | undefined,
  ): ReadonlyMap<number, Uint8Array> | undefined {
    if (bytes === undefined || changed === undefined) return undefined;
    const count = changed.reduce((sum, mark) => sum + mark, 0);
    if (complete && count > Math.min(MAX_PAGES, this.#pagesLeft(index))) return undefined;
    return pagesOf(bytes, changed);
  }

  /** Pages of the chunk that may be stored by themselves until it is slow to load. */
  #pagesLeft(index: number): number {
    return MAX_STORED_PAGES - (this.#paged.get(index) ?? 0);
  }

  #write(index: number, from: number, part: Uint8Array): void {
    const chunk = this.#dirty.get(index) ?? this.#newlyDirty(index);
    if (chunk.bytes === undefined && isZero(part)) return;
    if (!this.holdsDirtyBytes(index)) this.#dirtyBytes += this.#chunkBytes;
    chunk.write(from, part);
    this.#dirty.set(index, chunk);
  }

  #newlyDirty(index: number): DirtyChunk {
    const clean = this.#clean.get(index);
    if (clean === undefined) {
      return this.#stored.has(index)
        ? DirtyChunk.unloaded(this.#chunkBytes)
        : DirtyChunk.absent(this.#chunkBytes);
    }
    this.#clean.delete(index);
    return DirtyChunk.loaded(clean);
  }

  #useClean(index: number): Uint8Array | undefined {
    const bytes = this.#clean.get(index);
    if (bytes !== undefined && this.#lastUsed !== index) {
      this.#clean.delete(index);
      this.#clean.set(index, bytes);
      this.#lastUsed = index;
    }
    return bytes;
  }

  #keepClean(index: number, bytes: Uint8Array): void {
    assert(bytes.length === this.#chunkBytes, 'chunk of the wrong size');
    this.#clean.set(index, bytes);
    while (this.#clean.size * this.#chunkBytes > this.#cleanBudget) {
      const oldest = this.#clean.keys().next().value;
      assert(oldest !== undefined, 'no clean chunk');
      this.#clean.delete(oldest);
    }
  }
}
