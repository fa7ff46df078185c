/** Page tables: 2-level, PAE and 4-level. Spec: Intel SDM vol. 3 §4.3–4.7. */
import type { Gpa } from '../../memory/addresses.ts';
import { type GuestMemory, NO_RAM } from '../../memory/guest-memory.ts';
import type { CpuHost } from '../cpu.ts';
import {
  CR0,
  CR0_PG,
  CR0_WP,
  CR3_HI,
  CR3_LO,
  CR4,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMEP,
  EFER,
  EFER_LMA,
  EFER_NXE,
  PDPTR,
} from '../state.ts';

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_FETCH = 2;

/** Page-fault error code. Spec: SDM vol. 3 §4.7. */
export const PF_PRESENT = 1 << 0;
export const PF_WRITE = 1 << 1;
export const PF_USER = 1 << 2;
export const PF_RSVD = 1 << 3;
export const PF_FETCH = 1 << 4;

const PTE_P = 1 << 0;
const PTE_W = 1 << 1;
const PTE_U = 1 << 2;
const PTE_A = 1 << 5;
const PTE_D = 1 << 6;
const PTE_PS = 1 << 7;
const PTE_G = 1 << 8;
/** High words of 8-byte entries. QEMU: 40 physical address bits. */
const HI_ADDRESS = 0xff;
const HI_BEYOND_ADDRESS = 0x000fff00;
const HI_NX = 1 << 31;
const HI_IGNORED_WHEN_LONG = 0x7ff00000;
const PDE4M_RSVD = 1 << 21;
const PDPTE_RSVD_LO = 0x1e6;
const TWO_TO_32 = 0x1_0000_0000;

/** Finds the frame of a linear page and sets accessed and dirty bits on the way. */
export class PageWalker {
  /** What the last successful walk found: guest-physical address of the 4 KiB page, below 2^40. */
  frame: Gpa = 0;
  /** Writes with the same privilege need no further walk. */
  writable = false;
  global = false;
  large = false;
  /** Error code of the last failed walk, PF_USER, PF_WRITE and PF_FETCH included. */
  error = 0;
  readonly #S: Int32Array;
  readonly #memory: GuestMemory;
  readonly #view: DataView;
  readonly #host: CpuHost;
  #entryLo = 0;
  #entryHi = 0;
  /** Address of the entry read last, and of the whole path's rights. */
  #address: Gpa = 0;
  #rights = 0;
  #noExecute = 0;
  #apart = false;

  constructor(S: Int32Array, memory: GuestMemory, host: CpuHost) {
    this.#S = S;
    this.#memory = memory;
    this.#view = memory.arena.view;
    this.#host = host;
  }

  /** False: a page fault with `error`. The address must be canonical. `apart`: SMEP or SMAP keeps the supervisor from user pages. */
  walk(lo: number, hi: number, access: number, user: boolean, apart: boolean): boolean {
    const S = this.#S;
    this.#apart = apart;
    if ((S[CR0] & CR0_PG) === 0) {
      this.frame = (lo & ~0xfff) >>> 0;
      this.writable = true;
      this.global = false;
      this.large = false;
      return true;
    }
    this.error = (user ? PF_USER : 0) | (access === ACCESS_WRITE ? PF_WRITE : 0);
    if (access === ACCESS_FETCH && tellsFetches(S)) this.error |= PF_FETCH;
    this.#rights = PTE_W | PTE_U;
    this.#noExecute = 0;
    if ((S[CR4] & CR4_PAE) === 0) return this.#walk32(lo, access, user);
    return this.#walk64(lo, hi, access, user);
  }

  #walk32(lo: number, access: number, user: boolean): boolean {
    const S = this.#S;
    this.#read32(((S[CR3_LO] & ~0xfff) >>> 0) + ((lo >>> 20) & 0xffc));
    if ((this.#entryLo & PTE_P) === 0) return false;
    if ((this.#entryLo & PTE_PS) !== 0 && (S[CR4] & CR4_PSE) !== 0) {
      if ((this.#entryLo & PDE4M_RSVD) !== 0) return this.#reserved();
      if (!this.#finish(access, user)) return false;
      this.large = true;
      const high = (this.#entryLo >>> 13) & 0xff;
      this.frame = high * TWO_TO_32 + (((this.#entryLo & 0xffc00000) | (lo & 0x3ff000)) >>> 0);
      return true;
    }
    this.#descend();
    this.#read32(((this.#entryLo & ~0xfff) >>> 0) + ((lo >>> 10) & 0xffc));
    if ((this.#entryLo & PTE_P) === 0) return false;
    if (!this.#finish(access, user)) return false;
    this.large = false;
    this.frame = (this.#entryLo & ~0xfff) >>> 0;
    return true;
  }

  #walk64(lo: number, hi: number, access: number, user: boolean): boolean {
    const S = this.#S;
    const long = (S[EFER] & EFER_LMA) !== 0;
    let reservedHi = HI_BEYOND_ADDRESS;
    if ((S[EFER] & EFER_NXE) === 0) reservedHi |= HI_NX;
    if (long) {
      this.#read64(entryAddress(S[CR3_LO], S[CR3_HI]) + (((hi >>> 7) & 0x1ff) << 3));
      if ((this.#entryLo & PTE_P) === 0) return false;
      if ((this.#entryHi & reservedHi) !== 0 || (this.#entryLo & PTE_PS) !== 0) return this.#reserved();
      this.#descend();
      const index = ((hi << 2) | (lo >>> 30)) & 0x1ff;
      this.#read64(entryAddress(this.#entryLo, this.#entryHi) + (index << 3));
      if ((this.#entryLo & PTE_P) === 0) return false;
      // QEMU: qemu64 has no 1 GiB pages, so that PS is reserved here.
      if ((this.#entryHi & reservedHi) !== 0 || (this.#entryLo & PTE_PS) !== 0) return this.#reserved();
      this.#descend();
    } else {
      reservedHi |= HI_IGNORED_WHEN_LONG;
      const pdptr = PDPTR + ((lo >>> 30) << 1);
      this.#entryLo = S[pdptr];
      this.#entryHi = S[pdptr + 1];
      if ((this.#entryLo & PTE_P) === 0) return false;
    }
    this.#read64(entryAddress(this.#entryLo, this.#entryHi) + (((lo >>> 21) & 0x1ff) << 3));
    if ((this.#entryLo & PTE_P) === 0) return false;
    if ((this.#entryHi & reservedHi) !== 0) return this.#reserved();
    if ((this.#entryLo & PTE_PS) !== 0) {
      if ((this.#entryLo & 0x1fe000) !== 0) return this.#reserved();
      if (!this.#finish(access, user)) return false;
      this.large = true;
      this.frame =
        (this.#entryHi & HI_ADDRESS) * TWO_TO_32 + (((this.#entryLo & 0xffe00000) | (lo & 0x1ff000)) >>> 0);
      return true;
    }
    this.#descend();
    this.#read64(entryAddress(this.#entryLo, this.#entryHi) + (((lo >>> 12) & 0x1ff) << 3));
    if ((this.#entryLo & PTE_P) === 0) return false;
    if ((this.#entryHi & reservedHi) !== 0) return this.#reserved();
    if (!this.#finish(access, user)) return false;
    this.large = false;
    this.frame = entryAddress(this.#entryLo, this.#entryHi);
    return true;
  }

  #reserved(): false {
    // QEMU: the P bit stays clear, where the SDM has it set.
    this.error |= PF_RSVD;
    return false;
  }

  /** The entry read last points to a table: adds its rights, marks it accessed. */
  #descend(): void {
    this.#rights &= this.#entryLo;
    this.#noExecute |= this.#entryHi;
    if ((this.#entryLo & PTE_A) === 0) this.#mark(PTE_A);
  }

  /** The entry read last maps the page: checks the rights of the path, marks it accessed and dirty. */
  #finish(access: number, user: boolean): boolean {
    const S = this.#S;
    const rights = this.#rights & this.#entryLo;
    const mayWrite = (rights & PTE_W) !== 0 || (!user && (S[CR0] & CR0_WP) === 0);
    if (
      (user && (rights & PTE_U) === 0) ||
      (this.#apart && (rights & PTE_U) !== 0) ||
      (access === ACCESS_WRITE && !mayWrite) ||
      (access === ACCESS_FETCH &&
        ((this.#noExecute | this.#entryHi) & HI_NX) !== 0 &&
        (S[EFER] & EFER_NXE) !== 0)
    ) {
      this.error |= PF_PRESENT;
      return false;
    }
    const marks = access === ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
    if ((this.#entryLo & marks) !== marks) this.#mark(marks);
    this.writable = mayWrite && (this.#entryLo & PTE_D) !== 0;
    this.global = (this.#entryLo & PTE_G) !== 0 && (S[CR4] & CR4_PGE) !== 0;
    return true;
  }

  #mark(bits: number): void {
    this.#entryLo |= bits;
    const offset = this.#memory.toWrite(this.#address);
    if (offset >= 0) {
      this.#memory.codeWritten(offset, 4);
      this.#view.setInt32(offset, this.#entryLo, true);
    } else if (offset === NO_RAM) {
      this.#host.mmioWrite(this.#address, 4, this.#entryLo >>> 0);
    }
  }

  #read32(address: Gpa): void {
    this.#address = address;
    this.#entryHi = 0;
    const offset = this.#memory.locate(address);
    this.#entryLo = offset >= 0 ? this.#view.getInt32(offset, true) : this.#host.mmioRead(address, 4) | 0;
  }

  #read64(address: Gpa): void {
    this.#address = address;
    const offset = this.#memory.locate(address);
    if (offset >= 0) {
      this.#entryLo = this.#view.getInt32(offset, true);
      this.#entryHi = this.#view.getInt32(offset + 4, true);
    } else {
      this.#entryLo = this.#host.mmioRead(address, 4) | 0;
      this.#entryHi = this.#host.mmioRead(address + 4, 4) | 0;
    }
  }
}

/** Spec: SDM vol. 3 §4.7: the error code says of fetches what they are where NX or SMEP is on. */
function tellsFetches(S: Int32Array): boolean {
  const nx = (S[EFER] & EFER_NXE) !== 0 && (S[CR4] & CR4_PAE) !== 0;
  return nx || (S[CR4] & CR4_SMEP) !== 0;
}

function entryAddress(lo: number, hi: number): Gpa {
  return (hi & HI_ADDRESS) * TWO_TO_32 + ((lo & ~0xfff) >>> 0);
}

/**
 * Reads the four PDPTEs at `cr3` into S[PDPTR …], as a CR3 load with PAE paging does; false (and nothing changed)
 * when a reserved bit is set: #GP(0). Spec: SDM vol. 3 §4.4.1.
 */
export function loadPdptrs(S: Int32Array, memory: GuestMemory, cr3: number): boolean {
  const base = (cr3 & ~0x1f) >>> 0;
  const offset = memory.locate(base);
  const word = (index: number): number =>
    offset < 0 ? 0 : memory.arena.view.getInt32(offset + 4 * index, true);
  for (let i = 0; i < 4; i++) {
    const lo = word(2 * i);
    const hi = word(2 * i + 1);
    if ((lo & PTE_P) !== 0 && ((lo & PDPTE_RSVD_LO) !== 0 || (hi & ~HI_ADDRESS) !== 0)) return false;
  }
  for (let i = 0; i < 8; i++) S[PDPTR + i] = word(i);
  return true;
}
