/** The registers of an 82574L as QEMU has them: which hold what is written, which count, and which act. */
import { type Register, RegisterTable } from '../bus/register-table.ts';
import { rowsOf, statisticsRows } from './e1000-rows.ts';
import type { E1000e } from './e1000e.ts';
import { VECTORS } from './e1000e-interrupts.ts';
import * as r from './e1000e-registers.ts';

const { row, plain, acting } = rowsOf<E1000e>();

const LOW_4 = 0xf;
const LOW_11 = 0x7ff;
const LOW_13 = 0x1fff;
const LOW_16 = 0xffff;
/** Spec: §10.2.5.4: a ring is at a multiple of 16 bytes, and its length one of 128. */
const RING_ADDRESS = 0xffff_fff0;
const RING_LENGTH = 0xf_ff80;
const TARC_BITS = 0x7800_07ff;
const ALL = 0xffff_ffff;
/** Bits that are always set. */
const GCR_FIXED = 0x0680_0000;
const SWSM_SMBI = 1;
const PENDING_BITS = (1 << VECTORS) - 1;

/** Registers of one kind in a row: where they begin, how many, and which bits they hold. */
const BLOCKS: readonly (readonly [first: number, words: number, bits: number])[] = [
  [r.MTA, r.MULTICAST_WORDS, ALL],
  [r.RA, 2 * r.RECEIVE_ADDRESSES, ALL],
  [r.VFTA, r.VLAN_WORDS, ALL],
  [r.IP4AT, 7, ALL],
  [r.IP6AT, 12, ALL],
  [r.WUPM, 32, ALL],
  [r.RETA, 64, ALL],
  [r.FFLT, 11, LOW_11],
  [r.FFMT, 255, LOW_4],
  [0x0_9400, 255, ALL],
  [r.FFVT, 255, ALL],
  [r.PBM, 10_240, ALL],
];

/** For each word of the register space the bits that it holds, when it belongs to such a block; else 0. */
export const E1000E_BLOCKS = new Uint32Array(r.REGISTER_WORDS);
for (const [first, words, bits] of BLOCKS) E1000E_BLOCKS.fill(bits, first >> 2, (first >> 2) + words);

/** Spec: §10.2.1: other places of registers, from older cards: where they begin, what is meant, and how many. */
const ALIASES: readonly (readonly [first: number, register: number, words: number])[] = [
  [r.CTRL_DUP, r.CTRL, 1],
  [0x0040, r.RA, 2 * r.RECEIVE_ADDRESSES],
  [0x0108, r.RDTR, 1],
  [0x0110, r.RDBAL, 3],
  [0x0120, r.RDH, 1],
  [0x0128, r.RDT, 1],
  [0x0160, 0x2168, 1],
  [0x0168, 0x2160, 1],
  [0x0420, r.TDBAL, 3],
  [0x0430, r.TDH, 1],
  [0x0438, r.TDT, 1],
  [0x0440, r.TIDV, 1],
  [0x0600, r.VFTA, r.VLAN_WORDS],
  [0x8000, r.RDFH, 1],
  [0x8008, r.RDFT, 1],
  [0x8010, r.TDFH, 1],
  [0x8018, r.TDFT, 1],
];

const ALIASED = Uint32Array.from({ length: r.REGISTER_WORDS }, (_, at) => 4 * at);
for (const [first, register, words] of ALIASES) {
  for (let n = 0; n < words; n++) ALIASED[(first >> 2) + n] = register + 4 * n;
}

/** Where the register is that a driver means. @param offset of a word */
export function e1000eRegister(offset: number): number {
  return ALIASED[offset >> 2];
}

/** QEMU: can be written at its other place, and not be read there. */
export const E1000E_WRITE_ONLY: ReadonlySet<number> = new Set([r.CTRL_DUP, 0x0440]);

/** The registers of a ring to be filled, or to be sent. */
function ring(receives: boolean, n: number): readonly Register<E1000e>[] {
  const [letter, word] = receives ? ['R', 'receive'] : ['T', 'transmit'];
  const base = (receives ? r.RDBAL : r.TDBAL) + (n === 0 ? 0 : r.RDBAL1 - r.RDBAL);
  const name = (part: string): string => `${letter}${part}${n}`;
  const of = `${word} descriptors of queue ${n}`;
  const tail = base + r.RDT - r.RDBAL;
  return [
    plain(base, name('DBAL'), `${of}: low half of their address`, RING_ADDRESS),
    plain(base + 4, name('DBAH'), `${of}: high half of their address`),
    plain(base + 8, name('DLEN'), `${of}: their bytes`, RING_LENGTH),
    plain(base + 0x10, name('DH'), `${of}: the one that is used next`, LOW_16),
    acting(tail, name('DT'), `${of}: the one behind the last`, (own, value) => {
      own.mac[tail >> 2] = value & LOW_16;
      if (receives) own.packetsMayFit();
      else own.transmit(n);
    }),
    plain(base + 0x28, `${letter}XDCTL${n}`, `${of}: how they are fetched`),
  ];
}

export const E1000E_REGISTERS = new RegisterTable<E1000e>(
  {
    name: 'e1000e-mmio',
    title: 'e1000e: Gigabit Ethernet, 82574L',
    place: 'BAR 0, 128 KiB of memory',
    spec: 'Intel 82574 GbE Controller Family Datasheet, chapter 10',
  },
  [
    acting(r.CTRL, 'CTRL', 'device control', (own, value) => own.control(value)),
    row(r.STATUS, 'STATUS', 'link, speed and duplex', {
      read: (own) => own.status,
      write(own, value) {
        if ((value & r.STATUS_PHYRA) === 0) own.mac[r.STATUS >> 2] &= ~r.STATUS_PHYRA;
      },
    }),
    acting(r.EECD, 'EECD', 'the wires of the NVM', (own, value) => own.nvm.writeEecd(value)),
    acting(r.EERD, 'EERD', 'reads a word of the NVM', (own, value) => own.nvm.writeEerd(value)),
    acting(r.CTRL_EXT, 'CTRL_EXT', 'more of device control', (own, value) => {
      own.mac[r.CTRL_EXT >> 2] = value & ~(r.CTRL_EXT_ASDCHK | r.CTRL_EXT_EE_RST);
    }),
    plain(r.FLA, 'FLA', 'the wires of the flash'),
    acting(r.MDIC, 'MDIC', 'reads and writes registers of the PHY', (own, value) => own.accessPhy(value)),
    plain(0x00028, 'FCAL', 'address of flow control, low half'),
    plain(0x0002c, 'FCAH', 'address of flow control, high half', LOW_16),
    plain(0x00030, 'FCT', 'type of flow control', LOW_16),
    plain(r.VET, 'VET', 'the type of frames with a VLAN tag', LOW_16),
    row(r.ICR, 'ICR', 'causes of interrupts', {
      read: (own) => own.interrupts.readIcr(),
      write: (own, value) => own.interrupts.writeIcr(value),
    }),
    row(r.ITR, 'ITR', 'time between interrupts', {
      read: (own) => own.interrupts.readThrottle(0),
      write: (own, value) => own.interrupts.writeThrottle(0, value),
    }),
    acting(r.ICS, 'ICS', 'sets causes', (own, value) => own.interrupts.set(value)),
    acting(r.IMS, 'IMS', 'lets causes interrupt', (own, value) => own.interrupts.allow(value)),
    row(r.IMC, 'IMC', 'keeps causes from interrupting', {
      write: (own, value) => own.interrupts.forbid(value),
    }),
    plain(r.EIAC, 'EIAC', 'causes that messages clear'),
    plain(r.IAM, 'IAM', 'causes that are forbidden when they are looked at'),
    plain(r.IVAR, 'IVAR', 'which message tells of which cause'),
    ...Array.from({ length: VECTORS }, (_, n) =>
      row(r.EITR + 4 * n, `EITR${n}`, `time between interrupts of message ${n}`, {
        read: (own) => own.interrupts.readThrottle(n + 1),
        write: (own, value) => own.interrupts.writeThrottle(n + 1, value),
      }),
    ),
    acting(r.RCTL, 'RCTL', 'receive control', (own, value) => own.receiveControl(value)),
    plain(0x00170, 'FCTTV', 'timer of flow control', LOW_16),
    acting(r.TCTL, 'TCTL', 'transmit control', (own, value) => {
      own.mac[r.TCTL >> 2] = value;
      for (const queue of [0, 1]) own.transmit(queue);
    }),
    plain(r.TIPG, 'TIPG', 'the gap between packets that are sent'),
    plain(r.AIT, 'AIT', 'adaptive IFS throttle', LOW_16),
    plain(r.LEDCTL, 'LEDCTL', 'LEDs'),
    plain(0x00f00, 'EXTCNF_CTRL', 'extended configuration: control'),
    plain(0x00f08, 'EXTCNF_SIZE', 'extended configuration: size'),
    plain(0x00f10, 'PHY_CTRL', 'PHY control'),
    plain(r.PBA, 'PBA', 'how the packet buffer is divided'),
    plain(0x01008, 'PBS', 'size of the packet buffer', 0x3f),
    plain(0x01010, 'EEMNGCTL', 'control of the NVM by the management'),
    plain(0x01028, 'FLASHT', 'timer of the flash', LOW_16),
    acting(r.EEWR, 'EEWR', 'writes a word of the NVM', (own, value) => own.nvm.writeEewr(value)),
    plain(0x01030, 'FLSWCTL', 'the flash by software: control'),
    plain(0x01034, 'FLSWDATA', 'the flash by software: data'),
    plain(0x01038, 'FLSWCNT', 'the flash by software: count'),
    plain(0x0103c, 'FLOP', 'commands of the flash'),
    plain(0x01050, 'FLOL', 'how the flash is loaded'),
    plain(0x02160, 'FCRTL', 'flow control: when it ends', 0x8000_fff8),
    plain(0x02168, 'FCRTH', 'flow control: when it begins', 0xfff8),
    plain(r.PSRCTL, 'PSRCTL', 'sizes of buffers of packets whose headers are split off'),
    plain(r.RDFH, 'RDFH', 'head of the FIFO of received data', LOW_13),
    plain(r.RDFT, 'RDFT', 'tail of the FIFO of received data', LOW_13),
    plain(r.RDFHS, 'RDFHS', 'saved head of the FIFO of received data', LOW_13),
    plain(r.RDFTS, 'RDFTS', 'saved tail of the FIFO of received data', LOW_13),
    plain(r.RDFPC, 'RDFPC', 'packets in the FIFO of received data', LOW_13),
    ...ring(true, 0),
    acting(r.RDTR, 'RDTR', 'delays the interrupt of received packets', (own, value) =>
      own.interrupts.writeDelay(r.RDTR, value),
    ),
    plain(r.RADV, 'RADV', 'the most that it is delayed', LOW_16),
    ...ring(true, 1),
    plain(r.RSRPD, 'RSRPD', 'which received packets are small', 0xfff),
    plain(r.RAID, 'RAID', 'delays the interrupt of acknowledgements', LOW_16),
    plain(r.TDFH, 'TDFH', 'head of the FIFO of data to send', LOW_13),
    plain(r.TDFT, 'TDFT', 'tail of the FIFO of data to send', LOW_13),
    plain(r.TDFHS, 'TDFHS', 'saved head of the FIFO of data to send', LOW_13),
    plain(r.TDFTS, 'TDFTS', 'saved tail of the FIFO of data to send', LOW_13),
    plain(r.TDFPC, 'TDFPC', 'packets in the FIFO of data to send', LOW_13),
    ...ring(false, 0),
    row(r.TIDV, 'TIDV', 'delays the interrupt of packets that were sent', {
      write: (own, value) => own.interrupts.writeDelay(r.TIDV, value),
    }),
    plain(r.TADV, 'TADV', 'the most that it is delayed', LOW_16),
    plain(r.TARC0, 'TARC0', 'how queue 0 shares the wire', TARC_BITS),
    ...ring(false, 1),
    plain(r.TARC1, 'TARC1', 'how queue 1 shares the wire', TARC_BITS),
    ...statisticsRows<E1000e>(),
    row(r.IAC, 'IAC', 'interrupts', { read: (own) => own.take(r.IAC) }),
    plain(r.RXCSUM, 'RXCSUM', 'which checksums of received packets are looked at'),
    plain(r.RFCTL, 'RFCTL', 'receive filters'),
    ...[0, 1, 2, 3].map((n) => plain(0x05010 + 4 * n, `MAVTV${n}`, `management: VLAN tag ${n}`)),
    plain(r.WUC, 'WUC', 'wake-up control'),
    plain(r.WUFC, 'WUFC', 'wake-up filter control'),
    plain(r.WUS, 'WUS', 'wake-up status'),
    plain(r.MRQC, 'MRQC', 'which queue a received packet goes to'),
    plain(r.MANC, 'MANC', 'management control'),
    plain(0x05824, 'MFUTP01', 'management: ports 0 and 1'),
    plain(0x05828, 'MFUTP23', 'management: ports 2 and 3'),
    plain(0x05830, 'MFVAL', 'management: which filters are valid'),
    plain(r.IPAV, 'IPAV', 'which internet addresses are valid'),
    plain(0x05860, 'MANC2H', 'which management packets the host gets too'),
    acting(r.GCR, 'GCR', 'control of PCI Express', (own, value) => {
      own.mac[r.GCR >> 2] = (own.mac[r.GCR >> 2] & GCR_FIXED) | (value & ~GCR_FIXED);
    }),
    plain(0x05b08, 'FUNCTAG', 'tags of requests'),
    ...[1, 2, 3, 4].map((n) => plain(0x05b0c + 4 * n, `GSCL_${n}`, `counters of PCI Express: control ${n}`)),
    ...[0, 1, 2, 3].map((n) => plain(0x05b20 + 4 * n, `GSCN_${n}`, `counters of PCI Express: count ${n}`)),
    plain(0x05b30, 'FACTPS', 'which functions are in use, and their power'),
    row(r.SWSM, 'SWSM', 'semaphore of drivers; reading takes it', {
      read(own) {
        const value = own.mac[r.SWSM >> 2];
        own.mac[r.SWSM >> 2] |= SWSM_SMBI;
        return value;
      },
      write(own, value) {
        own.mac[r.SWSM >> 2] = value;
      },
    }),
    plain(0x05b64, 'GCR2', 'more control of PCI Express'),
    acting(r.PBACLR, 'PBACLR', 'messages that are not pending any more', (own, value) => {
      own.mac[r.PBACLR >> 2] = value & PENDING_BITS;
      if (!own.hasMessages) return;
      for (let n = 0; n < VECTORS; n++) if ((value & (1 << n)) !== 0) own.msix.clearPending(n);
    }),
    plain(0x05f40, 'FCRTV', 'flow control: how often it is refreshed', LOW_16),
    plain(0x0b600, 'SYSTIML', 'clock, low half'),
    plain(0x0b604, 'SYSTIMH', 'clock, high half'),
    plain(0x0b608, 'TIMINCA', 'how the clock goes'),
    plain(0x0b60c, 'TIMADJL', 'clock: what is added, low half'),
    plain(0x0b610, 'TIMADJH', 'clock: what is added, high half'),
    plain(0x0b614, 'TSYNCTXCTL', 'times of packets that are sent: control'),
    plain(0x0b618, 'TXSTMPL', 'time of a sent packet, low half'),
    plain(0x0b61c, 'TXSTMPH', 'time of a sent packet, high half'),
    plain(0x0b620, 'TSYNCRXCTL', 'times of received packets: control'),
    plain(0x0b624, 'RXSTMPL', 'time of a received packet, low half'),
    plain(0x0b628, 'RXSTMPH', 'time of a received packet, high half'),
    plain(0x0b62c, 'RXSATRL', 'who sent the packet with the time, low half'),
    plain(0x0b630, 'RXSATRH', 'who sent the packet with the time, high half'),
    plain(0x0b634, 'RXMTRL', 'types of messages that get a time'),
    plain(0x0b638, 'RXUDP', 'the port of messages that get a time'),
  ],
);
