/** SSE instructions as the interpreter runs them against their rows of the SSE table, on numbers of which most are ordinary. */
import { expect, test } from 'vitest';
import { beginFloat, commit, lane32 } from '../../src/emu/cpu/sse/float-lane.ts';
import { SSE_OPS, type SseOp } from '../../src/emu/cpu/sse/ops.ts';
import { packedSingle } from '../../src/emu/cpu/sse/packed-single.ts';
import { F_AUX, F_HI, F_LO, MXCSR, RIP_HI, RIP_LO, XMM } from '../../src/emu/cpu/state.ts';
import { arithmeticFlags } from '../../src/emu/cpu/system/flags.ts';
import { CODE_ADDRESS } from '../conformance/vector-format.ts';
import { CODE_GPA } from '../support/cpu-rig.ts';
import { createRig } from '../support/engine-rig.ts';
import { fpuCpu } from '../support/fpu-cpu.ts';
import { Random } from '../support/fpu-vectors.ts';

const CASES = 600;
const FORMS: readonly SseOp['form'][] = ['xmm_xmmm', 'gpr_xmmm', 'xmm_gprm', 'shift_imm_xmm', 'gprm_xmm'];
/** All masked, with and without PE; flags; to zero; FTZ and DAZ. */
const MODES = [0x1f80, 0x1fa0, 0x1fa0, 0x1fbf, 0x7fa0, 0x9fe0];
const REX_W = 0x48;
/** What is compared: general registers and XMM registers. */
const RANGES = [
  [0, 32],
  [XMM, XMM + 64],
] as const;
const DOUBLES = [0, -0, 1, -1, 0.5, 1.5, -2.5, 3, 1e10, -7e18, 2 ** 53 + 2, 2 ** 31 - 0.5, 5e-324, 1e-310];
const EXTREMES = [Infinity, -Infinity, NaN, 1.7976931348623157e308, 2.2250738585072014e-308, 3.4e38, 1.2e-38];

function putNumber(random: Random, view: DataView, at: number): void {
  const table = random.below(8) === 0 ? EXTREMES : DOUBLES;
  const known = table[random.below(table.length)] ?? 0;
  const number = random.below(2) === 0 ? known : (random.below(1 << 20) - (1 << 19)) / 2 ** random.below(30);
  switch (random.below(4)) {
    case 0:
      view.setFloat64(at, number, true);
      break;
    case 1:
      for (const offset of [0, 4]) view.setFloat32(at + offset, offset === 0 ? number : 3 / number, true);
      break;
    case 2:
      view.setFloat64(at, number * Math.PI, true);
      break;
    default:
      for (const offset of [0, 2, 4, 6]) view.setUint16(at + offset, random.below(0x10000), true);
  }
}

const rows = SSE_OPS.filter((op) => FORMS.includes(op.form) && !op.memOnly && !op.name.startsWith('maskmov'));
const rig = createRig();
const { cpu } = rig;
const reference = fpuCpu(new Uint8Array(16));

/** Bytes of the instruction with registers 1 and `rm`. */
function encode(op: SseOp, rm: number, imm: number, wide: boolean): Uint8Array {
  const prefix = op.prefix === 0 ? [] : [op.prefix];
  const modrm = 0xc0 | ((op.reg ?? 1) << 3) | rm;
  const rex = wide ? [REX_W] : [];
  const map = op.map === 0x0f ? [] : [op.map];
  return Uint8Array.from([
    ...prefix,
    ...rex,
    0x0f,
    ...map,
    op.opcode,
    modrm,
    ...(op.imm8 ? [imm] : []),
    0xcc,
  ]);
}

/** Indices of the destination and the source. */
function operands({ form }: SseOp, rm: number): readonly [number, number] {
  const [reg, other] = [XMM + 4, XMM + 4 * rm];
  switch (form) {
    case 'gpr_xmmm':
      return [2, other];
    case 'xmm_gprm':
      return [reg, 2 * rm];
    case 'gprm_xmm':
      return [2 * rm, reg];
    case 'shift_imm_xmm':
      return [other, other];
    default:
      return [reg, other];
  }
}

test.each(rows.map((op): [string, SseOp] => [`${op.name} ${op.form}`, op]))('%s', (_name, op) => {
  const random = new Random(op.opcode * 4 + op.prefix);
  const view = new DataView(cpu.S.buffer);
  for (let i = 0; i < CASES; i++) {
    if (i % 20 === 0) {
      const wide = random.below(2) === 0;
      const rm = random.below(4) === 0 ? 1 : 2;
      const imm = random.below(3) === 0 ? random.below(256) : random.below(33);
      cpu.memory.write(CODE_GPA, encode(op, rm, imm, wide));
      current = { wide, rm, imm };
    }
    const { S } = cpu;
    for (let register = 0; register < 4; register++) {
      for (const half of [0, 8]) putNumber(random, view, (XMM + 4 * register) * 4 + half);
      putNumber(random, view, 8 * register);
    }
    S[MXCSR] = MODES[random.below(MODES.length)] ?? 0;
    cpu.writeFlags(0x202);
    S[RIP_LO] = CODE_ADDRESS;
    S[RIP_HI] = 0;
    reference.S.set(S);
    const [to, from] = operands(op, current.rm);
    op.run(reference, to, from, current.imm, current.wide);
    expect(rig.step(false)).toBeUndefined();
    compare(op);
  }
});

let current = { wide: false, rm: 2, imm: 0 };

function compare(op: SseOp): void {
  const { S } = cpu;
  const flags = op.implicit ? arithmeticFlags(S) === arithmeticFlags(reference.S) : true;
  const same = RANGES.every(([from, to]) =>
    S.subarray(from, to).every((word, n) => word === reference.S[from + n]),
  );
  if (same && flags && S[MXCSR] === reference.S[MXCSR]) return;
  const text = (words: Int32Array): string[] =>
    [0, 2, 4, XMM + 4, XMM + 8, F_LO, F_HI, F_AUX, MXCSR].map((at) =>
      [...words.subarray(at, at + 4)].map((word) => (word >>> 0).toString(16)).join(' '),
    );
  expect({ ...current, words: text(S) }).toEqual({ ...current, words: text(reference.S) });
}

test('packed singles in the common case are as lane by lane', () => {
  const random = new Random(3);
  const quick = fpuCpu(new Uint8Array(16));
  const view = new DataView(quick.S.buffer);
  let done = 0;
  for (let i = 0; i < CASES * 50; i++) {
    for (let at = 0; at < 32; at += 4) {
      const known = [0, -0, 1, 3e38 * (random.below(100) / 100), 2e-38 * (random.below(100) / 100), 1e-39];
      view.setFloat32(4 * XMM + at, known[random.below(24)] ?? (random.below(0x10000) - 0x8000) / 97, true);
    }
    quick.S[MXCSR] = 0x1fa0;
    reference.S.set(quick.S);
    const operation = i & 3;
    if (!packedSingle(quick, operation, XMM, XMM + 4)) continue;
    done++;
    beginFloat(reference);
    for (let lane = 0; lane < 4; lane++) lane32(reference, operation, XMM + lane, XMM + 4 + lane, lane);
    commit(reference, XMM, 4);
    expect([...quick.S.subarray(XMM, XMM + 4), quick.S[MXCSR]]).toEqual([
      ...reference.S.subarray(XMM, XMM + 4),
      reference.S[MXCSR],
    ]);
  }
  expect(done).toBeGreaterThan(CASES);
});
