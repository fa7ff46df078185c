/** What a driver does to an RTL8139C+. */
import * as d from './driver.ts';

const TSD = 0x10;
const TSAD = 0x20;
const RBSTART = 0x30;
const CR = 0x37;
const CAPR = 0x38;
const CBR = 0x3a;
const IMR = 0x3c;
const ISR = 0x3e;
const TCR = 0x40;
const RCR = 0x44;
const MPC = 0x4c;
const CR_9346 = 0x50;
const MSR = 0x58;
const HALT_CLOCK = 0x5b;
const SUMMARY = 0x60;
const BMCR = 0x62;
const BMSR = 0x64;
const TPPOLL = 0xd9;
const CPCR = 0xe0;
const RDSAR = 0xe4;

const RING = 0x1_0000;
const BUFFERS = 0x2_0000;
const PACKETS = 0x4_0000;
const OWN = 0x8000_0000;
const EOR = 0x4000_0000;
const FS = 0x2000_0000;
const LS = 0x1000_0000;
const GROUP = '01005e000001';
const BROADCAST = 'ffffffffffff';
const STRANGER = '525400999999';

type Size = 'b' | 'w' | 'l';
const read = (register: number, size: Size = 'l'): string => d.readPort(d.PORTS + register, size);
const write = (register: number, value: number, size: Size = 'l'): string =>
  d.writePort(d.PORTS + register, value, size);
const plugged = () => d.plugged('rtl8139', [d.PORTS, d.MEMORY]);
/** But for the counter, whose value is that of the moment. */
const every = (size: Size, step: number): string[] =>
  Array.from({ length: 0x100 / step }, (_, n) => step * n)
    .filter((register) => register < 0x48 || register >= 0x4c)
    .map((register) => read(register, size));
const interrupts = (): string[] => [...d.pin(), read(ISR, 'w'), write(ISR, 0xffff, 'w'), ...d.pin()];

const eepromBits = (bits: string, answer: number): string[] => [
  write(CR_9346, 0x80, 'b'),
  write(CR_9346, 0x88, 'b'),
  ...[...bits].flatMap((bit) => {
    const value = 0x88 | (bit === '1' ? 2 : 0);
    return [
      write(CR_9346, value, 'b'),
      write(CR_9346, value | 4, 'b'),
      read(CR_9346, 'b'),
      write(CR_9346, value, 'b'),
    ];
  }),
  ...Array.from({ length: answer }, () => [
    write(CR_9346, 0x8c, 'b'),
    read(CR_9346, 'b'),
    write(CR_9346, 0x88, 'b'),
  ]).flat(),
  write(CR_9346, 0x80, 'b'),
  read(CR_9346, 'b'),
];

const received = (): string[] => [
  read(CR, 'b'),
  read(CAPR, 'w'),
  read(CBR, 'w'),
  read(MPC),
  d.dump(BUFFERS, 512),
  ...interrupts(),
];
const descriptor = (at: number, ...words: readonly number[]): string[] => d.dwords(at, ...words);
const plusReceived = (): string[] => [
  d.dump(RING, 128),
  d.dump(BUFFERS, 256),
  d.dump(BUFFERS + 0x800, 256),
  read(MPC),
  ...interrupts(),
];
const plusSend = (): string[] => [
  write(TPPOLL, 0x40, 'b'),
  'heard',
  d.dump(RING + 0x800, 128),
  ...interrupts(),
];

const IP = '450000000000000040';
const hex4 = (value: number): string => value.toString(16).padStart(4, '0');
const payload = (length: number): string =>
  Array.from({ length }, (_, n) => ((n * 7) & 0xff).toString(16).padStart(2, '0')).join('');
const ipv4 = (protocol: string, length: number): string =>
  `${IP.slice(0, 4)}${hex4(length)}1234400040${protocol}00000a00020f0a000202`;
const ETHERNET = `52550a000202${d.MAC_HEX}0800`;
const tcp = (length: number): string =>
  `${ETHERNET}${ipv4('06', 40 + length)}1f90005000001000000020005019200000000000${payload(length)}`;
const udp = (length: number): string =>
  `${ETHERNET}${ipv4('11', 28 + length)}1f900050${hex4(8 + length)}0000${payload(length)}`;

export const RTL8139_SESSIONS = [
  {
    name: 'rtl8139: registers',
    lines: [
      ...plugged(),
      ...every('b', 1),
      ...every('w', 2),
      ...every('l', 4),
      ...['b', 'w', 'l'].flatMap((size) =>
        [0x48, 0x54, 0x5c].map((register) => read(register === 0x48 ? 0x4c : register, size as Size)),
      ),
      d.dump(d.MEMORY, 0x40),
    ],
  },
  ...(['b', 'w', 'l'] as const).map((size) => ({
    name: `rtl8139: registers that are written, ${size}`,
    lines: [
      ...plugged(),
      ...Array.from({ length: 0x100 / { b: 1, w: 2, l: 4 }[size] }, (_, n) => n * { b: 1, w: 2, l: 4 }[size])
        // Not: what starts something, resets, or stops the clock.
        .filter(
          (register) =>
            ![0x10, 0x14, 0x18, 0x1c, 0x34, 0x36, 0x37, 0x48, 0x50, 0x54, 0x62, 0x60, 0x64].includes(
              register,
            ),
        )
        .map((register) => write(register, 0xffff_ffff % 2 ** { b: 8, w: 16, l: 32 }[size], size)),
      ...every('b', 1),
      ...every('w', 2),
      ...every('l', 4),
      ...interrupts(),
      write(CR_9346, 0xc0, 'b'),
      ...[0x51, 0x52, 0x59, 0x5a, 0xd8].flatMap((register) => [
        write(register, 0xff, 'b'),
        read(register, 'b'),
        write(register, 0, 'b'),
        read(register, 'b'),
      ]),
      write(CR, 0x0c, 'b'),
      write(TCR, 0xffff_ffff),
      read(TCR),
      write(TCR, 0),
      read(TCR),
      write(CR, 0xff, 'b'),
      ...every('b', 1),
      ...every('w', 2),
      ...every('l', 4),
      write(CR_9346, 0x40, 'b'),
      ...every('b', 1),
      ...every('l', 4),
      'hmp info network',
    ],
  })),
  {
    name: 'rtl8139: the EEPROM',
    lines: [
      ...plugged(),
      ...[0, 1, 2, 7, 8, 9].flatMap((word) => eepromBits(`110${word.toString(2).padStart(6, '0')}`, 17)),
      ...eepromBits('0001100000011', 34),
      ...eepromBits('10100000011111111111111111', 2),
      ...eepromBits('110000001', 17),
    ],
  },
  {
    name: 'rtl8139: the PHY, the cable and the clock',
    lines: [
      ...plugged(),
      ...[BMCR, BMSR, 0x66, 0x68, 0x6a, 0x74].flatMap((register) => [
        write(register, 0xffff, 'w'),
        read(register, 'w'),
        write(register, 0x0000, 'w'),
        read(register, 'w'),
      ]),
      write(BMCR, 0x8000, 'w'),
      ...[BMCR, BMSR, 0x66, 0x68, 0x6a, 0x74].map((register) => read(register, 'w')),
      write(IMR, 0x20, 'w'),
      'hmp set_link nic0 off',
      read(BMSR, 'w'),
      read(MSR, 'b'),
      ...interrupts(),
      'hmp set_link nic0 on',
      read(MSR, 'b'),
      ...interrupts(),
      ...[0x48, 0x52, 0x00].flatMap((value) => [write(HALT_CLOCK, value, 'b'), read(HALT_CLOCK, 'b')]),
      write(IMR, 0x4000, 'w'),
      write(0x54, 1000),
      write(0x48, 0),
      d.wait(2),
      ...interrupts(),
      write(0x54, 0),
      read(0x54),
    ],
  },
  {
    name: 'rtl8139: packets from the guest',
    lines: [
      ...plugged(),
      write(CR, 0x04, 'b'),
      write(IMR, 0xffff, 'w'),
      d.put(PACKETS, d.frame(BROADCAST, 700)),
      ...[0, 1, 2, 3, 0].flatMap((n) => [
        write(TSAD + 4 * n, PACKETS + n),
        write(TSD + 4 * n, 0x0010_0000 | (60 + 100 * n)),
        read(TSD + 4 * n),
        read(SUMMARY, 'w'),
        'heard',
        ...interrupts(),
      ]),
      // Not its turn.
      write(TSD + 12, 70),
      read(TSD + 12),
      write(TSD + 4, 71),
      'heard',
      read(SUMMARY, 'w'),
      write(TSD + 8, 0),
      'heard',
      ...interrupts(),
      write(CR, 0, 'b'),
      write(TSD + 12, 80),
      'heard',
      ...[0, 1, 2, 3].map((n) => read(TSD + 4 * n)),
      // Back to the guest.
      write(RBSTART, BUFFERS),
      write(CR, 0x0c, 'b'),
      write(RCR, 0x0f),
      write(TCR, 0x0006_0700),
      write(TSD + 12, 90),
      'heard',
      ...received(),
    ],
  },
  {
    name: 'rtl8139: packets to the guest',
    lines: [
      ...plugged(),
      d.send(d.frame()),
      write(RBSTART, BUFFERS),
      write(CR, 0x0c, 'b'),
      write(IMR, 0xffff, 'w'),
      write(RCR, 0x02),
      d.send(d.frame()),
      d.send(d.frame(BROADCAST)),
      d.send(d.frame(GROUP)),
      d.send(d.frame(STRANGER)),
      ...received(),
      write(RCR, 0x0e),
      d.send(d.frame(BROADCAST, 20)),
      d.send(d.frame(GROUP, 61)),
      ...Array.from({ length: 8 }, (_, n) => write(8 + n, 1 << n, 'b')),
      ...[
        '010000000001',
        '010000000002',
        '010000000004',
        '010000000008',
        '01005e000001',
        '01005e0000fb',
      ].flatMap((to) => [d.send(d.frame(to, 62)), read(CBR, 'w')]),
      write(RCR, 0x01),
      d.send(d.frame(STRANGER, 63)),
      ...received(),
      write(CAPR, 0x30, 'w'),
      read(CAPR, 'w'),
      read(CR, 'b'),
      write(HALT_CLOCK, 0x48, 'b'),
      d.send(d.frame()),
      read(CBR, 'w'),
      write(HALT_CLOCK, 0x52, 'b'),
      d.send(d.frame()),
      read(CBR, 'w'),
    ],
  },
  ...[0x0f, 0x8f].map((rcr) => ({
    name: `rtl8139: a receive buffer that ends, ${rcr.toString(16)}`,
    lines: [
      ...plugged(),
      write(RBSTART, BUFFERS),
      write(CR, 0x0c, 'b'),
      write(IMR, 0xffff, 'w'),
      write(RCR, rcr),
      ...Array.from({ length: 5 }, () => d.send(d.frame(d.MAC_HEX, 1500))),
      read(CBR, 'w'),
      write(CAPR, 7000, 'w'),
      d.send(d.frame(d.MAC_HEX, 1400)),
      read(CBR, 'w'),
      d.dump(BUFFERS + 7400, 2048),
      d.dump(BUFFERS, 0x400),
      ...received(),
      // There is no room, and then there is.
      ...Array.from({ length: 5 }, () => d.send(d.frame(d.MAC_HEX, 1500))),
      ...received(),
      write(CAPR, 800, 'w'),
      ...received(),
      write(IMR, 0, 'w'),
      ...Array.from({ length: 4 }, () => d.send(d.frame(d.MAC_HEX, 1500))),
      ...received(),
      write(CAPR, 3000, 'w'),
      ...received(),
    ],
  })),
  {
    name: 'rtl8139: the ring of packets to the guest',
    lines: [
      ...plugged(),
      write(RDSAR, RING),
      write(RDSAR + 4, 0),
      ...[0, 1, 2].flatMap((n) =>
        descriptor(RING + 16 * n, OWN | 0x600, 0x5555_5555, BUFFERS + 0x800 * n, 0),
      ),
      ...descriptor(RING + 48, OWN | EOR | 0x44, 0, BUFFERS, 0),
      write(CPCR, 0x03, 'w'),
      write(CR, 0x0c, 'b'),
      write(IMR, 0xffff, 'w'),
      write(RCR, 0x0e),
      d.send(d.frame()),
      d.send(d.frame(BROADCAST, 20)),
      ...plusReceived(),
      write(CPCR, 0x63, 'w'),
      d.send(d.frame(d.MAC_HEX, 100, '81001234')),
      d.send(d.frame(d.MAC_HEX, 65)),
      ...plusReceived(),
      d.send(d.frame(d.MAC_HEX, 60)),
      d.send(d.frame(d.MAC_HEX, 60)),
      ...plusReceived(),
      ...descriptor(RING, OWN | 0x600, 0, BUFFERS, 0),
      d.send(d.frame(d.MAC_HEX, 62, '81001234')),
      d.send(d.frame(d.MAC_HEX, 62)),
      ...plusReceived(),
      write(TSD + 4, 0),
      write(TSD, PACKETS | 8),
      read(TSD),
      d.dump(PACKETS, 64),
      write(RDSAR, 0),
      d.send(d.frame()),
      ...plusReceived(),
    ],
  },
  {
    name: 'rtl8139: the ring of packets from the guest',
    lines: [
      ...plugged(),
      write(TSAD, RING + 0x800),
      write(TSAD + 4, 0),
      write(CPCR, 0x03, 'w'),
      write(CR, 0x0c, 'b'),
      write(IMR, 0xffff, 'w'),
      d.put(PACKETS, tcp(101)),
      ...descriptor(RING + 0x800, OWN | FS | LS | 0x0005_0000 | 155, 0, PACKETS, 0),
      ...descriptor(RING + 0x810, OWN | FS | 30, 0, PACKETS, 0),
      ...descriptor(RING + 0x820, OWN | LS | 125, 0x0002_3412, PACKETS + 30, 0),
      ...plusSend(),
      d.put(PACKETS, udp(33)),
      ...descriptor(RING + 0x830, OWN | EOR | FS | LS | 0x0007_0000 | 75, 0, PACKETS, 0),
      ...descriptor(RING + 0x800, OWN | FS | LS | 0x0004_0000 | 75, 0, PACKETS, 0),
      ...plusSend(),
      d.put(PACKETS, tcp(1000)),
      ...descriptor(RING + 0x810, OWN | FS | LS | 0x0800_0000 | (300 << 16) | 1054, 0x0002_0001, PACKETS, 0),
      ...plusSend(),
      // One that cannot be cut, one without a size, and one that is no packet of IPv4.
      ...descriptor(RING + 0x820, OWN | FS | LS | 0x0800_0000 | 1054, 0, PACKETS, 0),
      ...descriptor(RING + 0x830, OWN | EOR | FS | LS, 0, PACKETS, 0),
      d.put(PACKETS + 0x1000, d.frame(BROADCAST, 80)),
      ...descriptor(RING + 0x800, OWN | FS | LS | 0x0007_0000 | 80, 0, PACKETS + 0x1000, 0),
      ...descriptor(RING + 0x810, OWN | FS | LS | 0x0007_0000 | 20, 0, PACKETS + 0x1000, 0),
      ...plusSend(),
      write(TPPOLL, 0x80, 'b'),
      write(TSD + 4, 0),
      write(TSD, (PACKETS + 0x2000) | 8),
      d.dump(PACKETS + 0x2000, 64),
      write(CR, 0x08, 'b'),
      ...descriptor(RING + 0x800, OWN | FS | LS | 80, 0, PACKETS + 0x1000, 0),
      ...plusSend(),
      write(CR, 0x0c, 'b'),
      ...plusSend(),
    ],
  },
];
