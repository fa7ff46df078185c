/**
 * Tables of instructions, as text. A line is an opcode, conditions, a mnemonic and operands in AT&T's order:
 *
 *     6e 66 w   movq Eq,Vx
 *
 * The opcode is two hexadecimal digits: `50+` are eight opcodes that name a register, `70?` sixteen that name a condition. An opcode may have several
 * lines. Operands are in `operands.ts`, the marks in mnemonics in `mnemonic.ts`.
 *
 * | condition | the line holds |
 * |---|---|
 * | `66` `f2` `f3` | with this mandatory prefix; a line without one holds with every prefix for which no other line holds |
 * | `np` | without a mandatory prefix only; `alone`: without any prefix |
 * | `/0` … `/7` | when ModRM.reg is this |
 * | `=c8` | when ModRM is this |
 * | `w` `w0` | when REX.W or VEX.W is 1, is 0; `b` when REX.B is 1 |
 * | `l0` `l` `l2` `l01` `l12` | when VEX.L, or EVEX.L'L, is 0, 1, 2, one of two |
 * | `m64` `m32` | in 64-bit code, in other code |
 *
 * | remark | meaning |
 * |---|---|
 * | `!` `!32` | LOCK may precede it when its operand is in memory; and is no 16- or 64-bit one |
 * | `st` `lo` | QEMU: prefix 66 counts only right before the opcode; wherever it is |
 * | `rp` | QEMU: only with a REP somewhere |
 * | `nr` `nq` | QEMU: not with a prefix 66 before REP or REPNE; before any other prefix |
 */
import { type EvexRow, evexRowOf, fitsEvex, isEvexWord } from './evex.ts';
import type { Instruction, MandatoryPrefix } from './instruction.ts';
import { OPERANDS, type Operand } from './operands.ts';

const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

const ALL_LENGTHS = [0, 1, 2];
const LONGEST = 2;

/** What is undefined does not matter. */
export interface Row {
  readonly prefix?: MandatoryPrefix;
  readonly isAlone?: boolean;
  readonly group?: number;
  readonly modrm?: number;
  readonly isWide?: boolean;
  readonly isExtended?: boolean;
  /** Vectors have 128 bits shifted left by one of these. */
  readonly lengths?: readonly number[];
  readonly evex?: EvexRow;
  readonly in64?: boolean;
  readonly isLockable?: boolean;
  readonly locksOnly32?: boolean;
  readonly isStrict?: boolean;
  readonly isLoose?: boolean;
  readonly refusesRepeat?: boolean;
  readonly refusesEarlyPrefix?: boolean;
  readonly wantsRepeat?: boolean;
  /** ModRM must name memory, must name a register. */
  readonly isMemory?: boolean;
  /** An operand is in VEX.vvvv, which is 0 otherwise. */
  readonly usesVex: boolean;
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
}

/** The lines of one opcode, and what its ModRM is. */
export interface Entry {
  readonly hasModrm: boolean;
  /** ModRM.rm is a register whatever ModRM.mod says. */
  readonly ignoresMod: boolean;
  /** The memory operand has an index for each element of a vector. */
  readonly hasVectorIndex: boolean;
  readonly rows: readonly Row[];
}

const WORDS: Readonly<Record<string, Partial<Row>>> = {
  np: { prefix: 0 },
  '66': { prefix: 0x66 },
  f2: { prefix: 0xf2 },
  f3: { prefix: 0xf3 },
  alone: { isAlone: true },
  w: { isWide: true },
  w0: { isWide: false },
  b: { isExtended: true },
  l: { lengths: [1] },
  l0: { lengths: [0] },
  l2: { lengths: [2] },
  l01: { lengths: [0, 1] },
  l12: { lengths: [1, 2] },
  m64: { in64: true },
  m32: { in64: false },
  '!': { isLockable: true },
  '!32': { isLockable: true, locksOnly32: true },
  st: { isStrict: true },
  lo: { isLoose: true },
  nr: { refusesRepeat: true },
  nq: { refusesEarlyPrefix: true },
  rp: { wantsRepeat: true },
};

/** Undefined: `word` is the mnemonic. */
function conditionOf(word: string): Partial<Row> | undefined {
  if (/^\/[0-7]$/.test(word)) return { group: Number(word[1]) };
  if (/^=[0-9a-f]{2}$/.test(word)) return { modrm: Number.parseInt(word.slice(1), 16) };
  return WORDS[word] ?? (isEvexWord(word) ? {} : undefined);
}

/** What is no name of an operand is shown as it is. */
function operandOf(name: string): Operand {
  return OPERANDS[name] ?? { text: () => name };
}

function readRow(words: readonly string[]): Row {
  const at = words.findIndex((word) => conditionOf(word) === undefined);
  const conditions = words.slice(0, at).map(conditionOf);
  const [mnemonic = '', list = ''] = words.slice(at);
  const operands = list === '' ? [] : list.split(',').map(operandOf);
  const isMemory = operands.map((operand) => operand.isMemory).find((is) => is !== undefined);
  const row = { usesVex: operands.some((operand) => operand.usesVex), mnemonic, operands };
  const evex = evexRowOf(words.slice(0, at));
  return Object.assign(row, isMemory === undefined ? {} : { isMemory }, { evex }, ...conditions);
}

/** Opcodes that a first word names, with what stands for `?` in the mnemonic. */
function opcodesOf(word: string): readonly (readonly [number, string])[] {
  const first = Number.parseInt(word, 16);
  if (word.endsWith('?')) return CONDITIONS.map((condition, n) => [first + n, condition] as const);
  return Array.from({ length: word.endsWith('+') ? 8 : 1 }, (_, n) => [first + n, ''] as const);
}

function entryOf(rows: readonly Row[]): Entry {
  const operands = rows.flatMap((row) => row.operands);
  const namesModrm = rows.some(({ group, modrm }) => group !== undefined || modrm !== undefined);
  return {
    hasModrm: namesModrm || operands.some((operand) => operand.hasModrm),
    ignoresMod: operands.some((operand) => operand.ignoresMod),
    hasVectorIndex: operands.some((operand) => operand.hasVectorIndex),
    rows,
  };
}

function readTable(text: string): ReadonlyMap<number, Entry> {
  const rows = new Map<number, Row[]>();
  for (const line of text.split('\n')) {
    const [opcode = '', ...words] = line.trim().split(/\s+/);
    if (opcode === '') continue;
    for (const [number, condition] of opcodesOf(opcode)) {
      const row = readRow(words.map((word) => word.replace('?', condition)));
      rows.set(number, [...(rows.get(number) ?? []), row]);
    }
  }
  return new Map([...rows].map(([opcode, list]) => [opcode, entryOf(list)]));
}

/** A table, which is read when it is first asked for an opcode. */
export class OpcodeMap {
  readonly #text: string;
  #entries: ReadonlyMap<number, Entry> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Undefined: no instruction has this opcode. */
  get(opcode: number): Entry | undefined {
    this.#entries ??= readTable(this.#text);
    return this.#entries.get(opcode);
  }
}

function fitsPrefixes(row: Row, i: Instruction): boolean {
  if (row.isAlone && (i.last !== 0 || i.rex !== 0)) return false;
  if (row.wantsRepeat && i.repeat !== 0xf3) return false;
  const hasEarlyPrefix = i.hasOperandPrefix && i.last !== 0x66;
  if (row.refusesEarlyPrefix && hasEarlyPrefix) return false;
  return !(row.refusesRepeat && i.code !== 16 && !i.isWide && hasEarlyPrefix && i.isRepeated);
}

function fitsWidth(row: Row, i: Instruction): boolean {
  if (row.isWide === true) return i.isWide && !(row.prefix === 0x66 && i.hasAddressQuirk);
  return row.isWide === undefined || !i.isWide || i.hasAddressQuirk;
}

function fitsVex(row: Row, { vex, memory }: Instruction): boolean {
  const isMemory = memory !== undefined;
  if (vex === undefined) return true;
  if (vex.evex !== undefined && !fitsEvex(row, vex.evex, isMemory)) return false;
  // Rounding of whole vectors wants the longest ones, whose length then stands for all.
  const isRounded = vex.evex?.broadcasts === true && !isMemory;
  const lengths = row.lengths ?? (isRounded ? [LONGEST] : ALL_LENGTHS);
  if (!lengths.includes(vex.length)) return false;
  return row.usesVex || vex.register === 0;
}

function fitsModrm(row: Row, i: Instruction): boolean {
  if (row.modrm !== undefined && row.modrm !== i.modrm) return false;
  if (row.group !== undefined && row.group !== i.group) return false;
  return row.isMemory === undefined || row.isMemory === (i.memory !== undefined);
}

function fits(row: Row, i: Instruction): boolean {
  if (row.in64 !== undefined && row.in64 !== (i.code === 64)) return false;
  if (row.isExtended && (i.rex & 1) === 0) return false;
  return fitsModrm(row, i) && fitsWidth(row, i) && fitsVex(row, i) && fitsPrefixes(row, i);
}

/** Of several lines that with the prefix, then one that names all of ModRM. */
function rowAmong(fitting: readonly Row[], prefix: MandatoryPrefix): Row | undefined {
  const named = fitting.filter((row) => row.prefix === prefix);
  const rows = named.length > 0 ? named : fitting.filter((row) => row.prefix === undefined);
  return rows.find((row) => row.modrm !== undefined) ?? rows[0];
}

/** The line that holds for an instruction, whose ModRM was read. QEMU: one for REX.W goes before one for a prefix. */
export function rowOf(entry: Entry, i: Instruction, prefix: MandatoryPrefix): Row | undefined {
  const fitting = entry.rows.filter((row) => fits(row, i));
  const wide = fitting.filter((row) => row.isWide === true || row.isExtended);
  return rowAmong(wide, prefix) ?? rowAmong(fitting, prefix);
}
