/** Turns the bytes of one instruction into records. */
import type { Instruction } from './instruction.ts';
import { decodeOneByte } from './one-byte.ts';
import { undefinedOpcode } from './operands.ts';
import { decodeTwoByte } from './two-byte.ts';

/**
 * Decodes the instruction that `i.begin` was given and appends its records at `i.at`.
 * Returns DECODED, NEED_MORE (the bytes end inside it) or TOO_LONG; in the last two cases nothing was appended.
 */
export function decode(i: Instruction): number {
  const from = i.at;
  const opcode = i.prefixes();
  if (opcode === 0x0f) decodeTwoByte(i);
  else decodeOneByte(i, opcode);
  // Spec: SDM vol. 2, LOCK: #UD with any instruction but those that read, change and write memory.
  if (i.lock && !(i.lockable && i.isMemory)) {
    i.at = from;
    undefinedOpcode(i);
  }
  return i.finish(from);
}
