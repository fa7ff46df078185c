/** Bytes on their way to the guest, from the first that it has not confirmed. */

export class SendBuffer {
  #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** `length` bytes after the first `offset`, all of which must be there. */
  copy(offset: number, length: number): Uint8Array {
    const target = new Uint8Array(length);
    let start = 0;
    let done = 0;
    for (const chunk of this.#chunks) {
      const from = Math.max(0, offset + done - start);
      const part = Math.min(chunk.length - from, length - done);
      if (part > 0) {
        target.set(chunk.subarray(from, from + part), done);
        done += part;
      }
      if (done === length) break;
      start += chunk.length;
    }
    return target;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    let left = count;
    let whole = 0;
    for (const chunk of this.#chunks) {
      if (chunk.length > left) break;
      left -= chunk.length;
      whole++;
    }
    this.#chunks.splice(0, whole);
    const first = this.#chunks[0];
    if (left > 0 && first !== undefined) this.#chunks[0] = first.subarray(left);
    this.#length -= count;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }
}
