/** Requests about several parts of a disk, or many times the same bytes: done in steps, as those of `block-transfer.ts`. */
import type { BlockBackend } from './block-backend.ts';
import { type BlockTransfer, RangeTransfer } from './block-transfer.ts';

/** No more of a pattern is written at a time. */
const FILL_BYTES = 512 << 10;
/** Of a portion, for each part, however small it is. */
const PART_COST = 1024;

/** Discards, or writes of zeros, of several parts, one after another. */
export class RangesTransfer implements BlockTransfer {
  readonly diskOffset: number;
  readonly total: number;
  readonly #parts: readonly RangeTransfer[];
  /** The part that is next, or under way. */
  #at = 0;
  /** Bytes of the parts before it. */
  #before = 0;

  /**
   * @param ranges in bytes; at least one
   * @param done bytes of all of them that were done before a snapshot
   */
  constructor(
    backend: BlockBackend,
    verb: 'discard' | 'writeZeroes',
    ranges: readonly { readonly offset: number; readonly bytes: number }[],
    done = 0,
  ) {
    this.diskOffset = ranges[0]?.offset ?? 0;
    let before = 0;
    this.#parts = ranges.map(({ offset, bytes }) => {
      const own = Math.min(bytes, Math.max(0, done - before));
      before += bytes;
      return new RangeTransfer(backend, verb, offset, bytes, own);
    });
    this.total = before;
    this.#goOn();
  }

  get done(): number {
    return this.#before + (this.#parts[this.#at]?.done ?? 0);
  }

  step(bytes: number): { readonly end: number; readonly cost: number } {
    let end = this.#before;
    let spent = 0;
    for (let at = this.#at; at < this.#parts.length && (spent < bytes || at === this.#at); at++) {
      const part = this.#parts[at];
      const step = part.step(bytes - spent);
      end += step.end;
      spent += Math.max(step.cost, PART_COST);
      if (step.end < part.total) break;
    }
    return { end, cost: spent };
  }

  sync(): boolean {
    return false;
  }

  async async(end: number, alive: () => boolean): Promise<void> {
    while (this.done < end && alive()) {
      const part = this.#parts[this.#at];
      await part.async(Math.min(part.total, end - this.#before), alive);
      this.#goOn();
    }
  }

  /** Passes by the parts that are done. */
  #goOn(): void {
    for (let part = this.#parts[this.#at]; part !== undefined && part.done === part.total; ) {
      this.#before += part.total;
      this.#at++;
      part = this.#parts[this.#at];
    }
  }
}

/** A part of the disk is filled with copies of a pattern. */
export class FillTransfer implements BlockTransfer {
  readonly diskOffset: number;
  readonly total: number;
  readonly #backend: BlockBackend;
  readonly #pattern: Uint8Array;
  #done: number;

  /** @param total bytes: a multiple of the pattern's length */
  constructor(backend: BlockBackend, pattern: Uint8Array, diskOffset: number, total: number, done = 0) {
    this.#backend = backend;
    this.#pattern = pattern;
    this.diskOffset = diskOffset;
    this.total = total;
    this.#done = Math.min(done, total);
  }

  get done(): number {
    return this.#done;
  }

  step(bytes: number): { readonly end: number; readonly cost: number } {
    const whole = Math.max(
      this.#pattern.length,
      Math.floor(bytes / this.#pattern.length) * this.#pattern.length,
    );
    const cost = Math.min(this.total - this.#done, whole);
    return { end: this.#done + cost, cost };
  }

  sync(): boolean {
    return false;
  }

  async async(end: number, alive: () => boolean): Promise<void> {
    const copies = Math.max(1, Math.floor(FILL_BYTES / this.#pattern.length));
    const piece = new Uint8Array(Math.min(copies * this.#pattern.length, end - this.#done));
    for (let at = 0; at < piece.length; at += this.#pattern.length) {
      piece.set(this.#pattern.subarray(0, piece.length - at), at);
    }
    while (this.#done < end && alive()) {
      const length = Math.min(piece.length, end - this.#done);
      await this.#backend.write(this.diskOffset + this.#done, piece.subarray(0, length));
      this.#done += length;
    }
  }
}
