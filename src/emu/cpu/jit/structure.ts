/**
 * Arranges the blocks of a region as statements of JavaScript. They stand one behind the other; `Ln` is a labelled block that ends where
 * block n begins, so that `break Ln` leads there, and `Rn` is the loop of the blocks from n to the last one that leads back to
 * it. The switch at the head leads to block `$b`. Into the middle of a loop it goes through the loop's head: `$i` says where to.
 */

/** The blocks from `head` to `last`. */
interface Range {
  readonly head: number;
  last: number;
}

export class Structure {
  readonly #count: number;
  /** The outer ones before the inner ones. */
  readonly #loops: readonly Range[];

  /**
   * @param count blocks
   * @param back ways backwards: from a block to itself or to one before it
   */
  constructor(count: number, back: readonly (readonly [from: number, to: number])[]) {
    this.#count = count;
    this.#loops = loopsOf(back);
  }

  /** A jump to a block further on. */
  forwards(from: number, to: number): string {
    const around = this.#loops.findLast(({ head, last }) => head <= from && to <= last);
    const item = this.#item(to, around);
    return item.head === to ? `break L${to};` : `$i=${to};break L${item.head};`;
  }

  /** A jump to this block or one before it. */
  backwards(to: number): string {
    return `continue R${to};`;
  }

  /** The text of all, from the texts of the blocks, each of which may end by going on with the next one. */
  text(blocks: readonly string[]): string {
    const items = this.#items({ head: 0, last: this.#count - 1 }, undefined);
    const ways = items.map(({ head, last }) => {
      const inside = cases(head + 1, last);
      return `case ${head}:break L${head};${inside === '' ? '' : `${inside}$i=$b;break L${head};`}`;
    });
    return `${labels(items)}switch($b){${ways.join('')}}}${this.#bodies(items, blocks)}`;
  }

  /** The loop, with the ways into its middle. */
  #loop(loop: Range, blocks: readonly string[]): string {
    const [first, ...rest] = this.#items(loop, loop);
    const ways = rest.map(({ head, last }) => {
      const inside = cases(head + 1, last);
      return `case ${head}:$i=0;break L${head};${inside === '' ? '' : `${inside}break L${head};`}`;
    });
    const dispatch = rest.length === 0 ? '' : `if($i!==0)switch($i){${ways.join('')}}`;
    const end = rest.length === 0 ? '' : `}${this.#bodies(rest, blocks)}`;
    return `R${loop.head}:for(;;){${labels(rest)}${dispatch}${blocks[first.head]}${end}\nbreak;}`;
  }

  #bodies(items: readonly Range[], blocks: readonly string[]): string {
    return items
      .map((item) => (this.#loops.includes(item) ? this.#loop(item, blocks) : blocks[item.head]))
      .join('}\n');
  }

  /** What stands in a range, on the level of `around`: blocks, and loops. */
  #items({ head, last }: Range, around: Range | undefined): Range[] {
    const items: Range[] = [];
    for (let at = head; at <= last; ) {
      const item = at === around?.head ? { head: at, last: at } : this.#item(at, around);
      items.push(item);
      at = item.last + 1;
    }
    return items;
  }

  /** The loop right below `around` that has the block, else the block. */
  #item(block: number, around: Range | undefined): Range {
    const below = this.#loops.slice(around === undefined ? 0 : this.#loops.indexOf(around) + 1);
    return below.find(({ head, last }) => head <= block && block <= last) ?? { head: block, last: block };
  }
}

/** One for each block that something leads back to; of two either has no block of the other, or all. */
function loopsOf(back: readonly (readonly [from: number, to: number])[]): Range[] {
  const loops = new Map<number, Range>();
  for (const [from, to] of back) {
    const loop = loops.get(to);
    if (loop === undefined) loops.set(to, { head: to, last: from });
    else loop.last = Math.max(loop.last, from);
  }
  const sorted = [...loops.values()].sort((a, b) => a.head - b.head);
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const outer of sorted) {
      for (const inner of sorted) {
        if (inner.head <= outer.head || inner.head > outer.last || inner.last <= outer.last) continue;
        outer.last = inner.last;
        isChanged = true;
      }
    }
  }
  return sorted;
}

function labels(items: readonly Range[]): string {
  return items
    .map(({ head }) => `L${head}:{`)
    .reverse()
    .join('');
}

function cases(from: number, to: number): string {
  let text = '';
  for (let block = from; block <= to; block++) text += `case ${block}:`;
  return text;
}
