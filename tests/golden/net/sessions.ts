/** Frames for the network of `-netdev user`, which the recorder sends to QEMU 7.2 and the test to ours. */
import { arp, dhcp, echo, ipv4, text } from '../../support/guest-frames.ts';

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

export const NET_SESSIONS: readonly NetSession[] = [
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
