/** Near branches. 64-bit and flat 32-bit code has records of its own; the rest goes through helpers. */
import { opNumber } from '../semantics/table.ts';
import { MODE_CODE32, MODE_CODE64 } from '../state.ts';
import type { Instruction } from './instruction.ts';
import { LOAD } from './kinds.ts';

const CALL_REL = { 32: opNumber('call32_rel'), 64: opNumber('call64_rel') };
const CALL_R = { 32: opNumber('call32_r'), 64: opNumber('call64_r') };
const JMP_R = { 32: opNumber('jmp32_r'), 64: opNumber('jmp64_r') };
const RET = { 32: opNumber('ret32'), 64: opNumber('ret64') };

function count(i: Instruction): number {
  return i.index + 1;
}

/** Width of a near branch's target: 64 bits in 64-bit code (QEMU and Intel ignore 66 there). */
function branchWidth(i: Instruction): 16 | 32 | 64 {
  return i.code64 ? 64 : i.operandSize;
}

/** A branch by `distance` from the next instruction: `name` is a record kind, or 'call'. */
export function branchRelative(i: Instruction, name: string, distance: number): void {
  const width = branchWidth(i);
  const fast = i.fastWidth;
  const target = (i.nextOffset + distance) | 0;
  i.ends = true;
  if (name === 'call') {
    if (fast === width) i.emit(CALL_REL[fast], 0, 0, target, i.nextOffset, 0, count(i));
    else i.emitHelperEnd('callRelative', width, 0, 0, distance);
    return;
  }
  if (width !== 16 && (i.mode & (MODE_CODE64 | MODE_CODE32)) !== 0) {
    i.emit(opNumber(name), 0, 0, target, i.nextOffset, 0, count(i));
    return;
  }
  const kind = BRANCHES.indexOf(name.replace(/(?<=loop|loope|loopne|jcxz)\d+$/, ''));
  i.emitHelperEnd('branch', i.addressSize, kind, 0, distance, width);
}

/** Numbers that `branch` takes. */
export const BRANCHES: readonly string[] = [
  ...Array.from({ length: 16 }, (_, code) => `jcc${code}`),
  'loopne',
  'loope',
  'loop',
  'jcxz',
  'jmp',
];

function target(i: Instruction, width: 16 | 32 | 64): number {
  if (!i.isMemory) return i.register(width, i.rm);
  i.emitMemory(LOAD[width], i.temp(width), width / 8, false);
  return i.temp(width);
}

export function nearCall(i: Instruction): void {
  const width = branchWidth(i);
  const operand = target(i, width);
  if (i.fastWidth === width) i.emit(CALL_R[width as 32 | 64], 0, 0, 0, i.nextOffset, operand, count(i));
  else i.emitHelperEnd('callRegister', width, operand);
  i.ends = true;
}

export function nearJump(i: Instruction): void {
  const width = branchWidth(i);
  const operand = target(i, width);
  if (i.fastWidth === width) i.emit(JMP_R[width as 32 | 64], 0, 0, 0, 0, operand, count(i));
  else i.emitHelperEnd('jumpRegister', width, operand);
  i.ends = true;
}

export function nearReturn(i: Instruction, extra: number): void {
  const width = branchWidth(i);
  if (i.fastWidth === width) i.emit(RET[width as 32 | 64], 0, 0, extra, 0, 0, count(i));
  else i.emitHelperEnd('returnNear', width, 0, 0, extra);
  i.ends = true;
}
