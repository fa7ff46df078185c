/** Readers of bit fields. Both give zeros outside of their bytes: who reads them checks where the end is. */
import { ensure } from './zstd-error.ts';

/** From the first byte on, lowest bits first. */
export class ForwardBits {
  readonly #bytes: Uint8Array;
  /** In bits. */
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @param count at most 16 */
  peek(count: number): number {
    const bytes = this.#bytes;
    const byte = this.at >>> 3;
    const word = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8) | ((bytes[byte + 2] ?? 0) << 16);
    return (word >>> (this.at & 7)) & ((1 << count) - 1);
  }

  read(count: number): number {
    const value = this.peek(count);
    this.at += count;
    return value;
  }

  /** Whole bytes that were read from. */
  get bytesRead(): number {
    const count = (this.at + 7) >>> 3;
    ensure(count <= this.#bytes.length);
    return count;
  }
}

/** From the last byte on, which has a 1 above its last bit. Spec: RFC 8878 §4.1. */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  /** Bits that are left; negative when more were read than there are. */
  left: number;

  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    ensure(last !== 0);
    this.#bytes = bytes;
    this.left = bytes.length * 8 - 1 - Math.clz32(last) + 24;
  }

  /** @param count at most 24 */
  read(count: number): number {
    const at = this.left - count;
    this.left = at;
    if (at < 0) return this.#readPast(at, count);
    const bytes = this.#bytes;
    const byte = at >>> 3;
    // Outside of the array is undefined, which the shifts take for 0.
    const word =
      (bytes[byte] as number) |
      ((bytes[byte + 1] as number) << 8) |
      ((bytes[byte + 2] as number) << 16) |
      ((bytes[byte + 3] as number) << 24);
    return (word >>> (at & 7)) & ((1 << count) - 1);
  }

  /** @param count at most 31 */
  readLong(count: number): number {
    if (count <= 24) return this.read(count);
    const high = this.read(count - 16);
    return (high << 16) | this.read(16);
  }

  #readPast(at: number, count: number): number {
    if (at + count <= 0) return 0;
    const word = (this.#bytes[0] ?? 0) | ((this.#bytes[1] ?? 0) << 8) | ((this.#bytes[2] ?? 0) << 16);
    return (word & ((1 << (at + count)) - 1)) << -at;
  }
}
