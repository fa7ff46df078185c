/**
 * Names of instructions with what their prefixes and operands add. Marks in the tables' mnemonics stand for a letter of AT&T's (`b`, `w`, `l`, `q`) or
 * something else:
 *
 * | mark | stands for |
 * |---|---|
 * | `%` | the operand size; `=` the same, but nothing for 32 bits |
 * | `$` | the operand size without REX.W |
 * | `'` `"` | `q` with REX.W, else `l`, else `w` |
 * | `^` | what the stack takes |
 * | `&` | what a jump through memory takes: 64 bits in 64-bit code, else the operand size |
 * | `!` | the size of system registers: 64 bits in 64-bit code, else 32 |
 * | `#` | `abs` for an offset of 64 bits |
 * | `@` | the counter of loops: `c`, `ec`, `rc` |
 * | `*` | what the last byte of the instruction says |
 * | `?` | the condition in the opcode |
 */
import type { Instruction } from './instruction.ts';
import { unsignedText } from './numbers.ts';
import { BRANCH_BY_OPERAND_SIZE, type Sizes } from './operands.ts';
import type { Row } from './table.ts';
import {
  AVX_COMPARISONS,
  INTEGER_COMPARISONS,
  NAMES_3DNOW,
  SSE_COMPARISONS,
  XOP_COMPARISONS,
} from './vector-map.ts';

const LOCK = 0xf0;
const REPNE = 0xf2;
const REP = 0xf3;
const LETTERS = { 16: 'w', 32: 'l', 64: 'q' } as const;
const COUNTERS = { 16: 'c', 32: 'ec', 64: 'rc' } as const;
const STRING = /^(ins|outs|movs|cmps|stos|lods|scas)[b%$]$/;
const COMPARING = /^(cmps|scas)/;
const EXCHANGE = /^xchg/;
const BRANCH = /^(call|ret|lret|j)/;

/** QEMU: prefix 67 always shortens the offset of MOV, but does not always take `abs` from the name. */
function isShortOffset(i: Instruction, mnemonic: string): boolean {
  if (!i.hasAddressPrefix || i.isRepeated) return false;
  return mnemonic === 'mov#b' ? !i.hasOperandPrefix && !i.isWide : !(i.hasOperandPrefix && i.isWide);
}

/** QEMU: a prefix 67 that is not the last one chooses no other counter. */
function counter(i: Instruction): string {
  return COUNTERS[i.last === 0x67 && !i.hasAddressQuirk ? i.addressSize : i.code];
}

function markText(mark: string, i: Instruction, mnemonic: string, sizes: Sizes): string {
  const { operand, narrow, stack, isWide } = sizes;
  switch (mark) {
    case '%':
      return LETTERS[operand];
    case '=':
      return operand === 32 ? '' : LETTERS[operand];
    case '$':
      return LETTERS[narrow];
    case "'":
      return isWide ? 'q' : 'l';
    case '"':
      return i.isWide ? 'q' : 'w';
    case '^':
      return LETTERS[stack];
    case '&':
      return LETTERS[i.code === 64 ? 64 : operand];
    case '!':
      return i.code === 64 ? 'q' : 'l';
    case '#':
      return i.code === 64 && !isShortOffset(i, mnemonic) ? 'abs' : '';
    default:
      return counter(i);
  }
}

function lockText(i: Instruction, { mnemonic }: Row): string {
  const lock = i.repeat === LOCK ? 'lock ' : '';
  const canElide = i.memory !== undefined && (lock !== '' || EXCHANGE.test(mnemonic));
  if (!canElide || i.transaction === 0) return lock;
  return `${i.transaction === REPNE ? 'xacquire' : 'xrelease'} ${lock}`;
}

/** What LOCK, REP and REPNE add. QEMU: a prefix that does nothing is not shown. */
function repeatText(i: Instruction, row: Row, { operand }: Sizes): string {
  const lock = lockText(i, row);
  if (lock !== '') return lock;
  const { mnemonic } = row;
  const isString = STRING.test(mnemonic) && row.operands.length > 0;
  // QEMU: MOVSL is taken for MOVSD of SSE, of which F2 is a part.
  const isLongMove = mnemonic === 'movs%' && operand === 32;
  if (i.repeat === REP && isString) return COMPARING.test(mnemonic) ? 'repe ' : 'rep ';
  if (i.repeat === REPNE && isString) return isLongMove ? '' : 'repne ';
  const isBranch = BRANCH.test(mnemonic) && !row.operands.includes(BRANCH_BY_OPERAND_SIZE);
  return i.repeat === REPNE && isBranch ? 'bnd ' : '';
}

/** The comparisons that the last byte names. */
function namesOf(i: Instruction, mnemonic: string): readonly (string | undefined)[] {
  if (mnemonic.startsWith('vpcmp')) return INTEGER_COMPARISONS;
  if (mnemonic.startsWith('vpcom')) return XOP_COMPARISONS;
  return i.vex === undefined ? SSE_COMPARISONS : AVX_COMPARISONS;
}

/** The row's mnemonic with what the last byte says, which is an operand when it is no name. Undefined: there is no such instruction. */
function nameByLastByte(i: Instruction, mnemonic: string, operands: string[]): string | undefined {
  if (!mnemonic.includes('*')) return mnemonic;
  const last = i.byte();
  if (mnemonic === '*') {
    const name = NAMES_3DNOW[last];
    if (name === 'femms') operands.splice(0);
    return name;
  }
  const name = namesOf(i, mnemonic)[last];
  if (name === undefined) operands.unshift(`$${unsignedText(BigInt(last))}`);
  return mnemonic.replace('*', name ?? '');
}

/** Undefined: there is no such instruction. May read the last byte of the instruction, and change `operands` by what it says. */
export function mnemonicText(i: Instruction, row: Row, sizes: Sizes, operands: string[]): string | undefined {
  const name = nameByLastByte(i, row.mnemonic, operands);
  if (name === undefined) return undefined;
  const marked = name.replace(/[%=$'"^&!#@]/, (mark) => markText(mark, i, name, sizes));
  return `${repeatText(i, row, sizes)}${marked.replace('%', LETTERS[sizes.operand])}`;
}
