/** QEMU's `ringbuf` chardev: keeps the last bytes that the guest sent until somebody reads them. */
import type { CharBackend } from './char-backend.ts';

export const RING_BUFFER_BYTES = 65_536;

export class RingBuffer implements CharBackend {
  readonly open = true;
  readonly #bytes: Uint8Array;
  /** Counts of all bytes written and read; the place of one is its number modulo the size. */
  #written = 0;
  #read = 0;

  /** @param sizeBytes a power of two */
  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(sizeBytes);
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** Bytes that nobody has read. */
  get usedBytes(): number {
    return this.#written - this.#read;
  }

  write(bytes: Uint8Array): number {
    for (const byte of bytes) this.#bytes[this.#written++ % this.#bytes.length] = byte;
    this.#read = Math.max(this.#read, this.#written - this.#bytes.length);
    return bytes.length;
  }

  connect(): void {}

  acceptInput(): void {}

  /** The oldest bytes, which are then gone. */
  read(most: number): Uint8Array {
    const bytes = this.#oldest(most);
    this.#read += bytes.length;
    return bytes;
  }

  /** What nobody has read, for a snapshot. */
  save(): Uint8Array {
    return this.#oldest(this.usedBytes);
  }

  #oldest(most: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(most, this.usedBytes));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#bytes[(this.#read + i) % this.#bytes.length];
    return bytes;
  }
}
