/** MMX and SSE instructions: the table of `sse/ops.ts` turned into records. */

import { INLINE_SSE } from '../semantics/simd.ts';
import { conversionKind } from '../semantics/simd-float.ts';
import { SHIFT_NAMES } from '../semantics/simd-integer.ts';
import { opNumber } from '../semantics/table.ts';
import { SSE_OPS, type SseMap, type SseOp } from '../sse/ops.ts';
import { FPU_REGS, MODE_SSE, XMM, XMM_TEMP } from '../state.ts';
import { type Instruction, type MemoryKinds, memoryKinds } from './instruction.ts';

const SSE = opNumber('sse');
const SSE_LOAD = opNumber('sse_load');
const SSE_STORE = opNumber('sse_store');
const SSE_CHECK = opNumber('sse_check');
const PREFIXES = [0, 0x66, 0xf3, 0xf2] as const;
const MAPS: readonly SseMap[] = [0x0f, 0x38, 0x3a];

function placeOf(map: SseMap, opcode: number, prefix: number): number {
  return (MAPS.indexOf(map) * 256 + opcode) * PREFIXES.length + prefix;
}

/** Rows by map, opcode and mandatory prefix: groups and register-only forms share a place. */
const ROWS: readonly number[][] = Array.from({ length: MAPS.length * 256 * PREFIXES.length }, () => []);
for (const [number, op] of SSE_OPS.entries()) {
  ROWS[placeOf(op.map, op.opcode, PREFIXES.indexOf(op.prefix))].push(number);
}

/** The mandatory prefix: F2 and F3 (the last one) win over 66. */
function mandatoryPrefix(i: Instruction): number {
  if (i.repeat !== 0) return i.repeat === 0xf3 ? 2 : 3;
  return i.operandPrefix ? 1 : 0;
}

function fits(op: SseOp, i: Instruction): boolean {
  if (op.feature !== undefined && !i.has(op.feature)) return false;
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

const CLEARX = opNumber('clearx128');
const CLEARX_HIGH = opNumber('clearx64_high');
const MOVD = {
  from: [opNumber('sse_movd_from32'), opNumber('sse_movd_from64')],
  to: [opNumber('sse_movd_to32'), opNumber('sse_movd_to64')],
  into: [opNumber('sse_insert32'), opNumber('sse_insert64')],
} as const;

/** Moves with records of their own, by the bytes that they move. */
const MOVES = new Map<string, number>([
  ...['movaps', 'movapd', 'movdqa', 'movups', 'movupd', 'movdqu'].map((name): [string, number] => [name, 16]),
  ...['movntps', 'movntpd', 'movntdq', 'movntdqa', 'lddqu'].map((name): [string, number] => [name, 16]),
  ['movsd', 8],
  ['movss', 4],
]);
/** The same where the operand is in memory, in 8 bytes of it: of the low half, and of the high half. */
const LOW_MOVES = ['movlps', 'movlpd', 'movq'];
const HIGH_MOVES = ['movhps', 'movhpd'];
/** Of an operand with itself: 0. */
const CLEARING = ['pxor', 'xorps', 'xorpd', 'psubb', 'psubw', 'psubd', 'psubq'];

const INLINE = new Map([...INLINE_SSE].map(([name, kind]) => [name, opNumber(kind)]));
const SHIFTS = new Map(SHIFT_NAMES.map((name) => [name, opNumber(`sse_${name}_imm`)]));
const CONVERSIONS = new Map(
  ['cvtsi2sd', 'cvtsi2ss', 'cvttsd2si', 'cvttss2si', 'cvtsd2si', 'cvtss2si'].flatMap((name) =>
    [false, true].flatMap((wide): [string, number][] => {
      const kind = conversionKind(name, wide);
      return kind === undefined ? [] : [[`${name}${wide}`, opNumber(kind)]];
    }),
  ),
);

/** The record kind of a row of the table: its own, or the one that looks into the table. */
function kindOf(op: SseOp, register: boolean, wide: boolean): number {
  if (op.mmx) return SSE;
  // A number in memory is loaded to where no general register is.
  if (!register && op.name.startsWith('cvtsi2')) return SSE;
  if (op.form === 'shift_imm_xmm') return SHIFTS.get(op.name) ?? SSE;
  return CONVERSIONS.get(`${op.name}${wide}`) ?? INLINE.get(op.name) ?? SSE;
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

/** Moves of halves and between register files. False: this is none. */
function decodeSmallMove(i: Instruction, op: SseOp, form: Operands, reg: number, wide: boolean): boolean {
  const store = form.reversed;
  if (op.mmx) return false;
  if (op.name === 'movd') {
    if (i.isMemory) {
      const bytes = wide ? 8 : 4;
      emitVector(i, (store ? STOREX : LOADX)[bytes], reg, bytes, 0, store);
    } else if (store) i.emit(MOVD.to[wide ? 1 : 0], 0, i.rm * 2, reg);
    else i.emit(MOVD.from[wide ? 1 : 0], 0, reg, i.rm * 2);
    return true;
  }
  const high = HIGH_MOVES.includes(op.name);
  if (!high && !LOW_MOVES.includes(op.name)) return false;
  if (!i.isMemory) {
    if (op.name !== 'movq') return false;
    const to = store ? xmm(i.rm) : reg;
    i.emit(COPYX[8], to, store ? reg : xmm(i.rm));
    i.emit(CLEARX_HIGH, to);
  } else if (store) emitVector(i, STOREX[8], high ? reg + 2 : reg, 8, 0, true);
  else if (op.name === 'movq') emitVector(i, LOADX[8], reg, 8, 0, false);
  else {
    emitVector(i, LOADX[8], XMM_TEMP, 8, 0, false);
    i.emit(COPYX[8], high ? reg + 2 : reg, XMM_TEMP);
  }
  return true;
}

/** PEXTRD, PEXTRQ, PINSRD and PINSRQ between registers. False: this is none. */
function decodeLaneMove(i: Instruction, op: SseOp, wide: boolean, imm: number): boolean {
  const lane = wide ? 2 * (imm & 1) : imm & 3;
  const size = wide ? 1 : 0;
  if (op.name === 'pextrd') i.emit(MOVD.to[size], 0, i.rm * 2, xmm(i.reg) + lane);
  else if (op.name === 'pinsrd') i.emit(MOVD.into[size], 0, xmm(i.reg) + lane, i.rm * 2);
  else return false;
  return true;
}

/** False: there is no such instruction. */
export function decodeSse(i: Instruction, opcode: number, map: SseMap = 0x0f): boolean {
  const rows = ROWS[placeOf(map, opcode, mandatoryPrefix(i))];
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
  // The mode of this code says that SSE may be used; MMX must look for exceptions of the x87.
  if ((i.mode & MODE_SSE) === 0 || op.mmx) i.emit(SSE_CHECK, flags);
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
  if (decodeSmallMove(i, op, form, reg, wide)) return true;
  const move = MOVES.get(op.name);
  if (move !== undefined) {
    decodeMove(i, move, form.reversed, reg, align);
    return true;
  }
  if (!i.isMemory) {
    if (decodeLaneMove(i, op, wide, immediate)) return true;
    const rm = registerOf(form.reversed ? form.dst : form.src, i.rm);
    if (rm === reg && !op.mmx && CLEARING.includes(op.name)) {
      i.emit(CLEARX, reg);
      return true;
    }
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
