/**
 * Finds out when only zeros are left in a chunk whose pages are given back one by one, in any order, as a balloon does. A chunk of zeros is
 * worth nothing: memory that has no chunk reads the same. So what the chunk holds decides, not a list of pages that were once given
 * back: a page that the guest has written to since, with or without a word to the host, keeps its chunk.
 */

import type { RamOffset } from './addresses.ts';
import { type Arena, CHUNK_SHIFT, CHUNK_SIZE } from './arena.ts';

const PAGE_SIZE = 4096;
const PAGES = CHUNK_SIZE / PAGE_SIZE;
const WORDS = PAGE_SIZE / 4;

export class EmptyChunks {
  readonly #words: Int32Array;
  /** By chunk of the arena: its page that was not all zeros when it was looked at last. Wrong only costs time: others are looked at then. */
  readonly #witness: Uint8Array;
  /** Bytes read so far, which tells whether looking is cheap. */
  lookedAt = 0;

  constructor(arena: Arena) {
    this.#words = new Int32Array(arena.buffer);
    this.#witness = new Uint8Array(arena.buffer.byteLength >>> CHUNK_SHIFT);
  }

  /** True: nothing but zeros is in `chunk`. */
  isEmpty(chunk: RamOffset): boolean {
    const index = chunk >>> CHUNK_SHIFT;
    const witness = this.#witness[index];
    for (let n = 0; n < PAGES; n++) {
      const page = (witness + n) % PAGES;
      this.lookedAt += PAGE_SIZE;
      if (this.#isZero(chunk + page * PAGE_SIZE)) continue;
      this.#witness[index] = page;
      return false;
    }
    return true;
  }

  #isZero(page: number): boolean {
    const words = this.#words;
    const start = page >>> 2;
    for (let at = start; at < start + WORDS; at++) if (words[at] !== 0) return false;
    return true;
  }
}
