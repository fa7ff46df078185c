/**
 * SSE arithmetic, comparisons and conversions of numbers, as text: the common case inline, all else through the SSE table (`sse(p)`,
 * fields as in misc.ts).
 */
import { FAULT, MXCSR } from '../state.ts';
import type { Emitter, Semantic } from './emitter.ts';
import { orderFlags } from './order.ts';

/** MXCSR without the sticky flags IE to UE: all exceptions masked, round to nearest, no FTZ or DAZ, and PE already set. */
const MXCSR_MASK = 0xffe0;
const MXCSR_USUAL = 0x1fa0;
/** The same with PE clear: then a result must be exact, or the flag must be set. */
const MXCSR_EXACT = 0x1f80;
const MIN_NORMAL_64 = '2.2250738585072014e-308';
const MAX_64 = '1.7976931348623157e308';
const MIN_NORMAL_32 = '1.1754943508222875e-38';
const MAX_32 = '3.4028234663852886e38';
/** Adding this and taking it away again rounds a number below 2^51 to an integer. */
const ROUNDER = '6755399441055744';
const ROUNDER_MAX = '2251799813685248';

interface Precision {
  /** Element `k` of the register in field `n`. */
  readonly element: (e: Emitter, n: number, k: number) => string;
  readonly min: string;
  readonly max: string;
  readonly round: (value: string) => string;
}

const DOUBLE: Precision = {
  element: (e, n, k) => e.double(n, k),
  min: MIN_NORMAL_64,
  max: MAX_64,
  round: (value) => value,
};
const SINGLE: Precision = {
  element: (e, n, k) => e.single(n, k),
  min: MIN_NORMAL_32,
  max: MAX_32,
  round: (value) => `Math.fround(${value})`,
};

/** Zero or normal, so that it raises no flag as an operand; infinity passes. NaN fails both tests. */
function quiet(v: string, { min }: Precision): string {
  return `(${v}===0||Math.abs(${v})>=${min})`;
}

/** More conditions of arithmetic on `v` of register `n`: none where a NaN result tells all. */
function operand(e: Emitter, v: string, n: number, precision: Precision): string {
  return precision === DOUBLE && e.checked(n) ? '' : `&&${quiet(v, precision)}`;
}

/** `v` of register `n` may be compared. */
function comparable(e: Emitter, v: string, n: number, precision: Precision): string {
  return precision === DOUBLE && e.checked(n) ? `${v}===${v}` : quiet(v, precision);
}

/**
 * A result that nothing but rounding has happened to. A product that equals the smallest normal number may have been tiny before; it is
 * zero where an operand is. A sum that is denormal or zero is exact; `strict`: it must not be denormal.
 */
function result(v: string, { min, max }: Precision, operator: string, strict: boolean): string {
  const finite = `Math.abs(${v})<=${max}`;
  if (operator === '+' || operator === '-')
    return strict ? `((w=Math.abs(${v}))>=${min}&&w<=${max}||${v}===0)` : finite;
  const zero = operator === '*' ? '(x===0||y===0)' : 'x===0';
  return `(Math.abs(${v})>${min}&&${finite}||${v}===0&&${zero})`;
}

function masked(e: Emitter): string {
  return `(${e.word(MXCSR)}&${MXCSR_MASK})`;
}

/** PE is set already, or not needed: `exact` says so. */
function flagsStay(e: Emitter, exact: string): string {
  return `(${masked(e)}===${MXCSR_USUAL}||(${e.mostly(exact)})&&${masked(e)}===${MXCSR_EXACT})`;
}

function leaveOnFault(e: Emitter): string {
  return `if(${e.word(FAULT)}!==0)${e.leave()}`;
}

/** The row of the SSE table; it may raise an exception. */
function table(e: Emitter): string {
  if (!e.checked(2) && !e.checked(3)) return `if(${e.recordCall('sse')}!==0)${e.leave()}`;
  const taken = e.checked(2) ? `${e.double(2, 0)}=z;` : '';
  return `z=+${e.recordCall('sseNumber', e.known(2), e.known(3))};${leaveOnFault(e)}${taken}`;
}

function otherwise(e: Emitter): string {
  return `else{${table(e)}}`;
}

/** The same where a general register is written or, by its number, read: it goes through the state. */
function otherwiseTo(e: Emitter): string {
  const at = e.field(2);
  return `else{${table(e)}${e.lo(2)}=S[${at}];${e.hi(2)}=S[${at}+1];}`;
}

function otherwiseFrom(e: Emitter): string {
  const at = e.field(3);
  return `else{S[${at}]=${e.lo(3)};S[${at}+1]=${e.hi(3)};${table(e)}}`;
}

const EXACT: Readonly<Record<string, string>> = {
  '+': 'exactAdd(x,y,z)',
  '-': 'exactAdd(x,-y,z)',
  '*': 'exactMul(x,y,z)',
  '/': 'exactMul(z,y,x)',
};

/** ADDSD, ADDSS and their kin. */
function scalar(suffix: string, name: string, operator: string, precision: Precision): Semantic {
  // A single result is exact when the double one is the same; sums of singles may be inexact as doubles.
  const exact =
    precision === DOUBLE
      ? EXACT[operator]
      : `z===x${operator}y&&${operator === '/' ? 'z*y===x' : operator === '*' ? 'true' : EXACT[operator]}`;
  return {
    name: `sse_${name}${suffix}`,
    emit: (e) =>
      `x=${precision.element(e, 2, 0)};y=${precision.element(e, 3, 0)};z=${precision.round(`x${operator}y`)};` +
      `if(${result('z', precision, operator, precision === DOUBLE && e.checked(2))}${operand(e, 'x', 2, precision)}` +
      `${operand(e, 'y', 3, precision)}&&${flagsStay(e, exact ?? 'false')})${precision.element(e, 2, 0)}=z;${otherwise(e)}`,
  };
}

function packedDouble(name: string, operator: string): Semantic {
  return {
    name: `sse_${name}pd`,
    emit: (e: Emitter) =>
      `x=${e.double(2, 0)};y=${e.double(3, 0)};z=x${operator}y;` +
      `if(${masked(e)}===${MXCSR_USUAL}&&${result('z', DOUBLE, operator, e.checked(2))}${operand(e, 'x', 2, DOUBLE)}` +
      `${operand(e, 'y', 3, DOUBLE)}&&(x=${e.double(2, 1)},y=${e.double(3, 1)},w=x${operator}y,` +
      `${result('w', DOUBLE, operator, false)}&&${quiet('x', DOUBLE)}&&${quiet('y', DOUBLE)}))` +
      `{${e.double(2, 0)}=z;${e.double(2, 1)}=w;}${otherwise(e)}`,
  };
}

function squareRoot(suffix: string, precision: Precision): Semantic {
  const exact = precision === DOUBLE ? 'exactMul(z,z,y)' : 'z*z===y';
  return {
    name: `sse_sqrt${suffix}`,
    emit: (e) => {
      const known = precision === DOUBLE && e.checked(3);
      const good = known ? 'y>=0' : `(y===0||y>=${precision.min})&&y<=${precision.max}`;
      return (
        `y=${precision.element(e, 3, 0)};z=${precision.round('Math.sqrt(y)')};` +
        `if(${good}&&${flagsStay(e, exact)})${precision.element(e, 2, 0)}=z;${otherwise(e)}`
      );
    },
  };
}

/** MINSD, MAXSS and their kin: the second operand unless the first is strictly beyond it. */
function extreme(suffix: string, name: 'min' | 'max', precision: Precision): Semantic {
  return {
    name: `sse_${name}${suffix}`,
    emit: (e) =>
      `x=${precision.element(e, 2, 0)};y=${precision.element(e, 3, 0)};` +
      `if(${comparable(e, 'x', 2, precision)}&&${comparable(e, 'y', 3, precision)}&&Math.abs(y)<=${precision.max})` +
      `{if(!(x${name === 'min' ? '<' : '>'}y))${precision.element(e, 2, 0)}=y;}${otherwise(e)}`,
  };
}

/** COMISD and its kin: x and y are the operands, or numbers of the same relation. Flags: `orderFlags`. */
function compare(name: string, precision: Precision): Semantic {
  return {
    name: `sse_${name}`,
    emit: (e: Emitter) =>
      `x=${precision.element(e, 2, 0)};y=${precision.element(e, 3, 0)};` +
      `if(!(${comparable(e, 'x', 2, precision)}&&${comparable(e, 'y', 3, precision)})){x=+${e.recordCall('sseOrder', e.known(2), e.known(3))};y=0;${leaveOnFault(e)}}${orderFlags(e)}`,
  };
}

/** CMPSD and CMPSS: field 4 is the predicate. */
function select(suffix: string, precision: Precision): Semantic {
  return {
    name: `sse_cmp${suffix}`,
    emit: (e) =>
      `x=${precision.element(e, 2, 0)};y=${precision.element(e, 3, 0)};` +
      `if(${quiet('x', precision)}&&${quiet('y', precision)}){n=${e.field(4)};q=n&3;` +
      `v=(q===0?x===y:q===1?x<y:q===2?x<=y:false)===((n&4)===0)?-1:0;${e.vector(2, 0)}=v;` +
      `${precision === DOUBLE ? `${e.vector(2, 1)}=v;` : ''}}${otherwise(e)}`,
  };
}

/** To a general register from z, an integer; `wide` needs both words. */
function putInteger(e: Emitter, wide: boolean): string {
  return `${e.lo(2)}=z|0;${e.hi(2)}=${wide ? 'Math.floor(z/4294967296)|0' : '0'};`;
}

/** CVTTSD2SI and its kin. What fits is inexact at most. */
function toInteger(suffix: string, precision: Precision, wide: boolean, truncate: boolean): Semantic {
  const limit = truncate ? (wide ? '9223372036854775000' : '2147483647') : wide ? ROUNDER_MAX : '2147483647';
  const convert = truncate ? 'Math.trunc(x)' : `x+${ROUNDER}-${ROUNDER}`;
  return {
    name: `sse_cvt${truncate ? 't' : ''}${suffix}2si${wide ? 64 : 32}`,
    emit: (e) =>
      `x=${precision.element(e, 3, 0)};z=${convert};` +
      `if(Math.abs(x)<${limit}${operand(e, 'x', 3, precision)}&&${flagsStay(e, 'z===x')}){${putInteger(e, wide)}}` +
      otherwiseTo(e),
  };
}

function fromInteger(suffix: string, precision: Precision, wide: boolean): Semantic {
  const value = (e: Emitter): string => (wide ? `${e.hi(3)}*4294967296+(${e.lo(3)}>>>0)` : `${e.lo(3)}`);
  const exact = precision === DOUBLE ? 'Math.abs(z)<9007199254740992' : 'z===x';
  return {
    name: `sse_cvtsi2${suffix}${wide ? 64 : 32}`,
    emit: (e) => {
      if (precision === DOUBLE && !wide) return `${e.double(2, 0)}=${e.lo(3)};`;
      return (
        `x=${value(e)};z=${precision.round('x')};` +
        `if(${flagsStay(e, exact)})${precision.element(e, 2, 0)}=z;${otherwiseFrom(e)}`
      );
    },
  };
}

const CONVERSIONS: readonly Semantic[] = [
  {
    name: 'sse_cvtss2sd',
    emit: (e) =>
      `x=${e.single(3, 0)};if(${quiet('x', SINGLE)}&&Math.abs(x)<=${MAX_32})${e.double(2, 0)}=x;${otherwise(e)}`,
  },
  {
    name: 'sse_cvtsd2ss',
    emit: (e) =>
      `x=${e.double(3, 0)};z=Math.fround(x);` +
      `if((x===0||Math.abs(z)>${MIN_NORMAL_32}&&Math.abs(z)<=${MAX_32})&&${flagsStay(e, 'z===x')})${e.single(2, 0)}=z;` +
      otherwise(e),
  },
  {
    name: 'sse_cvtdq2pd',
    emit: (e) => `a=${e.vector(3, 0)};b=${e.vector(3, 1)};${e.double(2, 0)}=a;${e.double(2, 1)}=b;`,
  },
];

const OPERATIONS = { add: '+', sub: '-', mul: '*', div: '/' } as const;
const PRECISIONS = [
  ['sd', DOUBLE],
  ['ss', SINGLE],
] as const;

export const SIMD_FLOAT_SEMANTICS: readonly Semantic[] = [
  ...Object.entries(OPERATIONS).flatMap(([name, operator]) => [
    ...PRECISIONS.map(([suffix, precision]) => scalar(suffix, name, operator, precision)),
    packedDouble(name, operator),
  ]),
  ...PRECISIONS.flatMap(([suffix, precision]) => [
    squareRoot(suffix, precision),
    extreme(suffix, 'min', precision),
    extreme(suffix, 'max', precision),
    compare(`comi${suffix}`, precision),
    compare(`ucomi${suffix}`, precision),
    select(suffix, precision),
    ...[false, true].flatMap((wide) => [
      toInteger(suffix, precision, wide, true),
      toInteger(suffix, precision, wide, false),
    ]),
    fromInteger(suffix, precision, false),
  ]),
  fromInteger('sd', DOUBLE, true),
  ...CONVERSIONS,
];

const SCALARS = ['add', 'sub', 'mul', 'div', 'sqrt', 'min', 'max', 'comi', 'ucomi', 'cmp'];

/** Names of the SSE table with a record kind of their own. Conversions with general registers: `conversionKind`. */
export const FLOAT_NAMES: readonly string[] = [
  ...SCALARS.flatMap((name) => [`${name}sd`, `${name}ss`]),
  ...Object.keys(OPERATIONS).map((name) => `${name}pd`),
  'cvtss2sd',
  'cvtsd2ss',
  'cvtdq2pd',
];

/** The record kind of a conversion from or to a general register; undefined: there is none. */
export function conversionKind(name: string, wide: boolean): string | undefined {
  const kind = `sse_${name}${wide ? 64 : 32}`;
  return SIMD_FLOAT_SEMANTICS.some((semantic) => semantic.name === kind) ? kind : undefined;
}
