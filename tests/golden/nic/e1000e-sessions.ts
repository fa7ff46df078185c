/** What a driver does to an 82574L. */
import * as d from './driver.ts';
import { tcp4, tcp6, udp4 } from './e1000-sessions.ts';

const FLASH = 0xfe02_0000;
const MESSAGES = 0xfe04_0000;
const CTRL = 0x0000;
const STATUS = 0x0008;
const EERD = 0x0014;
const CTRL_EXT = 0x0018;
const MDIC = 0x0020;
const VET = 0x0038;
const ICR = 0x00c0;
const ITR = 0x00c4;
const ICS = 0x00c8;
const IMS = 0x00d0;
const IMC = 0x00d8;
const EIAC = 0x00dc;
const IAM = 0x00e0;
const IVAR = 0x00e4;
const EITR = 0x00e8;
const RCTL = 0x0100;
const TCTL = 0x0400;
const EEWR = 0x102c;
const PSRCTL = 0x2170;
const RDBAL = 0x2800;
const RDTR = 0x2820;
const RADV = 0x282c;
const RSRPD = 0x2c00;
const TDBAL = 0x3800;
const TIDV = 0x3820;
const TADV = 0x382c;
const TARC1 = 0x3940;
const QUEUE = 0x100;
const RING_LENGTH = 8;
const RING_HEAD = 0x10;
const RING_TAIL = 0x18;
const RXCSUM = 0x5000;
const RFCTL = 0x5008;
const MRQC = 0x5818;
const SWSM = 0x5b50;
const MTA = 0x5200;
const VFTA = 0x5600;
const RETA = 0x5c00;
const RSSRK = 0x5c80;
const STATISTICS = 0x4000;

/** In the guest's RAM. */
const RING = 0x1_0000;
const BUFFERS = 0x2_0000;
const BUFFER_BYTES = 0x1000;
const MAILBOX = 0x5_0000;

const EOP = 0x0100_0000;
const IFCS = 0x0200_0000;
const RS = 0x0800_0000;
const DEXT = 0x2000_0000;
const VLE = 0x4000_0000;
const IDE = 0x8000_0000;
const DATA = 0x0010_0000;
const EXTEN = 0x8000;
const BAM_EN = 0x8002;
const SECRC = 0x0400_0000;
const PACKET_SPLIT = 0x0400;

const read = (register: number): string => d.readMemory(d.MEMORY + register);
const write = (register: number, value: number): string => d.writeMemory(d.MEMORY + register, value);
const plugged = (model = 'e1000e') => d.plugged(model, [d.MEMORY, FLASH, d.PORTS, MESSAGES]);
const interrupts = (): string[] => [d.wait(1), ...d.pin(), read(ICS), read(ICR), ...d.pin()];
const statistics = d.dump(d.MEMORY + STATISTICS, 0x100);

const mii = (register: number, operation: number, data = 0, phy = 1): string[] => [
  write(MDIC, (operation << 26) | (phy << 21) | (register << 16) | data),
  read(MDIC),
];
const miiRead = (register: number, phy = 1): string[] => mii(register, 2, 0, phy);
const miiWrite = (register: number, data: number): string[] => mii(register, 1, data);
const allMii = (): string[] => Array.from({ length: 32 }, (_, n) => miiRead(n)).flat();

const ring = (base: number, at: number, entries: number): string[] => [
  write(base, at),
  write(base + 4, 0),
  write(base + RING_LENGTH, 16 * entries),
  write(base + RING_HEAD, 0),
  write(base + RING_TAIL, 0),
];
const descriptor = (index: number, ...words: readonly number[]): string[] =>
  d.dwords(RING + 16 * index, ...words);
const sendUpTo = (tail: number, queue = 0): string[] => [
  write(TDBAL + queue * QUEUE + RING_TAIL, tail),
  read(TDBAL + queue * QUEUE + RING_HEAD),
  d.dump(RING, 256),
  'heard',
  ...interrupts(),
];

/** Messages that are written to memory, each to its own place. */
const messages = (): string[] => [
  ...Array.from({ length: 5 }, (_, n) =>
    d.dwords(MESSAGES + 16 * n, MAILBOX + 4 * n, 0, 0x4000 + n, 0),
  ).flat(),
  ...d.configWrite(0xa0, 0x8000_0011),
  write(IVAR, 0x000c_ba98),
];
/** What came, which then is forgotten. */
const mail = (): string[] => [d.wait(1), d.dump(MAILBOX, 32), d.put(MAILBOX, '00'.repeat(32))];

const receiver = (entries: number, tail: number, rctl: number, unit = 16): string[] => [
  ...ring(RDBAL, RING, (entries * unit) / 16),
  ...Array.from({ length: entries }, (_, n) => {
    const at = BUFFERS + n * BUFFER_BYTES;
    const more = unit === 16 ? [0, 0] : [at + 0x400, 0, at + 0x800, 0, at + 0xc00, 0];
    return d.dwords(RING + unit * n, at, 0, ...more);
  }).flat(),
  write(RDBAL + RING_TAIL, tail),
  write(RCTL, rctl),
  d.wait(30),
];
const received = (buffers = 2): string[] => [
  read(RDBAL + RING_HEAD),
  d.dump(RING, 256),
  ...Array.from({ length: buffers }, (_, n) => d.dump(BUFFERS + n * BUFFER_BYTES, 128)),
  ...interrupts(),
];
const arrives = (frame: string, buffers = 1): string[] => [d.send(frame), ...received(buffers)];

const GROUP = '01005e000001';
const BROADCAST = 'ffffffffffff';
const STRANGER = '525400999999';
const mine = (frame: string): string => d.MAC_HEX + frame.slice(12);
/** A TCP segment whose flags say that it acknowledges, with the right sum of its internet header or a wrong one. */
const segment = (length: number): string => mine(tcp4(length));

export const E1000E_SESSIONS = [
  {
    name: 'e1000e: registers',
    lines: [
      ...plugged(),
      d.dump(d.MEMORY, 0xc000),
      d.dump(d.MEMORY, 0x100),
      ...[0, 1, 2, 3, 5, 6, 7, 8].flatMap((page) => [...miiWrite(22, page), ...allMii()]),
      ...Array.from({ length: 66 }, (_, n) => [write(EERD, (n << 2) | 1), read(EERD)]).flat(),
      d.dump(FLASH, 64),
      d.dump(MESSAGES, 96),
      d.dump(MESSAGES + 0x2000, 16),
    ],
  },
  {
    name: 'e1000e,init-vet=off,subsys=0x1234,subsys_ven=0x5678: registers that are written',
    lines: [
      ...plugged('e1000e,init-vet=off,subsys=0x1234,subsys_ven=0x5678'),
      // All but those that stop the card or its link.
      ...[
        [0x0010, 0x10],
        [0x0028, 0x98],
        [0x00c4, 0x04],
        [0x00d0, 0x30],
        [0x0108, 0x2f8],
        [0x0408, 0x2400],
        [0x2800, 0x1018],
        [0x381c, 0x80e4],
        [0xb900, 0x400],
      ].flatMap(([at, length]) => [
        d.put(d.MEMORY + (at ?? 0), 'ff'.repeat(length ?? 0)),
        d.dump(d.MEMORY + (at ?? 0), length ?? 0),
        d.put(d.MEMORY + (at ?? 0), '00'.repeat(length ?? 0)),
        d.dump(d.MEMORY + (at ?? 0), length ?? 0),
      ]),
      d.put(d.MEMORY + 0x1_0000, 'a5'.repeat(0x100)),
      d.dump(d.MEMORY + 0x1_0000, 0x200),
      ...[1, 2, 3].map((offset) => d.readMemory(d.MEMORY + STATUS + offset, 'b')),
      d.writeMemory(d.MEMORY + VET + 1, 0xab, 'b'),
      read(VET),
      ...[0x40, 0x44, 0x110, 0x118, 0x420, 0x600, 0x8000, 0x8018].flatMap((at) => [
        write(at, 0x5a0),
        read(at),
      ]),
      ...[0x5400, 0x5404, 0x2800, 0x2808, 0x3800, 0x5600, 0x2410, 0x3418].map(read),
      ...[0x0140_0a41, 0x841, 0x941, 0x1240, 0x1241, 0x4, 0x8000_0000, 0x4140_0241].flatMap((value) => [
        write(CTRL, value),
        read(CTRL),
        read(STATUS),
        read(4),
      ]),
      write(CTRL_EXT, 0x8000),
      write(CTRL, 0x141),
      read(STATUS),
      ...[read(SWSM), write(SWSM, 0), read(SWSM), read(SWSM)],
      ...[0xabcd_0015, 0xabcd_0014, 0xabcd_0119].flatMap((value) => [
        write(EEWR, value),
        read(EEWR),
        read(EERD),
      ]),
      ...[write(EERD, 0x15), read(EERD), write(EERD, 0x5678_0014), read(EERD)],
      ...[0x5400, 0x0008, 0x1_fffc, 0x2_0000, 0x8_0000, 0xffff_ffff].flatMap((at) => [
        d.writePort(d.PORTS, at),
        d.readPort(d.PORTS),
        d.readPort(d.PORTS + 4),
        d.writePort(d.PORTS + 4, 0x1122_3344),
        d.readPort(d.PORTS + 4),
        d.readPort(d.PORTS + 8),
      ]),
      'hmp info network',
      'hmp system_reset',
      d.wait(100),
      ...d.configWrite(0x10, d.MEMORY),
      ...d.configWrite(4, 7),
      d.dump(d.MEMORY, 0xc000),
    ],
  },
  {
    name: 'e1000e: the PHY and the cable',
    lines: [
      ...plugged(),
      ...[0, 2, 3, 5, 6].flatMap((page) => [
        ...miiWrite(22, page),
        ...Array.from({ length: 31 }, (_, n) => (n === 22 ? [] : miiWrite(n, n === 0 ? 0 : 0xffff))).flat(),
        ...allMii(),
      ]),
      ...miiWrite(22, 0),
      ...miiRead(1, 2),
      ...mii(1, 0),
      ...mii(1, 3),
      write(IMS, 0x204),
      write(MDIC, 0x2800_0000 | (1 << 21) | (1 << 16)),
      read(MDIC),
      ...interrupts(),
      ...miiWrite(0, 0x1340),
      ...[...miiRead(0), ...miiRead(1), ...miiRead(5), read(STATUS)],
      d.wait(550),
      ...[...miiRead(1), ...miiRead(5), read(STATUS), read(CTRL)],
      ...interrupts(),
      'hmp set_link nic0 off',
      ...[read(STATUS), ...miiRead(1), ...interrupts()],
      'hmp set_link nic0 on',
      ...[read(STATUS), ...interrupts()],
      d.wait(550),
      ...[read(STATUS), ...miiRead(1), ...interrupts()],
      ...miiWrite(25, 0x0400),
      ...[read(STATUS), ...miiRead(25)],
    ],
  },
  {
    name: 'e1000e: causes, with a wire',
    lines: [
      ...plugged(),
      ...[write(ICS, 4), ...interrupts()],
      ...[write(IMS, 0xffff_ffff), read(IMS), ...interrupts()],
      ...[
        write(ICS, 0x104),
        ...interrupts(),
        read(0x4100),
        read(0x4100),
        write(IMC, 4),
        read(IMC),
        read(IMS),
      ],
      ...[write(ICS, 4), ...interrupts(), write(IMS, 4), write(ICS, 4), ...d.pin()],
      ...[write(ICR, 4), ...d.pin(), read(ICS)],
      ...[write(ICS, 0x0100_0044), write(ICR, 0x0100_0000), ...interrupts()],
      ...[
        write(IAM, 0x10),
        write(CTRL_EXT, 0x0800_0000),
        write(ICS, 0x14),
        write(ICR, 4),
        read(IMS),
        ...interrupts(),
      ],
      ...[write(IMS, 0x10), write(ICS, 0x14), read(ICR), read(IMS)],
      ...[write(ICS, 0xffff_ffff), ...interrupts(), write(IMC, 0xffff_ffff), ...interrupts()],
      ...[write(ITR, 0x10), read(ITR), write(ITR, 0x1_ffff), read(ITR)],
      ...[0, 1, 4].flatMap((n) => [write(EITR + 4 * n, 0x1_0234), read(EITR + 4 * n)]),
    ],
  },
  {
    name: 'e1000e: causes, with a message',
    lines: [
      ...plugged(),
      ...d.configWrite(0xd4, MAILBOX),
      ...d.configWrite(0xdc, 0x4321),
      ...d.configWrite(0xd0, 0x0081_e005),
      ...[write(IMS, 0xffff_ffff), write(ICS, 4), ...mail(), ...d.pin()],
      // What it told of it does not tell of again.
      ...[write(ICS, 4), ...mail(), write(ICS, 0x10), ...mail(), read(ICR), write(ICS, 4), ...mail()],
      ...[...d.configWrite(0xd0, 0x0080_e005), ...d.pin(), read(ICR), ...d.pin()],
    ],
  },
  {
    name: 'e1000e: causes, with a message each',
    lines: [
      ...plugged(),
      ...messages(),
      d.dump(MESSAGES, 96),
      ...[0x10_0000, 0x20_0000, 0x40_0000, 0x80_0000, 0x100_0000, 4, 0x10].flatMap((cause) => [
        ...[write(IMS, 0x1ff_ffff), write(ICS, cause), ...mail(), read(ICS), read(IMS), read(ICR), read(ICS)],
        ...[write(ICR, 0xffff_ffff), read(ICS)],
      ]),
      write(EIAC, 0x1f0_0000),
      ...[0x10_0000, 0x100_0000, 4].flatMap((cause) => [
        ...[write(IMS, 0x1ff_ffff), write(ICS, cause), ...mail(), read(ICS), read(IMS)],
        ...[write(ICS, cause), ...mail(), write(ICR, 0xffff_ffff), read(ICS)],
      ]),
      ...[write(IAM, 0xffff_ffff), write(CTRL_EXT, 0x0900_0000), write(IMS, 0x1ff_ffff)],
      ...[write(ICS, 0x10_0000), ...mail(), read(ICS), read(IMS), read(IAM)],
      ...[write(ICS, 4), ...mail(), read(ICR), read(ICS), read(IMS)],
      // A cause without a message, and one that is masked.
      ...[write(CTRL_EXT, 0), write(IVAR, 0x000f_b000), write(IMS, 0x1ff_ffff), write(ICR, 0xffff_ffff)],
      ...[write(ICS, 0x130_0000), ...mail(), read(ICS), write(ICR, 0xffff_ffff)],
      ...[d.writeMemory(MESSAGES + 0x3c, 1), write(ICS, 0x80_0000), ...mail(), d.dump(MESSAGES + 0x2000, 8)],
      ...[d.writeMemory(MESSAGES + 0x3c, 0), ...mail(), d.dump(MESSAGES + 0x2000, 8)],
      // Pending messages are forgotten by order, or when their causes are allowed again.
      ...[d.writeMemory(MESSAGES + 0x3c, 1), write(ICR, 0xffff_ffff), write(IMS, 0x80_0000)],
      ...[d.wait(20), write(ICS, 0x80_0000), d.wait(1), d.dump(MESSAGES + 0x2000, 8)],
      ...[write(0x5b68, 0xff), read(0x5b68), d.dump(MESSAGES + 0x2000, 8), write(ICR, 0xffff_ffff)],
      ...[d.wait(20), write(ICS, 0x80_0000), d.wait(1), d.dump(MESSAGES + 0x2000, 8)],
      ...[write(CTRL_EXT, 0x8000_0000), write(IMS, 0x80_0000), d.dump(MESSAGES + 0x2000, 8), ...mail()],
      ...[d.configWrite(0xa0, 0x11), ...[read(ICS), read(ICR), read(ICS)]].flat(),
    ],
  },
  {
    name: 'e1000e: packets from the guest',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...ring(TDBAL, RING, 8),
      write(TCTL, 0x0004_010a),
      ...interrupts(),
      d.put(BUFFERS, d.frame(BROADCAST, 600)),
      ...descriptor(0, BUFFERS, 0, EOP | IFCS | RS | 60, 0xffff_ffff),
      ...sendUpTo(1),
      ...descriptor(1, BUFFERS, 0, IFCS | 100, 0),
      ...descriptor(2, BUFFERS + 100, 0, EOP | IFCS | RS | 500, 0),
      ...sendUpTo(3),
      ...[3, 4, 5, 6, 7].flatMap((n) => descriptor(n, BUFFERS, 0, EOP | RS | (70 + n), 0)),
      ...sendUpTo(2),
      // A tail that the ring has not.
      ...sendUpTo(100),
      ...[write(TCTL, 0), ...sendUpTo(3)],
      ...[write(TDBAL + RING_HEAD, 2), write(TCTL, 2), read(TDBAL + RING_HEAD), 'heard'],
      write(CTRL, 0x4000_0000),
      ...descriptor(3, BUFFERS, 0, EOP | VLE | RS | 64, 0x1234_0000),
      ...sendUpTo(4),
      statistics,
      statistics,
      // The second ring, off and on.
      ...ring(TDBAL + QUEUE, RING, 8),
      ...[
        write(TARC1, 0),
        ...sendUpTo(1, 1),
        write(TARC1, 0x403),
        ...sendUpTo(1, 1),
        write(TCTL, 2),
        ...interrupts(),
      ],
      read(TDBAL + QUEUE + RING_HEAD),
      // Each descriptor that is done is told of.
      ...[write(IVAR, 0x8000_0000), ...descriptor(1, BUFFERS, 0, EOP | 64, 0), ...sendUpTo(2, 1)],
    ],
  },
  {
    name: 'e1000e: checksums of packets from the guest, and delays',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...ring(TDBAL, RING, 8),
      write(TCTL, 0x0004_010a),
      d.put(BUFFERS, d.frame(BROADCAST, 600)),
      ...[write(TIDV, 0xffff), write(TADV, 0xffff)],
      ...descriptor(0, BUFFERS, 0, EOP | RS | IDE | 64, 0),
      ...sendUpTo(1),
      d.wait(100),
      ...interrupts(),
      ...descriptor(1, BUFFERS, 0, EOP | RS | IDE | 64, 0),
      ...sendUpTo(2),
      ...[write(TIDV, 0x8000_0001), ...interrupts()],
      ...descriptor(2, BUFFERS, 0, EOP | RS | 64, 0),
      ...sendUpTo(3),
      ...descriptor(3, 14 | (24 << 8), 0, DEXT, 0),
      ...descriptor(4, BUFFERS, 0, DEXT | DATA | EOP | RS | 64, 0),
      ...sendUpTo(5),
    ],
  },
  {
    name: 'e1000e: packets to the guest',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...receiver(8, 7, BAM_EN),
      ...received(),
      ...[BROADCAST, GROUP, STRANGER].flatMap((to) => arrives(d.frame(to))),
      ...arrives(d.frame(d.MAC_HEX, 20)),
      write(MTA, 0x1_0000),
      ...arrives(d.frame(GROUP)),
      write(RCTL, BAM_EN | 0x18 | SECRC),
      ...[GROUP, STRANGER].flatMap((to) => arrives(d.frame(to))),
      ...arrives(d.frame(d.MAC_HEX, 1600)),
      // The ring is empty now, but for one.
      ...arrives(d.frame(d.MAC_HEX, 1500), 0),
      ...[...arrives(d.frame(d.MAC_HEX, 1500), 0), ...arrives(d.frame(), 0)],
      ...[write(RDBAL + RING_TAIL, 6), d.wait(30), ...received(0)],
      statistics,
    ],
  },
  {
    name: 'e1000e: packets to the guest in several buffers, with tags and delays',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      ...receiver(8, 7, BAM_EN | 0x3_0000),
      ...arrives(d.frame(d.MAC_HEX, 600), 4),
      write(RCTL, BAM_EN | 0x0800_0000),
      write(CTRL, 0x4000_0000),
      ...arrives(d.frame(d.MAC_HEX, 80, '81001234'), 5),
      write(RCTL, BAM_EN | 0x4_0000),
      ...arrives(d.frame(d.MAC_HEX, 80, '81001234'), 5),
      write(VFTA + 4 * 0x11, 1 << 0x14),
      ...arrives(d.frame(d.MAC_HEX, 80, '81001234'), 6),
      ...[write(RSRPD, 100), ...arrives(d.frame(d.MAC_HEX, 60), 0)],
      ...[write(RDBAL + RING_TAIL, 4), d.wait(30), ...interrupts()],
      ...[write(RSRPD, 0), write(RDTR, 0xffff), write(RADV, 0xffff), ...arrives(d.frame(), 0)],
      d.wait(100),
      ...interrupts(),
      ...[...arrives(d.frame(), 0), write(RDTR, 0x8000_0100), ...interrupts()],
    ],
  },
  {
    name: 'e1000e: extended descriptors',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      write(RFCTL, EXTEN),
      ...receiver(16, 15, BAM_EN | SECRC),
      ...arrives(d.frame()),
      ...[segment(0), segment(20), mine(udp4(30)), mine(tcp6(30)), mine(tcp6(0))].flatMap((frame) =>
        arrives(frame),
      ),
      ...[write(RXCSUM, 0), ...arrives(segment(20)), write(RXCSUM, 0x100), ...arrives(segment(20))],
      ...[
        write(RXCSUM, 0x300),
        write(RFCTL, EXTEN | 0x2c00),
        ...arrives(segment(20)),
        ...arrives(mine(tcp6(30))),
      ],
      ...[write(RFCTL, EXTEN | 0x1000), ...arrives(segment(0))],
      write(RFCTL, EXTEN),
      // Two queues.
      write(RXCSUM, 0x2300),
      ...Array.from({ length: 10 }, (_, n) => write(RSSRK + 4 * n, 0x1234_5678 + n * 0x0101_3337)),
      ...Array.from({ length: 32 }, (_, n) => write(RETA + 4 * n, 0x8000_8000)),
      write(MRQC, 0x001f_0001),
      ...ring(RDBAL + QUEUE, RING + 0x80, 8),
      write(RDBAL + QUEUE + RING_TAIL, 7),
      ...[segment(0), mine(udp4(30)), mine(tcp6(30)), d.frame()].flatMap((frame) => [
        ...arrives(frame, 0),
        read(RDBAL + QUEUE + RING_HEAD),
      ]),
      ...[0x0002_0001, 0x0010_0001, 0x0008_0001].flatMap((mrqc) => [
        write(MRQC, mrqc),
        ...arrives(segment(8), 0),
        ...arrives(mine(tcp6(30)), 0),
        read(RDBAL + QUEUE + RING_HEAD),
      ]),
    ],
  },
  {
    name: 'e1000e: headers apart from their packets',
    lines: [
      ...plugged(),
      write(IMS, 0xffff_ffff),
      write(RFCTL, EXTEN),
      write(PSRCTL, 0x0101_0102),
      ...receiver(8, 15, BAM_EN | PACKET_SPLIT, 32),
      ...arrives(segment(20)),
      d.dump(BUFFERS + 0x400, 64),
      ...arrives(mine(udp4(30)), 2),
      d.dump(BUFFERS + BUFFER_BYTES + 0x400, 64),
      ...arrives(d.frame(d.MAC_HEX, 700), 3),
      d.dump(BUFFERS + 2 * BUFFER_BYTES + 0x400, 0x300),
      ...arrives(segment(1400), 4),
      d.dump(BUFFERS + 3 * BUFFER_BYTES + 0x400, 0x600),
      ...arrives(mine(tcp6(100)), 5),
    ],
  },
];
