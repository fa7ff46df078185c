/** Moves the data of one disk request between guest buffers and a block back end. */

import type { Gpa } from '../memory/addresses.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import { gather, scatter, segmentsLength, sliceSegments } from '../memory/segments.ts';
import type { BlockBackend } from './block-backend.ts';

/** A hostile request may name terabytes: no more than this is held outside guest memory at a time. */
const PIECE_BYTES = 1 << 20;

export type Direction = 'read' | 'write';

/** Done in steps: a step that `sync` could not do at once, `async` completes. */
export class BlkTransfer {
  readonly #memory: DmaPort;
  readonly #backend: BlockBackend;
  readonly #direction: Direction;
  readonly #segments: readonly Segment[];
  readonly #total: number;
  readonly #diskOffset: number;
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
    this.#total = segmentsLength(segments);
    this.#segments = sliceSegments(segments, 0, this.#total);
    this.#diskOffset = diskOffset;
    this.#done = Math.min(done, this.#total);
  }

  /** Bytes moved so far. */
  get done(): number {
    return this.#done;
  }

  get left(): number {
    return this.#total - this.#done;
  }

  /** Copies straight between guest memory and what the back end has at hand, until `end` bytes are done; false when it cannot. */
  sync(end: number): boolean {
    for (const { gpa, length } of this.#until(end)) {
      if (!this.#syncSegment(gpa, length)) return false;
    }
    return true;
  }

  /**
   * Goes on until `end` bytes are done. Guest memory is never lent to a request that may outlive a reset or an unplug:
   * it is touched only while `alive()`, between the back end's promises.
   */
  async async(end: number, alive: () => boolean): Promise<void> {
    while (this.#done < end && alive()) {
      const length = Math.min(PIECE_BYTES, end - this.#done);
      const segments = sliceSegments(this.#segments, this.#done, length);
      const piece = new Uint8Array(length);
      const offset = this.#diskOffset + this.#done;
      if (this.#direction === 'read') {
        await this.#backend.read(offset, piece);
        if (alive()) scatter(this.#memory, segments, piece);
      } else {
        gather(this.#memory, segments, piece);
        await this.#backend.write(offset, piece);
      }
      this.#done += length;
    }
  }

  #until(end: number): readonly Segment[] {
    if (this.#done === 0 && end === this.#total) return this.#segments;
    return sliceSegments(this.#segments, this.#done, end - this.#done);
  }

  #syncSegment(gpa: Gpa, length: number): boolean {
    const access = this.#direction === 'read' ? 'write' : 'read';
    return this.#memory.forEachPiece(gpa, length, access, (bytes) => this.#syncPiece(bytes));
  }

  #syncPiece(bytes: Uint8Array): boolean {
    const offset = this.#diskOffset + this.#done;
    const moved =
      this.#direction === 'write'
        ? this.#backend.writeSync(offset, bytes)
        : this.#backend.readSync(offset, bytes);
    if (!moved) return false;
    this.#done += bytes.length;
    return true;
  }
}
