/** Shifts of MMX and SSE2. */
import type { Cpu } from '../cpu.ts';
import { both, type SseOp, type SseRun, sse } from './op.ts';

/** Shifts the `n` words at `d`; `count` is unsigned and clamped to the lane's width or above. */
type Shift = (S: Int32Array, d: number, n: number, count: number) => void;

/** `mask`: where the bits that stay in their 16-bit lane can be after a shift of the whole word. */
const psrlw: Shift = (S, d, n, count) => {
  const mask = count > 15 ? 0 : Math.imul(0xffff >>> count, 0x10001);
  for (let i = 0; i < n; i++) S[d + i] = (S[d + i] >>> count) & mask;
};

const psllw: Shift = (S, d, n, count) => {
  const mask = count > 15 ? 0 : Math.imul((0xffff << count) & 0xffff, 0x10001);
  for (let i = 0; i < n; i++) S[d + i] = (S[d + i] << count) & mask;
};

const psraw: Shift = (S, d, n, count) => {
  const by = Math.min(count, 15);
  for (let i = 0; i < n; i++) {
    const a = S[d + i];
    S[d + i] = ((a >> by) & ~0xffff) | (((a << 16) >> (16 + by)) & 0xffff);
  }
};

const psrld: Shift = (S, d, n, count) => {
  for (let i = 0; i < n; i++) S[d + i] = count > 31 ? 0 : S[d + i] >>> count;
};

const pslld: Shift = (S, d, n, count) => {
  for (let i = 0; i < n; i++) S[d + i] = count > 31 ? 0 : S[d + i] << count;
};

const psrad: Shift = (S, d, n, count) => {
  for (let i = 0; i < n; i++) S[d + i] >>= Math.min(count, 31);
};

const psrlq: Shift = (S, d, n, count) => {
  for (let i = 0; i < n; i += 2) {
    const lo = S[d + i];
    const hi = S[d + i + 1];
    if (count > 31) S[d + i] = count > 63 ? 0 : hi >>> (count - 32);
    else if (count !== 0) S[d + i] = (lo >>> count) | (hi << (32 - count));
    S[d + i + 1] = count > 31 ? 0 : hi >>> count;
  }
};

const psllq: Shift = (S, d, n, count) => {
  for (let i = 0; i < n; i += 2) {
    const lo = S[d + i];
    const hi = S[d + i + 1];
    if (count > 31) S[d + i + 1] = count > 63 ? 0 : lo << (count - 32);
    else if (count !== 0) S[d + i + 1] = (hi << count) | (lo >>> (32 - count));
    S[d + i] = count > 31 ? 0 : lo << count;
  }
};

function psrldq(cpu: Cpu, d: number, _src: number, imm: number): void {
  const bytes = cpu.SU8;
  const to = d << 2;
  for (let i = 0; i < 16; i++) bytes[to + i] = i + imm < 16 ? bytes[to + i + imm] : 0;
}

function pslldq(cpu: Cpu, d: number, _src: number, imm: number): void {
  const bytes = cpu.SU8;
  const to = d << 2;
  for (let i = 15; i >= 0; i--) bytes[to + i] = i >= imm ? bytes[to + i - imm] : 0;
}

/** A shift's four forms: count in a register or memory (64 bits of it), or immediate in group 71, 72 or 73. */
function shift(name: string, opcode: number, group: number, reg: number, f: Shift): SseOp[] {
  const byImmediate =
    (n: number): SseRun =>
    (cpu, d, _src, imm) =>
      f(cpu.S, d, n, imm & 0xff);
  return [
    ...both(name, opcode, (cpu, d, s, n) => {
      const S = cpu.S;
      f(S, d, n, S[s + 1] !== 0 || S[s] >>> 0 > 64 ? 64 : S[s]);
    }),
    sse(name, 0, group, 'shift_imm_mm', byImmediate(2), { reg }),
    sse(name, 0x66, group, 'shift_imm_xmm', byImmediate(4), { reg }),
  ];
}

export const SHIFT_OPS: readonly SseOp[] = [
  ...shift('psrlw', 0xd1, 0x71, 2, psrlw),
  ...shift('psraw', 0xe1, 0x71, 4, psraw),
  ...shift('psllw', 0xf1, 0x71, 6, psllw),
  ...shift('psrld', 0xd2, 0x72, 2, psrld),
  ...shift('psrad', 0xe2, 0x72, 4, psrad),
  ...shift('pslld', 0xf2, 0x72, 6, pslld),
  ...shift('psrlq', 0xd3, 0x73, 2, psrlq),
  ...shift('psllq', 0xf3, 0x73, 6, psllq),
  sse('psrldq', 0x66, 0x73, 'shift_imm_xmm', psrldq, { reg: 3 }),
  sse('pslldq', 0x66, 0x73, 'shift_imm_xmm', pslldq, { reg: 7 }),
];
