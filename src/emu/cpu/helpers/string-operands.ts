/** Where string instructions find their operands, and how they step to the next ones. */
import type { Cpu } from '../cpu.ts';
import {
  EFLAGS,
  F_AUX,
  F_HI,
  F_LO,
  FLAG_DF,
  MODE,
  MODE_CODE64,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_FS,
} from '../state.ts';
import { checkSegmentAccess } from '../system/segments.ts';

/** Linear address of the operand that `address` worked out last. */
export const at = { lo: 0, hi: 0 };

/** Sets `at` to the segment's base plus RSI or RDI; false: a fault was raised. */
export function address(
  cpu: Cpu,
  register: number,
  segment: number,
  width: number,
  bytes: number,
  write: boolean,
): boolean {
  const S = cpu.S;
  let lo = S[register];
  let hi = 0;
  if (width === 64) hi = S[register + 1];
  else if (width === 16) lo &= 0xffff;
  if ((S[MODE] & MODE_CODE64) !== 0) {
    if (segment >= SEG_FS) {
      const base = S[segment + SEG_BASE_LO];
      lo = (lo + base) | 0;
      hi = (hi + S[segment + SEG_BASE_HI] + (lo >>> 0 < base >>> 0 ? 1 : 0)) | 0;
    }
  } else {
    if (!checkSegmentAccess(cpu, segment, lo, bytes, write)) return false;
    lo = (lo + S[segment + SEG_BASE_LO]) | 0;
  }
  at.lo = lo;
  at.hi = hi;
  return true;
}

/** Adds `delta` to RSI or RDI, at the address width. */
export function advance(S: Int32Array, register: number, width: number, delta: number): void {
  const old = S[register];
  if (width === 16) {
    S[register] = (old & 0xffff0000) | ((old + delta) & 0xffff);
    return;
  }
  const lo = (old + delta) | 0;
  S[register] = lo;
  if (width === 32) S[register + 1] = 0;
  else if (delta < 0) S[register + 1] -= lo >>> 0 > old >>> 0 ? 1 : 0;
  else S[register + 1] += lo >>> 0 < old >>> 0 ? 1 : 0;
}

/** Distance from one element to the next. */
export function direction(S: Int32Array, bytes: number): number {
  return (S[EFLAGS] & FLAG_DF) !== 0 ? -bytes : bytes;
}

/** Flags of a − b. */
export function compare(S: Int32Array, size: number, al: number, ah: number, bl: number, bh: number): void {
  if (size === 64) {
    const lo = (al - bl) | 0;
    const hi = (ah - bh - (al >>> 0 < bl >>> 0 ? 1 : 0)) | 0;
    S[F_LO] = lo;
    S[F_HI] = hi;
    S[F_AUX] = (((~ah & bh) | ((~ah | bh) & hi)) & 0xc0000000) | ((al ^ bl ^ lo) & 16);
    return;
  }
  const shift = 32 - size;
  const mask = size === 32 ? -1 : (1 << size) - 1;
  const a = al & mask;
  const b = bl & mask;
  const r = (a - b) | 0;
  S[F_LO] = (r << shift) >> shift;
  S[F_HI] = S[F_LO];
  S[F_AUX] = ((((~a & b) | ((~a | b) & r)) << shift) & 0xc0000000) | ((a ^ b ^ r) & 16);
}
