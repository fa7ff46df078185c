/**
 * Conversions between memory formats and x87 registers, and comparisons, in the common case: numbers that are normal or zero, all
 * exceptions masked. A function that answers false, or NOT_QUICK, has changed nothing.
 */
import { X } from '../interp/arithmetic.ts';
import { FPU_CW, FPU_SW } from '../state.ts';
import { exponentOf, isSet, SIGN } from './quick.ts';
import { RC_DOWN, RC_NEAREST, RC_UP, RC_ZERO } from './round.ts';

/** Relation of numbers of which one is not quick. */
export const NOT_QUICK = 3;
const EXPONENT = 0x7fff;
const SW_C1_BIT = 9;
const SW_C1 = 1 << SW_C1_BIT;
const PE_BIT = 5;
const TOP_BIT = 1 << 31;
/** All masked and RC to nearest. */
const CW_STORES = 0xc3f;
const CW_MASKED = 0x3f;
/** Differences between the biases of exponents. */
const BIAS_64 = 16383 - 1023;
const BIAS_32 = 16383 - 127;
const BIAS = 16383;

function zero(S: Int32Array, to: number, sign: number): boolean {
  S[to] = 0;
  S[to + 1] = 0;
  S[to + 2] = sign;
  return true;
}

/** S[to] = a float64. */
export function takeFloat64(S: Int32Array, to: number, lo: number, hi: number): boolean {
  const exponent = (hi >>> 20) & 0x7ff;
  const sign = (hi >>> 16) & SIGN;
  if (exponent === 0 || exponent === 0x7ff) {
    return exponent === 0 && ((hi << 1) | lo) === 0 && zero(S, to, sign);
  }
  S[to] = lo << 11;
  S[to + 1] = TOP_BIT | (hi << 11) | (lo >>> 21);
  S[to + 2] = sign | (exponent + BIAS_64);
  return true;
}

/** S[to] = a float32. */
export function takeFloat32(S: Int32Array, to: number, bits: number): boolean {
  const exponent = (bits >>> 23) & 0xff;
  const sign = (bits >>> 16) & SIGN;
  if (exponent === 0 || exponent === 0xff) return exponent === 0 && bits << 1 === 0 && zero(S, to, sign);
  S[to] = 0;
  S[to + 1] = TOP_BIT | (bits << 8);
  S[to + 2] = sign | (exponent + BIAS_32);
  return true;
}

/** S[to] = a signed integer of 64 bits. */
export function takeInteger(S: Int32Array, to: number, lo: number, hi: number): boolean {
  const negative = hi < 0;
  let low = negative ? -lo | 0 : lo;
  let high = negative ? (~hi + (lo === 0 ? 1 : 0)) | 0 : hi;
  let exponent = BIAS + 63;
  if (high === 0) {
    if (low === 0) return zero(S, to, 0);
    high = low;
    low = 0;
    exponent -= 32;
  }
  const shift = Math.clz32(high);
  S[to] = low << shift;
  S[to + 1] = shift === 0 ? high : (high << shift) | (low >>> (32 - shift));
  S[to + 2] = (negative ? SIGN : 0) | (exponent - shift);
  return true;
}

/** 1 when `rest`, the bits below those of `low` with a sticky bit 0, is rounded away from zero. No branch: as good as random. */
function roundsUp(rest: number, low: number): number {
  return (rest >>> 31) & isSet((rest << 1) | (low & 1));
}

/** X[2] = the status word after a conversion: `rest` is what was rounded away, `up` 1 when that added to the number. */
function report(S: Int32Array, rest: number, up: number): void {
  X[2] = (S[FPU_SW] & ~SW_C1) | (isSet(rest) << PE_BIT) | (up << SW_C1_BIT);
}

/** X = S[at] as float64 in two words, and the status word. */
export function giveFloat64(S: Int32Array, at: number): boolean {
  if ((S[FPU_CW] & CW_STORES) !== CW_MASKED) return false;
  const exponent = (exponentOf(S, at) - BIAS_64) | 0;
  const lo = S[at];
  const hi = S[at + 1];
  const sign = (S[at + 2] & SIGN) << 16;
  // Rounding may make the exponent one more.
  if (exponent < 1 || exponent > 0x7fd) {
    if ((lo | hi | (S[at + 2] & EXPONENT)) !== 0) return false;
    X[0] = 0;
    X[1] = sign;
    report(S, 0, 0);
    return true;
  }
  let low = (hi << 21) | (lo >>> 11);
  let high = sign | (exponent << 20) | ((hi >>> 11) & 0xfffff);
  const rest = lo << 21;
  const up = roundsUp(rest, low);
  low = (low + up) | 0;
  if (up !== 0 && low === 0) high = (high + 1) | 0;
  X[0] = low;
  X[1] = high;
  report(S, rest, up);
  return true;
}

/** X = S[at] as float32 in one word, and the status word. */
export function giveFloat32(S: Int32Array, at: number): boolean {
  if ((S[FPU_CW] & CW_STORES) !== CW_MASKED) return false;
  const exponent = (exponentOf(S, at) - BIAS_32) | 0;
  const lo = S[at];
  const hi = S[at + 1];
  const sign = (S[at + 2] & SIGN) << 16;
  if (exponent < 1 || exponent > 0xfd) {
    if ((lo | hi | (S[at + 2] & EXPONENT)) !== 0) return false;
    X[0] = sign;
    report(S, 0, 0);
    return true;
  }
  const bits = sign | (exponent << 23) | ((hi >>> 8) & 0x7fffff);
  const rest = (hi << 24) | (lo !== 0 ? 1 : 0);
  const up = roundsUp(rest, bits);
  X[0] = bits + up;
  report(S, rest, up);
  return true;
}

/** X = S[at] as a signed integer of `bits` bits (16, 32 or 64) in two words, and the status word. */
export function giveInteger(S: Int32Array, at: number, bits: number, truncate: boolean): boolean {
  const cw = S[FPU_CW];
  if ((cw & CW_MASKED) !== CW_MASKED) return false;
  const exponent = (exponentOf(S, at) - BIAS) | 0;
  const lo = S[at];
  const hi = S[at + 1];
  const negative = (S[at + 2] & SIGN) !== 0;
  if (exponent < 0 || exponent > bits - 2) {
    if ((lo | hi | (S[at + 2] & EXPONENT)) !== 0) return false;
    X[0] = 0;
    X[1] = 0;
    report(S, 0, 0);
    return true;
  }
  const by = 63 - exponent;
  let low: number;
  let high = 0;
  let rest: number;
  if (by < 32) {
    low = (lo >>> by) | (hi << (32 - by));
    high = hi >>> by;
    rest = lo << (32 - by);
  } else if (by === 32) {
    low = hi;
    rest = lo;
  } else {
    low = hi >>> (by - 32);
    rest = (hi << (64 - by)) | (lo !== 0 ? 1 : 0);
  }
  const rc = truncate ? RC_ZERO : (cw >>> 10) & 3;
  let up = 0;
  if (rc === RC_NEAREST) up = roundsUp(rest, low);
  else if (rest !== 0 && rc === (negative ? RC_DOWN : RC_UP)) up = 1;
  low = (low + up) | 0;
  if (up !== 0 && low === 0) high = (high + 1) | 0;
  // Rounded up to the first number that does not fit: rare.
  if (bits === 64 ? high < 0 : low < 0 || high !== 0 || (bits === 16 && low > 0x7fff)) return false;
  X[0] = negative ? -low : low;
  X[1] = negative ? ~high + (low === 0 ? 1 : 0) : high;
  report(S, rest, up);
  return true;
}

function isZero(S: Int32Array, at: number): boolean {
  return (S[at] | S[at + 1] | (S[at + 2] & EXPONENT)) === 0;
}

/** -1, 0 or 1 as S[a] is less than, equal to or greater than S[b]; or NOT_QUICK. */
export function quickCompare(S: Int32Array, a: number, b: number): number {
  const ea = exponentOf(S, a);
  const eb = exponentOf(S, b);
  if ((ea === 0 && !isZero(S, a)) || (eb === 0 && !isZero(S, b))) return NOT_QUICK;
  const negative = (S[a + 2] & SIGN) !== 0;
  const up = negative ? -1 : 1;
  if (ea === 0) return eb === 0 ? 0 : (S[b + 2] & SIGN) !== 0 ? 1 : -1;
  if (eb === 0 || ((S[a + 2] ^ S[b + 2]) & SIGN) !== 0) return up;
  if (ea !== eb) return ea < eb ? -up : up;
  if (S[a + 1] !== S[b + 1]) return S[a + 1] >>> 0 < S[b + 1] >>> 0 ? -up : up;
  if (S[a] === S[b]) return 0;
  return S[a] >>> 0 < S[b] >>> 0 ? -up : up;
}
