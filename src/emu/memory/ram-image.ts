/** The contents of all regions, one after the other, as a snapshot stores and fills them. */
import type { Gpa } from './addresses.ts';
import { CHUNK_SIZE } from './arena.ts';
import type { GuestMemory } from './guest-memory.ts';
import { CHUNK_MASK, type Region } from './region.ts';

/** Bytes of the image from `at` on. */
export interface ImagePiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class RamImage {
  readonly #memory: GuestMemory;
  readonly sizeBytes: number;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.sizeBytes = memory.regions.reduce((sum, { size }) => sum + size, 0);
  }

  /** Memory itself, ascending; what is left out was never written and is zeros. */
  *pieces(): Generator<ImagePiece> {
    let start = 0;
    for (const region of this.#memory.regions) {
      for (const { gpa, length } of parts(region)) {
        const chunk = region.chunkAt(gpa);
        if (chunk === 0) continue;
        const from = chunk + (gpa & CHUNK_MASK);
        yield { at: start + gpa - region.gpa, bytes: this.#memory.arena.bytes.subarray(from, from + length) };
      }
      start += region.size;
    }
  }

  /** Replaces bytes of the image, which has them; false when the host has no memory for them. */
  write(at: number, source: Uint8Array): boolean {
    let start = 0;
    let done = 0;
    for (const region of this.#memory.regions) {
      const from = at + done - start;
      const length = Math.min(source.length - done, region.size - from);
      if (from >= 0 && length > 0) {
        if (!this.#memory.load(region, from, source.subarray(done, done + length))) return false;
        done += length;
      }
      start += region.size;
    }
    return true;
  }

  /** Bytes of the image, which has them. */
  read(at: number, target: Uint8Array): void {
    let start = 0;
    let done = 0;
    for (const region of this.#memory.regions) {
      const from = at + done - start;
      const length = Math.min(target.length - done, region.size - from);
      if (from >= 0 && length > 0) {
        this.#memory.peek(region, from, target.subarray(done, done + length));
        done += length;
      }
      start += region.size;
    }
  }
}

/** A region, cut where frames begin. */
function* parts({ gpa: start, end }: Region): Generator<{ gpa: Gpa; length: number }> {
  for (let gpa = start; gpa < end; ) {
    const length = Math.min(end - gpa, CHUNK_SIZE - (gpa & CHUNK_MASK));
    yield { gpa, length };
    gpa += length;
  }
}
