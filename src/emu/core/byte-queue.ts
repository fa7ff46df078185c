/** Bytes that are collected and taken together: a guest writes them one by one, and an object for each would cost a hundred times as much. */
const FIRST_BYTES = 256;
/** A longer buffer is not kept for the next time. */
const KEPT_BYTES = 1 << 16;

export class ByteQueue {
  #buffer = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  /** The byte at `index` from the oldest. */
  at(index: number): number | undefined {
    return index < this.#length ? this.#buffer[index] : undefined;
  }

  /** Forgets the oldest bytes. */
  drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  /** All of them, which are then gone; the array is the caller's. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(FIRST_BYTES);
    return taken;
  }
}
