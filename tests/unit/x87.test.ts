import { describe, expect, test } from 'vitest';
import type { Cpu } from '../../src/emu/cpu/cpu.ts';
import { FPU_SYSTEM_OPS } from '../../src/emu/cpu/fpu/fxsave.ts';
import { x87 } from '../../src/emu/cpu/fpu/x87.ts';
import * as st from '../../src/emu/cpu/state.ts';
import { fpuCpu, MEMORY_AT } from '../support/fpu-cpu.ts';
import { mismatches, type Replayed, replay } from '../support/fpu-replay.ts';
import { Random } from '../support/fpu-vectors.ts';

function faultOf(cpu: Cpu): number {
  return (cpu.S[st.FAULT] as number) & 0xff;
}

function machine(bytes = 128): { cpu: Cpu; view: DataView } {
  const memory = new Uint8Array(bytes);
  const cpu = fpuCpu(memory);
  cpu.S[st.EA_LO] = MEMORY_AT;
  return { cpu, view: new DataView(memory.buffer) };
}

describe('recordings of a Xeon', () => {
  test('all instructions but the transcendental ones, to the last bit', () => {
    expect(mismatches(replay('x87'))).toEqual([]);
  }, 60_000);

  test('transcendental instructions: the same but for the last bits of the significand and C1', () => {
    expect(mismatches(replay('x87-transcendental').map(forgive))).toEqual([]);
  }, 60_000);
});

/** Largest difference that is forgiven, in units of the 64-bit significand's last place. */
const FORGIVEN_ULPS = 1n;
const FSW_C1_BYTE = 3;
const C1 = 2;

function value(record: Uint8Array, n: number): bigint {
  const view = new DataView(record.buffer, record.byteOffset);
  return (BigInt(view.getUint16(40 + 16 * n, true)) << 64n) | view.getBigUint64(32 + 16 * n, true);
}

/** Copies what is forgiven from the recording. */
function forgive(one: Replayed): Replayed {
  const { expected } = one;
  const actual = one.actual.slice();
  actual[FSW_C1_BYTE] = ((actual[FSW_C1_BYTE] as number) & ~C1) | ((expected[FSW_C1_BYTE] as number) & C1);
  for (let n = 0; n < 8; n++) {
    // Adjacent numbers differ by 1 in the exponent and significand read as one, but for the explicit leading bit.
    const linear = (x: bigint): bigint => ((x >> 64n) << 63n) | (x & 0x7fffffffffffffffn);
    const distance = linear(value(expected, n)) - linear(value(actual, n));
    if (distance > FORGIVEN_ULPS || distance < -FORGIVEN_ULPS) continue;
    actual.set(expected.subarray(32 + 16 * n, 42 + 16 * n), 32 + 16 * n);
  }
  return { ...one, actual };
}

describe('control', () => {
  test('FNINIT, FLDCW, FNSTCW, FNSTSW', () => {
    const { cpu, view } = machine();
    cpu.S[st.FPU_SW] = 0x3f;
    x87(cpu, 0xdb, 0xe3, false);
    x87(cpu, 0xd9, 0x3f, false);
    expect(view.getUint16(0, true)).toBe(0x37f);
    view.setUint16(0, 0xf27f, true);
    x87(cpu, 0xd9, 0x2f, false);
    expect(cpu.S[st.FPU_CW]).toBe(0x127f);
    cpu.S[st.RAX] = 0x12345678;
    x87(cpu, 0xdf, 0xe0, false);
    expect(cpu.S[st.RAX]).toBe(0x12340000);
    x87(cpu, 0xdd, 0x3f, false);
    expect(view.getUint16(0, true)).toBe(0);
  });

  test('unmasking a raised exception makes the next waiting instruction #MF', () => {
    const { cpu, view } = machine();
    cpu.S[st.FPU_SW] = 4;
    view.setUint16(0, 0x37b, true);
    x87(cpu, 0xd9, 0x2f, false);
    expect(cpu.S[st.FPU_SW]).toBe(0x8084);
    x87(cpu, 0xdd, 0x3f, false);
    expect(cpu.S[st.FAULT]).toBe(0);
    x87(cpu, 0xd9, 0xe8, false);
    expect(faultOf(cpu)).toBe(st.VEC_MF);
    expect(cpu.S[st.FPU_EMPTY]).toBe(0xff);
    cpu.S[st.FAULT] = 0;
    FPU_SYSTEM_OPS.fwait.run(cpu, 0, 0, -1, 0, 0);
    expect(faultOf(cpu)).toBe(st.VEC_MF);
    cpu.S[st.FAULT] = 0;
    x87(cpu, 0xdb, 0xe2, false);
    expect(cpu.S[st.FPU_SW]).toBe(0);
  });

  test('CR0.TS and CR0.EM are #NM; FWAIT wants MP as well', () => {
    for (const cr0 of [st.CR0_TS, st.CR0_EM]) {
      const { cpu } = machine();
      cpu.S[st.CR0] = cr0;
      x87(cpu, 0xd9, 0xe8, false);
      expect(faultOf(cpu)).toBe(st.VEC_NM);
    }
    const { cpu } = machine();
    cpu.S[st.CR0] = st.CR0_TS;
    FPU_SYSTEM_OPS.fwait.run(cpu, 0, 0, -1, 0, 0);
    expect(cpu.S[st.FAULT]).toBe(0);
    cpu.S[st.CR0] = st.CR0_TS | st.CR0_MP;
    FPU_SYSTEM_OPS.fwait.run(cpu, 0, 0, -1, 0, 0);
    expect(faultOf(cpu)).toBe(st.VEC_NM);
  });

  test('undefined encodings are #UD', () => {
    for (const [opcode, modrm] of [
      [0xd9, 0xd1],
      [0xd9, 0x0f],
      [0xda, 0xe0],
      [0xdb, 0xf8],
      [0xdd, 0x2f],
      [0xde, 0xd8],
      [0xdf, 0xf8],
    ] as const) {
      const { cpu } = machine();
      x87(cpu, opcode, modrm, false);
      expect(faultOf(cpu), `${opcode.toString(16)} ${modrm.toString(16)}`).toBe(st.VEC_UD);
    }
  });
});

describe('environment', () => {
  for (const size16 of [false, true]) {
    test(`FNSAVE and FRSTOR, ${size16 ? 16 : 32}-bit`, () => {
      const { cpu, view } = machine();
      const { S } = cpu;
      x87(cpu, 0xd9, 0xeb, false);
      x87(cpu, 0xd9, 0xee, false);
      x87(cpu, 0xd9, 0xe8, false);
      const registers = S.slice(st.FPU_REGS, st.FPU_REGS + 32);
      x87(cpu, 0xdd, 0x37, size16);
      expect(S[st.FPU_EMPTY]).toBe(0xff);
      const step = size16 ? 2 : 4;
      expect(view.getUint16(0, true)).toBe(0x37f);
      expect(view.getUint16(step, true)).toBe(0x2800);
      expect(view.getUint16(2 * step, true)).toBe(0x13ff);
      expect(view.getUint16(7 * step + 8, true)).toBe(0x3fff);
      S.fill(0, st.FPU_REGS, st.FPU_REGS + 32);
      x87(cpu, 0xdd, 0x27, size16);
      expect(S[st.FPU_EMPTY]).toBe(0x1f);
      expect(S[st.FPU_SW]).toBe(0x2800);
      expect(S.slice(st.FPU_REGS, st.FPU_REGS + 32)).toEqual(registers);
    });
  }

  test('FNSTENV masks all exceptions', () => {
    const { cpu, view } = machine();
    cpu.S[st.FPU_CW] = 0x340;
    x87(cpu, 0xd9, 0x37, false);
    expect(view.getUint32(0, true)).toBe(0x340);
    expect(cpu.S[st.FPU_CW]).toBe(0x37f);
  });
});

describe('faults', () => {
  test('a store that faults changes nothing', () => {
    const { cpu } = machine(16);
    x87(cpu, 0xd9, 0xeb, false);
    cpu.S[st.EA_LO] = 0;
    const before = cpu.S.slice();
    for (const [opcode, modrm] of [
      [0xd9, 0x1f],
      [0xdb, 0x3f],
      [0xdf, 0x37],
      [0xdd, 0x37],
      [0xd9, 0x37],
      [0xd9, 0x07],
      [0xdd, 0x27],
    ] as const) {
      x87(cpu, opcode, modrm, false);
      expect(faultOf(cpu)).toBe(st.VEC_PF);
      cpu.S[st.FAULT] = 0;
      expect(cpu.S).toEqual(before);
    }
  });
});

test('no instruction throws, whatever the state', () => {
  const random = new Random(0x87);
  const { cpu } = machine();
  const { S } = cpu;
  for (let i = 0; i < 10_000; i++) {
    S[st.FAULT] = 0;
    S[st.FPU_CW] = (random.word() & 0x1f3f) | 0x40;
    S[st.FPU_SW] = random.word() & 0x7f7f;
    S[st.FPU_EMPTY] = random.word() & random.word() & 0xff;
    for (let n = 0; n < 8; n++) {
      S[st.FPU_REGS + 4 * n] = random.word();
      S[st.FPU_REGS + 4 * n + 1] = random.word();
      S[st.FPU_REGS + 4 * n + 2] =
        random.below(4) === 0 ? random.pick([0, 0x7fff, 0xffff, 0x8000]) : random.below(0x10000);
    }
    S[st.EA_LO] = random.below(8) === 0 ? MEMORY_AT + 120 : MEMORY_AT + random.below(16);
    const modrm = random.below(256);
    expect(() => x87(cpu, 0xd8 + random.below(8), modrm, random.below(2) === 0)).not.toThrow();
    for (let n = 0; n < 8; n++) expect((S[st.FPU_REGS + 4 * n + 2] as number) >>> 16).toBe(0);
    expect((S[st.FPU_SW] as number) >>> 16).toBe(0);
  }
});
