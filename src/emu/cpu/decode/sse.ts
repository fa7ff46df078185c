/** MMX and SSE instructions: the table of `sse/ops.ts` turned into records. */

import { INLINE_SSE } from '../semantics/simd.ts';
import { opNumber } from '../semantics/table.ts';
import { SSE_OPS, type SseOp } from '../sse/ops.ts';
import { FPU_REGS, XMM, XMM_TEMP } from '../state.ts';
import { type Instruction, type MemoryKinds, memoryKinds } from './instruction.ts';

const SSE = opNumber('sse');
const SSE_LOAD = opNumber('sse_load');
const SSE_STORE = opNumber('sse_store');
const SSE_CHECK = opNumber('sse_check');
const PREFIXES = [0, 0x66, 0xf3, 0xf2] as const;

/** Rows by opcode and mandatory prefix: groups and register-only forms share a place. */
const ROWS: readonly number[][] = Array.from({ length: 1024 }, () => []);
for (const [number, op] of SSE_OPS.entries()) {
  ROWS[op.opcode * 4 + PREFIXES.indexOf(op.prefix)].push(number);
}

/** The mandatory prefix: F2 and F3 (the last one) win over 66. */
function mandatoryPrefix(i: Instruction): number {
  if (i.repeat !== 0) return i.repeat === 0xf3 ? 2 : 3;
  return i.operandPrefix ? 1 : 0;
}

function fits(op: SseOp, i: Instruction): boolean {
  if (op.reg !== undefined && op.reg !== ((i.modrm >> 3) & 7)) return false;
  return i.isMemory ? !op.regOnly : !op.memOnly;
}

function xmm(n: number): number {
  return XMM + n * 4;
}

function mm(n: number): number {
  return FPU_REGS + (n & 7) * 4;
}

/** The word index of register `n` of the file that a form names. */
function registerOf(file: string, n: number): number {
  if (file.startsWith('xmm')) return xmm(n);
  return file.startsWith('mm') ? mm(n) : n * 2;
}

interface Operands {
  readonly dst: string;
  readonly src: string;
  /** The destination is ModRM.rm. */
  readonly reversed: boolean;
}

const FORMS: Readonly<Record<SseOp['form'], Operands>> = {
  xmm_xmmm: { dst: 'xmm', src: 'xmm', reversed: false },
  mm_mmm: { dst: 'mm', src: 'mm', reversed: false },
  xmm_mmm: { dst: 'xmm', src: 'mm', reversed: false },
  mm_xmmm: { dst: 'mm', src: 'xmm', reversed: false },
  store_xmm: { dst: 'xmm', src: 'xmm', reversed: true },
  store_mm: { dst: 'mm', src: 'mm', reversed: true },
  gpr_xmmm: { dst: 'gpr', src: 'xmm', reversed: false },
  gpr_mmm: { dst: 'gpr', src: 'mm', reversed: false },
  xmm_gprm: { dst: 'xmm', src: 'gpr', reversed: false },
  mm_gprm: { dst: 'mm', src: 'gpr', reversed: false },
  gprm_xmm: { dst: 'gpr', src: 'xmm', reversed: true },
  gprm_mm: { dst: 'gpr', src: 'mm', reversed: true },
  gprm_gpr: { dst: 'gpr', src: 'gpr', reversed: true },
  shift_imm_xmm: { dst: 'xmm', src: 'xmm', reversed: true },
  shift_imm_mm: { dst: 'mm', src: 'mm', reversed: true },
};

function isMaskMove(op: SseOp): boolean {
  return op.name.startsWith('maskmov');
}

const LOADX: Readonly<Record<number, MemoryKinds>> = {
  4: memoryKinds('loadx32'),
  8: memoryKinds('loadx64'),
  16: memoryKinds('loadx128'),
};
const STOREX: Readonly<Record<number, MemoryKinds>> = {
  4: memoryKinds('storex32'),
  8: memoryKinds('storex64'),
  16: memoryKinds('storex128'),
};
const COPYX: Readonly<Record<number, number>> = {
  4: opNumber('copyx32'),
  8: opNumber('copyx64'),
  16: opNumber('copyx128'),
};

/** Moves with records of their own, by the bytes that they move. */
const MOVES = new Map<string, number>([
  ...['movaps', 'movapd', 'movdqa', 'movups', 'movupd', 'movdqu'].map((name): [string, number] => [name, 16]),
  ['movsd', 8],
  ['movss', 4],
]);

const INLINE = new Map([...INLINE_SSE].map(([name, kind]) => [name, opNumber(kind)]));
const CVTSI2SD32 = opNumber('sse_cvtsi2sd32');
const CVTTSD2SI32 = opNumber('sse_cvttsd2si32');

/** The record kind of a row of the table: its own, or the one that looks into the table. */
function kindOf(op: SseOp, register: boolean, wide: boolean): number {
  if (op.mmx) return SSE;
  if (!wide && register && op.name === 'cvtsi2sd') return CVTSI2SD32;
  if (!wide && op.name === 'cvttsd2si') return CVTTSD2SI32;
  return INLINE.get(op.name) ?? SSE;
}

/** A vector load or store of ModRM.rm; `align` is the mask of address bits that must be 0. */
function emitVector(
  i: Instruction,
  kinds: MemoryKinds,
  vector: number,
  bytes: number,
  align: number,
  write: boolean,
): void {
  i.emitMemory(kinds, vector, bytes, write);
  i.C[i.at - 2] = align;
}

function decodeMove(i: Instruction, bytes: number, store: boolean, reg: number, align: number): void {
  if (i.isMemory) {
    emitVector(i, (store ? STOREX : LOADX)[bytes], reg, bytes, align, store);
    return;
  }
  const rm = xmm(i.rm);
  i.emit(COPYX[bytes], store ? rm : reg, store ? reg : rm);
}

/** False: there is no such instruction. */
export function decodeSse(i: Instruction, opcode: number): boolean {
  const rows = ROWS[opcode * 4 + mandatoryPrefix(i)];
  if (rows.length === 0) return false;
  i.readModrm();
  const number = rows.find((row) => fits(SSE_OPS[row], i));
  if (number === undefined) return false;
  const op = SSE_OPS[number];
  const immediate = op.imm8 ? i.byte() : 0;
  const form = FORMS[op.form];
  const wide = (i.rex & 8) !== 0;
  const bytes = op.wideMem && wide ? 8 : op.memBytes;
  const flags = (op.mmx ? 1 : 0) | (op.name === 'movnti' ? 2 : 0);
  const align = op.aligned ? 15 : 0;
  const reg = registerOf(form.reversed ? form.src : form.dst, i.reg);
  i.emit(SSE_CHECK, flags);
  if (isMaskMove(op)) {
    // The byte-masked stores write at DS:rDI.
    i.base = 14;
    i.indexRegister = 32;
    i.scale = 0;
    i.displacement = 0;
    i.defaultSegment = 88;
    i.emitEa(bytes === 0 ? 16 : bytes, true);
    i.emit(SSE, number, registerOf(form.dst, i.reg), registerOf(form.src, i.rm), 0, 0);
    return true;
  }
  const move = MOVES.get(op.name);
  if (move !== undefined) {
    decodeMove(i, move, form.reversed, reg, align);
    return true;
  }
  if (!i.isMemory) {
    const rm = registerOf(form.reversed ? form.dst : form.src, i.rm);
    const kind = kindOf(op, true, wide);
    i.emit(kind, number, form.reversed ? rm : reg, form.reversed ? reg : rm, immediate, wide ? 1 : 0);
    return true;
  }
  if (form.reversed) {
    i.emitEa(bytes, true);
    i.emit(SSE, number, XMM_TEMP, reg, immediate, wide ? 1 : 0);
    i.emit(SSE_STORE, XMM_TEMP, bytes, align, op.mmx ? 1 : 0);
  } else {
    const load = LOADX[bytes];
    if (load === undefined) {
      i.emitEa(bytes, false);
      i.emit(SSE_LOAD, XMM_TEMP, bytes, align);
    } else emitVector(i, load, XMM_TEMP, bytes, align, false);
    i.emit(kindOf(op, false, wide), number, reg, XMM_TEMP, immediate, wide ? 1 : 0);
  }
  return true;
}
