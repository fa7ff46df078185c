/**
 * Arithmetic on 80-bit numbers in the common case: normal operands and result, to nearest, 64 bits, all exceptions masked. Operands
 * and results are the three words of a register, given by the index in S of the first. A function that answers false has
 * changed nothing: float80.ts does it.
 */
import { FPU_CW, FPU_SW } from '../state.ts';

export const SIGN = 0x8000;
const EXPONENT = 0x7fff;
export const BIAS = 16383;
/** Biased exponents of normal numbers are 1 to MAX_EXPONENT. */
const MAX_EXPONENT = 0x7ffe;
const CW_MODES = 0xf3f;
const CW_USUAL = 0x33f;
const SW_C1_BIT = 9;
const SW_C1 = 1 << SW_C1_BIT;
const PE_BIT = 5;
const TOP_BIT = 1 << 31;

/** RC is to nearest, PC 64 bits, and all exceptions are masked. */
export function isUsual(S: Int32Array): boolean {
  return (S[FPU_CW] & CW_MODES) === CW_USUAL;
}

/** The biased exponent of a normal number, else 0. */
export function exponentOf(S: Int32Array, at: number): number {
  const exponent = S[at + 2] & EXPONENT;
  return S[at + 1] < 0 && exponent <= MAX_EXPONENT ? exponent : 0;
}

/** Carry of the addition a + b = sum. No branch: carries are as good as random, and processors cannot foresee them. */
export function carry(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31;
}

/** Borrow of the subtraction a - b = difference. */
export function borrow(a: number, b: number, difference: number): number {
  return ((~a & b) | ((~a | b) & difference)) >>> 31;
}

/** 1 unless the word is 0. */
export function isSet(word: number): number {
  return (word | -word) >>> 31;
}

/** Rounds hi:lo:ext (leading 1 at the top; ext with a sticky bit 0) to nearest into register `to`, and reports it. */
export function put(
  S: Int32Array,
  to: number,
  sign: number,
  exponent: number,
  hi: number,
  lo: number,
  ext: number,
): boolean {
  const up = (ext >>> 31) & isSet((ext << 1) | (lo & 1));
  const low = (lo + up) | 0;
  let high = hi;
  let e = exponent;
  if (low === 0 && up !== 0) {
    high = (hi + 1) | 0;
    if (high === 0) {
      high = TOP_BIT;
      e = (e + 1) | 0;
    }
  }
  if (e < 1 || e > MAX_EXPONENT) return false;
  S[to] = low;
  S[to + 1] = high;
  S[to + 2] = sign | e;
  S[FPU_SW] = (S[FPU_SW] & ~SW_C1) | (isSet(ext) << PE_BIT) | (up << SW_C1_BIT);
  return true;
}

/** What the smaller operand has below the guard bit and above, `distance` bits of 32 or more to the right: as ext of `put`. */
function farExtension(hi: number, lo: number, distance: number): number {
  if (distance > 65) return 1;
  if (distance === 65) return (hi >>> 1) | (hi & 1) | isSet(lo);
  if (distance === 64) return hi | isSet(lo);
  const by = distance & 31;
  return (lo >>> by) | ((hi << 1) << (31 - by)) | isSet((lo << 1) << (31 - by));
}

/** S[to] = S[a] + S[b]; `flip` (0 or SIGN) changes the sign of b. */
function addSigned(S: Int32Array, to: number, a: number, b: number, flip: number): boolean {
  const ea = exponentOf(S, a);
  const eb = exponentOf(S, b);
  if (ea === 0 || eb === 0 || !isUsual(S)) return false;
  let distance = (ea - eb) | 0;
  const difference = (S[a + 2] ^ S[b + 2] ^ flip) & SIGN;
  // Without a branch: which of them is larger is as good as random.
  let swap = distance >> 31;
  if (distance === 0 && difference !== 0) {
    const below = S[a + 1] === S[b + 1] ? S[a] >>> 0 < S[b] >>> 0 : S[a + 1] >>> 0 < S[b + 1] >>> 0;
    if (below) swap = -1;
  }
  let mix = (S[a + 1] ^ S[b + 1]) & swap;
  const hi = S[a + 1] ^ mix;
  let smallHi = S[b + 1] ^ mix;
  mix = (S[a] ^ S[b]) & swap;
  const lo = S[a] ^ mix;
  let smallLo = S[b] ^ mix;
  const exponent = ea ^ ((ea ^ eb) & swap);
  const sign = (S[a + 2] & SIGN) ^ (difference & swap);
  distance = (distance ^ swap) - swap;
  let ext = 0;
  if (distance < 32) {
    ext = (smallLo << 1) << (31 - distance);
    if (distance === 0) ext = 0;
    smallLo = (smallLo >>> distance) | ((smallHi << 1) << (31 - distance));
    smallHi >>>= distance;
  } else {
    ext = farExtension(smallHi, smallLo, distance);
    smallLo = distance < 64 ? smallHi >>> (distance & 31) : 0;
    smallHi = 0;
  }
  if (difference === 0) {
    const sum = (lo + smallLo) | 0;
    const half = carry(lo, smallLo, sum);
    const high = (hi + smallHi + half) | 0;
    const over = carry(hi, smallHi, high);
    const low = (sum >>> over) | ((high << 31) & -over);
    ext = (ext >>> over) | (ext & over) | ((sum << 31) & -over);
    return put(S, to, sign, exponent + over, (high >>> over) | (over << 31), low, ext);
  }
  return subtractMagnitudes(S, to, sign, exponent, hi, lo, smallHi, smallLo, ext);
}

/** S[to] = hi:lo:0 - smallHi:smallLo:ext. */
function subtractMagnitudes(
  S: Int32Array,
  to: number,
  sign: number,
  exponent: number,
  hi: number,
  lo: number,
  smallHi: number,
  smallLo: number,
  ext: number,
): boolean {
  let below = -ext | 0;
  let low = (lo - smallLo - isSet(ext)) | 0;
  let high = (hi - smallHi - borrow(lo, smallLo, low)) | 0;
  let e = exponent;
  if (high === 0) {
    if ((low | below) === 0) {
      S[to] = 0;
      S[to + 1] = 0;
      S[to + 2] = 0;
      S[FPU_SW] &= ~SW_C1;
      return true;
    }
    high = low;
    low = below;
    below = 0;
    e -= 32;
    if (high === 0) {
      high = low;
      low = 0;
      e -= 32;
    }
  }
  const shift = Math.clz32(high);
  high = (high << shift) | ((low >>> 1) >>> (31 - shift));
  low = (low << shift) | ((below >>> 1) >>> (31 - shift));
  return put(S, to, sign, e - shift, high, low, below << shift);
}

/** S[to] = S[a] + S[b]. */
export function quickAdd(S: Int32Array, to: number, a: number, b: number): boolean {
  return addSigned(S, to, a, b, 0);
}

/** S[to] = S[a] - S[b]. */
export function quickSubtract(S: Int32Array, to: number, a: number, b: number): boolean {
  return addSigned(S, to, a, b, SIGN);
}

/** S[to] = S[a] × S[b]. */
export function quickMultiply(S: Int32Array, to: number, a: number, b: number): boolean {
  const ea = exponentOf(S, a);
  const eb = exponentOf(S, b);
  if (ea === 0 || eb === 0 || !isUsual(S)) return false;
  const aLo = S[a];
  const aHi = S[a + 1];
  const bLo = S[b];
  const bHi = S[b + 1];
  // Products of words by their halves, written out: V8 would not inline four calls.
  const a0 = aLo & 0xffff;
  const a1 = aLo >>> 16;
  const a2 = aHi & 0xffff;
  const a3 = aHi >>> 16;
  const b0 = bLo & 0xffff;
  const b1 = bLo >>> 16;
  const b2 = bHi & 0xffff;
  const b3 = bHi >>> 16;
  let x = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  let y = (Math.imul(a0, b1) + (x & 0xffff)) | 0;
  const p1 = (Math.imul(a1, b1) + (x >>> 16) + (y >>> 16)) | 0;
  x = (Math.imul(a1, b2) + (Math.imul(a0, b2) >>> 16)) | 0;
  y = (Math.imul(a0, b3) + (x & 0xffff)) | 0;
  const high01 = (Math.imul(a1, b3) + (x >>> 16) + (y >>> 16)) | 0;
  x = (Math.imul(a3, b0) + (Math.imul(a2, b0) >>> 16)) | 0;
  y = (Math.imul(a2, b1) + (x & 0xffff)) | 0;
  const high10 = (Math.imul(a3, b1) + (x >>> 16) + (y >>> 16)) | 0;
  x = (Math.imul(a3, b2) + (Math.imul(a2, b2) >>> 16)) | 0;
  y = (Math.imul(a2, b3) + (x & 0xffff)) | 0;
  const high11 = (Math.imul(a3, b3) + (x >>> 16) + (y >>> 16)) | 0;
  // Four words, column by column.
  const w0 = Math.imul(aLo, bLo);
  const q1 = Math.imul(aLo, bHi);
  const r1 = Math.imul(aHi, bLo);
  const s1 = (p1 + q1) | 0;
  const w1 = (s1 + r1) | 0;
  const p2 = (high01 + carry(p1, q1, s1)) | 0;
  const q2 = (high10 + carry(s1, r1, w1)) | 0;
  const r2 = Math.imul(aHi, bHi);
  const s2 = (p2 + q2) | 0;
  const w2 = (s2 + r2) | 0;
  const w3 = (high11 + carry(p2, q2, s2) + carry(s2, r2, w2)) | 0;
  const shift = (w3 >>> 31) ^ 1;
  const ext = (w1 << shift) | (((w0 >>> 31) & shift) | isSet(w0));
  return put(
    S,
    to,
    (S[a + 2] ^ S[b + 2]) & SIGN,
    (ea + eb - BIAS + 1 - shift) | 0,
    (w3 << shift) | ((w2 >>> 31) & shift),
    (w2 << shift) | ((w1 >>> 31) & shift),
    ext,
  );
}
