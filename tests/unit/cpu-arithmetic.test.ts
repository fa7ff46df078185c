/** Wide multiplication and division against bigint, at the edges that instruction vectors hit rarely. */
import { expect, it } from 'vitest';
import {
  div64s,
  div64u,
  div128s,
  div128u,
  mul128s,
  mul128u,
  X,
} from '../../src/emu/cpu/interp/arithmetic.ts';
import { Rng } from '../conformance/random-state.ts';

const ROUNDS = 20_000;
const EDGES = [0, 1, 2, 5, 7, 0xffff, 0x10000, 1_000_000_000, 0x7fffffff, -0x80000000, -0x7fffffff, -1, -2];

function words(seed: number): () => number {
  const random = new Rng(seed);
  return () =>
    random.chance(0.4) ? EDGES[random.below(EDGES.length)] : (random.next() | 0) >> random.below(32);
}

function unsigned(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function signed(lo: number, hi: number): bigint {
  return BigInt.asIntN(64, unsigned(lo, hi));
}

/** "quotient remainder" or "none" by the definition. */
function divided(value: bigint, by: bigint, fits: (quotient: bigint) => boolean): string {
  if (by === 0n || !fits(value / by)) return 'none';
  return `${value / by} ${value % by}`;
}

it('divides 64 bits by 32', () => {
  const word = words(1);
  for (let n = 0; n < ROUNDS; n++) {
    const [lo, hi, d] = [word(), word(), word()];
    const u = div64u(lo, hi, d) === 0 ? 'none' : `${X[0] >>> 0} ${X[1] >>> 0}`;
    expect(u).toBe(divided(unsigned(lo, hi), BigInt(d >>> 0), (q) => q === BigInt.asUintN(32, q)));
    const s = div64s(lo, hi, d) === 0 ? 'none' : `${X[0]} ${X[1]}`;
    expect(s).toBe(divided(signed(lo, hi), BigInt(d), (q) => q === BigInt.asIntN(32, q)));
  }
});

it('divides 128 bits by 64', () => {
  const word = words(2);
  for (let n = 0; n < ROUNDS; n++) {
    const [w0, w1, dl, dh] = [word(), word(), word(), n % 3 === 0 ? 0 : word()];
    const [w2, w3] = n % 2 === 0 ? [w1 >> 31, w1 >> 31] : [word(), word()];
    const all = (unsigned(w2, w3) << 64n) | unsigned(w0, w1);
    const u =
      div128u(w0, w1, w2, w3, dl, dh) === 0 ? 'none' : `${unsigned(X[0], X[1])} ${unsigned(X[2], X[3])}`;
    expect(u).toBe(divided(all, unsigned(dl, dh), (q) => q === BigInt.asUintN(64, q)));
    const s = div128s(w0, w1, w2, w3, dl, dh) === 0 ? 'none' : `${signed(X[0], X[1])} ${signed(X[2], X[3])}`;
    expect(s).toBe(divided(BigInt.asIntN(128, all), signed(dl, dh), (q) => q === BigInt.asIntN(64, q)));
  }
});

it('multiplies 64 bits by 64', () => {
  const word = words(3);
  const product = (): bigint => (unsigned(X[2], X[3]) << 64n) | unsigned(X[0], X[1]);
  for (let n = 0; n < ROUNDS; n++) {
    const [al, ah, bl, bh] = [word(), word(), word(), word()];
    mul128u(al, ah, bl, bh);
    expect(product()).toBe(unsigned(al, ah) * unsigned(bl, bh));
    mul128s(al, ah, bl, bh);
    expect(BigInt.asIntN(128, product())).toBe(signed(al, ah) * signed(bl, bh));
  }
});
