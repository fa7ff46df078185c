/** Decides what is compiled, compiles it, and runs it. */
import type { BlockCache } from '../interp/block-cache.ts';
import type { InterpreterEnvironment } from '../interp/environment.ts';
import { BUDGET } from '../state.ts';
import { REGION_PARAMETERS, regionSource } from './compiler.ts';
import { findRegion } from './region.ts';

const THRESHOLD = 40;
/** A region whose entries run fewer instructions than this on average goes back to the interpreter. */
const WORTH_INSTRUCTIONS = 20;
const TRIAL_ENTRIES = 2000;
const SAMPLE_ENTRIES = 4096;
/** Regions kept at most; then all are dropped, with the decoded code. */
const MAX_REGIONS = 4096;
/** The number of a region's block: region << BLOCK_BITS | block. */
const BLOCK_BITS = 6;
const BLOCK_MASK = (1 << BLOCK_BITS) - 1;

export type RegionEnvironment = Pick<
  InterpreterEnvironment,
  | ('load8' | 'load16' | 'load32' | 'load64' | 'loadw8' | 'loadw16' | 'loadw32' | 'loadw64')
  | ('store8' | 'store16' | 'store32' | 'store64' | 'loadPair' | 'load128' | 'store128')
> & {
  /** Record `p` was not done, because of a fault or because the interpreter must do it: as `region` answers. */
  decline(p: number): number;
};

/** Makes a function of parameter names and a body; may throw where the host's policy forbids it. */
export type FunctionMaker = (
  parameters: readonly string[],
  body: string,
) => (...values: unknown[]) => unknown;

type RegionFunction = (block: number) => number;
type RegionMaker = ReturnType<FunctionMaker>;

export class RegionCompiler {
  /** False: the page's policy forbids making code; everything then stays in the interpreter. */
  readonly allowed: boolean;
  enabled = true;
  /** Slices that must have ended in a block before its region is compiled. */
  threshold = THRESHOLD;
  /** Regions made so far, and those given up again, for statistics. */
  compiled = 0;
  rejected = 0;
  /** Hot blocks that did not become regions, by reason, for statistics. */
  readonly failures = { noLoop: 0, tooLarge: 0 };
  readonly #cache: BlockCache;
  readonly #environment: readonly unknown[];
  readonly #state: Int32Array;
  #functions: RegionFunction[] = [];
  /** By region: entries left of its trial, instructions run in it, first records of its blocks. */
  readonly #trials = new Int32Array(MAX_REGIONS);
  readonly #work = new Float64Array(MAX_REGIONS);
  #blocks: (readonly number[])[] = [];
  /** By region: the smallest budget that it is entered with. */
  readonly #needs = new Int32Array(MAX_REGIONS);
  /** Pairs: record, slices that ended there. */
  readonly #samples = new Int32Array(SAMPLE_ENTRIES * 2);

  readonly #makeFunction: FunctionMaker;

  constructor(
    cache: BlockCache,
    environment: InterpreterEnvironment & RegionEnvironment,
    makeFunction: FunctionMaker = (parameters, body) => new Function(...parameters, body) as RegionMaker,
  ) {
    this.#cache = cache;
    this.#makeFunction = makeFunction;
    this.#state = environment.S;
    const byName: Readonly<Record<string, unknown>> = { ...environment };
    this.#environment = REGION_PARAMETERS.map((name) => byName[name]);
    this.allowed = this.#mayMakeCode();
  }

  /** A slice ended before the block at `record`. */
  sample(record: number): void {
    if (!this.allowed || !this.enabled || this.#cache.isRegion(record)) return;
    const samples = this.#samples;
    const at = ((record >>> 3) & (SAMPLE_ENTRIES - 1)) * 2;
    if (samples[at] !== record) {
      samples[at] = record;
      samples[at + 1] = 0;
    }
    if (++samples[at + 1] === this.threshold) this.#compile(record);
  }

  /** Runs the region of the block at `record`; answers as `InterpreterEnvironment.region`. */
  run(record: number): number {
    const number = this.#cache.C[record - 1];
    const region = number >>> BLOCK_BITS;
    const S = this.#state;
    const before = S[BUDGET];
    if (before < this.#needs[region]) return -record;
    const trial = this.#trials[region];
    if (trial === 0) return this.#functions[region](number & BLOCK_MASK);
    const next = this.#functions[region](number & BLOCK_MASK);
    this.#work[region] += before - S[BUDGET];
    this.#trials[region] = trial - 1;
    if (trial === 1) this.#judge(region);
    return next;
  }

  /** The trial is over: does the region run long enough to be worth its entries and exits? */
  #judge(region: number): void {
    if (this.#work[region] >= WORTH_INSTRUCTIONS * TRIAL_ENTRIES) return;
    this.rejected++;
    for (const record of this.#blocks[region]) this.#cache.clearRegion(record);
  }

  /** Decoded code is gone, and the regions with it. */
  clear(): void {
    this.#functions = [];
    this.#blocks = [];
    this.#samples.fill(0);
  }

  #compile(record: number): void {
    const cache = this.#cache;
    if (this.#functions.length >= MAX_REGIONS) {
      cache.flush();
      return;
    }
    const region = findRegion(cache, record);
    if (region === undefined) {
      this.failures.noLoop++;
      return;
    }
    const source = regionSource(cache, region);
    if (source === undefined) {
      this.failures.tooLarge++;
      return;
    }
    const number = this.#functions.length;
    this.#functions.push(
      this.#makeFunction(REGION_PARAMETERS, source)(...this.#environment) as RegionFunction,
    );
    this.#trials[number] = TRIAL_ENTRIES;
    this.#work[number] = 0;
    this.#needs[number] = region.reserve;
    this.#blocks[number] = region.blocks.map((block) => block.record);
    for (const [index, block] of region.blocks.entries()) {
      cache.setRegion(block.record, (number << BLOCK_BITS) | index);
    }
    this.compiled++;
  }

  /** A content security policy without 'unsafe-eval' forbids it. */
  #mayMakeCode(): boolean {
    try {
      return this.#makeFunction([], 'return true')() === true;
    } catch {
      return false;
    }
  }
}
