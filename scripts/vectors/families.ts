/** The vector files and the forms in each. */
import type { Form } from './draft.ts';
import { ALU_FORMS, LOCK_FORMS, MOVE_FORMS, STACK_FORMS, SYSTEM_FORMS } from './forms-alu.ts';
import { BIT_FORMS, BRANCH_FORMS, MULTIPLY_FORMS, SHIFT_FORMS, STRING_FORMS } from './forms-bits.ts';

export const FAMILIES: Readonly<Record<string, readonly Form[]>> = {
  alu: ALU_FORMS,
  move: MOVE_FORMS,
  lock: LOCK_FORMS,
  stack: STACK_FORMS,
  system: SYSTEM_FORMS,
  shift: SHIFT_FORMS,
  multiply: MULTIPLY_FORMS,
  bits: BIT_FORMS,
  string: STRING_FORMS,
  branch: BRANCH_FORMS,
};
