/**
 * Arithmetic on 80-bit numbers in the common case: normal operands and result, to nearest, 64 bits, all exceptions masked. Operands
 * and results are the three words of a register, given by the index in S of the first. A function that answers false has
 * changed nothing: float80.ts does it.
 */
import { mulhu } from '../interp/arithmetic.ts';
import { FPU_CW, FPU_SW } from '../state.ts';
import { PE } from './round.ts';

export const SIGN = 0x8000;
const EXPONENT = 0x7fff;
export const BIAS = 16383;
/** Biased exponents of normal numbers are 1 to MAX_EXPONENT. */
const MAX_EXPONENT = 0x7ffe;
const CW_MODES = 0xf3f;
const CW_USUAL = 0x33f;
const SW_C1 = 1 << 9;
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
  let e = exponent;
  let h = hi;
  let l = lo;
  let status = S[FPU_SW] & ~SW_C1;
  if (ext !== 0) {
    status |= PE;
    if (ext < 0 && ((ext << 1) | (lo & 1)) !== 0) {
      status |= SW_C1;
      l = (lo + 1) | 0;
      if (l === 0) {
        h = (hi + 1) | 0;
        if (h === 0) {
          h = TOP_BIT;
          e = (e + 1) | 0;
        }
      }
    }
  }
  if (e < 1 || e > MAX_EXPONENT) return false;
  S[to] = l;
  S[to + 1] = h;
  S[to + 2] = sign | e;
  S[FPU_SW] = status;
  return true;
}

/** S[to] = S[a] + S[b]; `flip` (0 or SIGN) changes the sign of b. */
function addSigned(S: Int32Array, to: number, a: number, b: number, flip: number): boolean {
  const ea = exponentOf(S, a);
  const eb = exponentOf(S, b);
  if (ea === 0 || eb === 0 || !isUsual(S)) return false;
  const signA = S[a + 2] & SIGN;
  const signB = (S[b + 2] ^ flip) & SIGN;
  let distance = (ea - eb) | 0;
  let hi = S[a + 1];
  let lo = S[a];
  let smallHi = S[b + 1];
  let smallLo = S[b];
  let sign = signA;
  let exponent = ea;
  if (
    distance < 0 ||
    (distance === 0 && (hi >>> 0 < smallHi >>> 0 || (hi === smallHi && lo >>> 0 < smallLo >>> 0)))
  ) {
    distance = -distance | 0;
    hi = smallHi;
    lo = smallLo;
    smallHi = S[a + 1];
    smallLo = S[a];
    sign = signB;
    exponent = eb;
  }
  let ext = 0;
  if (distance !== 0) {
    if (distance < 32) {
      ext = smallLo << (32 - distance);
      smallLo = (smallLo >>> distance) | (smallHi << (32 - distance));
      smallHi >>>= distance;
    } else if (distance < 64) {
      const by = distance & 31;
      const lost = by === 0 ? 0 : smallLo << (32 - by);
      ext = (smallLo >>> by) | (by === 0 ? 0 : smallHi << (32 - by)) | (lost !== 0 ? 1 : 0);
      smallLo = smallHi >>> by;
      smallHi = 0;
    } else {
      // Below the guard bit it only matters that it is there.
      if (distance > 65) ext = 1;
      else if (distance === 64) ext = smallHi | (smallLo !== 0 ? 1 : 0);
      else ext = (smallHi >>> 1) | ((smallHi & 1) !== 0 || smallLo !== 0 ? 1 : 0);
      smallLo = 0;
      smallHi = 0;
    }
  }
  if (signA === signB) {
    const sum = (lo + smallLo) | 0;
    const high = (hi + smallHi + (sum >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
    if (distance !== 0 && high < 0) return put(S, to, sign, exponent, high, sum, ext);
    const low = (sum >>> 1) | (high << 31);
    return put(
      S,
      to,
      sign,
      (exponent + 1) | 0,
      (high >>> 1) | TOP_BIT,
      low,
      (sum << 31) | (ext >>> 1) | (ext & 1),
    );
  }
  const borrow = ext === 0 ? 0 : 1;
  const below = borrow === 0 ? lo >>> 0 < smallLo >>> 0 : lo >>> 0 <= smallLo >>> 0;
  let high = (hi - smallHi - (below ? 1 : 0)) | 0;
  let low = (lo - smallLo - borrow) | 0;
  ext = -ext | 0;
  if (high < 0) return put(S, to, sign, exponent, high, low, ext);
  if (high === 0) {
    if ((low | ext) === 0) {
      S[to] = 0;
      S[to + 1] = 0;
      S[to + 2] = 0;
      S[FPU_SW] &= ~SW_C1;
      return true;
    }
    high = low;
    low = ext;
    ext = 0;
    exponent = (exponent - 32) | 0;
    if (high === 0) {
      high = low;
      low = 0;
      exponent = (exponent - 32) | 0;
    }
  }
  const shift = Math.clz32(high);
  if (shift !== 0) {
    high = (high << shift) | (low >>> (32 - shift));
    low = (low << shift) | (ext >>> (32 - shift));
    ext <<= shift;
  }
  return put(S, to, sign, (exponent - shift) | 0, high, low, ext);
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
  const sign = (S[a + 2] ^ S[b + 2]) & SIGN;
  const exponent = (ea + eb - BIAS) | 0;
  const aLo = S[a];
  const aHi = S[a + 1];
  const bLo = S[b];
  const bHi = S[b + 1];
  let w0 = 0;
  let w1 = 0;
  let w2 = Math.imul(aHi, bHi);
  let w3 = mulhu(aHi, bHi);
  if (aLo !== 0) {
    const low = Math.imul(aLo, bHi);
    const high = mulhu(aLo, bHi);
    w1 = low;
    w2 = (w2 + high) | 0;
    if (w2 >>> 0 < high >>> 0) w3 = (w3 + 1) | 0;
  }
  if (bLo !== 0) {
    const low = Math.imul(aHi, bLo);
    const high = mulhu(aHi, bLo);
    w1 = (w1 + low) | 0;
    const carry = w1 >>> 0 < low >>> 0 ? 1 : 0;
    w2 = (w2 + carry) | 0;
    if (carry > w2 >>> 0) w3 = (w3 + 1) | 0;
    w2 = (w2 + high) | 0;
    if (w2 >>> 0 < high >>> 0) w3 = (w3 + 1) | 0;
    if (aLo !== 0) {
      w0 = Math.imul(aLo, bLo);
      const middle = mulhu(aLo, bLo);
      w1 = (w1 + middle) | 0;
      if (w1 >>> 0 < middle >>> 0) {
        w2 = (w2 + 1) | 0;
        if (w2 === 0) w3 = (w3 + 1) | 0;
      }
    }
  }
  const sticky = w0 === 0 ? 0 : 1;
  if (w3 < 0) return put(S, to, sign, (exponent + 1) | 0, w3, w2, w1 | sticky);
  const ext = (w1 << 1) | (w0 >>> 31) | sticky;
  return put(S, to, sign, exponent, (w3 << 1) | (w2 >>> 31), (w2 << 1) | (w1 >>> 31), ext);
}
