/** What a driver does to the cards of the 8254x family. */
import * as d from './driver.ts';

/** What is behind them is the packet buffer. */
const REGISTERS = 0xa000;
const CTRL = 0x0000;
const STATUS = 0x0008;
const EECD = 0x0010;
const EERD = 0x0014;
const MDIC = 0x0020;
const VET = 0x0038;
const ICR = 0x00c0;
const ITR = 0x00c4;
const ICS = 0x00c8;
const IMS = 0x00d0;
const IMC = 0x00d8;
const RCTL = 0x0100;
const TCTL = 0x0400;
const RDBAL = 0x2800;
const TDBAL = 0x3800;
const RING_LENGTH = 8;
const RING_HEAD = 0x10;
const RING_TAIL = 0x18;
const TADV = 0x382c;
const STATISTICS = 0x4000;
const STATISTICS_BYTES = 0x100;
const MTA = 0x5200;
const RA = 0x5400;
const VFTA = 0x5600;

/** In the guest's RAM. */
const RING = 0x1_0000;
const BUFFERS = 0x2_0000;
const BUFFER_BYTES = 0x1000;

const EOP = 0x0100_0000;
const IFCS = 0x0200_0000;
const TSE = 0x0400_0000;
const RS = 0x0800_0000;
const DEXT = 0x2000_0000;
const VLE = 0x4000_0000;
const IDE = 0x8000_0000;
const DATA = 0x0010_0000;
const TCP = 0x0100_0000;
const IPV4 = 0x0200_0000;

const read = (register: number): string => d.readMemory(d.MEMORY + register);
const write = (register: number, value: number): string => d.writeMemory(d.MEMORY + register, value);
const plugged = (model = 'e1000') => d.plugged(model, [d.MEMORY, d.PORTS]);
const dumpAll = d.dump(d.MEMORY, REGISTERS);
const statistics = d.dump(d.MEMORY + STATISTICS, STATISTICS_BYTES);
/** A card interrupts no sooner than 128 µs after something happened. */
const interrupts = (): string[] => [d.wait(1), ...d.pin(), read(ICS), read(ICR), ...d.pin()];

const mii = (register: number, operation: number, data = 0, phy = 1): string[] => [
  write(MDIC, (operation << 26) | (phy << 21) | (register << 16) | data),
  read(MDIC),
];
const miiRead = (register: number, phy = 1): string[] => mii(register, 2, 0, phy);
const miiWrite = (register: number, data: number): string[] => mii(register, 1, data);
const allMii = (): string[] => Array.from({ length: 32 }, (_, n) => miiRead(n)).flat();

/** The bits of a command to the EEPROM, and the bits of its answer. */
const eepromBits = (bits: string, answer: number): string[] => [
  write(EECD, 0x40),
  write(EECD, 0x42),
  ...[...bits].flatMap((bit) => {
    const value = 0x42 | (bit === '1' ? 4 : 0);
    return [write(EECD, value), write(EECD, value | 1), read(EECD), write(EECD, value)];
  }),
  ...Array.from({ length: answer }, () => [
    write(EECD, 0x43),
    read(EECD),
    write(EECD, 0x42),
    read(EECD),
  ]).flat(),
  write(EECD, 0x40),
  read(EECD),
];

const ring = (base: number, entries: number): string[] => [
  write(base, RING),
  write(base + 4, 0),
  write(base + RING_LENGTH, 16 * entries),
  write(base + RING_HEAD, 0),
  write(base + RING_TAIL, 0),
];
const descriptor = (index: number, ...words: readonly number[]): string[] =>
  d.dwords(RING + 16 * index, ...words);
/** Sends what is in the ring up to there. */
const sendUpTo = (tail: number): string[] => [
  write(TDBAL + RING_TAIL, tail),
  read(TDBAL + RING_HEAD),
  d.dump(RING, 256),
  'heard',
  ...interrupts(),
];

const ipv4 = (protocol: string, length: number): string =>
  `4500${length.toString(16).padStart(4, '0')}123440004${'0'}${protocol}00000a00020f0a000202`;
const TCP_HEADER = '1f9000500000100000002000501820000000' + '0000';
const PSEUDO = '0000';
const payload = (length: number): string =>
  Array.from({ length }, (_, n) => ((n * 7) & 0xff).toString(16).padStart(2, '0')).join('');
const ETHERNET = `${'52550a000202'}${d.MAC_HEX}`;
export const tcp4 = (length: number): string =>
  `${ETHERNET}0800${ipv4('06', 40 + length)}${TCP_HEADER}${PSEUDO.slice(4)}${payload(length)}`;
export const udp4 = (length: number): string =>
  `${ETHERNET}0800${ipv4('11', 28 + length)}1f900050${(8 + length).toString(16).padStart(4, '0')}0000${payload(length)}`;
export const tcp6 = (length: number): string =>
  `${ETHERNET}86dd60000000${(20 + length).toString(16).padStart(4, '0')}0640${'fe80'.padEnd(32, '1')}${'fe80'.padEnd(32, '2')}${TCP_HEADER}${payload(length)}`;

const context = (
  index: number,
  { ip = [14, 24, 33], l4 = [34, 50, 0], command = 0, header = 0, mss = 0, length = 0 } = {},
): string[] =>
  descriptor(
    index,
    (ip[0] ?? 0) | ((ip[1] ?? 0) << 8) | ((ip[2] ?? 0) << 16),
    (l4[0] ?? 0) | ((l4[1] ?? 0) << 8) | ((l4[2] ?? 0) << 16),
    DEXT | RS | command | length,
    (header << 8) | (mss << 16),
  );
const data = (index: number, at: number, length: number, command: number, options = 0): string[] =>
  descriptor(index, at, 0, DEXT | DATA | command | length, options << 8);

const transmitter = (entries = 16): string[] => [
  write(IMS, 0xffff_ffff),
  ...ring(TDBAL, entries),
  write(TCTL, 0x0004_010a),
];

const receiver = (entries: number, tail: number, rctl: number): string[] => [
  ...ring(RDBAL, entries),
  ...Array.from({ length: entries }, (_, n) => descriptor(n, BUFFERS + n * BUFFER_BYTES, 0, 0, 0)).flat(),
  write(RDBAL + RING_TAIL, tail),
  write(RCTL, rctl),
  d.wait(1050),
];
const received = (buffers = 2): string[] => [
  read(RDBAL + RING_HEAD),
  d.dump(RING, 256),
  ...Array.from({ length: buffers }, (_, n) => d.dump(BUFFERS + n * BUFFER_BYTES, 128)),
  ...interrupts(),
];
const GROUP = '01005e000001';
const BROADCAST = 'ffffffffffff';
const STRANGER = '525400999999';

export const E1000_SESSIONS = [
  ...['e1000', 'e1000-82544gc', 'e1000-82545em'].map((model) => ({
    name: `${model}: registers`,
    lines: [
      ...plugged(model),
      dumpAll,
      ...allMii(),
      ...Array.from({ length: 66 }, (_, n) => [write(EERD, (n << 8) | 1), read(EERD)]).flat(),
    ],
  })),
  ...['e1000', 'e1000,extra_mac_registers=off,init-vet=off'].map((model) => ({
    name: `${model}: registers that are written`,
    lines: [
      ...plugged(model),
      d.put(d.MEMORY, 'ff'.repeat(0xb000)),
      d.dump(d.MEMORY, 0xb000),
      d.dump(d.MEMORY, 0xb000),
      d.put(d.MEMORY + 0x1_0000, 'a5'.repeat(0x100)),
      d.dump(d.MEMORY + 0x1_0000, 0x200),
      d.put(d.MEMORY, '00'.repeat(0xb000)),
      d.dump(d.MEMORY, 0xb000),
      'hmp info network',
      ...[1, 2, 3].map((offset) => d.readMemory(d.MEMORY + STATUS + offset, 'b')),
      d.writeMemory(d.MEMORY + VET + 1, 0xab, 'b'),
      read(VET),
      d.writeMemory(d.MEMORY + VET + 2, 0x1234, 'w'),
      read(VET),
      d.readPort(d.PORTS),
      d.writePort(d.PORTS, 0x38),
      d.writePort(d.PORTS + 4, 0x5555),
      d.readPort(d.PORTS + 4),
      read(VET),
      'hmp system_reset',
      d.wait(100),
      ...d.configWrite(0x10, d.MEMORY),
      ...d.configWrite(4, 7),
      dumpAll,
    ],
  })),
  {
    name: 'e1000: the wires of the EEPROM',
    lines: [
      ...plugged(),
      ...eepromBits('110000000', 36),
      ...eepromBits('110001010', 17),
      ...eepromBits('110111111', 17),
      ...eepromBits('101000001', 4),
      ...eepromBits('0110000001', 18),
      ...eepromBits('1111', 3),
    ],
  },
  {
    name: 'e1000: the PHY',
    lines: [
      ...plugged(),
      ...Array.from({ length: 32 }, (_, n) => miiWrite(n, n === 0 ? 0 : 0xffff)).flat(),
      ...allMii(),
      ...Array.from({ length: 32 }, (_, n) => miiWrite(n, n === 0 ? 0x0500 : 0)).flat(),
      ...allMii(),
      ...miiRead(1, 2),
      ...mii(1, 0),
      ...mii(1, 3),
      write(MDIC, 0x2800_0000 | (1 << 21) | (1 << 16)),
      read(MDIC),
      ...interrupts(),
      ...miiWrite(0, 0x1340),
      ...miiRead(0),
      ...miiRead(1),
      ...miiRead(5),
      read(STATUS),
      d.wait(550),
      ...miiRead(1),
      ...miiRead(5),
      read(STATUS),
      ...interrupts(),
      ...miiWrite(0, 0x8140),
      ...miiRead(0),
    ],
  },
  {
    name: 'e1000: the cable',
    lines: [
      ...plugged(),
      write(IMS, 4),
      'hmp set_link nic0 off',
      read(STATUS),
      ...miiRead(1),
      ...interrupts(),
      'hmp set_link nic0 on',
      read(STATUS),
      ...interrupts(),
      d.wait(550),
      read(STATUS),
      ...miiRead(1),
      ...interrupts(),
      'hmp set_link far off',
      read(STATUS),
      ...interrupts(),
      'hmp info network',
    ],
  },
  {
    name: 'e1000: packets from the guest',
    lines: [
      ...plugged(),
      ...transmitter(8),
      d.put(BUFFERS, d.frame(BROADCAST, 600)),
      ...descriptor(0, BUFFERS, 0, EOP | IFCS | RS | 60, 0xffff_ffff),
      ...sendUpTo(1),
      ...descriptor(1, BUFFERS, 0, IFCS | 100, 0),
      ...descriptor(2, BUFFERS + 100, 0, EOP | IFCS | RS | 500, 0),
      ...sendUpTo(3),
      // A tail in front of the head: around the ring's end.
      ...[3, 4, 5, 6, 7].flatMap((n) => descriptor(n, BUFFERS, 0, EOP | RS | (70 + n), 0)),
      ...sendUpTo(2),
      // A tail that the ring has not: once around.
      ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => descriptor(n, BUFFERS, 0, EOP | (60 + n), 0)),
      ...sendUpTo(100),
      write(TCTL, 0),
      ...sendUpTo(3),
      write(TDBAL + RING_HEAD, 2),
      write(TCTL, 2),
      read(TDBAL + RING_HEAD),
      'heard',
      // Tags are put in where the driver asks for it.
      write(CTRL, 0x4000_0000),
      ...descriptor(3, BUFFERS, 0, EOP | VLE | RS | 64, 0x1234_0000),
      ...sendUpTo(4),
      write(VET, 0x9100),
      ...descriptor(4, BUFFERS, 0, VLE | 20, 0x1234_0000),
      ...descriptor(5, BUFFERS + 20, 0, EOP | VLE | RS | 64, 0x4321_0000),
      ...sendUpTo(6),
      statistics,
      statistics,
      ...descriptor(6, BUFFERS, 0, EOP | RS, 0),
      ...sendUpTo(7),
    ],
  },
  {
    name: 'e1000: checksums and large packets from the guest',
    lines: [
      ...plugged(),
      ...transmitter(16),
      d.put(BUFFERS, tcp4(101)),
      ...context(0, { command: TCP | IPV4 }),
      ...data(1, BUFFERS, 54 + 101, EOP | RS, 3),
      ...sendUpTo(2),
      ...data(2, BUFFERS, 20, 0, 2),
      ...data(3, BUFFERS + 20, 34 + 101, EOP, 1),
      ...sendUpTo(4),
      d.put(BUFFERS, udp4(33)),
      ...context(4, { l4: [34, 40, 50], command: IPV4 }),
      ...data(5, BUFFERS, 42 + 33, EOP, 3),
      ...sendUpTo(6),
      d.put(BUFFERS, tcp4(1000)),
      ...context(6, { command: TSE | TCP | IPV4, header: 54, mss: 300, length: 1000 }),
      ...data(7, BUFFERS, 54, TSE, 3),
      ...data(8, BUFFERS + 54, 1000, TSE | EOP | RS, 3),
      ...sendUpTo(9),
      // The same again without another context, whose count goes on.
      ...data(9, BUFFERS, 1054, TSE | EOP | RS, 3),
      ...sendUpTo(10),
      d.put(BUFFERS, tcp6(700)),
      ...context(10, {
        ip: [14, 0, 0],
        l4: [54, 70, 0],
        command: TSE | TCP,
        header: 74,
        mss: 256,
        length: 700,
      }),
      ...data(11, BUFFERS, 774, TSE | EOP | RS, 2),
      ...sendUpTo(12),
      d.put(BUFFERS, udp4(500)),
      ...context(12, { l4: [34, 40, 0], command: TSE | IPV4, header: 42, mss: 200, length: 500 }),
      write(CTRL, 0x4000_0000),
      ...data(13, BUFFERS, 542, TSE | EOP | VLE | RS, 3),
      ...sendUpTo(14),
      // Less than a header, and a header without a payload.
      ...data(14, BUFFERS, 20, TSE | EOP | RS, 3),
      ...sendUpTo(15),
      ...context(15, { l4: [34, 40, 0], command: TSE | IPV4, header: 42, mss: 0, length: 10 }),
      ...data(0, BUFFERS, 60, TSE | EOP | RS, 3),
      ...sendUpTo(1),
      ...context(1, { ip: [14, 255, 0], l4: [200, 255, 100], command: TCP | IPV4 }),
      ...data(2, BUFFERS, 64, EOP | RS, 3),
      ...sendUpTo(3),
      statistics,
    ],
  },
  {
    name: 'e1000: interrupts that wait',
    lines: [
      ...plugged(),
      write(ICS, 0x1_ffff),
      ...d.pin(),
      write(IMS, 0x50),
      d.wait(1),
      ...d.pin(),
      write(IMC, 0x40),
      ...d.pin(),
      write(IMC, 0x10),
      ...d.pin(),
      write(ICR, 0xf),
      read(ICS),
      write(IMS, 1),
      write(ITR, 0xffff),
      write(ICS, 1),
      d.wait(30),
      ...d.pin(),
      read(ICR),
      ...d.pin(),
      // Within 16 ms there is no other.
      write(ICS, 1),
      ...d.pin(),
      d.wait(30),
      ...d.pin(),
      read(IMC),
      read(IMS),
      write(TADV, 0xffff),
      ...transmitter(8),
      ...descriptor(0, BUFFERS, 0, EOP | RS | IDE | 60, 0),
      ...sendUpTo(1),
    ],
  },
  {
    name: 'e1000: packets to the guest',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...receiver(8, 7, 0x8002),
      d.send(d.frame()),
      ...received(1),
      d.send(d.frame(BROADCAST, 20)),
      d.send(d.frame(STRANGER)),
      d.send(d.frame(GROUP)),
      ...received(),
      write(RCTL, 0x0400_801a),
      d.wait(1050),
      d.send(d.frame(STRANGER, 64)),
      d.send(d.frame(GROUP, 65)),
      d.send(d.frame(BROADCAST, 127)),
      ...received(5),
      statistics,
      statistics,
      // None is left, then one is.
      d.send(d.frame()),
      d.send(d.frame()),
      d.send(d.frame()),
      d.send(d.frame()),
      ...received(8),
      write(RDBAL + RING_TAIL, 4),
      ...received(8),
      write(RDBAL + RING_HEAD, 0),
      write(RDBAL + RING_TAIL, 7),
      ...received(8),
      statistics,
    ],
  },
  {
    name: 'e1000: which packets come to the guest',
    lines: [
      ...plugged(),
      ...receiver(16, 15, 0x0002),
      write(MTA + 4 * 8, 0x1),
      d.send(d.frame(BROADCAST)),
      d.send(d.frame('010000000010')),
      d.send(d.frame('010000000020')),
      read(RDBAL + RING_HEAD),
      ...[0, 0x1000, 0x2000, 0x3000].flatMap((offset) => [
        write(RCTL, 0x0002 | offset),
        d.wait(1050),
        ...['010000000010', '010000000008', '010000000004', '010000001000'].flatMap((to) => [
          d.send(d.frame(to)),
          read(RDBAL + RING_HEAD),
        ]),
      ]),
      write(RA + 8, 0x9900_5452),
      write(RA + 12, 0x8000_9999),
      d.send(d.frame('525400999999')),
      read(RDBAL + RING_HEAD),
      write(RA + 12, 0x9999),
      d.send(d.frame('525400999999')),
      read(RDBAL + RING_HEAD),
      write(RCTL, 0x0004_0002),
      d.wait(1050),
      d.send(d.frame(d.MAC_HEX, 80, '81000005')),
      read(RDBAL + RING_HEAD),
      write(VFTA, 0x20),
      d.send(d.frame(d.MAC_HEX, 80, '81000005')),
      read(RDBAL + RING_HEAD),
      write(CTRL, 0x4000_0000),
      d.send(d.frame(d.MAC_HEX, 80, '8100a005')),
      d.send(d.frame(d.MAC_HEX, 60, '8100a005')),
      ...received(9),
      statistics,
    ],
  },
  {
    name: 'e1000: packets that need several buffers',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...receiver(8, 6, 0x0003_0002),
      d.send(d.frame(d.MAC_HEX, 600)),
      ...received(3),
      // A descriptor without a buffer is passed over.
      ...descriptor(3, 0, 0, 0, 0),
      d.send(d.frame(d.MAC_HEX, 512)),
      ...received(7),
      // There is one buffer left, where three are needed.
      d.send(d.frame(d.MAC_HEX, 600)),
      ...received(7),
      write(RCTL, 0x0001_0022),
      d.wait(1050),
      write(RDBAL + RING_TAIL, 4),
      d.send(d.frame(d.MAC_HEX, 1600)),
      ...received(7),
      write(RCTL, 0x0001_0002),
      d.wait(1050),
      d.send(d.frame(d.MAC_HEX, 1523)),
      write(RCTL, 0x0001_0006),
      d.wait(1050),
      d.send(d.frame(d.MAC_HEX, 1523)),
      ...received(7),
      statistics,
    ],
  },
  {
    name: 'e1000: a PHY that loops back',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...receiver(8, 7, 0x801a),
      d.wait(600),
      ...miiWrite(0, 0x4140),
      write(TDBAL, RING + 0x800),
      write(TDBAL + RING_LENGTH, 128),
      write(TCTL, 2),
      d.put(BUFFERS + 0x1_0000, d.frame(STRANGER, 100)),
      ...d.dwords(RING + 0x800, BUFFERS + 0x1_0000, 0, EOP | RS | 100, 0),
      write(TDBAL + RING_TAIL, 1),
      'heard',
      ...received(1),
      statistics,
    ],
  },
  {
    name: 'e1000: what waits for the guest',
    lines: [
      ...plugged(),
      d.send(d.frame()),
      ...receiver(8, 7, 0x8002),
      ...received(1),
      write(RCTL, 0x8002),
      d.send(d.frame()),
      ...received(2),
      d.wait(1050),
      ...received(2),
      ...d.configWrite(4, 3),
      d.send(d.frame()),
      d.send(d.frame()),
      ...received(4),
      ...d.configWrite(4, 7),
      ...received(4),
    ],
  },
];
