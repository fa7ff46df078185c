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
  const l = lo >>> 0;
  const h = hi >>> 0;
  const divisor = d >>> 0;
  if (h >= divisor) return 0;
  if (h === 0) {
    X[0] = Math.floor(l / divisor) | 0;
    X[1] = (l % divisor) | 0;
    return 1;
  }
  if (h < 0x200000) {
    const value = h * 4294967296 + l;
    const quotient = Math.floor(value / divisor);
    // A quotient of an exact integer below 2^53 may round up to the next integer.
    const remainder = value - quotient * divisor;
    if (quotient * divisor <= Number.MAX_SAFE_INTEGER && remainder >= 0 && remainder < divisor) {
      X[0] = quotient | 0;
      X[1] = remainder | 0;
      return 1;
    }
  }
  const value = (BigInt(h) << 32n) | BigInt(l);
  const big = BigInt(divisor);
  X[0] = Number(BigInt.asIntN(32, value / big));
  X[1] = Number(BigInt.asIntN(32, value % big));
  return 1;
}

/** hi:lo / d, signed, truncating: as div64u. */
export function div64s(lo: number, hi: number, d: number): number {
  if (d === 0) return 0;
  const value = (BigInt(hi) << 32n) | BigInt(lo >>> 0);
  const divisor = BigInt(d);
  const quotient = value / divisor;
  if (quotient !== BigInt.asIntN(32, quotient)) return 0;
  X[0] = Number(quotient);
  X[1] = Number(value % divisor);
  return 1;
}

function split(at: number, value: bigint): void {
  X[at] = Number(BigInt.asIntN(32, value));
  X[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function unsigned64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
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
  }
  const divisor = unsigned64(dl, dh);
  const upper = unsigned64(w2, w3);
  if (upper >= divisor) return 0;
  const value = (upper << 64n) | unsigned64(w0, w1);
  split(0, value / divisor);
  split(2, value % divisor);
  return 1;
}

/** As div128u, signed and truncating. */
export function div128s(w0: number, w1: number, w2: number, w3: number, dl: number, dh: number): number {
  if ((dl | dh) === 0) return 0;
  if (w3 === w1 >> 31 && w2 === w3 && w1 >= 0 && dh >= 0) return div128u(w0, w1, 0, 0, dl, dh);
  const divisor = BigInt.asIntN(64, unsigned64(dl, dh));
  const value = BigInt.asIntN(128, (unsigned64(w2, w3) << 64n) | unsigned64(w0, w1));
  const quotient = value / divisor;
  if (quotient !== BigInt.asIntN(64, quotient)) return 0;
  split(0, quotient);
  split(2, value % divisor);
  return 1;
}

/** Number of set bits. */
export function popcount(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  w = (w + (w >>> 4)) & 0x0f0f0f0f;
  return Math.imul(w, 0x01010101) >>> 24;
}
