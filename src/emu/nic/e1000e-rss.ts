/** Which of an 82574L's two queues a packet goes to. Spec: 82574 datasheet §7.1.8 (Toeplitz hash; receive side scaling). */
import type { Packet } from '../net/net-client.ts';
import type { PacketFacts } from './e1000e-packet.ts';
import * as r from './e1000e-registers.ts';

const KEY_BYTES = 40;
const TABLE_ENTRIES = 128;
const QUEUE_BIT = 0x80;
/** As MRQ has them in a descriptor. */
const TYPE_NONE = 0;
const TYPE_TCP_IPV4 = 1;
const TYPE_IPV4 = 2;
const TYPE_TCP_IPV6 = 3;
const TYPE_IPV6_EX = 4;
const TYPE_IPV6 = 5;
/** Kinds of hashes that take ports too. */
const WITH_PORTS = new Set([TYPE_TCP_IPV4, TYPE_TCP_IPV6]);

export interface RssResult {
  readonly hash: number;
  readonly type: number;
  readonly queue: number;
}

/** Undefined: the driver does not want it. */
export function rssOf(mac: r.MacRegisters, packet: Packet, facts: PacketFacts): RssResult | undefined {
  const isWanted =
    (mac[r.MRQC >> 2] & r.MRQC_KIND) === r.MRQC_RSS &&
    (mac[r.RXCSUM >> 2] & r.RXCSUM_PCSD) !== 0 &&
    (mac[r.RFCTL >> 2] & r.RFCTL_EXTEN) !== 0;
  if (!isWanted) return undefined;
  const type = typeOf(mac, facts);
  if (type === TYPE_NONE) return { hash: 0, type, queue: 0 };
  const hash = toeplitz(bytesOf(mac, r.RSSRK, KEY_BYTES), inputOf(packet, facts, WITH_PORTS.has(type)));
  const entry = bytesOf(mac, r.RETA, TABLE_ENTRIES)[hash & (TABLE_ENTRIES - 1)];
  return { hash, type, queue: (entry & QUEUE_BIT) === 0 ? 0 : 1 };
}

/** Not modelled: addresses of mobile hosts in IPv6's extension headers; the header's own are taken. */
function typeOf(mac: r.MacRegisters, { version, transport, hasExtensions, isFragment }: PacketFacts): number {
  const mrqc = mac[r.MRQC >> 2];
  const isTcp = transport === 'tcp' && !isFragment;
  if (version === 4) {
    if (isTcp && (mrqc & r.MRQC_TCP_IPV4) !== 0) return TYPE_TCP_IPV4;
    return (mrqc & r.MRQC_IPV4) === 0 ? TYPE_NONE : TYPE_IPV4;
  }
  if (version !== 6) return TYPE_NONE;
  if (!hasExtensions || (mac[r.RFCTL >> 2] & r.RFCTL_IPV6_EX_DIS) === 0) {
    if (isTcp && (mrqc & r.MRQC_TCP_IPV6) !== 0) return TYPE_TCP_IPV6;
    if ((mrqc & r.MRQC_IPV6_EX) !== 0) return TYPE_IPV6_EX;
  }
  return (mrqc & r.MRQC_IPV6) === 0 ? TYPE_NONE : TYPE_IPV6;
}

function inputOf(packet: Packet, { version, network, payload }: PacketFacts, hasPorts: boolean): Uint8Array {
  const addresses =
    version === 4 ? packet.subarray(network + 12, network + 20) : packet.subarray(network + 8, network + 40);
  const ports = hasPorts ? packet.subarray(payload, payload + 4) : [];
  return Uint8Array.from([...addresses, ...ports]);
}

/** Registers as bytes, the lowest first. */
function bytesOf(mac: r.MacRegisters, first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => mac[(first + at) >> 2] >>> (8 * (at & 3)));
}

/** For each bit of the input that is set, the 32 bits of the key that begin there. */
function toeplitz(key: Uint8Array, input: Uint8Array): number {
  const view = new DataView(key.buffer);
  let hash = 0;
  for (const [at, byte] of input.entries()) {
    const high = view.getUint32(at);
    const low = key[at + 4] ?? 0;
    for (let bit = 0; bit < 8; bit++) {
      if ((byte & (0x80 >> bit)) === 0) continue;
      hash ^= bit === 0 ? high : (high << bit) | (low >>> (8 - bit));
    }
  }
  return hash >>> 0;
}
