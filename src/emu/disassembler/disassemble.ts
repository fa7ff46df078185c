/**
 * One instruction as text, in AT&T's syntax and with the words of the library that QEMU's monitor uses (Capstone 4). What that library shows otherwise than a
 * processor would run it is shown so here, too. Any bytes give an answer: what is no instruction is a `.byte`.
 */
import { broadcastText, decorate, displacementScale } from './evex.ts';
import { type CodeSize, Instruction, type MandatoryPrefix } from './instruction.ts';
import { readModrm } from './memory-operand.ts';
import { mnemonicText } from './mnemonic.ts';
import { mapOf } from './opcode-maps.ts';
import type { Sizes } from './operands.ts';
import { type Row, rowOf } from './table.ts';

export type { CodeSize };

export interface Disassembled {
  /** Bytes: 1 to 15. */
  readonly length: number;
  readonly mnemonic: string;
  /** Empty when there are none. */
  readonly operands: string;
}

const LOCK = 0xf0;

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
  const isWide = i.code === 64 && i.isWide;
  const narrow = isNarrow !== isSwitched(i, row) ? 16 : 32;
  const bytes = isNarrow !== i.hasOperandPrefix ? 2 : 4;
  return {
    isWide: isWide && !(row.prefix === 0x66 && i.hasAddressQuirk),
    operand: isWide ? 64 : narrow,
    narrow,
    register: isWide ? 64 : bytes === 2 ? 16 : 32,
    stack: i.code === 64 && narrow !== 16 ? 64 : narrow,
    immediate: isWide ? 4 : bytes,
  };
}

function mayLock(i: Instruction, row: Row, { narrow }: Sizes): boolean {
  if (row.isLockable !== true || i.memory === undefined) return false;
  return row.locksOnly32 !== true || narrow === 32;
}

/** The address of an instruction with EVEX, which `readAgain` reads, depends on the row. */
function applyEvex(i: Instruction, row: Row, readAgain: () => void): void {
  if (i.memory === undefined) return;
  i.displacementScale = displacementScale(row.evex, i);
  readAgain();
  i.memory += broadcastText(row.evex, i);
}

/** Undefined: these bytes are no instruction. */
function known(i: Instruction): Disassembled | undefined {
  i.readPrefixes();
  const entry = mapOf(i)?.get(i.opcode);
  if (entry === undefined) return undefined;
  const start = i.position;
  if (entry.hasModrm) readModrm(i, entry);
  const row = rowOf(entry, i, mandatoryPrefix(i));
  if (row === undefined) return undefined;
  if (i.vex?.evex !== undefined)
    applyEvex(i, row, () => {
      i.position = start;
      readModrm(i, entry);
    });
  const sizes = sizesOf(i, row);
  if (i.repeat === LOCK && !mayLock(i, row, sizes)) return undefined;
  const operands: string[] = [];
  for (const operand of row.operands) {
    const text = operand.text(i, sizes);
    if (text === undefined) return undefined;
    operands.push(text);
  }
  const mnemonic = mnemonicText(i, row, sizes, operands);
  if (i.vex?.evex !== undefined && row.evex !== undefined) decorate(row.evex, i, i.vex.evex, operands);
  if (mnemonic === undefined || i.overrun) return undefined;
  return { length: i.position, mnemonic, operands: operands.join(', ') };
}

/** @param bytes at least one, of which no more than 15 count; @param address that of the first one; @param code the size of the code that they are */
export function disassemble(bytes: Uint8Array, address: bigint, code: CodeSize): Disassembled {
  const found = known(new Instruction(bytes, address, code));
  const first = (bytes[0] ?? 0).toString(16).padStart(2, '0');
  return found ?? { length: 1, mnemonic: '.byte', operands: `0x${first}` };
}
