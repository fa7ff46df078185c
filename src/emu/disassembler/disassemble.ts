/**
 * One instruction as text, in AT&T's syntax and with the words of the library that QEMU's monitor uses (Capstone 4). What that library shows otherwise than a
 * processor would run it is shown so here, too. Any bytes give an answer: what is no instruction is a `.byte`.
 */
import { type CodeSize, Instruction, type MandatoryPrefix } from './instruction.ts';
import { readModrm } from './memory-operand.ts';
import { mnemonicText } from './mnemonic.ts';
import { ONE_BYTE_MAP } from './one-byte-map.ts';
import type { Sizes } from './operands.ts';
import { OpcodeMap, type Row, rowOf } from './table.ts';
import { MAP_0F3A, MAP_0F38 } from './three-byte-maps.ts';
import { TWO_BYTE_TEXT } from './two-byte-map.ts';
import { VECTOR_TEXT } from './vector-map.ts';
import { VEX_MAP_0F } from './vex-map-0f.ts';
import { VEX_MAP_0F3A } from './vex-map-0f3a.ts';
import { VEX_MAP_0F38 } from './vex-map-0f38.ts';

export type { CodeSize };

export interface Disassembled {
  /** Bytes: 1 to 15. */
  readonly length: number;
  readonly mnemonic: string;
  /** Empty when there are none. */
  readonly operands: string;
}

const LOCK = 0xf0;
const MAP_0F = new OpcodeMap(TWO_BYTE_TEXT + VECTOR_TEXT);
/** By the number that a VEX prefix has for them. */
const VEX_MAPS: Readonly<Record<number, OpcodeMap>> = { 1: VEX_MAP_0F, 2: VEX_MAP_0F38, 3: VEX_MAP_0F3A };

/** C4 and C5 begin a VEX prefix in 64-bit code, and elsewhere where they could not be LES and LDS. */
function hasVex(i: Instruction): boolean {
  return (i.opcode === 0xc4 || i.opcode === 0xc5) && (i.code === 64 || i.peek() >= 0xc0);
}

/** The map of the instruction's opcode, whose last byte is read then; undefined: there is none. */
function mapOf(i: Instruction): OpcodeMap | undefined {
  if (hasVex(i)) {
    if (i.rex !== 0) return undefined;
    i.readVex(i.opcode === 0xc4);
    return VEX_MAPS[i.vex?.map ?? 0];
  }
  if (i.opcode !== 0x0f) return ONE_BYTE_MAP;
  i.opcode = i.byte();
  if (i.opcode !== 0x38 && i.opcode !== 0x3a) return MAP_0F;
  const map = i.opcode === 0x38 ? MAP_0F38 : MAP_0F3A;
  i.opcode = i.byte();
  return map;
}

/** QEMU: in 16-bit code no prefix chooses the instruction; elsewhere only the one right before the opcode. */
function mandatoryPrefix(i: Instruction): MandatoryPrefix {
  if (i.vex !== undefined) return i.vex.prefix;
  if (i.code === 16) return 0;
  if (i.hasAddressQuirk) return 0x66;
  return i.last === 0x66 || i.last === 0xf2 || i.last === 0xf3 ? i.last : 0;
}

/** Prefix 66 holds. QEMU: before REP or REPNE only where these are part of the opcode. */
function isSwitched(i: Instruction, row: Row): boolean {
  if (i.code === 16 || row.isLoose) return i.hasOperandPrefix;
  if (i.vex === undefined && mandatoryPrefix(i) === 0x66) return true;
  return i.hasOperandPrefix && !row.isStrict && (!i.isRepeated || row.prefix === i.last);
}

function sizesOf(i: Instruction, row: Row): Sizes {
  const isNarrow = i.code === 16;
  const narrow = isNarrow !== isSwitched(i, row) ? 16 : 32;
  const bytes = isNarrow !== i.hasOperandPrefix ? 2 : 4;
  return {
    isWide: i.code === 64 && i.isWide && !(row.prefix === 0x66 && i.hasAddressQuirk),
    operand: i.isWide ? 64 : narrow,
    narrow,
    register: i.isWide ? 64 : bytes === 2 ? 16 : 32,
    stack: i.code === 64 && narrow !== 16 ? 64 : narrow,
    immediate: i.isWide ? 4 : bytes,
  };
}

function mayLock(i: Instruction, row: Row, { operand }: Sizes): boolean {
  if (row.isLockable !== true || i.memory === undefined) return false;
  return row.locksOnly32 !== true || operand === 32;
}

/** Undefined: these bytes are no instruction. */
function known(i: Instruction): Disassembled | undefined {
  i.readPrefixes();
  const entry = mapOf(i)?.get(i.opcode);
  if (entry === undefined) return undefined;
  if (entry.hasModrm) readModrm(i, entry);
  const row = rowOf(entry, i, mandatoryPrefix(i));
  if (row === undefined) return undefined;
  const sizes = sizesOf(i, row);
  if (i.repeat === LOCK && !mayLock(i, row, sizes)) return undefined;
  const operands: string[] = [];
  for (const operand of row.operands) {
    const text = operand.text(i, sizes);
    if (text === undefined) return undefined;
    operands.push(text);
  }
  const mnemonic = mnemonicText(i, row, sizes, operands);
  if (mnemonic === undefined || i.overrun) return undefined;
  return { length: i.position, mnemonic, operands: operands.join(', ') };
}

/** @param bytes at least one, of which no more than 15 count; @param address that of the first one; @param code the size of the code that they are */
export function disassemble(bytes: Uint8Array, address: bigint, code: CodeSize): Disassembled {
  const found = known(new Instruction(bytes, address, code));
  const first = (bytes[0] ?? 0).toString(16).padStart(2, '0');
  return found ?? { length: 1, mnemonic: '.byte', operands: `0x${first}` };
}
