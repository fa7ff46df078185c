/** Names of registers by the numbers that instructions have for them. */
import type { OperandSize } from './instruction.ts';

const LEGACY = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const LOW_BYTES = ['al', 'cl', 'dl', 'bl'];
const HIGH_BYTES = ['ah', 'ch', 'dh', 'bh'];
const REX_BYTES = ['spl', 'bpl', 'sil', 'dil'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const NUMBERED_SUFFIX = { 16: 'w', 32: 'd', 64: '' } as const;
const LEGACY_PREFIX = { 16: '', 32: 'e', 64: 'r' } as const;

/** A general register; 8 to 15 are those that only 64-bit code has. */
export function generalRegister(number: number, size: OperandSize): string {
  if (number >= LEGACY.length) return `%r${number}${NUMBERED_SUFFIX[size]}`;
  return `%${LEGACY_PREFIX[size]}${LEGACY[number]}`;
}

/** A register of a byte; with a REX prefix 4 to 7 are the low bytes of SP, BP, SI and DI. */
export function byteRegister(number: number, hasRex: boolean): string {
  if (number >= LEGACY.length) return `%r${number}b`;
  if (number < 4) return `%${LOW_BYTES[number]}`;
  return `%${(hasRex ? REX_BYTES : HIGH_BYTES)[number - 4]}`;
}

const VECTORS = ['xmm', 'ymm', 'zmm'];

/** A register of vectors, of 128 bits shifted left by `length`. */
export function vectorRegister(number: number, length: number): string {
  return `%${VECTORS[length]}${number}`;
}

/** Undefined: no segment register has this number. */
export function segmentRegister(number: number): string | undefined {
  return SEGMENTS[number] === undefined ? undefined : `%${SEGMENTS[number]}`;
}
