/** Record kinds that the decoder emits, looked up once by name. */
import type { Width } from '../semantics/emitter.ts';
import { opNumber } from '../semantics/table.ts';
import { type MemoryKinds, memoryKinds } from './instruction.ts';

type ByWidth<T> = Readonly<Record<Width, T>>;

function byWidth<T>(make: (width: Width) => T): ByWidth<T> {
  return { 8: make(8), 16: make(16), 32: make(32), 64: make(64) };
}

export const LOAD: ByWidth<MemoryKinds> = byWidth((width) => memoryKinds(`load${width}`));
export const LOADW: ByWidth<MemoryKinds> = byWidth((width) => memoryKinds(`loadw${width}`));
export const STORE: ByWidth<MemoryKinds> = byWidth((width) => memoryKinds(`store${width}`));
export const STOREI: ByWidth<MemoryKinds> = byWidth((width) => memoryKinds(`storei${width}`));
export const MOV_RR = byWidth((width) => opNumber(`mov${width}_rr`));
export const MOV_RI: Readonly<Record<8 | 16 | 64, number>> = {
  8: opNumber('mov8_ri'),
  16: opNumber('mov16_ri'),
  64: opNumber('mov64_ri'),
};
export const XCHG = byWidth((width) => opNumber(`xchg${width}_rr`));
export const LEA: Readonly<Record<16 | 32 | 64, MemoryKinds>> = {
  16: memoryKinds('lea16'),
  32: memoryKinds('lea32'),
  64: memoryKinds('lea64'),
};
export const MOVSX32 = { rr: opNumber('mov_sx32_64_rr'), load: memoryKinds('load_sx32_64') };
export const PUSH = { 32: opNumber('push32'), 64: opNumber('push64') };
export const PUSHI = { 32: opNumber('pushi32'), 64: opNumber('pushi64') };
export const POP = { 32: opNumber('pop32'), 64: opNumber('pop64') };
export const INC = {
  inc: { 16: opNumber('inc16'), 32: opNumber('inc32') },
  dec: { 16: opNumber('dec16'), 32: opNumber('dec32') },
};
export const LOOPS = ['loopne', 'loope', 'loop', 'jcxz'] as const;
export const BSWAP = { 32: opNumber('bswap32'), 64: opNumber('bswap64') };

const cache = new Map<string, number>();

function named(name: string): number {
  let number = cache.get(name);
  if (number === undefined) {
    number = opNumber(name);
    cache.set(name, number);
  }
  return number;
}

export function rr(op: string, width: Width): number {
  return named(`${op}${width}_rr`);
}

export function ri(op: string, width: Width): number {
  return named(`${op}${width}_ri`);
}

export function shiftImm(op: string, width: Width): number {
  return named(`${op}${width}_imm`);
}

export function shiftCl(op: string, width: Width): number {
  return named(`${op}${width}_cl`);
}

export function unaryKind(op: string, width: Width): number {
  return named(`${op}${width}`);
}

/** MUL, IMUL, DIV, IDIV by ModRM.reg 4–7 of group 3. */
export function wide(op: number, width: Width): number {
  return named([`mul${width}_wide`, `imul${width}_wide`, `div${width}`, `idiv${width}`][op - 4]);
}
