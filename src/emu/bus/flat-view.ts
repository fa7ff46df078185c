/**
 * What answers which address, once overlaps are resolved: pieces that are sorted, do not overlap, and are found by binary search.
 * QEMU has the same and calls it so.
 */

/** A piece of a region that can be seen; `end` is the first address behind it. */
export interface FlatRange<R> {
  readonly start: number;
  readonly end: number;
  readonly region: R;
}

/** Pieces of several regions, of which the one that was added first hides those that come later. */
export class FlatView<R> {
  readonly #ranges: FlatRange<R>[] = [];

  /** The pieces, lowest first. */
  get ranges(): readonly FlatRange<R>[] {
    return this.#ranges;
  }

  /** Adds what of the piece is not hidden. */
  add({ start, end, region }: FlatRange<R>): void {
    const pieces: FlatRange<R>[] = [];
    const first = this.#firstBehind(start);
    let from = start;
    let at = first;
    for (; at < this.#ranges.length && from < end; at++) {
      const there = this.#ranges[at];
      if (there === undefined || there.start >= end) break;
      if (from < there.start) pieces.push({ start: from, end: there.start, region });
      pieces.push(there);
      from = there.end;
    }
    if (from < end) pieces.push({ start: from, end, region });
    this.#ranges.splice(first, at - first, ...pieces);
  }

  /** The piece with `address` in it. */
  find(address: number): FlatRange<R> | undefined {
    const range = this.#ranges[this.#firstBehind(address)];
    return range !== undefined && address >= range.start ? range : undefined;
  }

  /** The pieces of it from `start` to `end`, cut where they reach further. */
  *between(start: number, end: number): Generator<FlatRange<R>> {
    for (let at = this.#firstBehind(start); at < this.#ranges.length; at++) {
      const range = this.#ranges[at];
      if (range === undefined || range.start >= end) return;
      yield {
        start: Math.max(start, range.start),
        end: Math.min(end, range.end),
        region: range.region,
      };
    }
  }

  /** The number of the first piece that ends behind `address`. */
  #firstBehind(address: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.end ?? 0) > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
