import { assert } from '../core/assert.ts';
import { CHUNK_PAGES, type IndexSet } from './chunk-database.ts';
import { isZero } from './zeros.ts';

/** Pages of one chunk that one commit stores by themselves; of more it stores the whole chunk. */
const MAX_PAGES = 8;
/** Pages stored by themselves since the chunk was: more than these make it slow to load. */
const MAX_STORED_PAGES = 32;

interface DirtyChunk {
  /** Undefined: all zeros. */
  bytes: Uint8Array | undefined;
  /** 1 for each page that differs from what is stored; undefined: the whole chunk may. */
  pages: Uint8Array | undefined;
  /** Counts changes, to know whether a commit took the last one. */
  version: number;
}

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
  /** As it was in the chunk. */
  readonly pages: Uint8Array | undefined;
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
 * | `#dirty` | its bytes here | as last committed |
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
    return this.#clean.has(index) || this.#dirty.has(index) || !this.#stored.has(index);
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

  /** Copies the next part of `source` to chunk `index`, which is here or all written; the new count of bytes done. */
  copyIn(index: number, offset: number, source: Uint8Array, done: number): number {
    const from = offset + done - index * this.#chunkBytes;
    const length = Math.min(this.#chunkBytes - from, source.length - done);
    const part = source.subarray(done, done + length);
    const chunk = this.#writable(index, part);
    chunk?.bytes?.set(part, from);
    chunk?.pages?.fill(1, Math.floor(from / this.#pageBytes), Math.ceil((from + length) / this.#pageBytes));
    return done + length;
  }

  /** Makes a whole chunk zeros. */
  zero(index: number): void {
    const dirty = this.#dirty.get(index);
    if (dirty === undefined) this.#dirty.set(index, { bytes: undefined, pages: undefined, version: 0 });
    else {
      if (dirty.bytes !== undefined) this.#dirtyBytes -= this.#chunkBytes;
      dirty.bytes = undefined;
      dirty.pages = undefined;
      dirty.version++;
    }
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

  /** Takes the bytes that `load` brought, unless the chunk was written or zeroed meanwhile. False when bytes are missing. */
  loaded(index: number, load: Promise<void>, bytes: Uint8Array | undefined): boolean {
    if (this.#loading.get(index) !== load) return true;
    this.#loading.delete(index);
    if (bytes === undefined) return false;
    this.#keepClean(index, bytes);
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
      taken.push({ index, chunk, version: chunk.version, pages: chunk.pages });
      const few = this.#fewPages(index, chunk);
      if (few !== undefined) pages.set(index, few);
      else if (chunk.bytes !== undefined && !isZero(chunk.bytes)) put.set(index, chunk.bytes);
      else if (this.#stored.has(index)) remove.push(index);
      // What is written while the commit is under way is for the next one.
      chunk.pages = new Uint8Array(CHUNK_PAGES);
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
      if (chunk.bytes === undefined) continue;
      this.#dirtyBytes -= this.#chunkBytes;
      if (put) this.#keepClean(index, chunk.bytes);
    }
  }

  /** The plan is not committed: all of it is to be stored still. */
  failed(plan: CommitPlan): void {
    for (const { chunk, pages } of plan.taken) {
      if (pages === undefined) chunk.pages = undefined;
      else if (chunk.pages !== undefined) for (const [page, is] of pages.entries()) chunk.pages[page] ||= is;
    }
  }

  /** Copies of the pages that changed, when storing them is less work than storing the chunk. */
  #fewPages(index: number, { bytes, pages }: DirtyChunk): ReadonlyMap<number, Uint8Array> | undefined {
    if (bytes === undefined || pages === undefined) return undefined;
    const count = pages.reduce((sum, is) => sum + is, 0);
    if (count > MAX_PAGES || (this.#paged.get(index) ?? 0) + count > MAX_STORED_PAGES) return undefined;
    const few = new Map<number, Uint8Array>();
    for (let page = pages.indexOf(1); page >= 0; page = pages.indexOf(1, page + 1)) {
      few.set(page, bytes.slice(page * this.#pageBytes, (page + 1) * this.#pageBytes));
    }
    return few;
  }

  /** The chunk made dirty; undefined when it is zeros and stays so by writing `part`. */
  #writable(index: number, part: Uint8Array): DirtyChunk | undefined {
    const dirty = this.#dirty.get(index);
    if (dirty?.bytes !== undefined) {
      dirty.version++;
      return dirty;
    }
    const clean = this.#clean.get(index);
    const zeros = dirty !== undefined || (clean === undefined && !this.#stored.has(index));
    if (zeros && isZero(part)) return undefined;
    const bytes = clean ?? new Uint8Array(this.#chunkBytes);
    this.#clean.delete(index);
    this.#loading.delete(index);
    this.#dirtyBytes += this.#chunkBytes;
    if (dirty !== undefined) {
      dirty.bytes = bytes;
      dirty.version++;
      return dirty;
    }
    const chunk = { bytes, pages: new Uint8Array(CHUNK_PAGES), version: 0 };
    this.#dirty.set(index, chunk);
    return chunk;
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
