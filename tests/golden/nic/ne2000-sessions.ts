/** What a driver does to an NE2000 on PCI. */
import * as d from './driver.ts';

const DATA = 0x10;
const RESET = 0x1f;
const GROUP = '01005e000001';
const BROADCAST = 'ffffffffffff';
const STRANGER = '525400999999';
const START = 0x46;
const STOP = 0x60;
const PACKET = 0x40;

type Size = 'b' | 'w' | 'l';
const read = (port: number, size: Size = 'b'): string => d.readPort(d.PORTS + port, size);
const write = (port: number, value: number, size: Size = 'b'): string =>
  d.writePort(d.PORTS + port, value, size);
const plugged = () => d.plugged('ne2k_pci', [d.PORTS]);
const pages = (): string[] =>
  [0, 1, 2, 3].flatMap((page) => [
    write(0, (page << 6) | 0x21),
    ...Array.from({ length: 16 }, (_, n) => n).flatMap((n) => [read(n), read(n, 'w')]),
  ]);
const interrupts = (): string[] => [
  ...d.pin(),
  write(0, 0x22),
  read(7),
  read(4),
  read(12),
  write(7, 0xff),
  read(7),
  ...d.pin(),
];

/** Tells the data port where it is. */
const remote = (at: number, count: number, command: number): string[] => [
  write(0, 0x22),
  write(8, at & 0xff),
  write(9, at >> 8),
  write(10, count & 0xff),
  write(11, count >> 8),
  write(0, command),
];
const remoteRead = (at: number, count: number, size: Size = 'w', step = 2): string[] => [
  ...remote(at, count, 0x0a),
  ...Array.from({ length: Math.ceil(count / step) }, () => read(DATA, size)),
  read(7),
  read(8),
  read(9),
];
const remoteWrite = (at: number, bytes: string): string[] => [
  ...remote(at, bytes.length / 2, 0x12),
  ...(bytes.match(/.{8}/g) ?? []).map((word) => write(DATA, Buffer.from(word, 'hex').readUInt32LE(0), 'l')),
  read(7),
];

const started = (rcr: number): string[] => [
  write(0, 0x21),
  write(14, 0x49),
  write(12, rcr),
  write(13, 0),
  write(1, START),
  write(2, STOP),
  write(3, START),
  write(0, 0x61),
  write(7, START + 1),
  write(0, 0x22),
  write(7, 0xff),
  write(15, 0x7f),
];
const current = (): string[] => [write(0, 0x62), read(7), write(0, 0x22), read(3)];
const received = (): string[] => [...current(), ...interrupts()];

export const NE2000_SESSIONS = [
  {
    name: 'ne2k_pci: registers',
    lines: [
      ...plugged(),
      ...pages(),
      ...[0x10, 0x11, 0x18, 0x1e, 0x1f, 0x20, 0x80, 0xff].flatMap((port) => [
        read(port),
        ...(port % 2 === 0 ? [read(port, 'w')] : []),
      ]),
      ...[0, 1, 2, 3].flatMap((page) => [
        write(0, (page << 6) | 0x21),
        ...Array.from({ length: 15 }, (_, n) => write(n + 1, 0x55 + n)),
      ]),
      ...pages(),
      ...[0, 1].flatMap((page) => [
        write(0, (page << 6) | 0x21),
        ...Array.from({ length: 15 }, (_, n) => write(n + 1, 0xff)),
      ]),
      ...pages(),
      write(0, 0x22),
      read(7),
      read(RESET),
      read(7),
      read(0),
      write(RESET, 0),
      write(0, 0x1a),
      ...interrupts(),
    ],
  },
  {
    name: 'ne2k_pci: the data port',
    lines: [
      ...plugged(),
      ...started(0x04),
      ...remoteRead(0, 34),
      write(14, 0x48),
      ...remoteRead(0, 6, 'b', 1),
      ...remoteRead(0x3ffe, 4, 'b', 1),
      write(14, 0x49),
      ...remoteRead(0x3ffe, 8),
      ...remoteRead(0xbffe, 8, 'l', 4),
      ...remoteWrite(0x4000, d.frame(BROADCAST, 64)),
      ...remoteRead(0x4000, 64, 'l', 4),
      ...remoteRead(0x4001, 8),
      // Around the end of the receive buffer.
      ...remoteWrite(STOP * 256 - 4, '0102030405060708'),
      ...remoteRead(START * 256, 8),
      ...remoteRead(STOP * 256 - 4, 8),
      ...remoteWrite(0x20, '01020304'),
      ...remoteRead(0x1c, 8),
      ...remoteWrite(0, 'aabbccdd'),
      ...remoteRead(0, 8),
      write(DATA, 0x1234, 'w'),
      read(8),
      read(DATA, 'w'),
      read(DATA, 'b'),
      read(8),
      ...interrupts(),
    ],
  },
  {
    name: 'ne2k_pci: packets from the guest',
    lines: [
      ...plugged(),
      ...started(0x04),
      ...remoteWrite(PACKET * 256, d.frame(BROADCAST, 100)),
      ...[0x40, 0x41, 0xbf, 0xc0, 0xff].flatMap((page) => [
        write(4, page),
        write(5, 64),
        write(6, 0),
        write(0, 0x26),
        read(0),
        'heard',
        ...interrupts(),
      ]),
      write(5, 0),
      write(6, 0x10),
      write(4, 0xb8),
      write(0, 0x26),
      'heard',
      ...interrupts(),
      write(0, 0x25),
      'heard',
      ...interrupts(),
    ],
  },
  {
    name: 'ne2k_pci: packets to the guest',
    lines: [
      ...plugged(),
      d.send(d.frame()),
      ...started(0x00),
      d.send(d.frame()),
      ...received(),
      ...remoteRead((START + 1) * 256, 72, 'l', 4),
      d.send(d.frame(BROADCAST, 20)),
      d.send(d.frame(GROUP)),
      d.send(d.frame(STRANGER)),
      ...received(),
      write(12, 0x0c),
      d.send(d.frame(BROADCAST, 20)),
      d.send(d.frame(GROUP)),
      ...received(),
      ...remoteRead((START + 2) * 256, 72, 'l', 4),
      write(0, 0x62),
      ...Array.from({ length: 8 }, (_, n) => write(8 + n, 1 << n)),
      write(0, 0x22),
      ...[
        '010000000001',
        '010000000002',
        '010000000004',
        '010000000008',
        '01005e000001',
        '01005e0000fb',
      ].flatMap((to) => [d.send(d.frame(to, 62)), ...current()]),
      write(12, 0x10),
      d.send(d.frame(STRANGER, 300)),
      ...received(),
      // Until there is no room, and around the end.
      ...Array.from({ length: 6 }, () => [d.send(d.frame(d.MAC_HEX, 1000)), ...current()]).flat(),
      write(3, 0x50),
      ...Array.from({ length: 6 }, () => [d.send(d.frame(d.MAC_HEX, 1400)), ...current()]).flat(),
      ...remoteRead((STOP - 1) * 256, 64, 'l', 4),
      ...remoteRead(START * 256, 64, 'l', 4),
      ...received(),
      write(0, 0x21),
      d.send(d.frame()),
      ...current(),
      'hmp set_link nic0 off',
      d.send(d.frame()),
      ...received(),
    ],
  },
];
