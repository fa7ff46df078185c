/** Instructions with a VEX prefix: those of BMI1 and BMI2, which work on general registers. Spec: Intel SDM vol. 2 §2.3. */
import { CPUID_7_0_EBX_BMI1, CPUID_7_0_EBX_BMI2, type CpuFeature } from '../cpu-features.ts';
import { opNumber } from '../semantics/table.ts';
import type { Instruction } from './instruction.ts';
import { source, undefinedOpcode } from './operands.ts';

/** Numbers of VEX.pp. */
const [NO_PREFIX, P66, PF3, PF2] = [0, 1, 2, 3];
const MAP_0F38 = 2;
const MAP_0F3A = 3;

/** What the fields of the record are: VEX.vvvv is the destination, the first or the second source, or the low half of the result. */
type Shape = 'd_rm' | 'reg_v_rm' | 'reg_rm_v' | 'reg_rm_imm';

interface VexOp {
  readonly shape: Shape;
  readonly feature: CpuFeature;
  readonly kinds: Readonly<Record<32 | 64, number>>;
}

function op(name: string, shape: Shape, feature: CpuFeature): VexOp {
  return { shape, feature, kinds: { 32: opNumber(`${name}32`), 64: opNumber(`${name}64`) } };
}

function keyOf(map: number, opcode: number, pp: number): number {
  return (map << 10) | (opcode << 2) | pp;
}

const OPS: ReadonlyMap<number, VexOp> = new Map([
  [keyOf(MAP_0F38, 0xf2, NO_PREFIX), op('andn', 'reg_v_rm', CPUID_7_0_EBX_BMI1)],
  [keyOf(MAP_0F38, 0xf5, NO_PREFIX), op('bzhi', 'reg_rm_v', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F38, 0xf5, PF3), op('pext', 'reg_v_rm', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F38, 0xf5, PF2), op('pdep', 'reg_v_rm', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F38, 0xf6, PF2), op('mulx', 'reg_v_rm', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F38, 0xf7, NO_PREFIX), op('bextr', 'reg_rm_v', CPUID_7_0_EBX_BMI1)],
  [keyOf(MAP_0F38, 0xf7, P66), op('shlx', 'reg_rm_v', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F38, 0xf7, PF3), op('sarx', 'reg_rm_v', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F38, 0xf7, PF2), op('shrx', 'reg_rm_v', CPUID_7_0_EBX_BMI2)],
  [keyOf(MAP_0F3A, 0xf0, PF2), op('rorx', 'reg_rm_imm', CPUID_7_0_EBX_BMI2)],
]);
/** 0F38 F3, by ModRM.reg. */
const GROUP17: readonly (VexOp | undefined)[] = [
  undefined,
  op('blsr', 'd_rm', CPUID_7_0_EBX_BMI1),
  op('blsmsk', 'd_rm', CPUID_7_0_EBX_BMI1),
  op('blsi', 'd_rm', CPUID_7_0_EBX_BMI1),
];
const GROUP17_KEY = keyOf(MAP_0F38, 0xf3, NO_PREFIX);

/** Decodes what follows the byte C4 (three-byte prefix) or C5. */
export function decodeVex(i: Instruction, isLong: boolean): void {
  const hasLegacyPrefix = i.operandPrefix || i.repeat !== 0 || i.lock || i.rex !== 0;
  const first = isLong ? i.byte() : 0;
  const second = i.byte();
  const opcode = i.byte();
  const key = keyOf(first & 31, opcode, second & 3);
  i.readVex(first, second);
  i.readModrm();
  const found = key === GROUP17_KEY ? GROUP17[(i.modrm >> 3) & 7] : OPS.get(key);
  const is256 = (second & 4) !== 0;
  if (found === undefined || hasLegacyPrefix || is256 || !i.has(found.feature)) return undefinedOpcode(i);
  emit(i, found, (~second >> 3) & (i.code64 ? 15 : 7));
}

function emit(i: Instruction, { shape, kinds }: VexOp, v: number): void {
  const width = i.operandSize === 64 ? 64 : 32;
  const kind = kinds[width];
  if (shape === 'reg_rm_imm') {
    const immediate = i.byte();
    if (v !== 0) return undefinedOpcode(i);
    return i.emit(kind, i.reg * 2, source(i, width), immediate);
  }
  const rm = source(i, width);
  if (shape === 'd_rm') i.emit(kind, v * 2, rm);
  else if (shape === 'reg_v_rm') i.emit(kind, i.reg * 2, v * 2, rm);
  else i.emit(kind, i.reg * 2, rm, v * 2);
}
