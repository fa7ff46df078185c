/** Quotients and square roots in the common case: see quick.ts. A digit has 32 bits and is guessed by the host's division. */
import { mulhu } from '../interp/arithmetic.ts';
import { BIAS, exponentOf, isUsual, put, SIGN } from './quick.ts';

const TWO_32 = 4294967296;
const LARGEST_DIGIT = 4294967295;

/** What is left of the dividend; always below the divisor between digits. */
let restHi = 0;
let restLo = 0;

function isBelow(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
}

/** The next 32 bits of the rest / (bHi:bLo). The guess is wrong by one at most. */
function divideStep(bHi: number, bLo: number): number {
  const guess = Math.floor(
    (((restHi >>> 0) * TWO_32 + (restLo >>> 0)) / ((bHi >>> 0) * TWO_32 + (bLo >>> 0))) * TWO_32,
  );
  let digit = Math.min(guess, LARGEST_DIGIT) | 0;
  // The rest, moved up by 32 bits, less digit × divisor: three words.
  const p0 = Math.imul(digit, bLo);
  const middle = mulhu(digit, bLo);
  const p1 = (middle + Math.imul(digit, bHi)) | 0;
  const p2 = (mulhu(digit, bHi) + (p1 >>> 0 < middle >>> 0 ? 1 : 0)) | 0;
  let lo = -p0 | 0;
  const borrow = p0 === 0 ? 0 : 1;
  const less = borrow === 0 ? restLo >>> 0 < p1 >>> 0 : restLo >>> 0 <= p1 >>> 0;
  let hi = (restLo - p1 - borrow) | 0;
  const top = (restHi - p2 - (less ? 1 : 0)) | 0;
  if (top < 0) {
    digit = (digit - 1) | 0;
    lo = (lo + bLo) | 0;
    hi = (hi + bHi + (lo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0;
  } else if (top > 0 || !isBelow(hi, lo, bHi, bLo)) {
    digit = (digit + 1) | 0;
    hi = (hi - bHi - (lo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0;
    lo = (lo - bLo) | 0;
  }
  restHi = hi;
  restLo = lo;
  return digit;
}

/** S[to] = S[a] / S[b]. */
export function quickDivide(S: Int32Array, to: number, a: number, b: number): boolean {
  const ea = exponentOf(S, a);
  const eb = exponentOf(S, b);
  if (ea === 0 || eb === 0 || !isUsual(S)) return false;
  const sign = (S[a + 2] ^ S[b + 2]) & SIGN;
  const exponent = (ea - eb + BIAS) | 0;
  const bHi = S[b + 1];
  const bLo = S[b];
  restHi = S[a + 1];
  restLo = S[a];
  const whole = !isBelow(restHi, restLo, bHi, bLo);
  if (whole) {
    restHi = (restHi - bHi - (restLo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0;
    restLo = (restLo - bLo) | 0;
  }
  const q1 = divideStep(bHi, bLo);
  const q2 = divideStep(bHi, bLo);
  if (whole) {
    const ext = (q2 << 31) | ((restHi | restLo) === 0 ? 0 : 1);
    return put(S, to, sign, exponent, (q1 >>> 1) | (1 << 31), (q2 >>> 1) | (q1 << 31), ext);
  }
  // The guard bit is the quotient's next one.
  const half = restHi < 0 || !isBelow((restHi << 1) | (restLo >>> 31), restLo << 1, bHi, bLo);
  const twice = (restHi << 1) | (restLo >>> 31);
  const tie = twice === bHi && restLo << 1 === bLo && restHi >= 0;
  const sticky = (restHi | restLo) === 0 || tie ? 0 : 1;
  return put(S, to, sign, (exponent - 1) | 0, q1, q2, (half ? 1 << 31 : 0) | sticky);
}

/** The radicand …:n2:n1:0 less (hi:lo)², as three words: it is small. */
let rest2 = 0;
let rest1 = 0;
let rest0 = 0;

function takeSquare(n2: number, n1: number, hi: number, lo: number): void {
  const square0 = Math.imul(lo, lo);
  const cross = Math.imul(hi, lo);
  const square1 = (mulhu(lo, lo) + (cross << 1)) | 0;
  const carry = square1 >>> 0 < (cross << 1) >>> 0 ? 1 : 0;
  const square2 = (Math.imul(hi, hi) + ((mulhu(hi, lo) << 1) | (cross >>> 31)) + carry) | 0;
  const borrow = square0 === 0 ? 0 : 1;
  const less = borrow === 0 ? n1 >>> 0 < square1 >>> 0 : n1 >>> 0 <= square1 >>> 0;
  rest0 = -square0 | 0;
  rest1 = (n1 - square1 - borrow) | 0;
  rest2 = (n2 - square2 - (less ? 1 : 0)) | 0;
}

/** S[to] = √S[a]. */
export function quickSquareRoot(S: Int32Array, to: number, a: number): boolean {
  const ea = exponentOf(S, a);
  if (ea === 0 || (S[a + 2] & SIGN) !== 0 || !isUsual(S)) return false;
  const odd = (ea - BIAS) & 1;
  const aHi = S[a + 1];
  const aLo = S[a];
  // The radicand is n3:n2:n1:0, so that its root has 64 bits.
  const n3 = odd === 1 ? aHi : aHi >>> 1;
  const n2 = odd === 1 ? aLo : (aLo >>> 1) | (aHi << 31);
  const n1 = odd === 1 ? 0 : aLo << 31;
  const guess = Math.sqrt((n3 >>> 0) * TWO_32 + (n2 >>> 0));
  const upper = Math.min(Math.floor(guess), LARGEST_DIGIT);
  let hi = upper | 0;
  let lo = Math.min(Math.floor((guess - upper) * TWO_32), LARGEST_DIGIT) | 0;
  takeSquare(n2, n1, hi, lo);
  const rest = rest2 * TWO_32 * TWO_32 + (rest1 >>> 0) * TWO_32 + (rest0 >>> 0);
  // Spec: Newton's iteration; the guess has 53 bits.
  const by = Math.floor(rest / (2 * ((hi >>> 0) * TWO_32 + (lo >>> 0)))) | 0;
  const before = lo;
  lo = (lo + by) | 0;
  if (by >= 0) hi = (hi + (lo >>> 0 < before >>> 0 ? 1 : 0)) | 0;
  else hi = (hi - (lo >>> 0 > before >>> 0 ? 1 : 0)) | 0;
  takeSquare(n2, n1, hi, lo);
  if (rest2 < 0 || rest2 > 1 || hi >= 0) return false;
  // Half of the rest is below the root, or the root is too small.
  const halfHi = (rest1 >>> 1) | (rest2 << 31);
  const halfLo = (rest0 >>> 1) | (rest1 << 31);
  const equal = halfHi === hi && halfLo === lo;
  if (equal ? (rest0 & 1) !== 0 : !isBelow(halfHi, halfLo, hi, lo)) return false;
  const up = rest2 !== 0 || isBelow(hi, lo, rest1, rest0);
  const ext = (rest2 | rest1 | rest0) === 0 ? 0 : up ? -0x7fffffff : 1;
  return put(S, to, 0, (((ea - BIAS - odd) >> 1) + BIAS) | 0, hi, lo, ext);
}
