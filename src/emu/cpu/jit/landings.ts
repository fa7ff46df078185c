/**
 * Where in a region an address is: each region has a part of one table, in which a hash of a key finds the number of the block without a
 * search. The hash is chosen so that no two blocks of the region share a place.
 */

import { BLOCK_BITS } from '../interp/block-cache.ts';

/** Regions that there may be at a time. */
export const REGIONS_MAX = 512;
/** A place holds key << BLOCK_BITS | block; -1 holds nothing. */
const PLACE_BITS = 8;
const PLACES = 1 << PLACE_BITS;
const TRIES = 20_000;
const GOLDEN = 0x9e3779b1;

/** The table of all regions. */
export function createLandings(): Int32Array {
  return new Int32Array(REGIONS_MAX * PLACES).fill(-1);
}

/**
 * Enters the keys of a region's blocks, which are below 2^25.
 * @returns an expression that is the number of the block with key `key`, an Int32 expression, and negative or above 63 where
 *   there is none; undefined when no hash was found
 */
export function enterLandings(
  D: Int32Array,
  region: number,
  keys: readonly number[],
): ((key: string) => string) | undefined {
  const multiplier = multiplierFor(keys);
  if (multiplier === undefined) return undefined;
  const start = region * PLACES;
  D.fill(-1, start, start + PLACES);
  for (const [block, key] of keys.entries()) {
    D[start + placeOf(key, multiplier)] = (key << BLOCK_BITS) | block;
  }
  return (key) => `D[(Math.imul(${key},${multiplier})>>>${32 - PLACE_BITS})+${start}]^${key}<<${BLOCK_BITS}`;
}

function placeOf(key: number, multiplier: number): number {
  return Math.imul(key, multiplier) >>> (32 - PLACE_BITS);
}

/** Odd, as V8 keeps small ones in one word: below 2^30. */
function multiplierFor(keys: readonly number[]): number | undefined {
  const takenBy = new Int32Array(PLACES);
  for (let round = 1; round <= TRIES; round++) {
    const multiplier = (Math.imul(round, GOLDEN) >>> 2) | 1;
    const isFree = (key: number): boolean => {
      const place = placeOf(key, multiplier);
      if (takenBy[place] === round) return false;
      takenBy[place] = round;
      return true;
    };
    if (keys.every(isFree)) return multiplier;
  }
  return undefined;
}
