/** The kinds of records of SSE instructions, put together. */
import { CR0, CR0_EM, CR0_TS, CR4, CR4_OSFXSR } from '../state.ts';
import type { Semantic } from './emitter.ts';
import { FLOAT_NAMES, SIMD_FLOAT_SEMANTICS } from './simd-float.ts';
import { INTEGER_KINDS, SIMD_INTEGER_SEMANTICS } from './simd-integer.ts';
import { SIMD_MEMORY_SEMANTICS } from './simd-memory.ts';

/** Record kinds by the names of the SSE table; only for XMM operands. */
export const INLINE_SSE: ReadonlyMap<string, string> = new Map([
  ...FLOAT_NAMES.map((name): [string, string] => [name, `sse_${name}`]),
  ...INTEGER_KINDS,
]);

export const SIMD_SEMANTICS: readonly Semantic[] = [
  // Before anything else of an MMX (field 1 bit 0) or SSE instruction: #UD, #NM, #MF. Bit 1: only integer registers, no check.
  {
    name: 'sse_check',
    emit: (e) =>
      `if((${e.field(1)}|${e.word(CR0)}&${CR0_EM | CR0_TS}|${e.word(CR4)}&${CR4_OSFXSR}^${CR4_OSFXSR})!==0&&${e.recordCall('sseCheck')}!==0)${e.leave()}`,
  },
  ...SIMD_FLOAT_SEMANTICS,
  ...SIMD_INTEGER_SEMANTICS,
  ...SIMD_MEMORY_SEMANTICS,
];
