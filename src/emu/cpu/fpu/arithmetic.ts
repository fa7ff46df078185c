/** Exact arithmetic on FINITE unpacked numbers, with what is below 96 bits kept as a sticky bit. Rounding is done elsewhere. */
import {
  A,
  B,
  EXP,
  EXT,
  FINITE,
  HI,
  KIND,
  LO,
  normalise,
  R,
  SIGN,
  shiftRightSticky,
  ZERO,
} from './unpacked.ts';

/** The high 32 bits of the 64-bit product of two unsigned words, as a number of 0 to 2^32 - 1. */
function mulHigh(a: number, b: number): number {
  const x = a >>> 0;
  const y = b >>> 0;
  return Math.round((x * y - (Math.imul(a, b) >>> 0)) / 0x100000000);
}

/** Compares significands: -1, 0 or 1. */
function compareMagnitude(aHi: number, aLo: number, bHi: number, bLo: number): number {
  if (aHi !== bHi) return aHi >>> 0 < bHi >>> 0 ? -1 : 1;
  return aLo === bLo ? 0 : aLo >>> 0 < bLo >>> 0 ? -1 : 1;
}

/** Orders two numbers that are FINITE, ZERO or INFINITE: -1, 0 or 1. */
export function compareUnpacked(): number {
  const aZero = A[KIND] === ZERO;
  const bZero = B[KIND] === ZERO;
  if (aZero && bZero) return 0;
  if (aZero) return B[SIGN] ? 1 : -1;
  if (bZero) return A[SIGN] ? -1 : 1;
  if (A[SIGN] !== B[SIGN]) return A[SIGN] ? -1 : 1;
  const up = A[SIGN] ? -1 : 1;
  if (A[KIND] !== B[KIND]) return A[KIND] === FINITE ? -up : up;
  if (A[KIND] !== FINITE) return 0;
  if (A[EXP] !== B[EXP]) return A[EXP] < B[EXP] ? -up : up;
  return compareMagnitude(A[HI], A[LO], B[HI], B[LO]) * up;
}

/** R = A + B. When they cancel exactly, R is ZERO and its sign is the caller's to set. */
export function addFinite(): void {
  let big = A;
  let small = B;
  if (A[EXP] < B[EXP] || (A[EXP] === B[EXP] && compareMagnitude(A[HI], A[LO], B[HI], B[LO]) < 0)) {
    big = B;
    small = A;
  }
  R[KIND] = FINITE;
  R[HI] = small[HI];
  R[LO] = small[LO];
  R[EXT] = 0;
  R[EXP] = big[EXP];
  R[SIGN] = big[SIGN];
  if (big[EXP] !== small[EXP]) shiftRightSticky(R, big[EXP] - small[EXP]);
  const hi = big[HI];
  const lo = big[LO];
  if (big[SIGN] === small[SIGN]) {
    const low = (R[LO] + lo) | 0;
    const high = (R[HI] >>> 0) + (hi >>> 0) + (low >>> 0 < lo >>> 0 ? 1 : 0);
    R[LO] = low;
    R[HI] = high;
    if (high >= 0x100000000) {
      shiftRightSticky(R, 1);
      R[HI] |= 1 << 31;
      R[EXP]++;
    }
    return;
  }
  const ext = -R[EXT] | 0;
  const borrow = ext === 0 ? 0 : 1;
  const low = (lo >>> 0) - (R[LO] >>> 0) - borrow;
  R[HI] = hi - R[HI] - (low < 0 ? 1 : 0);
  R[LO] = low;
  R[EXT] = ext;
  if ((R[HI] | R[LO] | ext) === 0) R[KIND] = ZERO;
  else normalise(R);
}

/** R = A × B. */
export function multiplyFinite(): void {
  const aHi = A[HI];
  const aLo = A[LO];
  const bHi = B[HI];
  const bLo = B[LO];
  const w0 = Math.imul(aLo, bLo);
  let sum = mulHigh(aLo, bLo) + (Math.imul(aLo, bHi) >>> 0) + (Math.imul(aHi, bLo) >>> 0);
  const w1 = sum | 0;
  sum = Math.floor(sum / 0x100000000) + mulHigh(aLo, bHi) + mulHigh(aHi, bLo) + (Math.imul(aHi, bHi) >>> 0);
  const w2 = sum | 0;
  const w3 = (Math.floor(sum / 0x100000000) + mulHigh(aHi, bHi)) | 0;
  R[KIND] = FINITE;
  R[SIGN] = A[SIGN] ^ B[SIGN];
  if (w3 < 0) {
    R[EXP] = A[EXP] + B[EXP] + 1;
    R[HI] = w3;
    R[LO] = w2;
    R[EXT] = w0 === 0 ? w1 : w1 | 1;
  } else {
    R[EXP] = A[EXP] + B[EXP];
    R[HI] = (w3 << 1) | (w2 >>> 31);
    R[LO] = (w2 << 1) | (w1 >>> 31);
    R[EXT] = (w1 << 1) | (w0 === 0 ? 0 : 1);
  }
}

let remainderHi = 0;
let remainderLo = 0;

/** The next 24 bits of remainder / (bHi:bLo); the remainder is below the divisor before and after. */
function divideStep(bHi: number, bLo: number): number {
  const dividend = (remainderHi >>> 0) * 0x100000000 + (remainderLo >>> 0);
  const divisor = (bHi >>> 0) * 0x100000000 + (bLo >>> 0);
  let digit = Math.floor((dividend * 0x1000000) / divisor);
  let w0 = ((remainderLo << 24) >>> 0) - (Math.imul(digit, bLo) >>> 0);
  let w1 =
    (((remainderHi << 24) | (remainderLo >>> 8)) >>> 0) -
    mulHigh(digit, bLo) -
    (Math.imul(digit, bHi) >>> 0) -
    (w0 < 0 ? 1 : 0);
  let w2 = (remainderHi >>> 8) - mulHigh(digit, bHi) + Math.floor(w1 / 0x100000000);
  w0 |= 0;
  w1 |= 0;
  if (w2 < 0) {
    digit--;
    const low = (w0 >>> 0) + (bLo >>> 0);
    w1 = (w1 + bHi + (low >= 0x100000000 ? 1 : 0)) | 0;
    w0 = low | 0;
    w2 = 0;
  } else if (w2 > 0 || compareMagnitude(w1, w0, bHi, bLo) >= 0) {
    digit++;
    const low = (w0 >>> 0) - (bLo >>> 0);
    w1 = (w1 - bHi - (low < 0 ? 1 : 0)) | 0;
    w0 = low | 0;
  }
  remainderHi = w1;
  remainderLo = w0;
  return digit;
}

/** R = A / B. */
export function divideFinite(): void {
  const bHi = B[HI];
  const bLo = B[LO];
  remainderHi = A[HI];
  remainderLo = A[LO];
  const whole = compareMagnitude(remainderHi, remainderLo, bHi, bLo) >= 0;
  if (whole) {
    const low = (remainderLo >>> 0) - (bLo >>> 0);
    remainderHi = (remainderHi - bHi - (low < 0 ? 1 : 0)) | 0;
    remainderLo = low | 0;
  }
  const q1 = divideStep(bHi, bLo);
  const q2 = divideStep(bHi, bLo);
  const q3 = divideStep(bHi, bLo);
  const sticky = (remainderHi | remainderLo) === 0 ? 0 : 1;
  R[KIND] = FINITE;
  R[SIGN] = A[SIGN] ^ B[SIGN];
  if (whole) {
    R[EXP] = A[EXP] - B[EXP];
    R[HI] = (1 << 31) | (q1 << 7) | (q2 >>> 17);
    R[LO] = (q2 << 15) | (q3 >>> 9);
    R[EXT] = (q3 << 23) | sticky;
  } else {
    R[EXP] = A[EXP] - B[EXP] - 1;
    R[HI] = (q1 << 8) | (q2 >>> 16);
    R[LO] = (q2 << 16) | (q3 >>> 8);
    R[EXT] = (q3 << 24) | sticky;
  }
}

/** R = √A, digit by digit. A is positive. */
export function squareRootFinite(): void {
  const odd = A[EXP] & 1;
  let n1 = odd ? A[HI] : A[HI] >>> 1;
  let n0 = odd ? A[LO] : (A[LO] >>> 1) | (A[HI] << 31);
  let next = odd ? 0 : A[LO] << 31;
  let rootHi = 0;
  let rootLo = 0;
  let r2 = 0;
  let r1 = 0;
  let r0 = 0;
  for (let i = 0; i < 64; i++) {
    r2 = (r2 << 2) | (r1 >>> 30);
    r1 = (r1 << 2) | (r0 >>> 30);
    r0 = (r0 << 2) | (n1 >>> 30);
    n1 = (n1 << 2) | (n0 >>> 30);
    n0 = (n0 << 2) | (next >>> 30);
    next <<= 2;
    const t2 = rootHi >>> 30;
    const t1 = (rootHi << 2) | (rootLo >>> 30);
    const t0 = (rootLo << 2) | 1;
    rootHi = (rootHi << 1) | (rootLo >>> 31);
    rootLo <<= 1;
    if (r2 > t2 || (r2 === t2 && compareMagnitude(r1, r0, t1, t0) >= 0)) {
      const d0 = (r0 >>> 0) - (t0 >>> 0);
      const d1 = (r1 >>> 0) - (t1 >>> 0) - (d0 < 0 ? 1 : 0);
      r2 = r2 - t2 - (d1 < 0 ? 1 : 0);
      r1 = d1 | 0;
      r0 = d0 | 0;
      rootLo |= 1;
    }
  }
  R[KIND] = FINITE;
  R[SIGN] = 0;
  R[EXP] = (A[EXP] - odd) / 2;
  R[HI] = rootHi;
  R[LO] = rootLo;
  const aboveHalf = r2 !== 0 || compareMagnitude(r1, r0, rootHi, rootLo) > 0;
  R[EXT] = aboveHalf ? (1 << 31) | 1 : (r1 | r0) === 0 ? 0 : 1;
}

/**
 * R = A minus B times a truncated quotient of `steps` bits, counted from the quotient's first bit; R is ZERO or has A's sign.
 * Returns the quotient's low bits.
 */
export function remainderFinite(steps: number): number {
  const bHi = B[HI];
  const bLo = B[LO];
  let top = 0;
  let hi = A[HI];
  let lo = A[LO];
  let quotient = 0;
  for (let i = 0; i < steps; i++) {
    if (i !== 0) {
      top = hi >>> 31;
      hi = (hi << 1) | (lo >>> 31);
      lo <<= 1;
    }
    quotient <<= 1;
    if (top !== 0 || compareMagnitude(hi, lo, bHi, bLo) >= 0) {
      const low = (lo >>> 0) - (bLo >>> 0);
      hi = (hi - bHi - (low < 0 ? 1 : 0)) | 0;
      lo = low | 0;
      quotient |= 1;
    }
  }
  R[SIGN] = A[SIGN];
  R[EXT] = 0;
  R[HI] = hi;
  R[LO] = lo;
  R[EXP] = A[EXP] - (steps - 1);
  if ((hi | lo) === 0) {
    R[KIND] = ZERO;
  } else {
    R[KIND] = FINITE;
    normalise(R);
  }
  return quotient;
}
