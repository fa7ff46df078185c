/** A vCPU that is only registers and 16 bytes of memory, for x87 and SSE code, and the cases of fpu-vectors.ts run on it. */
import type { Cpu } from '../../src/emu/cpu/cpu.ts';
import { x87 } from '../../src/emu/cpu/fpu/x87.ts';
import { mmxEnter, type SseOp } from '../../src/emu/cpu/sse/ops.ts';
import * as st from '../../src/emu/cpu/state.ts';
import { CODE, FLAGS_AT, MEM, RAX_AT, RCX_AT, RECORD_BYTES, TRAPPED } from './fpu-vectors.ts';

/** Linear address of the memory. */
export const MEMORY_AT = 0x1000;

function parity(x: number): number {
  let p = x ^ (x >>> 4);
  p ^= p >>> 2;
  p ^= p >>> 1;
  return ~p & 1;
}

/** A Cpu whose loads and stores outside of `memory` (at MEMORY_AT) raise #PF. Members that x87 and SSE code do not use are missing. */
export function fpuCpu(memory: Uint8Array): Cpu {
  const buffer = new ArrayBuffer(st.STATE_WORDS * 4);
  const S = new Int32Array(buffer);
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const raise = (vector: number, error?: number): void => {
    if (S[st.FAULT] === 0)
      S[st.FAULT] = vector | st.FAULT_PRESENT | (error === undefined ? 0 : st.FAULT_HAS_ERROR);
  };
  const at = (lo: number, hi: number, size: number): number => {
    const offset = (lo >>> 0) - MEMORY_AT;
    if (hi === 0 && offset >= 0 && offset + size <= memory.length) return offset;
    raise(st.VEC_PF, 0);
    return -1;
  };
  const read = (lo: number, hi: number, size: 1 | 2 | 4): number => {
    const offset = at(lo, hi, size);
    if (offset < 0) return 0;
    return size === 1
      ? view.getUint8(offset)
      : size === 2
        ? view.getUint16(offset, true)
        : view.getInt32(offset, true);
  };
  const cpu = {
    S,
    SU8: new Uint8Array(buffer),
    SF32: new Float32Array(buffer),
    SF64: new Float64Array(buffer),
    raise,
    load8: (lo: number, hi: number) => read(lo, hi, 1),
    load16: (lo: number, hi: number) => read(lo, hi, 2),
    load32: (lo: number, hi: number) => read(lo, hi, 4),
    load64(lo: number, hi: number) {
      const offset = at(lo, hi, 8);
      if (offset < 0) return 0;
      S[st.LD_HI] = view.getInt32(offset + 4, true);
      return view.getInt32(offset, true);
    },
    store8(lo: number, hi: number, value: number) {
      const offset = at(lo, hi, 1);
      if (offset >= 0) view.setUint8(offset, value);
    },
    store16(lo: number, hi: number, value: number) {
      const offset = at(lo, hi, 2);
      if (offset >= 0) view.setUint16(offset, value, true);
    },
    store32(lo: number, hi: number, value: number) {
      const offset = at(lo, hi, 4);
      if (offset >= 0) view.setInt32(offset, value, true);
    },
    store64(lo: number, hi: number, low: number, high: number) {
      const offset = at(lo, hi, 8);
      if (offset < 0) return;
      view.setInt32(offset, low, true);
      view.setInt32(offset + 4, high, true);
    },
    probeWrite: (lo: number, hi: number, size: number) => void at(lo, hi, size),
    readFlags() {
      const aux = S[st.F_AUX] as number;
      const lo = S[st.F_LO] as number;
      const hi = S[st.F_HI] as number;
      const zf = (lo | hi) === 0 ? st.FLAG_ZF : 0;
      const sf = ((hi >>> 31) ^ (aux & 1)) << 7;
      const pf = parity((lo ^ (aux >>> 8)) & 0xff) << 2;
      return (
        (S[st.EFLAGS] as number) |
        (aux >>> 31) |
        pf |
        (aux & 16) |
        zf |
        sf |
        (((aux >>> 31) ^ ((aux >>> 30) & 1)) << 11)
      );
    },
    writeFlags(value: number) {
      S[st.EFLAGS] = value & ~st.FLAGS_ARITH;
      const cf = value & 1;
      const of = (value >>> 11) & 1;
      const zf = value & st.FLAG_ZF;
      const pf = (value >>> 2) & 1;
      S[st.F_LO] = zf ? 0 : 1;
      S[st.F_HI] = 0;
      S[st.F_AUX] =
        (cf << 31) | ((cf ^ of) << 30) | (value & 16) | ((value >>> 7) & 1) | ((zf ? pf ^ 1 : pf) << 8);
    },
  };
  S[st.CR0] = st.CR0_PE | st.CR0_NE;
  S[st.CR4] = st.CR4_OSFXSR | st.CR4_OSXMMEXCPT;
  S[st.MXCSR] = 0x1f80;
  S[st.FPU_CW] = 0x37f;
  S[st.FPU_EMPTY] = 0xff;
  return cpu as unknown as Cpu;
}

function loadRecord(cpu: Cpu, view: DataView): void {
  const { S } = cpu;
  S[st.FAULT] = 0;
  S[st.FPU_CW] = view.getUint16(0, true);
  S[st.FPU_SW] = view.getUint16(2, true);
  S[st.FPU_EMPTY] = ~view.getUint8(4) & 0xff;
  S[st.MXCSR] = view.getUint32(24, true);
  const top = (view.getUint16(2, true) >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const to = st.FPU_REGS + 4 * ((top + i) & 7);
    S[to] = view.getInt32(32 + 16 * i, true);
    S[to + 1] = view.getInt32(36 + 16 * i, true);
    S[to + 2] = view.getUint16(40 + 16 * i, true);
  }
  for (let word = 0; word < 64; word++) S[st.XMM + word] = view.getInt32(160 + 4 * word, true);
  for (let word = 0; word < 2; word++) {
    S[st.RCX + word] = view.getInt32(RCX_AT + 4 * word, true);
    S[st.RAX + word] = view.getInt32(RAX_AT + 4 * word, true);
  }
  S[st.EA_LO] = MEMORY_AT;
  S[st.EA_HI] = 0;
  cpu.writeFlags(view.getUint32(FLAGS_AT, true));
}

function storeRecord(cpu: Cpu, view: DataView): void {
  const { S } = cpu;
  const word = (index: number): number => S[index] as number;
  view.setUint16(0, word(st.FPU_CW), true);
  view.setUint16(2, word(st.FPU_SW), true);
  view.setUint8(4, ~word(st.FPU_EMPTY) & 0xff);
  view.setUint32(24, word(st.MXCSR), true);
  const top = (word(st.FPU_SW) >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const from = st.FPU_REGS + 4 * ((top + i) & 7);
    view.setInt32(32 + 16 * i, word(from), true);
    view.setInt32(36 + 16 * i, word(from + 1), true);
    view.setUint16(40 + 16 * i, word(from + 2), true);
  }
  for (let i = 0; i < 64; i++) view.setInt32(160 + 4 * i, word(st.XMM + i), true);
  for (let i = 0; i < 2; i++) {
    view.setInt32(RCX_AT + 4 * i, word(st.RCX + i), true);
    view.setInt32(RAX_AT + 4 * i, word(st.RAX + i), true);
  }
  view.setUint32(FLAGS_AT, cpu.readFlags(), true);
  view.setUint32(TRAPPED, word(st.FAULT) & 0xff, true);
}

/** Runs the x87 case in `record` and returns the record after it; TRAPPED holds the vector of a fault. */
export function runX87(record: Uint8Array): Uint8Array {
  const after = record.slice(0, RECORD_BYTES);
  const view = new DataView(after.buffer);
  const cpu = fpuCpu(after.subarray(MEM, MEM + 16));
  loadRecord(cpu, view);
  x87(cpu, after[CODE] as number, after[CODE + 1] as number, false);
  storeRecord(cpu, view);
  return after;
}

const GPR_RCX = 2;

/** Does with `op` what the engine does: chooses operand indices, loads and stores memory. */
function dispatchSse(cpu: Cpu, op: SseOp, modrm: number, imm: number, wide: boolean, mem: DataView): void {
  const { S } = cpu;
  const inMemory = modrm < 0xc0;
  const memBytes = op.wideMem && wide ? 8 : op.memBytes;
  const [left, right] = operandFiles(op);
  const rm = inMemory
    ? st.XMM_TEMP
    : operandIndex(
        op.form.startsWith('shift')
          ? left
          : op.form.startsWith('store') || op.form.startsWith('gprm')
            ? left
            : right,
        modrm & 7,
      );
  const reg = operandIndex(
    op.form.startsWith('store') || op.form.startsWith('gprm') ? right : left,
    (modrm >> 3) & 7,
  );
  const storing = op.form.startsWith('store') || op.form.startsWith('gprm');
  for (let word = 0; word < 4; word++) S[st.XMM_TEMP + word] = 0;
  if (inMemory && !storing) for (let i = 0; i < memBytes; i++) cpu.SU8[st.XMM_TEMP * 4 + i] = mem.getUint8(i);
  if (op.mmx) mmxEnter(cpu);
  if (op.form.startsWith('shift')) op.run(cpu, rm, 0, imm, wide);
  else if (storing) op.run(cpu, rm, reg, imm, wide);
  else op.run(cpu, reg, rm, imm, wide);
  if (inMemory && storing && S[st.FAULT] === 0) {
    for (let i = 0; i < memBytes; i++) mem.setUint8(i, cpu.SU8[st.XMM_TEMP * 4 + i] as number);
  }
}

type RegisterFile = 'xmm' | 'mm' | 'gpr';

function operandFiles(op: SseOp): [RegisterFile, RegisterFile] {
  const parts = op.form
    .replace(/^store_|^shift_imm_/, '')
    .split('_')
    .map((part) => part.replace(/^(xmm|mm|gpr)m$/, '$1'));
  const left = parts[0] as RegisterFile;
  return [left, (parts[1] ?? left) as RegisterFile];
}

function operandIndex(file: RegisterFile, n: number): number {
  if (file === 'gpr') return GPR_RCX * (n === 1 ? 1 : n);
  return file === 'xmm' ? st.XMM + 4 * n : st.FPU_REGS + 4 * n;
}

/** Runs the case of `op` in `record`. */
export function runSse(record: Uint8Array, op: SseOp): Uint8Array {
  const after = record.slice(0, RECORD_BYTES);
  const view = new DataView(after.buffer);
  const memory = after.subarray(MEM, MEM + 16);
  const cpu = fpuCpu(memory);
  loadRecord(cpu, view);
  let at = CODE + (op.prefix !== 0 ? 1 : 0);
  const wide = after[at] === 0x48;
  if (wide) at++;
  const imm = op.imm8 ? (after[at + 3] as number) : 0;
  dispatchSse(cpu, op, after[at + 2] as number, imm, wide, new DataView(after.buffer, MEM, 16));
  storeRecord(cpu, view);
  return after;
}
