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
