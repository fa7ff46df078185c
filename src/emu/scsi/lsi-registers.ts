/** Registers of the 53C895A, as bytes. Spec: LSI53C895A Technical Manual 2.2, chapter 4; which bits are kept is QEMU's. */

export const SCNTL0 = 0x00;
export const SCNTL1 = 0x01;
export const SCNTL2 = 0x02;
export const SCID = 0x04;
export const SDID = 0x06;
export const SFBR = 0x08;
export const SOCL = 0x09;
export const SSID = 0x0a;
export const SBCL = 0x0b;
export const DSTAT = 0x0c;
export const SSTAT0 = 0x0d;
export const SSTAT1 = 0x0e;
export const SSTAT2 = 0x0f;
export const DSA = 0x10;
export const ISTAT0 = 0x14;
export const ISTAT1 = 0x15;
export const CTEST2 = 0x1a;
export const TEMP = 0x1c;
export const DFIFO = 0x20;
export const CTEST5 = 0x22;
export const DBC = 0x24;
export const DCMD = 0x27;
export const DNAD = 0x28;
export const DSP = 0x2c;
export const DSPS = 0x30;
export const DMODE = 0x38;
export const DIEN = 0x39;
export const DCNTL = 0x3b;
export const SIEN0 = 0x40;
export const SIEN1 = 0x41;
export const SIST0 = 0x42;
export const SIST1 = 0x43;
export const STIME1 = 0x49;
export const SIDL = 0x50;
export const CCNTL0 = 0x56;
export const CCNTL1 = 0x57;
export const SBDL = 0x58;
export const MMRS = 0xa0;
export const MMWS = 0xa4;
export const SBMS = 0xb0;
export const DMBS = 0xb4;
export const DNAD64 = 0xb8;
export const PMJAD1 = 0xc0;
export const PMJAD2 = 0xc4;
export const RBC = 0xc8;
export const UA = 0xcc;
export const IA = 0xd4;
export const SBC = 0xd8;
export const CSBC = 0xdc;

export const SCNTL0_START = 0x20;
export const SCNTL1_IARB = 0x02;
export const SCNTL1_RST = 0x08;
export const SCNTL1_CON = 0x10;
export const SCNTL2_WSR = 0x01;
export const ISTAT0_DIP = 0x01;
export const ISTAT0_SIP = 0x02;
export const ISTAT0_INTF = 0x04;
export const ISTAT0_SIGP = 0x20;
export const ISTAT0_SRST = 0x40;
export const ISTAT0_ABRT = 0x80;
export const ISTAT1_SRUN = 0x02;
export const SSTAT0_RST = 0x02;
export const SSTAT0_WOA = 0x04;
export const SSTAT1_PHASE = 0x07;
export const SIST0_RST = 0x02;
export const SIST0_RSL = 0x10;
export const SIST0_SEL = 0x20;
export const SIST0_CMP = 0x40;
export const SIST0_MA = 0x80;
export const SIST1_HTH = 0x01;
export const SIST1_GEN = 0x02;
export const SIST1_STO = 0x04;
export const SOCL_ATN = 0x08;
export const SBCL_BSY = 0x20;
export const SBCL_REQ = 0x80;
export const DSTAT_IID = 0x01;
export const DSTAT_SIR = 0x04;
export const DSTAT_SSI = 0x08;
export const DSTAT_ABRT = 0x10;
export const DSTAT_DFE = 0x80;
export const DCNTL_COM = 0x01;
export const DCNTL_STD = 0x04;
export const DCNTL_SSM = 0x10;
export const DMODE_MAN = 0x01;
export const CTEST2_SIGP = 0x40;
export const CCNTL0_ENPMJ = 0x80;
export const CCNTL0_PMJCTL = 0x40;
export const CCNTL1_EN64TIBMV = 0x02;
export const CCNTL1_64TIMOD = 0x04;
export const CCNTL1_40BIT = CCNTL1_EN64TIBMV | CCNTL1_64TIMOD;

export const REGISTER_BYTES = 256;

/** What a reset leaves. */
const AT_RESET: readonly (readonly [offset: number, value: number])[] = [
  [SCNTL0, 0xc0],
  [SCID, 0x07],
  [CTEST2, 0x01],
  [0x4a, 0x80],
];
/** What reads the same whatever is written. */
const CONSTANT: readonly (readonly [offset: number, value: number])[] = [
  [0x07, 0x7f],
  [0x18, 0xff],
  [DCMD, 0x40],
  [0x46, 0x0f],
  [0x47, 0x0f],
  [0x52, 0xe0],
];
/** There is no register here: reads 0xff. */
const HOLES: readonly (readonly [from: number, to: number])[] = [
  [0x44, 0x45],
  [STIME1, STIME1],
  [0x4c, 0x4c],
  [0x51, 0x51],
  [0x53, 0x55],
  [0x5a, 0x5b],
  [0xbc, 0xbf],
  [0xd0, 0xd3],
  [0xe0, 0xff],
];
/** Read-only, or written in ways of their own. */
const NOT_STORED = new Set([
  ...[SOCL, SSID, SBCL, DSTAT, SSTAT0, SSTAT1, SSTAT2, ISTAT0, ISTAT1, 0x19, DFIFO, 0x23, DCMD],
  ...[0x3c, 0x3d, 0x3e, 0x3f, SIST0, SIST1, SIDL, SBDL, 0x59],
]);
const PARTLY: readonly (readonly [offset: number, bits: number])[] = [
  [SCNTL1, 0xfe],
  [SCNTL2, 0xf6],
  [SDID, 0x0f],
  [CTEST2, 0x08],
  [0x1b, 0x0f],
  [DCNTL, 0xdb],
];

export const RESET_VALUES = new Uint8Array(REGISTER_BYTES);
/** Bits that a driver's write changes. */
export const WRITABLE = new Uint8Array(REGISTER_BYTES).fill(0xff);

for (const [from, to] of HOLES) {
  RESET_VALUES.fill(0xff, from, to + 1);
  WRITABLE.fill(0, from, to + 1);
}
for (const [offset, value] of [...AT_RESET, ...CONSTANT]) RESET_VALUES[offset] = value;
for (const offset of NOT_STORED) WRITABLE[offset] = 0;
for (const [offset] of CONSTANT) WRITABLE[offset] = 0;
for (const [offset, bits] of PARTLY) WRITABLE[offset] = bits;

/** Spec: §2.2: what the lines MSG, C/D and I/O say. */
export const PHASE_DATA_OUT = 0;
export const PHASE_DATA_IN = 1;
export const PHASE_COMMAND = 2;
export const PHASE_STATUS = 3;
export const PHASE_MESSAGE_OUT = 6;
export const PHASE_MESSAGE_IN = 7;
