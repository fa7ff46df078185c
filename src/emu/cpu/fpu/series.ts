/**
 * Elementary functions on fixed-point numbers of FRACTION_BITS fractional bits, by their series. Some 15 µs each: guests use the
 * transcendental x87 instructions rarely, and nothing smaller gives all 64 bits.
 */
export const FRACTION_BITS = 192;
const P = BigInt(FRACTION_BITS);
export const ONE = 1n << P;

function multiply(a: bigint, b: bigint): bigint {
  return (a * b) >> P;
}

/** Sum of ± x^(2k+1) / (2k+1): the arc tangent, or its hyperbolic sister. */
function oddSeries(x: bigint, alternating: boolean): bigint {
  const square = alternating ? -multiply(x, x) : multiply(x, x);
  let power = x;
  let sum = 0n;
  for (let n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n;
    power = multiply(power, square);
  }
  return sum;
}

let ln2 = 0n;
let pi = 0n;
const arctangents: bigint[] = [];

/** ln 2. */
export function naturalLog2(): bigint {
  if (ln2 === 0n) ln2 = 2n * oddSeries(ONE / 3n, false);
  return ln2;
}

/** π, by Machin's formula. */
export function circle(): bigint {
  if (pi === 0n) pi = 16n * oddSeries(ONE / 5n, true) - 4n * oddSeries(ONE / 239n, true);
  return pi;
}

/** e^x - 1, for |x| of at most 1. */
export function exponentialMinus1(x: bigint): bigint {
  let term = x;
  let sum = 0n;
  for (let n = 2n; term !== 0n && term !== -1n; n++) {
    sum += term;
    term = multiply(term, x) / n;
  }
  return sum;
}

/** ln((1 + z) / (1 - z)) for z = numerator / denominator, of small magnitude. */
export function logarithmOfRatio(numerator: bigint, denominator: bigint): bigint {
  return 2n * oddSeries((numerator << P) / denominator, false);
}

/** Sine (`start` 1) or cosine (`start` 0), for |x| of at most 1. */
function circular(x: bigint, start: bigint): bigint {
  const square = multiply(x, x);
  let term = start === 1n ? x : ONE;
  let sum = 0n;
  for (let n = start; term !== 0n && term !== -1n; n += 2n) {
    sum += term;
    term = -multiply(term, square) / ((n + 1n) * (n + 2n));
  }
  return sum;
}

/** sin x, for |x| of at most 1. */
export function sineOf(x: bigint): bigint {
  return circular(x, 1n);
}

/** cos x, for |x| of at most 1. */
export function cosineOf(x: bigint): bigint {
  return circular(x, 0n);
}

const ANCHORS = 8n;

/** arctan(numerator / denominator), for a ratio of 0 to 1: from the nearest eighth. */
export function arctangentOf(numerator: bigint, denominator: bigint): bigint {
  const k = (2n * ANCHORS * numerator + denominator) / (2n * denominator);
  if (k === 0n) return oddSeries((numerator << P) / denominator, true);
  const index = Number(k);
  let anchor = arctangents[index];
  if (anchor === undefined) {
    anchor = index === 8 ? circle() / 4n : oddSeries((k << P) / ANCHORS, true);
    arctangents[index] = anchor;
  }
  const rest = ((ANCHORS * numerator - k * denominator) << P) / (ANCHORS * denominator + k * numerator);
  return anchor + oddSeries(rest, true);
}
