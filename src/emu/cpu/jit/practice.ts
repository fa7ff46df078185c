/**
 * Runs a new region without effect, so that the JavaScript engine has seen each of its operations, with large numbers and small
 * ones, before it optimises the function. An engine leaves out what it has not seen; where that is then needed, it throws the
 * optimised code away and starts again, which takes a tenth of a second each time.
 *
 * State, the first page of RAM and an entry of the jump cache are put back. Memory is reached through a third half of the TLB,
 * whose entries all lead to that page. What would have other effects looks at S[PRACTICE] (interp/region-environment.ts).
 */

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
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  PAGE_HI,
  PAGE_LO,
  PRACTICE,
  PRACTICE_COLD,
  PRACTICE_FAULT,
  PRACTICE_NOT_TAKEN,
  PRACTICE_ON,
  PRACTICE_TAKEN,
  RCX,
  REGION_STALE,
  STATE_WORDS,
  TLB_BASE,
  TLB_NONE,
  TLB_PRACTICE,
  XMM,
  XMM_TEMP,
} from '../state.ts';
import type { RegionEnvironment } from './region-compiler.ts';

const PAGE_WORDS = 1024;
const REGISTER_WORDS = 32;
const ENTRY_WORDS = 8;
/** An address, and a number that is large in both words and ordinary as a float and as a double. */
export const LARGE_LO = -0x3ff7f400;
export const LARGE_HI = -0x3ff80000;
const STEP = 32;

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
  /** What is left of the slice, besides what a way through the region needs. */
  readonly budget: number;
}

const [MORE, SPENT] = [40, -1000];
const [ON, TAKEN] = [PRACTICE_ON, PRACTICE_ON | PRACTICE_TAKEN];
const LARGE = { step: 0, lo: LARGE_LO, hi: LARGE_HI, count: 0, mode: ON, flags: 0, budget: MORE } as const;
const ZERO = { ...LARGE, lo: 0, hi: 0 } as const;
const FAULTING: Round = { ...LARGE, mode: ON | PRACTICE_COLD | PRACTICE_FAULT };
const ROUNDS: readonly Round[] = [
  FAULTING,
  { ...LARGE, step: STEP, mode: ON | PRACTICE_COLD },
  { ...LARGE, count: 37, budget: SPENT },
  { ...LARGE, step: STEP, count: 5, mode: TAKEN, flags: -0x80000000 },
  { ...LARGE, count: 3, mode: ON | PRACTICE_NOT_TAKEN, flags: -0x40000000 },
  ZERO,
];

/** V8 optimises a function after a number of ticks that grows with its size; a tick is so many turns of a small loop. */
const TICKS = 5;
const SIZE_PER_TICK = 110;
const TICK_TURNS = 4500;

/** The entry of the jump cache for that address. */
const ENTRY = jumpIndex(LARGE_LO);

type Region = (block: number) => number;

export class Practice {
  readonly #environment: InterpreterEnvironment & RegionEnvironment;
  readonly #state = new Int32Array(STATE_WORDS);
  readonly #page = new Int32Array(PAGE_WORDS);
  readonly #entry = new Int32Array(ENTRY_WORDS);

  constructor(environment: InterpreterEnvironment & RegionEnvironment) {
    this.#environment = environment;
  }

  /** Runs `region` from each of its blocks, the first records of which are `blocks`; its text has `size` characters. */
  run(region: Region, blocks: readonly number[], reserve: number, size: number): void {
    const { S, T, J } = this.#environment;
    this.#save();
    T.fill(TLB_NONE, TLB_PRACTICE);
    this.#prepare(FAULTING, reserve);
    region(-2 * size);
    region(0);
    for (const round of ROUNDS) {
      for (const [block, record] of blocks.entries()) {
        const tag = (block & 1) === 0 ? S[JUMP_TAG] : S[JUMP_TAG_GLOBAL];
        J.set([LARGE_LO, LARGE_HI, tag, record, LARGE_LO & -4096, LARGE_HI, 0, 0], ENTRY);
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

  #save(): void {
    const { S, J, M32 } = this.#environment;
    this.#state.set(S);
    this.#page.set(M32.subarray(0, PAGE_WORDS));
    this.#entry.set(J.subarray(ENTRY, ENTRY + ENTRY_WORDS));
  }

  #restore(): void {
    const { S, J, M32 } = this.#environment;
    S.set(this.#state);
    M32.set(this.#page);
    J.set(this.#entry, ENTRY);
  }

  #prepare({ step, lo, hi, count, mode, flags, budget }: Round, reserve: number): void {
    const { S, M32 } = this.#environment;
    for (let i = 0; i < REGISTER_WORDS; i += 2) {
      S[i] = lo + i * step;
      S[i + 1] = hi + i * step;
    }
    for (let i = XMM; i < XMM_TEMP; i += 2) {
      S[i] = lo;
      S[i + 1] = hi;
    }
    S[PAGE_LO] = LARGE_LO & -4096;
    S[PAGE_HI] = LARGE_HI;
    S[RCX] = S[RCX] + count;
    for (let i = 0; i < PAGE_WORDS; i += 2) {
      M32[i] = S[0];
      M32[i + 1] = hi;
    }
    S[F_AUX] = flags;
    S[CR0] = S[CR0] & ~(CR0_TS | CR0_EM);
    S[CR4] = S[CR4] | CR4_OSFXSR;
    S[TLB_BASE] = TLB_PRACTICE;
    S[FAULT] = 0;
    S[REGION_STALE] = 0;
    S[PRACTICE] = mode;
    S[BUDGET] = reserve + budget;
  }
}
