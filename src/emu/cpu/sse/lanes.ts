/** Integer lane arithmetic of MMX and SSE2. */
import type { Cpu } from '../cpu.ts';
import { both, type Lanes, type SseOp } from './op.ts';

const HIGH_BITS_8 = 0x80808080 | 0;
const HIGH_BITS_16 = 0x80008000 | 0;

function signed8(x: number): number {
  return x > 127 ? 127 : Math.max(x, -128);
}

function signed16(x: number): number {
  return x > 32767 ? 32767 : Math.max(x, -32768);
}

/** Of each byte of `m` with bit 7 set, all bits. */
function spread8(m: number): number {
  return Math.imul((m & HIGH_BITS_8) >>> 7, 255);
}

function paddb(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + i] = ((a & ~HIGH_BITS_8) + (b & ~HIGH_BITS_8)) ^ ((a ^ b) & HIGH_BITS_8);
  }
}

function paddw(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + i] = ((a & ~HIGH_BITS_16) + (b & ~HIGH_BITS_16)) ^ ((a ^ b) & HIGH_BITS_16);
  }
}

function paddd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] += S[s + i];
}

function paddq(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i += 2) {
    const b = S[s + i];
    const hi = S[s + i + 1];
    const lo = (S[d + i] + b) | 0;
    S[d + i] = lo;
    S[d + i + 1] += hi + (lo >>> 0 < b >>> 0 ? 1 : 0);
  }
}

function psubb(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + i] = ((a | HIGH_BITS_8) - (b & ~HIGH_BITS_8)) ^ ((a ^ ~b) & HIGH_BITS_8);
  }
}

function psubw(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + i] = ((a | HIGH_BITS_16) - (b & ~HIGH_BITS_16)) ^ ((a ^ ~b) & HIGH_BITS_16);
  }
}

function psubd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] -= S[s + i];
}

function psubq(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i += 2) {
    const a = S[d + i];
    const b = S[s + i];
    const hi = S[s + i + 1];
    S[d + i] = a - b;
    S[d + i + 1] -= hi + (a >>> 0 < b >>> 0 ? 1 : 0);
  }
}

function pand(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] &= S[s + i];
}

function pandn(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] = ~S[d + i] & S[s + i];
}

function por(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] |= S[s + i];
}

function pxor(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] ^= S[s + i];
}

function pcmpeqb(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) {
    const x = S[d + i] ^ S[s + i];
    S[d + i] = spread8(~(((x & ~HIGH_BITS_8) + ~HIGH_BITS_8) | x));
  }
}

function pcmpgtd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] = S[d + i] > S[s + i] ? -1 : 0;
}

function pcmpeqd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) S[d + i] = S[d + i] === S[s + i] ? -1 : 0;
}

/** A lane operation from one on unsigned bytes. */
function bytes(f: (a: number, b: number) => number): Lanes {
  return (cpu, d, s, n) => {
    const bytes = cpu.SU8;
    const from = s << 2;
    const to = d << 2;
    const count = n << 2;
    for (let i = 0; i < count; i++) bytes[to + i] = f(bytes[to + i], bytes[from + i]);
  };
}

/** A lane operation from one on signed bytes. */
function signedBytes(f: (a: number, b: number) => number): Lanes {
  return bytes((a, b) => f((a << 24) >> 24, (b << 24) >> 24));
}

/** A lane operation from one on signed 16-bit words. */
function words(f: (a: number, b: number) => number): Lanes {
  return (cpu, d, s, n) => {
    const S = cpu.S;
    for (let i = 0; i < n; i++) {
      const a = S[d + i];
      const b = S[s + i];
      S[d + i] = (f(a >> 16, b >> 16) << 16) | (f((a << 16) >> 16, (b << 16) >> 16) & 0xffff);
    }
  };
}

/** A lane operation from one on unsigned 16-bit words. */
function unsignedWords(f: (a: number, b: number) => number): Lanes {
  return (cpu, d, s, n) => {
    const S = cpu.S;
    for (let i = 0; i < n; i++) {
      const a = S[d + i];
      const b = S[s + i];
      S[d + i] = (f(a >>> 16, b >>> 16) << 16) | (f(a & 0xffff, b & 0xffff) & 0xffff);
    }
  };
}

function pmaddwd(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i++) {
    const a = S[d + i];
    const b = S[s + i];
    S[d + i] = (a >> 16) * (b >> 16) + ((a << 16) >> 16) * ((b << 16) >> 16);
  }
}

function pmuludq(cpu: Cpu, d: number, s: number, n: number): void {
  const S = cpu.S;
  for (let i = 0; i < n; i += 2) {
    const a = S[d + i];
    const b = S[s + i];
    const lo = Math.imul(a, b);
    S[d + i] = lo;
    S[d + i + 1] = Math.round(((a >>> 0) * (b >>> 0) - (lo >>> 0)) / 0x100000000);
  }
}

function psadbw(cpu: Cpu, d: number, s: number, n: number): void {
  const bytes = cpu.SU8;
  for (let i = 0; i < n; i += 2) {
    const to = (d + i) << 2;
    const from = (s + i) << 2;
    let sum = 0;
    for (let j = 0; j < 8; j++) sum += Math.abs(bytes[to + j] - bytes[from + j]);
    cpu.S[d + i] = sum;
    cpu.S[d + i + 1] = 0;
  }
}

export const LANE_OPS: readonly SseOp[] = [
  ...both(
    'pcmpgtb',
    0x64,
    signedBytes((a, b) => (a > b ? 255 : 0)),
  ),
  ...both(
    'pcmpgtw',
    0x65,
    words((a, b) => (a > b ? -1 : 0)),
  ),
  ...both('pcmpgtd', 0x66, pcmpgtd),
  ...both('pcmpeqb', 0x74, pcmpeqb),
  ...both(
    'pcmpeqw',
    0x75,
    words((a, b) => (a === b ? -1 : 0)),
  ),
  ...both('pcmpeqd', 0x76, pcmpeqd),
  ...both('paddq', 0xd4, paddq),
  ...both(
    'pmullw',
    0xd5,
    words((a, b) => a * b),
  ),
  ...both(
    'psubusb',
    0xd8,
    bytes((a, b) => (a > b ? a - b : 0)),
  ),
  ...both(
    'psubusw',
    0xd9,
    unsignedWords((a, b) => (a > b ? a - b : 0)),
  ),
  ...both(
    'pminub',
    0xda,
    bytes((a, b) => Math.min(a, b)),
  ),
  ...both('pand', 0xdb, pand),
  ...both(
    'paddusb',
    0xdc,
    bytes((a, b) => Math.min(a + b, 255)),
  ),
  ...both(
    'paddusw',
    0xdd,
    unsignedWords((a, b) => Math.min(a + b, 65535)),
  ),
  ...both(
    'pmaxub',
    0xde,
    bytes((a, b) => Math.max(a, b)),
  ),
  ...both('pandn', 0xdf, pandn),
  ...both(
    'pavgb',
    0xe0,
    bytes((a, b) => (a + b + 1) >> 1),
  ),
  ...both(
    'pavgw',
    0xe3,
    unsignedWords((a, b) => (a + b + 1) >> 1),
  ),
  ...both(
    'pmulhuw',
    0xe4,
    unsignedWords((a, b) => Math.imul(a, b) >>> 16),
  ),
  ...both(
    'pmulhw',
    0xe5,
    words((a, b) => (a * b) >> 16),
  ),
  ...both(
    'psubsb',
    0xe8,
    signedBytes((a, b) => signed8(a - b)),
  ),
  ...both(
    'psubsw',
    0xe9,
    words((a, b) => signed16(a - b)),
  ),
  ...both(
    'pminsw',
    0xea,
    words((a, b) => Math.min(a, b)),
  ),
  ...both('por', 0xeb, por),
  ...both(
    'paddsb',
    0xec,
    signedBytes((a, b) => signed8(a + b)),
  ),
  ...both(
    'paddsw',
    0xed,
    words((a, b) => signed16(a + b)),
  ),
  ...both(
    'pmaxsw',
    0xee,
    words((a, b) => Math.max(a, b)),
  ),
  ...both('pxor', 0xef, pxor),
  ...both('pmuludq', 0xf4, pmuludq),
  ...both('pmaddwd', 0xf5, pmaddwd),
  ...both('psadbw', 0xf6, psadbw),
  ...both('psubb', 0xf8, psubb),
  ...both('psubw', 0xf9, psubw),
  ...both('psubd', 0xfa, psubd),
  ...both('psubq', 0xfb, psubq),
  ...both('paddb', 0xfc, paddb),
  ...both('paddw', 0xfd, paddw),
  ...both('paddd', 0xfe, paddd),
];

/** ANDPS and its kin, which are the same whatever the element type. */
export const LOGIC: Readonly<Record<'and' | 'andn' | 'or' | 'xor', Lanes>> = {
  and: pand,
  andn: pandn,
  or: por,
  xor: pxor,
};
