/** Wide multiplication and division for the semantics table. Results longer than a word are left in X. */

/** [low, high, upper low, upper high] of the last operation; for divisions quotient, then remainder. */
export const X = new Int32Array(4);

/** Upper 32 bits of the unsigned 64-bit product. */
export function mulhu(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16);
  const other = Math.imul(al, bh) + (middle & 0xffff);
  return (Math.imul(ah, bh) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** Upper 32 bits of the signed 64-bit product. */
export function mulhs(a: number, b: number): number {
  return (mulhu(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

/** X = the unsigned 128-bit product of two 64-bit numbers. */
export function mul128u(al: number, ah: number, bl: number, bh: number): void {
  const word1 = (mulhu(al, bl) >>> 0) + (Math.imul(al, bh) >>> 0) + (Math.imul(ah, bl) >>> 0);
  const word2 =
    (mulhu(al, bh) >>> 0) +
    (mulhu(ah, bl) >>> 0) +
    (Math.imul(ah, bh) >>> 0) +
    Math.floor(word1 / 4294967296);
  X[0] = Math.imul(al, bl);
  X[1] = word1 | 0;
  X[2] = word2 | 0;
  X[3] = (mulhu(ah, bh) + Math.floor(word2 / 4294967296)) | 0;
}

/** X = the signed 128-bit product of two 64-bit numbers. */
export function mul128s(al: number, ah: number, bl: number, bh: number): void {
  mul128u(al, ah, bl, bh);
  if (ah < 0) subtractUpper(bl, bh);
  if (bh < 0) subtractUpper(al, ah);
}

function subtractUpper(lo: number, hi: number): void {
  const borrow = X[2] >>> 0 < lo >>> 0 ? 1 : 0;
  X[2] = X[2] - lo;
  X[3] = X[3] - hi - borrow;
}

/** hi:lo / d, unsigned: X[0] quotient, X[1] remainder. 0 when d is 0 or the quotient does not fit 32 bits. */
export function div64u(lo: number, hi: number, d: number): number {
  const divisor = d >>> 0;
  const h = hi >>> 0;
  if (h >= divisor) return 0;
  if (h === 0) {
    X[0] = Math.floor((lo >>> 0) / divisor);
    X[1] = (lo >>> 0) % divisor;
    return 1;
  }
  // Two digits of 16 bits: all intermediate numbers are exact integers below 2^48.
  const upper = h * 65536 + (lo >>> 16);
  const first = Math.floor(upper / divisor);
  const lower = (upper - first * divisor) * 65536 + (lo & 0xffff);
  const second = Math.floor(lower / divisor);
  X[0] = first * 65536 + second;
  X[1] = lower - second * divisor;
  return 1;
}

/** hi:lo / d, signed, truncating: as div64u. */
export function div64s(lo: number, hi: number, d: number): number {
  const negative = hi < 0;
  const low = negative ? -lo | 0 : lo;
  const high = negative ? ~hi + (lo === 0 ? 1 : 0) : hi;
  if (div64u(low, high, Math.abs(d)) === 0) return 0;
  const opposite = negative !== d < 0;
  const magnitude = X[0] >>> 0;
  if (magnitude > (opposite ? 0x80000000 : 0x7fffffff)) return 0;
  if (opposite) X[0] = -magnitude;
  if (negative) X[1] = -X[1];
  return 1;
}

/** A 64-bit number by a divisor of more than 32 bits: the quotient fits a word, and the host's is wrong by one at most. */
function divideWide(w0: number, w1: number, dl: number, dh: number): void {
  const divisor = (dh >>> 0) * 4294967296 + (dl >>> 0);
  let quotient = Math.floor(((w1 >>> 0) * 4294967296 + (w0 >>> 0)) / divisor);
  if (quotient > 4294967295) quotient = 4294967295;
  const q = quotient | 0;
  const productLo = Math.imul(q, dl);
  const productHi = (mulhu(q, dl) + Math.imul(q, dh)) | 0;
  let lo = (w0 - productLo) | 0;
  let hi = (w1 - productHi - (w0 >>> 0 < productLo >>> 0 ? 1 : 0)) | 0;
  let correction = 0;
  // One too large: the product exceeds the dividend (it may not even fit 64 bits, then its upper half is 1).
  if (exceeds(quotient, w0, w1, dl, dh)) {
    correction = -1;
    const sum = (lo + dl) | 0;
    hi = (hi + dh + (sum >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
    lo = sum;
  } else if (hi >>> 0 > dh >>> 0 || (hi === dh && lo >>> 0 >= dl >>> 0)) {
    correction = 1;
    hi = (hi - dh - (lo >>> 0 < dl >>> 0 ? 1 : 0)) | 0;
    lo = (lo - dl) | 0;
  }
  X[0] = q + correction;
  X[1] = 0;
  X[2] = lo;
  X[3] = hi;
}

/** quotient × divisor > dividend, exactly. */
function exceeds(quotient: number, w0: number, w1: number, dl: number, dh: number): boolean {
  const q = quotient | 0;
  const middle = (mulhu(q, dl) >>> 0) + (Math.imul(q, dh) >>> 0);
  const top = (mulhu(q, dh) >>> 0) + (middle >= 4294967296 ? 1 : 0);
  if (top > 0) return true;
  const high = middle >>> 0;
  if (high !== w1 >>> 0) return high > w1 >>> 0;
  return Math.imul(q, dl) >>> 0 > w0 >>> 0;
}

/** What the last digit left: low word, high word. */
let restLo = 0;
let restHi = 0;

/** n2:n1:n0 / dh:dl, whose highest bit is set: a quotient of one word. The upper two words are below the divisor. */
function digit(n2: number, n1: number, n0: number, dl: number, dh: number): number {
  const estimate = Math.floor(((n2 >>> 0) * 4294967296 + (n1 >>> 0)) / (dh >>> 0));
  let q = estimate > 4294967295 ? -1 : estimate | 0;
  const p0 = Math.imul(q, dl);
  const middle = (mulhu(q, dl) >>> 0) + (Math.imul(q, dh) >>> 0);
  const p2 = (mulhu(q, dh) + (middle > 4294967295 ? 1 : 0)) | 0;
  let lo = (n0 - p0) | 0;
  const borrow = n0 >>> 0 < p0 >>> 0 ? 1 : 0;
  const difference = (n1 >>> 0) - (middle >>> 0) - borrow;
  let hi = difference | 0;
  let top = (n2 - p2 - (difference < 0 ? 1 : 0)) | 0;
  // The estimate is too large by two at most, and by rounding one more or too small by one.
  while (top < 0) {
    q--;
    const sum = (lo + dl) | 0;
    const high = (hi >>> 0) + (dh >>> 0) + (sum >>> 0 < lo >>> 0 ? 1 : 0);
    lo = sum;
    hi = high | 0;
    if (high > 4294967295) top++;
  }
  while (top > 0 || hi >>> 0 > dh >>> 0 || (hi === dh && lo >>> 0 >= dl >>> 0)) {
    q++;
    const high = (hi >>> 0) - (dh >>> 0) - (lo >>> 0 < dl >>> 0 ? 1 : 0);
    lo = (lo - dl) | 0;
    hi = high | 0;
    if (high < 0) top--;
  }
  restLo = lo;
  restHi = hi;
  return q;
}

/** A 128-bit number whose upper half is below the divisor, in two digits. Spec: Knuth, TAOCP vol. 2 §4.3.1, algorithm D. */
function divideLong(w0: number, w1: number, w2: number, w3: number, dl: number, dh: number): void {
  const shift = dh !== 0 ? Math.clz32(dh) : 32 + Math.clz32(dl);
  const n = shift & 31;
  // A shift by 32 is one by 0.
  const left = (word: number, below: number): number => (word << n) | ((below >>> 1) >>> (31 - n));
  const isWord = shift > 31;
  const divisorLo = isWord ? 0 : dl << n;
  const divisorHi = isWord ? dl << n : left(dh, dl);
  const n3 = isWord ? left(w2, w1) : left(w3, w2);
  const n2 = isWord ? left(w1, w0) : left(w2, w1);
  const n1 = isWord ? w0 << n : left(w1, w0);
  const n0 = isWord ? 0 : w0 << n;
  const high = digit(n3, n2, n1, divisorLo, divisorHi);
  const low = digit(restHi, restLo, n0, divisorLo, divisorHi);
  X[0] = low;
  X[1] = high;
  const upper = restHi >>> n;
  const lower = (restLo >>> n) | ((restHi << 1) << (31 - n));
  X[2] = isWord ? upper : lower;
  X[3] = isWord ? 0 : upper;
}

/** A 128-bit number (low word first) by a 64-bit one, unsigned: X[0–1] quotient, X[2–3] remainder; 0 when it does not fit. */
export function div128u(w0: number, w1: number, w2: number, w3: number, dl: number, dh: number): number {
  if ((w2 | w3) === 0) {
    if ((dl | dh) === 0) return 0;
    if ((w1 | dh) === 0) {
      X[0] = Math.floor((w0 >>> 0) / (dl >>> 0)) | 0;
      X[1] = 0;
      X[2] = ((w0 >>> 0) % (dl >>> 0)) | 0;
      X[3] = 0;
      return 1;
    }
    if (dh === 0 && w1 >>> 0 < dl >>> 0) {
      if (div64u(w0, w1, dl) === 0) return 0;
      X[2] = X[1];
      X[1] = 0;
      X[3] = 0;
      return 1;
    }
    if (dh === 0) {
      // Schoolbook: the high word first, then its remainder with the low word.
      const high = Math.floor((w1 >>> 0) / (dl >>> 0)) | 0;
      const rest = ((w1 >>> 0) % (dl >>> 0)) | 0;
      div64u(w0, rest, dl);
      X[2] = X[1];
      X[1] = high;
      X[3] = 0;
      return 1;
    }
    divideWide(w0, w1, dl, dh);
    return 1;
  }
  if (w3 >>> 0 > dh >>> 0 || (w3 === dh && w2 >>> 0 >= dl >>> 0)) return 0;
  divideLong(w0, w1, w2, w3, dl, dh);
  return 1;
}

/** X[at], X[at + 1] = their negative. */
function negate64(at: number): void {
  const low = X[at];
  X[at] = -low;
  X[at + 1] = ~X[at + 1] + (low === 0 ? 1 : 0);
}

/** As div128u, signed and truncating. */
export function div128s(w0: number, w1: number, w2: number, w3: number, dl: number, dh: number): number {
  const negative = w3 < 0;
  let n1 = w1;
  let n2 = w2;
  let n3 = w3;
  if (negative) {
    n1 = ~w1 + (w0 === 0 ? 1 : 0);
    n2 = ~w2 + ((w0 | w1) === 0 ? 1 : 0);
    n3 = ~w3 + ((w0 | w1 | w2) === 0 ? 1 : 0);
  }
  const divisorHi = dh < 0 ? ~dh + (dl === 0 ? 1 : 0) : dh;
  if (div128u(negative ? -w0 | 0 : w0, n1 | 0, n2 | 0, n3 | 0, dh < 0 ? -dl | 0 : dl, divisorHi | 0) === 0)
    return 0;
  const opposite = negative !== dh < 0;
  if (X[1] < 0 && !(opposite && X[0] === 0 && X[1] === -0x80000000)) return 0;
  if (opposite) negate64(0);
  if (negative) negate64(2);
  return 1;
}

/** Smallest normal number. */
const MIN_NORMAL = 2.2250738585072014e-308;

/** The number when it is zero or normal, else NaN. */
export function ordinary(x: number): number {
  const magnitude = Math.abs(x);
  return (magnitude >= MIN_NORMAL && magnitude <= Number.MAX_VALUE) || x === 0 ? x : Number.NaN;
}

/** Number of set bits. */
export function popcount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  w = (w + (w >>> 4)) & 0x0f0f0f0f;
  return Math.imul(w, 0x01010101) >>> 24;
}

/** Is z = x + y the exact sum? Spec: Knuth, TAOCP vol. 2 §4.2.2, theorem B. All three are normal or zero. */
export function exactAdd(x: number, y: number, z: number): boolean {
  const b = z - x;
  return x - (z - b) + (y - b) === 0;
}

/** Splits a double into two halves of 26 bits. */
const SPLITTER = 134217729;
/** Beyond these the halves of a product may overflow or be denormal. */
const SPLIT_MAX = 1e150;
const SPLIT_MIN = 1e-120;

/** Is z = x × y the exact product? False also where that cannot be told. Spec: Dekker, Numer. Math. 18 (1971). */
export function exactMul(x: number, y: number, z: number): boolean {
  if (!(Math.abs(x) < SPLIT_MAX && Math.abs(y) < SPLIT_MAX && Math.abs(z) > SPLIT_MIN)) return false;
  const xs = x * SPLITTER;
  const xh = xs - (xs - x);
  const xl = x - xh;
  const ys = y * SPLITTER;
  const yh = ys - (ys - y);
  const yl = y - yh;
  return xh * yh - z + xh * yl + xl * yh + xl * yl === 0;
}
