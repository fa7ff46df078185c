/** Decides what is compiled, compiles it, and runs it. */
import { RECORD } from '../decode/instruction.ts';
import { BLOCK_BITS, BLOCK_MASK, type BlockCache } from '../interp/block-cache.ts';
import type { CodeMaker } from '../interp/code-maker.ts';
import type { InterpreterEnvironment } from '../interp/environment.ts';
import { BUDGET, PAGE_HI, PAGE_LO, REGION_STALE } from '../state.ts';
import { MAX_TEXT, REGION_PARAMETERS, regionSource } from './compiler.ts';
import { HotLines, lineOf, USUAL } from './hot-lines.ts';
import { REGIONS_MAX } from './landings.ts';
import { type Group, groupsOf } from './path.ts';
import { Practice } from './practice.ts';
import { findRegion, type Region, type Resolver, type Seed } from './region.ts';

/** A region whose entries run fewer instructions than this on average goes back to the interpreter. */
const WORTH_INSTRUCTIONS = 25;
/** One that runs fewer may do better with the blocks that it leads to. */
const GOOD_INSTRUCTIONS = 100;
const TRIAL_ENTRIES = 10_000;
/** A place that one exit of so many leads to. */
const FREQUENT = 50;
const GROWTH_MAX = 3;
const SEEDS_MAX = 12;
const EXITS_MAX = 64;
/** Instructions from an entry to the way out: with fewer a region is not worth while, or must be hot for longer. */
const WORTH_STAY = 60;
const GOOD_STAY = 400;
/** Slices that regions may use up at once, and that each takes: a fifth of the time at most goes into making them. */
const CREDIT_MAX = 200;
const CREDIT_PER_CHARACTER = 1 / 100;
const PRICE_MAX = 16;
const PROBE_SLICES = 4;
const PROBE_SLICES_PER_CHARACTER = 1 / 1000;
/**
 * Characters of text: beyond that the regions that were not run for longest go. An engine keeps some 13 bytes for each. A boot and a quarter of an
 * hour at a shell make 0.8 million.
 */
const TEXT_MAX = 2_000_000;

export type RegionEnvironment = Pick<
  InterpreterEnvironment,
  | ('load8' | 'load16' | 'load32' | 'load64' | 'loadw8' | 'loadw16' | 'loadw32' | 'loadw64')
  | (
      | 'store8'
      | 'store16'
      | 'store32'
      | 'store64'
      | 'raise'
      | 'branch'
      | 'loadNumber'
      | 'load128'
      | 'storeNumber'
      | 'storeNumbers'
    )
  | (
      | 'helper'
      | 'helperRepeat'
      | 'helperEnd'
      | 'leave'
      | 'x87op'
      | 'sse'
      | 'sseNumber'
      | 'sseOrder'
      | 'sseCheck'
      | 'sseLoad'
      | 'sseStore'
    )
> & {
  /** The jump cache. */
  readonly J: Int32Array;
  /** See landings.ts. */
  readonly D: Int32Array;
  /** The budget does not cover a way from the block at `record`: the next record, or 0 when nothing is left of it. */
  over(record: number): number;
  /** As `jump`; record `record`, unless it is 0, keeps the address. */
  hop(record: number, lo: number, hi: number): number;
  /** Record `p` was not done, because of a fault or because the interpreter must do it: as `region` answers. */
  decline(p: number): number;
};

interface Exits {
  count: number;
  readonly seed: Seed;
}

type RegionFunction = (block: number) => number;

interface Compiled {
  readonly run: RegionFunction;
  readonly seeds: readonly Seed[];
  /** First records of its blocks. */
  readonly records: readonly number[];
  readonly size: number;
  /** How often its blocks were chosen anew. */
  readonly growth: number;
  /** The smallest budget that it is entered with. */
  readonly reserve: number;
  /** The slice in which it was run last; while it waits, the one from which on it is. */
  slice: number;
  /** The slice in which it is seen next whether it is optimised. */
  probe: number;
  /** Entries left of its trial, instructions run in it, and where it led to. */
  trial: number;
  work: number;
  exits: Map<number, Exits>;
}

/** Slices from one look to the next whether a function is optimised, of this many characters. */
function probesOf(size: number): number {
  return Math.ceil(PROBE_SLICES + size * PROBE_SLICES_PER_CHARACTER);
}

export class RegionCompiler {
  /** False: the page's policy forbids making code; everything then stays in the interpreter. */
  readonly allowed: boolean;
  enabled = true;
  policy = USUAL;
  /** For statistics: regions made so far, of these larger ones in the place of others, those given up, instructions run in them. */
  compiled = 0;
  grown = 0;
  rejected = 0;
  retired = 0;
  readonly #cache: BlockCache;
  readonly #environment: Readonly<Record<string, unknown>>;
  readonly #state: Int32Array;
  readonly #landings: Int32Array;
  readonly #resolve: Resolver;
  readonly #practice: Practice;
  readonly #maker: CodeMaker;
  readonly #lines = new HotLines();
  /** Blocks that may become regions, the most promising ones last. */
  #groups: Group[] = [];
  /** By number. */
  readonly #regions: Compiled[] = [];
  /** Numbers of regions that were made, but are not entered yet. */
  readonly #waiting = new Set<number>();
  readonly #free: number[] = [];
  #text = 0;
  #slices = 0;
  /** Making a region takes as long as some slices: others must have gone by. */
  #credit = CREDIT_MAX;
  /** Rises with each region that turns out short, and falls with each good one: of some code no region is worth while. */
  #price = 1;

  constructor(
    cache: BlockCache,
    environment: InterpreterEnvironment & RegionEnvironment,
    resolve: Resolver,
    maker: CodeMaker,
    nowNs: (() => number) | undefined,
  ) {
    this.#cache = cache;
    this.#resolve = resolve;
    this.#practice = new Practice(environment, nowNs);
    this.#maker = maker;
    this.#state = environment.S;
    this.#landings = environment.D;
    this.#environment = { ...environment };
    this.allowed = maker.allowed;
  }

  /** A slice ended before a block. The number of blocks that are to be followed from there on. */
  sample(seed: Seed): number {
    if (!this.allowed || !this.enabled) return 0;
    const cache = this.#cache;
    const { record } = seed;
    this.#slices++;
    this.#credit = Math.min(this.#credit + 1, CREDIT_MAX);
    for (const number of this.#waiting) {
      if (this.#isReady(this.#regions[number])) this.#install(number);
      else if (this.#regions[number].records.includes(record)) return 0;
    }
    if (this.#credit < this.policy.threshold) return 0;
    const group = this.#groups.pop();
    if (group !== undefined) this.#make(group.seeds);
    if (cache.isRegion(record)) return 0;
    if (!this.#lines.note(lineOf(cache.C[record - RECORD]), this.policy)) return 0;
    if (this.policy.path === 0) this.#make([seed]);
    return this.#groups.length > 0 ? 0 : this.policy.path;
  }

  /** The guest went this way: of what is hot there, what was run most often is compiled first. */
  followed(path: readonly Seed[]): void {
    this.#groups = groupsOf(this.#cache, path)
      .filter((group) => this.#isHot(group))
      .reverse();
  }

  #isHot({ seeds, stay }: Group): boolean {
    if (stay < WORTH_STAY) return false;
    const { threshold, retry } = this.policy;
    const [first] = seeds;
    const enough = threshold * (1 + retry * this.#lines.attempts(this.#lineOf(first)));
    return (
      this.#lines.sum(this.#linesOf(seeds)) >=
      (stay < GOOD_STAY ? (enough * this.#price * GOOD_STAY) / stay : enough)
    );
  }

  #lineOf({ record }: Seed): number {
    return lineOf(this.#cache.C[record - RECORD]);
  }

  #linesOf(seeds: readonly Seed[]): Set<number> {
    return new Set(seeds.map((seed) => this.#lineOf(seed)));
  }

  /** Makes a region of these blocks. */
  #make(blocks: readonly Seed[]): void {
    const cache = this.#cache;
    const seeds = blocks.filter(({ record }) => cache.isLive(record));
    if (seeds.length === 0 || cache.isRegion(seeds[0].record)) return;
    const region = findRegion(cache, seeds, this.#resolve);
    if (region === undefined) return;
    this.#lines.tried(this.#lineOf(seeds[0]), this.#linesOf(seeds));
    this.#compile(region, seeds, 0);
  }

  /** Runs the region of the block at `record`, and those that it leads to; answers as `InterpreterEnvironment.region`. */
  run(record: number): number {
    const S = this.#state;
    const { C } = this.#cache;
    let at = record;
    for (;;) {
      const number = C[at - 1];
      const region = this.#regions[number >>> BLOCK_BITS];
      const before = S[BUDGET];
      if (before < region.reserve) return -at;
      S[REGION_STALE] = 0;
      const next = region.run(number & BLOCK_MASK);
      const work = before - S[BUDGET];
      region.work += work;
      this.retired += work;
      region.slice = this.#slices;
      if (region.trial !== 0) this.#try(number >>> BLOCK_BITS, next);
      if (next <= 0 || !this.#cache.isRegion(next)) return next;
      at = next;
    }
  }

  /** During its trial it is noted where a region leads to. */
  #try(number: number, next: number): void {
    const S = this.#state;
    const region = this.#regions[number];
    if (next > 0) {
      const known = region.exits.get(next);
      const seed = { record: next, pageLo: S[PAGE_LO], pageHi: S[PAGE_HI] };
      if (known !== undefined) known.count++;
      else if (region.exits.size < EXITS_MAX) region.exits.set(next, { count: 1, seed });
    }
    if (--region.trial === 0) this.#judge(number);
  }

  /** The trial is over: does the region run long enough to be worth its entries and exits, and would it with more blocks? */
  #judge(number: number): void {
    const region = this.#regions[number];
    const each = region.work / TRIAL_ENTRIES;
    this.#price = Math.min(
      Math.max(each < GOOD_INSTRUCTIONS ? this.#price * 2 : this.#price / 2, 1),
      PRICE_MAX,
    );
    if (each < GOOD_INSTRUCTIONS && region.growth < GROWTH_MAX && this.#credit >= this.policy.threshold) {
      this.#grow(region);
    }
    region.exits = new Map();
    if (each >= WORTH_INSTRUCTIONS) return;
    this.rejected++;
    this.#leave(number);
  }

  /** Makes a region of the same blocks and of those that it often leads to, if all of them fit. */
  #grow(old: Compiled): void {
    const more = [...old.exits.values()]
      .filter(({ count, seed }) => count >= TRIAL_ENTRIES / FREQUENT && this.#cache.isLive(seed.record))
      .sort((a, b) => b.count - a.count)
      .slice(0, SEEDS_MAX)
      .map(({ seed }) => seed);
    if (more.length === 0) return;
    const seeds = [...old.seeds, ...more];
    const region = findRegion(this.#cache, seeds, this.#resolve);
    if (region === undefined || region.blocks.length <= old.records.length) return;
    const records = new Set(region.blocks.map(({ record }) => record));
    if (old.records.every((record) => records.has(record))) {
      this.grown++;
      this.#compile(region, seeds, old.growth + 1);
    }
  }

  #compile(region: Region, seeds: readonly Seed[], growth: number): void {
    this.#makeRoom();
    const number = this.#free.pop() ?? this.#regions.length;
    if (number >= REGIONS_MAX) return;
    const source = regionSource(this.#cache, this.#landings, region, number);
    if (source === undefined) {
      this.#free.push(number);
      return;
    }
    const records = region.blocks.map(({ record }) => record);
    const run = this.#maker.make(REGION_PARAMETERS, source, this.#environment) as RegionFunction;
    const size = source.length;
    this.#credit -= this.policy.threshold === 1 ? 1 : size * CREDIT_PER_CHARACTER;
    this.#practice.run(run, records.length, records[records.length - 1], region.reserve, size);
    if (this.policy.patience > 0) this.#practice.heat(run, size);
    const slice = this.#slices + Math.ceil(size * this.policy.patience);
    const { reserve } = region;
    const probe = this.#slices + probesOf(size);
    const trial = TRIAL_ENTRIES;
    this.#regions[number] = {
      ...{ run, seeds, records, size, growth, reserve, slice, probe, trial },
      ...{ work: 0, exits: new Map() },
    };
    this.#waiting.add(number);
    if (this.policy.patience === 0) this.#install(number);
    this.#text += size;
    this.compiled++;
  }

  /** It is optimised, or should be by now. */
  #isReady(region: Compiled): boolean {
    if (region.slice <= this.#slices) return true;
    if (region.probe > this.#slices) return false;
    region.probe = this.#slices + probesOf(region.size);
    return this.#practice.isOptimised(region.run);
  }

  /** From now on the region is entered. */
  #install(number: number): void {
    const cache = this.#cache;
    this.#waiting.delete(number);
    for (const [block, record] of this.#regions[number].records.entries()) {
      if (cache.isLive(record) && !this.#isGood(record)) {
        cache.setRegion(record, (number << BLOCK_BITS) | block);
      }
    }
  }

  /** A region that has proved itself is entered as before when others have the same block. */
  #isGood(record: number): boolean {
    if (!this.#cache.isRegion(record)) return false;
    const { trial, work } = this.#regions[this.#cache.C[record - 1] >>> BLOCK_BITS];
    return trial === 0 && work >= GOOD_INSTRUCTIONS * TRIAL_ENTRIES;
  }

  /** The region is entered no more. */
  #leave(number: number): void {
    const cache = this.#cache;
    for (const record of this.#regions[number].records) {
      if (cache.isRegion(record) && cache.C[record - 1] >>> BLOCK_BITS === number) cache.clearRegion(record);
    }
  }

  /** Drops the regions that were not run for longest, until there is room for another one, if it can. */
  #makeRoom(): void {
    while (
      this.#text + MAX_TEXT > TEXT_MAX ||
      (this.#free.length === 0 && this.#regions.length === REGIONS_MAX)
    ) {
      let oldest = -1;
      for (const [number, { slice, size: text }] of this.#regions.entries()) {
        if (text === 0 || this.#waiting.has(number)) continue;
        if (oldest < 0 || slice < this.#regions[oldest].slice) oldest = number;
      }
      if (oldest < 0) return;
      this.#leave(oldest);
      this.#text -= this.#regions[oldest].size;
      this.#regions[oldest] = { ...this.#regions[oldest], run: () => 0, seeds: [], records: [], size: 0 };
      this.#free.push(oldest);
    }
  }

  /** Decoded code is gone, and the regions with it. */
  clear(): void {
    this.#regions.length = 0;
    this.#free.length = 0;
    this.#waiting.clear();
    this.#groups = [];
    this.#lines.clear();
    this.#text = 0;
  }
}
