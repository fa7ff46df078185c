/** x87 instructions less their memory accesses: the common case first, then the one with all rules. No pending exception, no #NM. */
import { X } from '../interp/arithmetic.ts';
import { FPU_CW, FPU_EMPTY, FPU_OPERAND, FPU_REGS, FPU_SW } from '../state.ts';
import { arithmetic80, compare80 } from './float80.ts';
import {
  convertSt,
  FLOAT32,
  FLOAT64,
  INT16,
  INT64,
  pushConverted,
  settleStore,
  unpackOperand,
} from './memory.ts';
import { quickAdd, quickMultiply, quickSubtract } from './quick.ts';
import {
  giveFloat32,
  giveFloat64,
  giveInteger,
  NOT_QUICK,
  quickCompare,
  takeFloat32,
  takeFloat64,
  takeInteger,
} from './quick-convert.ts';
import { quickDivide } from './quick-division.ts';
import { RESULT } from './round.ts';
import {
  begin,
  isEmpty,
  pop,
  pushResult,
  SW_C0,
  SW_C1,
  SW_C2,
  SW_C3,
  SW_TOP,
  SW_TOP_SHIFT,
  settle,
  st,
  stackOverflow,
  stackUnderflow,
  unpackSt,
  writeSt,
} from './stack.ts';
import { A, B } from './unpacked.ts';

/** Bits 3–5 of an arithmetic opcode. */
const MULTIPLY = 1;
const COMPARE = 2;
const COMPARE_POP = 3;
const SUBTRACT = 4;
const SUBTRACT_REVERSED = 5;
const DIVIDE = 6;
const DIVIDE_REVERSED = 7;
const CONDITIONS = SW_C0 | SW_C1 | SW_C2 | SW_C3;
const UNORDERED = 2;

/** S[to] = S[to] op S[from]. */
function quickArithmetic(S: Int32Array, operation: number, to: number, from: number): boolean {
  switch (operation) {
    case MULTIPLY:
      return quickMultiply(S, to, to, from);
    case SUBTRACT:
      return quickSubtract(S, to, to, from);
    case SUBTRACT_REVERSED:
      return quickSubtract(S, to, from, to);
    case DIVIDE:
      return quickDivide(S, to, to, from);
    case DIVIDE_REVERSED:
      return quickDivide(S, to, from, to);
    default:
      return quickAdd(S, to, to, from);
  }
}

function isReversed(operation: number): boolean {
  return operation === SUBTRACT_REVERSED || operation === DIVIDE_REVERSED;
}

/** TOP = top, C1 = 0. */
function setTop(S: Int32Array, top: number): void {
  S[FPU_SW] = (S[FPU_SW] & ~(SW_TOP | SW_C1)) | (top << SW_TOP_SHIFT);
}

/** As `pop`, of the register `top`. */
function popTop(S: Int32Array, top: number): void {
  S[FPU_EMPTY] |= 1 << top;
  S[FPU_SW] = (S[FPU_SW] & ~SW_TOP) | (((top + 1) & 7) << SW_TOP_SHIFT);
}

/** ST(to) = ST(to) op ST(from), or the other way round. */
export function arithmeticStack(
  S: Int32Array,
  operation: number,
  to: number,
  from: number,
  popping: boolean,
): void {
  const top = (S[FPU_SW] >>> SW_TOP_SHIFT) & 7;
  const a = (top + to) & 7;
  const b = (top + from) & 7;
  const empty = S[FPU_EMPTY];
  if ((((empty >>> a) | (empty >>> b)) & 1) !== 0) {
    if (!stackUnderflow(S)) return;
    writeSt(S, to);
  } else if (!quickArithmetic(S, operation, FPU_REGS + 4 * a, FPU_REGS + 4 * b)) {
    const reversed = isReversed(operation);
    unpackSt(S, reversed ? B : A, to);
    unpackSt(S, reversed ? A : B, from);
    begin();
    arithmetic80(operation, S[FPU_CW]);
    if (!settle(S)) return;
    writeSt(S, to);
  }
  if (popping) popTop(S, top);
}

/** S[FPU_OPERAND] = the number lo:hi, as `loadOperand` gives it. */
function takeOperand(S: Int32Array, to: number, kind: number, lo: number, hi: number): boolean {
  if (kind === FLOAT64) return takeFloat64(S, to, lo, hi);
  return kind === FLOAT32 ? takeFloat32(S, to, lo) : takeInteger(S, to, lo, hi);
}

/** ST(0) = ST(0) op the number lo:hi, or the other way round, or compares them. */
export function arithmeticOperand(
  S: Int32Array,
  operation: number,
  kind: number,
  lo: number,
  hi: number,
): void {
  const comparing = operation === COMPARE || operation === COMPARE_POP;
  if (!isEmpty(S, 0) && takeOperand(S, FPU_OPERAND, kind, lo, hi)) {
    const at = st(S, 0);
    if (comparing) {
      const relation = quickCompare(S, at, FPU_OPERAND);
      if (relation !== NOT_QUICK) {
        quickConditions(S, relation);
        if (operation === COMPARE_POP) pop(S);
        return;
      }
    } else if (quickArithmetic(S, operation, at, FPU_OPERAND)) return;
  }
  const reversed = isReversed(operation);
  unpackOperand(reversed ? A : B, kind, lo, hi);
  if (comparing) {
    if (isEmpty(S, 0)) {
      compareEmpty(S, operation === COMPARE_POP ? 1 : 0);
      return;
    }
    unpackSt(S, A, 0);
    begin();
    setConditions(S, compare80(false), operation === COMPARE_POP ? 1 : 0);
    return;
  }
  if (isEmpty(S, 0)) {
    if (stackUnderflow(S)) writeSt(S, 0);
    return;
  }
  unpackSt(S, reversed ? B : A, 0);
  begin();
  arithmetic80(operation, S[FPU_CW]);
  if (settle(S)) writeSt(S, 0);
}

function conditionBits(relation: number): number {
  if (relation === UNORDERED) return SW_C0 | SW_C2 | SW_C3;
  return relation === 0 ? SW_C3 : relation < 0 ? SW_C0 : 0;
}

function quickConditions(S: Int32Array, relation: number): void {
  S[FPU_SW] = (S[FPU_SW] & ~CONDITIONS) | conditionBits(relation);
}

/** Sets C3, C2, C0 from a relation and pops, unless an unmasked exception forbids. */
function setConditions(S: Int32Array, relation: number, pops: number): void {
  const settled = settle(S);
  quickConditions(S, relation);
  if (!settled) return;
  for (let i = 0; i < pops; i++) pop(S);
}

function compareEmpty(S: Int32Array, pops: number): void {
  const masked = stackUnderflow(S);
  quickConditions(S, UNORDERED);
  if (!masked) return;
  for (let i = 0; i < pops; i++) pop(S);
}

/** FCOM, FUCOM and their popping forms. */
export function compareStack(S: Int32Array, i: number, quiet: boolean, pops: number): void {
  if (isEmpty(S, 0) || isEmpty(S, i)) {
    compareEmpty(S, pops);
    return;
  }
  const relation = quickCompare(S, st(S, 0), st(S, i));
  if (relation === NOT_QUICK) {
    unpackSt(S, A, 0);
    unpackSt(S, B, i);
    begin();
    setConditions(S, compare80(quiet), pops);
    return;
  }
  quickConditions(S, relation);
  if (pops > 0) pop(S);
  if (pops > 1) pop(S);
}

/** FCOMI, FUCOMI and their popping forms: -1, 0, 1, or 2 for unordered, of which the caller makes flags. */
export function compareOrder(S: Int32Array, i: number, quiet: boolean, popping: boolean): number {
  let settled = true;
  let relation = UNORDERED;
  if (isEmpty(S, 0) || isEmpty(S, i)) {
    settled = stackUnderflow(S);
  } else {
    relation = quickCompare(S, st(S, 0), st(S, i));
    if (relation === NOT_QUICK) {
      const c1 = S[FPU_SW] & SW_C1;
      unpackSt(S, A, 0);
      unpackSt(S, B, i);
      begin();
      relation = compare80(quiet);
      settled = settle(S);
      S[FPU_SW] |= c1;
    }
  }
  if (settled && popping) pop(S);
  return relation;
}

/** FLD m32, FLD m64, FILD of the number lo:hi, as `loadOperand` gives it. */
export function pushOperand(S: Int32Array, kind: number, lo: number, hi: number): void {
  const top = ((S[FPU_SW] >>> SW_TOP_SHIFT) - 1) & 7;
  const bit = 1 << top;
  if ((S[FPU_EMPTY] & bit) === 0 || !takeOperand(S, FPU_REGS + 4 * top, kind, lo, hi)) {
    pushConverted(S, kind, lo, hi);
    return;
  }
  setTop(S, top);
  S[FPU_EMPTY] &= ~bit;
}

/** What `beginStore` answers. */
const NOTHING_STORED = 0;
const STORED = 1;
const STORED_QUICKLY = 2;

/**
 * FST m32 and m64, FIST, FISTTP: X[0], X[1] = ST(0) as `kind`. Answers what `endStore` needs; 0: an unmasked exception forbids to
 * store it. Changes nothing that is visible.
 */
export function beginStore(S: Int32Array, kind: number, truncate: boolean): number {
  if (!isEmpty(S, 0)) {
    const at = st(S, 0);
    const bits = kind === INT64 ? 64 : kind === INT16 ? 16 : 32;
    const quick =
      kind === FLOAT64
        ? giveFloat64(S, at)
        : kind === FLOAT32
          ? giveFloat32(S, at)
          : giveInteger(S, at, bits, truncate);
    if (quick) return STORED_QUICKLY;
  }
  const stored = convertSt(S, kind, truncate);
  X[0] = RESULT[0];
  X[1] = RESULT[1];
  return stored ? STORED : NOTHING_STORED;
}

/** The rest of the instruction after its store. */
export function endStore(S: Int32Array, outcome: number, popping: boolean): void {
  if (outcome === STORED_QUICKLY) {
    S[FPU_SW] = X[2];
    if (popping) pop(S);
  } else settleStore(S, outcome === STORED, popping);
}

/** S[to] = S[from]. */
export function copyWords(S: Int32Array, to: number, from: number): void {
  S[to] = S[from];
  S[to + 1] = S[from + 1];
  S[to + 2] = S[from + 2];
}

/** FST and FSTP ST(i). */
export function copyTo(S: Int32Array, i: number, popping: boolean): void {
  const top = (S[FPU_SW] >>> SW_TOP_SHIFT) & 7;
  if ((S[FPU_EMPTY] & (1 << top)) !== 0) {
    if (!stackUnderflow(S)) return;
    writeSt(S, i);
  } else {
    const to = (top + i) & 7;
    S[FPU_SW] &= ~SW_C1;
    copyWords(S, FPU_REGS + 4 * to, FPU_REGS + 4 * top);
    S[FPU_EMPTY] &= ~(1 << to);
  }
  if (popping) popTop(S, top);
}

/** FLD ST(i). */
export function duplicate(S: Int32Array, i: number): void {
  const top = ((S[FPU_SW] >>> SW_TOP_SHIFT) - 1) & 7;
  const from = (top + 1 + i) & 7;
  if ((S[FPU_EMPTY] & (1 << from)) !== 0) {
    if (stackUnderflow(S)) pushResult(S);
  } else if ((S[FPU_EMPTY] & (1 << top)) === 0) {
    if (stackOverflow(S)) pushResult(S);
  } else {
    copyWords(S, FPU_REGS + 4 * top, FPU_REGS + 4 * from);
    setTop(S, top);
    S[FPU_EMPTY] &= ~(1 << top);
  }
}

/** FXCH. */
export function exchange(S: Int32Array, i: number): void {
  const top = (S[FPU_SW] >>> SW_TOP_SHIFT) & 7;
  const other = (top + i) & 7;
  if ((S[FPU_EMPTY] & ((1 << top) | (1 << other))) !== 0) {
    const empty0 = isEmpty(S, 0);
    const emptyI = isEmpty(S, i);
    if (!stackUnderflow(S)) return;
    if (empty0) writeSt(S, 0);
    if (emptyI) writeSt(S, i);
  } else {
    S[FPU_SW] &= ~SW_C1;
  }
  const a = FPU_REGS + 4 * top;
  const b = FPU_REGS + 4 * other;
  const lo = S[a];
  const hi = S[a + 1];
  const se = S[a + 2];
  copyWords(S, a, b);
  S[b] = lo;
  S[b + 1] = hi;
  S[b + 2] = se;
}
