import { assert } from '../core/assert.ts';
import { isZero } from './zeros.ts';

interface DirtyChunk {
  /** Undefined: all zeros. */
  bytes: Uint8Array | undefined;
  /** Counts changes, to know whether a commit took the last one. */
  version: number;
}

/** What one commit stores, and how to recognise chunks that changed while it was under way. */
export interface CommitPlan {
  readonly put: ReadonlyMap<number, Uint8Array>;
  readonly remove: readonly number[];
  readonly taken: readonly { readonly index: number; readonly chunk: DirtyChunk; readonly version: number }[];
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
  #stored: Set<number>;
  /** Oldest first. */
  readonly #dirty = new Map<number, DirtyChunk>();
  #dirtyBytes = 0;
  /** Least recently used first. */
  readonly #clean = new Map<number, Uint8Array>();
  #lastUsed = -1;
  /** Loads under way; one that is no longer here when it ends brings old bytes. */
  readonly #loading = new Map<number, Promise<void>>();

  /** @param cleanBudget bytes */
  constructor(chunkBytes: number, cleanBudget: number, stored: readonly number[]) {
    this.#chunkBytes = chunkBytes;
    this.#cleanBudget = cleanBudget;
    this.#stored = new Set(stored);
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  get hasDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Starts over from what is stored now. */
  reset(stored: readonly number[]): void {
    assert(this.#dirty.size === 0, 'dirty chunks without a lock');
    this.#stored = new Set(stored);
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

  isStored(index: number): boolean {
    return this.#stored.has(index);
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
    this.#writable(index, part)?.set(part, from);
    return done + length;
  }

  /** Makes a whole chunk zeros. */
  zero(index: number): void {
    const dirty = this.#dirty.get(index);
    if (dirty === undefined) this.#dirty.set(index, { bytes: undefined, version: 0 });
    else {
      if (dirty.bytes !== undefined) this.#dirtyBytes -= this.#chunkBytes;
      dirty.bytes = undefined;
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
    const remove: number[] = [];
    const taken: { index: number; chunk: DirtyChunk; version: number }[] = [];
    let left = limit;
    for (const [index, chunk] of this.#dirty) {
      if (chunk.bytes !== undefined && left-- === 0) break;
      taken.push({ index, chunk, version: chunk.version });
      if (chunk.bytes !== undefined && !isZero(chunk.bytes)) put.set(index, chunk.bytes);
      else if (this.#stored.has(index)) remove.push(index);
    }
    return { put, remove, taken };
  }

  /** The plan is committed: what did not change since is clean. */
  settle(plan: CommitPlan): void {
    for (const { index, chunk, version } of plan.taken) {
      const put = plan.put.has(index);
      if (put) this.#stored.add(index);
      else this.#stored.delete(index);
      if (chunk.version !== version) continue;
      this.#dirty.delete(index);
      if (chunk.bytes === undefined) continue;
      this.#dirtyBytes -= this.#chunkBytes;
      if (put) this.#keepClean(index, chunk.bytes);
    }
  }

  /** The chunk's bytes made dirty; undefined when it is zeros and stays so by writing `part`. */
  #writable(index: number, part: Uint8Array): Uint8Array | undefined {
    const dirty = this.#dirty.get(index);
    if (dirty?.bytes !== undefined) {
      dirty.version++;
      return dirty.bytes;
    }
    const clean = this.#clean.get(index);
    const zeros = dirty !== undefined || (clean === undefined && !this.#stored.has(index));
    if (zeros && isZero(part)) return undefined;
    const bytes = clean ?? new Uint8Array(this.#chunkBytes);
    this.#clean.delete(index);
    this.#loading.delete(index);
    this.#dirtyBytes += this.#chunkBytes;
    if (dirty === undefined) this.#dirty.set(index, { bytes, version: 0 });
    else {
      dirty.bytes = bytes;
      dirty.version++;
    }
    return bytes;
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
