/**
 * Names in the order in which QEMU lists the children of an object: that of a hash table of GLib 2.74, where a name's place follows from
 * its text, the names that were there before, and those that were removed. `info chardev`, `info memdev` and `qom-list` show it.
 *
 * The table is an array of 2^n slots. A name begins at the slot that its hash gives and goes on by 1, 2, 3 … slots while they are taken. A removed name
 * leaves a mark, over which a search goes on and into which a new name may go. When an addition leaves too few free slots, or very
 * many, all names are placed anew in the same array, each pushing out the name that is in its slot and is not placed yet.
 */
const MIN_SLOTS = 8;
/** The largest prime below each number of slots; the first is for 8. */
const PRIMES = [7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521];
/** GLib looks for room for a third more names than there are. */
const GROWTH = 1.333;
/** GLib spreads hashes by it before it divides. */
const SPREAD = 11;
const REMOVED = Symbol('removed');

type Slot<T> = { readonly name: string; readonly value: T } | typeof REMOVED | undefined;

export class NameTable<T> {
  #slots: Slot<T>[] = new Array(MIN_SLOTS).fill(undefined);
  #count = 0;
  /** Slots with a name or the mark of a removed one. */
  #used = 0;

  get(name: string): T | undefined {
    const slot = this.#slots[this.#find(name)];
    return slot === undefined || slot === REMOVED ? undefined : slot.value;
  }

  /** The name must be free. */
  add(name: string, value: T): void {
    const at = this.#find(name);
    const isNew = this.#slots[at] === undefined;
    this.#slots[at] = { name, value };
    this.#count++;
    if (!isNew) return;
    this.#used++;
    const { length } = this.#slots;
    const tooLarge = length > 4 * this.#count && length > MIN_SLOTS;
    if (tooLarge || length <= this.#used + Math.floor(this.#used / 16)) this.#resize();
  }

  /** QEMU takes objects out in a way in which GLib does not make the table smaller. */
  remove(name: string): void {
    if (this.get(name) === undefined) return;
    this.#slots[this.#find(name)] = REMOVED;
    this.#count--;
  }

  /** From the first slot to the last. */
  entries(): readonly (readonly [name: string, value: T])[] {
    return this.#slots.flatMap((slot) =>
      slot === undefined || slot === REMOVED ? [] : [[slot.name, slot.value] as const],
    );
  }

  /** The slot of a name, or the one for a new name. */
  #find(name: string): number {
    let removed: number | undefined;
    let at = firstSlot(name, this.#slots.length);
    for (let step = 1; this.#slots[at] !== undefined; step++) {
      const slot = this.#slots[at];
      if (slot === REMOVED) removed ??= at;
      else if (slot?.name === name) return at;
      at = (at + step) & (this.#slots.length - 1);
    }
    return removed ?? at;
  }

  #resize(): void {
    const length = Math.max(MIN_SLOTS, 2 ** (32 - Math.clz32(Math.floor(this.#count * GROWTH))));
    const old = this.#slots.length;
    const slots = [...this.#slots, ...new Array<Slot<T>>(Math.max(0, length - old)).fill(undefined)];
    const placed = new Set<number>();
    for (let from = 0; from < old; from++) {
      if (placed.has(from)) continue;
      let moving = slots[from];
      slots[from] = undefined;
      while (moving !== undefined && moving !== REMOVED) {
        let to = firstSlot(moving.name, length);
        for (let step = 1; placed.has(to); step++) to = (to + step) & (length - 1);
        placed.add(to);
        const pushedOut: Slot<T> = slots[to];
        slots[to] = moving;
        moving = pushedOut;
      }
    }
    this.#slots = slots.slice(0, length);
    this.#used = this.#count;
  }
}

function firstSlot(name: string, slots: number): number {
  const prime = PRIMES[Math.log2(slots / MIN_SLOTS)] ?? slots - 1;
  return (Math.imul(hashOf(name), SPREAD) >>> 0) % prime;
}

/** GLib keeps 0 and 1 for itself. */
function hashOf(name: string): number {
  let hash = 5381;
  for (const byte of new TextEncoder().encode(name)) hash = (Math.imul(hash, 33) + ((byte << 24) >> 24)) | 0;
  return Math.max(hash >>> 0, 2);
}
