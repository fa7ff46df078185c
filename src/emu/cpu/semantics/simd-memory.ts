/**
 * Loads, stores and copies of XMM registers; field 6 of a memory record is the alignment mask. Numbers are moved as doubles: what is
 * written in two words cannot be read as one double at once, a dozen cycles are lost. NaNs are moved as words, since hosts may
 * change their bits.
 */
import { FAULT, VEC_GP } from '../state.ts';
import type { Emitter, Semantic } from './emitter.ts';
import { ADDRESSINGS, type Addressing, address } from './move.ts';

const ORDINARY = '((w=Math.abs(x))>=2.2250738585072014e-308&&w<=1.7976931348623157e308||x===0)';

/** x may be put into the low half of register `to`, from that of register `from` if it is given; else the state must be written. */
function accepts(e: Emitter, to: number, from?: number): string {
  const known = from !== undefined && e.checked(from);
  return e.checked(to) && !known ? ORDINARY : 'x===x';
}

/** The local of field 1's register, if it has one, is z: what a function has found in the state. */
function take(e: Emitter): string {
  return e.checked(1) ? `${e.double(1, 0)}=z;` : '';
}

function aligned(e: Emitter): string {
  return `if((lo&${e.field(6)})!==0)${e.raise(VEC_GP, true)}`;
}

function leaveOnFault(e: Emitter): string {
  return `if(${e.word(FAULT)}!==0)${e.leave()}`;
}

/** Words `from` to `to` of the register that field 1 names are 0. */
function clear(e: Emitter, from: number, to: number): string {
  let text = '';
  for (let k = from; k < to; k++) text += `${e.vector(1, k)}=0;`;
  return text;
}

function memory(kind: Addressing): readonly Semantic[] {
  return [
    {
      name: `loadx128_${kind}`,
      emit: (e) =>
        `${address(e, kind)}${aligned(e)}x=y=NaN;${e.loadDoubles(2)}` +
        `if(${accepts(e, 1)}&&y===y){${e.double(1, 0)}=x;${e.double(1, 1)}=y;}` +
        `else{z=+load128(lo,hi,${e.field(1)});${leaveOnFault(e)}${take(e)}}`,
    },
    {
      name: `loadx64_${kind}`,
      emit: (e) =>
        `${address(e, kind)}x=NaN;${e.loadDoubles(1)}if(${accepts(e, 1)})${e.double(1, 0)}=x;` +
        `else{z=+loadNumber(lo,hi,${e.field(1)});${leaveOnFault(e)}${take(e)}}${e.double(1, 1)}=0;`,
    },
    {
      name: `loadx32_${kind}`,
      emit: (e) => `${address(e, kind)}${e.load(32)}${e.vector(1, 0)}=v;${clear(e, 1, 4)}`,
    },
    {
      name: `storex128_${kind}`,
      emit: (e) =>
        `${address(e, kind)}${aligned(e)}x=${e.double(1, 0)};y=${e.double(1, 1)};` +
        `${e.storeDoubles(2)}else{storeNumbers(lo,hi,${e.field(1)},${e.known(1)});${leaveOnFault(e)}}`,
    },
    {
      name: `storex64_${kind}`,
      emit: (e) =>
        `${address(e, kind)}x=${e.double(1, 0)};` +
        `${e.storeDoubles(1)}else{storeNumber(lo,hi,${e.field(1)},${e.known(1)});${leaveOnFault(e)}}`,
    },
    {
      name: `storex32_${kind}`,
      emit: (e) => `${address(e, kind)}v=${e.vector(1, 0)};${e.store(32, 'v')}`,
    },
  ];
}

/** Copies words in the state. */
function copyBits(e: Emitter, count: number): string {
  return `z=+copyBits(${e.field(1)},${e.field(2)},${count},${e.known(2)});${take(e)}`;
}

export const SIMD_MEMORY_SEMANTICS: readonly Semantic[] = [
  { name: 'copyx32', emit: (e) => `${e.vector(1, 0)}=${e.vector(2, 0)};` },
  {
    name: 'copyx64',
    emit: (e) => `x=${e.double(2, 0)};if(${accepts(e, 1, 2)})${e.double(1, 0)}=x;else{${copyBits(e, 2)}}`,
  },
  {
    name: 'copyx128',
    emit: (e) =>
      `x=${e.double(2, 0)};y=${e.double(2, 1)};if(${accepts(e, 1, 2)}&&y===y){${e.double(1, 0)}=x;${e.double(1, 1)}=y;}` +
      `else{${copyBits(e, 4)}}`,
  },
  // Of field 1, which the instruction names twice.
  { name: 'clearx128', emit: (e) => `${e.double(1, 0)}=0;${e.double(1, 1)}=0;` },
  { name: 'clearx64_high', emit: (e) => `${e.double(1, 1)}=0;` },
  ...ADDRESSINGS.flatMap(memory),
];
