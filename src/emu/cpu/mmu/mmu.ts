/**
 * Linear to guest-physical: what hot code calls when its own look into the TLB failed.
 * A fault is recorded by `raise`; the access then does nothing and a load answers 0.
 */
import type { Gpa, RamOffset } from '../../memory/addresses.ts';
import { type GuestMemory, NO_RAM, READ_ONLY } from '../../memory/guest-memory.ts';
import type { CpuHost } from '../cpu.ts';
import type { Debugger } from '../debugger.ts';
import {
  CPL,
  CR2_HI,
  CR2_LO,
  CR4,
  CR4_SMAP,
  CR4_SMEP,
  DR7,
  EFER,
  EFER_LMA,
  FAULT,
  LD_HI,
  TLB_ADDEND,
  TLB_HI,
  TLB_SYSTEM,
  TLB_USER,
  TLB_WRITE,
  VEC_GP,
  VEC_PF,
} from '../state.ts';
import { DR7_ENABLES, noteAccess, watchesPage } from '../system/debug.ts';
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, PageWalker } from './page-walk.ts';
import type { Translations } from './translations.ts';

/** translateCode: the fetch faulted. */
export const FETCH_FAULT = -1;
/** translateCode: the address is not RAM. */
export const FETCH_MMIO = -2;

const PAGE = 0x1000;
const FAULTED = -1;

export class Mmu {
  /** Those of the vCPU on the stage. */
  translations: Translations;
  readonly #S: Int32Array;
  readonly #T: Int32Array;
  readonly #memory: GuestMemory;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #host: CpuHost;
  readonly #walker: PageWalker;
  readonly #raise: (vector: number, error?: number) => void;
  readonly #debugger: Debugger;
  /** The page that `translateCode` found last is global. */
  codeIsGlobal = false;

  constructor(
    S: Int32Array,
    tlb: Int32Array,
    translations: Translations,
    memory: GuestMemory,
    host: CpuHost,
    raise: (vector: number, error?: number) => void,
    watcher: Debugger,
  ) {
    this.translations = translations;
    this.#S = S;
    this.#T = tlb;
    this.#memory = memory;
    this.#bytes = memory.arena.bytes;
    this.#view = memory.arena.view;
    this.#host = host;
    this.#walker = new PageWalker(S, memory, host);
    this.#raise = raise;
    this.#debugger = watcher;
  }

  /** Loads and stores: `bank` is S[TLB_BASE], or S[TLB_SYSTEM] to access as supervisor. */
  load8(lo: number, hi: number, bank: number): number {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j] === (lo & 0xfffff000) && T[j + TLB_HI] === hi) return this.#bytes[(lo + T[j + TLB_ADDEND]) | 0];
    const gpa = this.#access(lo, hi, ACCESS_READ, bank, 1);
    return gpa < 0 ? 0 : this.#readPhysical(gpa, 1);
  }

  load16(lo: number, hi: number, bank: number): number {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j] === (lo & 0xfffff000) && T[j + TLB_HI] === hi && (lo & 0xfff) <= PAGE - 2) {
      return this.#view.getUint16((lo + T[j + TLB_ADDEND]) | 0, true);
    }
    if ((lo & 0xfff) > PAGE - 2) return this.#loadAcross(lo, hi, 2, bank);
    const gpa = this.#access(lo, hi, ACCESS_READ, bank, 2);
    return gpa < 0 ? 0 : this.#readPhysical(gpa, 2);
  }

  load32(lo: number, hi: number, bank: number): number {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j] === (lo & 0xfffff000) && T[j + TLB_HI] === hi && (lo & 0xfff) <= PAGE - 4) {
      return this.#view.getInt32((lo + T[j + TLB_ADDEND]) | 0, true);
    }
    if ((lo & 0xfff) > PAGE - 4) return this.#loadAcross(lo, hi, 4, bank);
    const gpa = this.#access(lo, hi, ACCESS_READ, bank, 4);
    return gpa < 0 ? 0 : this.#readPhysical(gpa, 4) | 0;
  }

  /** The high word goes to S[LD_HI]. */
  load64(lo: number, hi: number, bank: number): number {
    const S = this.#S;
    if ((lo & 0xfff) <= PAGE - 8) {
      const j = bank + ((lo >>> 10) & 0x3ffc);
      const T = this.#T;
      if (T[j] === (lo & 0xfffff000) && T[j + TLB_HI] === hi) {
        const at = (lo + T[j + TLB_ADDEND]) | 0;
        S[LD_HI] = this.#view.getInt32(at + 4, true);
        return this.#view.getInt32(at, true);
      }
      const gpa = this.#access(lo, hi, ACCESS_READ, bank, 8);
      if (gpa < 0) return 0;
      const low = this.#readPhysical(gpa, 4) | 0;
      S[LD_HI] = this.#readPhysical(gpa + 4, 4);
      return low;
    }
    // Both pages must be there before any part is read.
    const next = nextPage(lo);
    if (this.#translate(lo, hi, ACCESS_READ, bank) < 0) return 0;
    if (this.#translate(next, this.#nextHi(next, hi), ACCESS_READ, bank) < 0) return 0;
    const low = this.load32(lo, hi, bank);
    const second = (lo + 4) | 0;
    S[LD_HI] = this.load32(second, second >>> 0 < 4 ? this.#nextHi(0, hi) : hi, bank);
    return low;
  }

  store8(lo: number, hi: number, value: number, bank: number): void {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j + TLB_WRITE] === (lo & 0xfffff000) && T[j + TLB_HI] === hi) {
      this.#bytes[(lo + T[j + TLB_ADDEND]) | 0] = value;
      return;
    }
    const gpa = this.#access(lo, hi, ACCESS_WRITE, bank, 1);
    if (gpa >= 0) this.#writePhysical(gpa, 1, value);
  }

  store16(lo: number, hi: number, value: number, bank: number): void {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j + TLB_WRITE] === (lo & 0xfffff000) && T[j + TLB_HI] === hi && (lo & 0xfff) <= PAGE - 2) {
      this.#view.setUint16((lo + T[j + TLB_ADDEND]) | 0, value, true);
    } else if ((lo & 0xfff) > PAGE - 2) {
      this.#storeAcross(lo, hi, 2, value, 0, bank);
    } else {
      const gpa = this.#access(lo, hi, ACCESS_WRITE, bank, 2);
      if (gpa >= 0) this.#writePhysical(gpa, 2, value);
    }
  }

  store32(lo: number, hi: number, value: number, bank: number): void {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j + TLB_WRITE] === (lo & 0xfffff000) && T[j + TLB_HI] === hi && (lo & 0xfff) <= PAGE - 4) {
      this.#view.setInt32((lo + T[j + TLB_ADDEND]) | 0, value, true);
    } else if ((lo & 0xfff) > PAGE - 4) {
      this.#storeAcross(lo, hi, 4, value, 0, bank);
    } else {
      const gpa = this.#access(lo, hi, ACCESS_WRITE, bank, 4);
      if (gpa >= 0) this.#writePhysical(gpa, 4, value);
    }
  }

  store64(lo: number, hi: number, valueLo: number, valueHi: number, bank: number): void {
    if ((lo & 0xfff) > PAGE - 8) {
      this.#storeAcross(lo, hi, 8, valueLo, valueHi, bank);
      return;
    }
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    if (T[j + TLB_WRITE] === (lo & 0xfffff000) && T[j + TLB_HI] === hi) {
      const at = (lo + T[j + TLB_ADDEND]) | 0;
      this.#view.setInt32(at, valueLo, true);
      this.#view.setInt32(at + 4, valueHi, true);
      return;
    }
    const gpa = this.#access(lo, hi, ACCESS_WRITE, bank, 8);
    if (gpa < 0) return;
    this.#writePhysical(gpa, 4, valueLo);
    this.#writePhysical(gpa + 4, 4, valueHi);
  }

  /** Faults as a write of `size` bytes would, and writes nothing. */
  probeWrite(lo: number, hi: number, size: number, bank: number): void {
    const j = bank + ((lo >>> 10) & 0x3ffc);
    const T = this.#T;
    const across = (lo & 0xfff) + size > PAGE;
    if (!across && T[j + TLB_WRITE] === (lo & 0xfffff000) && T[j + TLB_HI] === hi) return;
    if (this.#translate(lo, hi, ACCESS_WRITE, bank) < 0) return;
    const next = nextPage(lo);
    if (across && this.#translate(next, this.#nextHi(next, hi), ACCESS_WRITE, bank) < 0) return;
    // What reads, changes and writes memory can no longer be begun again when it writes.
    if (this.#debugger.hasWatchpoints) this.#debugger.permitsProbe(this.#S, lo, hi, size);
  }

  /** Faults as a read of `size` bytes would, and reads nothing. */
  probeRead(lo: number, hi: number, size: number, bank: number): void {
    if (this.#translate(lo, hi, ACCESS_READ, bank) < 0 || (lo & 0xfff) + size <= PAGE) return;
    const next = nextPage(lo);
    this.#translate(next, this.#nextHi(next, hi), ACCESS_READ, bank);
  }

  /**
   * Where the code byte at lo:hi lies in the arena, fetched with the current privilege;
   * FETCH_FAULT with the exception raised, or FETCH_MMIO.
   */
  translateCode(lo: number, hi: number): RamOffset {
    const user = this.#S[CPL] === 3;
    const apart = !user && (this.#S[CR4] & CR4_SMEP) !== 0;
    if (!this.#walk(lo, hi, ACCESS_FETCH, user, apart)) return FETCH_FAULT as RamOffset;
    const { frame, global, large } = this.#walker;
    this.codeIsGlobal = global;
    this.translations.noteFetch(lo, hi, large);
    const offset = this.#memory.toFetch(frame + (lo & 0xfff));
    return offset === NO_RAM ? (FETCH_MMIO as RamOffset) : offset;
  }

  /** Drops translations: of all pages (`global`), or of all but global ones. */
  flushTlb(global: boolean): void {
    this.translations.flush(this.#S, global);
  }

  invalidatePage(lo: number, hi: number): void {
    this.translations.invalidate(this.#S, lo, hi);
  }

  #walk(lo: number, hi: number, access: number, user: boolean, apart: boolean): boolean {
    const S = this.#S;
    if ((S[EFER] & EFER_LMA) !== 0) {
      // QEMU: #GP(0) for every non-canonical access, where the SDM wants #SS(0) for those through the stack segment.
      const top = hi >> 15;
      if (top !== 0 && top !== -1) {
        this.#raise(VEC_GP, 0);
        return false;
      }
    }
    if (this.#walker.walk(lo, hi, access, user, apart)) return true;
    if (S[FAULT] === 0) {
      S[CR2_LO] = lo;
      S[CR2_HI] = hi;
    }
    this.#raise(VEC_PF, this.#walker.error);
    return false;
  }

  /** As #translate, for an access that is made if it does not fault: data breakpoints see it. */
  #access(lo: number, hi: number, access: number, bank: number, size: number): Gpa {
    const gpa = this.#translate(lo, hi, access, bank);
    if (gpa >= 0 && !this.#permits(lo, hi, size, access === ACCESS_WRITE)) return FAULTED;
    if (gpa >= 0 && (this.#S[DR7] & DR7_ENABLES) !== 0) {
      noteAccess(this.#S, lo, hi, size, access === ACCESS_WRITE);
    }
    return gpa;
  }

  /** False: a debugger watches this, and the instruction must be run for it; FAULT_DEBUG was raised. */
  #permits(lo: number, hi: number, size: number, write: boolean): boolean {
    const { hasWatchpoints } = this.#debugger;
    return !hasWatchpoints || this.#debugger.permits(this.#S, lo, hi, size, write);
  }

  /** Guest-physical address, entered into the TLB when it is RAM; FAULTED with the exception raised. */
  #translate(lo: number, hi: number, access: number, bank: number): Gpa {
    const S = this.#S;
    const kind = bank - S[TLB_SYSTEM];
    const apart = kind === 0 && (S[CR4] & CR4_SMAP) !== 0;
    if (!this.#walk(lo, hi, access, kind === TLB_USER, apart)) return FAULTED;
    const walker = this.#walker;
    const frame = walker.frame;
    const watched =
      ((this.#S[DR7] & DR7_ENABLES) !== 0 && watchesPage(this.#S, lo, hi)) ||
      (this.#debugger.hasWatchpoints && this.#debugger.watchesPage(lo, hi));
    const memory = this.#memory;
    // A page that is written to needs a place of its own first, so that its entry shows that and not the zeros.
    const offset = access === ACCESS_WRITE ? memory.toWrite(frame) : memory.locate(frame);
    if (!watched && offset >= 0) {
      const write = walker.writable && memory.isWritable && memory.codePages[offset >>> 12] === 0;
      this.translations.tlb.install(bank, lo, hi, offset, write, walker.global, walker.large);
    }
    return frame + (lo & 0xfff);
  }

  /** High word of the page after one at `hi`, when its low word is `nextLo`. Linear addresses have 32 bits outside long mode. */
  #nextHi(nextLo: number, hi: number): number {
    if (nextLo !== 0) return hi;
    return (this.#S[EFER] & EFER_LMA) !== 0 ? (hi + 1) | 0 : 0;
  }

  #loadAcross(lo: number, hi: number, size: number, bank: number): number {
    const nextLo = nextPage(lo);
    const first = this.#translate(lo, hi, ACCESS_READ, bank);
    if (first < 0) return 0;
    const second = this.#translate(nextLo, this.#nextHi(nextLo, hi), ACCESS_READ, bank);
    if (second < 0 || !this.#permits(lo, hi, size, false)) return 0;
    if ((this.#S[DR7] & DR7_ENABLES) !== 0) noteAccess(this.#S, lo, hi, size, false);
    const inFirst = PAGE - (lo & 0xfff);
    let value = 0;
    for (let i = 0; i < size; i++) {
      const gpa = i < inFirst ? first + i : second + i - inFirst;
      value |= this.#readPhysical(gpa, 1) << (8 * i);
    }
    return value;
  }

  #storeAcross(lo: number, hi: number, size: number, valueLo: number, valueHi: number, bank: number): void {
    const nextLo = nextPage(lo);
    const first = this.#translate(lo, hi, ACCESS_WRITE, bank);
    if (first < 0) return;
    const second = this.#translate(nextLo, this.#nextHi(nextLo, hi), ACCESS_WRITE, bank);
    if (second < 0 || !this.#permits(lo, hi, size, true)) return;
    if ((this.#S[DR7] & DR7_ENABLES) !== 0) noteAccess(this.#S, lo, hi, size, true);
    const inFirst = PAGE - (lo & 0xfff);
    for (let i = 0; i < size; i++) {
      const gpa = i < inFirst ? first + i : second + i - inFirst;
      const word = i < 4 ? valueLo : valueHi;
      this.#writePhysical(gpa, 1, (word >>> (8 * (i & 3))) & 0xff);
    }
  }

  /** `gpa` and the `size` bytes from it are in one page. */
  #readPhysical(gpa: Gpa, size: 1 | 2 | 4): number {
    const offset = this.#memory.locate(gpa);
    if (offset === NO_RAM) return this.#host.mmioRead(gpa, size);
    if (size === 1) return this.#bytes[offset];
    return size === 2 ? this.#view.getUint16(offset, true) : this.#view.getInt32(offset, true);
  }

  #writePhysical(gpa: Gpa, size: 1 | 2 | 4, value: number): void {
    const offset = this.#memory.toWrite(gpa);
    if (offset === READ_ONLY) return;
    if (offset === NO_RAM) {
      const unsigned = size === 1 ? value & 0xff : size === 2 ? value & 0xffff : value >>> 0;
      this.#host.mmioWrite(gpa, size, unsigned);
      return;
    }
    this.#memory.codeWritten(offset, size);
    if (size === 1) this.#bytes[offset] = value;
    else if (size === 2) this.#view.setUint16(offset, value, true);
    else this.#view.setInt32(offset, value, true);
  }
}

function nextPage(lo: number): number {
  return ((lo & 0xfffff000) + PAGE) | 0;
}
