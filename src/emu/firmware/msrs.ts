/** Model-specific registers as the firmware leaves them. */
import type { RamLayout } from '../memory/pc-ram.ts';

export interface MsrValue {
  readonly index: number;
  readonly lo: number;
  readonly hi: number;
}

const MTRR_PHYSBASE0 = 0x200;
const MTRR_PHYSMASK0 = 0x201;
const MTRR_FIX64K_00000 = 0x250;
const MTRR_FIX16K_80000 = 0x258;
const MTRR_FIX16K_A0000 = 0x259;
const MTRR_FIX4K_C0000 = 0x268;
const MTRR_DEF_TYPE = 0x2ff;
const MASK_VALID = 0x800;
const TYPES_UC = 0;
const TYPES_WP = 0x05050505;
const TYPES_WB = 0x06060606;
const TYPE_WB = 6;
const ENABLE_MTRRS = 0xc00;
const FIXED_4K_COUNT = 8;
/** QEMU: SeaBIOS gives devices what is between the end of RAM and 4 GiB, but no more than half of it, or with more RAM than that a quarter. */
const PCI_MEMORY_HALF = 0x80000000;
const PCI_MEMORY_QUARTER = 0xc0000000;

const fixed = (index: number, types: number): MsrValue => ({ index, lo: types, hi: types });

/** Spec: SDM vol. 3 §12.11. QEMU: the values that SeaBIOS sets. */
export function firmwareMsrs({ below4g }: RamLayout): readonly MsrValue[] {
  // The start is also the mask of an area that reaches up to 4 GiB.
  const start = below4g <= PCI_MEMORY_HALF ? PCI_MEMORY_HALF : Math.max(below4g, PCI_MEMORY_QUARTER);
  const pciMemory = start | 0;
  return [
    { index: MTRR_PHYSBASE0, lo: pciMemory, hi: 0 },
    { index: MTRR_PHYSMASK0, lo: pciMemory | MASK_VALID, hi: 0xff },
    fixed(MTRR_FIX64K_00000, TYPES_WB),
    fixed(MTRR_FIX16K_80000, TYPES_WB),
    fixed(MTRR_FIX16K_A0000, TYPES_UC),
    ...Array.from({ length: FIXED_4K_COUNT }, (_, range) => fixed(MTRR_FIX4K_C0000 + range, TYPES_WP)),
    { index: MTRR_DEF_TYPE, lo: ENABLE_MTRRS | TYPE_WB, hi: 0 },
  ];
}
