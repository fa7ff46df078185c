/** The x87 register stack, its status word, and how an instruction's outcome is written back. */
import { FPU_CW, FPU_EMPTY, FPU_REGS, FPU_SW } from '../state.ts';
import { setIndefinite } from './float80.ts';
import { DE, FLAGS, IE, RESULT, ROUNDED_UP, STATUS, ZE } from './round.ts';
import { unpack80 } from './unpacked.ts';

export const SW_SF = 1 << 6;
export const SW_ES = 1 << 7;
export const SW_C0 = 1 << 8;
export const SW_C1 = 1 << 9;
export const SW_C2 = 1 << 10;
export const SW_TOP_SHIFT = 11;
export const SW_TOP = 7 << SW_TOP_SHIFT;
export const SW_C3 = 1 << 14;
export const SW_B = 1 << 15;
export const EXCEPTIONS = 0x3f;

/** Number of the physical register that is ST(i). */
export function physical(S: Int32Array, i: number): number {
  return ((S[FPU_SW] >>> SW_TOP_SHIFT) + i) & 7;
}

/** Index in S of ST(i). */
export function st(S: Int32Array, i: number): number {
  return FPU_REGS + 4 * physical(S, i);
}

export function isEmpty(S: Int32Array, i: number): boolean {
  return ((S[FPU_EMPTY] >>> physical(S, i)) & 1) !== 0;
}

export function markValid(S: Int32Array, i: number): void {
  S[FPU_EMPTY] &= ~(1 << physical(S, i));
}

export function markEmpty(S: Int32Array, i: number): void {
  S[FPU_EMPTY] |= 1 << physical(S, i);
}

export function moveTop(S: Int32Array, by: number): void {
  S[FPU_SW] = (S[FPU_SW] & ~SW_TOP) | ((S[FPU_SW] + (by << SW_TOP_SHIFT)) & SW_TOP);
}

export function pop(S: Int32Array): void {
  markEmpty(S, 0);
  moveTop(S, 1);
}

/** Takes ST(i) apart into `U`. */
export function unpackSt(S: Int32Array, U: Int32Array, i: number): void {
  const at = st(S, i);
  unpack80(U, S[at], S[at + 1], S[at + 2]);
}

/** Writes RESULT to ST(i). */
export function writeSt(S: Int32Array, i: number): void {
  const at = st(S, i);
  S[at] = RESULT[0];
  S[at + 1] = RESULT[1];
  S[at + 2] = RESULT[2];
  markValid(S, i);
}

/** Starts an operation: no flags raised yet. */
export function begin(): void {
  STATUS[FLAGS] = 0;
  STATUS[ROUNDED_UP] = 0;
}

/** ES and B follow from flags and masks. */
export function updateSummary(S: Int32Array): void {
  if ((S[FPU_SW] & ~S[FPU_CW] & EXCEPTIONS) !== 0) S[FPU_SW] |= SW_ES | SW_B;
  else S[FPU_SW] &= ~(SW_ES | SW_B);
}

const BEFORE = IE | DE | ZE;

/**
 * Puts STATUS into the status word. True: the destination may be written; false: an unmasked exception that is found before computing
 * keeps it as it was, and hides what the computation would have raised.
 */
export function settle(S: Int32Array): boolean {
  const flags = STATUS[FLAGS];
  const unmasked = flags & ~S[FPU_CW];
  if ((unmasked & BEFORE) !== 0) {
    const c1 = STATUS[ROUNDED_UP] !== 0 && (S[FPU_SW] & SW_SF) !== 0 && flags === IE;
    S[FPU_SW] = (S[FPU_SW] & ~SW_C1) | (flags & BEFORE) | (c1 ? SW_C1 : 0) | SW_ES | SW_B;
    return false;
  }
  S[FPU_SW] = (S[FPU_SW] & ~SW_C1) | flags | (STATUS[ROUNDED_UP] !== 0 ? SW_C1 : 0);
  if (unmasked !== 0) S[FPU_SW] |= SW_ES | SW_B;
  return true;
}

/** An empty source register: RESULT is the indefinite. True: masked, go on with that. */
export function stackUnderflow(S: Int32Array): boolean {
  begin();
  STATUS[FLAGS] = IE;
  setIndefinite();
  S[FPU_SW] |= SW_SF;
  return settle(S);
}

/** No room to push: RESULT is the indefinite. True: masked, push that. */
export function stackOverflow(S: Int32Array): boolean {
  begin();
  STATUS[FLAGS] = IE;
  STATUS[ROUNDED_UP] = 1;
  setIndefinite();
  S[FPU_SW] |= SW_SF;
  return settle(S);
}

/** Pushes RESULT. The caller has seen that there is room. */
export function pushResult(S: Int32Array): void {
  moveTop(S, -1);
  writeSt(S, 0);
}

/** Settles a load and pushes what it gave, or the indefinite when the stack is full. */
export function settleAndPush(S: Int32Array): void {
  if (isEmpty(S, -1) ? settle(S) : stackOverflow(S)) pushResult(S);
}
