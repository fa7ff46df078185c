/**
 * Registers of the 8254x family, as byte offsets in BAR 0, and their fields.
 * Spec: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), chapter 13.
 */

export const REGISTER_WORDS = 0x8000;
export const REGISTER_SPACE_BYTES = REGISTER_WORDS * 4;

export const CTRL = 0x00000;
export const STATUS = 0x00008;
export const EECD = 0x00010;
export const EERD = 0x00014;
export const MDIC = 0x00020;
export const VET = 0x00038;
export const ICR = 0x000c0;
export const ITR = 0x000c4;
export const ICS = 0x000c8;
export const IMS = 0x000d0;
export const IMC = 0x000d8;
export const RCTL = 0x00100;
export const TCTL = 0x00400;
export const AIT = 0x00458;
export const LEDCTL = 0x00e00;
export const PBA = 0x01000;
export const RDFH = 0x02410;
export const RDFT = 0x02418;
export const RDFHS = 0x02420;
export const RDFTS = 0x02428;
export const RDFPC = 0x02430;
export const RDBAL = 0x02800;
export const RDBAH = 0x02804;
export const RDLEN = 0x02808;
export const RDH = 0x02810;
export const RDT = 0x02818;
export const RDTR = 0x02820;
export const RADV = 0x0282c;
export const TDFH = 0x03410;
export const TDFT = 0x03418;
export const TDFHS = 0x03420;
export const TDFTS = 0x03428;
export const TDFPC = 0x03430;
export const TDBAL = 0x03800;
export const TDBAH = 0x03804;
export const TDLEN = 0x03808;
export const TDH = 0x03810;
export const TDT = 0x03818;
export const TXDCTL = 0x03828;
export const TADV = 0x0382c;
export const MPC = 0x04010;
export const FCRUC = 0x04058;
export const PRC64 = 0x0405c;
export const GPRC = 0x04074;
export const BPRC = 0x04078;
export const MPRC = 0x0407c;
export const GPTC = 0x04080;
export const GORCL = 0x04088;
export const GORCH = 0x0408c;
export const GOTCL = 0x04090;
export const GOTCH = 0x04094;
export const RNBC = 0x040a0;
export const RUC = 0x040a4;
export const ROC = 0x040ac;
export const TORL = 0x040c0;
export const TORH = 0x040c4;
export const TOTL = 0x040c8;
export const TOTH = 0x040cc;
export const TPR = 0x040d0;
export const TPT = 0x040d4;
export const PTC64 = 0x040d8;
export const MPTC = 0x040f0;
export const BPTC = 0x040f4;
export const TSCTC = 0x040f8;
export const TSCTFC = 0x040fc;
export const MTA = 0x05200;
export const RA = 0x05400;
export const VFTA = 0x05600;
export const WUC = 0x05800;
export const WUFC = 0x05808;
export const WUS = 0x05810;
export const MANC = 0x05820;
export const IPAV = 0x05838;
export const IP4AT = 0x05840;
export const IP6AT = 0x05880;
export const WUPM = 0x05a00;
export const SWSM = 0x05b50;
export const FFLT = 0x05f00;
export const FFMT = 0x09000;
export const FFVT = 0x09800;
export const PBM = 0x10000;

export const CTRL_RST = 0x0400_0000;
export const CTRL_VME = 0x4000_0000;
export const STATUS_LU = 0x0000_0002;

export const EECD_SK = 0x01;
export const EECD_CS = 0x02;
export const EECD_DI = 0x04;
export const EECD_DO = 0x08;
export const EECD_FWE = 0x30;
export const EECD_REQ = 0x40;
export const EECD_GNT = 0x80;
export const EECD_PRES = 0x100;
export const EERD_START = 0x01;
export const EERD_DONE = 0x10;
export const EERD_ADDRESS_SHIFT = 8;
export const EERD_DATA_SHIFT = 16;

export const MDIC_DATA = 0x0000_ffff;
export const MDIC_REGISTER_SHIFT = 16;
export const MDIC_PHY_SHIFT = 21;
export const MDIC_OP_WRITE = 0x0400_0000;
export const MDIC_OP_READ = 0x0800_0000;
export const MDIC_READY = 0x1000_0000;
export const MDIC_INT_EN = 0x2000_0000;
export const MDIC_ERROR = 0x4000_0000;

export const ICR_TXDW = 0x0000_0001;
export const ICR_TXQE = 0x0000_0002;
export const ICR_LSC = 0x0000_0004;
export const ICR_RXDMT0 = 0x0000_0010;
export const ICR_RXO = 0x0000_0040;
export const ICR_RXT0 = 0x0000_0080;
export const ICR_MDAC = 0x0000_0200;

export const RCTL_EN = 0x0000_0002;
export const RCTL_SBP = 0x0000_0004;
export const RCTL_UPE = 0x0000_0008;
export const RCTL_MPE = 0x0000_0010;
export const RCTL_LPE = 0x0000_0020;
export const RCTL_RDMTS_SHIFT = 8;
export const RCTL_MO_SHIFT = 12;
export const RCTL_BAM = 0x0000_8000;
export const RCTL_BSIZE_SHIFT = 16;
export const RCTL_VFE = 0x0004_0000;
export const RCTL_BSEX = 0x0200_0000;
export const RCTL_SECRC = 0x0400_0000;
export const TCTL_EN = 0x0000_0002;
export const RAH_AV = 0x8000_0000;

/** Frames at one moment, and addresses of the card. */
export const RECEIVE_ADDRESSES = 16;
export const MULTICAST_WORDS = 128;
export const VLAN_WORDS = 128;

export const DESCRIPTOR_BYTES = 16;
/** Spec: §3.2.3.3. */
export const RXD_STAT_DD = 0x01;
export const RXD_STAT_EOP = 0x02;
export const RXD_STAT_IXSM = 0x04;
export const RXD_STAT_VP = 0x08;

/** Spec: §3.3.3, in the second dword of a descriptor's second half, and above. */
export const TXD_CMD_EOP = 0x0100_0000;
export const TXD_CMD_TCP = 0x0100_0000;
export const TXD_CMD_IP = 0x0200_0000;
export const TXD_CMD_TSE = 0x0400_0000;
export const TXD_CMD_RS = 0x0800_0000;
export const TXD_CMD_RPS = 0x1000_0000;
export const TXD_CMD_DEXT = 0x2000_0000;
export const TXD_CMD_VLE = 0x4000_0000;
export const TXD_CMD_IDE = 0x8000_0000;
export const TXD_DTYP_D = 0x0010_0000;
export const TXD_POPTS_IXSM = 0x01;
export const TXD_POPTS_TXSM = 0x02;
export const TXD_STAT_DD = 0x01;
/** Excess and late collisions, and underrun, of which there are none. */
export const TXD_STAT_ERRORS = 0x0e;

/** The card's registers, a word for each. */
export type MacRegisters = Uint32Array;
