/** The registers of the 8254x family as QEMU has them: which hold what is written, which count, and which act. */
import { RegisterTable } from '../bus/register-table.ts';
import type { E1000 } from './e1000.ts';
import { readEerd } from './e1000-eeprom.ts';
import * as r from './e1000-registers.ts';
import { rowsOf, statisticsRows } from './e1000-rows.ts';

type Write = (own: E1000, value: number) => void;

const { row, plain, readOnly, acting } = rowsOf<E1000>();
const store =
  (offset: number): Write =>
  (own, value) => {
    own.mac[offset >> 2] = value;
  };

const LOW_4 = 0xf;
const LOW_11 = 0x7ff;
const LOW_13 = 0x1fff;
const LOW_16 = 0xffff;
/** Spec: §13.4.25: the length is a multiple of 128 bytes. */
const RING_LENGTH = 0xf_ff80;

/** Registers of one kind in a row: where they begin, how many, and which bits they hold. */
const BLOCKS: readonly (readonly [first: number, words: number, bits: number])[] = [
  [r.IP4AT, 7, 0xffff_ffff],
  [r.IP6AT, 4, 0xffff_ffff],
  [r.RA, 2 * r.RECEIVE_ADDRESSES, 0xffff_ffff],
  [r.MTA, r.MULTICAST_WORDS, 0xffff_ffff],
  [r.VFTA, r.VLAN_WORDS, 0xffff_ffff],
  [r.WUPM, 32, 0xffff_ffff],
  [r.FFLT, 7, LOW_11],
  [r.FFMT, 255, LOW_4],
  [r.FFVT, 255, 0xffff_ffff],
  [r.PBM, 16_384, 0xffff_ffff],
];

/** For each word of the register space the bits that it holds, when it belongs to such a block; else 0. */
export const E1000_BLOCKS = new Uint32Array(r.REGISTER_WORDS);
for (const [first, words, bits] of BLOCKS) E1000_BLOCKS.fill(bits, first >> 2, (first >> 2) + words);

/** Those that a card without QEMU's `extra_mac_registers` has not. */
export const E1000_EXTRA_REGISTERS: ReadonlySet<number> = new Set([
  ...[r.IPAV, r.WUC, r.WUS, r.IP6AT, r.IP4AT, r.FFVT, r.WUPM, r.AIT, r.FFLT, r.FFMT, r.PBM, r.FCRUC, r.RNBC],
  ...[r.BPRC, r.MPRC, r.GORCL, r.GORCH, r.GOTCL, r.GOTCH, r.ROC, r.MPTC, r.BPTC, r.TSCTC, r.TSCTFC],
  ...[0x04014, 0x04018, 0x0401c, 0x04020, 0x04028, 0x04030, 0x04034, 0x04038, 0x0403c, 0x04040],
  ...[0x04048, 0x0404c, 0x04050, 0x04054, 0x040a4, 0x040a8, 0x040b0, 0x040b4, 0x040b8, 0x040bc],
  ...[0, 4, 8, 12, 16, 20].flatMap((n) => [r.PRC64 + n, r.PTC64 + n]),
  ...[r.TDFH, r.TDFT, r.TDFHS, r.TDFTS, r.TDFPC, r.RDFH, r.RDFT, r.RDFHS, r.RDFTS, r.RDFPC],
]);

export const E1000_REGISTERS = new RegisterTable<E1000>(
  {
    name: 'e1000-mmio',
    title: 'e1000: Gigabit Ethernet, 8254x',
    place: 'BAR 0, 128 KiB of memory',
    spec: '8254x Family Software Developer’s Manual, chapter 13',
  },
  [
    acting(r.CTRL, 'CTRL', 'device control', (own, value) => {
      // QEMU: a reset that is asked for here is none.
      own.mac[r.CTRL >> 2] = value & ~r.CTRL_RST;
    }),
    readOnly(r.STATUS, 'STATUS', 'link, speed and duplex'),
    row(r.EECD, 'EECD', 'the wires of the EEPROM', {
      read: (own) => own.microwire.eecd,
      write: (own, value) => own.microwire.writeEecd(value),
    }),
    row(r.EERD, 'EERD', 'reads a word of the EEPROM', {
      read: (own) => readEerd(own.mac[r.EERD >> 2], own.eeprom),
      write: store(r.EERD),
    }),
    acting(r.MDIC, 'MDIC', 'reads and writes registers of the PHY', (own, value) => own.accessPhy(value)),
    plain(r.VET, 'VET', 'the type of frames with a VLAN tag'),
    row(r.ICR, 'ICR', 'causes of interrupts; reading clears, writing 1 clears', {
      read: (own) => own.readIcr(),
      write: (own, value) => own.setCauses(own.mac[r.ICR >> 2] & ~value),
    }),
    plain(r.ITR, 'ITR', 'time between interrupts', LOW_16),
    acting(r.ICS, 'ICS', 'sets causes', (own, value) => own.raise(value)),
    acting(r.IMS, 'IMS', 'lets causes interrupt', (own, value) => {
      own.mac[r.IMS >> 2] |= value;
      own.raise(0);
    }),
    row(r.IMC, 'IMC', 'keeps causes from interrupting', {
      write(own, value) {
        own.mac[r.IMS >> 2] &= ~value;
        own.raise(0);
      },
    }),
    acting(r.RCTL, 'RCTL', 'receive control', (own, value) => own.receiveControl(value)),
    acting(r.TCTL, 'TCTL', 'transmit control', (own, value) => {
      own.mac[r.TCTL >> 2] = value;
      own.transmit();
    }),
    plain(r.AIT, 'AIT', 'adaptive IFS throttle', LOW_16),
    plain(r.LEDCTL, 'LEDCTL', 'LEDs'),
    plain(r.PBA, 'PBA', 'how the packet buffer is divided'),
    plain(r.RDFH, 'RDFH', 'head of the FIFO of received data', LOW_13),
    plain(r.RDFT, 'RDFT', 'tail of the FIFO of received data', LOW_13),
    plain(r.RDFHS, 'RDFHS', 'saved head of the FIFO of received data', LOW_13),
    plain(r.RDFTS, 'RDFTS', 'saved tail of the FIFO of received data', LOW_13),
    plain(r.RDFPC, 'RDFPC', 'packets in the FIFO of received data', LOW_13),
    plain(r.RDBAL, 'RDBAL', 'ring of receive descriptors, low half of its address'),
    plain(r.RDBAH, 'RDBAH', 'ring of receive descriptors, high half of its address'),
    plain(r.RDLEN, 'RDLEN', 'ring of receive descriptors, its bytes', RING_LENGTH),
    plain(r.RDH, 'RDH', 'the receive descriptor that is used next', LOW_16),
    acting(r.RDT, 'RDT', 'the receive descriptor behind the last', (own, value) => {
      own.mac[r.RDT >> 2] = value & LOW_16;
      own.packetsMayFit();
    }),
    plain(r.RDTR, 'RDTR', 'delays the interrupt of received packets', LOW_16),
    plain(r.RADV, 'RADV', 'the most that it is delayed', LOW_16),
    plain(r.TDFH, 'TDFH', 'head of the FIFO of data to send', LOW_11),
    plain(r.TDFT, 'TDFT', 'tail of the FIFO of data to send', LOW_11),
    plain(r.TDFHS, 'TDFHS', 'saved head of the FIFO of data to send', LOW_13),
    plain(r.TDFTS, 'TDFTS', 'saved tail of the FIFO of data to send', LOW_13),
    plain(r.TDFPC, 'TDFPC', 'packets in the FIFO of data to send', LOW_13),
    plain(r.TDBAL, 'TDBAL', 'ring of transmit descriptors, low half of its address'),
    plain(r.TDBAH, 'TDBAH', 'ring of transmit descriptors, high half of its address'),
    plain(r.TDLEN, 'TDLEN', 'ring of transmit descriptors, its bytes', RING_LENGTH),
    plain(r.TDH, 'TDH', 'the transmit descriptor that is used next', LOW_16),
    acting(r.TDT, 'TDT', 'the transmit descriptor behind the last', (own, value) => {
      own.mac[r.TDT >> 2] = value & LOW_16;
      own.transmit();
    }),
    plain(r.TXDCTL, 'TXDCTL', 'how transmit descriptors are fetched'),
    plain(r.TADV, 'TADV', 'the most that the interrupt of a sent packet is delayed', LOW_16),
    ...statisticsRows<E1000>(),
    plain(r.WUC, 'WUC', 'wake-up control'),
    plain(r.WUFC, 'WUFC', 'wake-up filter control'),
    plain(r.WUS, 'WUS', 'wake-up status'),
    readOnly(r.MANC, 'MANC', 'management control'),
    plain(r.IPAV, 'IPAV', 'which internet addresses are valid'),
    plain(r.SWSM, 'SWSM', 'semaphore of drivers'),
  ],
);
