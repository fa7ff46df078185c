/**
 * SSE moves and double arithmetic, as text: the common case inline, all else through the SSE table (`sse(p)`, fields as in
 * misc.ts). Memory operands use the addressings of move.ts; field 6 is the alignment mask.
 */
import { CR0, CR0_EM, CR0_TS, CR4, CR4_OSFXSR, F_AUX, F_HI, F_LO, MXCSR, VEC_GP } from '../state.ts';
import type { Emitter, Semantic } from './emitter.ts';
import { ADDRESSINGS, type Addressing, address } from './move.ts';

/** MXCSR without the sticky flags IE to UE: all exceptions masked, round to nearest, no FTZ or DAZ, and PE already set. */
const MXCSR_MASK = 0xffe0;
const MXCSR_USUAL = 0x1fa0;
/** The same with PE clear: then a result must be exact, or the flag must be set. */
const MXCSR_EXACT = 0x1f80;
const MIN_NORMAL = '2.2250738585072014e-308';
const MAX_FINITE = '1.7976931348623157e308';

function normal(value: string): string {
  return `${value}>=${MIN_NORMAL}`;
}

/** z = x operator y raises no flag that is not set already. */
function flagsStay(e: Emitter, operator: string, x: string, y: string, z: string): string {
  const masked = `${e.word(MXCSR)}&${MXCSR_MASK}`;
  const exact = {
    '+': `exactAdd(${x},${y},${z})`,
    '-': `exactAdd(${x},-${y},${z})`,
    '*': `exactMul(${x},${y},${z})`,
    '/': `exactMul(${z},${y},${x})`,
  }[operator];
  return `((${masked})===${MXCSR_USUAL}||(${masked})===${MXCSR_EXACT}&&${exact})`;
}

/**
 * ADDSD and its kin: where operands and result are normal numbers, and the inexact flag is set already, the host's operation is all
 * there is to do.
 */
function scalarDouble(name: string, operator: string): Semantic {
  // A sum of 0 is exact; a product of 0 may be one that became too small.
  const number = operator === '+' || operator === '-' ? quiet : (v: string) => normal(`Math.abs(${v})`);
  return {
    name: `sse_${name}sd`,
    emit: (e: Emitter) =>
      `x=${e.double(2, 0)};y=${e.double(3, 0)};z=x${operator}y;` +
      `if(${number('z')}&&Math.abs(z)<=${MAX_FINITE}&&${number('x')}&&${number('y')}` +
      `&&${flagsStay(e, operator, 'x', 'y', 'z')})${e.double(2, 0)}=z;` +
      `else if(${e.recordCall('sse')}!==0)${e.leave()}`,
  };
}

function packedDouble(name: string, operator: string): Semantic {
  const good = (v: string): string => normal(`Math.abs(${v})`);
  return {
    name: `sse_${name}pd`,
    emit: (e: Emitter) =>
      `x=${e.double(2, 0)};y=${e.double(3, 0)};z=x${operator}y;` +
      `if((${e.word(MXCSR)}&${MXCSR_MASK})===${MXCSR_USUAL}&&${good('z')}&&Math.abs(z)<=${MAX_FINITE}&&${good('x')}&&${good('y')}` +
      `&&(x=${e.double(2, 1)},y=${e.double(3, 1)},w=x${operator}y,${good('w')})&&Math.abs(w)<=${MAX_FINITE}&&${good('x')}&&${good('y')})` +
      `{${e.double(2, 0)}=z;${e.double(2, 1)}=w;}` +
      `else if(${e.recordCall('sse')}!==0)${e.leave()}`,
  };
}

/** A number whose comparison raises no flag: zero or normal. NaN fails both tests. */
function quiet(v: string): string {
  return `(${v}===0||${normal(`Math.abs(${v})`)})`;
}

/** COMISD and UCOMISD. CF, ZF and PF as the lazy words have them: state.ts, F_AUX. */
function compareDouble(name: 'comisd' | 'ucomisd'): Semantic {
  return {
    name: `sse_${name}`,
    emit: (e: Emitter) =>
      `x=${e.double(2, 0)};y=${e.double(3, 0)};` +
      `if(${quiet('x')}&&${quiet('y')}){${e.word(F_LO)}=x===y?0:1;${e.word(F_HI)}=0;` +
      `${e.word(F_AUX)}=x===y?256:x<y?-1073741824:0;}` +
      `else{${e.spill()}if(${e.recordCall('sse')}!==0)${e.leave()}${e.reload()}}`,
  };
}

/** CVTSI2SD of a 32-bit integer is exact; CVTTSD2SI of what fits is inexact at most, and PE is set already. */
const CONVERSIONS: readonly Semantic[] = [
  {
    name: 'sse_cvtsi2sd32',
    emit: (e) => `${e.double(2, 0)}=${e.lo(3)};`,
  },
  {
    name: 'sse_cvttsd2si32',
    emit: (e) =>
      `x=${e.double(3, 0)};if((${e.word(MXCSR)}&${MXCSR_MASK})===${MXCSR_USUAL}&&Math.abs(x)<2147483647&&${quiet('x')})` +
      `{${e.lo(2)}=x|0;${e.hi(2)}=0;}else{${e.spill()}if(${e.recordCall('sse')}!==0)${e.leave()}${e.reload()}}`,
  },
];

/** Bitwise operations on whole registers, whatever type their names give to them. */
const BITWISE: readonly (readonly [names: readonly string[], operation: (d: string, s: string) => string])[] =
  [
    [['pxor', 'xorps', 'xorpd'], (d, s) => `${d}^${s}`],
    [['pand', 'andps', 'andpd'], (d, s) => `${d}&${s}`],
    [['por', 'orps', 'orpd'], (d, s) => `${d}|${s}`],
    [['pandn', 'andnps', 'andnpd'], (d, s) => `~${d}&${s}`],
  ];

function words(e: Emitter, operation: (d: string, s: string) => string): string {
  return [0, 1, 2, 3].map((k) => `${e.vector(2, k)}=${operation(e.vector(2, k), e.vector(3, k))};`).join('');
}

/** 0xff in each byte of a word that is equal in both. */
function equalBytes(d: string, s: string): string {
  return `(j=${d}^${s},Math.imul(~((j&2139062143)+2139062143|j|2139062143)>>>7,255))`;
}

/** Bits 7, 15, 23 and 31 of a word, moved together. */
function signBits(word: string): string {
  return `(j=${word},j>>>7&1|j>>>14&2|j>>>21&4|j>>>28&8)`;
}

const INTEGER: readonly Semantic[] = [
  ...BITWISE.map(([names, operation]) => ({
    name: `sse_${names[0]}`,
    emit: (e: Emitter) => words(e, operation),
  })),
  { name: 'sse_pcmpeqb', emit: (e) => words(e, equalBytes) },
  {
    name: 'sse_pmovmskb',
    emit: (e) => {
      const bits = [0, 1, 2, 3].map((k) => `${signBits(e.vector(3, k))}<<${4 * k}`);
      return `r=${bits.join('|')};${e.lo(2)}=r;${e.hi(2)}=0;`;
    },
  },
  {
    // The low double of the source becomes the high one of the destination.
    name: 'sse_unpcklpd',
    emit: (e) => `a=${e.vector(3, 0)};b=${e.vector(3, 1)};${e.vector(2, 2)}=a;${e.vector(2, 3)}=b;`,
  },
];

/** Record kinds by the names of the SSE table; only for XMM operands. */
export const INLINE_SSE: ReadonlyMap<string, string> = new Map([
  ...['add', 'sub', 'mul', 'div'].flatMap((name) =>
    ['sd', 'pd'].map((suffix): [string, string] => [`${name}${suffix}`, `sse_${name}${suffix}`]),
  ),
  ['comisd', 'sse_comisd'],
  ['ucomisd', 'sse_ucomisd'],
  ...BITWISE.flatMap(([names]) => names.map((name): [string, string] => [name, `sse_${names[0]}`])),
  ['pcmpeqb', 'sse_pcmpeqb'],
  ['pmovmskb', 'sse_pmovmskb'],
  ['unpcklpd', 'sse_unpcklpd'],
  ['punpcklqdq', 'sse_unpcklpd'],
]);

/** lo:hi goes 8 bytes on. */
const NEXT_EIGHT = 'lo=lo+8|0;hi=hi+(lo>>>0<8|0)|0;';

function aligned(e: Emitter): string {
  return `if((lo&${e.field(6)})!==0)${e.raise(VEC_GP, true)}`;
}

function memory(kind: Addressing): readonly Semantic[] {
  return [
    {
      name: `loadx128_${kind}`,
      emit: (e) =>
        `${address(e, kind)}${aligned(e)}${e.load(64)}al=v;ah=vh;${NEXT_EIGHT}${e.load(64)}` +
        `${e.vector(1, 0)}=al;${e.vector(1, 1)}=ah;${e.vector(1, 2)}=v;${e.vector(1, 3)}=vh;`,
    },
    {
      name: `loadx64_${kind}`,
      emit: (e) =>
        `${address(e, kind)}${e.load(64)}${e.vector(1, 0)}=v;${e.vector(1, 1)}=vh;${e.vector(1, 2)}=0;${e.vector(1, 3)}=0;`,
    },
    {
      name: `loadx32_${kind}`,
      emit: (e) =>
        `${address(e, kind)}${e.load(32)}${e.vector(1, 0)}=v;${e.vector(1, 1)}=0;${e.vector(1, 2)}=0;${e.vector(1, 3)}=0;`,
    },
    {
      // An unaligned operand may lie in two pages: both are probed before the first is written.
      name: `storex128_${kind}`,
      emit: (e) =>
        `${address(e, kind)}${aligned(e)}al=lo;ah=hi;` +
        `if(${e.field(6)}===0){${e.loadForWrite(64)}${NEXT_EIGHT}${e.loadForWrite(64)}lo=al;hi=ah;}` +
        `v=${e.vector(1, 0)};vh=${e.vector(1, 1)};${e.store(64, 'v', 'vh')}` +
        `${NEXT_EIGHT}v=${e.vector(1, 2)};vh=${e.vector(1, 3)};${e.store(64, 'v', 'vh')}`,
    },
    {
      name: `storex64_${kind}`,
      emit: (e) => `${address(e, kind)}v=${e.vector(1, 0)};vh=${e.vector(1, 1)};${e.store(64, 'v', 'vh')}`,
    },
    {
      name: `storex32_${kind}`,
      emit: (e) => `${address(e, kind)}v=${e.vector(1, 0)};${e.store(32, 'v')}`,
    },
  ];
}

function copy(bytes: 4 | 8 | 16): Semantic {
  return {
    name: `copyx${bytes * 8}`,
    emit: (e) => {
      const words = Array.from({ length: bytes / 4 }, (_, word) => word);
      return words.map((word) => `${e.vector(1, word)}=${e.vector(2, word)};`).join('');
    },
  };
}

const DOUBLE_OPS = { add: '+', sub: '-', mul: '*', div: '/' } as const;

export const SIMD_SEMANTICS: readonly Semantic[] = [
  // Before anything else of an MMX (field 1 bit 0) or SSE instruction: #UD, #NM, #MF. Bit 1: only integer registers, no check.
  {
    name: 'sse_check',
    emit: (e) =>
      `if((${e.field(1)}|${e.word(CR0)}&${CR0_EM | CR0_TS}|${e.word(CR4)}&${CR4_OSFXSR}^${CR4_OSFXSR})!==0&&${e.recordCall('sseCheck')}!==0)${e.leave()}`,
  },
  ...Object.entries(DOUBLE_OPS).flatMap(([name, operator]) => [
    scalarDouble(name, operator),
    packedDouble(name, operator),
  ]),
  compareDouble('comisd'),
  compareDouble('ucomisd'),
  ...CONVERSIONS,
  ...INTEGER,
  copy(4),
  copy(8),
  copy(16),
  ...ADDRESSINGS.flatMap(memory),
];
