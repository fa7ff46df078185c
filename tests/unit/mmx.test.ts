import { expect, test } from 'vitest';
import { FPU_SYSTEM_OPS } from '../../src/emu/cpu/fpu/fxsave.ts';
import { mmxEnter } from '../../src/emu/cpu/sse/ops.ts';
import * as st from '../../src/emu/cpu/state.ts';
import { fpuCpu } from '../support/fpu-cpu.ts';
import { mismatches, replay } from '../support/fpu-replay.ts';

test('recordings of a Xeon', () => {
  expect(mismatches(replay('mmx'))).toEqual([]);
}, 60_000);

test('MMX instructions mark all registers valid, EMMS marks them empty', () => {
  const cpu = fpuCpu(new Uint8Array(16));
  cpu.S[st.FPU_SW] = 0x3900;
  mmxEnter(cpu);
  expect(cpu.S[st.FPU_SW]).toBe(0x100);
  expect(cpu.S[st.FPU_EMPTY]).toBe(0);
  FPU_SYSTEM_OPS.emms.run(cpu, 32, 0, -1, 0, 0);
  expect(cpu.S[st.FPU_EMPTY]).toBe(0xff);
});

test('EMMS is #UD under CR0.EM, #NM under CR0.TS and #MF with an exception pending', () => {
  for (const [cr0, sw, vector] of [
    [st.CR0_EM, 0, st.VEC_UD],
    [st.CR0_TS, 0, st.VEC_NM],
    [st.CR0_NE, 0x8081, st.VEC_MF],
  ] as const) {
    const cpu = fpuCpu(new Uint8Array(16));
    cpu.S[st.CR0] = cr0;
    cpu.S[st.FPU_SW] = sw;
    FPU_SYSTEM_OPS.emms.run(cpu, 32, 0, -1, 0, 0);
    expect((cpu.S[st.FAULT] as number) & 0xff).toBe(vector);
  }
});
