/** Comparisons, minima and maxima of floating-point lanes. */
import type { Cpu } from '../cpu.ts';
import { compareUnpacked } from '../fpu/arithmetic.ts';
import { DE, FLAGS, IE, STATUS } from '../fpu/round.ts';
import { A, B, DENORMAL, KIND, QNAN, SNAN, ZERO } from '../fpu/unpacked.ts';
import {
  beginFloat,
  commit,
  endFloat,
  isNormal32,
  MIN_NORMAL_64,
  OUT,
  take32,
  take64,
} from './float-lane.ts';
import { EQUAL, LESS, type SseOp, type SseRun, setCompareFlags, sse, UNORDERED } from './op.ts';

/** Relation of A and B, with the flags that finding it raises. `quiet`: QNaNs are not invalid. */
function relation(quiet: boolean): number {
  const a = A[KIND];
  const b = B[KIND];
  if (a >= QNAN || b >= QNAN) {
    if (!quiet || a === SNAN || b === SNAN) STATUS[FLAGS] |= IE;
    return UNORDERED;
  }
  if (A[DENORMAL] | B[DENORMAL]) STATUS[FLAGS] |= DE;
  return compareUnpacked();
}

function relation32(cpu: Cpu, a: number, b: number, quiet: boolean): number {
  const x = cpu.SF32[a];
  const y = cpu.SF32[b];
  if (isNormal32(x) && isNormal32(y)) return x < y ? -1 : x > y ? 1 : 0;
  take32(A, cpu.S[a]);
  take32(B, cpu.S[b]);
  return relation(quiet);
}

function isPlain(x: number): boolean {
  return Math.abs(x) >= MIN_NORMAL_64 || x === 0;
}

function relation64(cpu: Cpu, a: number, b: number, quiet: boolean): number {
  const x = cpu.SF64[a >> 1];
  const y = cpu.SF64[b >> 1];
  if (isPlain(x) && isPlain(y)) return x < y ? -1 : x > y ? 1 : 0;
  take64(A, cpu.S[a], cpu.S[a + 1]);
  take64(B, cpu.S[b], cpu.S[b + 1]);
  return relation(quiet);
}

/** Predicates 1, 2, 5 and 6 (LT, LE, NLT, NLE) signal QNaNs. */
const SIGNALLING = 0b01100110;

function holds(predicate: number, found: number): boolean {
  let result: boolean;
  switch (predicate & 3) {
    case 0:
      result = found === EQUAL;
      break;
    case 1:
      result = found === LESS;
      break;
    case 2:
      result = found === LESS || found === EQUAL;
      break;
    default:
      result = found === UNORDERED;
  }
  return (predicate & 4) !== 0 ? !result : result;
}

function compareLanes32(cpu: Cpu, d: number, s: number, imm: number, n: number): void {
  const predicate = imm & 7;
  const quiet = ((SIGNALLING >> predicate) & 1) === 0;
  beginFloat(cpu);
  for (let i = 0; i < n; i++) OUT[i] = holds(predicate, relation32(cpu, d + i, s + i, quiet)) ? -1 : 0;
  commit(cpu, d, n);
}

function compareLanes64(cpu: Cpu, d: number, s: number, imm: number, n: number): void {
  const predicate = imm & 7;
  const quiet = ((SIGNALLING >> predicate) & 1) === 0;
  beginFloat(cpu);
  for (let i = 0; i < n; i += 2) {
    const mask = holds(predicate, relation64(cpu, d + i, s + i, quiet)) ? -1 : 0;
    OUT[i] = mask;
    OUT[i + 1] = mask;
  }
  commit(cpu, d, n);
}

/** COMISS and its kin: ZF, PF, CF. */
function comis(is64: boolean, quiet: boolean): SseRun {
  return (cpu, d, s) => {
    beginFloat(cpu);
    const found = is64 ? relation64(cpu, d, s, quiet) : relation32(cpu, d, s, quiet);
    if (endFloat(cpu)) setCompareFlags(cpu.S, found);
  };
}

/** The word index of the lane that MIN or MAX answers: the second operand's unless the first one's is strictly beyond it. */
function choose32(cpu: Cpu, a: number, b: number, wanted: number): number {
  return relation32(cpu, a, b, false) === wanted ? a : b;
}

function choose64(cpu: Cpu, a: number, b: number, wanted: number): number {
  return relation64(cpu, a, b, false) === wanted ? a : b;
}

function extremeLanes32(cpu: Cpu, d: number, s: number, n: number, wanted: number): void {
  beginFloat(cpu);
  for (let i = 0; i < n; i++) {
    const from = choose32(cpu, d + i, s + i, wanted);
    // MXCSR.DAZ makes a denormal operand 0 in the result as well.
    take32(A, cpu.S[from]);
    OUT[i] = A[KIND] === ZERO ? cpu.S[from] & (1 << 31) : cpu.S[from];
  }
  commit(cpu, d, n);
}

function extremeLanes64(cpu: Cpu, d: number, s: number, n: number, wanted: number): void {
  beginFloat(cpu);
  for (let i = 0; i < n; i += 2) {
    const from = choose64(cpu, d + i, s + i, wanted);
    take64(A, cpu.S[from], cpu.S[from + 1]);
    OUT[i] = A[KIND] === ZERO ? 0 : cpu.S[from];
    OUT[i + 1] = A[KIND] === ZERO ? cpu.S[from + 1] & (1 << 31) : cpu.S[from + 1];
  }
  commit(cpu, d, n);
}

function extreme(name: string, opcode: number, wanted: number): SseOp[] {
  return [
    sse(`${name}ps`, 0, opcode, 'xmm_xmmm', (cpu, d, s) => extremeLanes32(cpu, d, s, 4, wanted)),
    sse(`${name}pd`, 0x66, opcode, 'xmm_xmmm', (cpu, d, s) => extremeLanes64(cpu, d, s, 4, wanted)),
    sse(`${name}ss`, 0xf3, opcode, 'xmm_xmmm', (cpu, d, s) => extremeLanes32(cpu, d, s, 1, wanted), {
      memBytes: 4,
    }),
    sse(`${name}sd`, 0xf2, opcode, 'xmm_xmmm', (cpu, d, s) => extremeLanes64(cpu, d, s, 2, wanted), {
      memBytes: 8,
    }),
  ];
}

const IMM = { imm8: true };

export const COMPARE_OPS: readonly SseOp[] = [
  sse('ucomiss', 0, 0x2e, 'xmm_xmmm', comis(false, true), { memBytes: 4, implicit: true }),
  sse('ucomisd', 0x66, 0x2e, 'xmm_xmmm', comis(true, true), { memBytes: 8, implicit: true }),
  sse('comiss', 0, 0x2f, 'xmm_xmmm', comis(false, false), { memBytes: 4, implicit: true }),
  sse('comisd', 0x66, 0x2f, 'xmm_xmmm', comis(true, false), { memBytes: 8, implicit: true }),
  ...extreme('min', 0x5d, -1),
  ...extreme('max', 0x5f, 1),
  sse('cmpps', 0, 0xc2, 'xmm_xmmm', (cpu, d, s, imm) => compareLanes32(cpu, d, s, imm, 4), IMM),
  sse('cmppd', 0x66, 0xc2, 'xmm_xmmm', (cpu, d, s, imm) => compareLanes64(cpu, d, s, imm, 4), IMM),
  sse('cmpss', 0xf3, 0xc2, 'xmm_xmmm', (cpu, d, s, imm) => compareLanes32(cpu, d, s, imm, 1), {
    memBytes: 4,
    imm8: true,
  }),
  sse('cmpsd', 0xf2, 0xc2, 'xmm_xmmm', (cpu, d, s, imm) => compareLanes64(cpu, d, s, imm, 2), {
    memBytes: 8,
    imm8: true,
  }),
];
