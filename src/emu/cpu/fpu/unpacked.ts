/**
 * Floating-point numbers taken apart: sign, exponent and 64-bit significand, whatever format they came from.
 *
 * | word | holds |
 * |---|---|
 * | KIND | ZERO, FINITE, INFINITE, QNAN, SNAN or UNSUPPORTED |
 * | SIGN | 0 or 1 |
 * | EXP | unbiased exponent of a FINITE number: its value is HI:LO / 2^63 × 2^EXP |
 * | HI, LO | significand; bit 31 of HI is set when FINITE |
 * | EXT | 32 bits below LO; in bit 0 the OR of all that is below |
 * | DENORMAL | 1: the format had it as a denormal number |
 */
export const KIND = 0;
export const SIGN = 1;
export const EXP = 2;
export const HI = 3;
export const LO = 4;
export const EXT = 5;
export const DENORMAL = 6;
const WORDS = 8;

export const ZERO = 0;
export const FINITE = 1;
export const INFINITE = 2;
export const QNAN = 3;
export const SNAN = 4;
/** Pseudo-NaN, pseudo-infinity or unnormal of the 80-bit format. */
export const UNSUPPORTED = 5;

/** First operand, second operand, result before rounding, and one to spare. */
export const A = new Int32Array(WORDS);
export const B = new Int32Array(WORDS);
export const R = new Int32Array(WORDS);
export const T = new Int32Array(WORDS);

/** Sets a finite number or a zero and brings its leading 1 to bit 31 of HI. */
export function setNormalised(U: Int32Array, sign: number, exp: number, hi: number, lo: number): void {
  U[SIGN] = sign;
  U[EXT] = 0;
  U[DENORMAL] = 0;
  if ((hi | lo) === 0) {
    U[KIND] = ZERO;
    U[EXP] = 0;
    U[HI] = 0;
    U[LO] = 0;
    return;
  }
  U[KIND] = FINITE;
  U[HI] = hi;
  U[LO] = lo;
  U[EXP] = exp;
  normalise(U);
}

/** Shifts a nonzero HI:LO:EXT left until bit 31 of HI is set, and lowers EXP by as much. */
export function normalise(U: Int32Array): void {
  let exp = U[EXP];
  while (U[HI] === 0) {
    U[HI] = U[LO];
    U[LO] = U[EXT];
    U[EXT] = 0;
    exp -= 32;
  }
  const shift = Math.clz32(U[HI]);
  if (shift !== 0) {
    U[HI] = (U[HI] << shift) | (U[LO] >>> (32 - shift));
    U[LO] = (U[LO] << shift) | (U[EXT] >>> (32 - shift));
    U[EXT] <<= shift;
    exp -= shift;
  }
  U[EXP] = exp;
}

/** Shifts HI:LO:EXT right; what falls out is kept as bit 0 of EXT. */
export function shiftRightSticky(U: Int32Array, count: number): void {
  let hi = U[HI];
  let lo = U[LO];
  let ext = U[EXT];
  let lost = 0;
  let left = Math.min(count, 96);
  while (left >= 32) {
    lost |= ext;
    ext = lo;
    lo = hi;
    hi = 0;
    left -= 32;
  }
  if (left !== 0) {
    const up = 32 - left;
    lost |= ext << up;
    ext = (ext >>> left) | (lo << up);
    lo = (lo >>> left) | (hi << up);
    hi >>>= left;
  }
  U[HI] = hi;
  U[LO] = lo;
  U[EXT] = lost === 0 ? ext : ext | 1;
}

function setSpecial(U: Int32Array, sign: number, hi: number, lo: number): void {
  U[SIGN] = sign;
  U[EXP] = 0;
  U[HI] = hi;
  U[LO] = lo;
  U[EXT] = 0;
  U[DENORMAL] = 0;
  U[KIND] = ((hi & 0x7fffffff) | lo) === 0 ? INFINITE : hi & 0x40000000 ? QNAN : SNAN;
}

/** Takes an 80-bit number apart. `se`: sign in bit 15, biased exponent below it. */
export function unpack80(U: Int32Array, lo: number, hi: number, se: number): void {
  const sign = (se >>> 15) & 1;
  const biased = se & 0x7fff;
  if (biased === 0x7fff) {
    setSpecial(U, sign, hi, lo);
    if (hi >= 0) U[KIND] = UNSUPPORTED;
    return;
  }
  if (biased === 0) {
    setNormalised(U, sign, -16382, hi, lo);
    U[DENORMAL] = U[KIND] === ZERO ? 0 : 1;
    return;
  }
  U[KIND] = hi < 0 ? FINITE : UNSUPPORTED;
  U[SIGN] = sign;
  U[EXP] = biased - 16383;
  U[HI] = hi;
  U[LO] = lo;
  U[EXT] = 0;
  U[DENORMAL] = 0;
}

/** Takes a float64 apart. */
export function unpack64(U: Int32Array, lo: number, hi: number): void {
  const sign = hi >>> 31;
  const biased = (hi >>> 20) & 0x7ff;
  const top = ((hi << 11) | (lo >>> 21)) & 0x7fffffff;
  const bottom = lo << 11;
  if (biased === 0x7ff) {
    setSpecial(U, sign, top | (1 << 31), bottom);
    return;
  }
  if (biased === 0) {
    setNormalised(U, sign, -1022, top, bottom);
    U[DENORMAL] = U[KIND] === ZERO ? 0 : 1;
    return;
  }
  U[KIND] = FINITE;
  U[SIGN] = sign;
  U[EXP] = biased - 1023;
  U[HI] = top | (1 << 31);
  U[LO] = bottom;
  U[EXT] = 0;
  U[DENORMAL] = 0;
}

/** Takes a float32 apart. */
export function unpack32(U: Int32Array, bits: number): void {
  const sign = bits >>> 31;
  const biased = (bits >>> 23) & 0xff;
  const top = (bits << 8) & 0x7fffffff;
  if (biased === 0xff) {
    setSpecial(U, sign, top | (1 << 31), 0);
    return;
  }
  if (biased === 0) {
    setNormalised(U, sign, -126, top, 0);
    U[DENORMAL] = U[KIND] === ZERO ? 0 : 1;
    return;
  }
  U[KIND] = FINITE;
  U[SIGN] = sign;
  U[EXP] = biased - 127;
  U[HI] = top | (1 << 31);
  U[LO] = 0;
  U[EXT] = 0;
  U[DENORMAL] = 0;
}

/** Takes a signed 64-bit integer apart. */
export function unpackInt(U: Int32Array, lo: number, hi: number): void {
  const negative = hi < 0;
  const low = negative ? -lo | 0 : lo;
  const high = negative ? ~hi + (lo === 0 ? 1 : 0) : hi;
  setNormalised(U, negative ? 1 : 0, 63, high | 0, low);
}

export function copyUnpacked(to: Int32Array, from: Int32Array): void {
  for (let i = 0; i < WORDS; i++) to[i] = from[i];
}
