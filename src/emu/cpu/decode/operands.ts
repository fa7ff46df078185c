/** Operands of instructions with a ModRM byte. */
import type { Width } from '../semantics/emitter.ts';
import type { Instruction } from './instruction.ts';
import { LOAD, LOADW, STORE } from './kinds.ts';

/** Width of the operand of an opcode whose low bit says byte or full size. */
export function widthOf(i: Instruction, opcode: number): Width {
  return (opcode & 1) === 0 ? 8 : i.operandSize;
}

export function undefinedOpcode(i: Instruction): void {
  i.emitHelperEnd('ud', 0);
}

/** `name` with destination ModRM.rm: loads it to TEMP0 when in memory, runs `kind` on it and stores the result back. */
export function modify(i: Instruction, width: Width, emit: (operand: number) => void): void {
  if (!i.isMemory) {
    emit(i.register(width, i.rm));
    return;
  }
  const temp = i.temp(width);
  i.emitMemory(LOADW[width], temp, width / 8, true);
  emit(temp);
  i.emitMemory(STORE[width], temp, width / 8, true);
}

/** As `modify`, for operations that change a register the address may depend on. */
export function modifyAtEa(i: Instruction, width: Width, emit: (operand: number) => void): void {
  if (!i.isMemory) {
    emit(i.register(width, i.rm));
    return;
  }
  const temp = i.temp(width);
  i.emitEa(width / 8, true);
  i.emit(LOADW[width].ea, temp);
  emit(temp);
  i.emit(STORE[width].ea, temp);
}

/** ModRM.rm as a source: its register, or TEMP0 after loading it. */
export function source(i: Instruction, width: Width): number {
  if (!i.isMemory) return i.register(width, i.rm);
  i.emitMemory(LOAD[width], i.temp(width), width / 8, false);
  return i.temp(width);
}
