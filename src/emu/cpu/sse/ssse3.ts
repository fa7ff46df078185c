/** SSSE3: shuffles by bytes, horizontal sums, signs and absolute values. Spec: Intel SDM vol. 2. */
import { CPUID_EXT_SSSE3 } from '../cpu-features.ts';
import {
  A,
  A_I8,
  A_I16,
  A_U8,
  B,
  B_I8,
  B_I16,
  B_U8,
  give,
  R,
  R_I8,
  R_I16,
  R_U8,
  take,
} from './lane-scratch.ts';
import { both, type Lanes, type SseOp, type SseRun, sse } from './op.ts';

function saturate16(x: number): number {
  return x > 32767 ? 32767 : Math.max(x, -32768);
}

/** `f` works on A, B and R, as 32-bit words of which there are `n`. */
function onScratch(f: (n: number) => void): Lanes {
  return (cpu, d, s, n) => {
    take(cpu, d, s, n);
    f(n);
    give(cpu, d, n);
  };
}

function pshufb(n: number): void {
  const mask = 4 * n - 1;
  for (let i = 0; i < 4 * n; i++) R_U8[i] = B_I8[i] < 0 ? 0 : A_U8[B_U8[i] & mask];
}

/** Sums or differences of neighbours: those of the destination in the lower half, those of the source in the upper. */
function horizontal16(f: (a: number, b: number) => number): Lanes {
  return onScratch((n) => {
    for (let i = 0; i < n; i++) {
      R_I16[i] = f(A_I16[2 * i], A_I16[2 * i + 1]);
      R_I16[n + i] = f(B_I16[2 * i], B_I16[2 * i + 1]);
    }
  });
}

function horizontal32(f: (a: number, b: number) => number): Lanes {
  return onScratch((n) => {
    const half = n / 2;
    for (let i = 0; i < half; i++) {
      R[i] = f(A[2 * i], A[2 * i + 1]);
      R[half + i] = f(B[2 * i], B[2 * i + 1]);
    }
  });
}

function pmaddubsw(n: number): void {
  for (let i = 0; i < 2 * n; i++) {
    R_I16[i] = saturate16(A_U8[2 * i] * B_I8[2 * i] + A_U8[2 * i + 1] * B_I8[2 * i + 1]);
  }
}

function pmulhrsw(n: number): void {
  for (let i = 0; i < 2 * n; i++) R_I16[i] = (((A_I16[i] * B_I16[i]) >> 14) + 1) >> 1;
}

/** The first operand with the sign of the second one. */
function withSign(a: number, b: number): number {
  if (b === 0) return 0;
  return b < 0 ? -a : a;
}

function psignb(n: number): void {
  for (let i = 0; i < 4 * n; i++) R_I8[i] = withSign(A_I8[i], B_I8[i]);
}

function psignw(n: number): void {
  for (let i = 0; i < 2 * n; i++) R_I16[i] = withSign(A_I16[i], B_I16[i]);
}

function psignd(n: number): void {
  for (let i = 0; i < n; i++) R[i] = withSign(A[i], B[i]);
}

function pabsb(n: number): void {
  for (let i = 0; i < 4 * n; i++) R_I8[i] = Math.abs(B_I8[i]);
}

function pabsw(n: number): void {
  for (let i = 0; i < 2 * n; i++) R_I16[i] = Math.abs(B_I16[i]);
}

function pabsd(n: number): void {
  for (let i = 0; i < n; i++) R[i] = Math.abs(B[i]);
}

/** PALIGNR: bytes from number `imm` on of the source with the destination above it. */
function align(n: number): SseRun {
  const bytes = 4 * n;
  return (cpu, d, s, imm) => {
    take(cpu, d, s, n);
    for (let i = 0; i < bytes; i++) {
      const from = i + imm;
      R_U8[i] = from < bytes ? B_U8[from] : from < 2 * bytes ? A_U8[from - bytes] : 0;
    }
    give(cpu, d, n);
  };
}

const OPTIONS = { map: 0x38, feature: CPUID_EXT_SSSE3 } as const;
const ALIGN = { map: 0x3a, feature: CPUID_EXT_SSSE3, imm8: true } as const;

function op(name: string, opcode: number, lanes: Lanes): SseOp[] {
  return both(name, opcode, lanes, OPTIONS);
}

export const SSSE3_OPS: readonly SseOp[] = [
  ...op('pshufb', 0x00, onScratch(pshufb)),
  ...op(
    'phaddw',
    0x01,
    horizontal16((a, b) => a + b),
  ),
  ...op(
    'phaddd',
    0x02,
    horizontal32((a, b) => a + b),
  ),
  ...op(
    'phaddsw',
    0x03,
    horizontal16((a, b) => saturate16(a + b)),
  ),
  ...op('pmaddubsw', 0x04, onScratch(pmaddubsw)),
  ...op(
    'phsubw',
    0x05,
    horizontal16((a, b) => a - b),
  ),
  ...op(
    'phsubd',
    0x06,
    horizontal32((a, b) => a - b),
  ),
  ...op(
    'phsubsw',
    0x07,
    horizontal16((a, b) => saturate16(a - b)),
  ),
  ...op('psignb', 0x08, onScratch(psignb)),
  ...op('psignw', 0x09, onScratch(psignw)),
  ...op('psignd', 0x0a, onScratch(psignd)),
  ...op('pmulhrsw', 0x0b, onScratch(pmulhrsw)),
  ...op('pabsb', 0x1c, onScratch(pabsb)),
  ...op('pabsw', 0x1d, onScratch(pabsw)),
  ...op('pabsd', 0x1e, onScratch(pabsd)),
  sse('palignr', 0, 0x0f, 'mm_mmm', align(2), ALIGN),
  sse('palignr', 0x66, 0x0f, 'xmm_xmmm', align(4), ALIGN),
];
