/** Far jumps and calls. Spec: SDM vol. 2 JMP, CALL; vol. 3 §5.8. */
import type { Cpu } from '../cpu.ts';
import {
  ATTR_CODE,
  ATTR_CONFORMING,
  ATTR_L,
  ATTR_S,
  CPL,
  FAULT,
  LD_HI,
  MODE,
  MODE_LONG,
  MODE_REAL,
  NEXT_HI,
  NEXT_LO,
  RSP,
  SEG_ATTR,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_CS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SS,
  SEG_TR,
  VEC_GP,
  VEC_NP,
  VEC_TS,
} from '../state.ts';
import {
  carryInto,
  Descriptor,
  dplOf,
  isNull,
  isPresent,
  limitOf,
  markAccessed,
  readDescriptor,
  readUpperHalf,
  SELECTOR_RPL,
  setFromDescriptor,
  setNull,
  setReal,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS32,
  typeOf,
} from './descriptors.ts';
import { readTssStack } from './gates.ts';
import { setRip } from './mode.ts';
import { isReservedCode } from './segments.ts';
import { StackCursor } from './stack.ts';

const target = new Descriptor();
const newStack = new Descriptor();
const stack = new StackCursor();
const outer = new StackCursor();

/** Bits 0–4 of a call gate's high word: parameters to copy. */
const GATE_PARAMETERS = 0x1f;

/** JMP far and CALL far (`call`); `size` is the operand size. On a fault nothing has changed. */
export function farTransfer(
  cpu: Cpu,
  call: boolean,
  size: number,
  selector: number,
  lo: number,
  hi: number,
): void {
  const S = cpu.S;
  const offset = size === 16 ? lo & 0xffff : lo;
  if ((S[MODE] & MODE_REAL) !== 0) {
    farReal(cpu, call, size, selector, offset);
    return;
  }
  if (isNull(selector)) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  if (!readDescriptor(cpu, target, selector, VEC_GP)) return;
  if ((target.hi & ATTR_S) === 0) {
    throughSystemDescriptor(cpu, call, selector);
    return;
  }
  const cpl = S[CPL];
  const dpl = dplOf(target.hi);
  const conforming = (target.hi & ATTR_CONFORMING) !== 0;
  const allowed = conforming ? dpl <= cpl : dpl === cpl && (selector & SELECTOR_RPL) <= cpl;
  if ((target.hi & ATTR_CODE) === 0 || !allowed || isReservedCode(S, target.hi)) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return;
  }
  if (!isPresent(target.hi)) {
    cpu.raise(VEC_NP, selector & 0xfffc);
    return;
  }
  if (!checkOffset(cpu, target, offset, size === 64 ? hi : 0)) return;
  if (call) {
    stack.begin(cpu);
    if (!pushReturn(cpu, size)) return;
  }
  if (!markAccessed(cpu, target)) return;
  if (call) stack.commit(S);
  enterCode(cpu, selector, cpl, offset, size === 64 ? hi : 0);
}

function farReal(cpu: Cpu, call: boolean, size: number, selector: number, offset: number): void {
  const S = cpu.S;
  if (offset >>> 0 > S[SEG_CS + SEG_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  if (call) {
    stack.begin(cpu);
    if (!pushReturn(cpu, size)) return;
    stack.commit(S);
  }
  setReal(S, SEG_CS, selector);
  setRip(S, offset, 0);
  cpu.updateMode();
}

function pushReturn(cpu: Cpu, size: number): boolean {
  const S = cpu.S;
  return stack.push(cpu, size, S[SEG_CS + SEG_SELECTOR], 0) && stack.push(cpu, size, S[NEXT_LO], S[NEXT_HI]);
}

/** The target address fits the code segment: else #GP(0). QEMU: a 64-bit one is only checked when it is fetched from. */
export function checkOffset(cpu: Cpu, code: Descriptor, lo: number, hi: number): boolean {
  const long = (cpu.S[MODE] & MODE_LONG) !== 0 && (code.hi & ATTR_L) !== 0;
  const ok = long || (hi === 0 && lo >>> 0 <= limitOf(code.lo, code.hi) >>> 0);
  if (!ok) cpu.raise(VEC_GP, 0);
  return ok;
}

function enterCode(cpu: Cpu, selector: number, cpl: number, lo: number, hi: number): void {
  const S = cpu.S;
  setFromDescriptor(S, SEG_CS, (selector & 0xfffc) | cpl, target);
  S[CPL] = cpl;
  setRip(S, lo, hi);
  cpu.updateMode();
}

/** `target` is a system descriptor: a call gate, or something to refuse. */
function throughSystemDescriptor(cpu: Cpu, call: boolean, selector: number): void {
  const S = cpu.S;
  const type = typeOf(target.hi);
  const error = selector & 0xfffc;
  const long = (S[MODE] & MODE_LONG) !== 0;
  const privileged = dplOf(target.hi) < S[CPL] || dplOf(target.hi) < (selector & SELECTOR_RPL);
  if (!long && (type === TYPE_TASK_GATE || type === TYPE_TSS16 || type === TYPE_TSS32)) {
    // Not modelled: hardware task switching.
    cpu.trace.unimplemented('cpu: far transfer to a task');
    cpu.raise(VEC_GP, error);
    return;
  }
  if ((type !== TYPE_CALL_GATE32 && (long || type !== TYPE_CALL_GATE16)) || privileged) {
    cpu.raise(VEC_GP, error);
    return;
  }
  if (!isPresent(target.hi)) {
    cpu.raise(VEC_NP, error);
    return;
  }
  if (long && !readUpperHalf(cpu, target, selector, VEC_GP)) return;
  const size = long ? 64 : type === TYPE_CALL_GATE32 ? 32 : 16;
  const parameters = long ? 0 : target.hi & GATE_PARAMETERS;
  const offsetLo = size === 16 ? target.lo & 0xffff : (target.hi & 0xffff0000) | (target.lo & 0xffff);
  throughGate(cpu, call, size, target.lo >>> 16, offsetLo, target.upper, parameters);
}

function throughGate(
  cpu: Cpu,
  call: boolean,
  size: number,
  selector: number,
  lo: number,
  hi: number,
  parameters: number,
): void {
  const S = cpu.S;
  if (isNull(selector)) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  if (!readDescriptor(cpu, target, selector, VEC_GP)) return;
  const error = selector & 0xfffc;
  const dpl = dplOf(target.hi);
  const conforming = (target.hi & ATTR_CONFORMING) !== 0;
  const isCode = (target.hi & (ATTR_S | ATTR_CODE)) === (ATTR_S | ATTR_CODE);
  const wrongLength = size === 64 && ((target.hi & ATTR_L) === 0 || isReservedCode(S, target.hi));
  if (!isCode || dpl > S[CPL] || (!call && !conforming && dpl !== S[CPL]) || wrongLength) {
    cpu.raise(VEC_GP, error);
    return;
  }
  if (!isPresent(target.hi)) {
    cpu.raise(VEC_NP, error);
    return;
  }
  if (!checkOffset(cpu, target, lo, hi)) return;
  if (!call) {
    if (markAccessed(cpu, target)) enterCode(cpu, selector, S[CPL], lo, hi);
    return;
  }
  const inner = !conforming && dpl < S[CPL];
  if (inner) {
    callInner(cpu, size, selector, dpl, lo, hi, parameters);
    return;
  }
  stack.begin(cpu);
  if (!pushReturn(cpu, size) || !markAccessed(cpu, target)) return;
  stack.commit(S);
  enterCode(cpu, selector, S[CPL], lo, hi);
}

function callInner(
  cpu: Cpu,
  size: number,
  selector: number,
  cpl: number,
  lo: number,
  hi: number,
  parameters: number,
): void {
  const S = cpu.S;
  const long = size === 64;
  if (long ? !beginTss64(cpu, cpl) : !readTssStack(cpu, newStack, stack, cpl)) return;
  if (!stack.push(cpu, size, S[SEG_SS + SEG_SELECTOR], 0)) return;
  if (!stack.push(cpu, size, S[RSP], S[RSP + 1])) return;
  for (let i = parameters - 1; i >= 0; i--) {
    outer.begin(cpu);
    outer.skip((i * size) >> 3);
    const value = outer.pop(cpu, size);
    if (S[FAULT] !== 0 || !stack.push(cpu, size, value, 0)) return;
  }
  if (!pushReturn(cpu, size) || !markAccessed(cpu, target)) return;
  if (long) {
    setNull(S, SEG_SS, cpl);
    S[SEG_SS + SEG_ATTR] = cpl << 13;
  } else {
    const ss = newStack.upper;
    newStack.upper = 0;
    setFromDescriptor(S, SEG_SS, ss, newStack);
  }
  stack.commit(S);
  enterCode(cpu, selector, cpl, lo, hi);
}

function beginTss64(cpu: Cpu, cpl: number): boolean {
  const S = cpu.S;
  const offset = 4 + 8 * cpl;
  if (offset + 7 > S[SEG_TR + SEG_LIMIT] >>> 0) {
    cpu.raise(VEC_TS, S[SEG_TR + SEG_SELECTOR] & 0xfffc);
    return false;
  }
  const at = (S[SEG_TR + SEG_BASE_LO] + offset) | 0;
  const lo = cpu.loadSystem64(at, carryInto(S, S[SEG_TR + SEG_BASE_HI], S[SEG_TR + SEG_BASE_LO], at));
  if (S[FAULT] !== 0) return false;
  stack.beginAt(64, lo, S[LD_HI], 0, 0, 0, 0, true);
  return true;
}

/** ENTER: `frame` bytes of locals, `level` outer frame pointers (0–31). */
export function enterFrame(cpu: Cpu, size: number, frame: number, level: number): void {
  const S = cpu.S;
  const RBP = 10;
  stack.begin(cpu);
  if (!stack.push(cpu, size, S[RBP], S[RBP + 1])) return;
  const frameLo = stack.lo;
  const frameHi = stack.hi;
  if (level > 0) {
    outer.begin(cpu);
    outer.lo = S[RBP];
    outer.hi = S[RBP + 1];
    for (let i = 1; i < level; i++) {
      outer.skip(-(size >> 3));
      const value = outer.pop(cpu, size);
      const valueHi = outer.poppedHi;
      if (S[FAULT] !== 0) return;
      outer.skip(-(size >> 3));
      if (!stack.push(cpu, size, value, valueHi)) return;
    }
    if (!stack.push(cpu, size, frameLo, frameHi)) return;
  }
  stack.skip(-frame);
  stack.probe(cpu);
  if (S[FAULT] !== 0) return;
  stack.commit(S);
  // QEMU: the operand's width counts, not that of the stack pointer.
  if (size === 16) S[RBP] = (S[RBP] & 0xffff0000) | (frameLo & 0xffff);
  else S[RBP] = frameLo;
  if (size === 64) S[RBP + 1] = frameHi;
  else if (size === 32) S[RBP + 1] = 0;
}
