/**
 * The registers of the RTL8139C+ as QEMU has them: each answers accesses of its size. Another access is one of bytes, where those have a
 * register.
 */
import {
  type Register,
  type RegisterAccess,
  type RegisterBlock,
  RegisterTable,
  register,
} from '../bus/register-table.ts';
import type { AccessSize } from '../core/device.ts';
import type { Rtl8139 } from './rtl8139.ts';
import * as r from './rtl8139-registers.ts';

type Row = Register<Rtl8139>;

const row = (
  offset: number,
  size: AccessSize,
  name: string,
  help: string,
  access: RegisterAccess<Rtl8139>,
): Row => register(offset, size, name, help, access);

/** A register of which some bits stay as they are. */
function merging(
  offset: number,
  size: AccessSize,
  name: r.FieldName,
  help: string,
  kept = 0,
  after: (own: Rtl8139) => void = () => {},
): Row {
  return row(offset, size, name, help, {
    read: (own) => own.regs[name],
    write(own, value) {
      own.regs[name] = ((value & ~kept) | (own.regs[name] & kept)) >>> 0;
      after(own);
    },
  });
}

/** The same, while the driver has unlocked the configuration. */
function locked(offset: number, name: r.FieldName, help: string, kept: number): Row {
  const { write, ...rest } = merging(offset, 1, name, help, kept);
  return { ...rest, write: (own, value, size) => own.isUnlocked && write?.(own, value, size) };
}

const address = (n: number): Row =>
  row(r.IDR0 + n, 1, `IDR${n}`, 'byte of the Ethernet address', {
    read: (own) => own.address[n],
    write: (own, value) => {
      own.address[n] = value;
    },
  });
const filter = (n: number): Row =>
  row(r.MAR0 + n, 1, `MAR${n}`, 'byte of the filter for multicast packets', {
    read: (own) => own.filter[n],
    write: (own, value) => {
      own.filter[n] = value;
    },
  });
const partOf = (words: Uint32Array, at: number, size: AccessSize): number =>
  Math.floor(words[at >> 2] / 2 ** (8 * (at & 3))) % 2 ** (8 * size);
/** A register of four bytes, or a part of it: its number, and the part's first byte. */
const partName = (name: string, at: number, size: AccessSize): string =>
  `${name}${at >> 2}${size === 4 ? '' : `.${at & 3}`}`;
const statusPart = (n: number, size: AccessSize): Row =>
  row(r.TSD0 + n, size, partName('TSD', n, size), 'status of a transmitter', {
    read: (own) => partOf(own.status, n, size),
    ...(size === 4 ? { write: (own, value) => own.writeStatus(n >> 2, value) } : {}),
  });
const startPart = (n: number, size: AccessSize): Row =>
  row(
    r.TSAD0 + n,
    size,
    partName('TSAD', n, size),
    'what a transmitter is to send, or the ring of descriptors',
    {
      read: (own) => partOf(own.start, n, size),
      ...(size === 4
        ? {
            write(own, value) {
              own.start[n >> 2] = value;
            },
          }
        : {}),
    },
  );
const numbers = (count: number, step = 1): number[] => Array.from({ length: count }, (_, n) => n * step);

const ROWS: readonly Row[] = [
  ...numbers(6).map(address),
  ...numbers(8).map(filter),
  ...numbers(16).map((n) => statusPart(n, 1)),
  ...numbers(4, 4).map((n) => statusPart(n, 4)),
  ...numbers(8, 2).map((n) => startPart(n, 2)),
  ...numbers(4, 4).map((n) => startPart(n, 4)),
  merging(r.RBSTART, 4, 'RBSTART', 'the receive buffer'),
  row(r.CR, 1, 'CR', 'reset, receiver and transmitter', {
    read: (own) => own.chipCommand,
    write: (own, value) => own.writeCommand(value),
  }),
  row(r.CAPR, 2, 'CAPR', 'how far the driver has read the receive buffer, less 16', {
    read: (own) => (own.regs.CAPR - 0x10) & 0xffff,
    write: (own, value) => own.writeReadPointer(value),
  }),
  row(r.CBR, 2, 'CBR', 'how far the receive buffer is written', { read: (own) => own.regs.CBR & 0xffff }),
  merging(r.IMR, 2, 'IMR', 'which causes interrupt', 0x1e00, (own) => own.updateInterrupt()),
  row(r.ISR, 2, 'ISR', 'causes of interrupts; writing 1 clears', {
    read: (own) => own.regs.ISR,
    write: (own, value) => own.clearCauses(value),
  }),
  row(r.TCR, 4, 'TCR', 'transmit configuration, and which chip it is', {
    read: (own) => own.regs.TCR,
    write: (own, value) => own.writeTransmitConfig(value),
  }),
  row(r.TCR + 3, 1, 'TCR.3', 'which chip it is', { read: (own) => own.regs.TCR >>> 24 }),
  merging(r.RCR, 4, 'RCR', 'receive configuration', 0xf0fc_0040, (own) => own.resetReceiveBuffer()),
  row(r.TCTR, 4, 'TCTR', 'counts; writing begins anew', {
    read: (own) => own.count,
    write: (own) => own.restartCount(),
  }),
  row(r.MPC, 4, 'MPC', 'packets that found no room; writing clears', {
    read: (own) => own.regs.MPC,
    write(own) {
      own.regs.MPC = 0;
    },
  }),
  row(r.CR_9346, 1, '9346CR', 'the wires of the EEPROM, and the lock of the configuration', {
    read: (own) => own.eepromControl,
    write: (own, value) => own.writeEepromControl(value),
  }),
  locked(r.CONFIG0, 'CONFIG0', 'configuration', 0xf8),
  locked(r.CONFIG1, 'CONFIG1', 'configuration', 0x0c),
  row(r.TIMER_INT, 4, 'TimerInt', 'at which count to interrupt', {
    read: (own) => own.regs.TimerInt,
    write: (own, value) => own.writeTimerInt(value),
  }),
  row(r.MSR, 1, 'MSR', 'the link', { read: (own) => 0xd0 | (~own.regs.BMSR & 4) }),
  locked(r.CONFIG3, 'CONFIG3', 'configuration', 0x8f),
  locked(r.CONFIG4, 'CONFIG4', 'configuration', 0x0a),
  row(r.HALT_CLOCK, 1, 'HLTCLK', 'stops the clock (H) and starts it (R)', {
    read: (own) => own.regs.clockOn,
    write: (own, value) => own.writeClock(value),
  }),
  merging(r.MULINT, 2, 'MULINT', 'early interrupts', 0xf000),
  row(r.RERID, 1, 'RERID', 'the revision', { read: () => 0x20 }),
  row(r.TSAD, 2, 'TSAD', 'status of all transmitters', { read: (own) => own.summary }),
  row(r.BMCR, 2, 'BMCR', 'PHY: control', {
    read: (own) => own.regs.BMCR,
    write: (own, value) => own.writePhyControl(value),
  }),
  merging(r.BMSR, 2, 'BMSR', 'PHY: status', 0xff3f),
  merging(r.ANAR, 2, 'ANAR', 'PHY: what is advertised'),
  row(r.ANLPAR, 2, 'ANLPAR', 'PHY: what the other end advertises', { read: (own) => own.regs.ANLPAR }),
  merging(r.ANER, 2, 'ANER', 'PHY: what of negotiation there is'),
  row(r.CSCR, 2, 'CSCR', 'PHY: the cable', { read: (own) => own.regs.CSCR }),
  merging(r.CONFIG5, 1, 'CONFIG5', 'configuration', 0x80),
  row(r.TPPOLL, 1, 'TPPoll', 'there is something in the ring of descriptors', {
    write: (own, value) => own.poll(value),
  }),
  merging(r.CPCR, 2, 'CPCR', 'the rings of descriptors', 0xff84),
  row(r.INTR_MITIGATE, 2, 'IntrMitigate', 'interrupts that wait', { read: () => 0 }),
  merging(r.RDSAR_LOW, 4, 'RDSARL', 'the ring of receive descriptors, low half'),
  merging(r.RDSAR_HIGH, 4, 'RDSARH', 'the ring of receive descriptors, high half'),
  merging(r.MTPS, 1, 'MTPS', 'from how many bytes on a packet is sent'),
];

function ofSize(size: AccessSize): [RegisterBlock, readonly Row[]] {
  const block = {
    name: 'rtl8139',
    title: `rtl8139: Fast Ethernet, RTL8139C+, accesses of ${size === 1 ? 'a byte' : `${size} bytes`}`,
    place: 'BAR 0, I/O ports, and BAR 1, memory',
    spec: 'RTL8139C+ datasheet 1.6, chapters 5 and 6',
  };
  return [block, ROWS.filter(({ sizeBytes }) => sizeBytes === size)];
}

/** By the size of the access. */
export const RTL8139_BY_SIZE: Readonly<Record<AccessSize, RegisterTable<Rtl8139>>> = {
  1: new RegisterTable<Rtl8139>(...ofSize(1)),
  2: new RegisterTable<Rtl8139>(...ofSize(2)),
  4: new RegisterTable<Rtl8139>(...ofSize(4)),
};
