/** Finds the pages of RAM that are worth storing: zero pages are left out, equal pages are stored once. */
import { PAGE_SHIFT, PAGE_SIZE, PAGES_MAX } from './format.ts';

const WORDS = PAGE_SIZE / 4;
const ZERO_HASH = hashOf(new Int32Array(WORDS));

/** RAM as the writer needs it. */
export interface RamSource {
  /** Whole pages at a page's place each, ascending, at words of their buffers; what is left out is zeros. */
  pieces(): Iterable<{ readonly at: number; readonly bytes: Uint8Array }>;
}

/** Pages that follow each other and are like none before. */
export interface PageRun {
  readonly first: number;
  readonly bytes: Uint8Array;
}

export interface PagePlan {
  readonly runs: readonly PageRun[];
  /** Pairs: a page, and the earlier page that it is equal to. */
  readonly same: Uint32Array;
}

/** A page that was met before. */
interface Known {
  readonly page: number;
  readonly words: Int32Array;
}

export function planPages(ram: RamSource): PagePlan {
  const byHash = new Map<number, Known[]>();
  const runs: PageRun[] = [];
  const same: number[] = [];
  for (const { at, bytes } of ram.pieces()) {
    const pages = bytes.length >>> PAGE_SHIFT;
    // Pages of the run that is being found.
    let run = 0;
    const endRun = (end: number): void => {
      const start = end - run;
      if (run > 0) {
        const part = bytes.subarray(start * PAGE_SIZE, end * PAGE_SIZE);
        runs.push({ first: at / PAGE_SIZE + start, bytes: part });
      }
      run = 0;
    };
    for (let index = 0; index < pages; index++) {
      const page = at / PAGE_SIZE + index;
      const words = new Int32Array(bytes.buffer, bytes.byteOffset + index * PAGE_SIZE, WORDS);
      const hash = hashOf(words);
      const isEmpty = hash === ZERO_HASH && words.every((word) => word === 0);
      const candidates = byHash.get(hash);
      const earlier = isEmpty ? undefined : candidates?.find((known) => areEqual(words, known.words));
      if (isEmpty || earlier !== undefined) {
        endRun(index);
        if (earlier !== undefined) same.push(page, earlier.page);
        continue;
      }
      if (candidates === undefined) byHash.set(hash, [{ page, words }]);
      else candidates.push({ page, words });
      if (run === PAGES_MAX) endRun(index);
      run++;
    }
    endRun(pages);
  }
  return { runs, same: Uint32Array.from(same) };
}

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (let at = 0; at < WORDS; at++) hash = Math.imul(hash ^ words[at], 0x01000193) ^ (hash >>> 15);
  return hash;
}

function areEqual(a: Int32Array, b: Int32Array): boolean {
  for (let at = 0; at < WORDS; at++) if (a[at] !== b[at]) return false;
  return true;
}
