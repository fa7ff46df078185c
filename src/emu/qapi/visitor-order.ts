/** The order in which QEMU finds members that nobody asked for: `Parameter 'x' is unexpected` names the first. */
import { inQdictOrder } from './qdict-order.ts';
import { encodeText } from './utf8.ts';

const FIRST_SIZE = 8;
/** Keys that all have one hash take steps by the square of their number. */
const MAX_KEYS = 1024;

/** A key with its hash. */
interface Entry {
  readonly key: string;
  readonly hash: number;
}

/** Spec: GLib 2.74, g_str_hash: Bernstein's hash of signed bytes. The table keeps 0 and 1 for places without a key. */
function hashOf(key: string): number {
  let hash = 5381;
  for (const byte of encodeText(key)) hash = (Math.imul(hash, 33) + ((byte << 24) >> 24)) | 0;
  return Math.max(hash >>> 0, 2);
}

function isPrime(value: number): boolean {
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false;
  return true;
}

/** @param size a power of two, from 8 */
function primeBelow(size: number): number {
  let prime = size - 1;
  while (!isPrime(prime)) prime--;
  return prime;
}

/** GLib's hash table, as far as the places of its keys go. */
class GlibTable {
  readonly #places: (Entry | undefined)[] = new Array(FIRST_SIZE).fill(undefined);
  #prime = primeBelow(FIRST_SIZE);
  #used = 0;

  add(key: string): void {
    const entry = { key, hash: hashOf(key) };
    this.#places[this.#freeFor(entry, (place) => this.#places[place] !== undefined)] = entry;
    this.#used++;
    if (this.#places.length <= this.#used + (this.#used >> 4)) this.#grow();
  }

  keys(): readonly string[] {
    return this.#places.flatMap((entry) => (entry === undefined ? [] : [entry.key]));
  }

  /** Tries the places 0, 1, 3, 6, … behind the one that the hash says. */
  #freeFor({ hash }: Entry, isTaken: (place: number) => boolean): number {
    const mask = this.#places.length - 1;
    let place = (Math.imul(hash, 11) >>> 0) % this.#prime;
    for (let step = 1; isTaken(place); step++) place = (place + step) & mask;
    return place;
  }

  /** Every key looks for its new place among those that have none yet; who is there looks next. */
  #grow(): void {
    const places = this.#places;
    const before = places.length;
    const size = 2 ** (32 - Math.clz32(Math.floor(this.#used * 1.333)));
    for (let place = before; place < size; place++) places.push(undefined);
    this.#prime = primeBelow(size);
    const settled = new Uint8Array(size);
    for (let from = 0; from < before; from++) {
      if (settled[from] === 1) continue;
      let moving = places[from];
      places[from] = undefined;
      while (moving !== undefined) {
        const place = this.#freeFor(moving, (one) => settled[one] === 1);
        settled[place] = 1;
        const found: Entry | undefined = places[place];
        places[place] = moving;
        moving = found;
      }
    }
  }
}

/**
 * QEMU: who reads an object as arguments of a command, or as options, keeps its members in a table of GLib's, and takes out those that
 * are asked for. They enter it in the order of the object's own table.
 * Not modelled: more than 1024 members are told in the order of the object's own table.
 * @param keys oldest first
 */
export function inVisitorOrder(keys: readonly string[]): readonly string[] {
  if (keys.length < 2 || keys.length > MAX_KEYS) return inQdictOrder(keys);
  const table = new GlibTable();
  for (const key of inQdictOrder(keys)) table.add(key);
  return table.keys();
}
