/** Instructions on descriptor tables and selectors: LGDT … SIDT, LLDT … STR, LAR, LSL, VERR, VERW, ARPL. Spec: SDM vol. 2. */
import type { Cpu } from '../cpu.ts';
import {
  ATTR_CODE,
  ATTR_CONFORMING,
  ATTR_READABLE,
  ATTR_S,
  ATTR_WRITABLE,
  CPL,
  CR4,
  CR4_UMIP,
  EA_HI,
  EA_LO,
  FAULT,
  FLAG_ZF,
  GDTR_LIMIT,
  IDTR_LIMIT,
  LD_HI,
  MODE,
  MODE_CODE64,
  MODE_LONG,
  MODE_REAL,
  SEG_LDTR,
  SEG_SELECTOR,
  SEG_TR,
  VEC_GP,
  VEC_UD,
} from '../state.ts';
import {
  carryInto,
  Descriptor,
  dplOf,
  isNull,
  limitOf,
  readDescriptor,
  SELECTOR_RPL,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_LDT,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS16_BUSY,
  TYPE_TSS32,
  TYPE_TSS32_BUSY,
  typeOf,
} from './descriptors.ts';
import { isCanonical } from './mode.ts';
import { mergeFlags } from './returns.ts';
import { loadLdtr, loadTr } from './segments.ts';

const scratch = new Descriptor();
/** High word of a descriptor as LAR gives it. */
/** QEMU: bits 16–19, which the SDM leaves undefined, read as 0. */
const LAR_MASK = 0x00f0ff00;
const LAR_SYSTEM_TYPES: readonly number[] = [
  TYPE_TSS16,
  TYPE_LDT,
  TYPE_TSS16_BUSY,
  TYPE_CALL_GATE16,
  TYPE_TASK_GATE,
  TYPE_TSS32,
  TYPE_TSS32_BUSY,
  TYPE_CALL_GATE32,
];
const LSL_SYSTEM_TYPES: readonly number[] = [
  TYPE_TSS16,
  TYPE_LDT,
  TYPE_TSS16_BUSY,
  TYPE_TSS32,
  TYPE_TSS32_BUSY,
];
const LONG_SYSTEM_TYPES: readonly number[] = [TYPE_LDT, TYPE_TSS32, TYPE_TSS32_BUSY, TYPE_CALL_GATE32];

/** The 16-bit operand: register `rm`, or memory at EA when it is -1. The caller tests S[FAULT]. */
export function operand16(cpu: Cpu, rm: number): number {
  const S = cpu.S;
  return rm >= 0 ? S[2 * rm] & 0xffff : cpu.load16(S[EA_LO], S[EA_HI]);
}

/** Writes a register as an instruction of that operand size does. */
export function setRegister(S: Int32Array, register: number, size: number, value: number): void {
  if (size === 16) {
    S[2 * register] = (S[2 * register] & 0xffff0000) | (value & 0xffff);
    return;
  }
  S[2 * register] = value;
  S[2 * register + 1] = 0;
}

/** A 16-bit result: to memory 16 bits, to a register zero-extended to the operand size. */
export function storeSelector(cpu: Cpu, size: number, rm: number, value: number): void {
  const S = cpu.S;
  if (rm < 0) cpu.store16(S[EA_LO], S[EA_HI], value & 0xffff);
  else setRegister(S, rm, size, value & 0xffff);
}

/** False, with #UD raised: real and virtual-8086 mode do not have the instruction. */
function protectedOnly(cpu: Cpu): boolean {
  if ((cpu.S[MODE] & MODE_REAL) === 0) return true;
  cpu.raise(VEC_UD);
  return false;
}

function kernelOnly(cpu: Cpu): boolean {
  if (cpu.S[CPL] === 0) return true;
  cpu.raise(VEC_GP, 0);
  return false;
}

/** UMIP: a program may not see where tables are. False: #GP(0). */
export function mayStoreTables(cpu: Cpu): boolean {
  return (cpu.S[CR4] & CR4_UMIP) === 0 || kernelOnly(cpu);
}

/** LGDT and LIDT: `table` is the first of the three words LIMIT, LO, HI. */
function loadTable(cpu: Cpu, table: number, size: number): void {
  const S = cpu.S;
  if (!kernelOnly(cpu)) return;
  const at = (S[EA_LO] + 2) | 0;
  const atHi = carryInto(S, S[EA_HI], S[EA_LO], at);
  const limit = cpu.load16(S[EA_LO], S[EA_HI]);
  const long = (S[MODE] & MODE_CODE64) !== 0;
  let lo = long ? cpu.load64(at, atHi) : cpu.load32(at, atHi);
  const hi = long ? S[LD_HI] : 0;
  if (S[FAULT] !== 0) return;
  if (!isCanonical(hi)) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  if (!long && size === 16) lo &= 0xffffff;
  S[table] = limit;
  S[table + 1] = lo;
  S[table + 2] = hi;
}

function storeTable(cpu: Cpu, table: number, size: number): void {
  const S = cpu.S;
  if (!mayStoreTables(cpu)) return;
  const long = (S[MODE] & MODE_CODE64) !== 0;
  const at = (S[EA_LO] + 2) | 0;
  const atHi = carryInto(S, S[EA_HI], S[EA_LO], at);
  cpu.probeWrite(S[EA_LO], S[EA_HI], long ? 10 : 6);
  if (S[FAULT] !== 0) return;
  cpu.store16(S[EA_LO], S[EA_HI], S[table]);
  if (long) cpu.store64(at, atHi, S[table + 1], S[table + 2]);
  // QEMU: with 16-bit operands the top byte of the base is stored as 0.
  else cpu.store32(at, atHi, size === 16 ? S[table + 1] & 0xffffff : S[table + 1]);
}

export const lgdt = (cpu: Cpu, size: number): void => loadTable(cpu, GDTR_LIMIT, size);
export const lidt = (cpu: Cpu, size: number): void => loadTable(cpu, IDTR_LIMIT, size);
export const sgdt = (cpu: Cpu, size: number): void => storeTable(cpu, GDTR_LIMIT, size);
export const sidt = (cpu: Cpu, size: number): void => storeTable(cpu, IDTR_LIMIT, size);

export function lldt(cpu: Cpu, _size: number, _reg: number, rm: number): void {
  if (!protectedOnly(cpu) || !kernelOnly(cpu)) return;
  const selector = operand16(cpu, rm);
  if (cpu.S[FAULT] === 0) loadLdtr(cpu, selector);
}

export function ltr(cpu: Cpu, _size: number, _reg: number, rm: number): void {
  if (!protectedOnly(cpu) || !kernelOnly(cpu)) return;
  const selector = operand16(cpu, rm);
  if (cpu.S[FAULT] === 0) loadTr(cpu, selector);
}

export function sldt(cpu: Cpu, size: number, _reg: number, rm: number): void {
  if (protectedOnly(cpu) && mayStoreTables(cpu)) {
    storeSelector(cpu, size, rm, cpu.S[SEG_LDTR + SEG_SELECTOR]);
  }
}

export function str(cpu: Cpu, size: number, _reg: number, rm: number): void {
  if (protectedOnly(cpu) && mayStoreTables(cpu)) {
    storeSelector(cpu, size, rm, cpu.S[SEG_TR + SEG_SELECTOR]);
  }
}

/**
 * Reads the descriptor of a selector for LAR, LSL, VERR and VERW: false when it is null or outside of its table
 * (or a fault was raised: the caller tests S[FAULT]).
 */
function readVisible(cpu: Cpu, selector: number): boolean {
  if (isNull(selector)) return false;
  if (readDescriptor(cpu, scratch, selector, VEC_GP)) return true;
  // What the limit check raised is no fault here; a page fault is.
  if ((cpu.S[FAULT] & 0xff) === VEC_GP) cpu.S[FAULT] = 0;
  return false;
}

function isVisible(S: Int32Array, selector: number): boolean {
  const conformingCode = ATTR_S | ATTR_CODE | ATTR_CONFORMING;
  if ((scratch.hi & conformingCode) === conformingCode) return true;
  const dpl = dplOf(scratch.hi);
  return dpl >= S[CPL] && dpl >= (selector & SELECTOR_RPL);
}

function allowsType(S: Int32Array, types: readonly number[]): boolean {
  if ((scratch.hi & ATTR_S) !== 0) return true;
  const type = typeOf(scratch.hi);
  if ((S[MODE] & MODE_LONG) !== 0 && !LONG_SYSTEM_TYPES.includes(type)) return false;
  return types.includes(type);
}

function setZf(cpu: Cpu, on: boolean): void {
  mergeFlags(cpu, on ? FLAG_ZF : 0, FLAG_ZF);
}

function larOrLsl(cpu: Cpu, size: number, reg: number, rm: number, lsl: boolean): void {
  const S = cpu.S;
  if (!protectedOnly(cpu)) return;
  const selector = operand16(cpu, rm);
  if (S[FAULT] !== 0) return;
  const found = readVisible(cpu, selector);
  if (S[FAULT] !== 0) return;
  const ok = found && isVisible(S, selector) && allowsType(S, lsl ? LSL_SYSTEM_TYPES : LAR_SYSTEM_TYPES);
  if (ok) setRegister(S, reg, size, lsl ? limitOf(scratch.lo, scratch.hi) : scratch.hi & LAR_MASK);
  setZf(cpu, ok);
}

export const lar = (cpu: Cpu, size: number, reg: number, rm: number): void =>
  larOrLsl(cpu, size, reg, rm, false);
export const lsl = (cpu: Cpu, size: number, reg: number, rm: number): void =>
  larOrLsl(cpu, size, reg, rm, true);

function verify(cpu: Cpu, rm: number, write: boolean): void {
  const S = cpu.S;
  if (!protectedOnly(cpu)) return;
  const selector = operand16(cpu, rm);
  if (S[FAULT] !== 0) return;
  const found = readVisible(cpu, selector);
  if (S[FAULT] !== 0) return;
  const { hi } = scratch;
  const code = (hi & ATTR_CODE) !== 0;
  const right = write ? !code && (hi & ATTR_WRITABLE) !== 0 : !code || (hi & ATTR_READABLE) !== 0;
  setZf(cpu, found && (hi & ATTR_S) !== 0 && right && isVisible(S, selector));
}

export const verr = (cpu: Cpu, _size: number, _reg: number, rm: number): void => verify(cpu, rm, false);
export const verw = (cpu: Cpu, _size: number, _reg: number, rm: number): void => verify(cpu, rm, true);

export function arpl(cpu: Cpu, _size: number, reg: number, rm: number): void {
  const S = cpu.S;
  if (!protectedOnly(cpu)) return;
  if (rm < 0) cpu.probeWrite(S[EA_LO], S[EA_HI], 2);
  const destination = operand16(cpu, rm);
  if (S[FAULT] !== 0) return;
  const rpl = S[2 * reg] & SELECTOR_RPL;
  const raise = (destination & SELECTOR_RPL) < rpl;
  if (raise) storeSelector(cpu, 16, rm, (destination & ~SELECTOR_RPL) | rpl);
  if (S[FAULT] === 0) setZf(cpu, raise);
}
