/** Segment descriptors: reading them from the GDT and LDT, and what their words say. Spec: SDM vol. 3 §3.4.5, §3.5. */
import type { Cpu } from '../cpu.ts';
import {
  ATTR_ACCESSED,
  ATTR_G,
  ATTR_P,
  EFER,
  EFER_LMA,
  FAULT,
  GDTR_HI,
  GDTR_LIMIT,
  GDTR_LO,
  SEG_ATTR,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_LDTR,
  SEG_LIMIT,
  SEG_SELECTOR,
} from '../state.ts';

export const SELECTOR_RPL = 3;
export const SELECTOR_TI = 4;
/** The bits of a descriptor's high word that SEG_ATTR keeps. */
const ATTR_MASK = 0x00f0ff00;
/** Type field with the S bit: system descriptors are below 0x10. */
export const TYPE_TSS16 = 1;
export const TYPE_LDT = 2;
export const TYPE_TSS16_BUSY = 3;
export const TYPE_CALL_GATE16 = 4;
export const TYPE_TASK_GATE = 5;
export const TYPE_INTERRUPT_GATE16 = 6;
export const TYPE_TRAP_GATE16 = 7;
export const TYPE_TSS32 = 9;
export const TYPE_TSS32_BUSY = 11;
export const TYPE_CALL_GATE32 = 12;
export const TYPE_INTERRUPT_GATE32 = 14;
export const TYPE_TRAP_GATE32 = 15;

/** The descriptor that was read last: its words, its linear address, and the base bits 32–63 of a 16-byte one. */
export class Descriptor {
  lo = 0;
  hi = 0;
  upper = 0;
  addressLo = 0;
  addressHi = 0;
}

/** Bit 12 (S) and the type. */
export function typeOf(hi: number): number {
  return (hi >>> 8) & 0x1f;
}

export function dplOf(hi: number): number {
  return (hi >>> 13) & 3;
}

export function isPresent(hi: number): boolean {
  return (hi & ATTR_P) !== 0;
}

export function baseOf(lo: number, hi: number): number {
  return (lo >>> 16) | ((hi & 0xff) << 16) | (hi & 0xff000000);
}

/** Last valid offset, granularity applied. */
export function limitOf(lo: number, hi: number): number {
  const limit = (lo & 0xffff) | (hi & 0xf0000);
  return (hi & ATTR_G) !== 0 ? (limit << 12) | 0xfff : limit;
}

export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

/** High word of lo:hi + offset (offset below 2^32), given the low word of the sum. Outside long mode addresses have 32 bits. */
export function carryInto(S: Int32Array, hi: number, lo: number, sumLo: number): number {
  if ((S[EFER] & EFER_LMA) === 0) return 0;
  return sumLo >>> 0 < lo >>> 0 ? (hi + 1) | 0 : hi;
}

/** Reads the descriptor of `selector`; false: `vector`(selector), or what reading the table raised. */
export function readDescriptor(cpu: Cpu, into: Descriptor, selector: number, vector: number): boolean {
  const S = cpu.S;
  const local = (selector & SELECTOR_TI) !== 0;
  const offset = selector & 0xfff8;
  const limit = local ? S[SEG_LDTR + SEG_LIMIT] : S[GDTR_LIMIT];
  if (offset + 7 > limit >>> 0 || (local && S[SEG_LDTR + SEG_ATTR] === 0)) {
    cpu.raise(vector, selector & 0xfffc);
    return false;
  }
  const baseLo = local ? S[SEG_LDTR + SEG_BASE_LO] : S[GDTR_LO];
  const baseHi = local ? S[SEG_LDTR + SEG_BASE_HI] : S[GDTR_HI];
  into.addressLo = (baseLo + offset) | 0;
  into.addressHi = carryInto(S, baseHi, baseLo, into.addressLo);
  into.lo = cpu.loadSystem32(into.addressLo, into.addressHi);
  into.hi = cpu.loadSystem32(
    (into.addressLo + 4) | 0,
    carryInto(S, into.addressHi, into.addressLo, into.addressLo + 4),
  );
  into.upper = 0;
  return S[FAULT] === 0;
}

/** Reads bits 32–63 of the base of a 16-byte descriptor whose first half was read. */
export function readUpperHalf(cpu: Cpu, into: Descriptor, selector: number, vector: number): boolean {
  const S = cpu.S;
  if ((selector & SELECTOR_TI) === 0 && (selector & 0xfff8) + 15 > S[GDTR_LIMIT] >>> 0) {
    cpu.raise(vector, selector & 0xfffc);
    return false;
  }
  const at = (into.addressLo + 8) | 0;
  into.upper = cpu.loadSystem32(at, carryInto(S, into.addressHi, into.addressLo, at));
  return S[FAULT] === 0;
}

/** Sets bits in the descriptor's high word in memory (accessed, busy); false: the write faulted. */
export function markDescriptor(cpu: Cpu, descriptor: Descriptor, bits: number): boolean {
  if ((descriptor.hi & bits) === bits) return true;
  const at = (descriptor.addressLo + 4) | 0;
  cpu.storeSystem32(
    at,
    carryInto(cpu.S, descriptor.addressHi, descriptor.addressLo, at),
    descriptor.hi | bits,
  );
  if (cpu.S[FAULT] !== 0) return false;
  descriptor.hi |= bits;
  return true;
}

export function markAccessed(cpu: Cpu, descriptor: Descriptor): boolean {
  return markDescriptor(cpu, descriptor, ATTR_ACCESSED);
}

/** Fills the hidden part of the segment register whose first word is `segment`. */
export function setSegment(
  S: Int32Array,
  segment: number,
  selector: number,
  attr: number,
  limit: number,
  baseLo: number,
  baseHi: number,
): void {
  S[segment + SEG_SELECTOR] = selector & 0xffff;
  S[segment + SEG_ATTR] = attr & ATTR_MASK;
  S[segment + SEG_LIMIT] = limit;
  S[segment + SEG_BASE_LO] = baseLo;
  S[segment + SEG_BASE_HI] = baseHi;
}

export function setFromDescriptor(
  S: Int32Array,
  segment: number,
  selector: number,
  descriptor: Descriptor,
): void {
  const { lo, hi, upper } = descriptor;
  setSegment(S, segment, selector, hi, limitOf(lo, hi), baseOf(lo, hi), upper);
}

export function setNull(S: Int32Array, segment: number, selector: number): void {
  setSegment(S, segment, selector, 0, 0, 0, 0);
}

/** Real and virtual-8086 mode: limit and attributes stay as they are. */
export function setReal(S: Int32Array, segment: number, selector: number): void {
  S[segment + SEG_SELECTOR] = selector & 0xffff;
  S[segment + SEG_BASE_LO] = (selector & 0xffff) << 4;
  S[segment + SEG_BASE_HI] = 0;
}
