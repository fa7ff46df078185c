/** Arithmetic and logic on registers; operands in memory are loaded and stored by records of their own. */
import type { Emitter, Semantic, Width } from './emitter.ts';
import { carryFlag, flagsArith, flagsIncDec, flagsLogic } from './flags.ts';

export const WIDTHS: readonly Width[] = [8, 16, 32, 64];
/** In the order of ModRM reg of opcodes 80–83. */
export const ALU_OPS = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'] as const;

/** Reads register operand `n` into the scratch names `a`/`b` (or al, ah / bl, bh). */
export function fetch(e: Emitter, width: Width, n: number, name: 'a' | 'b'): string {
  switch (width) {
    case 64:
      return `${name}l=${e.lo(n)};${name}h=${e.hi(n)};`;
    case 32:
      return `${name}=${e.lo(n)};`;
    case 16:
      return `${name}=${e.get16(n)};`;
    case 8:
      return `${name}=${e.get8(n)};`;
  }
}

/** Writes r (or rl, rh) to register operand `n`. */
export function put(e: Emitter, width: Width, n: number): string {
  switch (width) {
    case 64:
      return `${e.lo(n)}=rl;${e.hi(n)}=rh;`;
    case 32:
      return `${e.lo(n)}=r;${e.hi(n)}=0;`;
    case 16:
      return e.set16(n, 'r');
    case 8:
      return e.set8(n, 'r');
  }
}

function fetchImmediate(e: Emitter, width: Width): string {
  return width === 64 ? `bl=${e.field(3)};bh=${e.field(4)};` : `b=${e.field(3)};`;
}

/** rl, rh = al, ah + bl, bh + `carryIn`, which is '' or text of 0 or 1. */
export function add64(e: Emitter, carryIn: string): string {
  return carryIn === ''
    ? 'rl=al+bl|0;rh=ah+bh+(rl>>>0<al>>>0|0)|0;'
    : `c=${carryIn};rl=al+bl+c|0;c=${e.either('c===0')}?rl>>>0<al>>>0|0:rl>>>0<=al>>>0|0;rh=ah+bh+c|0;`;
}

function sub64(e: Emitter, carryIn: string): string {
  return carryIn === ''
    ? 'rl=al-bl|0;rh=ah-bh-(al>>>0<bl>>>0|0)|0;'
    : `c=${carryIn};rl=al-bl-c|0;c=${e.either('c===0')}?al>>>0<bl>>>0|0:al>>>0<=bl>>>0|0;rh=ah-bh-c|0;`;
}

function compute(e: Emitter, op: string, width: Width): string {
  const wide = width === 64;
  switch (op) {
    case 'add':
      return (wide ? add64(e, '') : 'r=a+b|0;') + flagsArith(e, width, 'add');
    case 'adc':
      return (wide ? add64(e, carryFlag(e)) : `r=a+b+(${carryFlag(e)})|0;`) + flagsArith(e, width, 'add');
    case 'sub':
    case 'cmp':
      return (wide ? sub64(e, '') : 'r=a-b|0;') + flagsArith(e, width, 'sub');
    case 'sbb':
      return (wide ? sub64(e, carryFlag(e)) : `r=a-b-(${carryFlag(e)})|0;`) + flagsArith(e, width, 'sub');
    default: {
      const operator = op === 'or' ? '|' : op === 'xor' ? '^' : '&';
      const text = wide ? `rl=al${operator}bl;rh=ah${operator}bh;` : `r=a${operator}b;`;
      return text + flagsLogic(e, width);
    }
  }
}

function alu(op: string, width: Width, immediate: boolean): Semantic {
  const keeps = op === 'cmp' || op === 'test';
  return {
    name: `${op}${width}_${immediate ? 'ri' : 'rr'}`,
    emit: (e) =>
      fetch(e, width, 1, 'a') +
      (immediate ? fetchImmediate(e, width) : fetch(e, width, 2, 'b')) +
      compute(e, op, width) +
      (keeps ? '' : put(e, width, 1)),
  };
}

function unary(op: 'inc' | 'dec' | 'neg' | 'not', width: Width): Semantic {
  const wide = width === 64;
  const text = (e: Emitter): string => {
    switch (op) {
      case 'inc':
        return (wide ? `bl=1;bh=0;${add64(e, '')}` : 'b=1;r=a+1|0;') + flagsIncDec(e, width, 'add');
      case 'dec':
        return (wide ? `bl=1;bh=0;${sub64(e, '')}` : 'b=1;r=a-1|0;') + flagsIncDec(e, width, 'sub');
      case 'neg':
        return (
          (wide ? `bl=al;bh=ah;al=0;ah=0;${sub64(e, '')}` : 'b=a;a=0;r=-b|0;') + flagsArith(e, width, 'sub')
        );
      case 'not':
        return wide ? 'rl=~al;rh=~ah;' : 'r=~a;';
    }
  };
  return { name: `${op}${width}`, emit: (e) => fetch(e, width, 1, 'a') + text(e) + put(e, width, 1) };
}

function exchange(width: Width): Semantic {
  const emit = (e: Emitter): string => {
    const swap = fetch(e, width, 1, 'a') + fetch(e, width, 2, 'b');
    const first = width === 64 ? 'rl=bl;rh=bh;' : 'r=b;';
    const second = width === 64 ? 'rl=al;rh=ah;' : 'r=a;';
    return swap + first + put(e, width, 1) + second + put(e, width, 2);
  };
  return { name: `xchg${width}_rr`, emit };
}

/** XADD: field 1 is the destination (sum), field 2 gets the old destination. */
function exchangeAdd(width: Width): Semantic {
  const emit = (e: Emitter): string =>
    fetch(e, width, 1, 'a') +
    fetch(e, width, 2, 'b') +
    compute(e, 'add', width) +
    (width === 64 ? `${e.lo(2)}=al;${e.hi(2)}=ah;` : putAs(e, width, 2, 'a')) +
    put(e, width, 1);
  return { name: `xadd${width}_rr`, emit };
}

function putAs(e: Emitter, width: Width, n: number, value: string): string {
  if (width === 8) return e.set8(n, value);
  if (width === 16) return e.set16(n, value);
  return `${e.lo(n)}=${value};${e.hi(n)}=0;`;
}

/** CMPXCHG: field 1 destination, 2 source, 3 the accumulator. A failed 32-bit compare does not touch the destination's high word. */
function compareExchange(width: Width): Semantic {
  const equal =
    width === 64 ? '(rl|rh)===0' : width === 32 ? 'r===0' : `(r&${width === 16 ? 0xffff : 0xff})===0`;
  const emit = (e: Emitter): string =>
    fetch(e, width, 3, 'a') +
    fetch(e, width, 1, 'b') +
    compute(e, 'cmp', width) +
    `if(${e.either(equal)}){${fetch(e, width, 2, 'a')}${width === 64 ? 'rl=al;rh=ah;' : 'r=a;'}${put(e, width, 1)}}` +
    `else{${width === 64 ? 'rl=bl;rh=bh;' : 'r=b;'}${put(e, width, 3)}}`;
  return { name: `cmpxchg${width}_rr`, emit };
}

export const ALU_SEMANTICS: readonly Semantic[] = WIDTHS.flatMap((width) => [
  ...[...ALU_OPS, 'test'].flatMap((op) => [alu(op, width, false), alu(op, width, true)]),
  ...(['inc', 'dec', 'neg', 'not'] as const).map((op) => unary(op, width)),
  exchange(width),
  exchangeAdd(width),
  compareExchange(width),
]);
