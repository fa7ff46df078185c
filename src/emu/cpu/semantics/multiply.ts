/** Multiplication, division, sign extension of the accumulator, bit scans and bit tests. */
import { F_AUX, F_HI, F_LO, RAX, RDX, VEC_DE } from '../state.ts';
import { fetch, put } from './alu.ts';
import type { Emitter, Semantic, Width } from './emitter.ts';
import { flagsCarry } from './flags.ts';

/** Flags of a product: CF = OF = the high half matters; the rest (undefined) follows the low half. */
function flagsMultiply(e: Emitter, overflow: string, lo: string, hi: string): string {
  return `c=${overflow};${e.word(F_LO)}=${lo};${e.word(F_HI)}=${hi};${e.word(F_AUX)}=c<<31;`;
}

const RAX_LO = (e: Emitter): string => e.word(RAX);
const RAX_HI = (e: Emitter): string => e.word(RAX + 1);
const RDX_LO = (e: Emitter): string => e.word(RDX);
const RDX_HI = (e: Emitter): string => e.word(RDX + 1);

/** MUL and IMUL with one operand (field 1). */
function multiplyWide(op: 'mul' | 'imul', width: Width): Semantic {
  const signed = op === 'imul';
  const emit = (e: Emitter): string => {
    const [al, ah, dl, dh] = [RAX_LO(e), RAX_HI(e), RDX_LO(e), RDX_HI(e)];
    switch (width) {
      case 8:
        return signed
          ? `a=${al}<<24>>24;b=${e.get8(1)}<<24>>24;r=a*b|0;${al}=${al}&-65536|r&65535;${flagsMultiply(e, '(r<<24>>24!==r)|0', 'r<<24>>24', 'r<<24>>24')}`
          : `a=${al}&255;b=${e.get8(1)};r=a*b|0;${al}=${al}&-65536|r;${flagsMultiply(e, '(r>255)|0', 'r<<24>>24', 'r<<24>>24')}`;
      case 16:
        return (
          (signed
            ? `a=${al}<<16>>16;b=${e.get16(1)}<<16>>16;r=a*b|0;`
            : `a=${al}&65535;b=${e.get16(1)};r=Math.imul(a,b);`) +
          `${al}=${al}&-65536|r&65535;${dl}=${dl}&-65536|r>>>16;` +
          flagsMultiply(e, signed ? '(r<<16>>16!==r)|0' : '(r>>>16!==0)|0', 'r<<16>>16', 'r<<16>>16')
        );
      case 32:
        return (
          `a=${al};b=${e.lo(1)};r=Math.imul(a,b);q=${signed ? 'mulhs' : 'mulhu'}(a,b);` +
          `${al}=r;${ah}=0;${dl}=q;${dh}=0;` +
          flagsMultiply(e, signed ? '(q!==r>>31)|0' : '(q!==0)|0', 'r', 'r')
        );
      case 64:
        return (
          `${signed ? 'mul128s' : 'mul128u'}(${al},${ah},${e.lo(1)},${e.hi(1)});rl=X[0];rh=X[1];` +
          `${al}=rl;${ah}=rh;${dl}=X[2];${dh}=X[3];` +
          flagsMultiply(e, signed ? '((X[2]^rh>>31|X[3]^rh>>31)!==0)|0' : '((X[2]|X[3])!==0)|0', 'rl', 'rh')
        );
    }
  };
  return { name: `${op}${width}_wide`, emit };
}

/** IMUL with two or three operands: field 1 = field 2 × (field 5 as a register, or the immediate). */
function multiplyTruncated(width: 16 | 32 | 64, immediate: boolean): Semantic {
  const emit = (e: Emitter): string => {
    if (width === 64) {
      const [bl, bh] = immediate ? [e.field(3), e.field(4)] : [e.lo(5), e.hi(5)];
      return (
        `mul128s(${e.lo(2)},${e.hi(2)},${bl},${bh});rl=X[0];rh=X[1];` +
        flagsMultiply(e, '((X[2]^rh>>31|X[3]^rh>>31)!==0)|0', 'rl', 'rh') +
        put(e, 64, 1)
      );
    }
    if (width === 32) {
      return (
        `a=${e.lo(2)};b=${immediate ? e.field(3) : e.lo(5)};r=Math.imul(a,b);` +
        // A product that fits is exact as a double; one that does not is at least 2^31 away from zero there too.
        flagsMultiply(e, '(a*b!==r)|0', 'r', 'r') +
        put(e, 32, 1)
      );
    }
    return (
      `a=${e.get16(2)}<<16>>16;b=${immediate ? e.field(3) : e.get16(5)}<<16>>16;r=a*b|0;` +
      flagsMultiply(e, '(r<<16>>16!==r)|0', 'r<<16>>16', 'r<<16>>16') +
      put(e, 16, 1)
    );
  };
  return { name: `imul${width}_${immediate ? 'rri' : 'rrr'}`, emit };
}

/** DIV and IDIV (field 1): #DE on a zero divisor or a quotient that does not fit. Flags (undefined) stay. */
function divide(op: 'div' | 'idiv', width: Width): Semantic {
  const signed = op === 'idiv';
  const emit = (e: Emitter): string => {
    const [al, ah, dl, dh] = [RAX_LO(e), RAX_HI(e), RDX_LO(e), RDX_HI(e)];
    const fail = e.raise(VEC_DE);
    switch (width) {
      case 8:
        return (
          (signed ? `a=${al}<<16>>16;b=${e.get8(1)}<<24>>24;` : `a=${al}&65535;b=${e.get8(1)};`) +
          `if(${e.either('b===0')})${fail}r=a/b|0;if(${e.either(signed ? 'r!==r<<24>>24' : 'r>255')})${fail}` +
          `${al}=${al}&-65536|(a%b&255)<<8|r&255;`
        );
      case 16:
        return (
          (signed
            ? `a=${dl}<<16|${al}&65535;b=${e.get16(1)}<<16>>16;if(${e.either('b===0')})${fail}r=a/b|0;if(${e.either('r!==r<<16>>16||a===-2147483648&&b===-1')})${fail}c=a%b|0;`
            : `a=${dl}<<16|${al}&65535;b=${e.get16(1)};if(${e.either('b===0')})${fail}if(${e.either('(a>>>0)/b>=65536')})${fail}r=(a>>>0)/b|0;c=(a>>>0)%b|0;`) +
          `${al}=${al}&-65536|r&65535;${dl}=${dl}&-65536|c&65535;`
        );
      case 32:
        return (
          `if(${e.either(`${signed ? 'div64s' : 'div64u'}(${al},${dl},${e.lo(1)})===0`)})${fail}` +
          `${al}=X[0];${ah}=0;${dl}=X[1];${dh}=0;`
        );
      case 64:
        return (
          `if(${e.either(`${signed ? 'div128s' : 'div128u'}(${al},${ah},${dl},${dh},${e.lo(1)},${e.hi(1)})===0`)})${fail}` +
          `${al}=X[0];${ah}=X[1];${dl}=X[2];${dh}=X[3];`
        );
    }
  };
  return { name: `${op}${width}`, emit };
}

/** CBW, CWDE, CDQE: the accumulator's half into the whole. */
const extendAccumulator: readonly Semantic[] = [
  { name: 'cbw', emit: (e) => `a=${RAX_LO(e)};${RAX_LO(e)}=a&-65536|a<<24>>24&65535;` },
  { name: 'cwde', emit: (e) => `${RAX_LO(e)}=${RAX_LO(e)}<<16>>16;${RAX_HI(e)}=0;` },
  { name: 'cdqe', emit: (e) => `${RAX_HI(e)}=${RAX_LO(e)}>>31;` },
  { name: 'cwd', emit: (e) => `${RDX_LO(e)}=${RDX_LO(e)}&-65536|${RAX_LO(e)}<<16>>31&65535;` },
  { name: 'cdq', emit: (e) => `${RDX_LO(e)}=${RAX_LO(e)}>>31;${RDX_HI(e)}=0;` },
  { name: 'cqo', emit: (e) => `a=${RAX_HI(e)}>>31;${RDX_LO(e)}=a;${RDX_HI(e)}=a;` },
];

/** BSF and BSR: a zero source sets ZF and leaves the destination (QEMU and all processors do). */
function scan(op: 'bsf' | 'bsr', width: 16 | 32 | 64): Semantic {
  const forward = op === 'bsf';
  const low = (word: string): string => `31-Math.clz32(${word}&-${word})`;
  const high = (word: string): string => `31-Math.clz32(${word})`;
  const find = (word: string): string => (forward ? low(word) : high(word));
  const emit = (e: Emitter): string => {
    const [lo, hi, aux] = [e.word(F_LO), e.word(F_HI), e.word(F_AUX)];
    if (width === 64) {
      const position = forward
        ? `${e.either('bl!==0')}?${find('bl')}:32+${find('bh')}`
        : `${e.either('bh!==0')}?32+${find('bh')}:${find('bl')}`;
      return `${fetch(e, 64, 2, 'b')}${lo}=bl;${hi}=bh;${aux}=0;if(${e.mostly('(bl|bh)!==0')}){rl=${position};rh=0;${put(e, 64, 1)}}`;
    }
    return `${fetch(e, width, 2, 'b')}${lo}=b;${hi}=b;${aux}=0;if(${e.mostly('b!==0')}){r=${find('b')};${put(e, width, 1)}}`;
  };
  return { name: `${op}${width}`, emit };
}

/** POPCNT. Spec: all flags 0 but ZF. */
function populationCount(width: 16 | 32 | 64): Semantic {
  const emit = (e: Emitter): string => {
    const count = width === 64 ? 'rl=popcount(bl)+popcount(bh)|0;rh=0;' : 'r=popcount(b);';
    const [lo, hi, aux] = [e.word(F_LO), e.word(F_HI), e.word(F_AUX)];
    const value = width === 64 ? 'rl' : 'r';
    // A nonzero result is stored as 1 with PF flipped off, so that SF and PF are 0.
    return (
      `${fetch(e, width, 2, 'b')}${count}${put(e, width, 1)}` +
      `${lo}=${value}===0?0:1;${hi}=0;${aux}=${value}===0?256:0;`
    );
  };
  return { name: `popcnt${width}`, emit };
}

/** BT, BTS, BTR, BTC on a register: field 1 the operand, field 2 a register with the bit number or field 3 the bit number. */
function bitTest(op: 'bt' | 'bts' | 'btr' | 'btc', width: 16 | 32 | 64, immediate: boolean): Semantic {
  const change = { bt: '', bts: '|1<<n', btr: '&~(1<<n)', btc: '^1<<n' }[op];
  const emit = (e: Emitter): string => {
    const number = immediate ? e.field(3) : width === 16 ? e.get16(2) : e.lo(2);
    if (width === 64) {
      const update =
        op === 'bt' ? '' : `if(${e.either('j===0')}){${e.lo(1)}=al${change};}else{${e.hi(1)}=ah${change};}`;
      return `n=${number}&63;${fetch(e, 64, 1, 'a')}j=n&32;n&=31;q=${e.either('j===0')}?al>>>n&1:ah>>>n&1;${update}${flagsCarry(e, 'q')}`;
    }
    const update = op === 'bt' ? '' : `r=a${change};${put(e, width, 1)}`;
    return `n=${number}&${width - 1};${fetch(e, width, 1, 'a')}q=a>>>n&1;${update}${flagsCarry(e, 'q')}`;
  };
  return { name: `${op}${width}_${immediate ? 'ri' : 'rr'}`, emit };
}

export const MULTIPLY_SEMANTICS: readonly Semantic[] = [
  ...([8, 16, 32, 64] as const).flatMap((width) => [
    multiplyWide('mul', width),
    multiplyWide('imul', width),
    divide('div', width),
    divide('idiv', width),
  ]),
  ...([16, 32, 64] as const).flatMap((width) => [
    multiplyTruncated(width, false),
    multiplyTruncated(width, true),
    scan('bsf', width),
    scan('bsr', width),
    populationCount(width),
    ...(['bt', 'bts', 'btr', 'btc'] as const).flatMap((op) => [
      bitTest(op, width, false),
      bitTest(op, width, true),
    ]),
  ]),
  ...extendAccumulator,
  {
    name: 'bswap32',
    emit: (e) => `a=${e.lo(1)};${e.lo(1)}=a>>>24|a>>>8&65280|(a&65280)<<8|a<<24;${e.hi(1)}=0;`,
  },
  {
    name: 'bswap64',
    emit: (e) =>
      `a=${e.lo(1)};b=${e.hi(1)};${e.lo(1)}=b>>>24|b>>>8&65280|(b&65280)<<8|b<<24;${e.hi(1)}=a>>>24|a>>>8&65280|(a&65280)<<8|a<<24;`,
  },
];
