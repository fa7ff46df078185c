/** The software TLB's bookkeeping: which entries are in use, so that a flush touches only those. */
import type { RamOffset } from '../../memory/addresses.ts';
import { ZEROS_SIZE } from '../../memory/arena.ts';
import {
  TLB_ACCESS,
  TLB_ADDEND,
  TLB_BANKS,
  TLB_HI,
  TLB_NONE,
  TLB_READ,
  TLB_USER,
  TLB_WORDS,
  TLB_WRITE,
} from '../state.ts';

const ENTRIES = (TLB_BANKS * TLB_WORDS) / 4;
const KIND_GLOBAL = 1;
const KIND_LARGE = 2;
/** Large pages that were entered are remembered by a hash of their 4 MiB region. */
const LARGE_REGIONS = 4096;

/** First word of the banks of the vCPU in `slot`: the one for practice lies behind those of the first vCPU. */
export function tlbPart(slot: number): number {
  return slot === 0 ? 0 : (TLB_BANKS * slot + 1) * TLB_WORDS;
}

/** Words of the TLB of so many vCPUs. */
export function tlbWords(slots: number): number {
  return (TLB_BANKS * slots + 1) * TLB_WORDS;
}

function largeRegion(lo: number, hi: number): number {
  return ((lo >>> 22) ^ (hi << 10)) & (LARGE_REGIONS - 1);
}

const IN_LOCAL = 1;
const IN_GLOBAL = 2;

/** Word indices of entries. */
class Log {
  readonly bit: number;
  readonly entries = new Int32Array(ENTRIES);
  length = 0;

  constructor(bit: number) {
    this.bit = bit;
  }
}

export class Tlb {
  /** The words that hot code reads; layout in state.ts. */
  readonly words: Int32Array;
  /** Per entry: KIND_* bits. */
  readonly #kind = new Uint8Array(ENTRIES);
  /** Per entry: bits of the logs that it is in. */
  readonly #logged = new Uint8Array(ENTRIES);
  /** Entries that may be in use, once for what a change of CR3 ends and once for global pages. */
  readonly #local = new Log(IN_LOCAL);
  readonly #global = new Log(IN_GLOBAL);
  readonly #large = new Uint8Array(LARGE_REGIONS);

  /** First word of the vCPU's banks. */
  readonly #base: number;

  constructor(words: Int32Array, base: number) {
    this.words = words;
    this.#base = base;
    this.clear();
  }

  /** Enters a RAM page. `bank` is the first word of one of the banks; `offset` is where the page lies in the arena. */
  install(
    bank: number,
    lo: number,
    hi: number,
    offset: RamOffset,
    write: boolean,
    global: boolean,
    large: boolean,
  ): void {
    const T = this.words;
    const page = lo & ~0xfff;
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const entry = (j - this.#base) >> 2;
    T[j + TLB_READ] = page;
    T[j + TLB_WRITE] = write ? page : TLB_NONE;
    T[j + TLB_HI] = hi;
    T[j + TLB_ADDEND] = (offset - page) | 0;
    this.#kind[entry] = (global ? KIND_GLOBAL : 0) | (large ? KIND_LARGE : 0);
    if (large) this.#large[largeRegion(lo, hi)] = 1;
    const log = global ? this.#global : this.#local;
    if ((this.#logged[entry] & log.bit) !== 0) return;
    this.#logged[entry] |= log.bit;
    log.entries[log.length++] = j;
  }

  /** Forgets everything, entries that others wrote included. */
  clear(): void {
    this.words.fill(TLB_NONE, this.#base, this.#base + TLB_BANKS * TLB_WORDS);
    this.#logged.fill(0);
    this.#large.fill(0);
    this.#local.length = 0;
    this.#global.length = 0;
  }

  /** Drops all entries, or all but those of global pages. */
  flush(keepGlobal: boolean): void {
    const { entries, length, bit } = this.#local;
    for (let i = 0; i < length; i++) {
      const j = entries[i];
      const entry = (j - this.#base) >> 2;
      this.#logged[entry] &= ~bit;
      // A global page may have taken the entry over.
      if ((this.#kind[entry] & KIND_GLOBAL) === 0) this.#drop(j);
    }
    this.#local.length = 0;
    if (!keepGlobal) this.#flushGlobal();
  }

  #flushGlobal(): void {
    const { entries, length, bit } = this.#global;
    for (let i = 0; i < length; i++) {
      const j = entries[i];
      this.#logged[(j - this.#base) >> 2] &= ~bit;
      this.#drop(j);
    }
    this.#global.length = 0;
    this.#large.fill(0);
  }

  /** Drops the page at lo:hi, and when it may be part of a large page, all parts of that. */
  invalidate(lo: number, hi: number): void {
    const j = this.#base + ((lo >>> 10) & 0x3ffc);
    this.#dropIf(j, lo, hi);
    this.#dropIf(j + TLB_USER, lo, hi);
    this.#dropIf(j + TLB_ACCESS, lo, hi);
    if (this.#large[largeRegion(lo, hi)] === 0) return;
    for (const { entries, length } of [this.#local, this.#global]) {
      for (let i = 0; i < length; i++) {
        const k = entries[i];
        const sameRegion = this.words[k + TLB_HI] === hi && this.words[k] >>> 22 === lo >>> 22;
        if (sameRegion && (this.#kind[(k - this.#base) >> 2] & KIND_LARGE) !== 0) this.#drop(k);
      }
    }
  }

  /** Drops the entries of pages that read as zeros since they were never written. */
  dropZeros(): void {
    const T = this.words;
    for (const { entries, length } of [this.#local, this.#global]) {
      for (let i = 0; i < length; i++) {
        const j = entries[i];
        if (T[j] !== TLB_NONE && ((T[j] + T[j + TLB_ADDEND]) | 0) < ZEROS_SIZE) this.#drop(j);
      }
    }
  }

  /** Takes the write tags from all entries of the page at `offset`: writes there must come through the slow path. */
  dropWriteTags(offset: RamOffset): void {
    const T = this.words;
    for (const { entries, length } of [this.#local, this.#global]) {
      for (let i = 0; i < length; i++) {
        const j = entries[i];
        if (T[j + TLB_WRITE] !== TLB_NONE && ((T[j + TLB_WRITE] + T[j + TLB_ADDEND]) | 0) === offset) {
          T[j + TLB_WRITE] = TLB_NONE;
        }
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
