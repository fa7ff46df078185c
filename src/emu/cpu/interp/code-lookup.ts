/** From the address of code to its records: the jump cache, then translated pages, then a page walk, then the decoder. */
import type { RamOffset } from '../../memory/addresses.ts';
import { FETCH_FAULT, FETCH_MMIO } from '../mmu/mmu.ts';
import {
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  JUMP_BASE,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  MODE,
  MODE_CODE64,
  MODE_TRAP,
  PAGE_HI,
  PAGE_LO,
  RIP_HI,
  RIP_LO,
  SEG_BASE_LO,
  SEG_CS,
  SEG_LIMIT,
  VEC_GP,
  VEC_UD,
} from '../state.ts';
import type { Vcpu } from '../vcpu.ts';
import { type BlockCache, NEEDS_NEXT_PAGE } from './block-cache.ts';
import { JUMP_WORDS, JUMP_WORDS_BITS, jumpIndex } from './jump-cache.ts';

const PAGE = 4096;
/** A tag holds generations of 20 bits. */
const MAX_GENERATION = 1 << 20;
/** A tag that no entry has: what was found is not to be gone on from by the cache. */
export const NO_TAG = -1;
/**
 * Pages of code that were translated, directly mapped: linear address low, high, tag (as in the jump cache), place in the
 * arena. After a change of CR3 each page is walked once, and the jump cache's entries in it are good again.
 */
const PAGES = 1024;
const PAGES_WORDS = PAGES * 4;

export class CodeLookup {
  /** See jump-cache.ts. */
  readonly jumps: Int32Array;
  readonly #cpu: Vcpu;
  readonly #blocks: BlockCache;
  /** For each vCPU. */
  readonly #pages: Int32Array;
  /** Of each vCPU: base and limit of CS when code was last looked up. */
  readonly #lastCs: Int32Array;
  /** The page translated last is global. */
  #isGlobal = false;

  constructor(cpu: Vcpu, blocks: BlockCache) {
    this.#cpu = cpu;
    this.#blocks = blocks;
    this.jumps = new Int32Array(cpu.slots * JUMP_WORDS);
    this.#pages = new Int32Array(cpu.slots * PAGES_WORDS);
    this.#lastCs = new Int32Array(cpu.slots * 2);
  }

  /** Decoded code is gone. */
  clear(): void {
    this.jumps.fill(0);
  }

  /** First record of the code at RIP; 0: a fault was raised, or a debugger has a breakpoint there. */
  find(mode: number): number {
    const { S } = this.#cpu;
    this.#noticeCodeSegment();
    if ((S[CODE_GENERATION] | S[CODE_GENERATION_GLOBAL]) >= MAX_GENERATION) this.#restartGenerations();
    S[JUMP_TAG] = (S[CODE_GENERATION] << 11) | (mode << 1);
    S[JUMP_TAG_GLOBAL] = (S[CODE_GENERATION_GLOBAL] << 11) | (mode << 1) | 1;
    const lo = S[RIP_LO];
    const hi = S[RIP_HI];
    const { jumps } = this;
    const k = S[JUMP_BASE] + jumpIndex(lo);
    const tag = jumps[k + 2];
    const current = tag === S[JUMP_TAG] || tag === S[JUMP_TAG_GLOBAL];
    const known = current && jumps[k] === lo && jumps[k + 1] === hi;
    if (known && this.#blocks.isLive(jumps[k + 3]) && (mode & MODE_TRAP) === 0) {
      S[PAGE_LO] = jumps[k + 4];
      S[PAGE_HI] = jumps[k + 5];
      return jumps[k + 3];
    }
    return this.#translate(lo, hi, mode, k);
  }

  /** The record that the address leads to by the jump cache alone, else 0. */
  known(lo: number, hi: number): number {
    const { S } = this.#cpu;
    const { jumps } = this;
    const k = S[JUMP_BASE] + jumpIndex(lo);
    const tag = jumps[k + 2];
    if (jumps[k] !== lo || jumps[k + 1] !== hi) return 0;
    return tag === S[JUMP_TAG] || tag === S[JUMP_TAG_GLOBAL] ? jumps[k + 3] : 0;
  }

  #translate(lo: number, hi: number, mode: number, k: number): number {
    const cpu = this.#cpu;
    const { S } = cpu;
    const blocks = this.#blocks;
    const { jumps } = this;
    const code64 = (mode & MODE_CODE64) !== 0;
    if (!code64 && lo >>> 0 > S[SEG_CS + SEG_LIMIT] >>> 0) {
      cpu.raise(VEC_GP, 0);
      return 0;
    }
    const linear = code64 ? lo : (lo + S[SEG_CS + SEG_BASE_LO]) | 0;
    const { debugger: watcher } = cpu;
    if (watcher.hasBreakpoints && watcher.breaksInPage(linear, hi)) {
      if (watcher.breaksAt(S)) return 0;
      // Blocks that are linked to nothing, so that each instruction is looked up.
      mode |= MODE_TRAP;
    }
    const start = this.#fetch(linear, hi);
    if (start < 0) return 0;
    let global = this.#isGlobal;
    let record = jumps[k] === lo && jumps[k + 1] === hi ? jumps[k + 3] : 0;
    if (record === 0 || !blocks.isBlockAt(record, start, mode)) record = blocks.find(start, mode, -1);
    if (record === NEEDS_NEXT_PAGE) {
      const after = (linear & -PAGE) + PAGE;
      const next = this.#fetch(after | 0, code64 && (after | 0) === 0 ? (hi + 1) | 0 : hi);
      if (next < 0) return 0;
      global &&= this.#isGlobal;
      record = blocks.find(start, mode, next);
    }
    const pageLo = (lo - (linear & (PAGE - 1))) | 0;
    S[PAGE_LO] = pageLo;
    S[PAGE_HI] = hi;
    if ((mode & MODE_TRAP) !== 0) {
      // Each instruction ends with a trap, or may have a breakpoint behind it: none may be gone on to by the cache.
      S[JUMP_TAG] = NO_TAG;
      S[JUMP_TAG_GLOBAL] = NO_TAG;
      return record;
    }
    jumps[k] = lo;
    jumps[k + 1] = hi;
    jumps[k + 2] = global ? S[JUMP_TAG_GLOBAL] : S[JUMP_TAG];
    jumps[k + 3] = record;
    jumps[k + 4] = pageLo;
    jumps[k + 5] = hi;
    // Only blocks inside one page may be linked to.
    jumps[k + 6] = blocks.crosses(record) ? 0 : 1;
    return record;
  }

  /** Where code lies in the arena, or negative with a fault raised. */
  #fetch(lo: number, hi: number): RamOffset {
    const { S, mmu } = this.#cpu;
    const pages = this.#pages;
    const page = lo & -PAGE;
    const at = this.#slot * PAGES_WORDS + (((lo >>> 12) & (PAGES - 1)) << 2);
    const tag = pages[at + 2];
    const isCurrent = tag === S[JUMP_TAG] || tag === S[JUMP_TAG_GLOBAL];
    if (isCurrent && pages[at] === page && pages[at + 1] === hi) {
      this.#isGlobal = (tag & 1) !== 0;
      return (pages[at + 3] + (lo - page)) as RamOffset;
    }
    const start = mmu.translateCode(lo, hi);
    if (start === FETCH_MMIO) {
      this.#cpu.trace.unimplemented('execution outside of RAM');
      this.#cpu.raise(VEC_UD);
      return FETCH_FAULT as RamOffset;
    }
    if (start >= 0) {
      this.#isGlobal = mmu.codeIsGlobal;
      pages[at] = page;
      pages[at + 1] = hi;
      pages[at + 2] = this.#isGlobal ? S[JUMP_TAG_GLOBAL] : S[JUMP_TAG];
      pages[at + 3] = start - (lo - page);
    }
    return start;
  }

  /** The place of the vCPU on the stage. */
  get #slot(): number {
    return this.#cpu.S[JUMP_BASE] >> JUMP_WORDS_BITS;
  }

  /** Generations have 20 bits in a tag: before they wrap, all tags are forgotten. */
  #restartGenerations(): void {
    const { S } = this.#cpu;
    const slot = this.#slot;
    this.jumps.fill(0, slot * JUMP_WORDS, (slot + 1) * JUMP_WORDS);
    this.#pages.fill(0, slot * PAGES_WORDS, (slot + 1) * PAGES_WORDS);
    S[CODE_GENERATION] = 1;
    S[CODE_GENERATION_GLOBAL] = 1;
  }

  /** Cached addresses are relative to CS: they are void when its base or limit changes. */
  #noticeCodeSegment(): void {
    const { S } = this.#cpu;
    if ((S[MODE] & MODE_CODE64) !== 0) return;
    const base = S[SEG_CS + SEG_BASE_LO];
    const limit = S[SEG_CS + SEG_LIMIT];
    const last = this.#lastCs;
    const at = this.#slot * 2;
    if (base === last[at] && limit === last[at + 1]) return;
    last[at] = base;
    last[at + 1] = limit;
    S[CODE_GENERATION]++;
    S[CODE_GENERATION_GLOBAL]++;
  }
}
