/** The vector files and the forms in each. */
import type { Form } from './draft.ts';
import { ALU_FORMS, LOCK_FORMS, MOVE_FORMS, STACK_FORMS, SYSTEM_FORMS } from './forms-alu.ts';
import { BIT_FORMS, BRANCH_FORMS, MULTIPLY_FORMS, SHIFT_FORMS, STRING_FORMS } from './forms-bits.ts';
import { BIT_MANIPULATION_FORMS } from './forms-bmi.ts';
import {
  MMX_FORMS,
  SSE_CONVERT_FORMS,
  SSE_EXCEPTION_FORMS,
  SSE_FLOAT_FORMS,
  SSE_INTEGER_FORMS,
  SSE_MOVE_FORMS,
} from './forms-sse.ts';
import {
  SSE4_EXCEPTION_FORMS,
  SSE4_FLOAT_FORMS,
  SSE4_INTEGER_FORMS,
  SSSE3_FORMS,
  STRING_COMPARE_FORMS,
} from './forms-sse4.ts';
import {
  X87_ARITHMETIC_FORMS,
  X87_EXCEPTION_FORMS,
  X87_TRANSCENDENTAL_FORMS,
  X87_TRANSFER_FORMS,
} from './forms-x87.ts';

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
  mmx: MMX_FORMS,
  'sse-integer': SSE_INTEGER_FORMS,
  'sse-move': SSE_MOVE_FORMS,
  'sse-float': SSE_FLOAT_FORMS,
  'sse-convert': SSE_CONVERT_FORMS,
  'sse-exceptions': SSE_EXCEPTION_FORMS,
  ssse3: SSSE3_FORMS,
  'sse4-integer': SSE4_INTEGER_FORMS,
  'sse4-float': SSE4_FLOAT_FORMS,
  'sse4-exceptions': SSE4_EXCEPTION_FORMS,
  'string-compare': STRING_COMPARE_FORMS,
  'bit-manipulation': BIT_MANIPULATION_FORMS,
  'x87-arithmetic': X87_ARITHMETIC_FORMS,
  'x87-transfer': X87_TRANSFER_FORMS,
  'x87-transcendental': X87_TRANSCENDENTAL_FORMS,
  'x87-exceptions': X87_EXCEPTION_FORMS,
};
