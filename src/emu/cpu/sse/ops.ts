/** The table of all MMX, SSE, SSE2 and SSE3 instructions of the 0F map. */
import { ARITHMETIC_OPS } from './arithmetic.ts';
import { COMPARE_OPS } from './compare.ts';
import { CONVERT_OPS } from './convert.ts';
import { LANE_OPS } from './lanes.ts';
import { MOVE_OPS } from './move.ts';
import type { SseOp } from './op.ts';
import { SHIFT_OPS } from './shift.ts';
import { SHUFFLE_OPS } from './shuffle.ts';

export { mmxEnter, type SseForm, type SseOp } from './op.ts';

/** One row per opcode, mandatory prefix and operand kind. EMMS, LDMXCSR, fences and prefetches are not here. */
export const SSE_OPS: readonly SseOp[] = [
  ...MOVE_OPS,
  ...CONVERT_OPS,
  ...COMPARE_OPS,
  ...ARITHMETIC_OPS,
  ...SHUFFLE_OPS,
  ...LANE_OPS,
  ...SHIFT_OPS,
];
