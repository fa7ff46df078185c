/** SSE4.1: blends, inserts and extracts. Spec: Intel SDM vol. 2. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT_SSE41 } from '../cpu-features.ts';
import { XMM, XMM_TEMP } from '../state.ts';
import { type SseOp, type SseRun, sse } from './op.ts';

const WORDS = 4;
/** The mask of the variable blends is XMM0, which the form does not name. */
const BY_XMM0 = { map: 0x38, feature: CPUID_EXT_SSE41, implicit: true } as const;
const IMM = { map: 0x3a, feature: CPUID_EXT_SSE41, imm8: true } as const;

function pblendvb({ SU8 }: Cpu, d: number, s: number): void {
  for (let i = 0; i < 16; i++) if ((SU8[4 * XMM + i] & 0x80) !== 0) SU8[4 * d + i] = SU8[4 * s + i];
}

function blendvps({ S }: Cpu, d: number, s: number): void {
  for (let i = 0; i < WORDS; i++) if (S[XMM + i] < 0) S[d + i] = S[s + i];
}

function blendvpd({ S }: Cpu, d: number, s: number): void {
  for (let i = 0; i < WORDS; i += 2) {
    if (S[XMM + i + 1] >= 0) continue;
    S[d + i] = S[s + i];
    S[d + i + 1] = S[s + i + 1];
  }
}

function blendps({ S }: Cpu, d: number, s: number, imm: number): void {
  for (let i = 0; i < WORDS; i++) if (((imm >> i) & 1) !== 0) S[d + i] = S[s + i];
}

function blendpd({ S }: Cpu, d: number, s: number, imm: number): void {
  for (let i = 0; i < WORDS; i++) if (((imm >> (i >> 1)) & 1) !== 0) S[d + i] = S[s + i];
}

/** Of each two bits of a number all ones in the halves that they stand for. */
const HALVES = [0, 0xffff, 0xffff0000 | 0, -1];

function pblendw({ S }: Cpu, d: number, s: number, imm: number): void {
  for (let i = 0; i < WORDS; i++) {
    const mask = HALVES[(imm >> (2 * i)) & 3];
    S[d + i] = (S[d + i] & ~mask) | (S[s + i] & mask);
  }
}

function toGpr(cpu: Cpu, d: number, value: number): void {
  cpu.S[d] = value;
  cpu.S[d + 1] = 0;
}

function pextrb(cpu: Cpu, d: number, s: number, imm: number): void {
  toGpr(cpu, d, cpu.SU8[4 * s + (imm & 15)]);
}

function pextrw(cpu: Cpu, d: number, s: number, imm: number): void {
  toGpr(cpu, d, (cpu.S[s + ((imm >> 1) & 3)] >>> ((imm & 1) << 4)) & 0xffff);
}

/** PEXTRD and PEXTRQ. */
const pextrd: SseRun = ({ S }, d, s, imm, wide) => {
  const from = wide ? s + 2 * (imm & 1) : s + (imm & 3);
  const high = wide ? S[from + 1] : 0;
  S[d] = S[from];
  S[d + 1] = high;
};

function extractps(cpu: Cpu, d: number, s: number, imm: number): void {
  toGpr(cpu, d, cpu.S[s + (imm & 3)]);
}

function pinsrb({ SU8 }: Cpu, d: number, s: number, imm: number): void {
  SU8[4 * d + (imm & 15)] = SU8[4 * s];
}

/** PINSRD and PINSRQ. */
const pinsrd: SseRun = ({ S }, d, s, imm, wide) => {
  if (!wide) {
    S[d + (imm & 3)] = S[s];
    return;
  }
  S[d + 2 * (imm & 1)] = S[s];
  S[d + 2 * (imm & 1) + 1] = S[s + 1];
};

function insertps({ S }: Cpu, d: number, s: number, imm: number): void {
  // A float from memory is one alone.
  const value = S[s === XMM_TEMP ? s : s + (imm >> 6)];
  S[d + ((imm >> 4) & 3)] = value;
  for (let i = 0; i < WORDS; i++) if (((imm >> i) & 1) !== 0) S[d + i] = 0;
}

function movntdqa({ S }: Cpu, d: number, s: number): void {
  for (let i = 0; i < WORDS; i++) S[d + i] = S[s + i];
}

export const SSE41_MOVE_OPS: readonly SseOp[] = [
  sse('pblendvb', 0x66, 0x10, 'xmm_xmmm', pblendvb, BY_XMM0),
  sse('blendvps', 0x66, 0x14, 'xmm_xmmm', blendvps, BY_XMM0),
  sse('blendvpd', 0x66, 0x15, 'xmm_xmmm', blendvpd, BY_XMM0),
  sse('movntdqa', 0x66, 0x2a, 'xmm_xmmm', movntdqa, { map: 0x38, feature: CPUID_EXT_SSE41, memOnly: true }),
  sse('blendps', 0x66, 0x0c, 'xmm_xmmm', blendps, IMM),
  sse('blendpd', 0x66, 0x0d, 'xmm_xmmm', blendpd, IMM),
  sse('pblendw', 0x66, 0x0e, 'xmm_xmmm', pblendw, IMM),
  sse('pextrb', 0x66, 0x14, 'gprm_xmm', pextrb, { ...IMM, memBytes: 1 }),
  sse('pextrw', 0x66, 0x15, 'gprm_xmm', pextrw, { ...IMM, memBytes: 2 }),
  sse('pextrd', 0x66, 0x16, 'gprm_xmm', pextrd, IMM),
  sse('extractps', 0x66, 0x17, 'gprm_xmm', extractps, { ...IMM, wideMem: false }),
  sse('pinsrb', 0x66, 0x20, 'xmm_gprm', pinsrb, { ...IMM, memBytes: 1 }),
  sse('insertps', 0x66, 0x21, 'xmm_xmmm', insertps, { ...IMM, memBytes: 4 }),
  sse('pinsrd', 0x66, 0x22, 'xmm_gprm', pinsrd, IMM),
];
