/** The register forms of opcode D9 from D0 up: constants, tests, and functions of one or two registers. */
import type { Cpu } from '../cpu.ts';
import { FPU_CW, FPU_SW, VEC_UD } from '../state.ts';
import {
  compare80,
  NO_QUOTIENT,
  nanUnary,
  PARTIAL,
  remainder80,
  roundInteger80,
  roundingOf,
  scale80,
  setIndefinite,
  squareRoot80,
} from './float80.ts';
import { quickSquareRoot } from './quick-division.ts';
import { FLAGS, packRegister, RC_NEAREST, RC_UP, RESULT, STATUS, ZE } from './round.ts';
import {
  begin,
  isEmpty,
  moveTop,
  pop,
  pushResult,
  SW_C0,
  SW_C1,
  SW_C2,
  SW_C3,
  settle,
  settleAndPush,
  st,
  stackOverflow,
  stackUnderflow,
  unpackSt,
  writeSt,
} from './stack.ts';
import {
  arctangent,
  cosine,
  logarithm,
  logarithmPlus1,
  powerMinus1,
  sine,
  sineAndCosine,
  tangent,
} from './transcendental.ts';
import {
  A,
  B,
  EXP,
  FINITE,
  HI,
  INFINITE,
  KIND,
  LO,
  R,
  SIGN,
  setNormalised,
  UNSUPPORTED,
  ZERO,
} from './unpacked.ts';

/** FLD1 to FLDZ: low word rounded down, high word, exponent; and whether the value is above that (rounding up adds 1) and above its middle. */
const CONSTANTS: readonly (readonly [number, number, number, number, number])[] = [
  [0, 0x80000000 | 0, 0x3fff, 0, 0],
  [0xcd1b8afe | 0, 0xd49a784b | 0, 0x4000, 1, 0],
  [0x5c17f0bb, 0xb8aa3b29 | 0, 0x3fff, 1, 1],
  [0x2168c234, 0xc90fdaa2 | 0, 0x4000, 1, 1],
  [0xfbcff798 | 0, 0x9a209a84 | 0, 0x3ffd, 1, 1],
  [0xd1cf79ab | 0, 0xb17217f7 | 0, 0x3ffe, 1, 1],
  [0, 0, 0, 0, 0],
];

function loadConstant(S: Int32Array, index: number): void {
  const [lo, hi, se, inexact, aboveHalf] = CONSTANTS[index];
  const rc = roundingOf(S[FPU_CW]);
  const up = rc === RC_NEAREST ? aboveHalf : rc === RC_UP ? inexact : 0;
  begin();
  RESULT[0] = lo + up;
  RESULT[1] = hi;
  RESULT[2] = se;
  settleAndPush(S);
}

/** Executes D9 D0 to D9 FF, without D9 D8 to D9 DF. */
export function escapeD9(cpu: Cpu, modrm: number): void {
  const S = cpu.S;
  if (modrm >= 0xe8 && modrm < 0xef) {
    loadConstant(S, modrm - 0xe8);
  } else if (modrm >= 0xf0) {
    functions(S, modrm);
  } else if (modrm === 0xe0 || modrm === 0xe1) {
    changeSign(S, modrm === 0xe0);
  } else if (modrm === 0xe4) {
    ftst(S);
  } else if (modrm === 0xe5) {
    fxam(S);
  } else if (modrm !== 0xd0) {
    cpu.raise(VEC_UD);
  }
}

function changeSign(S: Int32Array, flip: boolean): void {
  if (isEmpty(S, 0)) {
    if (stackUnderflow(S)) writeSt(S, 0);
    return;
  }
  S[FPU_SW] &= ~SW_C1;
  const at = st(S, 0) + 2;
  S[at] = flip ? S[at] ^ 0x8000 : S[at] & 0x7fff;
}

function ftst(S: Int32Array): void {
  let relation = 2;
  if (isEmpty(S, 0)) {
    stackUnderflow(S);
  } else {
    unpackSt(S, A, 0);
    setNormalised(B, 0, 0, 0, 0);
    begin();
    relation = compare80(false);
    settle(S);
  }
  const bits = relation === 2 ? SW_C0 | SW_C2 | SW_C3 : relation === 0 ? SW_C3 : relation < 0 ? SW_C0 : 0;
  S[FPU_SW] = (S[FPU_SW] & ~(SW_C0 | SW_C1 | SW_C2 | SW_C3)) | bits;
}

function fxam(S: Int32Array): void {
  const at = st(S, 0);
  const exp = S[at + 2] & 0x7fff;
  unpackSt(S, A, 0);
  const kind = A[KIND];
  let bits = (S[at + 2] & 0x8000) !== 0 ? SW_C1 : 0;
  if (isEmpty(S, 0)) bits |= SW_C3 | SW_C0;
  else if (kind === ZERO) bits |= SW_C3;
  else if (kind === INFINITE) bits |= SW_C2 | SW_C0;
  else if (kind === FINITE) bits |= exp === 0 ? SW_C3 | SW_C2 : SW_C2;
  else if (kind !== UNSUPPORTED) bits |= SW_C0;
  S[FPU_SW] = (S[FPU_SW] & ~(SW_C0 | SW_C1 | SW_C2 | SW_C3)) | bits;
}

function functions(S: Int32Array, modrm: number): void {
  switch (modrm) {
    case 0xf0:
      unary(S, powerMinus1);
      return;
    case 0xf1:
      binaryPop(S, logarithm);
      return;
    case 0xf2:
      trigonometric(S, tangent, true);
      return;
    case 0xf3:
      binaryPop(S, arctangent);
      return;
    case 0xf4:
      fxtract(S);
      return;
    case 0xf5:
    case 0xf8:
      remainder(S, modrm === 0xf5);
      return;
    case 0xf6:
    case 0xf7:
      moveTop(S, modrm === 0xf6 ? -1 : 1);
      S[FPU_SW] &= ~SW_C1;
      return;
    case 0xf9:
      binaryPop(S, logarithmPlus1);
      return;
    case 0xfa:
      if (isEmpty(S, 0) || !quickSquareRoot(S, st(S, 0), st(S, 0))) unary(S, squareRoot80);
      return;
    case 0xfb:
      trigonometric(S, sineAndCosine, true);
      return;
    case 0xfc:
      unary(S, roundInteger80);
      return;
    case 0xfd:
      binary(S, scale80);
      return;
    case 0xfe:
      trigonometric(S, sine, false);
      return;
    default:
      trigonometric(S, cosine, false);
  }
}

/** RESULT = f(A). */
type Operation = (cw: number) => void;

function unary(S: Int32Array, operation: Operation): void {
  if (isEmpty(S, 0)) {
    if (stackUnderflow(S)) writeSt(S, 0);
    return;
  }
  unpackSt(S, A, 0);
  begin();
  operation(S[FPU_CW]);
  if (settle(S)) writeSt(S, 0);
}

/** ST(0) = f(ST(0), ST(1)). */
function binary(S: Int32Array, operation: Operation): void {
  if (isEmpty(S, 0) || isEmpty(S, 1)) {
    if (stackUnderflow(S)) writeSt(S, 0);
    return;
  }
  unpackSt(S, A, 0);
  unpackSt(S, B, 1);
  begin();
  operation(S[FPU_CW]);
  if (settle(S)) writeSt(S, 0);
}

/** ST(1) = f(ST(0), ST(1)), then a pop. */
function binaryPop(S: Int32Array, operation: Operation): void {
  if (isEmpty(S, 0) || isEmpty(S, 1)) {
    if (!stackUnderflow(S)) return;
  } else {
    unpackSt(S, A, 0);
    unpackSt(S, B, 1);
    begin();
    operation(S[FPU_CW]);
    if (!settle(S)) return;
  }
  writeSt(S, 1);
  pop(S);
}

/** A trigonometric function leaves its value in RESULT, a second one to push in SECOND; false: the argument is out of range. */
function trigonometric(
  S: Int32Array,
  operation: (cw: number, second: Int32Array) => boolean,
  pushes: boolean,
): void {
  if (isEmpty(S, 0)) {
    S[FPU_SW] &= ~SW_C2;
    if (!stackUnderflow(S)) return;
    writeSt(S, 0);
    if (pushes) pushResult(S);
    return;
  }
  if (pushes && !isEmpty(S, -1)) {
    S[FPU_SW] &= ~SW_C2;
    if (!stackOverflow(S)) return;
    writeSt(S, 0);
    pushResult(S);
    return;
  }
  unpackSt(S, A, 0);
  begin();
  if (!operation(S[FPU_CW], SECOND)) {
    S[FPU_SW] = (S[FPU_SW] & ~SW_C1) | SW_C2;
    return;
  }
  S[FPU_SW] &= ~SW_C2;
  if (!settle(S)) return;
  writeSt(S, 0);
  if (!pushes) return;
  for (let word = 0; word < 3; word++) RESULT[word] = SECOND[word];
  pushResult(S);
}

const SECOND = new Int32Array(4);

/** ST(0) becomes the exponent, then the significand is pushed. */
function fxtract(S: Int32Array): void {
  if (isEmpty(S, 0) || !isEmpty(S, -1)) {
    if (!(isEmpty(S, 0) ? stackUnderflow(S) : stackOverflow(S))) return;
    writeSt(S, 0);
    setIndefinite();
    pushResult(S);
    return;
  }
  unpackSt(S, A, 0);
  begin();
  const kind = A[KIND];
  if (nanUnary()) {
    for (let word = 0; word < 3; word++) SECOND[word] = RESULT[word];
  } else {
    const sign = A[SIGN] << 15;
    SECOND[0] = A[LO];
    SECOND[1] = kind === INFINITE ? 1 << 31 : A[HI];
    SECOND[2] = kind === INFINITE ? sign | 0x7fff : kind === ZERO ? sign : sign | 0x3fff;
    if (kind === FINITE) {
      const exp = A[EXP];
      setNormalised(R, exp < 0 ? 1 : 0, 31, Math.abs(exp), 0);
      packRegister(64, 0, S[FPU_CW]);
    } else {
      RESULT[0] = 0;
      RESULT[1] = 1 << 31;
      RESULT[2] = kind === ZERO ? 0xffff : 0x7fff;
      if (kind === ZERO) STATUS[FLAGS] |= ZE;
    }
  }
  if (!settle(S)) return;
  writeSt(S, 0);
  for (let word = 0; word < 3; word++) RESULT[word] = SECOND[word];
  pushResult(S);
}

function remainder(S: Int32Array, nearest: boolean): void {
  if (isEmpty(S, 0) || isEmpty(S, 1)) {
    S[FPU_SW] &= ~SW_C2;
    if (stackUnderflow(S)) writeSt(S, 0);
    return;
  }
  unpackSt(S, A, 0);
  unpackSt(S, B, 1);
  begin();
  const quotient = remainder80(nearest, S[FPU_CW]);
  const settled = settle(S);
  if (quotient === NO_QUOTIENT || !settled) {
    S[FPU_SW] &= ~(SW_C1 | SW_C2);
  } else {
    const bits =
      quotient === PARTIAL
        ? SW_C2
        : (quotient & 1 ? SW_C1 : 0) | (quotient & 2 ? SW_C3 : 0) | (quotient & 4 ? SW_C0 : 0);
    S[FPU_SW] = (S[FPU_SW] & ~(SW_C0 | SW_C1 | SW_C2 | SW_C3)) | bits;
  }
  if (settled) writeSt(S, 0);
}
