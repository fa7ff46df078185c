/** Floating-point arithmetic on one lane under MXCSR: results into OUT, flags into STATUS. */
import type { Cpu } from '../cpu.ts';
import { addFinite, divideFinite, multiplyFinite, squareRootFinite } from '../fpu/arithmetic.ts';
import { DE, FLAGS, IE, PE, pack32, pack64, RC_DOWN, RC_NEAREST, RESULT, STATUS, ZE } from '../fpu/round.ts';
import {
  A,
  B,
  copyUnpacked,
  DENORMAL,
  FINITE,
  HI,
  INFINITE,
  KIND,
  LO,
  QNAN,
  R,
  SIGN,
  SNAN,
  unpack32,
  unpack64,
  ZERO,
} from '../fpu/unpacked.ts';
import { CR4, CR4_OSXMMEXCPT, MXCSR, VEC_UD, VEC_XM } from '../state.ts';

export const ADD = 0;
export const SUB = 1;
export const MUL = 2;
export const DIV = 3;
/** Of the second operand. */
export const SQRT = 4;

const MXCSR_DAZ = 1 << 6;
const MXCSR_MASKS_SHIFT = 7;
const MXCSR_RC_SHIFT = 13;
const MXCSR_FZ = 1 << 15;

/** The result of the instruction under way, word by word. */
export const OUT = new Int32Array(4);
export const OUT_F32 = new Float32Array(OUT.buffer);
export const OUT_F64 = new Float64Array(OUT.buffer);

let rounding = 0;
let masked = 0;
let flush = false;
let denormalsAreZero = false;
/** Results to nearest with inexactness masked: numbers far from the ends of the range may be computed as the host does. */
let plain = false;
/** PE is set already: whether a result is inexact does not matter. */
let inexactKnown = false;

/** Takes MXCSR's modes for the lanes to come. */
export function beginFloat(cpu: Cpu): void {
  const mxcsr = cpu.S[MXCSR];
  rounding = (mxcsr >>> MXCSR_RC_SHIFT) & 3;
  masked = (mxcsr >>> MXCSR_MASKS_SHIFT) & 0x3f;
  flush = (mxcsr & MXCSR_FZ) !== 0;
  denormalsAreZero = (mxcsr & MXCSR_DAZ) !== 0;
  plain = rounding === RC_NEAREST && (masked & PE) !== 0;
  inexactKnown = (mxcsr & PE) !== 0;
  STATUS[FLAGS] = 0;
}

/** Modes of RCPPS and RSQRTPS, whatever MXCSR says: to nearest, all masked, denormals are 0 before and after. */
export function beginApproximation(): void {
  rounding = RC_NEAREST;
  masked = 0x3f;
  flush = true;
  denormalsAreZero = true;
  plain = true;
  inexactKnown = true;
}

/** RC is to nearest and PE masked: what the host rounds to nearest, the hardware does. */
export function isPlain(): boolean {
  return plain;
}

/** Rounding control that conversions to integers use. */
export function roundingMode(): number {
  return rounding;
}

/** Puts the flags into MXCSR. False: one was unmasked, the exception is raised, and the result must not be written. */
export function endFloat(cpu: Cpu): boolean {
  const flags = STATUS[FLAGS];
  if (flags === 0) return true;
  const S = cpu.S;
  const unmasked = flags & ~masked;
  if (unmasked === 0) {
    S[MXCSR] |= flags;
    return true;
  }
  S[MXCSR] |= (unmasked & (IE | DE | ZE)) !== 0 ? flags & (IE | DE | ZE) : flags;
  if ((S[CR4] & CR4_OSXMMEXCPT) !== 0) cpu.raise(VEC_XM);
  else cpu.raise(VEC_UD);
  return false;
}

/** Ends the instruction and writes the first `n` words of OUT to `d`. */
export function commit(cpu: Cpu, d: number, n: number): void {
  if (!endFloat(cpu)) return;
  for (let i = 0; i < n; i++) cpu.S[d + i] = OUT[i];
}

/** Takes a float32 apart as MXCSR.DAZ wants it. */
export function take32(U: Int32Array, bits: number): void {
  unpack32(U, bits);
  if (denormalsAreZero && U[DENORMAL]) zero(U);
}

/** Takes a float64 apart as MXCSR.DAZ wants it. */
export function take64(U: Int32Array, lo: number, hi: number): void {
  unpack64(U, lo, hi);
  if (denormalsAreZero && U[DENORMAL]) zero(U);
}

function zero(U: Int32Array): void {
  U[KIND] = ZERO;
  U[DENORMAL] = 0;
  U[HI] = 0;
  U[LO] = 0;
}

/** Rounds R into RESULT as float64 or float32. */
export function packResult(is64: boolean): void {
  if (is64) pack64(rounding, masked, flush);
  else pack32(rounding, masked, flush);
}

/** RESULT = the quiet form of the NaN `U`. */
export function packNan(U: Int32Array, is64: boolean): void {
  const hi = U[HI] | 0x40000000;
  const sign = U[SIGN] << 31;
  if (is64) {
    RESULT[0] = (hi << 21) | (U[LO] >>> 11);
    RESULT[1] = sign | 0x7ff00000 | ((hi >>> 11) & 0xfffff);
  } else {
    RESULT[0] = sign | 0x7f800000 | ((hi >>> 8) & 0x7fffff);
  }
}

function invalid(is64: boolean): void {
  STATUS[FLAGS] |= IE;
  RESULT[0] = is64 ? 0 : 0xffc00000;
  RESULT[1] = 0xfff80000;
}

function packKind(kind: number, sign: number, is64: boolean): void {
  R[KIND] = kind;
  R[SIGN] = sign;
  packResult(is64);
}

function addAny(is64: boolean): void {
  const a = A[KIND];
  const b = B[KIND];
  if (a === FINITE && b === FINITE) {
    addFinite();
    if (R[KIND] === ZERO) R[SIGN] = rounding === RC_DOWN ? 1 : 0;
    packResult(is64);
  } else if (a === INFINITE || b === INFINITE) {
    if (a === b && A[SIGN] !== B[SIGN]) invalid(is64);
    else packKind(INFINITE, a === INFINITE ? A[SIGN] : B[SIGN], is64);
  } else if (a === ZERO && b === ZERO) {
    packKind(ZERO, A[SIGN] === B[SIGN] ? A[SIGN] : rounding === RC_DOWN ? 1 : 0, is64);
  } else {
    copyUnpacked(R, a === ZERO ? B : A);
    packResult(is64);
  }
}

function multiplyAny(is64: boolean): void {
  const a = A[KIND];
  const b = B[KIND];
  if (a === FINITE && b === FINITE) {
    multiplyFinite();
    packResult(is64);
  } else if (a !== INFINITE && b !== INFINITE) {
    packKind(ZERO, A[SIGN] ^ B[SIGN], is64);
  } else if (a === ZERO || b === ZERO) {
    invalid(is64);
  } else {
    packKind(INFINITE, A[SIGN] ^ B[SIGN], is64);
  }
}

function divideAny(is64: boolean): void {
  const a = A[KIND];
  const b = B[KIND];
  const sign = A[SIGN] ^ B[SIGN];
  if (a === FINITE && b === FINITE) {
    divideFinite();
    packResult(is64);
  } else if (a === b) {
    invalid(is64);
  } else if (a === INFINITE || b === ZERO) {
    if (a === FINITE) STATUS[FLAGS] |= ZE;
    packKind(INFINITE, sign, is64);
  } else {
    packKind(ZERO, sign, is64);
  }
}

function squareRootOfB(is64: boolean): void {
  copyUnpacked(A, B);
  const kind = A[KIND];
  if (kind >= QNAN) {
    if (kind === SNAN) STATUS[FLAGS] |= IE;
    packNan(A, is64);
  } else if (kind === ZERO) {
    packKind(ZERO, A[SIGN], is64);
  } else if (A[SIGN]) {
    invalid(is64);
  } else {
    if (A[DENORMAL]) STATUS[FLAGS] |= DE;
    if (kind === INFINITE) {
      packKind(INFINITE, 0, is64);
    } else {
      squareRootFinite();
      packResult(is64);
    }
  }
}

/** RESULT = A op B, exactly as the hardware rounds it and with all flags. */
export function exactLane(operation: number, is64: boolean): void {
  if (operation === SQRT) {
    squareRootOfB(is64);
    return;
  }
  const a = A[KIND];
  const b = B[KIND];
  if (a >= QNAN || b >= QNAN) {
    if (a === SNAN || b === SNAN) STATUS[FLAGS] |= IE;
    packNan(a >= QNAN ? A : B, is64);
    return;
  }
  const denormal = A[DENORMAL] | B[DENORMAL];
  const flags = STATUS[FLAGS];
  STATUS[FLAGS] = 0;
  if (operation === MUL) {
    multiplyAny(is64);
  } else if (operation === DIV) {
    divideAny(is64);
  } else {
    if (operation === SUB) B[SIGN] ^= 1;
    addAny(is64);
  }
  if (denormal && (STATUS[FLAGS] & (IE | ZE)) === 0) STATUS[FLAGS] |= DE;
  STATUS[FLAGS] |= flags;
}

/** Smallest normal and largest numbers. */
export const MIN_NORMAL_64 = 2.2250738585072014e-308;
export const MIN_NORMAL_32 = 1.1754943508222875e-38;
export const MAX_32 = 3.4028234663852886e38;
/** Between these, neither the error of a product nor a split operand leaves float64's range. */
const SAFE_MIN = 1e-280;
const SAFE_MAX = 1e290;
const SPLITTER = 134217729;

function isSafe(x: number): boolean {
  const magnitude = Math.abs(x);
  return magnitude > SAFE_MIN && magnitude < SAFE_MAX;
}

/** Is the float64 sum `r` of a and b rounded? Spec: Knuth, TwoSum. */
function sumInexact(a: number, b: number, r: number): boolean {
  const bPart = r - a;
  return a - (r - bPart) + (b - bPart) !== 0;
}

/** Is `r` other than a × b? All three are safe. Spec: Dekker, TwoProduct. */
function productInexact(a: number, b: number, r: number): boolean {
  const p = a * b;
  const aSplit = SPLITTER * a;
  const aHigh = aSplit - (aSplit - a);
  const aLow = a - aHigh;
  const bSplit = SPLITTER * b;
  const bHigh = bSplit - (bSplit - b);
  const bLow = b - bHigh;
  return p !== r || aLow * bLow - (p - aHigh * bHigh - aLow * bHigh - aHigh * bLow) !== 0;
}

/** Tries the host's float64 arithmetic: false when the result or a flag might differ. */
function fast64(operation: number, a: number, b: number, out: number): boolean {
  if (operation <= SUB) {
    const y = operation === SUB ? -b : b;
    const r = a + y;
    const magnitude = Math.abs(r);
    if (!(magnitude > MIN_NORMAL_64 && magnitude < SAFE_MAX) && r !== 0) return false;
    if (!(Math.abs(a) >= MIN_NORMAL_64 || a === 0) || !(Math.abs(b) >= MIN_NORMAL_64 || b === 0))
      return false;
    if (!inexactKnown && sumInexact(a, y, r)) STATUS[FLAGS] |= PE;
    OUT_F64[out] = r;
    return true;
  }
  if (!isSafe(b) || (operation !== SQRT && !isSafe(a))) return false;
  const r = operation === MUL ? a * b : operation === DIV ? a / b : Math.sqrt(b);
  if (!isSafe(r)) return false;
  if (!inexactKnown) {
    const inexact =
      operation === MUL
        ? productInexact(a, b, r)
        : operation === DIV
          ? productInexact(r, b, a)
          : productInexact(r, r, b);
    if (inexact) STATUS[FLAGS] |= PE;
  }
  OUT_F64[out] = r;
  return true;
}

/** Neither 0, denormal, infinite nor NaN. */
export function isNormal32(x: number): boolean {
  const magnitude = Math.abs(x);
  return magnitude >= MIN_NORMAL_32 && magnitude <= MAX_32;
}

/** As `fast64`. A float64 result of float32 operands, rounded again, is the correctly rounded float32. */
function fast32(operation: number, a: number, b: number, out: number): boolean {
  if (!isNormal32(b) && b !== 0) return false;
  if (operation !== SQRT && !isNormal32(a) && a !== 0) return false;
  let wide: number;
  let inexact = false;
  if (operation <= SUB) {
    const y = operation === SUB ? -b : b;
    wide = a + y;
    inexact = sumInexact(a, y, wide);
  } else if (operation === MUL) {
    wide = a * b;
  } else if (operation === DIV) {
    wide = a / b;
  } else {
    wide = Math.sqrt(b);
  }
  const r = Math.fround(wide);
  const magnitude = Math.abs(r);
  if (!(magnitude > MIN_NORMAL_32 && magnitude <= MAX_32) && !(wide === 0 && operation <= SUB)) return false;
  if (!inexactKnown) {
    inexact ||= r !== wide;
    if (operation === DIV) inexact ||= r * b !== a;
    else if (operation === SQRT) inexact ||= r * r !== b;
    if (inexact) STATUS[FLAGS] |= PE;
  }
  OUT_F32[out] = r;
  return true;
}

/** OUT's float64 number `out` = S[a] op S[b], word indices. */
export function lane64(cpu: Cpu, operation: number, a: number, b: number, out: number): void {
  if (plain && fast64(operation, cpu.SF64[a >> 1], cpu.SF64[b >> 1], out)) return;
  const S = cpu.S;
  take64(A, S[a], S[a + 1]);
  take64(B, S[b], S[b + 1]);
  exactLane(operation, true);
  OUT[2 * out] = RESULT[0];
  OUT[2 * out + 1] = RESULT[1];
}

/** OUT's float32 number `out` = S[a] op S[b]. */
export function lane32(cpu: Cpu, operation: number, a: number, b: number, out: number): void {
  if (plain && fast32(operation, cpu.SF32[a], cpu.SF32[b], out)) return;
  take32(A, cpu.S[a]);
  take32(B, cpu.S[b]);
  exactLane(operation, false);
  OUT[out] = RESULT[0];
}
