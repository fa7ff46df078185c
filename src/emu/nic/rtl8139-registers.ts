/** Registers of Realtek's RTL8139C+, as offsets in both BARs, and their fields. Spec: RTL8139C+ datasheet 1.6, chapters 5 and 6. */

export const REGISTER_BYTES = 0x100;

export const IDR0 = 0x00;
export const MAR0 = 0x08;
export const TSD0 = 0x10;
export const TSAD0 = 0x20;
export const RBSTART = 0x30;
export const CR = 0x37;
export const CAPR = 0x38;
export const CBR = 0x3a;
export const IMR = 0x3c;
export const ISR = 0x3e;
export const TCR = 0x40;
export const RCR = 0x44;
export const TCTR = 0x48;
export const MPC = 0x4c;
export const CR_9346 = 0x50;
export const CONFIG0 = 0x51;
export const CONFIG1 = 0x52;
export const TIMER_INT = 0x54;
export const MSR = 0x58;
export const CONFIG3 = 0x59;
export const CONFIG4 = 0x5a;
export const HALT_CLOCK = 0x5b;
export const MULINT = 0x5c;
export const RERID = 0x5e;
export const TSAD = 0x60;
export const BMCR = 0x62;
export const BMSR = 0x64;
export const ANAR = 0x66;
export const ANLPAR = 0x68;
export const ANER = 0x6a;
export const CSCR = 0x74;
export const CONFIG5 = 0xd8;
export const TPPOLL = 0xd9;
export const CPCR = 0xe0;
export const INTR_MITIGATE = 0xe2;
export const RDSAR_LOW = 0xe4;
export const RDSAR_HIGH = 0xe8;
export const MTPS = 0xec;

export const CR_BUFE = 0x01;
export const CR_TE = 0x04;
export const CR_RE = 0x08;
export const CR_RST = 0x10;

export const INT_ROK = 0x0001;
export const INT_TOK = 0x0004;
export const INT_RXOVW = 0x0010;
/** Also: the link has changed. */
export const INT_PUN = 0x0020;
export const INT_TIMEOUT = 0x4000;

export const TSD_SIZE = 0x1fff;
export const TSD_OWN = 0x2000;
export const TSD_TUN = 0x4000;
export const TSD_TOK = 0x8000;
export const TSD_TABT = 0x4000_0000;

export const TCR_LOOPBACK = 0x0006_0000;

export const RCR_AAP = 0x01;
export const RCR_APM = 0x02;
export const RCR_AM = 0x04;
export const RCR_AB = 0x08;
export const RCR_WRAP = 0x80;
export const RCR_RBLEN_SHIFT = 11;

export const CPCR_TXENB = 0x01;
export const CPCR_RXENB = 0x02;
export const CPCR_RXVLAN = 0x40;

/** How a packet was addressed, as the header before it in the receive buffer says. */
export const RX_OK = 0x0001;
export const RX_BROADCAST = 0x2000;
export const RX_PHYSICAL = 0x4000;
export const RX_MULTICAST = 0x8000;

export const TRANSMITTERS = 4;

/** Registers that hold a number; `clockOn` is HLTCLK's, `eepromControl` that of 9346CR without the EEPROM's output. */
export const FIELDS = [
  ...(['RBSTART', 'CAPR', 'CBR', 'IMR', 'ISR', 'TCR', 'RCR', 'MPC', 'CR', 'eepromControl'] as const),
  ...(['CONFIG0', 'CONFIG1', 'CONFIG3', 'CONFIG4', 'CONFIG5', 'TimerInt', 'clockOn', 'MULINT'] as const),
  ...(['BMCR', 'BMSR', 'ANAR', 'ANLPAR', 'ANER', 'CSCR', 'CPCR', 'RDSARL', 'RDSARH', 'MTPS'] as const),
] as const;
export type FieldName = (typeof FIELDS)[number];
export type Fields = { [K in FieldName]: number };
