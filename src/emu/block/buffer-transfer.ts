/** A read or a write whose bytes are in the device: what a driver moves by PIO, or in pieces. */
import type { BlockBackend } from './block-backend.ts';
import type { BlockTransfer, Direction } from './block-transfer.ts';

export class BufferTransfer implements BlockTransfer {
  readonly diskOffset: number;
  readonly #backend: BlockBackend;
  readonly #direction: Direction;
  readonly #buffer: Uint8Array;
  #done = 0;

  /** @param diskOffset in bytes */
  constructor(backend: BlockBackend, direction: Direction, buffer: Uint8Array, diskOffset: number) {
    this.#backend = backend;
    this.#direction = direction;
    this.#buffer = buffer;
    this.diskOffset = diskOffset;
  }

  get total(): number {
    return this.#buffer.length;
  }

  get done(): number {
    return this.#done;
  }

  /** It is small: it is done at once. */
  step(): { readonly end: number; readonly cost: number } {
    return { end: this.total, cost: this.total };
  }

  sync(): boolean {
    const { diskOffset } = this;
    const moved =
      this.#direction === 'read'
        ? this.#backend.readSync(diskOffset, this.#buffer)
        : this.#backend.writeSync(diskOffset, this.#buffer);
    if (moved) this.#done = this.total;
    return moved;
  }

  async async(_end: number, alive: () => boolean): Promise<void> {
    if (!alive()) return;
    await this.#backend[this.#direction](this.diskOffset, this.#buffer);
    this.#done = this.total;
  }
}
