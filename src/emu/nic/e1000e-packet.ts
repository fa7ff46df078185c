/** What an 82574L sees in a packet: protocols, where headers end, whether checksums are right. Spec: RFC 791, 8200, 9293, 768. */
import { foldSum, sumWords } from '../net/internet-checksum.ts';
import type { Packet } from '../net/net-client.ts';

const TYPE_AT = 12;
const HEADER_AT = 14;
const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
const IPV4_HEADER_LEAST = 20;
const IPV6_HEADER_BYTES = 40;
const IPV4_FRAGMENT = 0x3fff;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const EXTENSION_FRAGMENT = 44;
/** Extension headers of IPv6 that have a length of their own: options, routing, destination options. */
const EXTENSIONS = new Set([0, 43, 60, EXTENSION_FRAGMENT]);
const EXTENSIONS_MAX = 8;
const TCP_LEAST = 20;
const UDP_BYTES = 8;
const TCP_FLAG_ACK = 0x10;

export interface PacketFacts {
  readonly version: 4 | 6 | undefined;
  readonly isFragment: boolean;
  readonly transport: 'tcp' | 'udp' | undefined;
  /** Where the internet protocol's header begins, what it carries, and what that carries. */
  readonly network: number;
  readonly payload: number;
  readonly data: number;
  /** Of what the internet protocol carries. */
  readonly end: number;
  readonly hasExtensions: boolean;
}

const PLAIN: PacketFacts = {
  ...{ version: undefined, isFragment: false, transport: undefined, network: HEADER_AT },
  ...{ payload: HEADER_AT, data: HEADER_AT, end: HEADER_AT, hasExtensions: false },
};

const word = (packet: Packet, at: number): number => ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);

/** @param packet without a VLAN tag */
export function factsOf(packet: Packet): PacketFacts {
  const type = word(packet, TYPE_AT);
  if (type === TYPE_IPV4) return ipv4(packet);
  return type === TYPE_IPV6 ? ipv6(packet) : PLAIN;
}

function ipv4(packet: Packet): PacketFacts {
  const header = 4 * (packet[HEADER_AT] & 0xf);
  const end = HEADER_AT + word(packet, HEADER_AT + 2);
  const payload = HEADER_AT + header;
  if (packet[HEADER_AT] >>> 4 !== 4 || header < IPV4_HEADER_LEAST || end > packet.length || payload > end)
    return PLAIN;
  const isFragment = (word(packet, HEADER_AT + 6) & IPV4_FRAGMENT) !== 0;
  const facts: PacketFacts = { ...PLAIN, version: 4, isFragment, payload, data: payload, end };
  return isFragment ? facts : withTransport(packet, facts, packet[HEADER_AT + 9]);
}

function ipv6(packet: Packet): PacketFacts {
  const start = HEADER_AT + IPV6_HEADER_BYTES;
  const end = start + word(packet, HEADER_AT + 4);
  if (packet[HEADER_AT] >>> 4 !== 6 || end > packet.length) return PLAIN;
  let payload = start;
  let next = packet[HEADER_AT + 6];
  let isFragment = false;
  for (let n = 0; n < EXTENSIONS_MAX && EXTENSIONS.has(next) && payload + 8 <= end; n++) {
    isFragment ||= next === EXTENSION_FRAGMENT;
    const length = next === EXTENSION_FRAGMENT ? 8 : 8 * (packet[payload + 1] + 1);
    next = packet[payload];
    payload = Math.min(payload + length, end);
  }
  const hasExtensions = payload > start;
  const facts: PacketFacts = { ...PLAIN, version: 6, isFragment, payload, data: payload, end, hasExtensions };
  return isFragment ? facts : withTransport(packet, facts, next);
}

function withTransport(packet: Packet, facts: PacketFacts, protocol: number): PacketFacts {
  const { payload, end } = facts;
  if (protocol === PROTOCOL_TCP && payload + TCP_LEAST <= end) {
    const data = payload + 4 * (packet[payload + 12] >>> 4);
    if (data < payload + TCP_LEAST || data > end) return facts;
    return { ...facts, transport: 'tcp', data };
  }
  if (protocol !== PROTOCOL_UDP || payload + UDP_BYTES > end) return facts;
  return { ...facts, transport: 'udp', data: payload + UDP_BYTES };
}

/** TCP that acknowledges. @param isEmpty only if it carries nothing */
export function isAcknowledgement(packet: Packet, facts: PacketFacts, isEmpty: boolean): boolean {
  if (facts.transport !== 'tcp' || (packet[facts.payload + 13] & TCP_FLAG_ACK) === 0) return false;
  return !isEmpty || facts.data === facts.end;
}

export function isHeaderSumRight(packet: Packet, { network, payload }: PacketFacts): boolean {
  return foldSum(sumWords(packet.subarray(network, payload))) === 0;
}

/** Undefined: the packet has none. */
export function isTransportSumRight(packet: Packet, facts: PacketFacts): boolean | undefined {
  const { version, transport, network, payload, end } = facts;
  if (transport === undefined) return undefined;
  const isTcp = transport === 'tcp';
  // In UDP a sum of zero says that there is none.
  if (!isTcp && word(packet, payload + 6) === 0) return undefined;
  const addresses =
    version === 4 ? packet.subarray(network + 12, network + 20) : packet.subarray(network + 8, network + 40);
  const pseudo = sumWords(addresses, (isTcp ? PROTOCOL_TCP : PROTOCOL_UDP) + end - payload);
  return foldSum(sumWords(packet.subarray(payload, end), pseudo)) === 0;
}
