/**
 * SSE moves and double arithmetic, as text: the common case inline, all else through the SSE table (`sse(p)`, fields as in
 * misc.ts). Memory operands use the addressings of move.ts; field 6 is the alignment mask.
 */
import { CR0, CR0_EM, CR0_TS, CR4, CR4_OSFXSR, MXCSR, VEC_GP } from '../state.ts';
import type { Emitter, Semantic } from './emitter.ts';
import { ADDRESSINGS, type Addressing, address } from './move.ts';

/** MXCSR without the sticky flags IE to UE: all exceptions masked, round to nearest, no FTZ or DAZ, and PE already set. */
const MXCSR_MASK = 0xffe0;
const MXCSR_USUAL = 0x1fa0;
const MIN_NORMAL = '2.2250738585072014e-308';
const MAX_FINITE = '1.7976931348623157e308';

function normal(value: string): string {
  return `${value}>=${MIN_NORMAL}`;
}

/**
 * ADDSD and its kin: where operands and result are normal numbers, and the inexact flag is set already, the host's operation is all
 * there is to do.
 */
function scalarDouble(name: string, operator: string): Semantic {
  return {
    name: `sse_${name}sd`,
    emit: (e: Emitter) =>
      `x=${e.double(2, 0)};y=${e.double(3, 0)};z=x${operator}y;` +
      `if((${e.word(MXCSR)}&${MXCSR_MASK})===${MXCSR_USUAL}&&${normal('Math.abs(z)')}&&Math.abs(z)<=${MAX_FINITE}` +
      `&&${normal('Math.abs(x)')}&&${normal('Math.abs(y)')})${e.double(2, 0)}=z;` +
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

export const DOUBLE_OPS = { add: '+', sub: '-', mul: '*', div: '/' } as const;

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
  copy(4),
  copy(8),
  copy(16),
  ...ADDRESSINGS.flatMap(memory),
];
