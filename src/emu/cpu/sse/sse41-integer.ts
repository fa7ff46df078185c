/** SSE4.1 and SSE4.2 on integer lanes: comparisons, extrema, products, sums of differences, PTEST. Spec: Intel SDM vol. 2. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT_SSE41, CPUID_EXT_SSE42 } from '../cpu-features.ts';
import { mulhs } from '../interp/arithmetic.ts';
import { FLAG_CF, FLAG_ZF } from '../state.ts';
import { setArithmeticFlags } from '../system/flags.ts';
import {
  A,
  A_I8,
  A_U8,
  A_U16,
  B,
  B_I8,
  B_I16,
  B_U8,
  B_U16,
  give,
  R,
  R_I8,
  R_U16,
  take,
} from './lane-scratch.ts';
import { type SseOp, type SseRun, sse } from './op.ts';

const WORDS = 4;
const SSE41 = { map: 0x38, feature: CPUID_EXT_SSE41 } as const;
const SSE41_IMM = { map: 0x3a, feature: CPUID_EXT_SSE41, imm8: true } as const;
const SSE42 = { map: 0x38, feature: CPUID_EXT_SSE42 } as const;

type Numbers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array;

/** R = `f` of each pair of lanes; all arrays have lanes of one kind. */
function lanes(a: Numbers, b: Numbers, r: Numbers, f: (x: number, y: number) => number): SseRun {
  return (cpu, d, s) => {
    take(cpu, d, s, WORDS);
    for (let i = 0; i < r.length; i++) r[i] = f(a[i], b[i]);
    give(cpu, d, WORDS);
  };
}

const smaller = (x: number, y: number): number => Math.min(x, y);
const larger = (x: number, y: number): number => Math.max(x, y);

/** 64-bit lanes: all ones where `holds`, which gets the low and high words of both. */
function compare64(holds: (al: number, ah: number, bl: number, bh: number) => boolean): SseRun {
  return ({ S }, d, s) => {
    for (let i = 0; i < WORDS; i += 2) {
      const mask = holds(S[d + i], S[d + i + 1], S[s + i], S[s + i + 1]) ? -1 : 0;
      S[d + i] = mask;
      S[d + i + 1] = mask;
    }
  };
}

/** The low words of 64-bit lanes, as signed numbers. */
function pmuldq({ S }: Cpu, d: number, s: number): void {
  for (let i = 0; i < WORDS; i += 2) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + i] = Math.imul(a, b);
    S[d + i + 1] = mulhs(a, b);
  }
}

function saturateU16(x: number): number {
  return x > 65535 ? 65535 : Math.max(x, 0);
}

function packusdw(cpu: Cpu, d: number, s: number): void {
  take(cpu, d, s, WORDS);
  for (let i = 0; i < WORDS; i++) {
    R_U16[i] = saturateU16(A[i]);
    R_U16[WORDS + i] = saturateU16(B[i]);
  }
  give(cpu, d, WORDS);
}

/** The smallest half and its number. */
function phminposuw(cpu: Cpu, d: number, s: number): void {
  take(cpu, d, s, WORDS);
  let at = 0;
  for (let i = 1; i < B_U16.length; i++) if (B_U16[i] < B_U16[at]) at = i;
  R.fill(0);
  R_U16[0] = B_U16[at];
  R_U16[1] = at;
  give(cpu, d, WORDS);
}

/** Eight sums of four differences of bytes; the immediate says from which bytes on. */
function mpsadbw(cpu: Cpu, d: number, s: number, imm: number): void {
  take(cpu, d, s, WORDS);
  const [from, block] = [imm & 4, (imm & 3) * 4];
  for (let i = 0; i < 8; i++) {
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += Math.abs(A_U8[from + i + k] - B_U8[block + k]);
    R_U16[i] = sum;
  }
  give(cpu, d, WORDS);
}

/** ZF: no bit is in both; CF: none of the source is missing in the destination. */
function ptest({ S }: Cpu, d: number, s: number): void {
  let common = 0;
  let missing = 0;
  for (let i = 0; i < WORDS; i++) {
    common |= S[d + i] & S[s + i];
    missing |= ~S[d + i] & S[s + i];
  }
  setArithmeticFlags(S, (common === 0 ? FLAG_ZF : 0) | (missing === 0 ? FLAG_CF : 0));
}

/** Lanes of the source's low end, made wider: `step` lanes of `from` for each word or half of R. */
function extend(from: Numbers, to: Numbers): SseRun {
  return (cpu, d, s) => {
    take(cpu, d, s, WORDS);
    for (let i = 0; i < to.length; i++) to[i] = from[i];
    give(cpu, d, WORDS);
  };
}

/** The same to 64 bits. */
function extend64(from: Numbers, signed: boolean): SseRun {
  return (cpu, d, s) => {
    take(cpu, d, s, WORDS);
    for (let i = 0; i < 2; i++) {
      R[2 * i] = from[i];
      R[2 * i + 1] = signed ? from[i] >> 31 : 0;
    }
    give(cpu, d, WORDS);
  };
}

function op(name: string, opcode: number, run: SseRun): SseOp {
  return sse(name, 0x66, opcode, 'xmm_xmmm', run, SSE41);
}

function narrow(name: string, opcode: number, memBytes: number, run: SseRun): SseOp {
  return sse(name, 0x66, opcode, 'xmm_xmmm', run, { ...SSE41, memBytes });
}

export const SSE41_INTEGER_OPS: readonly SseOp[] = [
  sse('ptest', 0x66, 0x17, 'xmm_xmmm', ptest, { ...SSE41, implicit: true }),
  narrow('pmovsxbw', 0x20, 8, extend(B_I8, R_U16)),
  narrow('pmovsxbd', 0x21, 4, extend(B_I8, R)),
  narrow('pmovsxbq', 0x22, 2, extend64(B_I8, true)),
  narrow('pmovsxwd', 0x23, 8, extend(B_I16, R)),
  narrow('pmovsxwq', 0x24, 4, extend64(B_I16, true)),
  narrow('pmovsxdq', 0x25, 8, extend64(B, true)),
  op('pmuldq', 0x28, pmuldq),
  op(
    'pcmpeqq',
    0x29,
    compare64((al, ah, bl, bh) => al === bl && ah === bh),
  ),
  op('packusdw', 0x2b, packusdw),
  narrow('pmovzxbw', 0x30, 8, extend(B_U8, R_U16)),
  narrow('pmovzxbd', 0x31, 4, extend(B_U8, R)),
  narrow('pmovzxbq', 0x32, 2, extend64(B_U8, false)),
  narrow('pmovzxwd', 0x33, 8, extend(B_U16, R)),
  narrow('pmovzxwq', 0x34, 4, extend64(B_U16, false)),
  narrow('pmovzxdq', 0x35, 8, extend64(B, false)),
  sse(
    'pcmpgtq',
    0x66,
    0x37,
    'xmm_xmmm',
    compare64((al, ah, bl, bh) => ah > bh || (ah === bh && al >>> 0 > bl >>> 0)),
    SSE42,
  ),
  op('pminsb', 0x38, lanes(A_I8, B_I8, R_I8, smaller)),
  op('pminsd', 0x39, lanes(A, B, R, smaller)),
  op('pminuw', 0x3a, lanes(A_U16, B_U16, R_U16, smaller)),
  op(
    'pminud',
    0x3b,
    lanes(A, B, R, (x, y) => (x >>> 0 < y >>> 0 ? x : y)),
  ),
  op('pmaxsb', 0x3c, lanes(A_I8, B_I8, R_I8, larger)),
  op('pmaxsd', 0x3d, lanes(A, B, R, larger)),
  op('pmaxuw', 0x3e, lanes(A_U16, B_U16, R_U16, larger)),
  op(
    'pmaxud',
    0x3f,
    lanes(A, B, R, (x, y) => (x >>> 0 > y >>> 0 ? x : y)),
  ),
  op('pmulld', 0x40, lanes(A, B, R, Math.imul)),
  op('phminposuw', 0x41, phminposuw),
  sse('mpsadbw', 0x66, 0x42, 'xmm_xmmm', mpsadbw, SSE41_IMM),
];
