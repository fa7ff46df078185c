/** ADDPS and its kin, square roots, reciprocals, horizontal adds. */
import type { Cpu } from '../cpu.ts';
import { CPUID_EXT_SSE3 } from '../cpu-features.ts';
import { FLAGS, STATUS } from '../fpu/round.ts';
import { XMM_TEMP2 } from '../state.ts';
import {
  ADD,
  beginApproximation,
  beginFloat,
  commit,
  DIV,
  lane32,
  lane64,
  MUL,
  OUT,
  SQRT,
  SUB,
} from './float-lane.ts';
import { type SseOp, type SseRun, sse } from './op.ts';
import { packedSingle } from './packed-single.ts';

/** The PS, PD, SS and SD instructions of one operation. */
function four(name: string, opcode: number, operation: number): SseOp[] {
  const ps: SseRun = (cpu, d, s) => {
    if (operation !== SQRT && packedSingle(cpu, operation, d, s)) return;
    beginFloat(cpu);
    for (let i = 0; i < 4; i++) lane32(cpu, operation, d + i, s + i, i);
    commit(cpu, d, 4);
  };
  const pd: SseRun = (cpu, d, s) => {
    beginFloat(cpu);
    lane64(cpu, operation, d, s, 0);
    lane64(cpu, operation, d + 2, s + 2, 1);
    commit(cpu, d, 4);
  };
  const ss: SseRun = (cpu, d, s) => {
    beginFloat(cpu);
    lane32(cpu, operation, d, s, 0);
    commit(cpu, d, 1);
  };
  const sd: SseRun = (cpu, d, s) => {
    beginFloat(cpu);
    lane64(cpu, operation, d, s, 0);
    commit(cpu, d, 2);
  };
  return [
    sse(`${name}ps`, 0, opcode, 'xmm_xmmm', ps),
    sse(`${name}pd`, 0x66, opcode, 'xmm_xmmm', pd),
    sse(`${name}ss`, 0xf3, opcode, 'xmm_xmmm', ss, { memBytes: 4 }),
    sse(`${name}sd`, 0xf2, opcode, 'xmm_xmmm', sd, { memBytes: 8 }),
  ];
}

const SSE3 = { feature: CPUID_EXT_SSE3 };
const ONE_32 = 0x3f800000;
const SCRATCH = XMM_TEMP2;

/**
 * QEMU: 1 / x and 1 / √x rounded to float32, where each processor has a 12-bit table of its own. Spec: Intel SDM vol. 2, RCPPS: denormal
 * operands and results are 0 whatever MXCSR says, and no flag is raised.
 */
function reciprocal(cpu: Cpu, s: number, i: number, ofRoot: boolean): void {
  const S = cpu.S;
  S[SCRATCH] = ONE_32;
  S[SCRATCH + 1] = S[s + i];
  if (ofRoot) {
    lane32(cpu, SQRT, s + i, s + i, i);
    S[SCRATCH + 1] = OUT[i];
  }
  lane32(cpu, DIV, SCRATCH, SCRATCH + 1, i);
}

function reciprocals(name: string, opcode: number, ofRoot: boolean): SseOp[] {
  const packed: SseRun = (cpu, d, s) => {
    beginApproximation();
    for (let i = 0; i < 4; i++) reciprocal(cpu, s, i, ofRoot);
    STATUS[FLAGS] = 0;
    commit(cpu, d, 4);
  };
  const scalar: SseRun = (cpu, d, s) => {
    beginApproximation();
    reciprocal(cpu, s, 0, ofRoot);
    STATUS[FLAGS] = 0;
    commit(cpu, d, 1);
  };
  return [
    sse(`${name}ps`, 0, opcode, 'xmm_xmmm', packed),
    sse(`${name}ss`, 0xf3, opcode, 'xmm_xmmm', scalar, { memBytes: 4 }),
  ];
}

/** ADDSUBPS and ADDSUBPD, HADDPS and HADDPD, HSUBPS and HSUBPD. */
function horizontal(name: string, opcode: number, operation: number): SseOp[] {
  const pd: SseRun = (cpu, d, s) => {
    beginFloat(cpu);
    lane64(cpu, operation, d, d + 2, 0);
    lane64(cpu, operation, s, s + 2, 1);
    commit(cpu, d, 4);
  };
  const ps: SseRun = (cpu, d, s) => {
    beginFloat(cpu);
    lane32(cpu, operation, d, d + 1, 0);
    lane32(cpu, operation, d + 2, d + 3, 1);
    lane32(cpu, operation, s, s + 1, 2);
    lane32(cpu, operation, s + 2, s + 3, 3);
    commit(cpu, d, 4);
  };
  return [
    sse(`${name}pd`, 0x66, opcode, 'xmm_xmmm', pd, SSE3),
    sse(`${name}ps`, 0xf2, opcode, 'xmm_xmmm', ps, SSE3),
  ];
}

function addsubpd(cpu: Cpu, d: number, s: number): void {
  beginFloat(cpu);
  lane64(cpu, SUB, d, s, 0);
  lane64(cpu, ADD, d + 2, s + 2, 1);
  commit(cpu, d, 4);
}

function addsubps(cpu: Cpu, d: number, s: number): void {
  beginFloat(cpu);
  for (let i = 0; i < 4; i++) lane32(cpu, i & 1 ? ADD : SUB, d + i, s + i, i);
  commit(cpu, d, 4);
}

export const ARITHMETIC_OPS: readonly SseOp[] = [
  ...four('sqrt', 0x51, SQRT),
  ...reciprocals('rsqrt', 0x52, true),
  ...reciprocals('rcp', 0x53, false),
  ...four('add', 0x58, ADD),
  ...four('mul', 0x59, MUL),
  ...four('sub', 0x5c, SUB),
  ...four('div', 0x5e, DIV),
  ...horizontal('hadd', 0x7c, ADD),
  ...horizontal('hsub', 0x7d, SUB),
  sse('addsubpd', 0x66, 0xd0, 'xmm_xmmm', addsubpd, SSE3),
  sse('addsubps', 0xf2, 0xd0, 'xmm_xmmm', addsubps, SSE3),
];
