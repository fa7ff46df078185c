/** What the RTL8139C+ does to packets that its driver did not finish: checksums, and large ones that are cut. Spec: RTL8139C+ datasheet 1.6 §9. */
import { foldSum, sumWords } from '../net/internet-checksum.ts';

export const CP_TX_TCPCS = 0x0001_0000;
export const CP_TX_UDPCS = 0x0002_0000;
export const CP_TX_IPCS = 0x0004_0000;
export const CP_TX_LGSEN = 0x0800_0000;
const MSS_SHIFT = 16;
const MSS_MASK = 0x7ff;

const ETHERNET_HEADER = 14;
const IP_HEADER_MIN = 20;
const TCP_HEADER_MIN = 20;
const UDP_HEADER = 8;
const IP_LENGTH_AT = 2;
const IP_ID_AT = 4;
const IP_PROTOCOL_AT = 9;
const IP_SUM_AT = 10;
const IP_ADDRESSES_AT = 12;
const IP_ADDRESSES_BYTES = 8;
const TCP_SEQUENCE_AT = 4;
const TCP_OFFSET_AT = 12;
const TCP_FLAGS_AT = 13;
const TCP_FIN_PSH = 0x09;
const TCP_SUM_AT = 16;
const UDP_SUM_AT = 6;
const PROTO_TCP = 6;
const PROTO_UDP = 17;

/** Where the parts of a packet of IPv4 are, from its first byte. */
interface Layout {
  readonly ipHeader: number;
  /** Of what follows the header of IP. */
  readonly length: number;
  readonly protocol: number;
}

function layoutOf(packet: Uint8Array): Layout | undefined {
  const payload = packet.length - ETHERNET_HEADER;
  if (payload < IP_HEADER_MIN || packet[ETHERNET_HEADER] >> 4 !== 4) return undefined;
  const ipHeader = (packet[ETHERNET_HEADER] & 0xf) * 4;
  if (ipHeader < IP_HEADER_MIN || ipHeader > payload) return undefined;
  const at = ETHERNET_HEADER + IP_LENGTH_AT;
  const total = (packet[at] << 8) | packet[at + 1];
  if (total < ipHeader || total > payload) return undefined;
  return { ipHeader, length: total - ipHeader, protocol: packet[ETHERNET_HEADER + IP_PROTOCOL_AT] };
}

/**
 * Finishes a packet, which is written to, as its descriptor asks.
 * @param send is given each packet that is ready
 */
export function finishPacket(packet: Uint8Array, options: number, send: (ready: Uint8Array) => void): void {
  const wanted = options & (CP_TX_LGSEN | CP_TX_IPCS | CP_TX_TCPCS | CP_TX_UDPCS);
  const layout = wanted === 0 ? undefined : layoutOf(packet);
  if (layout === undefined) {
    send(packet);
    return;
  }
  const isLarge = (options & CP_TX_LGSEN) !== 0;
  if (isLarge && layout.protocol === PROTO_TCP && cut(packet, layout, options, send)) return;
  if (!isLarge) {
    if ((options & CP_TX_IPCS) !== 0) putIpSum(packet, layout);
    putPayloadSum(packet, layout, options);
  }
  send(packet);
}

function put16(packet: Uint8Array, at: number, value: number): void {
  packet[at] = value >>> 8;
  packet[at + 1] = value;
}

function putIpSum(packet: Uint8Array, { ipHeader }: Layout): void {
  const at = ETHERNET_HEADER + IP_SUM_AT;
  put16(packet, at, 0);
  put16(packet, at, foldSum(sumWords(packet.subarray(ETHERNET_HEADER, ETHERNET_HEADER + ipHeader))));
}

/** Spec: RFC 9293 §3.1. @param length of the header and what follows it */
function putTransportSum(
  packet: Uint8Array,
  { ipHeader, protocol }: Layout,
  length: number,
  sumAt: number,
): void {
  const start = ETHERNET_HEADER + ipHeader;
  const addresses = ETHERNET_HEADER + IP_ADDRESSES_AT;
  put16(packet, start + sumAt, 0);
  const pseudo = sumWords(packet.subarray(addresses, addresses + IP_ADDRESSES_BYTES), protocol + length);
  put16(packet, start + sumAt, foldSum(sumWords(packet.subarray(start, start + length), pseudo)));
}

function putPayloadSum(packet: Uint8Array, layout: Layout, options: number): void {
  const { protocol, length } = layout;
  if ((options & CP_TX_TCPCS) !== 0 && protocol === PROTO_TCP && length >= TCP_HEADER_MIN) {
    putTransportSum(packet, layout, length, TCP_SUM_AT);
  } else if ((options & CP_TX_UDPCS) !== 0 && protocol === PROTO_UDP && length >= UDP_HEADER) {
    putTransportSum(packet, layout, length, UDP_SUM_AT);
  }
}

/** False: it cannot be cut. */
function cut(
  packet: Uint8Array,
  layout: Layout,
  options: number,
  send: (ready: Uint8Array) => void,
): boolean {
  const segment = (options >>> MSS_SHIFT) & MSS_MASK;
  const { ipHeader, length } = layout;
  const tcpAt = ETHERNET_HEADER + ipHeader;
  if (segment === 0 || length < TCP_HEADER_MIN) return false;
  const tcpHeader = (packet[tcpAt + TCP_OFFSET_AT] >> 4) * 4;
  if (tcpHeader < TCP_HEADER_MIN || tcpHeader > length) return false;
  const headers = tcpAt + tcpHeader;
  const payload = length - tcpHeader;
  const first = new DataView(packet.buffer, packet.byteOffset);
  const id = first.getUint16(ETHERNET_HEADER + IP_ID_AT);
  const sequence = first.getUint32(tcpAt + TCP_SEQUENCE_AT);
  for (let done = 0, n = 0; done < payload; done += segment, n++) {
    const size = Math.min(segment, payload - done);
    const piece = new Uint8Array(headers + size);
    piece.set(packet.subarray(0, headers));
    piece.set(packet.subarray(headers + done, headers + done + size), headers);
    // QEMU: the last of several segments has lost them too.
    if (segment < payload) piece[tcpAt + TCP_FLAGS_AT] &= ~TCP_FIN_PSH;
    new DataView(piece.buffer).setUint32(tcpAt + TCP_SEQUENCE_AT, sequence + done);
    put16(piece, ETHERNET_HEADER + IP_ID_AT, id + n);
    put16(piece, ETHERNET_HEADER + IP_LENGTH_AT, ipHeader + tcpHeader + size);
    putTransportSum(piece, layout, tcpHeader + size, TCP_SUM_AT);
    putIpSum(piece, layout);
    send(piece);
  }
  return true;
}
