/** The x87's transcendental functions of A and B: special operands here, numbers by series.ts, rounded once. */
import { invalid, nanBinary, nanUnary, roundingOf } from './float80.ts';
import { FLAGS, PE, packRegister, RESULT, STATUS, UE, ZE } from './round.ts';
import {
  arctangentOf,
  circle,
  cosineOf,
  exponentialMinus1,
  FRACTION_BITS,
  logarithmOfRatio,
  naturalLog2,
  ONE,
  sineOf,
} from './series.ts';
import {
  A,
  B,
  copyUnpacked,
  DENORMAL,
  EXP,
  EXT,
  FINITE,
  HI,
  INFINITE,
  KIND,
  LO,
  R,
  SIGN,
  ZERO,
} from './unpacked.ts';

/** Exponent below which the second term of every series is lost. */
const TINY_EXP = -70;

/** Spec: Intel SDM vol. 1, 8.3.8: the π that arguments are reduced by, × 2^66. */
const PI_66 = 0xc90fdaa22168c234cn;
const PI_66_FRACTION = 66;

function significand(U: Int32Array): bigint {
  return (BigInt(U[HI] >>> 0) << 32n) | BigInt(U[LO] >>> 0);
}

function shift(x: bigint, by: number): bigint {
  return by >= 0 ? x << BigInt(by) : x >> BigInt(-by);
}

/** Magnitude of the FINITE or ZERO `U` in fixed point. */
function toFixed(U: Int32Array): bigint {
  return U[KIND] === ZERO ? 0n : shift(significand(U), FRACTION_BITS - 63 + U[EXP]);
}

/** R = ± the first 96 bits of `magnitude`, × 2^exp. */
function align(negative: boolean, magnitude: bigint, exp: number): void {
  const bits = magnitude.toString(16).length * 4;
  const top = shift(magnitude, 100 - bits);
  const spare = Math.clz32(Number(top >> 96n)) - 28;
  const aligned = top >> BigInt(4 - spare);
  R[KIND] = FINITE;
  R[SIGN] = negative ? 1 : 0;
  R[EXP] = exp + bits - spare - 1;
  R[HI] = Number(BigInt.asIntN(32, aligned >> 64n));
  R[LO] = Number(BigInt.asIntN(32, aligned >> 32n));
  R[EXT] = Number(BigInt.asIntN(32, aligned));
}

/** Rounds ± `magnitude` × 2^exp, of which there are more bits than are told, into RESULT. */
function packInexact(negative: boolean, magnitude: bigint, exp: number, cw: number): void {
  align(negative, magnitude, exp);
  R[EXT] |= 1;
  packRegister(64, roundingOf(cw), cw);
}

/** Packs the fixed-point number `x`. */
function packFixed(x: bigint, cw: number): void {
  if (x < 0n) packInexact(true, -x, -FRACTION_BITS, cw);
  else packInexact(false, x, -FRACTION_BITS, cw);
}

function packKind(kind: number, sign: number, cw: number): void {
  R[KIND] = kind;
  R[SIGN] = sign;
  packRegister(64, roundingOf(cw), cw);
}

/** RESULT = ±1, exactly. */
function packOne(to: Int32Array, sign: number): void {
  to[0] = 0;
  to[1] = 1 << 31;
  to[2] = 0x3fff | (sign << 15);
}

function copyResult(to: Int32Array): void {
  for (let word = 0; word < 3; word++) to[word] = RESULT[word];
}

/** RESULT = A, as if it were the rounded result of a function of which it is the first term. */
function packSelf(cw: number): void {
  copyUnpacked(R, A);
  if (A[KIND] === FINITE) R[EXT] = 1;
  packRegister(64, 0, cw);
}

const IN_RANGE = 0;
const ANSWERED = 1;
const OUT_OF_RANGE = 2;

/** NaN, infinity and range of a circular function's argument. */
function argument(): number {
  if (nanUnary()) return ANSWERED;
  if (A[KIND] === INFINITE) {
    invalid();
    return ANSWERED;
  }
  if (A[KIND] !== FINITE || A[EXP] < 63) return IN_RANGE;
  STATUS[FLAGS] = 0;
  return OUT_OF_RANGE;
}

let quadrant = 0;
let sinePart = 0n;
let cosinePart = 0n;

/** Reduces A to at most π/4 and finds the sine and cosine of that. */
function reduce(): void {
  const scale = FRACTION_BITS - PI_66_FRACTION;
  const halfPi = (PI_66 << BigInt(scale)) >> 1n;
  const x = toFixed(A);
  const n = (2n * x + halfPi) / (2n * halfPi);
  const rest = x - n * halfPi;
  quadrant = Number(n & 3n);
  sinePart = sineOf(rest);
  cosinePart = cosineOf(rest);
}

function packSine(cw: number): void {
  const value = quadrant & 1 ? cosinePart : sinePart;
  packFixed(((quadrant & 2) !== 0) !== (A[SIGN] !== 0) ? -value : value, cw);
}

function packCosine(cw: number): void {
  const value = quadrant & 1 ? sinePart : cosinePart;
  packFixed(quadrant === 1 || quadrant === 2 ? -value : value, cw);
}

function isTiny(): boolean {
  return A[KIND] === ZERO || A[EXP] < TINY_EXP;
}

/** FSIN. False: |A| is 2^63 or more. */
export function sine(cw: number): boolean {
  const special = argument();
  if (special !== IN_RANGE) return special === ANSWERED;
  if (isTiny()) {
    packSelf(cw);
  } else {
    reduce();
    packSine(cw);
  }
  return true;
}

/** The cosine of 0 or of a tiny number. */
function packCosineOfTiny(): void {
  packOne(RESULT, 0);
  if (A[KIND] !== ZERO) STATUS[FLAGS] |= PE;
}

/** FCOS. */
export function cosine(cw: number): boolean {
  const special = argument();
  if (special !== IN_RANGE) return special === ANSWERED;
  if (isTiny()) {
    packCosineOfTiny();
  } else {
    reduce();
    packCosine(cw);
  }
  return true;
}

/** FSINCOS: the sine stays, the cosine is `second`. */
export function sineAndCosine(cw: number, second: Int32Array): boolean {
  const special = argument();
  if (special !== IN_RANGE) {
    copyResult(second);
    return special === ANSWERED;
  }
  if (isTiny()) {
    packCosineOfTiny();
    copyResult(second);
    packSelf(cw);
  } else {
    reduce();
    packCosine(cw);
    copyResult(second);
    packSine(cw);
  }
  return true;
}

/** FPTAN: the tangent stays, 1 is `second`. */
export function tangent(cw: number, second: Int32Array): boolean {
  const special = argument();
  if (special !== IN_RANGE) {
    copyResult(second);
    return special === ANSWERED;
  }
  packOne(second, 0);
  if (isTiny()) {
    packSelf(cw);
  } else {
    reduce();
    const odd = (quadrant & 1) !== 0;
    const value = odd ? (-cosinePart * ONE) / sinePart : (sinePart * ONE) / cosinePart;
    packFixed(A[SIGN] ? -value : value, cw);
  }
  return true;
}

/** F2XM1: 2^A - 1. For |A| above 1, which is undefined, A as hardware answers it. */
export function powerMinus1(cw: number): void {
  if (nanUnary()) return;
  if (A[KIND] === INFINITE) {
    if (A[SIGN]) packOne(RESULT, 1);
    else packKind(INFINITE, 0, cw);
  } else if (A[KIND] === ZERO || A[EXP] > 0 || (A[EXP] === 0 && significand(A) !== 1n << 63n)) {
    copyUnpacked(R, A);
    packRegister(64, 0, cw);
    if (A[KIND] === FINITE) STATUS[FLAGS] |= PE;
  } else if (A[EXP] === 0) {
    exactPower(cw);
  } else if (A[EXP] < TINY_EXP) {
    packInexact(A[SIGN] !== 0, significand(A) * naturalLog2(), A[EXP] - 63 - FRACTION_BITS, cw);
  } else {
    const x = (toFixed(A) * naturalLog2()) >> BigInt(FRACTION_BITS);
    packFixed(exponentialMinus1(A[SIGN] ? -x : x), cw);
  }
}

/** 2^1 - 1 and 2^-1 - 1: exact, and hardware says inexact. */
function exactPower(cw: number): void {
  copyUnpacked(R, A);
  if (A[SIGN]) R[EXP] = -1;
  packRegister(64, roundingOf(cw), cw);
  STATUS[FLAGS] |= PE;
}

/** RESULT = B × the fixed-point number `x` / ln 2 × 2^exp. */
function packTimesB(x: bigint, exp: number, cw: number): void {
  const negative = x < 0n !== (B[SIGN] !== 0);
  const magnitude = ((x < 0n ? -x : x) << BigInt(FRACTION_BITS)) / naturalLog2();
  packInexact(negative, magnitude * significand(B), exp + B[EXP] - 63, cw);
}

/** ln A × 2^exp's rest: the fixed-point natural logarithm of the FINITE A. */
function logarithmOfA(): bigint {
  const above = A[HI] >>> 0 > 0xb504f333;
  const exp = above ? A[EXP] + 1 : A[EXP];
  const m = significand(A);
  const one = above ? 1n << 64n : 1n << 63n;
  return BigInt(exp) * naturalLog2() + logarithmOfRatio(m - one, m + one);
}

/** Is A a power of two? */
function isPowerOf2(): boolean {
  return A[KIND] === FINITE && A[HI] === 1 << 31 && A[LO] === 0;
}

/** FYL2X of a power of two: B × its exponent, rounded once; hardware says inexact even when it is not. */
function packExponentTimesB(cw: number): void {
  const negative = A[EXP] < 0 !== (B[SIGN] !== 0);
  align(negative, significand(B) * BigInt(Math.abs(A[EXP])), B[EXP] - 63);
  packRegister(64, roundingOf(cw), cw);
  STATUS[FLAGS] |= R[DENORMAL] ? PE | UE : PE;
}

/** FYL2X: B × log2 A. */
export function logarithm(cw: number): void {
  if (nanBinary()) return;
  if (A[SIGN] && A[KIND] !== ZERO) {
    invalid();
    return;
  }
  const isOne = isPowerOf2() && A[EXP] === 0;
  const below1 = A[KIND] === ZERO || (A[KIND] === FINITE && A[EXP] < 0);
  const sign = B[SIGN] ^ (below1 ? 1 : 0);
  if (A[KIND] === ZERO) {
    logarithmOfZero(sign, cw);
  } else if (A[KIND] === INFINITE || B[KIND] === INFINITE) {
    if (B[KIND] === ZERO || isOne) invalid();
    else packKind(INFINITE, sign, cw);
  } else if (B[KIND] === ZERO || isOne) {
    packKind(ZERO, sign, cw);
  } else if (isPowerOf2()) {
    packExponentTimesB(cw);
  } else {
    packTimesB(logarithmOfA(), 0 - FRACTION_BITS, cw);
  }
}

function logarithmOfZero(sign: number, cw: number): void {
  if (B[KIND] === ZERO) {
    invalid();
    return;
  }
  if (B[KIND] !== INFINITE) STATUS[FLAGS] = ZE;
  packKind(INFINITE, sign, cw);
}

/** FYL2XP1: B × log2(A + 1). For an A of -1 and below, which is undefined, A as hardware answers it. */
export function logarithmPlus1(cw: number): void {
  if (nanBinary()) return;
  const sign = A[SIGN] ^ B[SIGN];
  if (A[KIND] === INFINITE || B[KIND] === INFINITE) {
    if (A[KIND] === ZERO || B[KIND] === ZERO || (A[KIND] === INFINITE && A[SIGN])) invalid();
    else packKind(INFINITE, sign, cw);
  } else if (A[KIND] === ZERO || B[KIND] === ZERO) {
    packKind(ZERO, sign, cw);
  } else if (A[SIGN] && A[EXP] >= 0) {
    copyUnpacked(R, A);
    packRegister(64, 0, cw);
    STATUS[FLAGS] |= PE;
  } else if (A[EXP] < TINY_EXP) {
    const m = significand(A) << BigInt(FRACTION_BITS - 63);
    packTimesB(A[SIGN] ? -m : m, A[EXP] - FRACTION_BITS, cw);
  } else if (A[EXP] >= -1) {
    packTimesB(logarithmOfSum(), -FRACTION_BITS, cw);
  } else {
    const x = A[SIGN] ? -toFixed(A) : toFixed(A);
    packTimesB(logarithmOfRatio(x, 2n * ONE + x), -FRACTION_BITS, cw);
  }
}

/** ln(A + 1) for an A outside of the instruction's range. */
function logarithmOfSum(): bigint {
  let sum = ONE + (A[SIGN] ? -toFixed(A) : toFixed(A));
  let exp = 0n;
  for (; sum > (3n * ONE) / 2n; sum >>= 1n) exp++;
  for (; sum < (3n * ONE) / 4n; sum <<= 1n) exp--;
  return exp * naturalLog2() + logarithmOfRatio(sum - ONE, sum + ONE);
}

/** FPATAN: the angle of the point (A, B). */
export function arctangent(cw: number): void {
  if (nanBinary()) return;
  const a = A[KIND];
  const b = B[KIND];
  if (b === ZERO || (a === INFINITE && b !== INFINITE)) {
    if (A[SIGN]) packFixed(B[SIGN] ? -circle() : circle(), cw);
    else packKind(ZERO, B[SIGN], cw);
  } else if (a === ZERO || (b === INFINITE && a !== INFINITE)) {
    packFixed(B[SIGN] ? -circle() / 2n : circle() / 2n, cw);
  } else if (a === INFINITE) {
    const angle = A[SIGN] ? (3n * circle()) / 4n : circle() / 4n;
    packFixed(B[SIGN] ? -angle : angle, cw);
  } else {
    angleOfNumbers(cw);
  }
}

function angleOfNumbers(cw: number): void {
  const distance = B[EXP] - A[EXP];
  if (distance < TINY_EXP && !A[SIGN]) {
    const ratio = (significand(B) << BigInt(FRACTION_BITS)) / significand(A);
    packInexact(B[SIGN] !== 0, ratio, distance - FRACTION_BITS, cw);
    return;
  }
  const nearer = Math.max(-200, Math.min(200, distance));
  const x = shift(significand(A), nearer < 0 ? -nearer : 0);
  const y = shift(significand(B), Math.max(nearer, 0));
  let angle = y <= x ? arctangentOf(y, x) : circle() / 2n - arctangentOf(x, y);
  if (A[SIGN]) angle = circle() - angle;
  packFixed(B[SIGN] ? -angle : angle, cw);
}
