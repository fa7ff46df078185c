/** The table of all MMX and SSE instructions up to SSE4.2. */
import { ARITHMETIC_OPS } from './arithmetic.ts';
import { COMPARE_OPS } from './compare.ts';
import { CONVERT_OPS } from './convert.ts';
import { LANE_OPS } from './lanes.ts';
import { MOVE_OPS } from './move.ts';
import type { SseOp } from './op.ts';
import { SHIFT_OPS } from './shift.ts';
import { SHUFFLE_OPS } from './shuffle.ts';
import { SSE41_FLOAT_OPS } from './sse41-float.ts';
import { SSE41_INTEGER_OPS } from './sse41-integer.ts';
import { SSE41_MOVE_OPS } from './sse41-move.ts';
import { SSSE3_OPS } from './ssse3.ts';
import { STRING_COMPARE_OPS } from './string-compare.ts';

export { mmxEnter, type SseForm, type SseMap, type SseOp } from './op.ts';

/** One row per opcode, mandatory prefix and operand kind. EMMS, LDMXCSR, fences, prefetches, CRC32 and MOVBE are not here. */
export const SSE_OPS: readonly SseOp[] = [
  ...MOVE_OPS,
  ...CONVERT_OPS,
  ...COMPARE_OPS,
  ...ARITHMETIC_OPS,
  ...SHUFFLE_OPS,
  ...LANE_OPS,
  ...SHIFT_OPS,
  ...SSSE3_OPS,
  ...SSE41_INTEGER_OPS,
  ...SSE41_MOVE_OPS,
  ...SSE41_FLOAT_OPS,
  ...STRING_COMPARE_OPS,
];
