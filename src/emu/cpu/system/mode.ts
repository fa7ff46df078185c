/** What the current mode is: MODE_* bits and privilege, from control registers and segments. */
import {
  ATTR_CODE,
  ATTR_DB,
  ATTR_EXPAND_DOWN,
  ATTR_L,
  ATTR_P,
  ATTR_READABLE,
  ATTR_WRITABLE,
  CPL,
  CR0,
  CR0_EM,
  CR0_PE,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  CR4_SMAP,
  DR7,
  EFER,
  EFER_LMA,
  EFLAGS,
  FLAG_AC,
  FLAG_TF,
  FLAG_VM,
  MODE,
  MODE_CODE32,
  MODE_CODE64,
  MODE_FLAT,
  MODE_LONG,
  MODE_REAL,
  MODE_SSE,
  MODE_STACK32,
  MODE_TRAP,
  MODE_USER,
  NEXT_HI,
  NEXT_LO,
  RIP_HI,
  RIP_LO,
  SEG_ATTR,
  SEG_BASE_LO,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_LIMIT,
  SEG_SS,
  TLB_ACCESS,
  TLB_BASE,
  TLB_SYSTEM,
  TLB_USER,
} from '../state.ts';
import { DR7_ENABLES } from './debug.ts';

/** CPL; in real mode always 0, in virtual-8086 mode always 3. */
export function currentPrivilege(S: Int32Array): number {
  if ((S[CR0] & CR0_PE) === 0) return 0;
  return (S[EFLAGS] & FLAG_VM) !== 0 ? 3 : S[CPL];
}

/** Recomputes what is kept of the mode. */
export function updateMode(S: Int32Array): void {
  S[CPL] = currentPrivilege(S);
  S[TLB_BASE] = S[TLB_SYSTEM] + tlbBank(S);
  S[MODE] = computeMode(S);
}

/** The bank of the TLB that accesses look into, as an offset; S[CPL] must be right. */
function tlbBank(S: Int32Array): number {
  if (S[CPL] === 3) return TLB_USER;
  return (S[CR4] & CR4_SMAP) !== 0 && (S[EFLAGS] & FLAG_AC) !== 0 ? TLB_ACCESS : 0;
}

/** MODE_* bits; S[CPL] must be right. */
export function computeMode(S: Int32Array): number {
  const cs = S[SEG_CS + SEG_ATTR];
  let mode = 0;
  const real = (S[CR0] & CR0_PE) === 0 || (S[EFLAGS] & FLAG_VM) !== 0;
  if (real) mode |= MODE_REAL;
  if ((S[EFER] & EFER_LMA) !== 0) {
    mode |= MODE_LONG;
    if ((cs & ATTR_L) !== 0 && !real) mode |= MODE_CODE64;
  }
  if ((mode & MODE_CODE64) === 0) {
    if ((cs & ATTR_DB) !== 0) mode |= MODE_CODE32;
    if (!real && flatCode(S) && flatData(S, SEG_DS) && flatData(S, SEG_ES) && flatData(S, SEG_SS))
      mode |= MODE_FLAT;
  } else {
    mode |= MODE_FLAT;
  }
  if ((S[SEG_SS + SEG_ATTR] & ATTR_DB) !== 0) mode |= MODE_STACK32;
  if (S[CPL] === 3) mode |= MODE_USER;
  if ((S[CR0] & (CR0_EM | CR0_TS)) === 0 && (S[CR4] & CR4_OSFXSR) !== 0) mode |= MODE_SSE;
  if ((S[EFLAGS] & FLAG_TF) !== 0 || (S[DR7] & DR7_ENABLES) !== 0) mode |= MODE_TRAP;
  return mode;
}

function flatCode(S: Int32Array): boolean {
  const wanted = ATTR_P | ATTR_CODE | ATTR_READABLE;
  return whole(S, SEG_CS) && (S[SEG_CS + SEG_ATTR] & wanted) === wanted;
}

function flatData(S: Int32Array, segment: number): boolean {
  const attr = S[segment + SEG_ATTR];
  const mask = ATTR_P | ATTR_CODE | ATTR_EXPAND_DOWN | ATTR_WRITABLE;
  return whole(S, segment) && (attr & mask) === (ATTR_P | ATTR_WRITABLE);
}

function whole(S: Int32Array, segment: number): boolean {
  return S[segment + SEG_BASE_LO] === 0 && S[segment + SEG_LIMIT] === -1;
}

/** A control transfer's target: both RIP and the next instruction. */
export function setRip(S: Int32Array, lo: number, hi: number): void {
  S[RIP_LO] = lo;
  S[RIP_HI] = hi;
  S[NEXT_LO] = lo;
  S[NEXT_HI] = hi;
}

/** Bits 47–63 of the address whose high word this is are equal. */
export function isCanonical(hi: number): boolean {
  const top = hi >> 15;
  return top === 0 || top === -1;
}
