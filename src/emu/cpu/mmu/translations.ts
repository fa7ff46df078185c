/** What one vCPU has translated: its part of the TLB, and where it fetched code. It stays while other vCPUs run. */
import { CODE_GENERATION, CODE_GENERATION_GLOBAL, CR4, CR4_PGE } from '../state.ts';
import { Tlb } from './tlb.ts';

const CODE_HASH = 4096;

function codeHash(page: number, hi: number): number {
  return (page ^ (page >>> 12) ^ (hi << 5)) & (CODE_HASH - 1);
}

export class Translations {
  readonly tlb: Tlb;
  /** By a hash of the linear page, and of the 4 MiB region for large pages: code was fetched from there. */
  readonly #codePages = new Uint8Array(CODE_HASH);
  readonly #codeRegions = new Uint8Array(CODE_HASH);

  /** @param base first word of the vCPU's part of `words` */
  constructor(words: Int32Array, base: number) {
    this.tlb = new Tlb(words, base);
  }

  /** Code comes from the page at lo:hi, which may be part of a large one. */
  noteFetch(lo: number, hi: number, large: boolean): void {
    this.#codePages[codeHash(lo >>> 12, hi)] = 1;
    if (large) this.#codeRegions[codeHash(lo >>> 22, hi)] = 1;
  }

  /** Drops all (`global`), or all but those of global pages. @param S the vCPU's words */
  flush(S: Int32Array, global: boolean): void {
    const keepGlobal = !global && (S[CR4] & CR4_PGE) !== 0;
    this.tlb.flush(keepGlobal);
    S[CODE_GENERATION]++;
    if (!keepGlobal) this.#forgetCode(S);
  }

  /** Drops those of the page at lo:hi. */
  invalidate(S: Int32Array, lo: number, hi: number): void {
    this.tlb.invalidate(lo, hi);
    // Most invalidated pages hold data: cached code addresses stay valid.
    if (this.#codePages[codeHash(lo >>> 12, hi)] === 0 && this.#codeRegions[codeHash(lo >>> 22, hi)] === 0)
      return;
    S[CODE_GENERATION]++;
    this.#forgetCode(S);
  }

  #forgetCode(S: Int32Array): void {
    S[CODE_GENERATION_GLOBAL]++;
    this.#codePages.fill(0);
    this.#codeRegions.fill(0);
  }
}
