/**
 * The x87's transcendental functions of A and B, through float64.
 * QEMU: sine, cosine and tangent are those of float64 too. Not modelled: the last 11 bits of the others.
 */
import { invalid, nanBinary, nanUnary, roundingOf } from './float80.ts';
import { FLAGS, PE, pack64, packRegister, RC_NEAREST, RESULT, STATUS, ZE } from './round.ts';
import { A, B, copyUnpacked, EXP, FINITE, HI, INFINITE, KIND, R, SIGN, unpack64, ZERO } from './unpacked.ts';

const view = new Float64Array(1);
const words = new Int32Array(view.buffer);

/** The FINITE or ZERO `U` as a float64, rounded. Leaves the flags alone. */
function toNumber(U: Int32Array): number {
  const flags = STATUS[FLAGS];
  copyUnpacked(R, U);
  pack64(RC_NEAREST, 0x3f, false);
  STATUS[FLAGS] = flags;
  words[0] = RESULT[0];
  words[1] = RESULT[1];
  return view[0];
}

function packNumber(value: number, cw: number): void {
  view[0] = value;
  unpack64(R, words[0], words[1]);
  packRegister(64, roundingOf(cw), cw);
  if (R[KIND] !== ZERO) STATUS[FLAGS] |= PE;
}

function packSame(U: Int32Array, cw: number): void {
  copyUnpacked(R, U);
  packRegister(64, roundingOf(cw), cw);
}

/** Infinity, zero, and numbers so small that f(x) = x; else undefined. */
function tiny(): boolean {
  return A[KIND] === ZERO || A[EXP] < -64;
}

function packOne(second: Int32Array): void {
  second[0] = 0;
  second[1] = 1 << 31;
  second[2] = 0x3fff;
}

function copyResult(to: Int32Array): void {
  for (let word = 0; word < 3; word++) to[word] = RESULT[word];
}

/** Handles NaN, infinity and range. 0: go on; 1: RESULT is the answer; 2: out of range. */
function argument(): number {
  if (nanUnary()) return 1;
  if (A[KIND] === INFINITE) {
    invalid();
    return 1;
  }
  return A[KIND] === FINITE && A[EXP] >= 63 ? 2 : 0;
}

/** FSIN. False: |A| is 2^63 or more. */
export function sine(cw: number): boolean {
  const special = argument();
  if (special !== 0) return special === 1;
  if (tiny()) {
    packSame(A, cw);
    if (A[KIND] !== ZERO) STATUS[FLAGS] |= PE;
  } else {
    packNumber(Math.sin(toNumber(A)), cw);
  }
  return true;
}

/** FCOS. */
export function cosine(cw: number): boolean {
  const special = argument();
  if (special !== 0) return special === 1;
  if (tiny()) {
    packOne(RESULT);
    if (A[KIND] !== ZERO) STATUS[FLAGS] |= PE;
  } else {
    packNumber(Math.cos(toNumber(A)), cw);
  }
  return true;
}

/** FSINCOS: the sine stays, the cosine is `second`. */
export function sineAndCosine(cw: number, second: Int32Array): boolean {
  const special = argument();
  if (special === 1) copyResult(second);
  if (special !== 0) return special === 1;
  cosine(cw);
  copyResult(second);
  return sine(cw);
}

/** FPTAN: the tangent stays, 1 is `second`. */
export function tangent(cw: number, second: Int32Array): boolean {
  const special = argument();
  if (special === 1) copyResult(second);
  if (special !== 0) return special === 1;
  packOne(second);
  if (tiny()) {
    packSame(A, cw);
    if (A[KIND] !== ZERO) STATUS[FLAGS] |= PE;
  } else {
    packNumber(Math.tan(toNumber(A)), cw);
  }
  return true;
}

/** F2XM1: 2^A - 1, for -1 <= A <= 1. */
export function powerMinus1(cw: number): void {
  if (nanUnary()) return;
  if (A[KIND] === ZERO) {
    packSame(A, cw);
  } else if (A[KIND] === INFINITE) {
    copyUnpacked(R, A);
    if (A[SIGN]) packNumber(-1, cw);
    else packRegister(64, 0, cw);
    STATUS[FLAGS] &= ~PE;
  } else {
    packNumber(Math.expm1(toNumber(A) * Math.LN2), cw);
  }
}

function packInfinity(sign: number, cw: number): void {
  R[KIND] = INFINITE;
  R[SIGN] = sign;
  packRegister(64, 0, cw);
}

function packZero(sign: number, cw: number): void {
  R[KIND] = ZERO;
  R[SIGN] = sign;
  packRegister(64, 0, cw);
}

/** FYL2X: B × log2 A. */
export function logarithm(cw: number): void {
  if (nanBinary()) return;
  if (A[SIGN] && A[KIND] !== ZERO) {
    invalid();
    return;
  }
  const isOne = A[KIND] === FINITE && A[EXP] === 0 && A[HI] === 1 << 31 && toNumber(A) === 1;
  const below1 = A[KIND] === ZERO || (A[KIND] === FINITE && A[EXP] < 0);
  const sign = B[SIGN] ^ (below1 ? 1 : 0);
  if (A[KIND] === ZERO) {
    if (B[KIND] === ZERO) {
      invalid();
      return;
    }
    if (B[KIND] !== INFINITE) STATUS[FLAGS] |= ZE;
    packInfinity(sign, cw);
  } else if (A[KIND] === INFINITE || B[KIND] === INFINITE) {
    if (B[KIND] === ZERO || isOne) invalid();
    else packInfinity(sign, cw);
  } else if (B[KIND] === ZERO || isOne) {
    packZero(sign, cw);
  } else {
    multiplyByB(logOf(), cw);
  }
}

/** log2 of the FINITE A, whose exponent may be beyond float64's. */
function logOf(): number {
  const exp = A[EXP];
  const nearOne = exp === -1 && A[HI] >>> 0 > 0xb504f333;
  A[EXP] = nearOne ? -1 : 0;
  return (nearOne ? 0 : exp) + Math.log2(toNumber(A));
}

function multiplyByB(value: number, cw: number): void {
  view[0] = value;
  unpack64(A, words[0], words[1]);
  packProduct(cw);
}

function packProduct(cw: number): void {
  const scale = B[EXP];
  B[EXP] = 0;
  const product = toNumber(B) * toNumber(A);
  view[0] = product;
  unpack64(R, words[0], words[1]);
  if (R[KIND] === FINITE) R[EXP] += scale;
  packRegister(64, roundingOf(cw), cw);
  STATUS[FLAGS] |= PE;
}

/** FYL2XP1: B × log2(A + 1). */
export function logarithmPlus1(cw: number): void {
  if (nanBinary()) return;
  const sign = A[SIGN] ^ B[SIGN];
  if (A[KIND] === INFINITE || B[KIND] === INFINITE) {
    if (A[KIND] === ZERO || B[KIND] === ZERO || (A[KIND] === INFINITE && A[SIGN])) invalid();
    else packInfinity(sign, cw);
  } else if (A[KIND] === ZERO || B[KIND] === ZERO) {
    packZero(sign, cw);
  } else {
    const scale = A[EXP] < -60 ? A[EXP] : 0;
    A[EXP] -= scale;
    const x = toNumber(A);
    const value = scale !== 0 ? x * Math.LOG2E : Math.log1p(x) * Math.LOG2E;
    B[EXP] += scale;
    multiplyByB(value, cw);
  }
}

/** FPATAN: the angle of the point (A, B). */
export function arctangent(cw: number): void {
  if (nanBinary()) return;
  const distance = A[KIND] === FINITE && B[KIND] === FINITE ? B[EXP] - A[EXP] : 0;
  if (distance < -1000 && !A[SIGN]) {
    const scale = distance;
    B[EXP] = 0;
    A[EXP] = 0;
    view[0] = toNumber(B) / toNumber(A);
    unpack64(R, words[0], words[1]);
    R[EXP] += scale;
    packRegister(64, roundingOf(cw), cw);
    STATUS[FLAGS] |= PE;
    return;
  }
  if (distance !== 0) {
    A[EXP] = 0;
    B[EXP] = Math.max(-1000, Math.min(1000, distance));
  } else if (A[KIND] === FINITE && B[KIND] === FINITE) {
    A[EXP] = 0;
    B[EXP] = 0;
  }
  packNumber(Math.atan2(toNumber(B), toNumber(A)), cw);
}
