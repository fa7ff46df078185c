/** Entry through an IDT gate, 16-, 32- and 64-bit, with its stack switch. Spec: SDM vol. 3 §6.12, §6.14. */
import type { Cpu } from '../cpu.ts';
import {
  ATTR_CODE,
  ATTR_CONFORMING,
  ATTR_DB,
  ATTR_L,
  ATTR_S,
  CPL,
  EFLAGS,
  FAULT,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  IDTR_HI,
  IDTR_LIMIT,
  IDTR_LO,
  LD_HI,
  RSP,
  SEG_ATTR,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SS,
  SEG_TR,
  VEC_GP,
  VEC_NP,
  VEC_TS,
} from '../state.ts';
import {
  baseOf,
  carryInto,
  Descriptor,
  dplOf,
  isNull,
  isPresent,
  limitOf,
  markAccessed,
  readDescriptor,
  setFromDescriptor,
  setNull,
  TYPE_INTERRUPT_GATE16,
  TYPE_INTERRUPT_GATE32,
  TYPE_TASK_GATE,
  TYPE_TRAP_GATE16,
  TYPE_TRAP_GATE32,
  typeOf,
} from './descriptors.ts';
import { setRip } from './mode.ts';
import { checkStackDescriptor, isReservedCode } from './segments.ts';
import { StackCursor } from './stack.ts';

/** Error code bit: the index is into the IDT. */
const ERROR_IDT = 2;
const TSS64_RSP0 = 4;
const TSS64_IST1 = 36;

const code = new Descriptor();
const newStack = new Descriptor();
const stack = new StackCursor();

/** Reads the target's code descriptor and checks it; the new CPL, or -1 with a fault raised. */
function readTargetCode(cpu: Cpu, selector: number): number {
  const S = cpu.S;
  if (isNull(selector)) {
    cpu.raise(VEC_GP, 0);
    return -1;
  }
  if (!readDescriptor(cpu, code, selector, VEC_GP)) return -1;
  const { hi } = code;
  const error = selector & 0xfffc;
  if ((hi & (ATTR_S | ATTR_CODE)) !== (ATTR_S | ATTR_CODE) || dplOf(hi) > S[CPL]) {
    cpu.raise(VEC_GP, error);
    return -1;
  }
  if (!isPresent(hi)) {
    cpu.raise(VEC_NP, error);
    return -1;
  }
  return (hi & ATTR_CONFORMING) !== 0 ? S[CPL] : dplOf(hi);
}

/** SS:ESP for `cpl` from a 16- or 32-bit TSS, checked: SS's descriptor is in `into`. False: #TS or #SS was raised. */
export function readTssStack(cpu: Cpu, into: Descriptor, cursor: StackCursor, cpl: number): boolean {
  const S = cpu.S;
  const wide = (typeOf(S[SEG_TR + SEG_ATTR]) & 8) !== 0;
  const offset = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
  const trSelector = S[SEG_TR + SEG_SELECTOR] & 0xfffc;
  if (offset + (wide ? 5 : 3) > S[SEG_TR + SEG_LIMIT] >>> 0) {
    cpu.raise(VEC_TS, trSelector);
    return false;
  }
  const at = (S[SEG_TR + SEG_BASE_LO] + offset) | 0;
  const esp = wide ? cpu.loadSystem32(at, 0) : cpu.loadSystem16(at, 0);
  const ss = cpu.loadSystem16((at + (wide ? 4 : 2)) | 0, 0);
  if (S[FAULT] !== 0) return false;
  if (isNull(ss)) {
    cpu.raise(VEC_TS, 0);
    return false;
  }
  if (!readDescriptor(cpu, into, ss, VEC_TS)) return false;
  if (!checkStackDescriptor(cpu, into, ss, cpl, VEC_TS)) return false;
  if (!markAccessed(cpu, into)) return false;
  const { lo, hi } = into;
  const width = (hi & ATTR_DB) !== 0 ? 32 : 16;
  cursor.beginAt(width, esp, 0, hi, limitOf(lo, hi), baseOf(lo, hi), ss & 0xfffc, true);
  // The selector is handed over where the caller needs it anyway.
  into.upper = ss;
  return true;
}

/** Pushes `selector` of `segment`. */
function pushSelector(cpu: Cpu, size: number, segment: number): boolean {
  return stack.push(cpu, size, cpu.S[segment + SEG_SELECTOR], 0);
}

/** Protected mode. For `software` interrupts the gate's DPL counts. QEMU: error codes never have the EXT bit. */
export function deliverProtected(
  cpu: Cpu,
  vector: number,
  software: boolean,
  errorCode: number | undefined,
  flags: number,
  eip: number,
): void {
  const S = cpu.S;
  const gateError = vector * 8 + ERROR_IDT;
  if (vector * 8 + 7 > S[IDTR_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, gateError);
    return;
  }
  const at = (S[IDTR_LO] + vector * 8) | 0;
  const gateLo = cpu.loadSystem32(at, 0);
  const gateHi = cpu.loadSystem32((at + 4) | 0, 0);
  if (S[FAULT] !== 0) return;
  const type = typeOf(gateHi);
  const wide = type === TYPE_INTERRUPT_GATE32 || type === TYPE_TRAP_GATE32;
  const narrow = type === TYPE_INTERRUPT_GATE16 || type === TYPE_TRAP_GATE16;
  if (!checkGate(cpu, gateHi, wide || narrow || type === TYPE_TASK_GATE, software, gateError)) return;
  if (type === TYPE_TASK_GATE) {
    // Not modelled: hardware task switching.
    cpu.trace.unimplemented('cpu: task gate in the IDT');
    cpu.raise(VEC_GP, gateError);
    return;
  }
  const selector = gateLo >>> 16;
  const cpl = readTargetCode(cpu, selector);
  if (cpl < 0) return;
  const vm = (S[EFLAGS] & FLAG_VM) !== 0;
  if (vm && cpl !== 0) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return;
  }
  const target = wide ? (gateHi & 0xffff0000) | (gateLo & 0xffff) : gateLo & 0xffff;
  const size = wide ? 32 : 16;
  const inner = cpl < S[CPL];
  if (inner) {
    if (!readTssStack(cpu, newStack, stack, cpl)) return;
  } else {
    stack.begin(cpu);
  }
  if (target >>> 0 > limitOf(code.lo, code.hi) >>> 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  if (vm && !pushDataSelectors(cpu, size)) return;
  if (inner && !(pushSelector(cpu, size, SEG_SS) && stack.push(cpu, size, S[RSP], 0))) return;
  if (!stack.push(cpu, size, flags, 0) || !pushSelector(cpu, size, SEG_CS)) return;
  if (!stack.push(cpu, size, eip, 0)) return;
  if (errorCode !== undefined && !stack.push(cpu, size, errorCode, 0)) return;
  if (!markAccessed(cpu, code)) return;

  if (inner) {
    const ss = newStack.upper;
    newStack.upper = 0;
    setFromDescriptor(S, SEG_SS, ss, newStack);
  }
  if (vm) for (const segment of [SEG_ES, SEG_DS, SEG_FS, SEG_GS]) setNull(S, segment, 0);
  stack.commit(S);
  finish(cpu, type, selector, cpl);
  setRip(S, target, 0);
}

function pushDataSelectors(cpu: Cpu, size: number): boolean {
  return (
    pushSelector(cpu, size, SEG_GS) &&
    pushSelector(cpu, size, SEG_FS) &&
    pushSelector(cpu, size, SEG_DS) &&
    pushSelector(cpu, size, SEG_ES)
  );
}

function checkGate(cpu: Cpu, gateHi: number, typeOk: boolean, software: boolean, error: number): boolean {
  if (!typeOk || (software && dplOf(gateHi) < cpu.S[CPL])) {
    cpu.raise(VEC_GP, error);
    return false;
  }
  if (!isPresent(gateHi)) {
    cpu.raise(VEC_NP, error);
    return false;
  }
  return true;
}

/** The stack is switched: CS, CPL and flags of the handler. */
function finish(cpu: Cpu, gateType: number, selector: number, cpl: number): void {
  const S = cpu.S;
  setFromDescriptor(S, SEG_CS, (selector & 0xfffc) | cpl, code);
  S[CPL] = cpl;
  let cleared = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM;
  if ((gateType & 1) === 0) cleared |= FLAG_IF;
  S[EFLAGS] &= ~cleared;
  cpu.updateMode();
}

/** Long mode: 16-byte gates, five words always pushed, stack aligned to 16. */
export function deliverLong(
  cpu: Cpu,
  vector: number,
  software: boolean,
  errorCode: number | undefined,
  flags: number,
  ripLo: number,
  ripHi: number,
): void {
  const S = cpu.S;
  // QEMU: the index counts 8-byte entries also here, where gates have 16 bytes.
  const gateError = vector * 16 + ERROR_IDT;
  if (vector * 16 + 15 > S[IDTR_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, gateError);
    return;
  }
  const at = (S[IDTR_LO] + vector * 16) | 0;
  const atHi = carryInto(S, S[IDTR_HI], S[IDTR_LO], at);
  const gateLo = cpu.loadSystem64(at, atHi);
  const gateHi = S[LD_HI];
  const at8 = (at + 8) | 0;
  const targetHi = cpu.loadSystem32(at8, carryInto(S, atHi, at, at8));
  if (S[FAULT] !== 0) return;
  const type = typeOf(gateHi);
  if (
    !checkGate(cpu, gateHi, type === TYPE_INTERRUPT_GATE32 || type === TYPE_TRAP_GATE32, software, gateError)
  )
    return;
  const selector = gateLo >>> 16;
  const cpl = readTargetCode(cpu, selector);
  if (cpl < 0) return;
  if ((code.hi & ATTR_L) === 0 || isReservedCode(S, code.hi)) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return;
  }
  const targetLo = (gateHi & 0xffff0000) | (gateLo & 0xffff);
  const inner = cpl < S[CPL];
  if (!beginLongStack(cpu, gateHi & 7, cpl, inner)) return;
  if (!pushSelector(cpu, 64, SEG_SS) || !stack.push(cpu, 64, S[RSP], S[RSP + 1])) return;
  if (!stack.push(cpu, 64, flags, 0) || !pushSelector(cpu, 64, SEG_CS)) return;
  if (!stack.push(cpu, 64, ripLo, ripHi)) return;
  if (errorCode !== undefined && !stack.push(cpu, 64, errorCode, 0)) return;
  if (!markAccessed(cpu, code)) return;

  // QEMU: an IST entry makes SS null also when the privilege stays.
  if (inner || (gateHi & 7) !== 0) {
    setNull(S, SEG_SS, cpl);
    S[SEG_SS + SEG_ATTR] = cpl << 13;
  }
  stack.commit(S);
  finish(cpu, type, selector, cpl);
  setRip(S, targetLo, targetHi);
}

/** Chooses IST, the TSS's RSPn, or the current stack; false: a fault was raised. */
function beginLongStack(cpu: Cpu, ist: number, cpl: number, inner: boolean): boolean {
  const S = cpu.S;
  let lo = S[RSP];
  let hi = S[RSP + 1];
  if (ist !== 0 || inner) {
    const offset = ist !== 0 ? TSS64_IST1 + 8 * (ist - 1) : TSS64_RSP0 + 8 * cpl;
    if (offset + 7 > S[SEG_TR + SEG_LIMIT] >>> 0) {
      cpu.raise(VEC_TS, S[SEG_TR + SEG_SELECTOR] & 0xfffc);
      return false;
    }
    const at = (S[SEG_TR + SEG_BASE_LO] + offset) | 0;
    lo = cpu.loadSystem64(at, carryInto(S, S[SEG_TR + SEG_BASE_HI], S[SEG_TR + SEG_BASE_LO], at));
    if (S[FAULT] !== 0) return false;
    hi = S[LD_HI];
  }
  stack.beginAt(64, lo & ~15, hi, 0, 0, 0, 0, cpl !== 3);
  return true;
}
