/**
 * Registers that Intel's 82574L has beside those of the 8254x family, as byte offsets in BAR 0, and their fields.
 * Spec: Intel 82574 GbE Controller Family Datasheet (317694), chapter 10.
 */
export * from './e1000-registers.ts';

export const CTRL_DUP = 0x00004;
export const CTRL_EXT = 0x00018;
export const FLA = 0x0001c;
export const EIAC = 0x000dc;
export const IAM = 0x000e0;
export const IVAR = 0x000e4;
export const EITR = 0x000e8;
export const TIPG = 0x00410;
export const EEWR = 0x0102c;
export const PSRCTL = 0x02170;
export const RDBAL1 = 0x02900;
export const RDH1 = 0x02910;
export const RDT1 = 0x02918;
export const RSRPD = 0x02c00;
export const RAID = 0x02c08;
export const TIDV = 0x03820;
export const TARC0 = 0x03840;
export const TDBAL1 = 0x03900;
export const TDH1 = 0x03910;
export const TDT1 = 0x03918;
export const TARC1 = 0x03940;
export const IAC = 0x04100;
export const RXCSUM = 0x05000;
export const RFCTL = 0x05008;
export const MRQC = 0x05818;
export const GCR = 0x05b00;
export const PBACLR = 0x05b68;
export const RETA = 0x05c00;
export const RSSRK = 0x05c80;

export const CTRL_FD = 0x0000_0001;
export const CTRL_GIO_MASTER_DISABLE = 0x0000_0004;
export const CTRL_SPEED = 0x0000_0300;
export const CTRL_SPEED_SHIFT = 8;
export const CTRL_FRCSPD = 0x0000_0800;
export const CTRL_FRCDPLX = 0x0000_1000;
export const CTRL_RFCE = 0x0800_0000;
export const CTRL_TFCE = 0x1000_0000;
export const CTRL_PHY_RST = 0x8000_0000;
export const CTRL_EXT_ASDCHK = 0x0000_1000;
export const CTRL_EXT_EE_RST = 0x0000_2000;
export const CTRL_EXT_SPD_BYPS = 0x0000_8000;
export const CTRL_EXT_EIAME = 0x0100_0000;
export const CTRL_EXT_IAME = 0x0800_0000;
export const CTRL_EXT_TIMERS_CLEAR = 0x2000_0000;
export const CTRL_EXT_PBA_CLR = 0x8000_0000;
export const STATUS_FD = 0x0000_0001;
export const STATUS_SPEED_SHIFT = 6;
export const STATUS_PHYRA = 0x0000_0400;
export const STATUS_GIO_MASTER = 0x0008_0000;
/** The fastest of its three speeds. */
export const SPEED_1000 = 2;

export const ICR_SRPD = 0x0001_0000;
export const ICR_ACK = 0x0002_0000;
export const ICR_MNG = 0x0004_0000;
export const ICR_RXQ0 = 0x0010_0000;
export const ICR_RXQ1 = 0x0020_0000;
export const ICR_TXQ0 = 0x0040_0000;
export const ICR_TXQ1 = 0x0080_0000;
export const ICR_OTHER = 0x0100_0000;
export const ICR_ASSERTED = 0x8000_0000;
/** Those that can interrupt. */
export const IMS_BITS = 0x01f7_82d7;
export const IVAR_VALID = 8;
export const IVAR_VECTOR = 7;
export const IVAR_EVERY_WRITE_BACK = 0x8000_0000;
/** A write of it ends a delay at once. */
export const DELAY_FLUSH = 0x8000_0000;

export const RCTL_LBM_MAC = 0x0000_0040;
export const RCTL_DTYP = 0x0000_0c00;
export const RCTL_DTYP_PS = 0x0000_0400;
export const RCTL_FLXBUF_SHIFT = 27;
export const RCTL_FLXBUF = 0xf;
export const RXCSUM_IPOFL = 0x0000_0100;
export const RXCSUM_TUOFL = 0x0000_0200;
export const RXCSUM_PCSD = 0x0000_2000;
export const RFCTL_IPV6_DIS = 0x0000_0400;
export const RFCTL_IPV6_XSUM_DIS = 0x0000_0800;
export const RFCTL_ACK_DIS = 0x0000_1000;
export const RFCTL_ACK_DATA_DIS = 0x0000_2000;
export const RFCTL_IPFRSP_DIS = 0x0000_4000;
export const RFCTL_EXTEN = 0x0000_8000;
export const RFCTL_IPV6_EX_DIS = 0x0001_0000;
export const TARC_ENABLE = 0x0000_0400;
/** Which kind of hashing MRQC asks for, and of what. */
export const MRQC_KIND = 0x3;
export const MRQC_RSS = 0x1;
export const MRQC_TCP_IPV4 = 0x0001_0000;
export const MRQC_IPV4 = 0x0002_0000;
export const MRQC_TCP_IPV6 = 0x0004_0000;
export const MRQC_IPV6_EX = 0x0008_0000;
export const MRQC_IPV6 = 0x0010_0000;

/** Spec: §7.1.5: of extended receive descriptors, beside those of RXD_STAT. */
export const RXD_STAT_UDPCS = 0x0010;
export const RXD_STAT_TCPCS = 0x0020;
export const RXD_STAT_IPCS = 0x0040;
export const RXD_STAT_IPIDV = 0x0200;
export const RXD_STAT_ACK = 0x8000;
export const RXD_TYPE_SHIFT = 16;
export const RXD_ERROR_TCPE = 0x2000_0000;
export const RXD_ERROR_IPE = 0x4000_0000;
export const RXD_HEADER_SPLIT = 0x8000;
