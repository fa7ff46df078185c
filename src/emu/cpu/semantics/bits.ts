/** What newer processors have for general registers: TZCNT, LZCNT, BMI1, BMI2, ADX, CRC32. Spec: Intel SDM vol. 2. */
import { F_AUX, F_HI, F_LO, RDX } from '../state.ts';
import { add64, fetch, put } from './alu.ts';
import type { Emitter, Semantic, Width } from './emitter.ts';
import { carryFlag, flagsCarry, flagsLogic } from './flags.ts';

type Wide = 32 | 64;
const WIDE: readonly Wide[] = [32, 64];

/** ZF and SF of the result in r or rl, rh; CF is `cf`, 0 or 1; OF and AF are 0. */
function flagsWithCarry(e: Emitter, width: Width, cf: string): string {
  if (!e.flagsLive) return '';
  return `c=${cf};${flagsLogic(e, width)}${e.word(F_AUX)}=c<<31|c<<30;`;
}

/** TZCNT and LZCNT: field 1 = zeros of field 2 below or above its bits. CF: the source is 0. Other flags (undefined) are 0. */
function zeros(op: 'tzcnt' | 'lzcnt', width: 16 | Wide): Semantic {
  const trailing = op === 'tzcnt';
  const count = (word: string): string =>
    trailing ? `32-Math.clz32(~${word}&${word}-1)` : `Math.clz32(${word})`;
  const [first, second] = trailing ? ['bl', 'bh'] : ['bh', 'bl'];
  const text = (e: Emitter): string => {
    if (width === 64)
      return `rl=${e.either(`${first}===0`)}?32+${count(second)}:${count(first)};rh=0;c=rl>>>6;n=rl;`;
    if (width === 32) return `r=${count('b')};c=r>>>5;n=r;`;
    return `r=${trailing ? count('(b|65536)') : 'Math.clz32(b)-16'};c=r>>>4;n=r;`;
  };
  const emit = (e: Emitter): string => {
    const [lo, hi, aux] = [e.word(F_LO), e.word(F_HI), e.word(F_AUX)];
    // A result other than 0 is kept as 1, with PF flipped off.
    const flags = e.flagsLive ? `${lo}=(n!==0)|0;${hi}=0;${aux}=c<<31|c<<30|((n===0)|0)<<8;` : '';
    return `${fetch(e, width, 2, 'b')}${text(e)}${put(e, width, 1)}${flags}`;
  };
  return { name: `${op}${width}`, emit, flags: 'sets' };
}

/** ANDN: field 1 = field 3 without the bits of field 2. */
function andNot(width: Wide): Semantic {
  const text = width === 64 ? 'rl=~al&bl;rh=~ah&bh;' : 'r=~a&b;';
  return {
    name: `andn${width}`,
    emit: (e) =>
      fetch(e, width, 2, 'a') + fetch(e, width, 3, 'b') + text + put(e, width, 1) + flagsLogic(e, width),
    flags: 'sets',
  };
}

/** BLSR, BLSMSK, BLSI: field 1 = field 2 without its lowest bit, the bits up to that, that alone. */
function lowestBit(op: 'blsr' | 'blsmsk' | 'blsi', width: Wide): Semantic {
  const isZero = width === 64 ? '((al|ah)===0)|0' : '(a===0)|0';
  const operator = op === 'blsmsk' ? '^' : '&';
  const text =
    op === 'blsi'
      ? width === 64
        ? 'rl=al&-al;rh=al===0?ah&-ah:0;'
        : 'r=a&-a;'
      : width === 64
        ? `rl=al${operator}al-1;rh=ah${operator}ah-((al===0)|0);`
        : `r=a${operator}a-1;`;
  return {
    name: `${op}${width}`,
    emit: (e) =>
      fetch(e, width, 2, 'a') +
      text +
      put(e, width, 1) +
      flagsWithCarry(e, width, op === 'blsi' ? `(${isZero})^1` : isZero),
    flags: 'sets',
  };
}

/** The low n bits of r or rl, rh: n is at most 255. */
function keepLow(e: Emitter, width: Wide): string {
  if (width === 32) return `if(${e.either('n<32')})r&=(1<<n)-1;`;
  return `if(${e.either('n<32')}){rl&=(1<<n)-1;rh=0;}else if(${e.inner('n<64')})rh&=(1<<n-32)-1;`;
}

/** BEXTR: field 1 = as many bits of field 2 as bits 8–15 of field 3 say, from the one on that bits 0–7 say. */
function extract(width: Wide): Semantic {
  const shift = (e: Emitter): string =>
    width === 64
      ? `if(${e.either('n<32')}){rl=al>>>n|ah<<1<<31-n;rh=ah>>>n;}else{rl=${e.inner('n<64')}?ah>>>n-32:0;rh=0;}`
      : `r=${e.either('n<32')}?a>>>n:0;`;
  return {
    name: `bextr${width}`,
    emit: (e) =>
      `${fetch(e, width, 2, 'a')}q=${e.lo(3)};n=q&255;${shift(e)}n=q>>>8&255;${keepLow(e, width)}` +
      put(e, width, 1) +
      flagsLogic(e, width),
    flags: 'sets',
  };
}

/** BZHI: field 1 = field 2 without the bits from number field 3 on. CF: there are none. */
function zeroHigh(width: Wide): Semantic {
  const copy = width === 64 ? 'rl=al;rh=ah;' : 'r=a;';
  return {
    name: `bzhi${width}`,
    emit: (e) =>
      `${fetch(e, width, 2, 'a')}n=${e.lo(3)}&255;${copy}${keepLow(e, width)}${put(e, width, 1)}` +
      flagsWithCarry(e, width, `(n>${width - 1})|0`),
    flags: 'sets',
  };
}

/** PDEP and PEXT: field 1 = bits of field 2 by the mask in field 3. */
function byMask(op: 'pdep' | 'pext', width: Wide): Semantic {
  const call = width === 64 ? `${op}64(al,ah,bl,bh);rl=X[0];rh=X[1];` : `r=${op}32(a,b)|0;`;
  return {
    name: `${op}${width}`,
    emit: (e) => fetch(e, width, 2, 'a') + fetch(e, width, 3, 'b') + call + put(e, width, 1),
    flags: 'none',
  };
}

/** MULX: field 1 = the upper half of RDX times field 3, field 2 the lower half. */
function multiply(width: Wide): Semantic {
  return {
    name: `mulx${width}`,
    emit: (e) => {
      const [lo, hi] = [e.word(RDX), e.word(RDX + 1)];
      if (width === 32) {
        return `a=${lo};b=${e.lo(3)};r=mulhu(a,b)|0;${e.lo(2)}=Math.imul(a,b);${e.hi(2)}=0;${put(e, 32, 1)}`;
      }
      return `mul128u(${lo},${hi},${e.lo(3)},${e.hi(3)});${e.lo(2)}=X[0];${e.hi(2)}=X[1];rl=X[2];rh=X[3];${put(e, 64, 1)}`;
    },
    flags: 'none',
  };
}

const SHIFTS = {
  sarx: ['rl=al>>>n|ah<<1<<31-n;rh=ah>>n;', 'rl=ah>>n-32;rh=ah>>31;', 'a>>n'],
  shlx: ['rh=ah<<n|al>>>1>>>31-n;rl=al<<n;', 'rh=al<<n-32;rl=0;', 'a<<n'],
  shrx: ['rl=al>>>n|ah<<1<<31-n;rh=ah>>>n;', 'rl=ah>>>n-32;rh=0;', 'a>>>n'],
  rorx: [
    'rl=al>>>n|ah<<1<<31-n;rh=ah>>>n|al<<1<<31-n;',
    'j=n-32;rl=ah>>>j|al<<1<<31-j;rh=al>>>j|ah<<1<<31-j;',
    'a>>>n|a<<32-n',
  ],
} as const;

/** SARX, SHLX, SHRX: field 1 = field 2 shifted by the register in field 3; RORX: rotated by the number in field 3. */
function shift(op: keyof typeof SHIFTS, width: Wide): Semantic {
  const [below, above, narrow] = SHIFTS[op];
  return {
    name: `${op}${width}`,
    emit: (e) => {
      const count = `n=${op === 'rorx' ? e.field(3) : e.lo(3)}&${width - 1};`;
      const text = width === 64 ? `if(${e.either('n<32')}){${below}}else{${above}}` : `r=${narrow};`;
      return count + fetch(e, width, 2, 'a') + text + put(e, width, 1);
    },
    flags: 'none',
  };
}

/** ADCX and ADOX: field 1 += field 2 and CF, or OF, which takes the carry; no other flag changes. */
function addCarry(op: 'adcx' | 'adox', width: Wide): Semantic {
  const emit = (e: Emitter): string => {
    const aux = e.word(F_AUX);
    const carryIn = op === 'adcx' ? carryFlag(e) : `(${aux}^${aux}<<1)>>>31`;
    const sum = width === 64 ? add64(e, carryIn) : `c=${carryIn};r=a+b+c|0;`;
    const out = width === 64 ? '(ah&bh|(ah|bh)&~rh)>>>31' : '(a&b|(a|b)&~r)>>>31';
    const flags =
      op === 'adcx' ? flagsCarry(e, out) : `c=${out};${aux}=${aux}&-1073741825|(${aux}>>>31^c)<<30;`;
    return fetch(e, width, 1, 'a') + fetch(e, width, 2, 'b') + sum + put(e, width, 1) + flags;
  };
  return { name: `${op}${width}`, emit, flags: 'reads' };
}

/** CRC32: field 1 = it with field 2 taken in. */
function checksum(width: Width): Semantic {
  return {
    name: `crc32_${width}`,
    emit: (e) => {
      const value =
        width === 64
          ? `r=crc32c(crc32c(${e.lo(1)},bl,4)|0,bh,4)|0;`
          : `r=crc32c(${e.lo(1)},b,${width / 8})|0;`;
      return fetch(e, width, 2, 'b') + value + put(e, 32, 1);
    },
    flags: 'none',
  };
}

export const BIT_SEMANTICS: readonly Semantic[] = [
  ...([16, 32, 64] as const).flatMap((width) => [zeros('tzcnt', width), zeros('lzcnt', width)]),
  ...WIDE.flatMap((width) => [
    andNot(width),
    ...(['blsr', 'blsmsk', 'blsi'] as const).map((op) => lowestBit(op, width)),
    extract(width),
    zeroHigh(width),
    byMask('pdep', width),
    byMask('pext', width),
    multiply(width),
    ...(['sarx', 'shlx', 'shrx', 'rorx'] as const).map((op) => shift(op, width)),
    ...(['adcx', 'adox'] as const).map((op) => addCarry(op, width)),
  ]),
  ...([8, 16, 32, 64] as const).map(checksum),
  // MOVBE of 16 bits: the bytes of field 1 change places.
  { name: 'bswap16', emit: (e) => `a=${e.get16(1)};r=(a>>>8|a<<8)&65535;${put(e, 16, 1)}`, flags: 'none' },
];
