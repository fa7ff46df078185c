/** Where the random bytes of a machine's devices come from. */

/** A source of entropy; QEMU's type `rng-backend`. */
export interface EntropySource {
  /** Fills `target`. */
  random(target: Uint8Array): void;
}

/** Spec: the finaliser of MurmurHash3, which spreads each bit over all. */
function scramble(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Fills `target` with bytes that are the same for the same `number` (an integer from 0 on), and look random from one to the next. */
export function repeatableBytes(target: Uint8Array, number: number): void {
  let word = scramble(Math.floor(number / 0x1_0000_0000) ^ 0x9e3779b9);
  for (let at = 0; at < target.length; at++) {
    if ((at & 3) === 0) word = scramble(word ^ Math.imul(number | 0, 0x01000193) ^ at);
    target[at] = word >>> (8 * (at & 3));
  }
}
