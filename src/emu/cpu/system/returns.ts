/** Far returns and IRET. Spec: SDM vol. 2 RET, IRET. */
import type { Cpu } from '../cpu.ts';
import {
  ATTR_CODE,
  ATTR_CONFORMING,
  ATTR_L,
  ATTR_S,
  CPL,
  DR7,
  EFLAGS,
  FAULT,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_IOPL_SHIFT,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAGS_ARITH,
  MODE,
  MODE_CODE64,
  MODE_LONG,
  MODE_REAL,
  RSP,
  SEG_ATTR,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LIMIT,
  SEG_SS,
  VEC_GP,
  VEC_NP,
} from '../state.ts';
import { DR7_ENABLES } from './debug.ts';
import {
  Descriptor,
  dplOf,
  isNull,
  isPresent,
  markAccessed,
  readDescriptor,
  SELECTOR_RPL,
  setFromDescriptor,
  setNull,
  setReal,
  setSegment,
} from './descriptors.ts';
import { setRip } from './mode.ts';
import { checkStackDescriptor, dropPrivilegedSegments, isReservedCode } from './segments.ts';
import { StackCursor, setStackPointer } from './stack.ts';
import { checkOffset } from './transfers.ts';

const code = new Descriptor();
const data = new Descriptor();
const stack = new StackCursor();

/** P, S, writable, accessed, DPL 3. */
const ATTR_VM86 = 0xf300;
const NOT_IRET = -1;

/** Flags that POPF and IRET may change with this privilege; others keep their value. */
export function writableFlags(S: Int32Array, size: number): number {
  const cpl = S[CPL];
  let mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
  if (cpl === 0) mask |= FLAG_IOPL;
  if (cpl <= (S[EFLAGS] & FLAG_IOPL) >>> FLAG_IOPL_SHIFT) mask |= FLAG_IF;
  return size === 16 ? mask & 0xffff : mask;
}

/** Replaces those flags that `mask` names. */
export function mergeFlags(cpu: Cpu, value: number, mask: number): void {
  cpu.writeFlags((cpu.readFlags() & ~mask) | (value & mask));
}

/** RETF and RETF n (`extra` bytes of parameters). */
export function returnFar(cpu: Cpu, size: number, extra: number): void {
  const S = cpu.S;
  stack.begin(cpu);
  const lo = stack.pop(cpu, size);
  const hi = stack.poppedHi;
  const selector = stack.pop(cpu, size) & 0xffff;
  if (S[FAULT] !== 0) return;
  const offset = size === 16 ? lo & 0xffff : lo;
  if ((S[MODE] & MODE_REAL) === 0) {
    returnProtected(cpu, size, selector, offset, hi, NOT_IRET, extra);
    return;
  }
  if (offset >>> 0 > S[SEG_CS + SEG_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  stack.skip(extra);
  stack.commit(S);
  setReal(S, SEG_CS, selector);
  setRip(S, offset, 0);
  cpu.updateMode();
}

/** IRET, IRETD, IRETQ. */
export function interruptReturn(cpu: Cpu, size: number): void {
  const S = cpu.S;
  if ((S[MODE] & MODE_REAL) !== 0) {
    interruptReturnReal(cpu, size);
    return;
  }
  if ((S[EFLAGS] & FLAG_NT) !== 0) {
    // Not modelled: hardware task switching. In long mode NT is #GP(0) on the real part too.
    if ((S[MODE] & MODE_LONG) === 0) cpu.trace.unimplemented('cpu: IRET to another task');
    cpu.raise(VEC_GP, 0);
    return;
  }
  stack.begin(cpu);
  const lo = stack.pop(cpu, size);
  const hi = stack.poppedHi;
  const selector = stack.pop(cpu, size) & 0xffff;
  const flags = stack.pop(cpu, size);
  if (S[FAULT] !== 0) return;
  const toVm86 = size === 32 && (flags & FLAG_VM) !== 0 && S[CPL] === 0 && (S[MODE] & MODE_LONG) === 0;
  if (toVm86) returnToVm86(cpu, selector, lo, flags);
  else returnProtected(cpu, size, selector, size === 16 ? lo & 0xffff : lo, hi, flags & 0x7fffffff, 0);
}

function interruptReturnReal(cpu: Cpu, size: number): void {
  const S = cpu.S;
  const vm = (S[EFLAGS] & FLAG_VM) !== 0;
  if (vm && (S[EFLAGS] & FLAG_IOPL) !== FLAG_IOPL) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  stack.begin(cpu);
  const lo = stack.pop(cpu, size);
  const selector = stack.pop(cpu, size) & 0xffff;
  const flags = stack.pop(cpu, size);
  if (S[FAULT] !== 0) return;
  const offset = size === 16 ? lo & 0xffff : lo;
  if (offset >>> 0 > S[SEG_CS + SEG_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  let mask = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
  if (!vm) mask |= FLAG_IOPL;
  stack.commit(S);
  setReal(S, SEG_CS, selector);
  mergeFlags(cpu, flags, size === 16 ? mask & 0xffff : mask);
  setRip(S, offset, 0);
  cpu.updateMode();
}

function returnToVm86(cpu: Cpu, cs: number, eip: number, flags: number): void {
  const S = cpu.S;
  const esp = stack.pop(cpu, 32);
  const ss = stack.pop(cpu, 32);
  const es = stack.pop(cpu, 32);
  const ds = stack.pop(cpu, 32);
  const fs = stack.pop(cpu, 32);
  const gs = stack.pop(cpu, 32);
  if (S[FAULT] !== 0) return;
  cpu.writeFlags(flags & 0x3e7fd7);
  loadVm86(S, SEG_CS, cs);
  loadVm86(S, SEG_SS, ss);
  loadVm86(S, SEG_ES, es);
  loadVm86(S, SEG_DS, ds);
  loadVm86(S, SEG_FS, fs);
  loadVm86(S, SEG_GS, gs);
  S[CPL] = 3;
  S[RSP] = esp;
  S[RSP + 1] = 0;
  setRip(S, eip & 0xffff, 0);
  cpu.updateMode();
}

function loadVm86(S: Int32Array, segment: number, selector: number): void {
  setSegment(S, segment, selector, ATTR_VM86, 0xffff, (selector & 0xffff) << 4, 0);
}

/** The code segment that a return goes to; false: a fault was raised. */
function readReturnCode(cpu: Cpu, selector: number): boolean {
  const S = cpu.S;
  if (isNull(selector)) {
    cpu.raise(VEC_GP, 0);
    return false;
  }
  if (!readDescriptor(cpu, code, selector, VEC_GP)) return false;
  const rpl = selector & SELECTOR_RPL;
  const { hi } = code;
  const isCode = (hi & (ATTR_S | ATTR_CODE)) === (ATTR_S | ATTR_CODE);
  const fits = (hi & ATTR_CONFORMING) !== 0 ? dplOf(hi) <= rpl : dplOf(hi) === rpl;
  if (!isCode || !fits || rpl < S[CPL] || isReservedCode(S, hi)) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return false;
  }
  if (!isPresent(hi)) {
    cpu.raise(VEC_NP, selector & 0xfffc);
    return false;
  }
  return true;
}

/** CS:RIP (and flags, unless NOT_IRET) are popped; goes on with SS:RSP when they are there. */
function returnProtected(
  cpu: Cpu,
  size: number,
  selector: number,
  lo: number,
  hi: number,
  flags: number,
  extra: number,
): void {
  const S = cpu.S;
  if (!readReturnCode(cpu, selector)) return;
  const rpl = selector & SELECTOR_RPL;
  const isIret = flags !== NOT_IRET;
  const popsStack = rpl !== S[CPL] || (isIret && (S[MODE] & MODE_CODE64) !== 0);
  if (!checkOffset(cpu, code, lo, hi)) return;
  stack.skip(extra);
  if (!popsStack) {
    if (!markAccessed(cpu, code)) return;
    stack.commit(S);
    goTo(cpu, size, selector, lo, hi, flags);
    return;
  }
  const rspLo = stack.pop(cpu, size);
  const rspHi = stack.poppedHi;
  const ss = stack.pop(cpu, size) & 0xffff;
  if (S[FAULT] !== 0) return;
  const toLong = (S[MODE] & MODE_LONG) !== 0 && (code.hi & ATTR_L) !== 0;
  const nullStack = isNull(ss);
  if (nullStack) {
    if (!toLong || rpl === 3) {
      cpu.raise(VEC_GP, 0);
      return;
    }
  } else {
    if (!readDescriptor(cpu, data, ss, VEC_GP)) return;
    if (!checkStackDescriptor(cpu, data, ss, rpl, VEC_GP) || !markAccessed(cpu, data)) return;
  }
  if (!markAccessed(cpu, code)) return;

  if (nullStack) {
    setNull(S, SEG_SS, ss);
    S[SEG_SS + SEG_ATTR] = rpl << 13;
  } else {
    setFromDescriptor(S, SEG_SS, ss, data);
  }
  const outer = rpl !== S[CPL];
  // The flags that may change are decided by the privilege before the return.
  goTo(cpu, size, selector, lo, hi, flags);
  if (outer) dropPrivilegedSegments(S, rpl);
  const wide = (S[SEG_SS + SEG_ATTR] & (1 << 22)) !== 0;
  const width = toLong ? 64 : wide ? 32 : 16;
  setStackPointer(S, width, rspLo, size === 64 ? rspHi : 0);
  if (extra !== 0) {
    stack.beginAt(width, S[RSP], S[RSP + 1], 0, 0, 0, 0, false);
    stack.skip(extra);
    stack.commit(S);
  }
  cpu.updateMode();
}

function goTo(cpu: Cpu, size: number, selector: number, lo: number, hi: number, flags: number): void {
  const S = cpu.S;
  if (flags !== NOT_IRET) {
    let mask = writableFlags(S, size);
    // RF is in EFLAGS only while somebody reads it. Not modelled: a fault of the next instruction would push it.
    if ((S[DR7] & DR7_ENABLES) !== 0) mask |= FLAG_RF;
    if (S[CPL] === 0) mask |= FLAG_VIF | FLAG_VIP;
    mergeFlags(cpu, flags, size === 16 ? mask & 0xffff : mask);
  }
  setFromDescriptor(S, SEG_CS, selector, code);
  S[CPL] = selector & SELECTOR_RPL;
  setRip(S, lo, hi);
  cpu.updateMode();
}
