/**
 * What an EVEX prefix adds to an instruction: masks, one element of memory for all of a vector, rounding, and displacements that count in the operand's size.
 * Spec: Intel SDM vol. 2 §2.7. In the tables these words are conditions, too:
 *
 * | word | meaning |
 * |---|---|
 * | `k` `kk` | a mask may be there, must be there |
 * | `z` `zr` `zm` | elements may be zeroed; only in a register, in memory |
 * | `b4` `b8` … | memory may be one element, of which a vector has its bytes divided by this; `b8s` when W does not double its size |
 * | `er0` `sae1` … | rounding may be chosen, exceptions suppressed, which is shown as this operand; `saed`: behind the last one |
 * | `t` `tk` `tz` | QEMU: a blank follows the mask; unless it zeroes; only if it zeroes a register |
 * | `n4` `n64` … | a displacement of one byte counts so many bytes; `nf`, `nh`: those of a vector, of half of one |
 */
import type { Evex, Instruction } from './instruction.ts';

export interface EvexRow {
  readonly mask: 'never' | 'may' | 'must';
  /** `m`: memory, `r`: a register. */
  readonly zeroes: string;
  readonly broadcast: number;
  readonly elementBytes: number | undefined;
  readonly rounding: 'er' | 'sae' | undefined;
  /** Undefined: behind the last operand. */
  readonly roundingPlace: number | undefined;
  readonly scale: string;
  readonly blank: string;
}

const WORD = /^(?:kk?|z[rm]?|b\d+s?|(?:er|sae)[\dd]|n(?:\d+|[fh])|t[kz]?)$/;
const ROUNDINGS = ['rn', 'rd', 'ru', 'rz'];
const VECTOR_BYTES = 16;

export function isEvexWord(word: string): boolean {
  return WORD.test(word);
}

/** Undefined: none of the words is one of EVEX. */
export function evexRowOf(words: readonly string[]): EvexRow | undefined {
  const own = words.filter(isEvexWord);
  if (own.length === 0) return undefined;
  const find = (pattern: RegExp): RegExpExecArray | undefined =>
    own.map((word) => pattern.exec(word)).find((match) => match !== null) ?? undefined;
  const broadcast = find(/^b(\d+)(s?)$/);
  const rounding = find(/^(er|sae)([\dd])$/);
  return {
    mask: own.includes('kk') ? 'must' : own.includes('k') ? 'may' : 'never',
    zeroes: own.includes('z') ? 'mr' : (find(/^z([rm])$/)?.[1] ?? ''),
    broadcast: Number(broadcast?.[1] ?? 0),
    elementBytes: broadcast?.[2] === 's' ? 4 : undefined,
    rounding: rounding?.[1] as EvexRow['rounding'],
    roundingPlace: rounding?.[2] === 'd' ? undefined : Number(rounding?.[2] ?? 0),
    scale: find(/^n(\w+)$/)?.[1] ?? '',
    blank: find(/^t[kz]?$/)?.[0] ?? '',
  };
}

/** The prefix is one that the instruction of a row may have. */
export function fitsEvex({ evex: row }: { readonly evex?: EvexRow }, evex: Evex, isMemory: boolean): boolean {
  const { mask = 'never', zeroes = '', broadcast = 0, rounding } = row ?? {};
  if (evex.mask !== 0 ? mask === 'never' : mask === 'must') return false;
  if (evex.zeroes && !zeroes.includes(isMemory ? 'm' : 'r')) return false;
  return !evex.broadcasts || (isMemory ? broadcast !== 0 : rounding !== undefined);
}

function scaleOf({ scale, elementBytes }: EvexRow, i: Instruction, isElement: boolean): number {
  if (isElement) return elementBytes ?? (i.isWide ? 8 : 4);
  const bytes = VECTOR_BYTES << (i.vex?.length ?? 0);
  if (scale === 'f') return bytes;
  return scale === 'h' ? bytes / 2 : Number(scale);
}

/** What a displacement of one byte counts in an instruction with a memory operand. */
export function displacementScale(row: EvexRow | undefined, i: Instruction): number {
  return row === undefined ? 1 : scaleOf(row, i, i.vex?.evex?.broadcasts === true) || 1;
}

/** What is shown behind the address when memory is one element. */
export function broadcastText(row: EvexRow | undefined, { vex }: Instruction): string {
  if (row === undefined || vex?.evex?.broadcasts !== true) return '';
  return `{1to${(VECTOR_BYTES << vex.length) / row.broadcast}}`;
}

/** QEMU: the mode is read from a byte behind the instruction. */
function roundingText({ rounding }: EvexRow, i: Instruction): string {
  return rounding === 'sae' ? '{sae}' : `{${ROUNDINGS[i.byte() & 3]}-sae}`;
}

function maskText({ blank }: EvexRow, { mask, zeroes }: Evex, isMemory: boolean): string {
  if (mask === 0 && !zeroes) return '';
  const hasBlank = blank === 't' || (blank === 'tk' && !zeroes) || (blank === 'tz' && zeroes && !isMemory);
  return ` {%k${mask}}${zeroes ? ' {z}' : ''}${hasBlank ? ' ' : ''}`;
}

/** Adds rounding and mask to the operands. */
export function decorate(row: EvexRow, i: Instruction, evex: Evex, operands: string[]): void {
  const isMemory = i.memory !== undefined;
  const mask = maskText(row, evex, isMemory);
  const mode = evex.broadcasts && !isMemory ? roundingText(row, i) : '';
  const isLast = row.roundingPlace === undefined;
  // QEMU: between a mask and what follows it is no blank.
  operands[operands.length - 1] +=
    `${mask}${isLast && mode !== '' ? `${mask === '' ? ' ' : ''}${mode}` : ''}`;
  if (!isLast && mode !== '') operands.splice(row.roundingPlace, 0, mode);
}
