/** Packs, unpacks, shuffles, inserts and extracts. */
import type { Cpu } from '../cpu.ts';
import { both, type Lanes, type SseOp, sse } from './op.ts';

function unpackBytes(a: number, b: number, shift: number): number {
  const x = a >>> shift;
  const y = b >>> shift;
  return (x & 0xff) | ((y & 0xff) << 8) | ((x & 0xff00) << 8) | ((y & 0xff00) << 16);
}

function punpcklbw(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = n / 2 - 1; i >= 0; i--) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + 2 * i + 1] = unpackBytes(a, b, 16);
    S[d + 2 * i] = unpackBytes(a, b, 0);
  }
}

function punpckhbw(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n / 2; i++) {
    const a = S[d + n / 2 + i];
    const b = S[s + n / 2 + i];
    S[d + 2 * i] = unpackBytes(a, b, 0);
    S[d + 2 * i + 1] = unpackBytes(a, b, 16);
  }
}

function punpcklwd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = n / 2 - 1; i >= 0; i--) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + 2 * i + 1] = (a >>> 16) | (b & ~0xffff);
    S[d + 2 * i] = (a & 0xffff) | (b << 16);
  }
}

function punpckhwd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n / 2; i++) {
    const a = S[d + n / 2 + i];
    const b = S[s + n / 2 + i];
    S[d + 2 * i] = (a & 0xffff) | (b << 16);
    S[d + 2 * i + 1] = (a >>> 16) | (b & ~0xffff);
  }
}

function punpckldq(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = n / 2 - 1; i >= 0; i--) {
    const a = S[d + i];
    S[d + 2 * i + 1] = S[s + i];
    S[d + 2 * i] = a;
  }
}

function punpckhdq(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n / 2; i++) {
    const b = S[s + n / 2 + i];
    S[d + 2 * i] = S[d + n / 2 + i];
    S[d + 2 * i + 1] = b;
  }
}

/** Copies words of the 128-bit operands by number, as SHUFPS does: two from the destination, two from the source. */
function gather(S: Int32Array, d: number, w0: number, w1: number, w2: number, w3: number): void {
  const a = S[w0];
  const b = S[w1];
  const c = S[w2];
  const e = S[w3];
  S[d] = a;
  S[d + 1] = b;
  S[d + 2] = c;
  S[d + 3] = e;
}

function punpcklqdq(cpu: Cpu, d: number, s: number): void {
  gather(cpu.S, d, d, d + 1, s, s + 1);
}

function punpckhqdq(cpu: Cpu, d: number, s: number): void {
  gather(cpu.S, d, d + 2, d + 3, s + 2, s + 3);
}

function unpcklps(cpu: Cpu, d: number, s: number): void {
  gather(cpu.S, d, d, s, d + 1, s + 1);
}

function unpckhps(cpu: Cpu, d: number, s: number): void {
  gather(cpu.S, d, d + 2, s + 2, d + 3, s + 3);
}

function pshufd(cpu: Cpu, d: number, s: number, imm: number): void {
  gather(cpu.S, d, s + (imm & 3), s + ((imm >> 2) & 3), s + ((imm >> 4) & 3), s + ((imm >> 6) & 3));
}

function shufps(cpu: Cpu, d: number, s: number, imm: number): void {
  gather(cpu.S, d, d + (imm & 3), d + ((imm >> 2) & 3), s + ((imm >> 4) & 3), s + ((imm >> 6) & 3));
}

function shufpd(cpu: Cpu, d: number, s: number, imm: number): void {
  const a = d + (imm & 1) * 2;
  const b = s + (imm & 2);
  gather(cpu.S, d, a, a + 1, b, b + 1);
}

/** Two 16-bit words of the 64 bits lo, hi chosen by the low four bits of `order`. */
function pick16(lo: number, hi: number, order: number): number {
  const a = (order & 2 ? hi : lo) >>> ((order & 1) << 4);
  const b = (order & 8 ? hi : lo) >>> ((order & 4) << 2);
  return (a & 0xffff) | (b << 16);
}

function shuffleWords(S: Int32Array, d: number, s: number, imm: number): void {
  const lo = S[s];
  const hi = S[s + 1];
  S[d] = pick16(lo, hi, imm);
  S[d + 1] = pick16(lo, hi, imm >> 4);
}

function pshufw(cpu: Cpu, d: number, s: number, imm: number): void {
  shuffleWords(cpu.S, d, s, imm);
}

function pshuflw(cpu: Cpu, d: number, s: number, imm: number): void {
  const S = cpu.S;
  shuffleWords(S, d, s, imm);
  S[d + 2] = S[s + 2];
  S[d + 3] = S[s + 3];
}

function pshufhw(cpu: Cpu, d: number, s: number, imm: number): void {
  const S = cpu.S;
  shuffleWords(S, d + 2, s + 2, imm);
  S[d] = S[s];
  S[d + 1] = S[s + 1];
}

function clamp(x: number, min: number, max: number): number {
  return x < min ? min : Math.min(x, max);
}

/** Four 16-bit words to four bytes. */
function pack8(lo: number, hi: number, min: number, max: number): number {
  return (
    (clamp((lo << 16) >> 16, min, max) & 0xff) |
    ((clamp(lo >> 16, min, max) & 0xff) << 8) |
    ((clamp((hi << 16) >> 16, min, max) & 0xff) << 16) |
    (clamp(hi >> 16, min, max) << 24)
  );
}

function packWords(min: number, max: number): Lanes {
  return (cpu, d, s, n) => {
    const S = cpu.S;
    const half = n / 2;
    const b0 = pack8(S[s], S[s + 1], min, max);
    const b1 = n === 4 ? pack8(S[s + 2], S[s + 3], min, max) : 0;
    for (let i = 0; i < half; i++) S[d + i] = pack8(S[d + 2 * i], S[d + 2 * i + 1], min, max);
    S[d + half] = b0;
    if (n === 4) S[d + 3] = b1;
  };
}

function pack16(lo: number, hi: number): number {
  return (clamp(lo, -32768, 32767) & 0xffff) | (clamp(hi, -32768, 32767) << 16);
}

function packssdw(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  const half = n / 2;
  const b0 = pack16(S[s], S[s + 1]);
  const b1 = n === 4 ? pack16(S[s + 2], S[s + 3]) : 0;
  for (let i = 0; i < half; i++) S[d + i] = pack16(S[d + 2 * i], S[d + 2 * i + 1]);
  S[d + half] = b0;
  if (n === 4) S[d + 3] = b1;
}

function insertWord(S: Int32Array, d: number, s: number, index: number): void {
  const at = d + (index >> 1);
  const value = S[s];
  S[at] = index & 1 ? (S[at] & 0xffff) | (value << 16) : (S[at] & ~0xffff) | (value & 0xffff);
}

function extractWord(S: Int32Array, d: number, s: number, index: number): void {
  S[d] = (S[s + (index >> 1)] >>> ((index & 1) << 4)) & 0xffff;
  S[d + 1] = 0;
}

export const SHUFFLE_OPS: readonly SseOp[] = [
  sse('unpcklps', 0, 0x14, 'xmm_xmmm', unpcklps),
  sse('unpcklpd', 0x66, 0x14, 'xmm_xmmm', punpcklqdq),
  sse('unpckhps', 0, 0x15, 'xmm_xmmm', unpckhps),
  sse('unpckhpd', 0x66, 0x15, 'xmm_xmmm', punpckhqdq),
  ...both('punpcklbw', 0x60, punpcklbw, { memBytes: 4 }),
  ...both('punpcklwd', 0x61, punpcklwd, { memBytes: 4 }),
  ...both('punpckldq', 0x62, punpckldq, { memBytes: 4 }),
  ...both('packsswb', 0x63, packWords(-128, 127)),
  ...both('packuswb', 0x67, packWords(0, 255)),
  ...both('punpckhbw', 0x68, punpckhbw),
  ...both('punpckhwd', 0x69, punpckhwd),
  ...both('punpckhdq', 0x6a, punpckhdq),
  ...both('packssdw', 0x6b, packssdw),
  sse('punpcklqdq', 0x66, 0x6c, 'xmm_xmmm', punpcklqdq),
  sse('punpckhqdq', 0x66, 0x6d, 'xmm_xmmm', punpckhqdq),
  sse('pshufw', 0, 0x70, 'mm_mmm', pshufw, { imm8: true }),
  sse('pshufd', 0x66, 0x70, 'xmm_xmmm', pshufd, { imm8: true }),
  sse('pshuflw', 0xf2, 0x70, 'xmm_xmmm', pshuflw, { imm8: true }),
  sse('pshufhw', 0xf3, 0x70, 'xmm_xmmm', pshufhw, { imm8: true }),
  sse('pinsrw', 0, 0xc4, 'mm_gprm', (cpu, d, s, imm) => insertWord(cpu.S, d, s, imm & 3), {
    memBytes: 2,
    imm8: true,
  }),
  sse('pinsrw', 0x66, 0xc4, 'xmm_gprm', (cpu, d, s, imm) => insertWord(cpu.S, d, s, imm & 7), {
    memBytes: 2,
    imm8: true,
  }),
  sse('pextrw', 0, 0xc5, 'gpr_mmm', (cpu, d, s, imm) => extractWord(cpu.S, d, s, imm & 3), {
    regOnly: true,
    imm8: true,
  }),
  sse('pextrw', 0x66, 0xc5, 'gpr_xmmm', (cpu, d, s, imm) => extractWord(cpu.S, d, s, imm & 7), {
    regOnly: true,
    imm8: true,
  }),
  sse('shufps', 0, 0xc6, 'xmm_xmmm', shufps, { imm8: true }),
  sse('shufpd', 0x66, 0xc6, 'xmm_xmmm', shufpd, { imm8: true }),
];
