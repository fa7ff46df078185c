/** Internet addresses, checksums and headers. Spec: RFC 791, RFC 1071. */
import { foldSum, sumWords } from '../internet-checksum.ts';
import type { Ipv4 } from '../net-host.ts';

export const IP_HEADER = 20;
export const PROTO_ICMP = 1;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const BROADCAST: Ipv4 = 0xffff_ffff;
export const LOOPBACK: Ipv4 = 0x7f00_0001;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;
const FRAGMENT_UNIT = 8;
const VERSION_4 = 4;
const DEFAULT_TTL = 64;
/** What an Ethernet frame carries. */
export const MTU = 1500;

/** As C's inet_aton reads it: 1 to 4 numbers in base 8, 10 or 16, the last of which fills what is left. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = text.split('.');
  if (parts.length > 4 || !parts.every((part) => /^(0x[\da-f]+|0[0-7]*|[1-9]\d*)$/i.test(part)))
    return undefined;
  const numbers = parts.map((part) => (/^0\d/.test(part) ? Number.parseInt(part, 8) : Number(part)));
  const last = numbers.pop() ?? 0;
  if (numbers.some((number) => number > 0xff) || last >= 2 ** (8 * (4 - numbers.length))) return undefined;
  return numbers.reduce((sum, number, at) => sum + number * 2 ** (24 - 8 * at), last);
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The sum that goes before a segment of UDP or TCP. Spec: RFC 9293 §3.1. */
export function pseudoHeaderSum(source: Ipv4, destination: Ipv4, protocol: number, length: number): number {
  const half = (address: Ipv4): number => (address >>> 16) + (address & 0xffff);
  return half(source) + half(destination) + protocol + length;
}

/** A datagram that came whole, or a piece of one. */
export interface Datagram {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly protocol: number;
  readonly ident: number;
  readonly ttl: number;
  /** Where the payload belongs, in bytes. */
  readonly offset: number;
  readonly moreFragments: boolean;
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** Undefined: it is none, or its checksum is wrong. */
export function parseDatagram(bytes: Uint8Array): Datagram | undefined {
  if (bytes.length < IP_HEADER || bytes[0] >> 4 !== VERSION_4) return undefined;
  const view = viewOf(bytes);
  const headerLength = (bytes[0] & 0xf) * 4;
  const total = view.getUint16(2);
  if (headerLength < IP_HEADER || total < headerLength || total > bytes.length) return undefined;
  const header = bytes.subarray(0, headerLength);
  if (foldSum(sumWords(header)) !== 0) return undefined;
  const fragment = view.getUint16(6);
  return {
    source: view.getUint32(12),
    destination: view.getUint32(16),
    protocol: bytes[9],
    ident: view.getUint16(4),
    ttl: bytes[8],
    offset: (fragment & OFFSET_MASK) * FRAGMENT_UNIT,
    moreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    header,
    payload: bytes.subarray(headerLength, total),
  };
}

export interface DatagramToSend {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly ttl?: number;
  /** Type of service. */
  readonly tos?: number;
}

/** The datagram in as many pieces as frames need. */
export function buildDatagrams(datagram: DatagramToSend, ident: number): readonly Uint8Array[] {
  const { payload } = datagram;
  const most = (MTU - IP_HEADER) & ~(FRAGMENT_UNIT - 1);
  if (payload.length <= MTU - IP_HEADER) return [buildPiece(datagram, ident, payload, 0)];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += most) {
    const more = at + most < payload.length ? MORE_FRAGMENTS : 0;
    pieces.push(buildPiece(datagram, ident, payload.subarray(at, at + most), more | (at / FRAGMENT_UNIT)));
  }
  return pieces;
}

function buildPiece(
  { source, destination, protocol, ttl = DEFAULT_TTL, tos = 0 }: DatagramToSend,
  ident: number,
  payload: Uint8Array,
  fragment: number,
): Uint8Array {
  const bytes = new Uint8Array(IP_HEADER + payload.length);
  const view = viewOf(bytes);
  bytes[0] = (VERSION_4 << 4) | (IP_HEADER / 4);
  bytes[1] = tos;
  view.setUint16(2, bytes.length);
  view.setUint16(4, ident);
  view.setUint16(6, fragment);
  bytes[8] = ttl;
  bytes[9] = protocol;
  view.setUint32(12, source);
  view.setUint32(16, destination);
  view.setUint16(10, foldSum(sumWords(bytes.subarray(0, IP_HEADER))));
  bytes.set(payload, IP_HEADER);
  return bytes;
}
