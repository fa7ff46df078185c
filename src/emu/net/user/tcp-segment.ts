/** Segments of TCP as bytes. Spec: RFC 9293 §3.1. */

import { foldSum, sumWords } from '../internet-checksum.ts';
import type { Ipv4 } from '../net-host.ts';
import { type Datagram, PROTO_TCP, pseudoHeaderSum, viewOf } from './ipv4.ts';

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

const HEADER = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_MSS_BYTES = 4;

export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  /** The largest payload that the sender takes; undefined: it does not say. */
  readonly mss?: number | undefined;
  readonly payload: Uint8Array;
}

/** Sequence numbers wrap round at 2^32: how far `one` is behind `other`, negative when it is before it. */
export function seqDistance(one: number, other: number): number {
  return (one - other) | 0;
}

export function seqAdd(seq: number, count: number): number {
  return (seq + count) >>> 0;
}

/** Undefined: it is none, or its checksum is wrong. */
export function parseSegment({ source, destination, payload }: Datagram): Segment | undefined {
  if (payload.length < HEADER) return undefined;
  const view = viewOf(payload);
  const headerLength = (payload[12] >> 4) * 4;
  if (headerLength < HEADER || headerLength > payload.length) return undefined;
  const start = pseudoHeaderSum(source, destination, PROTO_TCP, payload.length);
  if (foldSum(sumWords(payload, start)) !== 0) return undefined;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    flags: payload[13],
    window: view.getUint16(14),
    mss: mssOf(payload.subarray(HEADER, headerLength)),
    payload: payload.subarray(headerLength),
  };
}

function mssOf(options: Uint8Array): number | undefined {
  for (let at = 0; at < options.length && options[at] !== OPTION_END; ) {
    if (options[at] === OPTION_NOP) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return undefined;
    if (options[at] === OPTION_MSS && length === OPTION_MSS_BYTES) return viewOf(options).getUint16(at + 2);
    at += length;
  }
  return undefined;
}

export function buildSegment(segment: Segment, source: Ipv4, destination: Ipv4): Uint8Array {
  const { payload, mss } = segment;
  const headerLength = HEADER + (mss === undefined ? 0 : OPTION_MSS_BYTES);
  const bytes = new Uint8Array(headerLength + payload.length);
  const view = viewOf(bytes);
  view.setUint16(0, segment.sourcePort);
  view.setUint16(2, segment.destinationPort);
  view.setUint32(4, segment.seq);
  view.setUint32(8, segment.ack);
  bytes[12] = (headerLength / 4) << 4;
  bytes[13] = segment.flags;
  view.setUint16(14, segment.window);
  if (mss !== undefined) {
    bytes.set([OPTION_MSS, OPTION_MSS_BYTES], HEADER);
    view.setUint16(HEADER + 2, mss);
  }
  bytes.set(payload, headerLength);
  const start = pseudoHeaderSum(source, destination, PROTO_TCP, bytes.length);
  view.setUint16(16, foldSum(sumWords(bytes, start)));
  return bytes;
}

/** What answers a segment that belongs to no connection; undefined: nothing does. Spec: RFC 9293 §3.10.7.1. */
export function resetFor(segment: Segment): Segment | undefined {
  const { flags, seq, ack, payload, sourcePort, destinationPort } = segment;
  if ((flags & RST) !== 0) return undefined;
  const ends = { sourcePort: destinationPort, destinationPort: sourcePort };
  const rest = { window: 0, payload: new Uint8Array(0) };
  if ((flags & ACK) !== 0) return { ...ends, ...rest, seq: ack, ack: 0, flags: RST };
  const length = payload.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  return { ...ends, ...rest, seq: 0, ack: seqAdd(seq, length), flags: RST | ACK };
}
