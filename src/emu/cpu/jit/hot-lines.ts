/** Finds hot code: counts the slices of time that end in each line of 64 bytes. */
const LINE_SHIFT = 6;
const ENTRIES = 4096;
/** With half of the threshold in one line, the way from there is looked at. */
const WARM = 1 / 2;

export interface Policy {
  /** Slices that must have ended in a region's lines before it is made; as many must have gone by between two regions. */
  readonly threshold: number;
  /** How many times as many, for each region that was made of its first line before. */
  readonly retry: number;
  /** Slices, for each character of its text, that the interpreter goes on in a region which the JavaScript engine optimises meanwhile. */
  readonly patience: number;
  /** Blocks that are followed from a warm line on; 0: none, what its last block reaches becomes the region. */
  readonly path: number;
}

/** A slice takes half a millisecond, an engine some 200 ms for 20,000 characters. */
export const USUAL: Policy = { threshold: 40, retry: 3, patience: 1 / 50, path: 300 };
/** For tests: whatever is run, at once. */
export const EAGER: Policy = { threshold: 1, retry: 0, patience: 0, path: 0 };

/** The line of a guest-physical address. */
export function lineOf(start: number): number {
  return start >>> LINE_SHIFT;
}

export class HotLines {
  /** Pairs: line, slices that ended there. */
  readonly #samples = new Int32Array(ENTRIES * 2);
  /** By line: how often a region was made of it. */
  readonly #attempts = new Map<number, number>();

  /** A slice ended in the line. True: it is time to look at the way from there. */
  note(line: number, { threshold }: Policy): boolean {
    const entry = line & (ENTRIES - 1);
    const samples = this.#samples;
    if (samples[entry * 2] !== line) {
      samples[entry * 2] = line;
      samples[entry * 2 + 1] = 0;
    }
    return ++samples[entry * 2 + 1] % Math.ceil(threshold * WARM) === 0;
  }

  /** Slices that ended in these lines. */
  sum(lines: ReadonlySet<number>): number {
    let sum = 0;
    for (const line of lines) {
      const entry = line & (ENTRIES - 1);
      if (this.#samples[entry * 2] === line) sum += this.#samples[entry * 2 + 1];
    }
    return sum;
  }

  attempts(line: number): number {
    return this.#attempts.get(line) ?? 0;
  }

  /** A region is being made of the lines, from `first` on: counts from the start. */
  tried(first: number, lines: ReadonlySet<number>): void {
    this.#attempts.set(first, this.attempts(first) + 1);
    for (const line of lines) {
      const entry = line & (ENTRIES - 1);
      if (this.#samples[entry * 2] === line) this.#samples[entry * 2 + 1] = 0;
    }
  }

  clear(): void {
    this.#samples.fill(0);
    this.#attempts.clear();
  }
}
