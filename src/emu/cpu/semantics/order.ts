/** Flags of comparisons of numbers that may be unordered: COMISD, FCOMI and their kin leave the two operands in x and y. */
import { F_AUX, F_HI, F_LO } from '../state.ts';
import type { Emitter } from './emitter.ts';

/** F_AUX of CF and OF = 0, as bit 31 and bit 30 have them; and of PF = 1 where the result's low byte says 0. */
const AUX_CARRY = -1073741824;
const AUX_PARITY = 256;

/** CF, ZF and PF as the lazy words have them: state.ts, F_AUX. */
export function orderFlags(e: Emitter): string {
  if (!e.flagsLive) return '';
  return (
    `${e.word(F_HI)}=0;if(${e.inner('x>y')}){${e.word(F_LO)}=1;${e.word(F_AUX)}=0;}` +
    `else{${e.word(F_LO)}=x<y?1:0;${e.word(F_AUX)}=x===y?${AUX_PARITY}:${AUX_CARRY};}`
  );
}

/** Condition codes 0–15 after a comparison of x and y; undefined: it looks at flags that do not tell. */
export function orderCondition(e: Emitter, code: number): string | undefined {
  const conditions = [
    undefined,
    'x>=y',
    `(${e.inner('x<y')}||x>y)`,
    'x>y',
    undefined,
    `(${e.inner('x===x')}&&y===y)`,
    undefined,
    undefined,
  ];
  const negated = conditions[code >> 1];
  if (negated === undefined) return undefined;
  return (code & 1) !== 0 ? negated : `!(${negated})`;
}
