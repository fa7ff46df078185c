/** MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS. One record each: a repeated one may leave with its count reduced. */
import { SEG_DS } from '../state.ts';
import type { Instruction } from './instruction.ts';

const NAMES: Readonly<Record<number, string>> = {
  108: 'ins',
  110: 'outs',
  164: 'movs',
  166: 'cmps',
  170: 'stos',
  172: 'lods',
  174: 'scas',
};

/** False: not a string instruction. */
export function decodeString(i: Instruction, opcode: number): boolean {
  const name = NAMES[opcode & 0xfe];
  if (name === undefined) return false;
  const io = opcode < 0x70;
  const size = (opcode & 1) === 0 ? 8 : io && i.operandSize === 64 ? 32 : i.operandSize;
  const segment = i.segment === 0 ? SEG_DS : i.segment;
  // imm: 0 once, 1 REP/REPE, 2 REPNE. imm2: address size, source segment in units of its 8 words above.
  const repeat = i.repeat === 0 ? 0 : i.repeat === 0xf3 ? 1 : 2;
  const imm = io && repeat !== 0 ? 1 : repeat;
  const imm2 = i.addressSize | ((segment >> 3) << 8);
  if (io) i.emitHelperEnd(name, size, 0, 0, imm, imm2);
  else if (repeat !== 0) i.emitHelperRepeat(name, size, imm, imm2);
  else i.emitHelper(name, size, 0, 0, imm, imm2);
  return true;
}
