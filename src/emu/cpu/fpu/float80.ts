/** Operations of the x87 on A and B (see unpacked.ts), with its rules for NaNs, infinities, zeros and denormals. */
import {
  addFinite,
  compareUnpacked,
  divideFinite,
  multiplyFinite,
  remainderFinite,
  squareRootFinite,
} from './arithmetic.ts';
import {
  DE,
  FLAGS,
  IE,
  PE,
  packRegister,
  RC_DOWN,
  RESULT,
  ROUNDED_UP,
  roundToInteger,
  STATUS,
  ZE,
} from './round.ts';
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
  normalise,
  QNAN,
  R,
  SIGN,
  SNAN,
  UNSUPPORTED,
  ZERO,
} from './unpacked.ts';

/** Rounding control of a control word. */
export function roundingOf(cw: number): number {
  return (cw >>> 10) & 3;
}

/** Precision control of a control word, in bits. */
export function precisionOf(cw: number): number {
  const pc = (cw >>> 8) & 3;
  return pc === 0 ? 24 : pc === 2 ? 53 : 64;
}

/** The real indefinite, which masked invalid operations give. */
export function setIndefinite(): void {
  RESULT[0] = 0;
  RESULT[1] = 0xc0000000 | 0;
  RESULT[2] = 0xffff;
}

/** An invalid operation. It hides a denormal operand. */
export function invalid(): void {
  STATUS[FLAGS] = IE;
  setIndefinite();
}

function setNan(U: Int32Array): void {
  RESULT[0] = U[LO];
  RESULT[1] = U[HI] | 0xc0000000;
  RESULT[2] = (U[SIGN] << 15) | 0x7fff;
}

function packInfinity(sign: number): void {
  RESULT[0] = 0;
  RESULT[1] = 1 << 31;
  RESULT[2] = (sign << 15) | 0x7fff;
}

function packZero(sign: number): void {
  RESULT[0] = 0;
  RESULT[1] = 0;
  RESULT[2] = sign << 15;
}

/** When A is a NaN or no number at all, answers that. Otherwise notes a denormal operand. */
export function nanUnary(): boolean {
  const kind = A[KIND];
  if (kind < QNAN) {
    if (A[DENORMAL]) STATUS[FLAGS] |= DE;
    return false;
  }
  if (kind === UNSUPPORTED) {
    invalid();
    return true;
  }
  if (kind === SNAN) STATUS[FLAGS] |= IE;
  setNan(A);
  return true;
}

/** When A or B is a NaN or no number at all, answers what comes of it. Otherwise notes denormal operands. */
export function nanBinary(): boolean {
  const a = A[KIND];
  const b = B[KIND];
  if (a < QNAN && b < QNAN) {
    if (A[DENORMAL] | B[DENORMAL]) STATUS[FLAGS] |= DE;
    return false;
  }
  if (a === UNSUPPORTED || b === UNSUPPORTED) {
    invalid();
    return true;
  }
  if (a === SNAN || b === SNAN) STATUS[FLAGS] |= IE;
  if (b < QNAN) setNan(A);
  else if (a < QNAN) setNan(B);
  else if (a !== b) setNan(a === QNAN ? A : B);
  else setNan(chooseNan());
  return true;
}

/** Spec: Intel SDM vol. 1, table 4-7: the larger significand, then the positive one. */
function chooseNan(): Int32Array {
  if (A[HI] !== B[HI]) return A[HI] >>> 0 > B[HI] >>> 0 ? A : B;
  if (A[LO] !== B[LO]) return A[LO] >>> 0 > B[LO] >>> 0 ? A : B;
  return A[SIGN] ? B : A;
}

function add(cw: number): void {
  const a = A[KIND];
  const b = B[KIND];
  if (a === FINITE && b === FINITE) {
    addFinite();
    if (R[KIND] === ZERO) packZero(roundingOf(cw) === RC_DOWN ? 1 : 0);
    else packRegister(precisionOf(cw), roundingOf(cw), cw);
  } else if (a === INFINITE || b === INFINITE) {
    if (a === b && A[SIGN] !== B[SIGN]) invalid();
    else packInfinity(a === INFINITE ? A[SIGN] : B[SIGN]);
  } else if (a === ZERO && b === ZERO) {
    packZero(A[SIGN] === B[SIGN] ? A[SIGN] : roundingOf(cw) === RC_DOWN ? 1 : 0);
  } else {
    copyUnpacked(R, a === ZERO ? B : A);
    packRegister(precisionOf(cw), roundingOf(cw), cw);
  }
}

function multiply(cw: number): void {
  const a = A[KIND];
  const b = B[KIND];
  const sign = A[SIGN] ^ B[SIGN];
  if (a === FINITE && b === FINITE) {
    multiplyFinite();
    packRegister(precisionOf(cw), roundingOf(cw), cw);
  } else if (a === INFINITE || b === INFINITE) {
    if (a === ZERO || b === ZERO) invalid();
    else packInfinity(sign);
  } else {
    packZero(sign);
  }
}

function divide(cw: number): void {
  const a = A[KIND];
  const b = B[KIND];
  const sign = A[SIGN] ^ B[SIGN];
  if (a === FINITE && b === FINITE) {
    divideFinite();
    packRegister(precisionOf(cw), roundingOf(cw), cw);
  } else if (a === b) {
    invalid();
  } else if (a === INFINITE) {
    packInfinity(sign);
  } else if (b === ZERO) {
    STATUS[FLAGS] = ZE;
    packInfinity(sign);
  } else {
    packZero(sign);
  }
}

/** Does what bits 3–5 of an arithmetic opcode say (0 add, 1 multiply, 4–5 subtract, 6–7 divide) to A and B, in that order. */
export function arithmetic80(operation: number, cw: number): void {
  if (nanBinary()) return;
  if (operation === 1) {
    multiply(cw);
  } else if (operation >= 6) {
    divide(cw);
  } else {
    if (operation !== 0) B[SIGN] ^= 1;
    add(cw);
  }
}

/** Relation of A and B: -1, 0, 1, or 2 for unordered. `quiet`: QNaNs are not invalid. */
export function compare80(quiet: boolean): number {
  const a = A[KIND];
  const b = B[KIND];
  if (a >= QNAN || b >= QNAN) {
    if (!quiet || a > QNAN || b > QNAN) STATUS[FLAGS] |= IE;
    return 2;
  }
  if (A[DENORMAL] | B[DENORMAL]) STATUS[FLAGS] |= DE;
  return compareUnpacked();
}

/** RESULT = √A. */
export function squareRoot80(cw: number): void {
  if (A[SIGN] && (A[KIND] === FINITE || A[KIND] === INFINITE)) {
    invalid();
    return;
  }
  if (nanUnary()) return;
  if (A[KIND] === FINITE) {
    squareRootFinite();
    packRegister(precisionOf(cw), roundingOf(cw), cw);
  } else if (A[KIND] === INFINITE) {
    packInfinity(0);
  } else {
    packZero(A[SIGN]);
  }
}

/** RESULT = A rounded to an integer. */
export function roundInteger80(cw: number): void {
  if (nanUnary()) return;
  copyUnpacked(R, A);
  if (R[KIND] === FINITE && R[EXP] < 63) {
    if (!roundToInteger(roundingOf(cw))) {
      R[HI] = 1 << 31;
      R[LO] = 0;
      R[EXP] = 64;
    } else {
      R[EXP] = 63;
    }
    const inexact = R[EXT] !== 0;
    const up = STATUS[ROUNDED_UP];
    R[EXT] = 0;
    if ((R[HI] | R[LO]) === 0) R[KIND] = ZERO;
    else normalise(R);
    packRegister(64, 0, cw);
    if (inexact) STATUS[FLAGS] |= PE;
    STATUS[ROUNDED_UP] = up;
    return;
  }
  packRegister(64, 0, cw);
}

/** RESULT = A × 2^(B truncated). */
export function scale80(cw: number): void {
  if (nanBinary()) return;
  if (B[KIND] === INFINITE) {
    if (B[SIGN]) {
      if (A[KIND] === INFINITE) invalid();
      else packZero(A[SIGN]);
    } else if (A[KIND] === ZERO) {
      invalid();
    } else {
      packInfinity(A[SIGN]);
    }
    return;
  }
  copyUnpacked(R, A);
  if (A[KIND] === FINITE && B[KIND] === FINITE && B[EXP] >= 0) {
    const by = B[EXP] > 16 ? 0x1ffff : B[HI] >>> (31 - B[EXP]);
    R[EXP] += B[SIGN] ? -by : by;
  }
  R[EXT] = 0;
  packRegister(64, roundingOf(cw), cw);
}

/** A partial reduction by FPREM or FPREM1, and one without a quotient. */
export const PARTIAL = -1;
export const NO_QUOTIENT = -2;

/** RESULT = what is left of A after FPREM or FPREM1. Returns the low three bits of the quotient, PARTIAL or NO_QUOTIENT. */
export function remainder80(nearest: boolean, cw: number): number {
  if (nanBinary()) return NO_QUOTIENT;
  if (A[KIND] === INFINITE || B[KIND] === ZERO) {
    invalid();
    return NO_QUOTIENT;
  }
  copyUnpacked(R, A);
  const distance = A[EXP] - B[EXP];
  if (A[KIND] === ZERO || B[KIND] === INFINITE || distance < (nearest ? -1 : 0)) {
    packRegister(64, 0, cw);
    return 0;
  }
  if (distance >= 64) {
    remainderFinite(32 + (distance & 31) + 1);
    packRegister(64, 0, cw);
    return PARTIAL;
  }
  let quotient = 0;
  if (distance >= 0) quotient = remainderFinite(distance + 1);
  if (nearest && R[KIND] === FINITE) quotient += roundRemainder(quotient);
  packRegister(64, 0, cw);
  return quotient & 7;
}

/** After truncation, subtracts B once more from |R| when the quotient was nearer to the next integer. Returns 1 if so. */
function roundRemainder(quotient: number): number {
  const sign = R[SIGN];
  copyUnpacked(A, R);
  A[SIGN] = 0;
  A[EXP]++;
  B[SIGN] = 0;
  const twice = compareUnpacked();
  A[EXP]--;
  if (twice < 0 || (twice === 0 && (quotient & 1) === 0)) return 0;
  B[SIGN] = 1;
  addFinite();
  if (R[KIND] === ZERO) R[SIGN] = sign;
  else R[SIGN] ^= sign;
  return 1;
}
