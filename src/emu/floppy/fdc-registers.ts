/** Registers, bits and commands of the Intel 82078, with the datasheet's names. */

/** Offsets from port 0x3f0. QEMU: SRA is not there. */
export const SRB = 1;
export const DOR = 2;
export const TDR = 3;
/** Written: DSR. */
export const MSR = 4;
export const FIFO = 5;
/** Written: CCR. */
export const DIR = 7;

export const SRB_MTR0 = 0x01;
export const SRB_MTR1 = 0x02;
export const SRB_DR0 = 0x20;
export const SRB_AT_RESET = 0xc0;

export const DOR_SELECT = 0x01;
export const DOR_RESET = 0x04;
export const DOR_DMA = 0x08;
export const DOR_MOTOR0 = 0x10;
export const DOR_MOTOR1 = 0x20;

export const TDR_BOOT_SELECT = 0x04;

export const DSR_RATE = 0x03;
export const DSR_POWER_DOWN = 0x40;
export const DSR_RESET = 0x80;

export const MSR_BUSY = 0x10;
export const MSR_NON_DMA = 0x20;
export const MSR_DIO = 0x40;
export const MSR_RQM = 0x80;

export const DIR_CHANGED = 0x80;

export const ST0_SELECT = 0x03;
export const ST0_HEAD = 0x04;
export const ST0_SEEK_END = 0x20;
export const ST0_ABNORMAL = 0x40;
export const ST0_INVALID = 0x80;
/** The drive has become ready, or is not ready any more: what a reset says of each. */
export const ST0_READY_CHANGED = 0xc0;
export const ST1_MISSING_MARK = 0x01;
export const ST1_NOT_WRITABLE = 0x02;
export const ST1_END_OF_CYLINDER = 0x80;
export const ST2_SCAN_HIT = 0x08;
export const ST3_TRACK0 = 0x10;
/** Two sides, and ready. */
export const ST3_ALWAYS = 0x28;
export const ST3_PROTECTED = 0x40;

/** With implied seeks, and the FIFO disabled. */
export const CONFIG_AT_START = 0x60;

export const VERSION_82078 = 0x90;
export const PART_82078 = 0x41;
/** Spec: 82078 datasheet, table 5-4: sectors of 512 bytes. */
export const SIZE_512 = 2;
/** A command's bit MT. */
export const MULTI_TRACK = 0x80;
