/** Does one disk request in steps: moves data between guest buffers and a block back end, or makes a range read as zeros. */

import type { Budget } from '../core/budget.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import { gather, scatter, segmentsLength, sliceSegments } from '../memory/segments.ts';
import type { BlockBackend } from './block-backend.ts';

/** A hostile request may name terabytes: no more than this is held outside guest memory at a time. */
const PIECE_BYTES = 1 << 20;

/** Bytes of a range that cost as much as one byte of data: the back end only forgets them, or writes them by itself. */
const RANGE_DISCOUNT = 64;
/** Steps of a range end on multiples of this, so that no step cuts what a back end keeps as a whole. */
const RANGE_ALIGN = 64 << 20;

export type Direction = 'read' | 'write';

/** A request of which a part is done. A step that `sync` could not do at once, `async` completes. */
export interface BlockTransfer {
  /** First byte on the disk, and how many there are. */
  readonly diskOffset: number;
  readonly total: number;
  /** Bytes done so far. */
  readonly done: number;
  /** Where the next step ends when it may cost so many bytes of a portion, and what it costs. */
  step(bytes: number): { readonly end: number; readonly cost: number };
  /** Does it at once until `end` bytes are done; false when it cannot. */
  sync(end: number): boolean;
  /** Goes on until `end` bytes are done, or `alive()` is false. Memory of the host's comes out of `room`. */
  async(end: number, alive: () => boolean, room: Budget): Promise<void>;
}

/** A read or a write. */
export class BlkTransfer implements BlockTransfer {
  readonly diskOffset: number;
  readonly total: number;
  readonly #memory: DmaPort;
  readonly #backend: BlockBackend;
  readonly #direction: Direction;
  readonly #segments: readonly Segment[];
  #done: number;

  /**
   * @param diskOffset in bytes
   * @param done bytes of it that were moved before a snapshot
   */
  constructor(
    memory: DmaPort,
    backend: BlockBackend,
    direction: Direction,
    segments: readonly Segment[],
    diskOffset: number,
    done = 0,
  ) {
    this.#memory = memory;
    this.#backend = backend;
    this.#direction = direction;
    this.total = segmentsLength(segments);
    this.#segments = sliceSegments(segments, 0, this.total);
    this.diskOffset = diskOffset;
    this.#done = Math.min(done, this.total);
  }

  get done(): number {
    return this.#done;
  }

  step(bytes: number): { readonly end: number; readonly cost: number } {
    const cost = Math.min(this.total - this.#done, Math.max(bytes, 0));
    return { end: this.#done + cost, cost };
  }

  /** Copies straight between guest memory and what the back end has at hand. */
  sync(end: number): boolean {
    for (const { gpa, length } of this.#until(end)) {
      if (!this.#syncSegment(gpa, length)) return false;
    }
    return true;
  }

  /**
   * Guest memory is never lent to a request that may outlive a reset or an unplug: it is touched only while `alive()`, between the
   * back end's promises.
   */
  async async(end: number, alive: () => boolean, room: Budget): Promise<void> {
    while (this.#done < end && alive()) {
      const length = Math.min(PIECE_BYTES, end - this.#done);
      await room.use(length, () => this.#movePiece(length, alive));
    }
  }

  async #movePiece(length: number, alive: () => boolean): Promise<void> {
    // The request may have had to wait for its turn.
    if (!alive()) return;
    const segments = sliceSegments(this.#segments, this.#done, length);
    const piece = new Uint8Array(length);
    const offset = this.diskOffset + this.#done;
    if (this.#direction === 'read') {
      await this.#backend.read(offset, piece);
      if (alive()) scatter(this.#memory, segments, piece);
    } else {
      gather(this.#memory, segments, piece);
      await this.#backend.write(offset, piece);
    }
    this.#done += length;
  }

  #until(end: number): readonly Segment[] {
    if (this.#done === 0 && end === this.total) return this.#segments;
    return sliceSegments(this.#segments, this.#done, end - this.#done);
  }

  #syncSegment(gpa: Gpa, length: number): boolean {
    const access = this.#direction === 'read' ? 'write' : 'read';
    return this.#memory.forEachPiece(gpa, length, access, (bytes) => this.#syncPiece(bytes));
  }

  #syncPiece(bytes: Uint8Array): boolean {
    const offset = this.diskOffset + this.#done;
    const moved =
      this.#direction === 'write'
        ? this.#backend.writeSync(offset, bytes)
        : this.#backend.readSync(offset, bytes);
    if (!moved) return false;
    this.#done += bytes.length;
    return true;
  }
}

/** A discard, or a write of zeros. */
export class RangeTransfer implements BlockTransfer {
  readonly diskOffset: number;
  readonly total: number;
  readonly #backend: BlockBackend;
  readonly #verb: 'discard' | 'writeZeroes';
  #done: number;

  /**
   * @param diskOffset in bytes, like `total`
   * @param done bytes of it that were done before a snapshot
   */
  constructor(
    backend: BlockBackend,
    verb: 'discard' | 'writeZeroes',
    diskOffset: number,
    total: number,
    done = 0,
  ) {
    this.#backend = backend;
    this.#verb = verb;
    this.diskOffset = diskOffset;
    this.total = total;
    this.#done = Math.min(done, total);
  }

  get done(): number {
    return this.#done;
  }

  step(bytes: number): { readonly end: number; readonly cost: number } {
    if (bytes <= 0) return { end: this.#done, cost: 0 };
    const from = this.diskOffset + this.#done;
    const most = Math.floor((from + bytes * RANGE_DISCOUNT) / RANGE_ALIGN) * RANGE_ALIGN;
    const least = (Math.floor(from / RANGE_ALIGN) + 1) * RANGE_ALIGN;
    const to = Math.min(this.diskOffset + this.total, Math.max(most, least));
    return { end: to - this.diskOffset, cost: Math.ceil((to - from) / RANGE_DISCOUNT) };
  }

  sync(): boolean {
    return false;
  }

  async async(end: number, alive: () => boolean): Promise<void> {
    if (!alive()) return;
    await this.#backend[this.#verb](this.diskOffset + this.#done, end - this.#done);
    this.#done = end;
  }
}
