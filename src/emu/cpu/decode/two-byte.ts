/** The 0F opcode map without MMX and SSE. Spec: Intel SDM vol. 2 appendix A. */

import {
  CPUID_7_0_EBX_BMI1,
  CPUID_7_0_EBX_CLFLUSHOPT,
  CPUID_7_0_EBX_CLWB,
  CPUID_7_0_EBX_FSGSBASE,
  CPUID_7_0_EBX_SMAP,
  CPUID_CLFLUSH,
  CPUID_CMOV,
  CPUID_CX8,
  CPUID_EXT_CX16,
  CPUID_EXT_POPCNT,
  CPUID_EXT_RDRAND,
  CPUID_EXT2_RDTSCP,
  CPUID_EXT3_ABM,
  CPUID_FXSR,
  CPUID_SSE,
  CPUID_SSE2,
} from '../cpu-features.ts';
import type { Width } from '../semantics/emitter.ts';
import { opNumber } from '../semantics/table.ts';
import { RAX, SEG_FS, SEG_GS } from '../state.ts';
import { branchRelative } from './branches.ts';
import { type Instruction, memoryKinds, PREFIX_REP } from './instruction.ts';
import { BSWAP, LOAD, LOADW, STORE } from './kinds.ts';
import { modify, modifyAtEa, source, undefinedOpcode, widthOf } from './operands.ts';
import { decodeSse } from './sse.ts';
import { stackWidth } from './stack.ts';
import { decode0f3a, decode0f38 } from './three-byte.ts';

const SET = Array.from({ length: 16 }, (_, code) => opNumber(`set${code}`));
const EA_BITS = opNumber('ea_bits');
const EXTEND = {
  zx8: { 16: 'zx8_16', 32: 'zx8_32', 64: 'zx8_32' },
  zx16: { 16: '', 32: 'zx16_32', 64: 'zx16_32' },
  sx8: { 16: 'sx8_16', 32: 'sx8_32', 64: 'sx8_64' },
  sx16: { 16: '', 32: 'sx16_32', 64: 'sx16_64' },
} as const;
const BIT_OPS = ['bt', 'bts', 'btr', 'btc'] as const;

/** MOVZX, MOVSX (B6, B7, BE, BF). */
function extend(i: Instruction, opcode: number): void {
  i.readModrm();
  const from: Width = (opcode & 1) === 0 ? 8 : 16;
  const width = i.operandSize;
  const register = i.register(width, i.reg);
  const name = EXTEND[`${opcode < 0xb8 ? 'zx' : 'sx'}${from}`][width];
  if (name === '') {
    const operand = source(i, 16);
    return i.emit(opNumber('mov16_rr'), register, operand);
  }
  if (i.isMemory) i.emitMemory(memoryKinds(`load_${name}`), register, from / 8, false);
  else i.emit(opNumber(`mov_${name}_rr`), register, i.register(from, i.rm));
}

function conditionalMove(i: Instruction, opcode: number): void {
  if (!i.has(CPUID_CMOV)) return undefinedOpcode(i);
  i.readModrm();
  const width = i.operandSize;
  const operand = source(i, width);
  i.emit(opNumber(`cmov${width}_${opcode & 15}`), i.register(width, i.reg), operand);
}

function setByte(i: Instruction, opcode: number): void {
  i.readModrm();
  if (!i.isMemory) return i.emit(SET[opcode & 15], i.register8(i.rm));
  i.emit(SET[opcode & 15], i.temp(8));
  i.emitMemory(STORE[8], i.temp(8), 1, true);
}

/** BT, BTS, BTR, BTC with a register (A3, AB, B3, BB): in memory the bit number also moves the address. */
function bitRegister(i: Instruction, opcode: number): void {
  i.readModrm();
  const op = BIT_OPS[(opcode >> 3) & 3];
  i.lockable = op !== 'bt';
  const width = i.operandSize;
  const kind = opNumber(`${op}${width}_rr`);
  const number = i.register(width, i.reg);
  if (!i.isMemory) return i.emit(kind, i.register(width, i.rm), number);
  i.emitEa(width / 8, op !== 'bt');
  i.emit(EA_BITS, i.reg * 2, width, i.addressSize === 64 ? 0 : 1);
  const temp = i.temp(width);
  i.emit((op === 'bt' ? LOAD : LOADW)[width].ea, temp);
  i.emit(kind, temp, number);
  if (op !== 'bt') i.emit(STORE[width].ea, temp);
}

/** BA: the same with an immediate bit number. */
function bitImmediate(i: Instruction): void {
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  const number = i.byte();
  if (op < 4) return undefinedOpcode(i);
  i.lockable = op !== 4;
  const width = i.operandSize;
  const kind = opNumber(`${BIT_OPS[op - 4]}${width}_ri`);
  if (op === 4) i.emit(kind, source(i, width), 0, number);
  else modify(i, width, (operand) => i.emit(kind, operand, 0, number));
}

function doubleShift(i: Instruction, opcode: number): void {
  i.readModrm();
  const width = i.operandSize;
  const op = opcode < 0xa8 ? 'shld' : 'shrd';
  const immediate = (opcode & 1) === 0;
  const count = immediate ? i.byte() & (width === 64 ? 63 : 31) : 0;
  const kind = opNumber(`${op}${width}_${immediate ? 'imm' : 'cl'}`);
  modify(i, width, (operand) => i.emit(kind, operand, i.register(width, i.reg), count));
}

function exchange(i: Instruction, opcode: number, name: 'cmpxchg' | 'xadd'): void {
  const width = widthOf(i, opcode);
  i.readModrm();
  i.lockable = true;
  const kind = opNumber(`${name}${width}_rr`);
  const register = i.register(width, i.reg);
  modifyAtEa(i, width, (operand) => i.emit(kind, operand, register, i.register(width, RAX)));
}

/** C7: CMPXCHG8B, CMPXCHG16B, RDRAND, RDSEED. */
function group9(i: Instruction): void {
  i.readModrm();
  if (!i.isMemory && ((i.modrm >> 3) & 7) >= 6) {
    // QEMU: RDSEED is there where RDRAND is announced, whatever CPUID says of itself.
    if (!i.has(CPUID_EXT_RDRAND) || i.repeat !== 0) return undefinedOpcode(i);
    return i.emitHelper('rdrand', i.operandSize, 0, i.rm, 0, 0);
  }
  if (!i.isMemory || ((i.modrm >> 3) & 7) !== 1) return undefinedOpcode(i);
  i.lockable = true;
  const wide = i.operandSize === 64;
  if (!i.has(wide ? CPUID_EXT_CX16 : CPUID_CX8)) return undefinedOpcode(i);
  i.emitEa(wide ? 16 : 8, true);
  i.emitHelper(wide ? 'cmpxchg16b' : 'cmpxchg8b', 0, 0, 0, 0, 0);
}

function scan(i: Instruction, name: 'bsf' | 'bsr' | 'popcnt' | 'tzcnt' | 'lzcnt'): void {
  i.readModrm();
  const width = i.operandSize;
  const operand = source(i, width);
  i.emit(opNumber(`${name}${width}`), i.register(width, i.reg), operand);
}

/** 00: SLDT, STR, LLDT, LTR, VERR, VERW. */
function group6(i: Instruction): void {
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  if (op > 5) return undefinedOpcode(i);
  if (i.isMemory) i.emitEa(2, op < 2);
  const name = ['sldt', 'str', 'lldt', 'ltr', 'verr', 'verw'][op];
  const rm = i.isMemory ? -1 : i.rm;
  if (op === 2 || op === 3) i.emitHelperEnd(name, i.operandSize, 0, rm);
  else i.emitHelper(name, i.operandSize, 0, rm, 0, 0);
}

/** 01: descriptor tables, SMSW, LMSW, INVLPG, SWAPGS, RDTSCP, CLAC, STAC, MONITOR, MWAIT. */
function group7(i: Instruction): void {
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  const size = i.code64 ? 64 : i.operandSize;
  if (op === 4 || op === 6) {
    if (i.isMemory) i.emitEa(2, op === 4);
    const rm = i.isMemory ? -1 : i.rm;
    if (op === 4) return i.emitHelper('smsw', i.operandSize, 0, rm, 0, 0);
    return i.emitHelperEnd('lmsw', 16, 0, rm);
  }
  if (i.isMemory) {
    if (op === 5) return undefinedOpcode(i);
    i.emitEa(op === 7 ? 1 : size === 64 ? 10 : 6, op < 2);
    return i.emitHelperEnd(['sgdt', 'sidt', 'lgdt', 'lidt', '', '', '', 'invlpg'][op], size, 0, -1);
  }
  switch (i.modrm) {
    case 0xc8:
      return i.emitHelper('monitor', i.addressSize, 0, 0, 0, 0);
    case 0xc9:
      return i.emitHelperEnd('mwait', 0);
    case 0xca:
    case 0xcb:
      if (!i.has(CPUID_7_0_EBX_SMAP)) return undefinedOpcode(i);
      return i.emitHelper(i.modrm === 0xca ? 'clac' : 'stac', 0, 0, 0, 0, 0);
    case 0xf8:
      return i.code64 ? i.emitHelperEnd('swapgs', 0) : undefinedOpcode(i);
    case 0xf9:
      if (!i.has(CPUID_EXT2_RDTSCP)) return undefinedOpcode(i);
      return i.emitHelper('rdtscp', 0, 0, 0, 0, 0);
    default:
      return undefinedOpcode(i);
  }
}

/** F3 0F AE with a register: RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE. */
function segmentBaseAccess(i: Instruction, op: number): void {
  if (!i.code64 || op > 3 || !i.has(CPUID_7_0_EBX_FSGSBASE)) return undefinedOpcode(i);
  const segment = (op & 1) === 0 ? SEG_FS : SEG_GS;
  i.emitHelper(
    op < 2 ? 'readSegmentBase' : 'writeSegmentBase',
    i.operandSize === 64 ? 64 : 32,
    segment,
    i.rm,
    0,
    0,
  );
}

/** Without a prefix: a register form is a fence. Not modelled: the order of memory accesses; fences have no record. */
function fence(i: Instruction, op: number): void {
  // QEMU: LFENCE is one of SSE.
  const feature = op === 6 ? CPUID_SSE2 : CPUID_SSE;
  if (op < 5 || !i.has(feature)) undefinedOpcode(i);
}

/** 66 0F AE /6 and /7: CLWB, CLFLUSHOPT. Not modelled: caches. */
function cacheLine(i: Instruction, op: number): void {
  const feature = op === 7 ? CPUID_7_0_EBX_CLFLUSHOPT : CPUID_7_0_EBX_CLWB;
  if (op < 6 || !i.isMemory || !i.has(feature)) return undefinedOpcode(i);
  i.emitEa(1, false);
  i.emitHelper('clflush', 0, 0, -1, 0, 0);
}

const GROUP15 = ['fxsave', 'fxrstor', 'ldmxcsr', 'stmxcsr', '', '', '', 'clflush'];
const GROUP15_FEATURES = [CPUID_FXSR, CPUID_FXSR, CPUID_SSE, CPUID_SSE, 0, 0, 0, CPUID_CLFLUSH];

/** AE: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, CLFLUSH and its kin, the fences, bases of FS and GS. */
function group15(i: Instruction): void {
  i.readModrm();
  const op = (i.modrm >> 3) & 7;
  if (i.repeat === PREFIX_REP && !i.isMemory) return segmentBaseAccess(i, op);
  if (i.repeat !== 0) return undefinedOpcode(i);
  if (i.operandPrefix) return cacheLine(i, op);
  if (!i.isMemory) return fence(i, op);
  const name = GROUP15[op];
  if (name === '' || !i.has(GROUP15_FEATURES[op])) return undefinedOpcode(i);
  i.emitEa(op < 2 ? 512 : 4, op === 0 || op === 3);
  i.emitHelper(name, 0, 0, -1, i.operandSize === 64 ? 1 : 0, 0);
}

function controlRegister(i: Instruction, opcode: number): void {
  // ModRM.mod is ignored: the operand is always a register.
  const modrm = i.byte();
  i.modrm = modrm;
  const reg = ((modrm >> 3) & 7) | ((i.rex & 4) << 1);
  const rm = (modrm & 7) | ((i.rex & 1) << 3);
  const names = ['movFromCr', 'movFromDr', 'movToCr', 'movToDr'];
  const size = i.code64 ? 64 : 32;
  i.emitHelperEnd(names[opcode & 3], size, reg, rm);
}

function segmentStack(i: Instruction, segment: number, push: boolean): void {
  if (push) i.emitHelper('pushSeg', stackWidth(i), segment, 0, 0, 0);
  else i.emitHelperEnd('popSeg', stackWidth(i), segment);
}

/** Is only counted, without a record. */
function hintOrPrefetch(i: Instruction): void {
  i.readModrm();
}

const SIMPLE: Readonly<Record<number, string>> = {
  5: 'syscall',
  6: 'clts',
  7: 'sysret',
  8: 'invd',
  9: 'wbinvd',
  11: 'ud',
  48: 'wrmsr',
  52: 'sysenter',
  53: 'sysexit',
};
const INLINE: Readonly<Record<number, string>> = {
  49: 'rdtsc',
  50: 'rdmsr',
  51: 'rdpmc',
  119: 'emms',
  162: 'cpuid',
};

/** Decodes what follows the byte 0F. */
export function decodeTwoByte(i: Instruction): void {
  const opcode = i.byte();
  const simple = SIMPLE[opcode];
  if (simple !== undefined) return i.emitHelperEnd(simple, i.operandSize);
  const inline = INLINE[opcode];
  if (inline !== undefined) return i.emitHelper(inline, i.operandSize, 0, 0, 0, 0);
  if (opcode >= 0x80 && opcode < 0x90) {
    const distance = i.operandSize === 16 && !i.code64 ? (i.half() << 16) >> 16 : i.word();
    return branchRelative(i, `jcc${opcode & 15}`, distance);
  }
  if (opcode >= 0x90 && opcode < 0xa0) return setByte(i, opcode);
  if (opcode >= 0x40 && opcode < 0x50) return conditionalMove(i, opcode);
  if (opcode >= 0xc8 && opcode < 0xd0) {
    const n = (opcode & 7) | ((i.rex & 1) << 3);
    // BSWAP of a 16-bit register is undefined: processors clear it.
    if (i.operandSize === 16) return i.emit(opNumber('mov16_ri'), n * 4, 0, 0);
    return i.emit(BSWAP[i.operandSize], n * 2);
  }
  switch (opcode) {
    case 0x00:
      return group6(i);
    case 0x01:
      return group7(i);
    case 0x02:
    case 0x03:
      i.readModrm();
      if (i.isMemory) i.emitEa(2, false);
      return i.emitHelper(opcode === 2 ? 'lar' : 'lsl', i.operandSize, i.reg, i.isMemory ? -1 : i.rm, 0, 0);
    case 0x0d:
    case 0x18:
    case 0x19:
    case 0x1a:
    case 0x1b:
    case 0x1c:
    case 0x1d:
    case 0x1e:
    case 0x1f:
      return hintOrPrefetch(i);
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
      return controlRegister(i, opcode);
    case 0xa0:
    case 0xa1:
      return segmentStack(i, 4, opcode === 0xa0);
    case 0xa8:
    case 0xa9:
      return segmentStack(i, 5, opcode === 0xa8);
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
      return bitRegister(i, opcode);
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad:
      return doubleShift(i, opcode);
    case 0xae:
      return group15(i);
    case 0xaf: {
      i.readModrm();
      const width = i.operandSize;
      const register = i.register(width, i.reg);
      const operand = source(i, width);
      return i.emit(opNumber(`imul${width}_rrr`), register, register, 0, 0, operand);
    }
    case 0xb0:
    case 0xb1:
      return exchange(i, opcode, 'cmpxchg');
    case 0xc0:
    case 0xc1:
      return exchange(i, opcode, 'xadd');
    case 0xb2:
    case 0xb4:
    case 0xb5: {
      i.readModrm();
      if (!i.isMemory) return undefinedOpcode(i);
      i.emitEa(i.operandSize / 8 + 2, false);
      return i.emitHelperEnd('loadFarPointer', i.operandSize, i.reg, -1, opcode - 0xb0);
    }
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf:
      return extend(i, opcode);
    case 0xb8:
      if (i.repeat === PREFIX_REP && i.has(CPUID_EXT_POPCNT)) return scan(i, 'popcnt');
      return undefinedOpcode(i);
    case 0xba:
      return bitImmediate(i);
    // Processors that do not have TZCNT and LZCNT ignore the prefix.
    case 0xbc:
      return scan(i, i.repeat === PREFIX_REP && i.has(CPUID_7_0_EBX_BMI1) ? 'tzcnt' : 'bsf');
    case 0xbd:
      return scan(i, i.repeat === PREFIX_REP && i.has(CPUID_EXT3_ABM) ? 'lzcnt' : 'bsr');
    case 0x38:
      return decode0f38(i);
    case 0x3a:
      return decode0f3a(i);
    case 0xc3:
      break;
    case 0xc7:
      return group9(i);
    case 0xb9:
    case 0xff:
      i.readModrm();
      return undefinedOpcode(i);
    default:
      break;
  }
  if (!decodeSse(i, opcode)) undefinedOpcode(i);
}
