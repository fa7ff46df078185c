/** The software TLB's bookkeeping: which entries are in use, so that a flush touches only those. */
import { TLB_ADDEND, TLB_HI, TLB_NONE, TLB_READ, TLB_WORDS, TLB_WRITE } from '../state.ts';

const ENTRIES = (2 * TLB_WORDS) / 4;
const KIND_GLOBAL = 1;
const KIND_LARGE = 2;
/** Large pages that were entered are remembered by a hash of their 4 MiB region. */
const LARGE_REGIONS = 4096;

function largeRegion(lo: number, hi: number): number {
  return ((lo >>> 22) ^ (hi << 10)) & (LARGE_REGIONS - 1);
}

export class Tlb {
  /** The words that hot code reads; layout in state.ts. */
  readonly words: Int32Array;
  /** Per entry: KIND_* bits. */
  readonly #kind = new Uint8Array(ENTRIES);
  readonly #logged = new Uint8Array(ENTRIES);
  /** Word indices of entries that may be in use. */
  readonly #log = new Int32Array(ENTRIES);
  #logLength = 0;
  readonly #large = new Uint8Array(LARGE_REGIONS);

  constructor(words: Int32Array) {
    this.words = words;
    this.clear();
  }

  /** Enters a RAM page. `half` is 0 or TLB_WORDS; `gpa` the page's guest-physical address. */
  install(
    half: number,
    lo: number,
    hi: number,
    gpa: number,
    write: boolean,
    global: boolean,
    large: boolean,
  ): void {
    const T = this.words;
    const page = lo & ~0xfff;
    const j = half + ((lo >>> 10) & 0x3ffc);
    const entry = j >> 2;
    T[j + TLB_READ] = page;
    T[j + TLB_WRITE] = write ? page : TLB_NONE;
    T[j + TLB_HI] = hi;
    T[j + TLB_ADDEND] = (gpa - page) | 0;
    this.#kind[entry] = (global ? KIND_GLOBAL : 0) | (large ? KIND_LARGE : 0);
    if (large) this.#large[largeRegion(lo, hi)] = 1;
    if (this.#logged[entry] === 0) {
      this.#logged[entry] = 1;
      this.#log[this.#logLength++] = j;
    }
  }

  /** Forgets everything, entries that others wrote included. */
  clear(): void {
    this.words.fill(TLB_NONE);
    this.#logged.fill(0);
    this.#large.fill(0);
    this.#logLength = 0;
  }

  /** Drops all entries, or all but those of global pages. */
  flush(keepGlobal: boolean): void {
    let kept = 0;
    for (let i = 0; i < this.#logLength; i++) {
      const j = this.#log[i];
      if (keepGlobal && (this.#kind[j >> 2] & KIND_GLOBAL) !== 0 && this.words[j] !== TLB_NONE) {
        this.#log[kept++] = j;
      } else {
        this.#drop(j);
        this.#logged[j >> 2] = 0;
      }
    }
    this.#logLength = kept;
    if (kept === 0) this.#large.fill(0);
  }

  /** Drops the page at lo:hi, and when it may be part of a large page, all parts of that. */
  invalidate(lo: number, hi: number): void {
    const j = (lo >>> 10) & 0x3ffc;
    this.#dropIf(j, lo, hi);
    this.#dropIf(j + TLB_WORDS, lo, hi);
    if (this.#large[largeRegion(lo, hi)] === 0) return;
    for (let i = 0; i < this.#logLength; i++) {
      const k = this.#log[i];
      const sameRegion = this.words[k + TLB_HI] === hi && this.words[k] >>> 22 === lo >>> 22;
      if (sameRegion && (this.#kind[k >> 2] & KIND_LARGE) !== 0) this.#drop(k);
    }
  }

  /** Takes the write tags from all entries of the RAM page at `gpa`: writes there must come through the slow path. */
  dropWriteTags(gpa: number): void {
    const T = this.words;
    for (let i = 0; i < this.#logLength; i++) {
      const j = this.#log[i];
      if (T[j + TLB_WRITE] !== TLB_NONE && ((T[j + TLB_WRITE] + T[j + TLB_ADDEND]) | 0) === gpa) {
        T[j + TLB_WRITE] = TLB_NONE;
      }
    }
  }

  #dropIf(j: number, lo: number, hi: number): void {
    if (this.words[j] === (lo & ~0xfff) && this.words[j + TLB_HI] === hi) this.#drop(j);
  }

  #drop(j: number): void {
    this.words[j + TLB_READ] = TLB_NONE;
    this.words[j + TLB_WRITE] = TLB_NONE;
  }
}
