/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM. Spec: Intel SDM vol. 2 §4.1. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT_SSE42 } from '../cpu-features.ts';
import { FLAG_CF, FLAG_OF, FLAG_SF, FLAG_ZF, RAX, RCX, RDX, XMM } from '../state.ts';
import { setArithmeticFlags } from '../system/flags.ts';
import {
  A_I8,
  A_I16,
  A_U8,
  A_U16,
  B_I8,
  B_I16,
  B_U8,
  B_U16,
  give,
  R,
  R_I8,
  R_I16,
  take,
} from './lane-scratch.ts';
import { type SseOp, type SseRun, sse } from './op.ts';

/** Bits of the immediate. */
const WORDS = 1 << 0;
const SIGNED = 1 << 1;
const AGGREGATION_SHIFT = 2;
const NEGATES = 1 << 4;
const NEGATES_VALID = 1 << 5;
/** The last element instead of the first one; or a mask of whole elements instead of bits. */
const ALTERNATIVE = 1 << 6;

type Elements = Int8Array | Uint8Array | Int16Array | Uint16Array;

/** A is the destination (fragments, a set, ranges), B the string that is searched. Lengths are in elements. */
interface Strings {
  a: Elements;
  b: Elements;
  lengthA: number;
  lengthB: number;
  /** Elements of a whole register. */
  size: number;
}

const strings: Strings = { a: A_U8, b: B_U8, lengthA: 0, lengthB: 0, size: 16 };

function equalsAny({ a, b, lengthA }: Strings, j: number): boolean {
  for (let i = 0; i < lengthA; i++) if (a[i] === b[j]) return true;
  return false;
}

function isInRange({ a, b, lengthA }: Strings, j: number): boolean {
  for (let i = 0; i + 1 < lengthA; i += 2) if (a[i] <= b[j] && b[j] <= a[i + 1]) return true;
  return false;
}

/** Elements behind the end are equal to each other, and to nothing else. */
function equalsEach({ a, b, lengthA, lengthB }: Strings, j: number): boolean {
  const isValidA = j < lengthA;
  const isValidB = j < lengthB;
  return isValidA && isValidB ? a[j] === b[j] : isValidA === isValidB;
}

/** Does A stand in B from element `j` on, as far as the register goes? */
function standsAt({ a, b, lengthA, lengthB, size }: Strings, j: number): boolean {
  for (let i = 0; i < lengthA && i + j < size; i++) {
    if (i + j >= lengthB || a[i] !== b[i + j]) return false;
  }
  return true;
}

/** The bits of all elements of B. */
function aggregate(aggregation: number): number {
  let bits = 0;
  for (let j = 0; j < strings.size; j++) {
    const isValid = j < strings.lengthB;
    let holds: boolean;
    if (aggregation === 0) holds = isValid && equalsAny(strings, j);
    else if (aggregation === 1) holds = isValid && isInRange(strings, j);
    else if (aggregation === 2) holds = equalsEach(strings, j);
    else holds = standsAt(strings, j);
    if (holds) bits |= 1 << j;
  }
  return bits;
}

function negate(bits: number, imm: number): number {
  if ((imm & NEGATES) === 0) return bits;
  const of = (imm & NEGATES_VALID) !== 0 ? strings.lengthB : strings.size;
  return bits ^ ((1 << of) - 1);
}

/** Chooses the kind of elements; A and B are loaded. */
function takeElements(cpu: Cpu, d: number, s: number, imm: number): void {
  take(cpu, d, s, 4);
  const signed = (imm & SIGNED) !== 0;
  const words = (imm & WORDS) !== 0;
  strings.size = words ? 8 : 16;
  if (words) {
    strings.a = signed ? A_I16 : A_U16;
    strings.b = signed ? B_I16 : B_U16;
  } else {
    strings.a = signed ? A_I8 : A_U8;
    strings.b = signed ? B_I8 : B_U8;
  }
}

/** Elements before the first zero. */
function implicitLength(elements: Elements): number {
  const at = elements.indexOf(0);
  return at < 0 ? strings.size : at;
}

/** The magnitude of a register's number, cut to the register's elements. */
function explicitLength({ S }: Cpu, register: number, wide: boolean): number {
  const lo = S[register];
  const hi = wide ? S[register + 1] : lo >> 31;
  const { size } = strings;
  if (hi === 0) return lo >>> 0 < size ? lo : size;
  return hi === -1 && lo < 0 && -lo < size ? -lo : size;
}

/** The bits of the result; flags are set. */
function compare(cpu: Cpu, imm: number): number {
  const { lengthA, lengthB, size } = strings;
  const bits = negate(aggregate((imm >> AGGREGATION_SHIFT) & 3), imm);
  let flags = bits !== 0 ? FLAG_CF : 0;
  if (lengthB < size) flags |= FLAG_ZF;
  if (lengthA < size) flags |= FLAG_SF;
  if ((bits & 1) !== 0) flags |= FLAG_OF;
  setArithmeticFlags(cpu.S, flags);
  return bits;
}

function giveIndex({ S }: Cpu, bits: number, imm: number): void {
  const last = (imm & ALTERNATIVE) !== 0;
  S[RCX] = bits === 0 ? strings.size : 31 - Math.clz32(last ? bits : bits & -bits);
  S[RCX + 1] = 0;
}

function giveMask(cpu: Cpu, bits: number, imm: number): void {
  R.fill(0);
  if ((imm & ALTERNATIVE) === 0) R[0] = bits;
  else {
    const elements = strings.size === 8 ? R_I16 : R_I8;
    for (let i = 0; i < strings.size; i++) elements[i] = -((bits >> i) & 1);
  }
  give(cpu, XMM, 4);
}

type Giver = (cpu: Cpu, bits: number, imm: number) => void;

function explicit(giveResult: Giver): SseRun {
  return (cpu, d, s, imm, wide) => {
    takeElements(cpu, d, s, imm);
    strings.lengthA = explicitLength(cpu, RAX, wide);
    strings.lengthB = explicitLength(cpu, RDX, wide);
    giveResult(cpu, compare(cpu, imm), imm);
  };
}

function implicit(giveResult: Giver): SseRun {
  return (cpu, d, s, imm) => {
    takeElements(cpu, d, s, imm);
    strings.lengthA = implicitLength(strings.a);
    strings.lengthB = implicitLength(strings.b);
    giveResult(cpu, compare(cpu, imm), imm);
  };
}

function op(name: string, opcode: number, run: SseRun): SseOp {
  return sse(name, 0x66, opcode, 'xmm_xmmm', run, {
    map: 0x3a,
    feature: CPUID_EXT_SSE42,
    imm8: true,
    aligned: false,
    implicit: true,
  });
}

export const STRING_COMPARE_OPS: readonly SseOp[] = [
  op('pcmpestrm', 0x60, explicit(giveMask)),
  op('pcmpestri', 0x61, explicit(giveIndex)),
  op('pcmpistrm', 0x62, implicit(giveMask)),
  op('pcmpistri', 0x63, implicit(giveIndex)),
];
