/** Registers, bits and structures in memory of an AHCI controller. Spec: Serial ATA AHCI 1.3.1 §3, §4. */

/** GHC. */
export const GHC_HR = 0x01;
export const GHC_IE = 0x02;
export const GHC_AE = 0x8000_0000;

/** Of a port. */
export const PORT_BASE = 0x100;
export const PORT_BYTES = 0x80;

/** PxIS, by number. */
export const IS_DHRS_BIT = 0;
export const IS_PSS_BIT = 1;
export const IS_SDBS_BIT = 3;
export const IS_OFS_BIT = 24;
export const IS_HBFS_BIT = 29;
export const IS_TFES_BIT = 30;
/** Those that PxIE has. */
export const IE_BITS = 0xfdc0_00ff;

/** PxCMD. */
export const CMD_ST = 0x0001;
export const CMD_SUD = 0x0002;
export const CMD_POD = 0x0004;
export const CMD_FRE = 0x0010;
export const CMD_FR = 0x4000;
export const CMD_CR = 0x8000;
/** QEMU: what a driver cannot write. */
export const CMD_READ_ONLY = 0x007d_ffe0;
/** Changes of the interface's state, which are over at once. */
export const CMD_ICC = 0xf000_0000;

/** PxSCTL: the detection that resets a port, and what it has ended with in PxSSTS. */
export const DET = 0x0f;
export const DET_INIT = 1;
/** A device is there, at 1.5 Gb/s, and awake. */
export const SSTS_PRESENT = 0x113;

/** PxTFD after a reset, and PxSIG where no device has told its own. */
export const TFD_RESET = 0x7f;
export const SIG_NONE = 0xffff_ffff;

/** Command header. */
export const HEADER_BYTES = 32;
export const HEADER_ATAPI = 0x20;
export const HEADER_WRITE = 0x40;
export const HEADER_CLEAR_BUSY = 0x400;
export const SLOTS = 32;
export const LIST_BYTES = SLOTS * HEADER_BYTES;

/** Command table. */
export const TABLE_PACKET = 0x40;
export const TABLE_BYTES = 0x80;
export const PRD_BYTES = 16;
export const PRD_SIZE = 0x3f_ffff;

/** FIS: their types, where those of a device are put, and how long they are. */
export const FIS_H2D = 0x27;
export const FIS_D2H = 0x34;
export const FIS_SDB = 0xa1;
export const FIS_PIO = 0x5f;
export const RECEIVED_BYTES = 256;
export const RECEIVED_PIO = 0x20;
export const RECEIVED_D2H = 0x40;
export const RECEIVED_SDB = 0x58;
export const FIS_BYTES = 20;
export const FIS_INTERRUPT = 0x40;
export const H2D_COMMAND = 0x80;
/** Port multiplier. */
export const H2D_PORT = 0x0f;
export const H2D_RESERVED = 0x70;

/** Native command queuing. */
export const READ_FPDMA_QUEUED = 0x60;
export const WRITE_FPDMA_QUEUED = 0x61;
export const QUEUED = new Set([READ_FPDMA_QUEUED, WRITE_FPDMA_QUEUED, 0x63, 0x64, 0x65]);
