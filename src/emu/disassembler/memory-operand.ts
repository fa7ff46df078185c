/** The address of a memory operand, as ModRM, SIB and displacement have it. Spec: Intel SDM vol. 2 §2.1.5. */
import type { Instruction } from './instruction.ts';
import { signedText, unsignedText } from './numbers.ts';
import { generalRegister, segmentRegister, vectorRegister } from './registers.ts';

const NO_INDEX = 4;
const ADDRESSES_16 = ['%bx, %si', '%bx, %di', '%bp, %si', '%bp, %di', '%si', '%di', '%bp', '%bx'];

/** `%fs:`, or nothing without a prefix that names a segment. */
export function segmentText(i: Instruction): string {
  return i.segment === undefined ? '' : `${segmentRegister(i.segment)}:`;
}

function displacement(i: Instruction, size: number): bigint {
  const value = size === 0 ? 0n : i.signed(size);
  return size === 1 ? value * BigInt(i.displacementScale) : value;
}

function offsetText(value: bigint): string {
  return value === 0n ? '' : signedText(value);
}

function address16(i: Instruction): string {
  const rm = i.modrm & 7;
  if (i.mod === 0 && rm === 6) {
    return i.code === 16 ? unsignedText(i.unsigned(2)) : absoluteText(i, i.signed(2));
  }
  return `${offsetText(displacement(i, i.mod))}(${ADDRESSES_16[rm]})`;
}

/** How many bytes of displacement follow. */
function displacementSize(i: Instruction, hasBase: boolean): number {
  if (i.mod === 1) return 1;
  return i.mod === 2 || !hasBase ? 4 : 0;
}

function absoluteText(i: Instruction, value: bigint): string {
  if (i.code === 16) return unsignedText(value < 0n ? BigInt.asUintN(16, value) : value);
  return unsignedText(BigInt.asUintN(i.code, value));
}

/** The register that is multiplied; with vector addresses one of vectors, and always there. */
function indexRegister(i: Instruction, number: number, size: 32 | 64, isVector: boolean): string | undefined {
  // QEMU: EVEX.V', which extends an index of vectors, leads from another index to other kinds of registers.
  if (!isVector && i.vex?.evex?.highIndex) {
    if (i.code === 64) return vectorRegister(number, 0);
    return number === NO_INDEX ? undefined : generalRegister(number, 64);
  }
  if (!isVector) return number === NO_INDEX ? undefined : generalRegister(number, size);
  // The opcodes with bit 0 have 64-bit indices.
  const length = i.vex?.length ?? 0;
  const isWhole = (i.opcode & 1) !== 0 || !i.isWide;
  return vectorRegister(number + (i.vex?.evex?.highIndex ?? 0), isWhole ? length : Math.max(0, length - 1));
}

function sibAddress(i: Instruction, size: 32 | 64, isVector: boolean): string {
  const sib = i.byte();
  const base = (sib & 7) | ((i.rex & 1) << 3);
  const index = indexRegister(i, ((sib >> 3) & 7) | ((i.rex & 2) << 2), size, isVector);
  const hasBase = (sib & 7) !== 5 || i.mod !== 0;
  const value = displacement(i, displacementSize(i, hasBase));
  const scale = 1 << (sib >> 6);
  if (index === undefined) {
    return hasBase ? `${offsetText(value)}(${generalRegister(base, size)})` : absoluteText(i, value);
  }
  const scaled = `${index}${scale === 1 ? '' : `, ${scale}`}`;
  return `${offsetText(value)}(${hasBase ? generalRegister(base, size) : ''}, ${scaled})`;
}

function address32(i: Instruction, size: 32 | 64, isVector: boolean): string {
  const rm = i.modrm & 7;
  if (rm === 4) return sibAddress(i, size, isVector);
  if (rm === 5 && i.mod === 0) {
    const value = i.signed(4);
    if (i.code !== 64) return absoluteText(i, value);
    return `${offsetText(value)}(${size === 64 ? '%rip' : '%eip'})`;
  }
  return `${offsetText(displacement(i, displacementSize(i, true)))}(${generalRegister(i.rm, size)})`;
}

/** What is special about the ModRM of an opcode. */
export interface ModrmKind {
  readonly ignoresMod: boolean;
  readonly hasVectorIndex: boolean;
}

/** Reads ModRM and what belongs to it. */
export function readModrm(i: Instruction, { ignoresMod, hasVectorIndex }: ModrmKind): void {
  i.modrm = i.byte();
  // QEMU: with EVEX the bit X, which may extend a register, extends the base, too.
  const isBeyond = i.vex?.evex !== undefined && (i.rex & 2) !== 0 && i.mod !== 3;
  if (isBeyond && ((i.modrm & 7) !== 4 || (i.rex & 1) !== 0)) i.overrun = true;
  if (i.mod === 3 || ignoresMod) return;
  const size = i.addressSize;
  i.memory = `${segmentText(i)}${size === 16 ? address16(i) : address32(i, size, hasVectorIndex)}`;
}
