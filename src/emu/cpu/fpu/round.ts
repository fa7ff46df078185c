/** Rounding, exception flags, and packing into the formats. */
import {
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
  shiftRightSticky,
  ZERO,
} from './unpacked.ts';

/** Exceptions, at the same bits of the x87 status word and MXCSR; masks are at the same bits of the x87 control word. */
export const IE = 1 << 0;
export const DE = 1 << 1;
export const ZE = 1 << 2;
export const OE = 1 << 3;
export const UE = 1 << 4;
export const PE = 1 << 5;

export const RC_NEAREST = 0;
export const RC_DOWN = 1;
export const RC_UP = 2;
export const RC_ZERO = 3;

/** Word 0: flags raised since they were last cleared. Word 1: 1 when the last rounding went away from zero. */
export const STATUS = new Int32Array(2);
export const FLAGS = 0;
export const ROUNDED_UP = 1;

/** The packed result. Of float80: low word, high word, sign and exponent. Of float64: low and high word. Of float32: low word. */
export const RESULT = new Int32Array(4);

/** A destination: significand bits, exponent range, and how far an unmasked overflow or underflow moves the exponent (0: there is no result). */
interface Format {
  readonly precision: 24 | 53 | 64;
  readonly minExp: number;
  readonly maxExp: number;
  readonly adjust: number;
}

const REGISTER_64: Format = { precision: 64, minExp: -16382, maxExp: 16383, adjust: 24576 };
const REGISTER_53: Format = { precision: 53, minExp: -16382, maxExp: 16383, adjust: 24576 };
const REGISTER_24: Format = { precision: 24, minExp: -16382, maxExp: 16383, adjust: 24576 };
const FLOAT64: Format = { precision: 53, minExp: -1022, maxExp: 1023, adjust: 0 };
const FLOAT32: Format = { precision: 24, minExp: -126, maxExp: 127, adjust: 0 };

/** Rounds R's significand to `precision` bits. Returns the increment of the exponent; sets ROUNDED_UP and, if inexact, EXT to 1, else 0. */
function roundSignificand(precision: number, rc: number): number {
  let hi = R[HI];
  let lo = R[LO];
  const ext = R[EXT];
  let guard: number;
  let rest: number;
  let odd: number;
  if (precision === 64) {
    guard = ext >>> 31;
    rest = ext << 1;
    odd = lo & 1;
  } else if (precision === 53) {
    guard = (lo >>> 10) & 1;
    rest = (lo & 0x3ff) | ext;
    odd = (lo >>> 11) & 1;
    lo &= ~0x7ff;
  } else {
    guard = (hi >>> 7) & 1;
    rest = (hi & 0x7f) | lo | ext;
    odd = (hi >>> 8) & 1;
    hi &= ~0xff;
    lo = 0;
  }
  const inexact = (guard | rest) !== 0;
  let up = false;
  if (inexact) {
    if (rc === RC_NEAREST) up = guard !== 0 && (rest !== 0 || odd !== 0);
    else up = rc !== RC_ZERO && (rc === RC_DOWN) === (R[SIGN] !== 0);
  }
  let carry = 0;
  if (up) {
    if (precision !== 24) {
      lo = (lo + (precision === 64 ? 1 : 0x800)) | 0;
      if (lo === 0) {
        hi = (hi + 1) | 0;
        if (hi === 0) carry = 1;
      }
    } else {
      hi = (hi + 0x100) | 0;
      if (hi === 0) carry = 1;
    }
    if (carry) hi = 1 << 31;
  }
  R[HI] = hi;
  R[LO] = lo;
  R[EXT] = inexact ? 1 : 0;
  STATUS[ROUNDED_UP] = up ? 1 : 0;
  return carry;
}

/** Would rounding as if the exponent had no lower bound reach the next power of two? */
function roundsToNextPower(precision: number, rc: number): boolean {
  const hi = R[HI];
  const lo = R[LO];
  const ext = R[EXT];
  const carry = roundSignificand(precision, rc);
  R[HI] = hi;
  R[LO] = lo;
  R[EXT] = ext;
  return carry !== 0;
}

function overflow(format: Format, rc: number, masked: number): void {
  const precision = format.precision;
  STATUS[FLAGS] |= OE;
  if ((masked & OE) === 0) {
    if (R[EXT] !== 0) STATUS[FLAGS] |= PE;
    R[EXP] -= format.adjust;
    if (format.adjust !== 0 && R[EXP] > format.maxExp) {
      R[KIND] = INFINITE;
      STATUS[FLAGS] |= PE;
      STATUS[ROUNDED_UP] = 1;
    }
    return;
  }
  STATUS[FLAGS] |= PE;
  const away = rc === RC_NEAREST || (rc !== RC_ZERO && (rc === RC_DOWN) === (R[SIGN] !== 0));
  STATUS[ROUNDED_UP] = away ? 1 : 0;
  if (away) {
    R[KIND] = INFINITE;
    R[HI] = 1 << 31;
    R[LO] = 0;
  } else {
    R[EXP] = format.maxExp;
    R[HI] = precision === 24 ? ~0xff : -1;
    R[LO] = precision === 64 ? -1 : precision === 53 ? ~0x7ff : 0;
  }
}

/** A result below the format's smallest normal number. DENORMAL is set when what is left has no leading 1. */
function underflow(format: Format, rc: number, masked: number, flush: boolean): void {
  const precision = format.precision;
  if ((masked & UE) === 0) {
    STATUS[FLAGS] |= UE;
    R[EXP] += format.adjust + roundSignificand(precision, rc);
    if (R[EXT] !== 0) STATUS[FLAGS] |= PE;
    if (format.adjust !== 0 && R[EXP] < format.minExp) {
      R[KIND] = ZERO;
      STATUS[FLAGS] |= PE;
    }
    return;
  }
  if (flush) {
    STATUS[FLAGS] |= UE | PE;
    R[KIND] = ZERO;
    R[HI] = 0;
    R[LO] = 0;
    return;
  }
  shiftRightSticky(R, format.minExp - R[EXP]);
  roundSignificand(precision, rc);
  R[EXP] = format.minExp;
  if (R[EXT] !== 0) STATUS[FLAGS] |= UE | PE;
  if ((R[HI] | R[LO]) === 0) R[KIND] = ZERO;
  else if (R[HI] >= 0) R[DENORMAL] = 1;
}

/** Rounds the FINITE R into `format`: raises flags and leaves R FINITE, ZERO or INFINITE. */
function round(format: Format, rc: number, masked: number, flush: boolean): void {
  R[DENORMAL] = 0;
  const exp = R[EXP];
  if (exp < format.minExp && (exp !== format.minExp - 1 || !roundsToNextPower(format.precision, rc))) {
    underflow(format, rc, masked, flush);
    return;
  }
  R[EXP] = exp + roundSignificand(format.precision, rc);
  if (R[EXP] > format.maxExp) overflow(format, rc, masked);
  else if (R[EXT] !== 0) STATUS[FLAGS] |= PE;
}

/** Rounds R to an x87 register. `precision`: of the control word; `masked`: its exception masks. */
export function packRegister(precision: number, rc: number, masked: number): void {
  if (R[KIND] === FINITE) {
    round(precision === 64 ? REGISTER_64 : precision === 53 ? REGISTER_53 : REGISTER_24, rc, masked, false);
  }
  RESULT[0] = R[LO];
  RESULT[1] = R[HI];
  const sign = R[SIGN] << 15;
  if (R[KIND] === FINITE) RESULT[2] = sign | (R[DENORMAL] ? 0 : R[EXP] + 16383);
  else setExtreme(R[KIND] === ZERO, sign);
}

function setExtreme(zero: boolean, sign: number): void {
  RESULT[0] = 0;
  RESULT[1] = zero ? 0 : 1 << 31;
  RESULT[2] = zero ? sign : sign | 0x7fff;
}

/** Rounds R to a float64. `flush`: results that would be denormal become 0 (while underflow is masked). */
export function pack64(rc: number, masked: number, flush: boolean): void {
  if (R[KIND] === FINITE) round(FLOAT64, rc, masked, flush);
  const sign = R[SIGN] << 31;
  RESULT[0] = 0;
  if (R[KIND] === ZERO) {
    RESULT[1] = sign;
  } else if (R[KIND] === INFINITE) {
    RESULT[1] = sign | 0x7ff00000;
  } else {
    RESULT[0] = (R[HI] << 21) | (R[LO] >>> 11);
    RESULT[1] = sign | (R[DENORMAL] ? 0 : (R[EXP] + 1023) << 20) | ((R[HI] >>> 11) & 0xfffff);
  }
}

/** Rounds R to a float32. `flush` as for `pack64`. */
export function pack32(rc: number, masked: number, flush: boolean): void {
  if (R[KIND] === FINITE) round(FLOAT32, rc, masked, flush);
  const sign = R[SIGN] << 31;
  if (R[KIND] === ZERO) RESULT[0] = sign;
  else if (R[KIND] === INFINITE) RESULT[0] = sign | 0x7f800000;
  else RESULT[0] = sign | (R[DENORMAL] ? 0 : (R[EXP] + 127) << 23) | ((R[HI] >>> 8) & 0x7fffff);
}

/** Rounds the FINITE R to an integer: magnitude in R[HI], R[LO]. False: it needs more than 64 bits. Raises no flag; R[EXT] is 1 if inexact. */
export function roundToInteger(rc: number): boolean {
  const exp = R[EXP];
  if (exp > 63) return false;
  shiftRightSticky(R, 63 - exp);
  return roundSignificand(64, rc) === 0;
}

/**
 * Rounds R to a signed integer of `bits` (16, 32 or 64) bits in RESULT[0], RESULT[1]. False, with no flag raised: it does not fit.
 * R is FINITE or ZERO.
 */
export function packInteger(bits: number, rc: number): boolean {
  if (R[KIND] === ZERO) {
    RESULT[0] = 0;
    RESULT[1] = 0;
    return true;
  }
  const sign = R[SIGN];
  if (!roundToInteger(rc)) return false;
  let lo = R[LO];
  let hi = R[HI];
  if (bits === 64) {
    if (hi < 0 && !(sign && hi === 1 << 31 && lo === 0)) return false;
  } else {
    const limit = bits === 32 ? 0x80000000 : 0x8000;
    if (hi !== 0 || lo >>> 0 > limit || (lo >>> 0 === limit && !sign)) return false;
  }
  if (R[EXT] !== 0) STATUS[FLAGS] |= PE;
  if (sign) {
    hi = ~hi + (lo === 0 ? 1 : 0);
    lo = -lo;
  }
  RESULT[0] = lo;
  RESULT[1] = hi;
  return true;
}
