/** Flag instructions, SSE and x87 records. */
import { EFLAGS, F_AUX, F_HI, F_LO, FLAG_DF, RAX } from '../state.ts';
import type { Semantic } from './emitter.ts';
import { flagsCarry } from './flags.ts';

export const MISC_SEMANTICS: readonly Semantic[] = [
  { name: 'clc', emit: (e) => flagsCarry(e, '0') },
  { name: 'stc', emit: (e) => flagsCarry(e, '1') },
  { name: 'cmc', emit: (e) => flagsCarry(e, `(${e.word(F_AUX)}>>>31^1)`) },
  { name: 'cld', emit: (e) => `${e.word(EFLAGS)}=${e.word(EFLAGS)}&${~FLAG_DF};` },
  { name: 'std', emit: (e) => `${e.word(EFLAGS)}=${e.word(EFLAGS)}|${FLAG_DF};` },
  {
    name: 'lahf',
    emit: (e) => `${e.word(RAX)}=${e.word(RAX)}&-65281|(arithFlags()&213|2)<<8;`,
  },
  {
    // Bits 0 (CF), 2 (PF), 4 (AF), 6 (ZF), 7 (SF) of AH; OF stays.
    name: 'sahf',
    emit: (e) =>
      `a=${e.word(RAX)}>>>8&255;c=a&1;j=(${e.word(F_AUX)}^${e.word(F_AUX)}<<1)>>>31;` +
      // ZF decides the result word (0 or 1); SF and PF are flipped to what AH says.
      `r=a>>>6&1^1;${e.word(F_LO)}=r;${e.word(F_HI)}=0;` +
      `${e.word(F_AUX)}=c<<31|(c^j)<<30|a&16|a>>>7&1|((a>>>2&1)===(r^1)?0:256);`,
  },
  // Field 1: index of the x87 opcode byte, 2: ModRM, 3: nonzero for 16-bit environment formats.
  { name: 'x87', emit: (e) => `if(x87op(p)!==0)${e.leave()}` },
  // SSE and MMX: field 1 index into the SSE table, 2 destination, 3 source, 4 immediate, 5 REX.W.
  { name: 'sse', emit: (e) => `if(sse(p)!==0)${e.leave()}` },
  // Memory operands of SSE and MMX at EA: field 1 the register's word, 2 bytes, 3 alignment mask, 4 a store of an MMX register.
  { name: 'sse_load', emit: (e) => `if(sseLoad(p)!==0)${e.leave()}` },
  { name: 'sse_store', emit: (e) => `if(sseStore(p)!==0)${e.leave()}` },
];
