/**
 * The one buffer that holds all guest memory. Generated code has its views as constants, so there is never a second one.
 *
 * | offset | holds |
 * |---|---|
 * | 0 | zeros, which nobody writes: what reads of memory that was never written see |
 * | SCRATCH | pages for code that runs without effect (warm-up.ts, practice.ts) |
 * | CHUNK_SIZE … | chunks, handed out as guest memory is written |
 *
 * Hosts back a page of a new buffer with memory when it is first written: what is not handed out costs nothing.
 */
import type { RamOffset } from './addresses.ts';

export const CHUNK_SHIFT = 20;
export const CHUNK_SIZE = 1 << CHUNK_SHIFT;
/** Offsets must be non-negative as int32. */
export const ARENA_MAX = 2 ** 31;
export const ZEROS = 0 as RamOffset;
export const ZEROS_SIZE = 0x10000;
export const SCRATCH = ZEROS_SIZE as RamOffset;
export const SCRATCH_SIZE = 0x10000;
/** What `allocate` answers when nothing is left. */
export const NO_CHUNK = 0;

/** When the host refuses a buffer, a smaller one is tried: this part of it, until it is too small for any guest. */
const RETRY_PART = 3 / 4;
const SMALLEST = 16 * CHUNK_SIZE;

export type BufferMaker = (bytes: number) => ArrayBuffer;

function makeBuffer(bytes: number): ArrayBuffer {
  return new ArrayBuffer(bytes);
}

/** A buffer of `bytes`, or of what the host gives. Throws the host's RangeError when that is next to nothing. */
function largestBuffer(bytes: number, make: BufferMaker): ArrayBuffer {
  for (let size = bytes; ; size = Math.floor((size * RETRY_PART) / CHUNK_SIZE) * CHUNK_SIZE) {
    try {
      return make(size);
    } catch (error) {
      if (!(error instanceof RangeError) || size * RETRY_PART < SMALLEST) throw error;
    }
  }
}

export class Arena {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #end: number;
  /** First chunk that was never handed out. */
  #next = CHUNK_SIZE;
  /** Chunks that were given back, with what was in them. */
  readonly #returned: number[] = [];

  /** @param chunks how many are wanted; there may be fewer */
  constructor(chunks: number, make: BufferMaker = makeBuffer) {
    this.buffer = largestBuffer(Math.min((chunks + 1) * CHUNK_SIZE, ARENA_MAX), make);
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.#end = this.bytes.length;
  }

  /** Bytes of guest memory that it can hold. */
  get capacity(): number {
    return this.#end - CHUNK_SIZE;
  }

  /** Bytes handed out. */
  get used(): number {
    return this.#next - CHUNK_SIZE * (1 + this.#returned.length);
  }

  /** A chunk of zeros, or NO_CHUNK. */
  allocate(): RamOffset {
    const returned = this.#returned.pop();
    if (returned !== undefined) {
      this.bytes.fill(0, returned, returned + CHUNK_SIZE);
      return returned as RamOffset;
    }
    if (this.#next + CHUNK_SIZE > this.#end) return NO_CHUNK as RamOffset;
    const chunk = this.#next;
    this.#next += CHUNK_SIZE;
    return chunk as RamOffset;
  }

  free(chunk: RamOffset): void {
    this.#returned.push(chunk);
  }
}

/** The guest has written to more memory than the host gave. */
export class ArenaFullError extends Error {
  override readonly name = 'ArenaFullError';

  constructor(capacity: number) {
    const mib = Math.floor(capacity / 2 ** 20);
    super(`The guest has used all of the ${mib} MiB of memory that the host has for it, and cannot go on.`);
  }
}
