/** The one-byte opcode map. Spec: Intel SDM vol. 2 appendix A. */

import { CPUID_EXT3_LAHF_LM } from '../cpu-features.ts';
import type { Width } from '../semantics/emitter.ts';
import { ALU_OPS, SHIFT_OPS } from '../semantics/index.ts';
import { opNumber } from '../semantics/table.ts';
import { MODE_CODE32, MODE_REAL, RAX, RBX, SEG_DS, TEMP0 } from '../state.ts';
import { branchRelative, nearCall, nearJump, nearReturn } from './branches.ts';
import type { Instruction } from './instruction.ts';
import {
  INC,
  LEA,
  LOAD,
  LOOPS,
  MOV_RI,
  MOV_RR,
  MOVSX32,
  ri,
  rr,
  STORE,
  STOREI,
  shiftCl,
  shiftImm,
  unaryKind,
  wide,
  XCHG,
} from './kinds.ts';
import { modify, modifyAtEa, source, undefinedOpcode, widthOf } from './operands.ts';
import {
  enterFrame,
  leaveFrame,
  popOperand,
  popRegister,
  pushImmediate,
  pushOperand,
  pushRegister,
  segmentStack,
  stackWidth,
} from './stack.ts';
import { decodeString } from './strings.ts';
import { decodeVex } from './vex.ts';
import { decodeX87 } from './x87.ts';

const [CWDE, CBW, CDQE, CDQ, CWD, CQO] = ['cwde', 'cbw', 'cdqe', 'cdq', 'cwd', 'cqo'].map(opNumber);
const LAHF = opNumber('lahf');
const SAHF = opNumber('sahf');
const FLAG_KINDS: Readonly<Record<number, number>> = {
  245: opNumber('cmc'),
  248: opNumber('clc'),
  249: opNumber('stc'),
  252: opNumber('cld'),
  253: opNumber('std'),
};
const CMP = 7;

function arithmetic(i: Instruction, opcode: number): void {
  const op = opcode >> 3;
  const width = widthOf(i, opcode);
  const form = opcode & 7;
  if (form >= 4) {
    const value = i.immediate(width);
    i.emit(ri(ALU_OPS[op], width), i.register(width, 0), 0, value, value >> 31);
    return;
  }
  i.readModrm();
  i.lockable = form < 2 && op !== CMP;
  const kind = rr(ALU_OPS[op], width);
  const register = i.register(width, i.reg);
  if (form >= 2) i.emit(kind, register, source(i, width));
  else if (op === CMP) i.emit(kind, source(i, width), register);
  else modify(i, width, (operand) => i.emit(kind, operand, register));
}

/** 80, 81, 83: ALU with immediate. */
function group1(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  // The immediate follows the displacement, so it is read before any record needs the next address.
  const value = opcode === 0x81 ? i.immediate(width) : i.signed8();
  i.lockable = op !== CMP;
  const kind = ri(ALU_OPS[op], width);
  if (op === CMP) i.emit(kind, source(i, width), 0, value, value >> 31);
  else modify(i, width, (operand) => i.emit(kind, operand, 0, value, value >> 31));
}

/** C0, C1, D0–D3: shifts and rotates. */
function group2(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  const op = SHIFT_OPS[(i.modrm >> 3) & 7];
  if (opcode === 0xd2 || opcode === 0xd3) {
    modify(i, width, (operand) => i.emit(shiftCl(op, width), operand));
    return;
  }
  const count = (opcode < 0xd0 ? i.byte() : 1) & (width === 64 ? 63 : 31);
  modify(i, width, (operand) => i.emit(shiftImm(op, width), operand, 0, count));
}

/** F6, F7: TEST, NOT, NEG, MUL, IMUL, DIV, IDIV. */
function group3(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  if (op < 2) {
    const value = i.immediate(width);
    i.emit(ri('test', width), source(i, width), 0, value, value >> 31);
    return;
  }
  if (op < 4) {
    i.lockable = true;
    const kind = unaryKind(op === 2 ? 'not' : 'neg', width);
    modify(i, width, (operand) => i.emit(kind, operand));
    return;
  }
  const operand = source(i, width);
  i.emit(wide(op, width), operand);
}

/** FE, FF: INC, DEC, CALL, JMP, PUSH. */
function group45(i: Instruction, opcode: number): void {
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  const width = widthOf(i, opcode);
  if (op < 2) {
    i.lockable = true;
    const kind = unaryKind(op === 0 ? 'inc' : 'dec', width);
    modify(i, width, (operand) => i.emit(kind, operand));
    return;
  }
  if (opcode === 0xfe || op === 7) return undefinedOpcode(i);
  if (op === 2) return nearCall(i);
  if (op === 4) return nearJump(i);
  if (op === 6) return pushOperand(i);
  if (!i.isMemory) return undefinedOpcode(i);
  i.emitEa(i.operandSize === 16 ? 4 : i.operandSize === 32 ? 6 : 10, false);
  i.emitHelperEnd(op === 3 ? 'farCallMem' : 'farJmpMem', i.operandSize);
}

/** MOV between a register or memory and a register (88–8B). */
function move(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  const register = i.register(width, i.reg);
  const toRegister = (opcode & 2) !== 0;
  if (!i.isMemory) {
    const operand = i.register(width, i.rm);
    if (toRegister) i.emit(MOV_RR[width], register, operand);
    else i.emit(MOV_RR[width], operand, register);
  } else if (toRegister) i.emitMemory(LOAD[width], register, width / 8, false);
  else i.emitMemory(STORE[width], register, width / 8, true);
}

function moveImmediate(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  const value = i.immediate(width);
  if (((i.modrm >> 3) & 7) !== 0) return undefinedOpcode(i);
  if (i.isMemory) i.emitMemory(STOREI[width], value, width / 8, true);
  else loadImmediate(i, width, i.rm, value, value >> 31);
}

function loadImmediate(i: Instruction, width: Width, n: number, lo: number, hi: number): void {
  const register = i.register(width, n);
  if (width === 8 || width === 16) i.emit(MOV_RI[width], register, 0, lo);
  else i.emit(MOV_RI[64], register, 0, lo, width === 64 ? hi : 0);
}

/** MOV between the accumulator and an absolute offset (A0–A3). */
function moveOffset(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  const toMemory = (opcode & 2) !== 0;
  const register = i.register(width, 0);
  const lo = i.addressSize === 16 ? i.half() : i.word();
  const hi = i.addressSize === 64 ? i.word() : 0;
  i.mod = 0;
  i.base = 32;
  i.indexRegister = 32;
  i.scale = 0;
  i.displacement = lo;
  i.defaultSegment = SEG_DS;
  if (i.addressSize === 64) {
    // A 64-bit offset does not fit a displacement: it goes through a temporary.
    i.emit(MOV_RI[64], TEMP0, 0, lo, hi);
    i.base = TEMP0;
    i.displacement = 0;
  }
  if (toMemory) i.emitMemory(STORE[width], register, width / 8, true);
  else i.emitMemory(LOAD[width], register, width / 8, false);
}

function exchange(i: Instruction, opcode: number): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  i.lockable = true;
  const register = i.register(width, i.reg);
  modifyAtEa(i, width, (operand) => i.emit(XCHG[width], operand, register));
}

/** IMUL with an immediate (69, 6B). */
function multiplyImmediate(i: Instruction, opcode: number): void {
  i.readModrm();
  const width = i.operandSize;
  const value = opcode === 0x6b ? i.signed8() : i.immediate(width);
  const operand = source(i, width);
  i.emit(opNumber(`imul${width}_rri`), i.register(width, i.reg), operand, value, value >> 31);
}

function inputOutput(i: Instruction, opcode: number): void {
  const size = (opcode & 1) === 0 ? 8 : i.operandSize === 16 ? 16 : 32;
  const port = opcode < 0xe8 ? i.byte() : -1;
  i.emitHelperEnd((opcode & 2) === 0 ? 'in' : 'out', size, 0, 0, port);
}

function farImmediate(i: Instruction, name: 'farCallImm' | 'farJmpImm'): void {
  const offset = i.operandSize === 16 ? i.half() : i.word();
  const selector = i.half();
  if (i.code64) return undefinedOpcode(i);
  i.emitHelperEnd(name, i.operandSize, 0, 0, offset, selector);
}

/** Opcodes that 64-bit code does not have. */
function legacyOnly(i: Instruction, opcode: number): boolean {
  const names: Readonly<Record<number, string>> = { 39: 'daa', 47: 'das', 55: 'aaa', 63: 'aas' };
  const name = names[opcode];
  if (name === undefined) return false;
  if (i.code64) undefinedOpcode(i);
  else i.emitHelper(name, 8, 0, 0, 0, 0);
  return true;
}

/** Decodes the instruction whose first opcode byte (after prefixes) is `opcode`; 0F is not handled here. */
export function decodeOneByte(i: Instruction, opcode: number): void {
  if (opcode < 0x40) {
    const low = opcode & 7;
    if (low < 6) return arithmetic(i, opcode);
    if (legacyOnly(i, opcode)) return;
    return segmentStack(i, opcode >> 3, low === 6);
  }
  if (opcode < 0x50) {
    const kind = INC[opcode < 0x48 ? 'inc' : 'dec'][i.operandSize as 16 | 32];
    return i.emit(kind, i.register(i.operandSize, opcode & 7));
  }
  if (opcode < 0x58) return pushRegister(i, (opcode & 7) | ((i.rex & 1) << 3));
  if (opcode < 0x60) return popRegister(i, (opcode & 7) | ((i.rex & 1) << 3));
  if (opcode >= 0x70 && opcode < 0x80) return branchRelative(i, `jcc${opcode & 15}`, i.signed8());
  if (opcode >= 0xb0 && opcode < 0xb8) {
    const n = (opcode & 7) | ((i.rex & 1) << 3);
    return loadImmediate(i, 8, n, i.signed8(), 0);
  }
  if (opcode >= 0xb8 && opcode < 0xc0) {
    const width = i.operandSize;
    const lo = width === 16 ? i.half() : i.word();
    const hi = width === 64 ? i.word() : 0;
    return loadImmediate(i, width, (opcode & 7) | ((i.rex & 1) << 3), lo, hi);
  }
  if (opcode >= 0xd8 && opcode < 0xe0) return decodeX87(i, opcode);
  if (opcode >= 0xe0 && opcode < 0xe4) {
    return branchRelative(i, `${LOOPS[opcode & 3]}${i.addressSize}`, i.signed8());
  }
  decodeRest(i, opcode);
}

function decodeRest(i: Instruction, opcode: number): void {
  switch (opcode) {
    case 0x60:
    case 0x61:
      if (i.code64) return undefinedOpcode(i);
      return i.emitHelper(opcode === 0x60 ? 'pusha' : 'popa', i.operandSize, 0, 0, 0, 0);
    case 0x62:
      i.readModrm();
      if (i.code64 || !i.isMemory) return undefinedOpcode(i);
      i.emitEa(i.operandSize / 4, false);
      return i.emitHelper('bound', i.operandSize, i.reg, -1, 0, 0);
    case 0x63:
      i.readModrm();
      if (i.code64) return signExtend32(i);
      if (i.isMemory) i.emitEa(2, true);
      return i.emitHelper('arpl', 16, i.reg, i.isMemory ? -1 : i.rm, 0, 0);
    case 0x68:
    case 0x6a:
      return pushImmediate(i, opcode);
    case 0x69:
    case 0x6b:
      return multiplyImmediate(i, opcode);
    case 0x82:
      if (i.code64) return undefinedOpcode(i);
      return group1(i, 0x80);
    case 0x80:
    case 0x81:
    case 0x83:
      return group1(i, opcode);
    case 0x84:
    case 0x85: {
      const width = widthOf(i, opcode);
      i.readModrm();
      return i.emit(rr('test', width), source(i, width), i.register(width, i.reg));
    }
    case 0x86:
    case 0x87:
      return exchange(i, opcode);
    case 0x88:
    case 0x89:
    case 0x8a:
    case 0x8b:
      return move(i, opcode);
    case 0x8c:
    case 0x8e:
      return moveSegment(i, opcode);
    case 0x8d:
      i.readModrm();
      if (!i.isMemory) return undefinedOpcode(i);
      return i.emitLea(LEA[i.operandSize], i.register(i.operandSize, i.reg));
    case 0x8f:
      return popOperand(i);
    case 0x90:
      if ((i.rex & 1) !== 0) break;
      if (i.repeat === 0xf3) i.emitHelper('pause', 0, 0, 0, 0, 0);
      return;
    case 0x98:
      return i.emit({ 16: CBW, 32: CWDE, 64: CDQE }[i.operandSize]);
    case 0x99:
      return i.emit({ 16: CWD, 32: CDQ, 64: CQO }[i.operandSize]);
    case 0x9a:
      return farImmediate(i, 'farCallImm');
    case 0x9b:
      return i.emitHelper('fwait', 0, 0, 0, 0, 0);
    case 0x9c:
      return i.emitHelper('pushf', stackWidth(i), 0, 0, 0, 0);
    case 0x9d:
      return i.emitHelperEnd('popf', stackWidth(i));
    case 0x9e:
    case 0x9f:
      if (i.code64 && !i.has(CPUID_EXT3_LAHF_LM)) return undefinedOpcode(i);
      return i.emit(opcode === 0x9e ? SAHF : LAHF);
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa3:
      return moveOffset(i, opcode);
    case 0xa8:
    case 0xa9: {
      const width = widthOf(i, opcode);
      const value = i.immediate(width);
      return i.emit(ri('test', width), i.register(width, 0), 0, value, value >> 31);
    }
    case 0xc2:
    case 0xc3:
      return nearReturn(i, opcode === 0xc2 ? i.half() : 0);
    case 0xc4:
    case 0xc5:
      if (isVex(i)) return decodeVex(i, opcode === 0xc4);
      i.readModrm();
      if (!i.isMemory) return undefinedOpcode(i);
      i.emitEa(i.operandSize / 8 + 2, false);
      return i.emitHelperEnd('loadFarPointer', i.operandSize, i.reg, -1, opcode === 0xc4 ? 0 : 3);
    case 0xc6:
    case 0xc7:
      return moveImmediate(i, opcode);
    case 0xc8:
      return enterFrame(i);
    case 0xc9:
      return leaveFrame(i);
    case 0xca:
    case 0xcb:
      return i.emitHelperEnd('retFar', i.operandSize, 0, 0, opcode === 0xca ? i.half() : 0);
    case 0xcc:
      return i.emitHelperEnd('int3', 0);
    case 0xcd:
      return i.emitHelperEnd('intN', 0, 0, 0, i.byte());
    case 0xce:
      return i.code64 ? undefinedOpcode(i) : i.emitHelperEnd('into', 0);
    case 0xcf:
      return i.emitHelperEnd('iret', i.operandSize);
    case 0xd4:
    case 0xd5: {
      const base = i.byte();
      if (i.code64) return undefinedOpcode(i);
      return i.emitHelper(opcode === 0xd4 ? 'aam' : 'aad', 8, 0, 0, base, 0);
    }
    case 0xd6:
      return i.code64 ? undefinedOpcode(i) : i.emitHelper('salc', 8, 0, 0, 0, 0);
    case 0xd7:
      return translateByte(i);
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef:
      return inputOutput(i, opcode);
    case 0xe8:
    case 0xe9: {
      const distance = i.operandSize === 16 && !i.code64 ? (i.half() << 16) >> 16 : i.word();
      return branchRelative(i, opcode === 0xe8 ? 'call' : 'jmp', distance);
    }
    case 0xea:
      return farImmediate(i, 'farJmpImm');
    case 0xeb:
      return branchRelative(i, 'jmp', i.signed8());
    case 0xf4:
      return i.emitHelperEnd('hlt', 0);
    case 0xf6:
    case 0xf7:
      return group3(i, opcode);
    case 0xfa:
    case 0xfb:
      return opcode === 0xfa ? i.emitHelper('cli', 0, 0, 0, 0, 0) : i.emitHelperEnd('sti', 0);
    case 0xfe:
    case 0xff:
      return group45(i, opcode);
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return group2(i, opcode);
    default:
      break;
  }
  if (opcode >= 0x90 && opcode < 0x98) {
    const width = i.operandSize;
    const other = i.register(width, (opcode & 7) | ((i.rex & 1) << 3));
    return i.emit(XCHG[width], i.register(width, 0), other);
  }
  const flag = FLAG_KINDS[opcode];
  if (flag !== undefined) return i.emit(flag);
  if (decodeString(i, opcode)) return;
  undefinedOpcode(i);
}

/** C4 and C5 are LES and LDS where VEX cannot be, or where ModRM names memory. QEMU: VEX is for 64-bit and 32-bit code. */
function isVex(i: Instruction): boolean {
  if (i.code64) return true;
  const isProtected32 = (i.mode & (MODE_CODE32 | MODE_REAL)) === MODE_CODE32;
  return isProtected32 && i.peek() >= 0xc0;
}

function signExtend32(i: Instruction): void {
  const width = i.operandSize;
  const register = i.register(width, i.reg);
  if (width !== 64) {
    if (i.isMemory) i.emitMemory(LOAD[width], register, width / 8, false);
    else i.emit(MOV_RR[width], register, i.register(width, i.rm));
  } else if (i.isMemory) i.emitMemory(MOVSX32.load, register, 4, false);
  else i.emit(MOVSX32.rr, register, i.rm * 2);
}

function moveSegment(i: Instruction, opcode: number): void {
  i.readModrm();
  const segment = (i.modrm >> 3) & 7;
  if (segment > 5 || (opcode === 0x8e && segment === 1)) return undefinedOpcode(i);
  if (i.isMemory) i.emitEa(2, opcode === 0x8c);
  const rm = i.isMemory ? -1 : i.rm;
  if (opcode === 0x8c) i.emitHelper('movFromSeg', i.operandSize, segment, rm, 0, 0);
  else i.emitHelperEnd('movToSeg', i.operandSize, segment, rm);
}

/** XLAT: AL = byte at DS:rBX + AL. */
function translateByte(i: Instruction): void {
  i.mod = 0;
  i.base = RBX;
  i.displacement = 0;
  i.scale = 0;
  i.defaultSegment = SEG_DS;
  i.emit(opNumber('mov_zx8_32_rr'), TEMP0, RAX * 4);
  i.indexRegister = TEMP0;
  i.emitMemory(LOAD[8], RAX * 4, 1, false);
}
