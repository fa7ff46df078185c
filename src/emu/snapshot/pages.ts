/** Finds the pages of RAM that are worth storing: zero pages are left out, equal pages are stored once. */
import { PAGE_SHIFT, PAGE_SIZE, PAGES_MAX } from './format.ts';

const WORDS = PAGE_SIZE / 4;
const ZERO_HASH = hashOf(new Int32Array(WORDS), 0);

/** Pages that follow each other and are like none before. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

export interface PagePlan {
  readonly runs: readonly PageRun[];
  /** Pairs: a page, and the earlier page that it is equal to. */
  readonly same: Uint32Array;
}

/** @param ram its length is a multiple of the page size, and it starts at a word of its buffer */
export function planPages(ram: Uint8Array): PagePlan {
  const words = new Int32Array(ram.buffer, ram.byteOffset, ram.length / 4);
  const pages = ram.length >>> PAGE_SHIFT;
  const byHash = new Map<number, number[]>();
  const runs: { first: number; count: number }[] = [];
  const same: number[] = [];
  for (let page = 0; page < pages; page++) {
    const hash = hashOf(words, page * WORDS);
    if (hash === ZERO_HASH && isZero(words, page * WORDS)) continue;
    const candidates = byHash.get(hash);
    const earlier = candidates?.find((other) => areEqual(words, page * WORDS, other * WORDS));
    if (earlier !== undefined) {
      same.push(page, earlier);
      continue;
    }
    if (candidates === undefined) byHash.set(hash, [page]);
    else candidates.push(page);
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === page && last.count < PAGES_MAX) last.count++;
    else runs.push({ first: page, count: 1 });
  }
  return { runs, same: Uint32Array.from(same) };
}

function hashOf(words: Int32Array, start: number): number {
  let hash = 0;
  for (let at = start; at < start + WORDS; at++)
    hash = Math.imul(hash ^ words[at], 0x01000193) ^ (hash >>> 15);
  return hash;
}

function isZero(words: Int32Array, start: number): boolean {
  for (let at = start; at < start + WORDS; at++) if (words[at] !== 0) return false;
  return true;
}

function areEqual(words: Int32Array, a: number, b: number): boolean {
  for (let at = 0; at < WORDS; at++) if (words[a + at] !== words[b + at]) return false;
  return true;
}
