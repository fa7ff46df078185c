/** The driver's buffers of an AHCI command: its list, read once. Spec: AHCI 1.3.1 §4.2.3.3. */
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import { PRD_BYTES, PRD_SIZE, TABLE_BYTES } from './ahci-registers.ts';

export class AhciBuffers {
  readonly #segments: readonly Segment[];
  /** Where each begins in the command's data. */
  readonly #starts: readonly number[];

  /** @param table of the command; @param count of entries in its list, at most 65,535 */
  constructor(memory: DmaPort, table: number, count: number) {
    const list = new Uint8Array(count * PRD_BYTES);
    const isThere = memory.read(table + TABLE_BYTES, list);
    const view = new DataView(list.buffer);
    const segments: Segment[] = [];
    const starts: number[] = [];
    let at = 0;
    for (let n = 0; isThere && n < count; n++) {
      const entry = n * PRD_BYTES;
      const gpa = view.getUint32(entry, true) + view.getUint32(entry + 4, true) * 2 ** 32;
      const length = (view.getUint32(entry + 12, true) & PRD_SIZE) + 1;
      segments.push({ gpa, length });
      starts.push(at);
      at += length;
    }
    this.#segments = segments;
    this.#starts = starts;
  }

  /** Entries of the list. */
  get count(): number {
    return this.#segments.length;
  }

  /** Buffers for `bytes` of the command's data, from `from` on, as far as there are any. */
  part(from: number, bytes: number): readonly Segment[] {
    const part: Segment[] = [];
    let left = bytes;
    for (let n = this.#indexOf(from); left > 0 && n < this.#segments.length; n++) {
      const { gpa, length } = this.#segments[n];
      const skip = Math.max(0, from - this.#starts[n]);
      const own = Math.min(length - skip, left);
      if (own > 0) part.push({ gpa: gpa + skip, length: own });
      left -= own;
    }
    return part;
  }

  /** The entry that has byte `at` of the data; behind the last: none has. */
  #indexOf(at: number): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] + this.#segments[middle].length <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
