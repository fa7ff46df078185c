/** Moves between registers and memory, sign masks, and the byte-masked stores. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT_SSE3, CPUID_SSE2 } from '../cpu-features.ts';
import { EA_HI, EA_LO, FAULT, XMM_TEMP } from '../state.ts';
import { LOGIC } from './lanes.ts';
import { type Lanes, type SseOp, sse } from './op.ts';

function copy128(cpu: Cpu, d: number, s: number): void {
  const S = cpu.S;
  S[d] = S[s];
  S[d + 1] = S[s + 1];
  S[d + 2] = S[s + 2];
  S[d + 3] = S[s + 3];
}

function copy32(cpu: Cpu, d: number, s: number): void {
  cpu.S[d] = cpu.S[s];
}

/** The low 64 bits; the rest of the destination stays. */
function copy64(cpu: Cpu, d: number, s: number): void {
  const S = cpu.S;
  S[d] = S[s];
  S[d + 1] = S[s + 1];
}

/** The low 64 bits; the rest of the destination becomes 0. */
function copy64Zero(cpu: Cpu, d: number, s: number): void {
  const S = cpu.S;
  S[d] = S[s];
  S[d + 1] = S[s + 1];
  S[d + 2] = 0;
  S[d + 3] = 0;
}

function movss(cpu: Cpu, d: number, s: number): void {
  if (s === XMM_TEMP) copy128(cpu, d, s);
  else copy32(cpu, d, s);
}

function movsd(cpu: Cpu, d: number, s: number): void {
  if (s === XMM_TEMP) copy128(cpu, d, s);
  else copy64(cpu, d, s);
}

function toHigh(cpu: Cpu, d: number, s: number): void {
  copy64(cpu, d + 2, s);
}

function fromHigh(cpu: Cpu, d: number, s: number): void {
  copy64(cpu, d, s + 2);
}

function movddup(cpu: Cpu, d: number, s: number): void {
  copy64(cpu, d, s);
  copy64(cpu, d + 2, d);
}

function duplicate(cpu: Cpu, d: number, even: number, odd: number): void {
  const S = cpu.S;
  const a = S[even];
  const b = S[odd];
  S[d] = a;
  S[d + 1] = a;
  S[d + 2] = b;
  S[d + 3] = b;
}

function movdFromGpr(cpu: Cpu, d: number, s: number, _imm: number, wide: boolean): void {
  const S = cpu.S;
  S[d] = S[s];
  S[d + 1] = wide ? S[s + 1] : 0;
}

function movdFromGprXmm(cpu: Cpu, d: number, s: number, imm: number, wide: boolean): void {
  movdFromGpr(cpu, d, s, imm, wide);
  cpu.S[d + 2] = 0;
  cpu.S[d + 3] = 0;
}

function toGpr(cpu: Cpu, d: number, value: number): void {
  cpu.S[d] = value;
  cpu.S[d + 1] = 0;
}

function movmskps(cpu: Cpu, d: number, s: number): void {
  const S = cpu.S;
  toGpr(cpu, d, (S[s] >>> 31) | ((S[s + 1] >>> 30) & 2) | ((S[s + 2] >>> 29) & 4) | ((S[s + 3] >>> 28) & 8));
}

function movmskpd(cpu: Cpu, d: number, s: number): void {
  toGpr(cpu, d, (cpu.S[s + 1] >>> 31) | ((cpu.S[s + 3] >>> 30) & 2));
}

/** Bit 7 of each byte of a word, gathered into bits 0–3. */
function signs8(x: number): number {
  return ((x >>> 7) & 1) | ((x >>> 14) & 2) | ((x >>> 21) & 4) | ((x >>> 28) & 8);
}

function pmovmskb(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  let mask = 0;
  for (let i = 0; i < n; i++) mask |= signs8(S[s + i]) << (4 * i);
  toGpr(cpu, d, mask);
}

function maskmov(cpu: Cpu, d: number, s: number, n: number): void {
  const { S, SU8 } = cpu;
  const lo = S[EA_LO];
  const hi = S[EA_HI];
  cpu.probeWrite(lo, hi, n * 4);
  if (S[FAULT] !== 0) return;
  for (let i = 0; i < n * 4; i++) {
    if ((SU8[s * 4 + i] & 0x80) === 0) continue;
    const at = (lo + i) | 0;
    cpu.store8(at, hi + (at >>> 0 < lo >>> 0 ? 1 : 0), SU8[d * 4 + i]);
  }
}

function logic(name: string, opcode: number, lanes: Lanes): SseOp[] {
  return [
    sse(`${name}ps`, 0, opcode, 'xmm_xmmm', (cpu, d, s) => lanes(cpu, d, s, 4)),
    sse(`${name}pd`, 0x66, opcode, 'xmm_xmmm', (cpu, d, s) => lanes(cpu, d, s, 4)),
  ];
}

const SSE3 = { feature: CPUID_EXT_SSE3 };
const UNALIGNED = { aligned: false };
const MEM = { memOnly: true };
const MEM64 = { memOnly: true, memBytes: 8 };
const REG = { regOnly: true };

export const MOVE_OPS: readonly SseOp[] = [
  sse('movups', 0, 0x10, 'xmm_xmmm', copy128, UNALIGNED),
  sse('movupd', 0x66, 0x10, 'xmm_xmmm', copy128, UNALIGNED),
  sse('movss', 0xf3, 0x10, 'xmm_xmmm', movss, { memBytes: 4 }),
  sse('movsd', 0xf2, 0x10, 'xmm_xmmm', movsd, { memBytes: 8 }),
  sse('movups', 0, 0x11, 'store_xmm', copy128, UNALIGNED),
  sse('movupd', 0x66, 0x11, 'store_xmm', copy128, UNALIGNED),
  sse('movss', 0xf3, 0x11, 'store_xmm', copy32, { memBytes: 4 }),
  sse('movsd', 0xf2, 0x11, 'store_xmm', copy64, { memBytes: 8 }),
  sse('movhlps', 0, 0x12, 'xmm_xmmm', fromHigh, REG),
  sse('movlps', 0, 0x12, 'xmm_xmmm', copy64, MEM64),
  sse('movlpd', 0x66, 0x12, 'xmm_xmmm', copy64, MEM64),
  sse('movddup', 0xf2, 0x12, 'xmm_xmmm', movddup, { ...SSE3, memBytes: 8 }),
  sse('movsldup', 0xf3, 0x12, 'xmm_xmmm', (cpu, d, s) => duplicate(cpu, d, s, s + 2), SSE3),
  sse('movlps', 0, 0x13, 'store_xmm', copy64, MEM64),
  sse('movlpd', 0x66, 0x13, 'store_xmm', copy64, MEM64),
  sse('movlhps', 0, 0x16, 'xmm_xmmm', toHigh, REG),
  sse('movhps', 0, 0x16, 'xmm_xmmm', toHigh, MEM64),
  sse('movhpd', 0x66, 0x16, 'xmm_xmmm', toHigh, MEM64),
  sse('movshdup', 0xf3, 0x16, 'xmm_xmmm', (cpu, d, s) => duplicate(cpu, d, s + 1, s + 3), SSE3),
  sse('movhps', 0, 0x17, 'store_xmm', fromHigh, MEM64),
  sse('movhpd', 0x66, 0x17, 'store_xmm', fromHigh, MEM64),
  sse('movaps', 0, 0x28, 'xmm_xmmm', copy128),
  sse('movapd', 0x66, 0x28, 'xmm_xmmm', copy128),
  sse('movaps', 0, 0x29, 'store_xmm', copy128),
  sse('movapd', 0x66, 0x29, 'store_xmm', copy128),
  sse('movntps', 0, 0x2b, 'store_xmm', copy128, MEM),
  sse('movntpd', 0x66, 0x2b, 'store_xmm', copy128, MEM),
  sse('movmskps', 0, 0x50, 'gpr_xmmm', movmskps, REG),
  sse('movmskpd', 0x66, 0x50, 'gpr_xmmm', movmskpd, REG),
  ...logic('and', 0x54, LOGIC.and),
  ...logic('andn', 0x55, LOGIC.andn),
  ...logic('or', 0x56, LOGIC.or),
  ...logic('xor', 0x57, LOGIC.xor),
  sse('movd', 0, 0x6e, 'mm_gprm', movdFromGpr),
  sse('movd', 0x66, 0x6e, 'xmm_gprm', movdFromGprXmm),
  sse('movq', 0, 0x6f, 'mm_mmm', copy64),
  sse('movdqa', 0x66, 0x6f, 'xmm_xmmm', copy128),
  sse('movdqu', 0xf3, 0x6f, 'xmm_xmmm', copy128, UNALIGNED),
  sse('movd', 0, 0x7e, 'gprm_mm', movdFromGpr),
  sse('movd', 0x66, 0x7e, 'gprm_xmm', movdFromGpr),
  sse('movq', 0xf3, 0x7e, 'xmm_xmmm', copy64Zero, { memBytes: 8 }),
  sse('movq', 0, 0x7f, 'store_mm', copy64),
  sse('movdqa', 0x66, 0x7f, 'store_xmm', copy128),
  sse('movdqu', 0xf3, 0x7f, 'store_xmm', copy128, UNALIGNED),
  sse('movnti', 0, 0xc3, 'gprm_gpr', movdFromGpr, {
    memOnly: true,
    feature: CPUID_SSE2,
  }),
  sse('movq', 0x66, 0xd6, 'store_xmm', copy64Zero, { memBytes: 8 }),
  sse('movq2dq', 0xf3, 0xd6, 'xmm_mmm', copy64Zero, REG),
  sse('movdq2q', 0xf2, 0xd6, 'mm_xmmm', copy64, REG),
  sse('pmovmskb', 0, 0xd7, 'gpr_mmm', (cpu, d, s) => pmovmskb(cpu, d, s, 2), REG),
  sse('pmovmskb', 0x66, 0xd7, 'gpr_xmmm', (cpu, d, s) => pmovmskb(cpu, d, s, 4), REG),
  sse('movntq', 0, 0xe7, 'store_mm', copy64, MEM),
  sse('movntdq', 0x66, 0xe7, 'store_xmm', copy128, MEM),
  sse('lddqu', 0xf2, 0xf0, 'xmm_xmmm', copy128, { ...SSE3, memOnly: true, aligned: false }),
  sse('maskmovq', 0, 0xf7, 'mm_mmm', (cpu, d, s) => maskmov(cpu, d, s, 2), {
    regOnly: true,
    readsOnly: true,
    implicit: true,
  }),
  sse('maskmovdqu', 0x66, 0xf7, 'xmm_xmmm', (cpu, d, s) => maskmov(cpu, d, s, 4), {
    regOnly: true,
    implicit: true,
  }),
];
