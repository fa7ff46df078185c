/** SSE4.1: rounding to integers, and dot products. Spec: Intel SDM vol. 2, ROUNDPS, DPPS, DPPD. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT_SSE41 } from '../cpu-features.ts';
import { FLAGS, IE, PE, RC_DOWN, RC_NEAREST, RC_UP, RESULT, STATUS } from '../fpu/round.ts';
import { A, KIND, QNAN, SNAN, ZERO } from '../fpu/unpacked.ts';
import { XMM_TEMP2 } from '../state.ts';
import {
  ADD,
  beginFloat,
  commit,
  endFloat,
  lane32,
  lane64,
  MUL,
  OUT,
  OUT_F32,
  OUT_F64,
  packNan,
  roundingMode,
  take32,
  take64,
} from './float-lane.ts';
import { type SseOp, type SseRun, sse } from './op.ts';

const IMM = { map: 0x3a, feature: CPUID_EXT_SSE41, imm8: true } as const;
/** Bits of the immediate: MXCSR's rounding mode instead of that in bits 0–1; PE is not reported. */
const BY_MXCSR = 1 << 2;
const NO_PE = 1 << 3;
/** Numbers from here on are integers. */
const ALL_INTEGERS = 2 ** 52;

/** The host adds to nearest even. */
function nearest(x: number): number {
  if (Math.abs(x) >= ALL_INTEGERS) return x;
  return x < 0 ? x - ALL_INTEGERS + ALL_INTEGERS : x + ALL_INTEGERS - ALL_INTEGERS;
}

function integerOf(x: number, mode: number): number {
  if (mode === RC_NEAREST) return nearest(x);
  if (mode === RC_DOWN) return Math.floor(x);
  return mode === RC_UP ? Math.ceil(x) : Math.trunc(x);
}

/** The integer next to `x` with the sign of `x`, which its zero keeps. `imm`: the instruction's. */
function rounded(x: number, imm: number): number {
  const result = integerOf(x, (imm & BY_MXCSR) !== 0 ? roundingMode() : imm & 3);
  if (result !== x && (imm & NO_PE) === 0) STATUS[FLAGS] |= PE;
  if (result !== 0) return result;
  return x < 0 || Object.is(x, -0) ? -0 : 0;
}

/** RESULT = the quiet form of the NaN in A; false: it is none. */
function keepsNan(is64: boolean): boolean {
  if (A[KIND] < QNAN) return false;
  if (A[KIND] === SNAN) STATUS[FLAGS] |= IE;
  packNan(A, is64);
  return true;
}

function round32(cpu: Cpu, s: number, imm: number, out: number): void {
  take32(A, cpu.S[s]);
  if (keepsNan(false)) OUT[out] = RESULT[0];
  // With MXCSR.DAZ a denormal number is a zero.
  else if (A[KIND] === ZERO) OUT[out] = cpu.S[s] & (1 << 31);
  else OUT_F32[out] = rounded(cpu.SF32[s], imm);
}

function round64(cpu: Cpu, s: number, imm: number, out: number): void {
  take64(A, cpu.S[s], cpu.S[s + 1]);
  if (keepsNan(true)) {
    OUT[2 * out] = RESULT[0];
    OUT[2 * out + 1] = RESULT[1];
  } else if (A[KIND] === ZERO) {
    OUT[2 * out] = 0;
    OUT[2 * out + 1] = cpu.S[s + 1] & (1 << 31);
  } else OUT_F64[out] = rounded(cpu.SF64[s >> 1], imm);
}

function roundSingles(count: number): SseRun {
  return (cpu, d, s, imm) => {
    beginFloat(cpu);
    for (let i = 0; i < count; i++) round32(cpu, s + i, imm, i);
    commit(cpu, d, count);
  };
}

function roundDoubles(count: number): SseRun {
  return (cpu, d, s, imm) => {
    beginFloat(cpu);
    for (let i = 0; i < count; i++) round64(cpu, s + 2 * i, imm, i);
    commit(cpu, d, 2 * count);
  };
}

/** The words of OUT go where they are operands of the next step; false: an unmasked exception was raised. */
function nextStep(cpu: Cpu): boolean {
  if (!endFloat(cpu)) return false;
  for (let i = 0; i < 4; i++) cpu.S[XMM_TEMP2 + i] = OUT[i];
  return true;
}

/** Products of the lanes that bits 4–7 choose; their sum in the lanes that bits 0–3 choose. Exceptions are reported after each step. */
function dpps(cpu: Cpu, d: number, s: number, imm: number): void {
  beginFloat(cpu);
  for (let i = 0; i < 4; i++) {
    if (((imm >> (4 + i)) & 1) !== 0) lane32(cpu, MUL, d + i, s + i, i);
    else OUT[i] = 0;
  }
  if (!nextStep(cpu)) return;
  // Processors make the sum in each lane, in the order in which of two NaNs the first one stays.
  for (let i = 0; i < 4; i++) lane32(cpu, ADD, XMM_TEMP2 + (i ^ 1), XMM_TEMP2 + i, i);
  if (!nextStep(cpu)) return;
  for (let i = 0; i < 4; i++) lane32(cpu, ADD, XMM_TEMP2 + i, XMM_TEMP2 + (i ^ 2), i);
  for (let i = 0; i < 4; i++) if (((imm >> i) & 1) === 0) OUT[i] = 0;
  commit(cpu, d, 4);
}

function dppd(cpu: Cpu, d: number, s: number, imm: number): void {
  beginFloat(cpu);
  for (let i = 0; i < 2; i++) {
    if (((imm >> (4 + i)) & 1) !== 0) lane64(cpu, MUL, d + 2 * i, s + 2 * i, i);
    else OUT_F64[i] = 0;
  }
  if (!nextStep(cpu)) return;
  lane64(cpu, ADD, XMM_TEMP2, XMM_TEMP2 + 2, 0);
  lane64(cpu, ADD, XMM_TEMP2 + 2, XMM_TEMP2, 1);
  for (let i = 0; i < 2; i++) if (((imm >> i) & 1) === 0) OUT_F64[i] = 0;
  commit(cpu, d, 4);
}

export const SSE41_FLOAT_OPS: readonly SseOp[] = [
  sse('roundps', 0x66, 0x08, 'xmm_xmmm', roundSingles(4), IMM),
  sse('roundpd', 0x66, 0x09, 'xmm_xmmm', roundDoubles(2), IMM),
  sse('roundss', 0x66, 0x0a, 'xmm_xmmm', roundSingles(1), { ...IMM, memBytes: 4 }),
  sse('roundsd', 0x66, 0x0b, 'xmm_xmmm', roundDoubles(1), { ...IMM, memBytes: 8 }),
  sse('dpps', 0x66, 0x40, 'xmm_xmmm', dpps, IMM),
  sse('dppd', 0x66, 0x41, 'xmm_xmmm', dppd, IMM),
];
