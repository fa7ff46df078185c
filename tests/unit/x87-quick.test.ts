/** The quick ways of x87 arithmetic against the general one: same results, same status word. */
import { expect, test } from 'vitest';
import { arithmetic80, compare80, squareRoot80 } from '../../src/emu/cpu/fpu/float80.ts';
import { convertSt, FLOAT32, FLOAT64, INT16, INT32, INT64 } from '../../src/emu/cpu/fpu/memory.ts';
import { beginStore, endStore } from '../../src/emu/cpu/fpu/operations.ts';
import { quickAdd, quickMultiply, quickSubtract } from '../../src/emu/cpu/fpu/quick.ts';
import { NOT_QUICK, quickCompare } from '../../src/emu/cpu/fpu/quick-convert.ts';
import { quickDivide, quickSquareRoot } from '../../src/emu/cpu/fpu/quick-division.ts';
import { RESULT } from '../../src/emu/cpu/fpu/round.ts';
import { begin, settle } from '../../src/emu/cpu/fpu/stack.ts';
import { A, B, unpack80 } from '../../src/emu/cpu/fpu/unpacked.ts';
import { X } from '../../src/emu/cpu/interp/arithmetic.ts';
import { FPU_CW, FPU_EMPTY, FPU_REGS, FPU_SW, STATE_WORDS } from '../../src/emu/cpu/state.ts';
import { Random } from '../support/fpu-vectors.ts';

const CASES = 60_000;
const CW_USUAL = 0x37f;
/** Status bits that a result may find; TOP is 0. */
const SW_BITS = 0x033f;
const [TO, FIRST, SECOND] = [FPU_REGS, FPU_REGS + 4, FPU_REGS + 8];
/** Half of all numbers must be of the common case, for this test to mean anything. */
const QUICK_SHARE = 0.5;

type Quick = (S: Int32Array, to: number, a: number, b: number) => boolean;

const OPERATIONS: readonly (readonly [name: string, quick: Quick, general: (cw: number) => void])[] = [
  ['add', quickAdd, (cw) => arithmetic80(0, cw)],
  ['multiply', quickMultiply, (cw) => arithmetic80(1, cw)],
  ['subtract', quickSubtract, (cw) => arithmetic80(4, cw)],
  ['divide', quickDivide, (cw) => arithmetic80(6, cw)],
  ['square root', quickSquareRoot, squareRoot80],
];

/** Many bits that are equal, so that roundings, carries and ties are met. */
function word(random: Random): number {
  const bits = random.below(0x10000) | (random.below(0x10000) << 16);
  const shift = random.below(32);
  return [0, -1, 1, 1 << 31, 1 << shift, -1 << shift, (1 << shift) - 1][random.below(14)] ?? bits;
}

function number(random: Random, S: Int32Array, at: number): void {
  S[at] = word(random);
  S[at + 1] = word(random) | (random.below(64) === 0 ? 0 : 1 << 31);
  const exponent = random.below(64) === 0 ? random.below(0x8000) : 0x3fff - 35 + random.below(140);
  S[at + 2] = (random.below(2) << 15) | exponent;
}

function operands(random: Random): Int32Array {
  const S = new Int32Array(STATE_WORDS);
  S[FPU_CW] = CW_USUAL;
  S[FPU_SW] = random.below(0x10000) & SW_BITS;
  number(random, S, FIRST);
  number(random, S, SECOND);
  if (random.below(4) !== 0) return S;
  // Close to each other: cancellation, quotients near 1.
  S[SECOND] = (S[FIRST] ?? 0) + random.below(3);
  S[SECOND + 1] = S[FIRST + 1] ?? 0;
  S[SECOND + 2] = (S[FIRST + 2] ?? 0) ^ (random.below(2) << 15);
  return S;
}

function unpackBoth(S: Int32Array): void {
  unpack80(A, S[FIRST] ?? 0, S[FIRST + 1] ?? 0, S[FIRST + 2] ?? 0);
  unpack80(B, S[SECOND] ?? 0, S[SECOND + 1] ?? 0, S[SECOND + 2] ?? 0);
  begin();
}

function hex(S: Int32Array): string[] {
  return [...S].map((value) => (value >>> 0).toString(16));
}

test.each(OPERATIONS)('%s', (_name, quick, general) => {
  const random = new Random(77);
  let done = 0;
  for (let i = 0; i < CASES; i++) {
    const S = operands(random);
    if (quick === quickSquareRoot) S[FIRST + 2] = (S[FIRST + 2] ?? 0) & 0x7fff;
    const want = S.slice();
    if (quick(S, TO, FIRST, SECOND)) {
      done++;
      unpackBoth(want);
      general(CW_USUAL);
      settle(want);
      want.set(RESULT.subarray(0, 3), TO);
    }
    if (S.some((value, at) => value !== want[at])) expect(hex(S)).toEqual(hex(want));
  }
  expect(done / CASES).toBeGreaterThan(QUICK_SHARE);
});

test('squares have exact roots', () => {
  const random = new Random(5);
  for (let i = 0; i < CASES / 10; i++) {
    const S = operands(random);
    S[FIRST] = 0;
    S[FPU_SW] = 0;
    if (!quickMultiply(S, SECOND, FIRST, FIRST)) continue;
    expect(quickSquareRoot(S, TO, SECOND)).toBe(true);
    expect([S[TO], S[TO + 1], S[FPU_SW]]).toEqual([0, S[FIRST + 1], 0]);
  }
});

test('comparisons', () => {
  const random = new Random(6);
  for (let i = 0; i < CASES; i++) {
    const S = operands(random);
    const relation = quickCompare(S, FIRST, SECOND);
    if (relation === NOT_QUICK) continue;
    unpackBoth(S);
    if (relation !== compare80(false)) expect(hex(S)).toEqual(relation);
  }
});

test('stores to memory', () => {
  const random = new Random(9);
  for (let i = 0; i < CASES; i++) {
    const S = operands(random);
    S[FPU_CW] = CW_USUAL | (random.below(4) << 10);
    S[FPU_EMPTY] = random.below(32) === 0 ? 0xff : 0;
    S.copyWithin(TO, FIRST, FIRST + 3);
    const kind = [FLOAT32, FLOAT64, INT16, INT32, INT64][i % 5] ?? FLOAT32;
    const truncate = random.below(2) === 0;
    const want = S.slice();
    const stored = convertSt(want, kind, truncate);
    const wanted = RESULT.slice(0, kind === FLOAT64 || kind === INT64 ? 2 : 1);
    if (stored && kind === INT16) wanted[0] = (wanted[0] ?? 0) & 0xffff;
    settle(want);
    const outcome = beginStore(S, kind, truncate);
    const got = X.slice(0, wanted.length);
    if (kind === INT16) got[0] = (got[0] ?? 0) & 0xffff;
    endStore(S, outcome, false);
    if (S[FPU_EMPTY] !== 0) continue;
    if (got.some((value, at) => value !== wanted[at])) expect(hex(got)).toEqual(hex(wanted));
    if (S[FPU_SW] !== want[FPU_SW]) expect(hex(S)).toEqual(hex(want));
  }
});
