/**
 * Runs a new region without effect, so that the JavaScript engine has seen each of its operations, with large numbers and small
 * ones, before it optimises the function. An engine leaves out what it has not seen; where that is then needed, it throws the
 * optimised code away and starts again, which takes a tenth of a second each time.
 *
 * State and an entry of the jump cache are put back. Memory is reached through a bank of the TLB of its own, whose entries all lead to
 * the arena's scratch page. What would have other effects looks at S[PRACTICE] (interp/region-environment.ts).
 */

import { SCRATCH } from '../../memory/arena.ts';
import type { InterpreterEnvironment } from '../interp/environment.ts';
import { jumpIndex } from '../interp/jump-cache.ts';
import {
  BUDGET,
  CR0,
  CR0_EM,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  F_AUX,
  FAULT,
  JUMP_BASE,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  MXCSR,
  PAGE_HI,
  PAGE_LO,
  PRACTICE,
  PRACTICE_COLD,
  PRACTICE_FAULT,
  PRACTICE_HI,
  PRACTICE_INNER_NOT_TAKEN,
  PRACTICE_INNER_TAKEN,
  PRACTICE_LO,
  PRACTICE_NOT_TAKEN,
  PRACTICE_ON,
  PRACTICE_TAKEN,
  RCX,
  REGION_STALE,
  STATE_WORDS,
  TLB_BASE,
  TLB_NONE,
  TLB_PRACTICE,
  TLB_WORDS,
  XMM,
  XMM_TEMP,
} from '../state.ts';
import type { RegionEnvironment } from './region-compiler.ts';

const PAGE_WORDS = 1024;
/** First word of the scratch page. */
const PAGE = SCRATCH >>> 2;
const REGISTER_WORDS = 32;
const ENTRY_WORDS = 8;
const STEP = 32;
/** Added to numbers and addresses, so that differences are others than 0; pages and alignment stay. */
const DIFFERENCE = 4;

interface Round {
  /** What is added to the words of each register, times its number. */
  readonly step: number;
  readonly lo: number;
  readonly hi: number;
  /** What RCX has besides: a count for shifts. */
  readonly count: number;
  /** S[PRACTICE]. */
  readonly mode: number;
  readonly flags: number;
  readonly mxcsr: number;
  /** What is left of the slice, besides what a way through the region needs. */
  readonly budget: number;
}

const [MORE, SPENT] = [40, -1000];
const ON = PRACTICE_ON;
/** MXCSR with all exceptions masked: PE not set, and set. */
const [EXACT, INEXACT] = [0x1f80, 0x1fa0];
const LARGE = {
  ...{ step: 0, lo: PRACTICE_LO, hi: PRACTICE_HI, count: 0 },
  ...{ mode: ON, flags: 0, mxcsr: EXACT, budget: MORE },
} as const;
const FAULTING: Round = { ...LARGE, mode: ON | PRACTICE_COLD | PRACTICE_FAULT };
const ROUNDS: readonly Round[] = [
  FAULTING,
  { ...LARGE, step: STEP, mode: ON | PRACTICE_COLD | PRACTICE_INNER_TAKEN },
  { ...LARGE, count: 37, mode: ON | PRACTICE_INNER_NOT_TAKEN, budget: SPENT },
  { ...LARGE, step: STEP, count: 5, mode: ON | PRACTICE_TAKEN, flags: -0x80000000, mxcsr: INEXACT },
  { ...LARGE, count: 3, mode: ON | PRACTICE_NOT_TAKEN, flags: -0x40000000 },
  { ...LARGE, step: STEP, count: 40, mode: ON | PRACTICE_NOT_TAKEN | PRACTICE_INNER_TAKEN },
  { ...LARGE, lo: 0, hi: 0 },
];

/** V8 optimises a function after a number of ticks that grows with its size; a tick is so many turns of a small loop. */
const TICKS = 5;
const SIZE_PER_TICK = 110;
const TICK_TURNS = 4500;

/**
 * Turns of that loop, and how long they take at most in optimised code: V8's takes 40 to 100 µs, its interpreter a millisecond. Browsers'
 * clocks have steps of up to a millisecond.
 */
const PROBE_TURNS = 100_000;
const PROBE_NS = 150_000;
const COARSE_NS = 110_000;
const CLOCK_READS = 20_000;

/** The entry of the jump cache for that address. */
const ENTRY = jumpIndex(PRACTICE_LO);

type Region = (block: number) => number;

/** The step of a clock; infinite when it is too coarse to be waited for, or stands. */
function resolutionOf(nowNs: () => number): number {
  const start = nowNs();
  for (let read = 0; read < CLOCK_READS; read++) {
    const now = nowNs();
    if (now !== start) return now - start;
  }
  return Number.POSITIVE_INFINITY;
}

export class Practice {
  readonly #environment: InterpreterEnvironment & RegionEnvironment;
  readonly #nowNs: (() => number) | undefined;
  #resolutionNs: number | undefined;
  readonly #state = new Int32Array(STATE_WORDS);
  readonly #entry = new Int32Array(ENTRY_WORDS);

  /** `nowNs`: the host's clock, to see whether functions are optimised. */
  constructor(environment: InterpreterEnvironment & RegionEnvironment, nowNs: (() => number) | undefined) {
    this.#environment = environment;
    this.#nowNs = nowNs;
  }

  /**
   * Runs `region` from each of its `blocks`; its text has `size` characters. Returns and computed jumps lead to record `landing`, so that
   * all others are compared with it, too.
   */
  run(region: Region, blocks: number, landing: number, reserve: number, size: number): void {
    const { S, T, J } = this.#environment;
    this.#save();
    T.fill(TLB_NONE, TLB_PRACTICE, TLB_PRACTICE + TLB_WORDS);
    this.#prepare(FAULTING, reserve);
    region(-2 * size);
    region(0);
    for (const round of ROUNDS) {
      for (let block = 0; block < blocks; block++) {
        const tag = (block & 1) === 0 ? S[JUMP_TAG] : S[JUMP_TAG_GLOBAL];
        J.set([PRACTICE_LO, PRACTICE_HI, tag, landing, PRACTICE_LO & -4096, PRACTICE_HI, 0, 0], ENTRY);
        this.#prepare(round, reserve);
        region(block);
      }
    }
    this.#restore();
  }

  /** Lets the engine find that `region`, with a text of `size` characters, is hot: it optimises it while the guest goes on. */
  heat(region: Region, size: number): void {
    this.#save();
    for (let tick = 0; tick < TICKS + size / SIZE_PER_TICK; tick++) {
      this.#prepare(FAULTING, 0);
      region(-TICK_TURNS);
    }
    this.#restore();
  }

  /**
   * True: the engine has optimised `run`, as the time that the small loop at its start takes says. Also lets it find once more that the
   * function is hot.
   */
  isOptimised(run: Region): boolean {
    const nowNs = this.#nowNs;
    if (nowNs === undefined) return false;
    this.#resolutionNs ??= resolutionOf(nowNs);
    if (this.#resolutionNs > COARSE_NS) return false;
    this.#save();
    this.#prepare(FAULTING, 0);
    const start = nowNs();
    run(-PROBE_TURNS);
    const isFast = nowNs() - start <= PROBE_NS;
    this.#restore();
    return isFast;
  }

  #save(): void {
    const { S, J } = this.#environment;
    this.#state.set(S);
    this.#entry.set(J.subarray(ENTRY, ENTRY + ENTRY_WORDS));
  }

  #restore(): void {
    const { S, J } = this.#environment;
    S.set(this.#state);
    J.set(this.#entry, ENTRY);
  }

  #prepare({ step, lo, hi, count, mode, flags, mxcsr, budget }: Round, reserve: number): void {
    const { S, M32 } = this.#environment;
    for (let i = 0; i < REGISTER_WORDS; i += 2) {
      S[i] = lo + i * step;
      S[i + 1] = hi + i * step;
    }
    for (let i = XMM; i < XMM_TEMP; i += 2) {
      S[i] = lo + (i - XMM) * DIFFERENCE;
      S[i + 1] = hi;
    }
    S[PAGE_LO] = PRACTICE_LO & -4096;
    S[PAGE_HI] = PRACTICE_HI;
    S[RCX] = S[RCX] + count;
    for (let i = 0; i < PAGE_WORDS; i += 2) {
      M32[PAGE + i] = S[0] + (i & 63) * DIFFERENCE;
      M32[PAGE + i + 1] = hi;
    }
    S[F_AUX] = flags;
    S[MXCSR] = mxcsr;
    S[CR0] = S[CR0] & ~(CR0_TS | CR0_EM);
    S[CR4] = S[CR4] | CR4_OSFXSR;
    S[TLB_BASE] = TLB_PRACTICE;
    S[JUMP_BASE] = 0;
    S[FAULT] = 0;
    S[REGION_STALE] = 0;
    S[PRACTICE] = mode;
    S[BUDGET] = reserve + budget;
  }
}
