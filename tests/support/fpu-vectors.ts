/**
 * Cases for single x87, MMX and SSE instructions: the same from the same seed. scripts/record-fpu-vectors.c runs them on a processor.
 *
 * | byte | holds |
 * |---|---|
 * | 0 | FXSAVE64 image |
 * | 512 | instruction, then RET |
 * | 528 | 16 bytes of memory, at [RDI] |
 * | 544, 552, 560 | RCX, RAX, RFLAGS |
 * | 568 | signal number of a trap, 0 for none |
 * | 576 | for the recorder |
 */
import type { SseOp } from '../../src/emu/cpu/sse/op.ts';

export const RECORD_BYTES = 592;
export const CODE = 512;
export const MEM = 528;
export const RCX_AT = 544;
export const RAX_AT = 552;
export const FLAGS_AT = 560;
export const TRAPPED = 568;

/** A random generator (xorshift32) and what is drawn from it. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  word(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.imul(x, 0x9e3779b1) ^ (x >>> 15);
  }

  below(n: number): number {
    return (this.word() >>> 0) % n;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
}

/** A significand's two words with the leading bit clear or not: random, of few bits, or near a rounding boundary. */
function significand(random: Random): [number, number] {
  switch (random.below(8)) {
    case 0:
      return [0, 0];
    case 1:
      return [0, random.word() & random.word() & random.word()];
    case 2:
      return [random.word() & 0xfffff800, random.word()];
    case 3:
      return [0, random.word() & 0xffffff00];
    case 4:
      return [-1, -1];
    case 5:
      return [
        random.pick([0x400, 0x800, 0x7ff, 0x801, 0xc00, 1, 0x80000000 | 0]),
        random.pick([0, 0x80, 0x100, -1]),
      ];
    default:
      return [random.word(), random.word()];
  }
}

function float80(random: Random, view: DataView, at: number): void {
  let [lo, hi] = significand(random);
  hi |= 1 << 31;
  let exp: number;
  const kind = random.below(32);
  if (kind < 14) exp = 0x3fff + random.below(12) - 6;
  else if (kind < 17) exp = 0x3fff + random.below(140) - 70;
  else if (kind < 18) exp = random.below(0x8000);
  else if (kind < 20)
    exp = random.pick([
      0x3c00, 0x3c01, 0x3bff, 0x3bcd, 0x43fe, 0x43ff, 0x3f81, 0x3f80, 0x3f69, 0x407e, 0x407f,
    ]);
  else if (kind < 21) exp = 1 + random.below(70);
  else if (kind < 22) exp = 0x7ffe - random.below(70);
  else if (kind < 24) {
    exp = 0x4000 + random.below(0x3e);
    lo = 0;
  } else if (kind < 25) {
    exp = 0;
    hi &= 0x7fffffff >>> random.below(32);
  } else if (kind < 26) {
    exp = random.pick([0, 0, 0x7fff, random.below(0x7fff)]);
    if (exp !== 0) hi &= 0x7fffffff;
  } else if (kind < 28) {
    exp = 0;
    lo = 0;
    hi = 0;
  } else if (kind < 29) {
    exp = 0x7fff;
    lo = 0;
    hi = 1 << 31;
  } else if (kind < 31) {
    exp = 0x7fff;
  } else {
    exp = 0x3fff;
    lo = 0;
    hi = 1 << 31;
  }
  view.setInt32(at, lo, true);
  view.setInt32(at + 4, hi, true);
  view.setUint16(at + 8, exp | (random.below(2) << 15), true);
}

function float64(random: Random, view: DataView, at: number): void {
  let [lo, hi] = significand(random);
  if (random.below(4) === 0) lo = 0;
  let exp: number;
  const kind = random.below(24);
  if (kind < 12) exp = 0x3ff + random.below(10) - 5;
  else if (kind < 14) exp = 0x3ff + random.below(110) - 55;
  else if (kind < 15) exp = random.below(0x800);
  else if (kind < 16)
    exp = random.pick([1, 2, 50, 54, 0x7fe, 0x7fd, 0x7f0, 0x380, 0x381, 0x36a, 0x47e, 0x47f]);
  else if (kind < 18) exp = 0;
  else if (kind < 20) {
    exp = random.pick([0, 0x7ff]);
    lo = 0;
    hi = 0;
  } else if (kind < 21) exp = 0x7ff;
  else {
    exp = 0x3ff + random.below(70);
    lo = 0;
    hi &= random.pick([0xfffff, 0xf0000, 0]);
  }
  view.setInt32(at, lo, true);
  view.setInt32(at + 4, (hi & 0xfffff) | (exp << 20) | (random.below(2) << 31), true);
}

function float32(random: Random, view: DataView, at: number): void {
  const bits = significand(random)[1] >>> random.pick([0, 0, 9]);
  let exp: number;
  const kind = random.below(20);
  if (kind < 10) exp = 0x7f + random.below(10) - 5;
  else if (kind < 12) exp = 0x7f + random.below(50) - 25;
  else if (kind < 13) exp = random.below(0x100);
  else if (kind < 14) exp = random.pick([1, 2, 24, 30, 0xfe, 0xfd, 0xf0, 0x40, 0xc0]);
  else if (kind < 16) exp = 0;
  else if (kind < 17) exp = 0xff;
  else if (kind < 18) {
    view.setInt32(at, random.pick([0, 1 << 31, 0x7f800000, 0xff800000 | 0, 0x3f800000]), true);
    return;
  } else exp = 0x7f + random.below(40);
  view.setInt32(at, (bits & 0x7fffff) | (exp << 23) | (random.below(2) << 31), true);
}

function integerVector(random: Random, view: DataView, at: number): void {
  for (let i = 0; i < 16; i++) {
    const edge = random.below(4);
    view.setUint8(at + i, edge === 0 ? random.pick([0, 0x7f, 0x80, 0xff, 1]) : random.below(256));
  }
  if (random.below(4) === 0) {
    view.setInt32(at, random.below(70), true);
    view.setInt32(at + 4, 0, true);
  }
}

function vector(random: Random, view: DataView, at: number, kind: number): void {
  if (kind === 0) integerVector(random, view, at);
  else if (kind === 1) for (let i = 0; i < 4; i++) float32(random, view, at + 4 * i);
  else for (let i = 0; i < 2; i++) float64(random, view, at + 8 * i);
}

const PLAIN_FLAGS = 0x202;

function controlWord(random: Random): number {
  const kind = random.below(8);
  const masks = kind === 0 ? random.below(64) : 0x3f;
  const precision = random.pick([0, 2, 3, 3, 3]);
  return kind < 4 ? 0x340 | masks : 0x40 | masks | (precision << 8) | (random.below(4) << 10);
}

function x87State(random: Random, view: DataView): void {
  const top = random.below(8);
  const cw = controlWord(random);
  const conditions = random.below(2) === 0 ? 0 : random.word() & 0x4700;
  view.setUint16(0, cw, true);
  view.setUint16(2, (top << 11) | conditions, true);
  const empties = random.below(6) === 0 ? random.word() & 0xff : 1 << ((top + 7) & 7);
  view.setUint8(4, ~empties & 0xff);
  view.setUint32(24, 0x1f80, true);
  for (let i = 0; i < 8; i++) float80(random, view, 32 + 16 * i);
  if (random.below(16) === 0) for (let i = 0; i < 10; i++) view.setUint8(48 + i, view.getUint8(32 + i));
  view.setUint32(FLAGS_AT, PLAIN_FLAGS | (random.word() & 0x8d5), true);
  view.setUint32(RAX_AT, random.word(), true);
}

/** Memory operand that suits the instruction: float32, int32, float64, int16, 80 bits, BCD. */
function x87Memory(random: Random, view: DataView, opcode: number, reg: number): void {
  const kind = (opcode >> 1) & 3;
  if (opcode === 0xdb && reg === 5) {
    float80(random, view, MEM);
  } else if (opcode === 0xdf && reg === 4) {
    for (let i = 0; i < 9; i++) view.setUint8(MEM + i, random.below(10) * 16 + random.below(10));
    view.setUint8(MEM + 9, random.below(2) * 0x80);
  } else if (kind === 0) {
    float32(random, view, MEM);
  } else if (kind === 2) {
    float64(random, view, MEM);
  } else {
    const small = random.below(2) === 0;
    view.setInt32(MEM, small ? random.below(200) - 100 : random.word(), true);
    view.setInt32(MEM + 4, random.below(3) === 0 ? random.word() : view.getInt32(MEM, true) >> 31, true);
  }
}

/** Memory forms that have environments or control words, and those that do not exist. */
const NO_MEMORY_FORM = new Set(['d91', 'd94', 'd95', 'd96', 'd97', 'db4', 'db6', 'dd4', 'dd5', 'dd6', 'dd7']);

/** All x87 instructions that compute, as opcode and ModRM: register forms with ST(2), and ST(0) where that is special; memory at [RDI]. */
export function x87Instructions(): [number, number][] {
  const list: [number, number][] = [];
  for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
    for (let reg = 0; reg < 8; reg++) {
      if (!NO_MEMORY_FORM.has(opcode.toString(16) + reg)) list.push([opcode, (reg << 3) | 7]);
      if (opcode === 0xd9 && reg >= 4) {
        for (let i = 0; i < 8; i++) list.push([opcode, 0xc0 | (reg << 3) | i]);
      } else {
        list.push([opcode, 0xc0 | (reg << 3) | 2], [opcode, 0xc1 | (reg << 3)]);
        if (opcode === 0xdd || opcode === 0xd8) list.push([opcode, 0xc0 | (reg << 3)]);
      }
    }
  }
  const undefinedForms = (opcode: number, modrm: number): boolean =>
    (opcode === 0xd9 && ((modrm > 0xd0 && modrm < 0xd8) || [0xe2, 0xe3, 0xe6, 0xe7, 0xef].includes(modrm))) ||
    (opcode === 0xda && modrm >= 0xe0 && modrm !== 0xe9) ||
    (opcode === 0xdb && (modrm >= 0xf8 || (modrm >= 0xe0 && modrm < 0xe8))) ||
    (opcode === 0xdd && modrm >= 0xf0) ||
    (opcode === 0xde && modrm >= 0xd8 && modrm < 0xe0 && modrm !== 0xd9) ||
    (opcode === 0xdf && (modrm >= 0xf8 || (modrm > 0xe0 && modrm < 0xe8)));
  return list.filter(([opcode, modrm]) => modrm < 0xc0 || !undefinedForms(opcode, modrm));
}

/** One case of an x87 instruction. */
export function x87Case(random: Random, opcode: number, modrm: number): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  const view = new DataView(record.buffer);
  x87State(random, view);
  x87Memory(random, view, opcode, (modrm >> 3) & 7);
  record.set([opcode, modrm, 0xc3], CODE);
  return record;
}

/** Element type that the instruction's operands have: 0 integers, 1 float32, 2 float64. */
function elementKind(op: SseOp): number {
  if (/^cvtt?ps|ps$|ss$|^cvtt?ss/.test(op.name) && !/^cvt.*2[ps][sd]$|^cvtdq/.test(op.name)) return 1;
  if (/^cvtt?[ps]d|[ps]d$/.test(op.name) && op.name !== 'movd') return 2;
  if (/^cvt[ps]s2/.test(op.name)) return 1;
  if (/^cvt[ps]d2/.test(op.name)) return 2;
  return 0;
}

function mxcsr(random: Random): number {
  const kind = random.below(6);
  const masks = kind === 0 ? random.below(64) : 0x3f;
  const sticky = random.below(3) === 0 ? random.below(64) & masks : 0;
  const modes = kind < 3 ? 0 : random.below(16);
  return (
    (masks << 7) | sticky | ((modes & 1) << 6) | ((modes & 2) << 14) | (random.below(kind < 3 ? 1 : 4) << 13)
  );
}

/** One case of an MMX or SSE instruction: operands 1 and 2, RCX, and memory at [RDI]. */
export function sseCase(random: Random, op: SseOp): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  const view = new DataView(record.buffer);
  const inMemory = op.memOnly || (!op.regOnly && random.below(3) === 0);
  const kind = random.below(16) === 0 ? random.below(3) : elementKind(op);
  view.setUint16(0, 0x37f, true);
  view.setUint8(4, 0xff);
  for (let i = 0; i < 8; i++) {
    integerVector(random, view, 32 + 16 * i);
    view.setUint16(40 + 16 * i, 0xffff, true);
  }
  view.setUint32(24, mxcsr(random), true);
  for (let i = 0; i < 3; i++) vector(random, view, 160 + 16 * i, kind);
  if (random.below(16) === 0) record.copyWithin(192, 176, 192);
  vector(random, view, MEM, kind);
  integerVector(random, view, RCX_AT);
  view.setUint32(FLAGS_AT, PLAIN_FLAGS | (random.word() & 0x8d5), true);
  view.setUint32(FLAGS_AT + 4, 0, true);
  view.setUint32(RAX_AT, random.word(), true);
  const code: number[] = [];
  if (op.prefix !== 0) code.push(op.prefix);
  const usesGpr = op.form.includes('gpr');
  if (usesGpr && random.below(2) === 0) code.push(0x48);
  const reg = op.reg ?? 1;
  const rm = op.form.startsWith('gprm') || op.form.endsWith('gprm') ? 1 : 2;
  code.push(0x0f, op.opcode, inMemory ? (reg << 3) | 7 : 0xc0 | (reg << 3) | rm);
  if (op.imm8) code.push(random.below(3) === 0 ? random.below(256) : random.below(70));
  record.set([...code, 0xc3], CODE);
  return record;
}

/** The bytes that a recording keeps, registers in physical order, pointers and padding cleared. */
export function canonical(record: Uint8Array): Uint8Array {
  const out = new Uint8Array(TRAPPED + 1);
  out.set(record.subarray(0, TRAPPED + 1));
  const top = ((record[3] as number) >> 3) & 7;
  out.fill(0, 6, 24);
  for (let i = 0; i < 8; i++) {
    const from = 32 + 16 * i;
    const to = 32 + 16 * ((top + i) & 7);
    out.fill(0, to, to + 16);
    out.set(record.subarray(from, from + 10), to);
  }
  out.fill(0, 28, 32);
  out.fill(0, 208, CODE);
  const view = new DataView(out.buffer);
  view.setUint32(FLAGS_AT, view.getUint32(FLAGS_AT, true) & ARITHMETIC_FLAGS, true);
  view.setUint32(FLAGS_AT + 4, 0, true);
  out[TRAPPED] = out[TRAPPED] === 0 ? 0 : 1;
  return out;
}

const ARITHMETIC_FLAGS = 0x8d5;

/** Bytes 0–TRAPPED of a canonical record. */
export const CANONICAL_BYTES = TRAPPED + 1;

/** What a case changes: the exclusive OR of the canonical records. After a trap only MXCSR is told. */
export function difference(before: Uint8Array, after: Uint8Array): Uint8Array {
  const a = canonical(before);
  const b = canonical(after);
  if (b[TRAPPED] !== 0) {
    const mxcsr = b.slice(24, 28);
    b.set(a);
    b.set(mxcsr, 24);
    b[TRAPPED] = 1;
  }
  return a.map((byte, i) => byte ^ (b[i] as number));
}

/** A set of cases: its name is that of its file in tests/vectors/fpu. */
export interface Family {
  readonly name: string;
  readonly seed: number;
  readonly cases: readonly FamilyCase[];
}

/** One case: an x87 instruction, or a row of the SSE table. */
export interface FamilyCase {
  readonly title: string;
  readonly record: Uint8Array;
  readonly op?: SseOp;
}

/** F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS. */
const TRANSCENDENTAL = [0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff];

/** QEMU: RCPPS, RSQRTPS and their scalar forms are not the tables of any processor. */
const APPROXIMATIONS = /^r(cp|sqrt)[ps]s$/;

/** The families of cases that tests/vectors/fpu has recordings of. */
export function families(ops: readonly SseOp[]): Family[] {
  const x87 = (name: string, seed: number, transcendental: boolean, count: number): Family => {
    const random = new Random(seed);
    const chosen = x87Instructions().filter(
      ([opcode, modrm]) => (opcode === 0xd9 && TRANSCENDENTAL.includes(modrm)) === transcendental,
    );
    const cases = chosen.flatMap(([opcode, modrm]) =>
      Array.from({ length: count }, () => ({
        title: `${opcode.toString(16)} ${modrm.toString(16)}`,
        record: x87Case(random, opcode, modrm),
      })),
    );
    return { name, seed, cases };
  };
  const sse = (name: string, seed: number, mmx: boolean, count: number): Family => {
    const random = new Random(seed);
    // Later maps have their recordings in tests/conformance alone.
    const chosen = ops.filter((op) => op.mmx === mmx && op.map === 0x0f && !APPROXIMATIONS.test(op.name));
    const cases = chosen.flatMap((op) =>
      Array.from({ length: count }, () => ({
        title: `${op.name} ${op.form}`,
        record: sseCase(random, op),
        op,
      })),
    );
    return { name, seed, cases };
  };
  return [
    x87('x87', 0x5eed87, false, 40),
    x87('x87-transcendental', 0x5eedf1, true, 150),
    sse('mmx', 0x5eed64, true, 20),
    sse('sse', 0x5eed80, false, 35),
  ];
}
