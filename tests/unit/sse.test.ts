import { describe, expect, test } from 'vitest';
import { FPU_SYSTEM_OPS } from '../../src/emu/cpu/fpu/fxsave.ts';
import { SSE_OPS, type SseOp } from '../../src/emu/cpu/sse/ops.ts';
import * as st from '../../src/emu/cpu/state.ts';
import { fpuCpu, MEMORY_AT, runSse } from '../support/fpu-cpu.ts';
import { mismatches, replay } from '../support/fpu-replay.ts';
import { Random, sseCase } from '../support/fpu-vectors.ts';

function named(name: string, form = 'xmm_xmmm'): SseOp {
  const op = SSE_OPS.find((one) => one.name === name && one.form === form);
  if (op === undefined) throw new Error(name);
  return op;
}

describe('recordings of a Xeon', () => {
  test('SSE, SSE2 and SSE3', () => {
    expect(mismatches(replay('sse'))).toEqual([]);
  }, 60_000);
});

describe('the table', () => {
  test('no two rows answer the same bytes', () => {
    const seen = new Set<string>();
    for (const op of SSE_OPS) {
      for (const kind of ['reg', 'mem']) {
        if (kind === 'reg' ? op.memOnly : op.regOnly) continue;
        const key = `${op.map} ${op.prefix} ${op.opcode} ${op.reg ?? '-'} ${kind}`;
        expect(seen.has(key), `${op.name} ${key}`).toBe(false);
        seen.add(key);
      }
    }
  });

  test('128-bit operands are aligned but for the moves and string comparisons that say otherwise', () => {
    const unaligned = SSE_OPS.filter((op) => op.memBytes === 16 && !op.aligned).map((op) => op.name);
    expect([...new Set(unaligned)].sort()).toEqual([
      ...['lddqu', 'movdqu', 'movupd', 'movups'],
      ...['pcmpestri', 'pcmpestrm', 'pcmpistri', 'pcmpistrm'],
    ]);
  });
});

describe('approximations', () => {
  test('QEMU: RCPSS and RSQRTSS are the rounded quotients, and raise nothing', () => {
    const cpu = fpuCpu(new Uint8Array(16));
    for (const x of [3, 0.1, 1e30, 65536]) {
      cpu.SF32[st.XMM + 4] = x;
      const rounded = cpu.SF32[st.XMM + 4] as number;
      named('rcpss').run(cpu, st.XMM, st.XMM + 4, 0, false);
      expect(cpu.SF32[st.XMM]).toBe(Math.fround(1 / rounded));
      named('rsqrtss').run(cpu, st.XMM, st.XMM + 4, 0, false);
      expect(cpu.SF32[st.XMM]).toBe(Math.fround(1 / Math.fround(Math.sqrt(rounded))));
    }
    expect(cpu.S[st.MXCSR]).toBe(0x1f80);
  });

  test('denormal operands and results are zero', () => {
    const cpu = fpuCpu(new Uint8Array(16));
    cpu.SF32[st.XMM + 4] = -7e-39;
    named('rcpss').run(cpu, st.XMM, st.XMM + 4, 0, false);
    expect(cpu.SF32[st.XMM]).toBe(-Infinity);
    cpu.SF32[st.XMM + 4] = -3e38;
    named('rcpss').run(cpu, st.XMM, st.XMM + 4, 0, false);
    expect(cpu.SF32[st.XMM]).toBe(-0);
  });
});

describe('unmasked exceptions', () => {
  test('raise #XM and change no register', () => {
    const cpu = fpuCpu(new Uint8Array(16));
    cpu.S[st.MXCSR] = 0x1f80 & ~0x200;
    cpu.SF64[st.XMM >> 1] = 1;
    named('divsd').run(cpu, st.XMM, st.XMM + 4, 0, false);
    expect((cpu.S[st.FAULT] as number) & 0xff).toBe(st.VEC_XM);
    expect(cpu.SF64[st.XMM >> 1]).toBe(1);
    expect(cpu.S[st.MXCSR]).toBe((0x1f80 & ~0x200) | 4);
  });

  test('raise #UD when CR4.OSXMMEXCPT is clear', () => {
    const cpu = fpuCpu(new Uint8Array(16));
    cpu.S[st.CR4] = st.CR4_OSFXSR;
    cpu.S[st.MXCSR] = 0;
    cpu.SF64[st.XMM >> 1] = 1;
    named('divsd').run(cpu, st.XMM, st.XMM + 4, 0, false);
    expect((cpu.S[st.FAULT] as number) & 0xff).toBe(st.VEC_UD);
  });
});

describe('MXCSR', () => {
  test('LDMXCSR refuses reserved bits and STMXCSR stores', () => {
    const memory = new Uint8Array(16);
    const cpu = fpuCpu(memory);
    const view = new DataView(memory.buffer);
    cpu.S[st.EA_LO] = MEMORY_AT;
    view.setUint32(0, 0x9fc0, true);
    FPU_SYSTEM_OPS.ldmxcsr.run(cpu, 32, 2, -1, 0, 0);
    expect(cpu.S[st.MXCSR]).toBe(0x9fc0);
    view.setUint32(0, 0x10000, true);
    FPU_SYSTEM_OPS.ldmxcsr.run(cpu, 32, 2, -1, 0, 0);
    expect((cpu.S[st.FAULT] as number) & 0xff).toBe(st.VEC_GP);
    expect(cpu.S[st.MXCSR]).toBe(0x9fc0);
    cpu.S[st.FAULT] = 0;
    FPU_SYSTEM_OPS.stmxcsr.run(cpu, 32, 3, -1, 0, 0);
    expect(view.getUint32(0, true)).toBe(0x9fc0);
  });
});

test('FXSAVE and FXRSTOR keep everything, and want 16-byte alignment', () => {
  const memory = new Uint8Array(528).fill(0xa5);
  const cpu = fpuCpu(memory);
  const { S } = cpu;
  const random = new Random(7);
  S[st.MODE] = st.MODE_CODE64;
  S[st.EA_LO] = MEMORY_AT;
  for (let i = 0; i < 64; i++) S[st.XMM + i] = random.word();
  for (let i = 0; i < 8; i++) {
    S[st.FPU_REGS + 4 * i] = random.word();
    S[st.FPU_REGS + 4 * i + 1] = random.word();
    S[st.FPU_REGS + 4 * i + 2] = random.word() & 0xffff;
  }
  S[st.FPU_SW] = 0x2800;
  S[st.FPU_EMPTY] = 0x5a;
  S[st.FPU_CW] = 0x27f;
  const saved = S.slice(st.FPU_CW, st.XMM + 64);
  FPU_SYSTEM_OPS.fxsave.run(cpu, 64, 0, -1, 0, 0);
  expect(new DataView(memory.buffer).getUint32(28, true)).toBe(0xffff);
  expect([...memory.subarray(32 + 10, 32 + 16)], 'reserved bytes').toEqual(Array(6).fill(0xa5));
  S.fill(0, st.FPU_REGS, st.XMM + 64);
  S[st.FPU_SW] = 0;
  S[st.FPU_EMPTY] = 0;
  S[st.FPU_CW] = 0x37f;
  FPU_SYSTEM_OPS.fxrstor.run(cpu, 64, 1, -1, 0, 0);
  expect(S.slice(st.FPU_CW, st.XMM + 64)).toEqual(saved);
  S[st.EA_LO] = MEMORY_AT + 8;
  FPU_SYSTEM_OPS.fxsave.run(cpu, 64, 0, -1, 0, 0);
  expect((S[st.FAULT] as number) & 0xff).toBe(st.VEC_GP);
});

test('no operand makes an instruction throw', () => {
  const random = new Random(0xf022);
  for (let i = 0; i < 10_000; i++) {
    const op = random.pick(SSE_OPS);
    const record = sseCase(random, op);
    for (let byte = 160; byte < 208; byte++) record[byte] = random.below(256);
    record[24] = random.below(256);
    record[25] = random.below(256);
    expect(() => runSse(record, op)).not.toThrow();
  }
});
