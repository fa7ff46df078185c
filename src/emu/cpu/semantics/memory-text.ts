/** Text of memory accesses that hit the TLB, shared by interpreter and region compiler. Layout: state.ts, TLB_*. */
import { TLB_BASE } from '../state.ts';
import type { Width } from './emitter.ts';

/** Address bits that a TLB tag compares: the page and the alignment of an access of this width. */
const TAG_MASK: Readonly<Record<Width, number>> = { 8: -4096, 16: -4095, 32: -4093, 64: -4093 };

/** `if` of a hit; j is the entry afterwards. `base` is the first word of the half of the TLB that is looked at. */
export function tlbTest(width: Width, tag: number, base = `S[${TLB_BASE}]`): string {
  const compared = width === 64 ? `(lo+4&${TAG_MASK[64]})` : `(lo&${TAG_MASK[width]})`;
  const word = tag === 0 ? 'T[j]' : `T[j+${tag}]`;
  return `j=(lo>>>10&16380)+${base};if(${word}===${compared}&&T[j+2]===hi)`;
}

/** Aligned doubles: a tag that compares 8 bytes' alignment as well; two of them lie in one page unless the first is its last. */
const DOUBLE_TAG = '(lo&-4089)';
const TWO = '&&(lo&4088)!==4088';

/** x (and y) = doubles at lo:hi, where the TLB has them. */
export function doubleReadHit(count: 1 | 2, base = `S[${TLB_BASE}]`): string {
  const hit = `j=(lo>>>10&16380)+${base};if(T[j]===${DOUBLE_TAG}&&T[j+2]===hi`;
  if (count === 1) return `${hit})x=MD[lo+T[j+3]>>3];`;
  return `${hit}${TWO}){j=lo+T[j+3]>>3;x=MD[j];y=MD[j+1];}`;
}

/** The same to memory, when x (and y) are no NaNs; an `else` may follow. */
export function doubleWriteHit(count: 1 | 2, base = `S[${TLB_BASE}]`): string {
  const hit = `j=(lo>>>10&16380)+${base};if(T[j+1]===${DOUBLE_TAG}&&T[j+2]===hi&&x===x`;
  if (count === 1) return `${hit})MD[lo+T[j+3]>>3]=x;`;
  return `${hit}&&y===y${TWO}){j=lo+T[j+3]>>3;MD[j]=x;MD[j+1]=y;}`;
}

export function readHit(width: Width): string {
  switch (width) {
    case 8:
      return 'v=M8[lo+T[j+3]|0];';
    case 16:
      return 'v=M16[lo+T[j+3]>>1];';
    case 32:
      return 'v=M32[lo+T[j+3]>>2];';
    case 64:
      return '{j=lo+T[j+3]>>2;v=M32[j];vh=M32[j+1];}';
  }
}

export function writeHit(width: Width, value: string, valueHi: string): string {
  switch (width) {
    case 8:
      return `M8[lo+T[j+3]|0]=${value};`;
    case 16:
      return `M16[lo+T[j+3]>>1]=${value};`;
    case 32:
      return `M32[lo+T[j+3]>>2]=${value};`;
    case 64:
      return `{j=lo+T[j+3]>>2;M32[j]=${value};M32[j+1]=${valueHi};}`;
  }
}
