/** Finds hot code: counts the slices of time that end in each line of 64 bytes. */
import type { Seed } from './region.ts';

const LINE_SHIFT = 6;
const LINES_PER_PAGE = 4096 >> LINE_SHIFT;
const ENTRIES = 4096;
/** A part of what makes a line hot. */
const NEIGHBOUR = 1 / 8;

export interface Policy {
  /** Slices that must have ended in a line before a region is made of it; as many must have gone by between two regions. */
  readonly threshold: number;
  /** How many times as many, for each region that was made of it before. */
  readonly retry: number;
  /** Slices, for each character of its text, that the interpreter goes on in a region which the JavaScript engine optimises meanwhile. */
  readonly patience: number;
}

/** A slice takes half a millisecond, an engine some 100 ms for 20,000 characters. */
export const USUAL: Policy = { threshold: 40, retry: 3, patience: 1 / 100 };
/** For tests: whatever is run, at once. */
export const EAGER: Policy = { threshold: 1, retry: 0, patience: 0 };

/** The line of a guest-physical address. */
export function lineOf(gpa: number): number {
  return gpa >>> LINE_SHIFT;
}

export class HotLines {
  /** Pairs: line, slices that ended there. */
  readonly #samples = new Int32Array(ENTRIES * 2);
  /** The last block of each line. */
  #seeds: (Seed | undefined)[] = [];
  /** By line: how often a region was made of it. */
  readonly #attempts = new Map<number, number>();

  /** A slice ended before the block `seed`. True: its line is hot. */
  note(line: number, seed: Seed, { threshold, retry }: Policy): boolean {
    const entry = line & (ENTRIES - 1);
    const samples = this.#samples;
    if (samples[entry * 2] !== line) {
      samples[entry * 2] = line;
      samples[entry * 2 + 1] = 0;
    }
    this.#seeds[entry] = seed;
    return ++samples[entry * 2 + 1] >= threshold * (1 + retry * this.attempts(line));
  }

  attempts(line: number): number {
    return this.#attempts.get(line) ?? 0;
  }

  /** A region is being made of the line: counts from the start. */
  tried(line: number): void {
    this.#attempts.set(line, this.attempts(line) + 1);
    this.#samples[(line & (ENTRIES - 1)) * 2 + 1] = 0;
  }

  /** The other warm blocks of the page: a table of branches leads to places that are not known otherwise. */
  neighbours(line: number, { threshold }: Policy): Seed[] {
    const first = line & -LINES_PER_PAGE;
    const found: Seed[] = [];
    for (let other = first; other < first + LINES_PER_PAGE; other++) {
      const entry = other & (ENTRIES - 1);
      const seed = this.#seeds[entry];
      const isWarm =
        this.#samples[entry * 2] === other && this.#samples[entry * 2 + 1] >= threshold * NEIGHBOUR;
      if (other !== line && isWarm && seed !== undefined) found.push(seed);
    }
    return found;
  }

  clear(): void {
    this.#samples.fill(0);
    this.#seeds = [];
    this.#attempts.clear();
  }
}
