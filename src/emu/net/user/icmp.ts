/** ICMP: what the gateway and the name server answer to a ping, and what is said of a place that is not reached. Spec: RFC 792. */
import { foldSum, sumWords } from '../internet-checksum.ts';
import { type Datagram, IP_HEADER, viewOf } from './ipv4.ts';

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO = 8;
const HEADER = 8;
/** What of a datagram's payload an error repeats. */
const QUOTED_BYTES = 8;

/** Codes of a place that is not reached. */
export const NET_UNREACHABLE = 0;
export const HOST_UNREACHABLE = 1;
export const PORT_UNREACHABLE = 3;

/** QEMU: of what it says itself. */
export const ICMP_TTL = 255;
/** Precedence of control messages. */
export const ICMP_ERROR_TOS = 0xc0;

/** A ping, with a checksum that is right. */
export function isEcho({ payload }: Datagram): boolean {
  return payload.length >= HEADER && payload[0] === ECHO && foldSum(sumWords(payload)) === 0;
}

export function echoReply({ payload }: Datagram): Uint8Array {
  const reply = payload.slice();
  reply[0] = ECHO_REPLY;
  return withChecksum(reply);
}

/** What is said of a datagram that does not reach its place. @param code one of those above */
export function unreachable({ header, payload }: Datagram, code: number): Uint8Array {
  const quoted = payload.subarray(0, QUOTED_BYTES);
  const message = new Uint8Array(HEADER + Math.max(header.length, IP_HEADER) + quoted.length);
  message.set([UNREACHABLE, code]);
  message.set(header, HEADER);
  message.set(quoted, HEADER + header.length);
  return withChecksum(message);
}

function withChecksum(message: Uint8Array): Uint8Array {
  const view = viewOf(message);
  view.setUint16(2, 0);
  view.setUint16(2, foldSum(sumWords(message)));
  return message;
}
