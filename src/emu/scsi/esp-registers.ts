/** Registers of the core of an Am53C974, by their numbers. Spec: Am53C974 Technical Manual, chapter 4; names of one register that differ by direction are both given. */

export const ESP_REGISTERS = 16;

export const TCLO = 0x0;
export const TCMID = 0x1;
export const FIFO = 0x2;
export const CMD = 0x3;
/** Read: the status. Written: whom to select. */
export const STAT = 0x4;
export const DEST = 0x4;
/** Read: why it interrupts. Written: how long a selection may take. */
export const INTR = 0x5;
/** Read: how far a command has come. */
export const SEQ = 0x6;
/** Read: bytes in the FIFO. */
export const FLAGS = 0x7;
export const CFG1 = 0x8;
export const CFG2 = 0xb;
export const CFG3 = 0xc;
export const CFG4 = 0xd;
export const TCHI = 0xe;
export const RESERVED = 0xf;

export const STAT_PHASE = 0x07;
/** Neither data out nor data in. */
export const STAT_NO_DATA = 0x06;
export const STAT_TC = 0x10;
export const STAT_INT = 0x80;

export const PHASE_DATA_OUT = 0;
export const PHASE_DATA_IN = 1;
export const PHASE_COMMAND = 2;
export const PHASE_STATUS = 3;
export const PHASE_MESSAGE_OUT = 6;
export const PHASE_MESSAGE_IN = 7;

export const INTR_FC = 0x08;
export const INTR_BS = 0x10;
export const INTR_DC = 0x20;
export const INTR_RST = 0x80;

export const SEQ_NONE = 0;
export const SEQ_MESSAGE = 1;
export const SEQ_COMMAND = 4;

export const DEST_ID = 0x07;
export const CFG1_RESREPT = 0x40;

export const CMD_DMA = 0x80;
export const CMD_FLUSH = 0x01;
export const CMD_RESET = 0x02;
export const CMD_BUSRESET = 0x03;
export const CMD_TI = 0x10;
export const CMD_ICCS = 0x11;
export const CMD_MSGACC = 0x12;
export const CMD_PAD = 0x18;
export const CMD_SEL = 0x41;
export const CMD_SELATN = 0x42;
export const CMD_SELATNS = 0x43;
export const CMD_ENSEL = 0x44;
export const CMD_DISSEL = 0x45;
