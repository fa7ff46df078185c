/** Loading segment registers, LDTR and TR. Spec: SDM vol. 2 MOV, LLDT, LTR; error codes as there. */
import type { Cpu } from '../cpu.ts';
import {
  ATTR_CODE,
  ATTR_CONFORMING,
  ATTR_EXPAND_DOWN,
  ATTR_L,
  ATTR_P,
  ATTR_READABLE,
  ATTR_S,
  ATTR_WRITABLE,
  CPL,
  MODE,
  MODE_CODE64,
  MODE_LONG,
  MODE_REAL,
  MODE_STACK32,
  SEG_ATTR,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_CS,
  SEG_ES,
  SEG_GS,
  SEG_LDTR,
  SEG_LIMIT,
  SEG_SS,
  SEG_TR,
  VEC_GP,
  VEC_NP,
  VEC_SS,
} from '../state.ts';
import {
  Descriptor,
  dplOf,
  isNull,
  isPresent,
  markAccessed,
  markDescriptor,
  readDescriptor,
  readUpperHalf,
  SELECTOR_RPL,
  SELECTOR_TI,
  setFromDescriptor,
  setNull,
  setReal,
  TYPE_LDT,
  TYPE_TSS16,
  TYPE_TSS32,
  typeOf,
} from './descriptors.ts';

/** Bit of a TSS descriptor's high word. */
const TSS_BUSY = 1 << 9;

const scratch = new Descriptor();

/**
 * Loads ES, SS, DS, FS or GS (`segment` is its first word in S); false: a fault was raised and nothing changed.
 * The caller recomputes the mode.
 */
export function loadSegment(cpu: Cpu, segment: number, selector: number): boolean {
  const S = cpu.S;
  if ((S[MODE] & MODE_REAL) !== 0) {
    setReal(S, segment, selector);
    return true;
  }
  if (segment === SEG_SS) return loadStackSegment(cpu, selector);
  if (isNull(selector)) {
    setNull(S, segment, selector);
    return true;
  }
  if (!readDescriptor(cpu, scratch, selector, VEC_GP)) return false;
  const { hi } = scratch;
  const error = selector & 0xfffc;
  const executeOnly = (hi & (ATTR_CODE | ATTR_READABLE)) === ATTR_CODE;
  const conforming = (hi & (ATTR_CODE | ATTR_CONFORMING)) === (ATTR_CODE | ATTR_CONFORMING);
  const privileged = !conforming && (dplOf(hi) < S[CPL] || dplOf(hi) < (selector & SELECTOR_RPL));
  if ((hi & ATTR_S) === 0 || executeOnly || privileged) {
    cpu.raise(VEC_GP, error);
    return false;
  }
  if (!isPresent(hi)) {
    cpu.raise(VEC_NP, error);
    return false;
  }
  if (!markAccessed(cpu, scratch)) return false;
  setFromDescriptor(S, segment, selector, scratch);
  return true;
}

function loadStackSegment(cpu: Cpu, selector: number): boolean {
  const S = cpu.S;
  const cpl = S[CPL];
  if (isNull(selector)) {
    // QEMU: the RPL of a null selector does not count.
    if ((S[MODE] & MODE_CODE64) === 0 || cpl === 3) {
      cpu.raise(VEC_GP, 0);
      return false;
    }
    setNull(S, SEG_SS, selector);
    return true;
  }
  if (!readDescriptor(cpu, scratch, selector, VEC_GP)) return false;
  if (!checkStackDescriptor(cpu, scratch, selector, cpl, VEC_GP)) return false;
  if (!markAccessed(cpu, scratch)) return false;
  setFromDescriptor(S, SEG_SS, selector, scratch);
  return true;
}

/** A stack segment for privilege `cpl`: else `vector`(selector), or #SS(selector) when it is not present. */
export function checkStackDescriptor(
  cpu: Cpu,
  descriptor: Descriptor,
  selector: number,
  cpl: number,
  vector: number,
): boolean {
  const { hi } = descriptor;
  const writableData = (hi & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) === (ATTR_S | ATTR_WRITABLE);
  if (!writableData || dplOf(hi) !== cpl || (selector & SELECTOR_RPL) !== cpl) {
    cpu.raise(vector, selector & 0xfffc);
    return false;
  }
  if (!isPresent(hi)) {
    cpu.raise(VEC_SS, selector & 0xfffc);
    return false;
  }
  return true;
}

/** Privilege falls to `cpl`: data segments that it may not use become null. Spec: SDM vol. 2 RET, IRET. */
export function dropPrivilegedSegments(S: Int32Array, cpl: number): void {
  for (let segment = SEG_ES; segment <= SEG_GS; segment += 8) {
    const attr = S[segment + SEG_ATTR];
    const code = (attr & ATTR_CODE) !== 0;
    const conforming = code && (attr & ATTR_CONFORMING) !== 0;
    if (segment !== SEG_SS && segment !== SEG_CS && !conforming && dplOf(attr) < cpl)
      setNullKeepBase(S, segment);
  }
}

/** QEMU: FS and GS bases survive the loss of the selector. */
function setNullKeepBase(S: Int32Array, segment: number): void {
  const baseLo = S[segment + SEG_BASE_LO];
  const baseHi = S[segment + SEG_BASE_HI];
  setNull(S, segment, 0);
  S[segment + SEG_BASE_LO] = baseLo;
  S[segment + SEG_BASE_HI] = baseHi;
}

/** LLDT's work; false: a fault was raised. */
export function loadLdtr(cpu: Cpu, selector: number): boolean {
  const S = cpu.S;
  if (isNull(selector)) {
    setNull(S, SEG_LDTR, selector);
    return true;
  }
  if (!readSystemDescriptor(cpu, selector)) return false;
  if (typeOf(scratch.hi) !== TYPE_LDT) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return false;
  }
  if (!isPresent(scratch.hi)) {
    cpu.raise(VEC_NP, selector & 0xfffc);
    return false;
  }
  setFromDescriptor(S, SEG_LDTR, selector, scratch);
  return true;
}

/** LTR's work: the TSS becomes busy; false: a fault was raised. */
export function loadTr(cpu: Cpu, selector: number): boolean {
  if (isNull(selector)) {
    cpu.raise(VEC_GP, 0);
    return false;
  }
  if (!readSystemDescriptor(cpu, selector)) return false;
  const type = typeOf(scratch.hi);
  const long = (cpu.S[MODE] & MODE_LONG) !== 0;
  if (type !== TYPE_TSS32 && (long || type !== TYPE_TSS16)) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return false;
  }
  if (!isPresent(scratch.hi)) {
    cpu.raise(VEC_NP, selector & 0xfffc);
    return false;
  }
  if (!markDescriptor(cpu, scratch, TSS_BUSY)) return false;
  setFromDescriptor(cpu.S, SEG_TR, selector, scratch);
  return true;
}

/** Reads an LDT's or a TSS's descriptor, which is in the GDT, and has 16 bytes in long mode. */
function readSystemDescriptor(cpu: Cpu, selector: number): boolean {
  if ((selector & SELECTOR_TI) !== 0) {
    cpu.raise(VEC_GP, selector & 0xfffc);
    return false;
  }
  if (!readDescriptor(cpu, scratch, selector, VEC_GP)) return false;
  return (cpu.S[MODE] & MODE_LONG) === 0 || readUpperHalf(cpu, scratch, selector, VEC_GP);
}

/** True when the `size` bytes at `offset` are inside a segment with these words. */
export function inSegment(attr: number, limit: number, offset: number, size: number): boolean {
  const first = offset >>> 0;
  const last = first + size - 1;
  if ((attr & (ATTR_CODE | ATTR_EXPAND_DOWN)) === ATTR_EXPAND_DOWN) {
    const top = (attr & (1 << 22)) !== 0 ? 0xffffffff : 0xffff;
    return first > limit >>> 0 && last <= top;
  }
  return last <= limit >>> 0;
}

/**
 * Checks an access outside 64-bit code to `size` bytes at `offset` in `segment`: else #SS(0) or #GP(0).
 * The mode's MODE_FLAT shortcut is the caller's.
 */
export function checkSegmentAccess(
  cpu: Cpu,
  segment: number,
  offset: number,
  size: number,
  write: boolean,
): boolean {
  const S = cpu.S;
  if ((S[MODE] & MODE_CODE64) !== 0) return true;
  const attr = S[segment + SEG_ATTR];
  const code = (attr & ATTR_CODE) !== 0;
  const real = (S[MODE] & MODE_REAL) !== 0;
  const allowed = write ? !code && (attr & ATTR_WRITABLE) !== 0 : !code || (attr & ATTR_READABLE) !== 0;
  const usable = (attr & ATTR_P) !== 0 && (real || allowed);
  if (usable && inSegment(attr, S[segment + SEG_LIMIT], offset, size)) return true;
  cpu.raise(segment === SEG_SS ? VEC_SS : VEC_GP, 0);
  return false;
}

/** Address bits of the stack pointer: 64, 32 or 16. */
export function stackWidth(S: Int32Array): number {
  if ((S[MODE] & MODE_CODE64) !== 0) return 64;
  return (S[MODE] & MODE_STACK32) !== 0 ? 32 : 16;
}

/** A code segment that long mode cannot run: L and D both set. */
export function isReservedCode(S: Int32Array, hi: number): boolean {
  return (S[MODE] & MODE_LONG) !== 0 && (hi & ATTR_L) !== 0 && (hi & (1 << 22)) !== 0;
}
