/** Frames for the network of `-netdev user`, which the recorder sends to QEMU 7.2 and the test to ours. */
import { arp, dhcp, echo, ipv4, text, udp } from '../../support/guest-frames.ts';

/** What is in the host's folder `tftp`. */
export const TFTP_FILES: Readonly<Record<string, string>> = {
  short: 'hello',
  even: 'x'.repeat(1024),
  long: Array.from({ length: 400 }, (_, n) => `line ${n}\n`).join(''),
};

export interface NetSession {
  readonly name: string;
  /** What follows `-netdev user,id=u`. */
  readonly options: string;
  readonly frames: readonly Uint8Array[];
}

/** What came back after each frame, in base 16. */
export type NetRecord = readonly (readonly string[])[];

const OTHER_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x57);
const ping = (to: string, payload = text('hello'), ttl = 64) => ipv4(1, echo(payload), { to, ttl });
const LEARN = arp(1, '10.0.2.15', '10.0.2.2');
const big = echo(Uint8Array.from({ length: 3000 }, (_, n) => n & 0xff));

/** A datagram for the TFTP server; \0 are ends of texts. */
const tftp = (operation: number, content: string, from = 5000) =>
  udp([from, 69], text(`\0${String.fromCharCode(operation)}${content}`), { to: '10.0.2.2' });
const ack = (block: number) => tftp(4, `\0${String.fromCharCode(block)}`);
const read = (name: string, ...options: readonly string[]) =>
  tftp(1, [name, 'octet', ...options, ''].join('\0'));

export const NET_SESSIONS: readonly NetSession[] = [
  {
    name: 'tftp',
    options: ',tftp=tftp,tftp-server-name=files,bootfile=short',
    frames: [
      ...[LEARN, dhcp({ type: 1 }), read('short'), ack(1), read('even'), ack(1), ack(2), ack(3)],
      ...[read('long', 'blksize', '1400', 'tsize', '0'), ack(0), ack(1), ack(2), ack(3), ack(4)],
      ...[read('long', 'blksize', '9000', 'foo', 'bar', 'TSIZE', '5'), ack(0), tftp(5, '\0\0oops\0'), ack(1)],
      ...[read('long', 'blksize', '0'), ack(1), read('none'), read('../tftp/short'), read('a/../short')],
      ...[read('/short'), read(''), read('short/'), tftp(1, 'short\0netascii\0'), tftp(1, 'short\0OCTET\0')],
      ...[
        tftp(1, 'short'),
        tftp(1, 'short\0'),
        tftp(1, `${'x'.repeat(600)}\0octet\0`),
        tftp(1, 'short\0oct'),
      ],
      ...[tftp(1, 'short\0octet\0blksize'), tftp(1, 'short\0octet\0blksize\0'), tftp(2, 'new\0octet\0')],
      ...[tftp(9, 'x'), ack(7), udp([5000, 69], text('\0'), { to: '10.0.2.2' })],
    ],
  },
  { name: 'tftp-none', options: '', frames: [LEARN, read('short')] },
  {
    name: 'guestfwd',
    options: ',guestfwd=tcp:10.0.2.100:7-null,guestfwd=tcp::8-null',
    frames: ['10.0.2.100', '10.0.2.4', '10.0.2.5'].map((to) => arp(1, '10.0.2.15', to)),
  },
  {
    name: 'arp',
    options: '',
    frames: [
      arp(1, '0.0.0.0', '10.0.2.2'),
      arp(1, '10.0.2.15', '10.0.2.2'),
      ...['10.0.2.3', '10.0.2.4', '10.0.2.15', '10.0.2.99', '10.0.2.255', '10.0.3.2'].map((to) =>
        arp(1, '10.0.2.15', to),
      ),
      arp(1, '0.0.0.0', '10.0.2.15'),
      arp(2, '10.0.2.15', '10.0.2.2'),
      arp(1, '10.0.2.16', '10.0.2.2', OTHER_MAC),
      LEARN.subarray(0, 30),
      LEARN.subarray(0, 13),
    ],
  },
  {
    name: 'dhcp',
    options: '',
    frames: [
      dhcp({ type: 1 }),
      dhcp({ type: 1, requested: '10.0.2.20' }),
      dhcp({ type: 3, requested: '10.0.2.15' }),
      dhcp({ type: 3, requested: '10.0.2.99' }),
      dhcp({ type: 3, requested: '1.2.3.4' }),
      dhcp({ type: 3, client: '10.0.2.15' }),
      ...[4, 7, 8, 9].map((type) => dhcp({ type })),
      dhcp({}),
      dhcp({ type: 1, mac: OTHER_MAC }),
      dhcp({ type: 3, requested: '10.0.2.15', mac: OTHER_MAC }),
      dhcp({ type: 1, more: Uint8Array.of(12, 200) }),
    ],
  },
  {
    name: 'dhcp-options',
    options: ',net=192.168.100.0/22,hostname=pc,bootfile=pxe.0',
    frames: [dhcp({ type: 1 }), dhcp({ type: 3, requested: '192.168.102.15' })],
  },
  { name: 'dhcp-restrict', options: ',restrict=on,domainname=lab', frames: [dhcp({ type: 1 })] },
  {
    name: 'ping',
    options: '',
    frames: [
      LEARN,
      ...['10.0.2.2', '10.0.2.3'].map((to) => ping(to)),
      ping('10.0.2.2', new Uint8Array(0)),
      ping('10.0.2.2', text('x'), 1),
      ping('10.0.2.2', new Uint8Array(1400)),
      ipv4(
        1,
        echo(text('hello')).map((byte, at) => (at === 9 ? byte + 1 : byte)),
        { to: '10.0.2.2' },
      ),
      ping('10.0.2.2').map((byte, at) => (at === 24 ? byte + 1 : byte)),
      ping('10.0.2.2').subarray(0, 40),
      ipv4(1, echo(text('hello'), 13), { to: '10.0.2.2' }),
      ipv4(99, text('hello'), { to: '10.0.2.2' }),
      ipv4(1, big.subarray(0, 1480), { to: '10.0.2.2', ident: 9, fragment: 0x2000 }),
      ipv4(1, big.subarray(1480, 2960), { to: '10.0.2.2', ident: 9, fragment: 0x2000 | 185 }),
      ipv4(1, big.subarray(2960), { to: '10.0.2.2', ident: 9, fragment: 370 }),
    ],
  },
];
