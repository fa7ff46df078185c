/** Registers of AMD's PCnet-PCI II, by number, and their fields. Spec: Am79C970A data sheet, "Control and Status Registers" and after it. */

export const CSRS = 128;
export const BCRS = 32;

export const CSR0_INIT = 0x0001;
export const CSR0_STRT = 0x0002;
export const CSR0_STOP = 0x0004;
export const CSR0_TDMD = 0x0008;
export const CSR0_TXON = 0x0010;
export const CSR0_RXON = 0x0020;
export const CSR0_IENA = 0x0040;
export const CSR0_INTR = 0x0080;
export const CSR0_IDON = 0x0100;
export const CSR0_TINT = 0x0200;
export const CSR0_RINT = 0x0400;
export const CSR0_MISS = 0x1000;
export const CSR0_CERR = 0x2000;
export const CSR0_ERR = 0x8000;
/** Set by an event, and cleared by writing 1. */
export const CSR0_EVENTS = 0x7f00;
/** Those that interrupt, unless CSR3 keeps them from it. */
export const CSR0_INTERRUPTS = 0x5f00;
/** Any of them sets ERR. */
export const CSR0_ERRORS = 0x7800;

export const CSR3_DXSUFLO = 0x0040;
export const CSR4_TXSTRTM = 0x0004;
export const CSR4_DPOLL = 0x1000;
export const CSR5_SPND = 0x0001;
export const CSR5_LTINTEN = 0x4000;
export const CSR5_TOKINTD = 0x8000;
export const CSR15_DRX = 0x0001;
export const CSR15_DTX = 0x0002;
export const CSR15_LOOP = 0x0004;
export const CSR15_DXMTFCS = 0x0008;
export const CSR15_INTL = 0x0040;
export const CSR15_DRCVPA = 0x2000;
export const CSR15_DRCVBC = 0x4000;
export const CSR15_PROM = 0x8000;

export const BCR_MC = 2;
export const BCR_LNKST = 4;
export const BCR_LED3 = 7;
export const BCR_FDC = 9;
export const BCR_BSBC = 18;
export const BCR_EECAS = 19;
export const BCR_SWS = 20;
export const BCR_PLAT = 22;
export const BSBC_DWIO = 0x0080;
export const MC_APROMWE = 0x0100;
export const MC_TMAULOOP = 0x4000;
export const SWS_SSIZE32 = 0x0100;

/** Of a descriptor's status, whichever way it goes. */
export const MD_OWN = 0x8000;
export const MD_ERR = 0x4000;
export const MD_STP = 0x0200;
export const MD_ENP = 0x0100;
export const TMD_ADD_FCS = 0x2000;
export const TMD_LTINT = 0x1000;
export const RMD_OFLO = 0x1000;
export const RMD_CRC = 0x0800;
export const RMD_BUFF = 0x0400;
export const RMD_PAM = 0x0040;
export const RMD_LAFM = 0x0020;
export const RMD_BAM = 0x0010;
/** What a sent packet's second word of status has of errors. */
export const TMD2_BUFF = 0x8000_0000;
export const TMD2_UFLO = 0x4000_0000;
export const TMD2_LCAR = 0x0800_0000;

/** What CSRs hold after a soft reset. */
export const CSR_AT_RESET: readonly (readonly [number, number])[] = [
  ...([
    [0, 0x0004],
    [3, 0],
    [4, 0x0115],
    [5, 0],
    [6, 0],
    [8, 0],
    [9, 0],
    [10, 0],
    [11, 0],
  ] as const),
  ...([
    [72, 1],
    [74, 1],
    [76, 1],
    [78, 1],
    [80, 0x1410],
    [88, 0x1003],
    [89, 0x0262],
    [94, 0],
  ] as const),
  ...([
    [100, 0x0200],
    [103, 0x0105],
    [112, 0],
    [114, 0],
    [122, 0],
    [124, 0],
  ] as const),
];
export const CSR15_KEPT = 0x21c4;
/** What BCRs hold after a hard reset. */
export const BCR_AT_RESET: readonly (readonly [number, number])[] = [
  ...([
    [0, 0x0005],
    [1, 0x0005],
    [2, 0x0002],
    [4, 0x00c0],
    [5, 0x0084],
    [6, 0x0088],
    [7, 0x0090],
  ] as const),
  ...([
    [9, 0],
    [18, 0x9001],
    [19, 0x0002],
    [20, 0x0200],
    [22, 0xff06],
  ] as const),
];
/** CSRs that can be written while the chip stands still only. */
export const CSR_WHEN_STOPPED: ReadonlySet<number> = new Set([
  ...[
    1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
    35,
  ],
  ...[36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 72, 74, 76, 78, 112],
]);
export const BCR_WRITABLE: ReadonlySet<number> = new Set([
  ...[BCR_MC, BCR_LNKST, 5, 6, BCR_LED3, BCR_FDC, BCR_BSBC, BCR_EECAS, BCR_SWS, BCR_PLAT],
]);

/** BCR20: the style, and which sizes follow from it. */
export function styleOf(value: number): number {
  const sizes = [0x0200, 0x0100, 0x0300, 0x0300][value & 0xff];
  return sizes === undefined ? 0x0200 : (value & ~0x0300) | sizes;
}
