/** The one table of what records do. A record's first word is an index into it. */
import { ALU_SEMANTICS } from './alu.ts';
import { BIT_SEMANTICS } from './bits.ts';
import { CONTROL_SEMANTICS } from './control.ts';
import type { Semantic } from './emitter.ts';
import { MISC_SEMANTICS } from './misc.ts';
import { MOVE_SEMANTICS } from './move.ts';
import { MULTIPLY_SEMANTICS } from './multiply.ts';
import { SHIFT_SEMANTICS } from './shift.ts';
import { SIMD_SEMANTICS } from './simd.ts';
import { X87_SEMANTICS } from './x87.ts';

/** `exit` comes first, so that an all-zero record leaves the interpreter. */
export const SEMANTICS: readonly Semantic[] = [
  ...CONTROL_SEMANTICS,
  ...MOVE_SEMANTICS,
  ...ALU_SEMANTICS,
  ...SHIFT_SEMANTICS,
  ...MULTIPLY_SEMANTICS,
  ...MISC_SEMANTICS,
  ...SIMD_SEMANTICS,
  ...X87_SEMANTICS,
  ...BIT_SEMANTICS,
];

const NUMBERS = new Map(SEMANTICS.map((semantic, number) => [semantic.name, number]));

/** The number of the record kind called `name`. */
export function opNumber(name: string): number {
  const number = NUMBERS.get(name);
  if (number === undefined) throw new Error(`internal error: no record kind ${name}`);
  return number;
}
