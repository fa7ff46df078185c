/** Shifts and rotates. The count is field 3 (already masked by the decoder) or CL. */
import { RCX } from '../state.ts';
import { fetch, put, WIDTHS } from './alu.ts';
import type { Emitter, Semantic, Width } from './emitter.ts';
import { carryFlag, flagsRotate, flagsShift } from './flags.ts';

/** In the order of ModRM reg of opcodes C0, C1, D0–D3. */
export const SHIFT_OPS = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'shl', 'sar'] as const;
type ShiftOp = (typeof SHIFT_OPS)[number];

/** n = the count, reduced as the operation asks; text after it runs only when the count is not 0. */
function count(e: Emitter, width: Width, byCl: boolean): string {
  return `n=${byCl ? `${e.word(RCX)}&${width === 64 ? 63 : 31}` : e.field(3)};`;
}

/** Sign bit of r (0 or 1) for the width. */
function sign(width: Width, r = 'r'): string {
  return width === 64 ? 'rh>>>31' : `${r}>>>${width - 1}&1`;
}

/** Bit below the sign bit. */
function belowSign(width: Width): string {
  return width === 64 ? '(rh>>>30&1)' : `(r>>>${width - 2}&1)`;
}

/** `below` for counts below 32, `above` for the others; one of them where the count is known. */
function split(e: Emitter, known: number | undefined, below: string, above: string): string {
  if (known === undefined) return `if(${e.either('n<32')}){${below}}else{${above}}`;
  return known < 32 ? below : above;
}

function shift64(e: Emitter, op: ShiftOp, known: number | undefined): string {
  switch (op) {
    case 'shl':
      return (
        split(
          e,
          known,
          'rh=ah<<n|al>>>1>>>31-n;rl=al<<n;c=ah>>>32-n&1;',
          `rh=al<<n-32;rl=0;c=${e.inner('n===32')}?ah&1:al>>>64-n&1;`,
        ) + flagsShift(e, 64, 'c', '(rh>>>31^c)')
      );
    case 'shr':
      return (
        split(
          e,
          known,
          'rl=al>>>n|ah<<1<<31-n;rh=ah>>>n;c=al>>>n-1&1;',
          `rl=ah>>>n-32|0;rh=0;c=${e.inner('n===32')}?al>>>31:ah>>>n-33&1;`,
        ) + flagsShift(e, 64, 'c', '(ah>>>31)')
      );
    case 'sar':
      return (
        split(
          e,
          known,
          'rl=al>>>n|ah<<1<<31-n;rh=ah>>n;c=al>>>n-1&1;',
          `rl=ah>>n-32;rh=ah>>31;c=${e.inner('n===32')}?al>>>31:ah>>n-33&1;`,
        ) + flagsShift(e, 64, 'c', '0')
      );
    case 'rol':
      return (
        split(
          e,
          known,
          'rh=ah<<n|al>>>1>>>31-n;rl=al<<n|ah>>>1>>>31-n;',
          'j=n-32;rh=al<<j|ah>>>1>>>31-j;rl=ah<<j|al>>>1>>>31-j;',
        ) + flagsRotate(e, 'rl&1', '(rh>>>31^c)')
      );
    case 'ror':
      return (
        split(
          e,
          known,
          'rl=al>>>n|ah<<1<<31-n;rh=ah>>>n|al<<1<<31-n;',
          'j=n-32;rl=ah>>>j|al<<1<<31-j;rh=al>>>j|ah<<1<<31-j;',
        ) + flagsRotate(e, 'rh>>>31', '(rh>>>31^rh>>>30&1)')
      );
    case 'rcl':
      return `rl=al;rh=ah;c=${carryFlag(e)};while(n-->0){j=rh>>>31;rh=rh<<1|rl>>>31;rl=rl<<1|c;c=j;}${flagsRotate(e, 'c', '(rh>>>31^c)')}`;
    case 'rcr':
      return `rl=al;rh=ah;c=${carryFlag(e)};while(n-->0){j=rl&1;rl=rl>>>1|rh<<31;rh=rh>>>1|c<<31;c=j;}${flagsRotate(e, 'c', '(rh>>>31^rh>>>30&1)')}`;
  }
}

function shiftNarrow(e: Emitter, op: ShiftOp, width: 8 | 16 | 32): string {
  const mask = width === 32 ? '' : `&${width === 16 ? 0xffff : 0xff}`;
  const extend = width === 32 ? '' : `<<${32 - width}>>${32 - width}`;
  switch (op) {
    case 'shl':
      return (
        (width === 32 ? 'r=a<<n;c=a>>>32-n&1;' : `r=a<<n${mask};c=n>${width}?0:a>>>${width}-n&1;`) +
        flagsShift(e, width, 'c', `(${sign(width)}^c)`)
      );
    case 'shr':
      return `r=a>>>n;c=a>>>n-1&1;${flagsShift(e, width, 'c', `(${sign(width, 'a')})`)}`;
    case 'sar':
      return `j=a${extend};r=j>>n${mask};c=j>>n-1&1;${flagsShift(e, width, 'c', '0')}`;
    case 'rol':
      return (
        (width === 32 ? 'r=a<<n|a>>>32-n;' : `n&=${width - 1};r=(a<<n|a>>>${width}-n)${mask};`) +
        flagsRotate(e, 'r&1', `(${sign(width)}^c)`)
      );
    case 'ror':
      return (
        (width === 32 ? 'r=a>>>n|a<<32-n;' : `n&=${width - 1};r=(a>>>n|a<<${width}-n)${mask};`) +
        flagsRotate(e, sign(width), `(${sign(width)}^${belowSign(width)})`)
      );
    case 'rcl':
      return `r=a;n%=${width + 1};c=${carryFlag(e)};while(n-->0){j=r>>>${width - 1}&1;r=(r<<1|c)${mask};c=j;}${flagsRotate(e, 'c', `(${sign(width)}^c)`)}`;
    case 'rcr':
      return `r=a;n%=${width + 1};c=${carryFlag(e)};while(n-->0){j=r&1;r=r>>>1|c<<${width - 1};c=j;}${flagsRotate(e, 'c', `(${sign(width)}^${belowSign(width)})`)}`;
  }
}

function shift(op: ShiftOp, width: Width, byCl: boolean): Semantic {
  return {
    name: `${op}${width}_${byCl ? 'cl' : 'imm'}`,
    emit: (e) => {
      const known = byCl ? undefined : e.constant(3);
      const keep = width === 32 ? `${e.hi(1)}=0;` : '';
      if (known === 0) return keep;
      const start = `${count(e, width, byCl)}${fetch(e, width, 1, 'a')}`;
      const text = (width === 64 ? shift64(e, op, known) : shiftNarrow(e, op, width)) + put(e, width, 1);
      if (known !== undefined) return start + text;
      return `${start}if(${e.mostly('n!==0')}){${text}}${keep === '' ? '' : `else{${keep}}`}`;
    },
  };
}

/** SHLD/SHRD: field 1 destination, field 2 the register that the bits come from. */
function doubleShift(op: 'shld' | 'shrd', width: 16 | 32 | 64, byCl: boolean): Semantic {
  const left = op === 'shld';
  const text = (e: Emitter): string => {
    if (width === 64) {
      const steps = left
        ? `if(${e.either('n<32')}){rh=ah<<n|al>>>1>>>31-n;rl=al<<n|bh>>>1>>>31-n;c=ah>>>32-n&1;}` +
          `else{j=n-32;rh=al<<j|bh>>>1>>>31-j;rl=bh<<j|bl>>>1>>>31-j;c=${e.inner('j===0')}?ah&1:al>>>32-j&1;}`
        : `if(${e.either('n<32')}){rl=al>>>n|ah<<1<<31-n;rh=ah>>>n|bl<<1<<31-n;c=al>>>n-1&1;}` +
          `else{j=n-32;rl=ah>>>j|bl<<1<<31-j;rh=bl>>>j|bh<<1<<31-j;c=${e.inner('j===0')}?al>>>31:ah>>>j-1&1;}`;
      return steps + flagsShift(e, 64, 'c', '((ah^rh)>>>31)');
    }
    if (width === 32) {
      const steps = left ? 'r=a<<n|b>>>32-n;c=a>>>32-n&1;' : 'r=a>>>n|b<<32-n;c=a>>>n-1&1;';
      return steps + flagsShift(e, 32, 'c', '((a^r)>>>31)');
    }
    // QEMU: counts above 16 (undefined) shift a:b:a as one 48-bit word.
    const steps = left
      ? 'j=a<<16|b;r=n<=16?j<<n>>>16:(b<<n-16|a>>>32-n)&65535;c=n<=16?a>>>16-n&1:b>>>32-n&1;'
      : 'j=b<<16|a;r=n<=16?(n===16?b:j>>>n&65535):(b>>>n-16|a<<32-n)&65535;c=n<=16?j>>>n-1&1:b>>>n-17&1;';
    return `${steps}${flagsShift(e, 16, 'c', '((a^r)>>>15&1)')}`;
  };
  return {
    name: `${op}${width}_${byCl ? 'cl' : 'imm'}`,
    emit: (e) =>
      `${count(e, width, byCl)}${fetch(e, width, 1, 'a')}${fetch(e, width, 2, 'b')}if(${e.mostly('n!==0')}){${text(e)}${put(e, width, 1)}}` +
      (width === 32 ? `else{${e.hi(1)}=0;}` : ''),
  };
}

const SHIFT_NAMES = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sar'] as const;

export const SHIFT_SEMANTICS: readonly Semantic[] = [
  ...WIDTHS.flatMap((width) =>
    SHIFT_NAMES.flatMap((op) => [shift(op, width, false), shift(op, width, true)]),
  ),
  ...([16, 32, 64] as const).flatMap((width) =>
    (['shld', 'shrd'] as const).flatMap((op) => [
      doubleShift(op, width, false),
      doubleShift(op, width, true),
    ]),
  ),
];
