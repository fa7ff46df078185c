import { ByteQueue } from '../emu/index.ts';

/** More than a slice of the run loop brings, mostly. */
const MOST_BYTES = 1 << 16;

/**
 * Gives on in one piece what the guest writes byte by byte in a slice. Node keeps an object for each piece that a socket's client
 * has not read: a megabyte of single bytes would take hundreds of megabytes.
 */
export class OutputCollector {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #bytes = new ByteQueue();

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Bytes that have not been given on. */
  get length(): number {
    return this.#bytes.length;
  }

  add(bytes: Uint8Array): void {
    // A slice runs to its end before this.
    if (this.#bytes.length === 0) queueMicrotask(() => this.#flush());
    this.#bytes.push(bytes);
    if (this.#bytes.length >= MOST_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#bytes.length > 0) this.#write(this.#bytes.take());
  }
}
