/** Commands that move nothing between a disk and the guest, done in steps: Verify, Compare and Copy. */
import type { BlockBackend } from '../block/block-backend.ts';
import type { BlockTransfer } from '../block/block-transfer.ts';
import type { Budget } from '../core/budget.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, sliceSegments } from '../memory/segments.ts';

/** No more is held outside guest memory at a time. */
const PIECE_BYTES = 1 << 20;

/** What these have in common: pieces, one after another, out of the host's memory. */
abstract class PieceTransfer implements BlockTransfer {
  readonly diskOffset: number;
  readonly total: number;
  protected readonly backend: BlockBackend;
  #done: number;

  constructor(backend: BlockBackend, diskOffset: number, total: number, done: number) {
    this.backend = backend;
    this.diskOffset = diskOffset;
    this.total = total;
    this.#done = Math.min(done, total);
  }

  get done(): number {
    return this.#done;
  }

  step(bytes: number): { readonly end: number; readonly cost: number } {
    const cost = Math.min(this.total - this.#done, Math.max(bytes, 0));
    return { end: this.#done + cost, cost };
  }

  sync(): boolean {
    return false;
  }

  async async(end: number, alive: () => boolean, room: Budget): Promise<void> {
    while (this.#done < end && alive()) {
      const length = this.pieceBytes(Math.min(PIECE_BYTES, end - this.#done));
      await room.use(length, async () => {
        if (alive() && (await this.piece(length, alive))) this.#done += length;
        else this.#done = this.total;
      });
    }
  }

  /** Where the next piece ends, when it may have so many bytes. */
  protected pieceBytes(most: number): number {
    return most;
  }

  /** Does the next so many bytes; false: there is nothing more to do. */
  protected abstract piece(length: number, alive: () => boolean): Promise<boolean>;
}

/** Reads, and forgets what was read. */
export class VerifyTransfer extends PieceTransfer {
  protected async piece(length: number): Promise<boolean> {
    await this.backend.read(this.diskOffset + this.done, new Uint8Array(length));
    return true;
  }
}

/** Compares what is on the disk with what the guest has. */
export class CompareTransfer extends PieceTransfer {
  /** They are not the same. */
  differs = false;
  readonly #memory: DmaPort;
  readonly #segments: readonly Segment[];

  /** @param diskOffset in bytes, like `total` */
  constructor(
    memory: DmaPort,
    segments: readonly Segment[],
    backend: BlockBackend,
    diskOffset: number,
    total: number,
    done: number,
  ) {
    super(backend, diskOffset, total, done);
    this.#memory = memory;
    this.#segments = segments;
  }

  protected async piece(length: number, alive: () => boolean): Promise<boolean> {
    const { done } = this;
    const onDisk = new Uint8Array(length);
    await this.backend.read(this.diskOffset + done, onDisk);
    if (!alive()) return false;
    const inMemory = new Uint8Array(length);
    gather(this.#memory, sliceSegments(this.#segments, done, length), inMemory);
    this.differs = onDisk.some((byte, at) => byte !== inMemory[at]);
    return !this.differs;
  }
}

/** Parts of the disk are copied, one behind another, to one place. */
export class CopyTransfer extends PieceTransfer {
  readonly #sources: readonly { readonly offset: number; readonly bytes: number }[];

  /** @param sources in bytes, like `diskOffset` */
  constructor(
    backend: BlockBackend,
    sources: readonly { readonly offset: number; readonly bytes: number }[],
    diskOffset: number,
    done: number,
  ) {
    super(
      backend,
      diskOffset,
      sources.reduce((sum, { bytes }) => sum + bytes, 0),
      done,
    );
    this.#sources = sources;
  }

  /** A piece comes from one source. */
  protected override pieceBytes(most: number): number {
    const { left } = this.#next();
    return Math.min(most, left);
  }

  protected async piece(length: number, alive: () => boolean): Promise<boolean> {
    const { from } = this.#next();
    const bytes = new Uint8Array(length);
    await this.backend.read(from, bytes);
    if (!alive()) return false;
    await this.backend.write(this.diskOffset + this.done, bytes);
    return true;
  }

  /** Where the next byte comes from, and how many follow it there. */
  #next(): { readonly from: number; readonly left: number } {
    let before = 0;
    for (const { offset, bytes } of this.#sources) {
      if (this.done < before + bytes) {
        const into = this.done - before;
        return { from: offset + into, left: bytes - into };
      }
      before += bytes;
    }
    return { from: 0, left: 1 };
  }
}
