/** The memory map that the firmware reports, and where it keeps its own things. */
import { FOUR_GIB, type RamLayout } from '../memory/pc-ram.ts';

export const E820_RAM = 1;
export const E820_RESERVED = 2;

export interface MemoryRange {
  readonly base: number;
  readonly size: number;
  /** E820_*. */
  readonly type: number;
}

/** First byte of the extended BIOS data area, the end of conventional memory. */
export const EBDA = 0x9fc00;
const CONVENTIONAL_END = 0xa0000;
const BIOS_START = 0xf0000;
const MIB = 0x100000;
/** QEMU: SeaBIOS keeps the ACPI tables in the last 128 KiB of RAM. */
export const FIRMWARE_DATA_SIZE = 0x20000;
/** Flash at the end of the 32-bit address space. */
const FLASH_START = 0xfffc0000;
const FLASH_SIZE = 0x40000;
/** AMD's HyperTransport reserves the top 12 GiB of 40 address bits. */
export const HYPERTRANSPORT_START = 0xfd_0000_0000;
const HYPERTRANSPORT_SIZE = 0x3_0000_0000;

/**
 * Ranges in ascending order. QEMU: as SeaBIOS reports them.
 * @param hypertransport the board knows of AMD's addresses
 */
export function memoryMap({ below4g, above4g }: RamLayout, hypertransport: boolean): readonly MemoryRange[] {
  const end = below4g - FIRMWARE_DATA_SIZE;
  return [
    { base: 0, size: EBDA, type: E820_RAM },
    { base: EBDA, size: CONVENTIONAL_END - EBDA, type: E820_RESERVED },
    { base: BIOS_START, size: MIB - BIOS_START, type: E820_RESERVED },
    { base: MIB, size: end - MIB, type: E820_RAM },
    { base: end, size: FIRMWARE_DATA_SIZE, type: E820_RESERVED },
    { base: FLASH_START, size: FLASH_SIZE, type: E820_RESERVED },
    ...(above4g > 0 ? [{ base: FOUR_GIB, size: above4g, type: E820_RAM }] : []),
    ...(hypertransport
      ? [{ base: HYPERTRANSPORT_START, size: HYPERTRANSPORT_SIZE, type: E820_RESERVED }]
      : []),
  ];
}
