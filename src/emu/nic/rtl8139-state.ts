/** What of an RTL8139C+ is saved, and what its registers hold after a reset. */
import { BOTTOM_HALF_STATE, type BottomHalfState } from '../core/bottom-half.ts';
import {
  BOOLEAN,
  bytes,
  DEADLINE_NS,
  DWORD,
  integer,
  oneOf,
  record,
  type StateKind,
  TIME_NS,
  typedArray,
} from '../core/state-fields.ts';
import { MAC_BYTES } from '../net/mac-address.ts';
import { EEPROM_STATE, type EepromState } from '../pci/eeprom-93c46.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PLUS_STATE, type PlusState } from './rtl8139-plus.ts';
import * as r from './rtl8139-registers.ts';
import { TALLY_STATE, type Tally } from './rtl8139-tally.ts';

export const FILTER_BYTES = 8;
export const BUFFER_UNIT = 8192;
/** QEMU: so many descriptors are looked at for one poll. */
export const POLLED = 64;

export const AT_RESET: Partial<r.Fields> = {
  ...{ TCR: 0x7480_0000, CR: r.CR_RST, CONFIG1: 0x0c, CONFIG3: 0x01, clockOn: 1 },
};
export const PHY_AT_RESET: Partial<r.Fields> = {
  ...{ BMSR: 0x7829, ANAR: 0x05e1, ANLPAR: 0x05e1, ANER: 0x0001, CSCR: 0x0340, BMCR: 0x1000 },
};

export type Rtl8139State = {
  readonly pci: PciState;
  readonly regs: r.Fields;
  readonly address: Uint8Array;
  readonly filter: Uint8Array;
  readonly status: Uint32Array;
  readonly start: Uint32Array;
  readonly bufferSize: number;
  /** The transmitter that is next. */
  readonly transmitter: number;
  readonly eeprom: EepromState;
  readonly tally: Tally;
  readonly plus: PlusState;
  /** When the counter was 0. */
  readonly countedFromNs: number;
  readonly timerNs: number | null;
  /** Descriptors that may still be looked at for polls. */
  readonly polled: number;
  readonly bottomHalf: BottomHalfState;
  readonly linkUp: boolean;
};

const FIELDS_STATE = record<r.Fields>(
  Object.fromEntries(r.FIELDS.map((name) => [name, DWORD])) as { [K in r.FieldName]: typeof DWORD },
);

export function emptyFields(): r.Fields {
  return Object.fromEntries(r.FIELDS.map((name) => [name, 0])) as r.Fields;
}

export function rtl8139Fields(pci: StateKind<PciState>): StateKind<Rtl8139State> {
  return record<Rtl8139State>({
    ...{ pci: pci, regs: FIELDS_STATE, address: bytes(MAC_BYTES), filter: bytes(FILTER_BYTES) },
    ...{
      status: typedArray(Uint32Array, r.TRANSMITTERS),
      start: typedArray(Uint32Array, r.TRANSMITTERS),
      bufferSize: oneOf(...[0, 1, 2, 3].map((log) => BUFFER_UNIT << log)),
      transmitter: integer(0, r.TRANSMITTERS - 1),
    },
    ...{ eeprom: EEPROM_STATE, tally: TALLY_STATE, plus: PLUS_STATE },
    ...{ countedFromNs: TIME_NS, timerNs: DEADLINE_NS, polled: integer(0, POLLED) },
    ...{ bottomHalf: BOTTOM_HALF_STATE, linkUp: BOOLEAN },
  });
}
