import { type BlockBackend, BlockError, checkRange } from './block-backend.ts';
import { isZero } from './zeros.ts';

const CHUNK_BYTES = 64 * 1024;

/** Sparse bytes in memory: a chunk that was never written with anything but zeros takes no room. */
export class SparseBytes {
  #sizeBytes: number;
  readonly #chunks = new Map<number, Uint8Array>();

  /** @param sizeBytes exact to 2^53; any size, also not a multiple of 512 */
  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes of memory in use. */
  get storedBytes(): number {
    return this.#chunks.size * CHUNK_BYTES;
  }

  read(offset: number, target: Uint8Array): void {
    checkRange(this.#sizeBytes, offset, target.length);
    let index = Math.floor(offset / CHUNK_BYTES);
    let from = offset - index * CHUNK_BYTES;
    for (let done = 0; done < target.length; index++, from = 0) {
      const length = Math.min(CHUNK_BYTES - from, target.length - done);
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) target.fill(0, done, done + length);
      else target.set(length === CHUNK_BYTES ? chunk : chunk.subarray(from, from + length), done);
      done += length;
    }
  }

  write(offset: number, source: Uint8Array): void {
    checkRange(this.#sizeBytes, offset, source.length);
    let index = Math.floor(offset / CHUNK_BYTES);
    let from = offset - index * CHUNK_BYTES;
    for (let done = 0; done < source.length; index++, from = 0) {
      const length = Math.min(CHUNK_BYTES - from, source.length - done);
      const part = source.subarray(done, done + length);
      let chunk = this.#chunks.get(index);
      if (chunk === undefined && !isZero(part)) {
        chunk = new Uint8Array(CHUNK_BYTES);
        this.#chunks.set(index, chunk);
      }
      chunk?.set(part, from);
      done += length;
    }
  }

  /** Makes a range read as zeros and gives back the memory of whole chunks in it. */
  zero(offset: number, length: number): void {
    checkRange(this.#sizeBytes, offset, length);
    const end = offset + length;
    for (const [index, chunk] of this.#chunksIn(
      Math.floor(offset / CHUNK_BYTES),
      Math.ceil(end / CHUNK_BYTES),
    )) {
      const start = index * CHUNK_BYTES;
      if (offset <= start && end >= start + CHUNK_BYTES) this.#chunks.delete(index);
      else if (offset < start + CHUNK_BYTES && end > start) {
        chunk.fill(0, Math.max(offset - start, 0), Math.min(end - start, CHUNK_BYTES));
      }
    }
  }

  /** Those of `first` … `end` - 1 that are there; looks at no more than at all of these, or at all that are there. */
  *#chunksIn(first: number, end: number): Iterable<readonly [index: number, chunk: Uint8Array]> {
    if (end - first > this.#chunks.size) {
      yield* this.#chunks;
      return;
    }
    for (let index = first; index < end; index++) {
      const chunk = this.#chunks.get(index);
      if (chunk !== undefined) yield [index, chunk];
    }
  }

  resize(sizeBytes: number): void {
    if (sizeBytes < this.#sizeBytes) this.zero(sizeBytes, this.#sizeBytes - sizeBytes);
    this.#sizeBytes = sizeBytes;
  }
}

/** A disk in memory, gone with the machine. Every request completes at once. */
export class MemoryBackend implements BlockBackend {
  readonly readOnly: boolean;
  readonly #bytes: SparseBytes;
  #closed = false;

  /** @param contents a size in bytes, or the bytes (kept, not copied) */
  constructor(contents: number | SparseBytes, options: { readonly readOnly?: boolean } = {}) {
    this.#bytes = typeof contents === 'number' ? new SparseBytes(contents) : contents;
    this.readOnly = options.readOnly ?? false;
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes;
  }

  get allocatedBytes(): number {
    return this.#bytes.storedBytes;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    if (this.#closed || !(offset >= 0 && offset + target.length <= this.sizeBytes)) return false;
    this.#bytes.read(offset, target);
    return true;
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    if (this.#closed || this.readOnly || !(offset >= 0 && offset + source.length <= this.sizeBytes)) {
      return false;
    }
    this.#bytes.write(offset, source);
    return true;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#checkOpen();
    this.#bytes.read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#checkWritable();
    this.#bytes.write(offset, source);
  }

  async flush(): Promise<void> {
    this.#checkOpen();
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#bytes.zero(offset, length);
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.discard(offset, length);
  }

  async resize(sizeBytes: number): Promise<void> {
    this.#checkWritable();
    this.#bytes.resize(sizeBytes);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Nobody else can have it. */
  async lock(): Promise<void> {}

  async unlock(): Promise<void> {}

  #checkOpen(): void {
    if (this.#closed) throw new BlockError('EIO');
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (this.readOnly) throw new BlockError('EROFS');
  }
}
