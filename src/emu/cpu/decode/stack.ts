/** PUSH, POP, ENTER and LEAVE. Spec: Intel SDM vol. 2 appendix A. */
import { opNumber } from '../semantics/table.ts';
import type { Instruction } from './instruction.ts';
import { POP, PUSH, PUSHI } from './kinds.ts';
import { source, undefinedOpcode } from './operands.ts';

const LEAVE = { 32: opNumber('leave32'), 64: opNumber('leave64') };

export function pushOperand(i: Instruction): void {
  const fast = i.fastWidth;
  const width = stackWidth(i);
  const operand = source(i, width);
  if (fast === width) i.emit(PUSH[width as 32 | 64], operand);
  else i.emitHelper('pushRegister', width, operand, 0, 0, 0);
}

/** Operand size of PUSH and POP: 64 bits in 64-bit code unless 66 makes it 16. */
export function stackWidth(i: Instruction): 16 | 32 | 64 {
  if (i.code64) return i.operandPrefix && (i.rex & 8) === 0 ? 16 : 64;
  return i.operandSize;
}

export function pushRegister(i: Instruction, n: number): void {
  const width = stackWidth(i);
  if (i.fastWidth === width) i.emit(PUSH[width as 32 | 64], n * 2);
  else i.emitHelper('pushRegister', width, i.register(width, n), 0, 0, 0);
}

export function popRegister(i: Instruction, n: number): void {
  const width = stackWidth(i);
  if (i.fastWidth === width) i.emit(POP[width as 32 | 64], n * 2);
  else i.emitHelper('popRegister', width, i.register(width, n), 0, 0, 0);
}

export function pushImmediate(i: Instruction, opcode: number): void {
  const width = stackWidth(i);
  const value = opcode === 0x6a ? i.signed8() : i.immediate(width);
  if (i.fastWidth === width) i.emit(PUSHI[width as 32 | 64], 0, 0, value);
  else i.emitHelper('pushImmediate', width, 0, 0, value, 0);
}

/** PUSH and POP of segment register number `segment`. */
export function segmentStack(i: Instruction, segment: number, push: boolean): void {
  if (i.code64) return undefinedOpcode(i);
  if (push) i.emitHelper('pushSeg', i.operandSize, segment, 0, 0, 0);
  else i.emitHelperEnd('popSeg', i.operandSize, segment);
}

export function enterFrame(i: Instruction): void {
  const size = i.half();
  i.emitHelper('enter', stackWidth(i), 0, 0, size, i.byte());
}

export function leaveFrame(i: Instruction): void {
  const width = stackWidth(i);
  if (i.fastWidth === width) i.emit(LEAVE[width as 32 | 64]);
  else i.emitHelper('leave', width, 0, 0, 0, 0);
}

/** POP to ModRM.rm (8F /0). An address with RSP counts from the stack pointer after the pop. */
export function popOperand(i: Instruction): void {
  i.readModrm();
  if (((i.modrm >> 3) & 7) !== 0) return undefinedOpcode(i);
  if (!i.isMemory) return popRegister(i, i.rm);
  const width = stackWidth(i);
  const stackBased = i.base === 8 && i.addressSize !== 16;
  if (stackBased) i.displacement = (i.displacement + width / 8) | 0;
  i.emitEa(width / 8, true);
  i.emitHelper('popMemory', width, 0, 0, 0, 0);
}
