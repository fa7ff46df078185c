/** Model-specific registers as the firmware leaves them. */

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
/** QEMU: with at most 2 GiB of RAM, SeaBIOS gives the upper half of the first 4 GiB to devices. */
const PCI_MEMORY = 0x80000000 | 0;

const fixed = (index: number, types: number): MsrValue => ({ index, lo: types, hi: types });

/** Spec: SDM vol. 3 §12.11. QEMU: the values that SeaBIOS sets. */
export const FIRMWARE_MSRS: readonly MsrValue[] = [
  { index: MTRR_PHYSBASE0, lo: PCI_MEMORY, hi: 0 },
  { index: MTRR_PHYSMASK0, lo: PCI_MEMORY | MASK_VALID, hi: 0xff },
  fixed(MTRR_FIX64K_00000, TYPES_WB),
  fixed(MTRR_FIX16K_80000, TYPES_WB),
  fixed(MTRR_FIX16K_A0000, TYPES_UC),
  ...Array.from({ length: FIXED_4K_COUNT }, (_, range) => fixed(MTRR_FIX4K_C0000 + range, TYPES_WP)),
  { index: MTRR_DEF_TYPE, lo: ENABLE_MTRRS | TYPE_WB, hi: 0 },
];
