/** Text of the lazy flags. Layout: state.ts, F_LO, F_HI, F_AUX. */
import { F_AUX, F_HI, F_LO } from '../state.ts';
import type { Emitter, Width } from './emitter.ts';

/** Bits 31 and 30, where a carry-out vector's CF and its predecessor belong. */
const TOP2 = -0x40000000;

function setResult(e: Emitter, width: Width, r: string, rh: string): string {
  const [lo, hi] = [e.word(F_LO), e.word(F_HI)];
  switch (width) {
    case 64:
      return `${lo}=${r};${hi}=${rh};`;
    case 32:
      return `${lo}=${r};${hi}=${r};`;
    case 16:
      return `${lo}=${r}<<16>>16;${hi}=${lo};`;
    case 8:
      return `${lo}=${r}<<24>>24;${hi}=${lo};`;
  }
}

/** Carry-out (add) or borrow-out (sub) vector of the most significant word, moved so that CF is bit 31. */
function carryVector(width: Width, kind: 'add' | 'sub'): string {
  const [a, b, r] = width === 64 ? ['ah', 'bh', 'rh'] : ['a', 'b', 'r'];
  const vector = kind === 'add' ? `(${a}&${b}|(${a}|${b})&~${r})` : `(~${a}&${b}|(~${a}|${b})&${r})`;
  return width === 64 || width === 32 ? vector : `${vector}<<${32 - width}`;
}

function adjust(width: Width): string {
  return width === 64 ? '(al^bl^rl)&16' : '(a^b^r)&16';
}

/** Flags of r = a ± b (with or without a carry in); operands in a, b, r or al … rh. */
export function flagsArith(e: Emitter, width: Width, kind: 'add' | 'sub'): string {
  if (!e.flagsLive) return '';
  const deferred = e.deferFlags(width, kind);
  if (deferred !== undefined) return deferred;
  const result = width === 64 ? setResult(e, 64, 'rl', 'rh') : setResult(e, width, 'r', 'r');
  return `${result}${e.word(F_AUX)}=${carryVector(width, kind)}&${TOP2}|${adjust(width)};`;
}

/** As flagsArith with b = 1, but CF stays. */
export function flagsIncDec(e: Emitter, width: Width, kind: 'add' | 'sub'): string {
  if (!e.flagsLive) return '';
  const result = width === 64 ? setResult(e, 64, 'rl', 'rh') : setResult(e, width, 'r', 'r');
  const aux = e.word(F_AUX);
  return (
    `c=${carryVector(width, kind)};${result}` +
    `${aux}=${aux}&-0x80000000|((${aux}^c^c<<1)>>>1)&0x40000000|${adjust(width)};`
  );
}

/** Flags of a logical result in r or rl, rh: CF = OF = AF = 0. */
export function flagsLogic(e: Emitter, width: Width): string {
  if (!e.flagsLive) return '';
  const result = width === 64 ? setResult(e, 64, 'rl', 'rh') : setResult(e, width, 'r', 'r');
  return `${result}${e.word(F_AUX)}=0;`;
}

/** All flags of a shift: result as above, `cf` and `of` are expressions of 0 or 1; AF (undefined) is 0. */
export function flagsShift(e: Emitter, width: Width, cf: string, of: string): string {
  if (!e.flagsLive) return '';
  const result = width === 64 ? setResult(e, 64, 'rl', 'rh') : setResult(e, width, 'r', 'r');
  return `${result}c=${cf};${e.word(F_AUX)}=c<<31|(c^${of})<<30;`;
}

/** CF and OF only, as rotates do; expressions of 0 or 1. */
export function flagsRotate(e: Emitter, cf: string, of: string): string {
  const aux = e.word(F_AUX);
  return `c=${cf};${aux}=${aux}&0x3fffffff|c<<31|(c^${of})<<30;`;
}

/** CF only; `cf` is an expression of 0 or 1. */
export function flagsCarry(e: Emitter, cf: string): string {
  const aux = e.word(F_AUX);
  return `c=${cf};${aux}=${aux}&0x3fffffff|c<<31|((${aux}^${aux}<<1)<0?c^1:c)<<30;`;
}

/** CF as 0 or 1. */
export function carryFlag(e: Emitter): string {
  return `${e.word(F_AUX)}>>>31`;
}

/** Condition codes 0–15 as a JavaScript condition. Spec: Intel SDM vol. 1 appendix B. */
export function condition(e: Emitter, code: number): string {
  const direct = e.condition(code);
  if (direct !== undefined) return direct;
  const [lo, hi, aux] = [e.word(F_LO), e.word(F_HI), e.word(F_AUX)];
  const zero = `(${lo}|${hi})===0`;
  const less = `(${hi}^${aux}<<31^${aux}^${aux}<<1)<0`;
  const parity = `(0x9669>>((((${lo}^${aux}>>>8)>>>4)^${lo}^${aux}>>>8)&15)&1)!==0`;
  const base = [
    `(${aux}^${aux}<<1)<0`,
    `${aux}<0`,
    zero,
    `(${e.inner(`${aux}<0`)}||${zero})`,
    `(${hi}^${aux}<<31)<0`,
    parity,
    less,
    `(${e.inner(zero)}||${less})`,
  ][code >> 1];
  return (code & 1) === 0 ? (base ?? 'false') : `!(${base})`;
}
