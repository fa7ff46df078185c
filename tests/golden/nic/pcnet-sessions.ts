/** What a driver does to a PCnet-PCI II. */
import * as d from './driver.ts';

const RDP = 0x10;
const INIT = 0x1_0000;
const RX_RING = 0x1_1000;
const TX_RING = 0x1_2000;
const BUFFERS = 0x2_0000;
const PACKETS = 0x4_0000;
const GROUP = '01005e000001';
const BROADCAST = 'ffffffffffff';
const STRANGER = '525400999999';
/** Changes with the time, as the rings are looked at. */
const POLL = 46;
const OWN = 0x8000;
const STP = 0x0200;
const ENP = 0x0100;

type Size = 'b' | 'w' | 'l';
const read = (port: number, size: Size = 'w'): string => d.readPort(d.PORTS + port, size);
const write = (port: number, value: number, size: Size = 'w'): string =>
  d.writePort(d.PORTS + port, value, size);
const plugged = () => d.plugged('pcnet', [d.PORTS, d.MEMORY]);
const csr = (n: number): string[] => [write(RDP + 2, n), read(RDP)];
const setCsr = (n: number, value: number): string[] => [write(RDP + 2, n), write(RDP, value)];
const bcr = (n: number): string[] => [write(RDP + 2, n), read(RDP + 6)];
const setBcr = (n: number, value: number): string[] => [write(RDP + 2, n), write(RDP + 6, value)];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const allCsrs = (): string[] =>
  numbers(128)
    .filter((n) => n !== POLL)
    .flatMap(csr);
const allBcrs = (): string[] => numbers(34).flatMap(bcr);
const allPorts = (): string[] => [
  ...numbers(0x20).map((port) => read(port, 'b')),
  ...numbers(0x10).map((n) => read(2 * n, 'w')),
  ...numbers(8).map((n) => read(4 * n, 'l')),
];
const interrupts = (): string[] => [
  d.wait(5),
  ...d.pin(),
  ...csr(0),
  ...csr(4),
  ...setCsr(0, 0x7f40),
  ...csr(0),
  ...d.pin(),
];

interface Style {
  readonly style: number;
  readonly bytes: number;
  readonly is32Bit: boolean;
}
const STYLES: readonly Style[] = [
  { style: 0, bytes: 8, is32Bit: false },
  { style: 1, bytes: 16, is32Bit: true },
  { style: 2, bytes: 16, is32Bit: true },
  { style: 3, bytes: 16, is32Bit: true },
];

/** A descriptor as the style has it. */
function entry(
  { style, bytes, is32Bit }: Style,
  ring: number,
  n: number,
  buffer: number,
  length: number,
  status: number,
): string[] {
  const at = ring + bytes * n;
  const size = (-length & 0xffff) | 0xf000;
  // Who owns it is written last: the ring may be looked at at any moment.
  if (!is32Bit) return [...d.dwords(at + 4, size), ...d.dwords(at, (buffer | (status << 16)) >>> 0)];
  const second = (size | (status << 16)) >>> 0;
  const place = style === 3 ? [0, buffer] : [buffer, 0];
  return [...d.dwords(at, place[0] ?? 0), ...d.dwords(at + 8, place[1] ?? 0, 0), ...d.dwords(at + 4, second)];
}

const swapped = (hex: string): number => Buffer.from(hex, 'hex').readUInt32LE(0);
/** @param logs how long the rings are, as powers of two */
function initBlock({ is32Bit }: Style, mode: number, filter = '0000000000000000', logs = 2): string[] {
  const mac = `${d.MAC_HEX}0000`;
  if (is32Bit) {
    return d.dwords(
      INIT,
      mode | (logs << 20) | (logs << 28),
      ...[
        swapped(mac.slice(0, 8)),
        swapped(mac.slice(8)),
        swapped(filter.slice(0, 8)),
        swapped(filter.slice(8)),
      ],
      ...[RX_RING, TX_RING],
    );
  }
  const words = `${mode
    .toString(16)
    .padStart(4, '0')
    .replace(/(..)(..)/, '$2$1')}${d.MAC_HEX}${filter}`;
  return d.dwords(
    INIT,
    ...(words.match(/.{8}/g) ?? []).map(swapped),
    (RX_RING | (logs << 29)) >>> 0,
    (TX_RING | (logs << 29)) >>> 0,
  );
}

const started = (style: Style, mode = 0, filter?: string): string[] => [
  ...setBcr(20, style.style),
  ...initBlock(style, mode, filter),
  ...numbers(4).flatMap((n) => entry(style, RX_RING, n, BUFFERS + 0x800 * n, 0x600, OWN)),
  ...numbers(4).flatMap((n) => entry(style, TX_RING, n, 0, 0, 0)),
  ...setCsr(1, INIT & 0xffff),
  ...setCsr(2, INIT >>> 16),
  ...setCsr(0, 0x41),
  ...interrupts(),
  ...setCsr(0, 0x42),
  // The rings are looked at from time to time.
  d.wait(5),
  ...csr(0),
];
const rings = (): string[] => [d.dump(RX_RING, 128), d.dump(TX_RING, 128)];
const received = (count = 2): string[] => [
  ...rings(),
  ...numbers(count).map((n) => d.dump(BUFFERS + 0x800 * n, 128)),
  ...interrupts(),
];
const demand = (): string[] => [...setCsr(0, 0x48), d.wait(5), 'heard', ...rings(), ...interrupts()];

export const PCNET_SESSIONS = [
  {
    name: 'pcnet: registers',
    lines: [
      ...plugged(),
      ...allPorts(),
      ...allCsrs(),
      ...allBcrs(),
      d.dump(d.MEMORY, 16),
      ...numbers(128)
        .filter((n) => ![0, 46, 76, 78].includes(n))
        .flatMap((n) => setCsr(n, 0xffff)),
      ...allCsrs(),
      ...numbers(34)
        .filter((n) => n !== 18)
        .flatMap((n) => setBcr(n, 0xffff)),
      ...allBcrs(),
      ...[0, 1, 2, 3, 4, 0x80].flatMap((style) => [...setBcr(20, style), ...bcr(20), ...csr(58)]),
      write(0x0f, 0x99, 'b'),
      write(0x04, 0x1234, 'w'),
      ...allPorts(),
      read(RDP + 4),
      ...allCsrs(),
      ...allBcrs(),
      // Into the other mode, and back.
      write(RDP, 0, 'l'),
      ...allPorts(),
      write(RDP + 4, 4, 'l'),
      read(RDP, 'l'),
      write(RDP + 4, 88, 'l'),
      read(RDP, 'l'),
      write(0x08, 0x5555_5555, 'l'),
      read(0x08, 'l'),
      write(RDP + 4, 9, 'l'),
      write(RDP + 0xc, 0xabcd, 'l'),
      read(RDP + 0xc, 'l'),
      read(RDP + 8, 'l'),
      ...allPorts(),
    ],
  },
  ...STYLES.map((style) => ({
    name: `pcnet: packets from the guest, style ${style.style}`,
    lines: [
      ...plugged(),
      ...started(style),
      ...allCsrs(),
      d.put(PACKETS, d.frame(BROADCAST, 700)),
      ...entry(style, TX_RING, 0, PACKETS, 60, OWN | STP | ENP),
      ...demand(),
      // The first one last, as the ring may be looked at meanwhile.
      ...entry(style, TX_RING, 3, PACKETS + 400, 300, OWN | ENP),
      ...entry(style, TX_RING, 2, PACKETS + 100, 300, OWN),
      ...entry(style, TX_RING, 1, PACKETS, 100, OWN | STP),
      ...demand(),
      // One that nobody orders is found when the ring is looked at.
      ...entry(style, TX_RING, 0, PACKETS, 61, OWN | STP | ENP),
      d.wait(10),
      ...csr(0),
      'heard',
      ...rings(),
      ...entry(style, TX_RING, 1, PACKETS, 61, OWN | ENP),
      ...demand(),
      ...entry(style, TX_RING, 2, PACKETS, 4096, OWN | STP | ENP),
      ...demand(),
      'hmp set_link nic0 off',
      ...bcr(4),
      ...entry(style, TX_RING, 3, PACKETS, 62, OWN | STP | ENP),
      ...demand(),
      'hmp set_link nic0 on',
      ...bcr(4),
      // One that has no end.
      ...entry(style, TX_RING, 0, PACKETS, 100, OWN | STP),
      ...demand(),
      ...allCsrs(),
      ...setCsr(0, 4),
      ...csr(0),
      ...allCsrs(),
    ],
  })),
  ...STYLES.map((style) => ({
    name: `pcnet: packets to the guest, style ${style.style}`,
    lines: [
      ...plugged(),
      d.send(d.frame()),
      ...started(style, 0, '0000000000000080'),
      d.send(d.frame()),
      ...received(1),
      d.send(d.frame(BROADCAST, 20)),
      d.send(d.frame(STRANGER)),
      d.send(d.frame(GROUP)),
      ...received(),
      ...[
        '010000000001',
        '010000000002',
        '010000000004',
        '010000000008',
        '01005e0000fb',
        '010000000040',
      ].flatMap((to) => [d.send(d.frame(to, 62)), ...csr(72)]),
      ...received(4),
      d.send(d.frame()),
      d.send(d.frame()),
      d.send(d.frame()),
      ...received(4),
      ...csr(112),
      ...allCsrs(),
      ...setCsr(0, 4),
      ...started(style, 0x8000),
      ...numbers(4).flatMap((n) => entry(style, RX_RING, n, BUFFERS + 0x800 * n, 128, OWN)),
      d.send(d.frame(STRANGER, 300)),
      ...received(3),
      d.send(d.frame(STRANGER, 300)),
      ...received(4),
      ...numbers(4).flatMap((n) => entry(style, RX_RING, n, BUFFERS + 0x800 * n, 128, OWN)),
      d.send(d.frame(STRANGER, 600)),
      ...received(4),
      ...setCsr(5, 1),
      d.send(d.frame()),
      ...received(4),
    ],
  })),
  {
    name: 'pcnet: a packet that goes round',
    lines: [
      ...plugged(),
      ...STYLES.slice(0, 2).flatMap((style) =>
        [0x8044, 0x804c].flatMap((mode) => [
          ...started(style, mode),
          d.send(d.frame()),
          d.put(PACKETS, d.frame(STRANGER, 700)),
          ...entry(style, TX_RING, 0, PACKETS, 60, OWN | STP | ENP),
          ...demand(),
          ...received(1),
          ...entry(style, TX_RING, 1, PACKETS, 100, OWN | STP | ENP | 0x2000),
          ...demand(),
          ...received(),
          ...setCsr(0, 4),
        ]),
      ),
    ],
  },
];
