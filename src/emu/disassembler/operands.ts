/**
 * The operands that tables of instructions name. A first letter says where the operand is, the second one how wide it is:
 *
 * | letter | operand |
 * |---|---|
 * | `E` | ModRM.rm, a general register or memory; `R` only a register, `M` only memory |
 * | `G`, `B` | the general register in ModRM.reg, in VEX.vvvv |
 * | `Z` | the general register in the opcode |
 * | `A` | AL, AX, EAX or RAX |
 * | `V`, `H` | the vector register in ModRM.reg, in VEX.vvvv, and in the upper half of an immediate: `L` |
 * | `W` | ModRM.rm, a vector register or memory; `U` only a register |
 * | `P`, `Q`, `N` | the same for MMX registers: ModRM.reg, ModRM.rm, only a register |
 * | `I` | an immediate number; `J` a distance, shown as where it leads |
 * | `O` | memory at an offset that follows the opcode |
 * | `X`, `Y` | memory at the source and at the destination of a string instruction |
 *
 * | letter | size |
 * |---|---|
 * | `b` `w` `d` `q` | 8, 16, 32, 64 bits |
 * | `v` | the operand size |
 * | `y` | 64 bits with REX.W, else 32; `m` 64 bits in 64-bit code, else 32 |
 * | `z` | the operand size, but no more than 32 |
 * | `s`, `j` | what the stack takes, what a jump takes |
 * | `x` `t` | a vector of 128, of 256 bits; `l` of as many as VEX.L says, `h` of half as many |
 */
import type { Instruction, OperandSize } from './instruction.ts';
import { segmentText } from './memory-operand.ts';
import { signedText, unsignedText } from './numbers.ts';
import { byteRegister, generalRegister, segmentRegister, vectorRegister } from './registers.ts';

/** What a row lets the operands know. */
export interface Sizes {
  readonly operand: OperandSize;
  /** QEMU: that of registers in ModRM and the opcode, which follows prefix 66 even where the mnemonic does not. */
  readonly register: OperandSize;
  readonly stack: OperandSize;
  /** REX.W holds. */
  readonly isWide: boolean;
  /** Bytes of an immediate of the operand size. */
  readonly immediate: 2 | 4;
  /** The operand size without REX.W. */
  readonly narrow: 16 | 32;
}

export interface Operand {
  /** Undefined: there is no such operand, and so no such instruction. */
  text(i: Instruction, sizes: Sizes): string | undefined;
  readonly hasModrm?: boolean;
  readonly isMemory?: boolean;
  /** It is in VEX.vvvv. */
  readonly usesVex?: boolean;
  /** ModRM.rm is a register whatever ModRM.mod says. */
  readonly ignoresMod?: boolean;
  /** Its index is a register of vectors. */
  readonly hasVectorIndex?: boolean;
}

type SizeOf = (i: Instruction, sizes: Sizes) => OperandSize | 8;

const GENERAL_SIZES: Readonly<Record<string, SizeOf>> = {
  b: () => 8,
  w: () => 16,
  d: () => 32,
  q: () => 64,
  v: (_, { register }) => register,
  y: (_, { isWide }) => (isWide ? 64 : 32),
  m: (i) => (i.code === 64 ? 64 : 32),
  s: (i, { stack, register }) => (i.code === 64 && !i.isWide ? stack : register),
  j: (i, { operand }) => (i.code === 64 ? 64 : operand),
  z: (_, { narrow }) => narrow,
};

function general(i: Instruction, number: number, size: OperandSize | 8): string {
  return size === 8 ? byteRegister(number, i.rex !== 0) : generalRegister(number, size);
}

/** `E`, `R`, `G`, `B`, `Z`, `A` of each size. */
function generalOperands(letter: string, size: SizeOf): Readonly<Record<string, Operand>> {
  const rm: Operand['text'] = (i, sizes) => i.memory ?? general(i, i.rm, size(i, sizes));
  return {
    [`E${letter}`]: { hasModrm: true, text: rm },
    [`*E${letter}`]: { hasModrm: true, text: (i, sizes) => `*${rm(i, sizes)}` },
    [`R${letter}`]: { hasModrm: true, isMemory: false, text: rm },
    [`G${letter}`]: { hasModrm: true, text: (i, sizes) => general(i, i.reg, size(i, sizes)) },
    [`B${letter}`]: { usesVex: true, text: (i, sizes) => general(i, i.vex?.register ?? 0, size(i, sizes)) },
    [`Z${letter}`]: {
      text: (i, sizes) => general(i, (i.opcode & 7) | ((i.rex & 1) << 3), size(i, sizes)),
    },
    [`A${letter}`]: { text: (i, sizes) => general(i, 0, letter === 'v' ? sizes.operand : size(i, sizes)) },
  };
}

const VECTOR_LENGTHS: Readonly<Record<string, (length: number) => number>> = {
  x: () => 0,
  t: () => 1,
  l: (length) => length,
  h: (length) => Math.max(0, length - 1),
};

/** `V`, `H`, `L`, `W` and `U` of each size. */
function vectorOperands(
  letter: string,
  lengthOf: (length: number) => number,
): Readonly<Record<string, Operand>> {
  const register = (i: Instruction, number: number): string =>
    vectorRegister(number, lengthOf(i.vex?.length ?? 0));
  const rm: Operand['text'] = (i) => i.memory ?? register(i, i.rm + (i.vex?.evex?.highRm ?? 0));
  return {
    [`V${letter}`]: { hasModrm: true, text: (i) => register(i, i.reg + (i.vex?.evex?.highReg ?? 0)) },
    [`H${letter}`]: { usesVex: true, text: (i) => register(i, i.vex?.register ?? 0) },
    [`L${letter}`]: { text: (i) => register(i, i.byte() >> 4) },
    [`W${letter}`]: { hasModrm: true, text: rm },
    [`U${letter}`]: { hasModrm: true, isMemory: false, text: rm },
  };
}

/** An immediate of the operand size, of which a 64-bit operand has the lower half. */
function immediate(i: Instruction, { operand, immediate: size }: Sizes): bigint {
  return operand === 64 ? i.signed(4) : i.unsigned(size);
}

/** A number that the instruction takes without sign. */
function withoutSign(value: bigint, { operand }: Sizes): string {
  return `$${unsignedText(BigInt.asUintN(operand, value))}`;
}

/** Where a jump leads. QEMU: in 16-bit code within its 64 KiB. */
function target(i: Instruction, jump: bigint, bits: number): string {
  return unsignedText(BigInt.asUintN(bits, i.address + BigInt(i.position) + jump));
}

function maskRegister(number: number): string | undefined {
  return number < 8 ? `%k${number}` : undefined;
}

function wideTarget(i: Instruction): number {
  return i.code === 64 ? 64 : 32;
}

/** QEMU: what has no 64-bit address takes a distance of 16 bits without sign, and with a 16-bit address one of 32 bits by its lower half. */
function distance(i: Instruction, size: 2 | 4): bigint {
  const value = i.unsigned(size);
  const isNegative16 = (value & 0x8000n) !== 0n;
  const isShort = i.addressSize === 16;
  if (size === 2 ? i.code === 64 || isShort : isShort && isNegative16) return BigInt.asIntN(16, value);
  return size === 2 ? value : BigInt.asIntN(32, value);
}

function stringOperand(i: Instruction, register: number, segment: string): string {
  return `${segment}(${generalRegister(register, i.addressSize)})`;
}

const SOURCE_INDEX = 6;
const DESTINATION_INDEX = 7;
const USUAL_BASE = 10n;

/** Where a conditional jump with a distance of the operand size leads. */
export const BRANCH_BY_OPERAND_SIZE: Operand = {
  text: (i, { immediate: size }) => target(i, distance(i, size), i.code),
};

export const OPERANDS: Readonly<Record<string, Operand>> = {
  ...Object.assign(
    {},
    ...Object.entries(GENERAL_SIZES).map(([letter, size]) => generalOperands(letter, size)),
  ),
  ...Object.assign(
    {},
    ...Object.entries(VECTOR_LENGTHS).map(([letter, length]) => vectorOperands(letter, length)),
  ),
  M: { hasModrm: true, isMemory: true, text: (i) => i.memory },
  Mv: { hasModrm: true, isMemory: true, hasVectorIndex: true, text: (i) => i.memory },
  '*M': { hasModrm: true, isMemory: true, text: (i) => `*${i.memory}` },
  Pq: { hasModrm: true, text: (i) => `%mm${i.group}` },
  Qq: { hasModrm: true, text: (i) => i.memory ?? `%mm${i.modrm & 7}` },
  Nq: { hasModrm: true, isMemory: false, text: (i) => `%mm${i.modrm & 7}` },
  Sw: { hasModrm: true, text: (i) => segmentRegister(i.reg) },
  Cm: { hasModrm: true, text: (i) => `%cr${i.reg}` },
  Dm: { hasModrm: true, text: (i) => `%dr${i.reg}` },
  Fm: {
    hasModrm: true,
    ignoresMod: true,
    text: (i) => generalRegister(i.rm, i.code === 64 ? 64 : 32),
  },
  // A register of the x87's stack.
  Ti: { hasModrm: true, isMemory: false, text: (i) => `%st(${i.modrm & 7})` },
  Ib: { text: (i) => `$${unsignedText(i.unsigned(1))}` },
  Iw: { text: (i) => `$${unsignedText(i.unsigned(2))}` },
  // One byte with its sign: shown with it, or as the operand without sign that it becomes.
  It: { text: (i) => `$${signedText(i.signed(2))}` },
  Is: { text: (i) => `$${signedText(i.signed(1))}` },
  Iu: { text: (i, sizes) => withoutSign(i.signed(1), sizes) },
  Iz: { text: (i, sizes) => `$${signedText(immediate(i, sizes))}` },
  Ix: { text: (i, sizes) => withoutSign(immediate(i, sizes), sizes) },
  // What is pushed.
  Ip: {
    text: (i, { stack, immediate: size }) => `$${signedText(stack === 64 ? i.signed(4) : i.unsigned(size))}`,
  },
  // All 64 bits of a number.
  Iq: { text: (i) => `$${unsignedText(i.unsigned(8))}` },
  // The lower half of a byte whose upper half names a register.
  In: { text: (i) => `$${unsignedText(BigInt(i.peek() & 15))}` },
  // Mask registers: ModRM.reg, ModRM.rm or memory, only a register, VEX.vvvv.
  Kg: { hasModrm: true, text: (i) => maskRegister(i.reg + (i.vex?.evex?.highReg ?? 0)) },
  Km: { hasModrm: true, text: (i) => i.memory ?? maskRegister(i.rm) },
  Kr: { hasModrm: true, isMemory: false, text: (i) => maskRegister(i.rm) },
  Kv: { usesVex: true, text: (i) => maskRegister(i.vex?.register ?? 0) },
  // Two numbers, the second one first.
  Ir: {
    text: (i) => {
      const [first, second] = [i.unsigned(1), i.unsigned(1)];
      return `$${unsignedText(second)}, $${unsignedText(first)}`;
    },
  },
  // What RET takes from the stack.
  Ik: {
    text: (i, { narrow, immediate: size }) => {
      return `$${unsignedText(BigInt.asUintN(16, i.unsigned(narrow === 16 ? size : 2)))}`;
    },
  },
  // QEMU: the usual base of AAM is not shown.
  Im: {
    text: (i) => {
      const base = i.unsigned(1);
      return base === USUAL_BASE ? '' : `$${unsignedText(base)}`;
    },
  },
  Jb: { text: (i) => target(i, i.signed(1), i.code) },
  Jz: BRANCH_BY_OPERAND_SIZE,
  Jn: {
    text: (i, { narrow, immediate: size }) =>
      target(i, distance(i, size), narrow === 16 ? 16 : wideTarget(i)),
  },
  Jc: {
    text: (i, { operand, immediate: size }) => {
      return operand === 16 ? target(i, i.unsigned(size), 16) : target(i, i.signed(4), wideTarget(i));
    },
  },
  Jw: { text: (i) => target(i, i.unsigned(2), 16) },
  Ap: {
    text: (i, { immediate: size }) => {
      const offset = i.unsigned(size);
      return `$0x${i.unsigned(2).toString(16)}:$0x${offset.toString(16)}`;
    },
  },
  O: { text: (i) => `${segmentText(i)}${unsignedText(i.unsigned(i.addressSize / 8))}` },
  X: { text: (i) => stringOperand(i, SOURCE_INDEX, segmentText(i)) },
  Y: { text: (i) => stringOperand(i, DESTINATION_INDEX, i.code === 64 ? '' : '%es:') },
};
