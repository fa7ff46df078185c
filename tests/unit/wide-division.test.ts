import { expect, test } from 'vitest';
import { div128u, X } from '../../src/emu/cpu/interp/arithmetic.ts';
import { Random } from '../support/fpu-vectors.ts';

const CASES = 200_000;
const EDGES = [0, -1, 1, -0x80000000, 0x7fffffff];

const number = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

test('128-bit numbers by 64-bit ones: quotients and remainders are those of BigInt', () => {
  const random = new Random(11);
  const word = (): number =>
    random.below(3) === 0 ? random.pick(EDGES) : (random.word() >>> (random.below(2) * random.below(32))) | 0;
  let divided = 0;
  for (let n = 0; n < CASES; n++) {
    const [w0, w1, w2, w3, dl, dh] = [word(), word(), word(), word(), word(), word()];
    const [divisor, dividend] = [number(dl, dh), (number(w2, w3) << 64n) | number(w0, w1)];
    const fits = divisor !== 0n && dividend / divisor < 1n << 64n;
    expect(div128u(w0, w1, w2, w3, dl, dh) !== 0).toBe(fits);
    if (!fits) continue;
    divided++;
    const got = [number(X[0], X[1]), number(X[2], X[3])];
    if (got[0] !== dividend / divisor || got[1] !== dividend % divisor)
      expect(got, `${dividend} / ${divisor}`).toEqual([dividend / divisor, dividend % divisor]);
  }
  expect(divided).toBeGreaterThan(CASES / 4);
});
