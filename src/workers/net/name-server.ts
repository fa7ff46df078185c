/** The page's own name server. Spec: RFC 1035. It answers questions for addresses; of a name that it knows it has nothing else. */
import type { Ipv4 } from '../../emu/index.ts';

const HEADER = 12;
const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const FORMAT_ERROR = 1;
const NAME_ERROR = 3;
const NOT_IMPLEMENTED = 4;
const TYPE_A = 1;
const TYPE_PTR = 12;
const CLASS_IN = 1;
const TTL_S = 60;
const LABEL_MAX = 63;
/** The name of the question, which is at the start of the message. */
const QUESTION_NAME = 0xc000 | HEADER;
const REVERSE = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/i;

export interface NameTable {
  addressOf(name: string): Ipv4 | undefined;
  nameOf(address: Ipv4): string | undefined;
}

interface Question {
  readonly name: string;
  readonly type: number;
  /** After the question. */
  readonly end: number;
}

/** Undefined: the datagram is no question. */
export function answerName(query: Uint8Array, names: NameTable): Uint8Array | undefined {
  if (query.length < HEADER) return undefined;
  const view = new DataView(query.buffer, query.byteOffset, query.byteLength);
  const flags = view.getUint16(2);
  if ((flags & RESPONSE) !== 0) return undefined;
  if ((flags & OPCODE) !== 0) return reply(query, HEADER, NOT_IMPLEMENTED);
  const question = view.getUint16(4) === 1 ? readQuestion(query, view) : undefined;
  if (question === undefined) return reply(query, HEADER, FORMAT_ERROR);
  const { name, type, end } = question;
  const reverse = REVERSE.exec(name);
  if (reverse !== null) {
    const address = reverse.slice(1).reduce((sum, part, at) => sum + Number(part) * 2 ** (8 * at), 0);
    const found = names.nameOf(address);
    if (found === undefined) return reply(query, end, NAME_ERROR);
    return reply(query, end, 0, type === TYPE_PTR ? [TYPE_PTR, encodeName(found)] : undefined);
  }
  const address = names.addressOf(name);
  if (address === undefined) return reply(query, end, NAME_ERROR);
  return reply(query, end, 0, type === TYPE_A ? [TYPE_A, addressBytes(address)] : undefined);
}

function readQuestion(query: Uint8Array, view: DataView): Question | undefined {
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = query[at++];
    if (length === undefined || length > LABEL_MAX || at + length > query.length) return undefined;
    if (length === 0) break;
    labels.push(String.fromCharCode(...query.subarray(at, at + length)));
    at += length;
  }
  if (at + 4 > query.length || view.getUint16(at + 2) !== CLASS_IN) return undefined;
  return { name: labels.join('.'), type: view.getUint16(at), end: at + 4 };
}

/** @param end of the question, which is repeated; `HEADER`: none is */
function reply(
  query: Uint8Array,
  end: number,
  error: number,
  answer?: readonly [type: number, data: Uint8Array],
): Uint8Array {
  const record = answer === undefined ? 0 : HEADER + answer[1].length;
  const bytes = new Uint8Array(end + record);
  bytes.set(query.subarray(0, end));
  const view = new DataView(bytes.buffer);
  view.setUint16(2, RESPONSE | (view.getUint16(2) & RECURSION_DESIRED) | RECURSION_AVAILABLE | error);
  view.setUint16(4, end > HEADER ? 1 : 0);
  view.setUint16(6, answer === undefined ? 0 : 1);
  view.setUint32(8, 0);
  if (answer === undefined) return bytes;
  const [type, data] = answer;
  view.setUint16(end, QUESTION_NAME);
  view.setUint16(end + 2, type);
  view.setUint16(end + 4, CLASS_IN);
  view.setUint32(end + 6, TTL_S);
  view.setUint16(end + 10, data.length);
  bytes.set(data, end + HEADER);
  return bytes;
}

function addressBytes(address: Ipv4): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, address);
  return bytes;
}

function encodeName(name: string): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.from([...labels, 0]);
}
