/**
 * The TFTP server of the user network: files of one folder of the host's, to be read. Spec: RFC 1350, RFC 2347, RFC 2348, RFC 2349. QEMU: it
 * answers from its port 69, takes the mode `octet` only, and says nothing to a client that wants to write.
 * QEMU sends the next block for any confirmation; here one that was confirmed before is not skipped over.
 */
import type { Clock } from '../../core/clock.ts';
import type { Endpoint, HostFile, NetHost } from '../net-host.ts';
import { viewOf } from './ipv4.ts';
import type { UdpDatagram } from './udp-flows.ts';

export const TFTP_PORT = 69;
const RRQ = 1;
const DATA = 3;
const ACK = 4;
const ERROR = 5;
const OACK = 6;
const NOT_FOUND = 1;
const ACCESS_VIOLATION = 2;
const ILLEGAL_OPERATION = 4;
const BLOCK_BYTES = 512;
/** QEMU: what fits into a frame. */
const BLOCK_MAX = 1428;
const NAME_MAX = 512;
/** QEMU: clients at once, and when a silent one makes room for another. */
const SESSIONS_MAX = 20;
const SILENT_NS = 5e9;

interface Session {
  readonly client: Endpoint;
  readonly server: Endpoint;
  file: HostFile | undefined;
  blockBytes: number;
  /** The number of the last block that was sent, not cut to 16 bits; 0: only options were. */
  block: number;
  lastNs: number;
}

interface Request {
  readonly name: string;
  readonly options: readonly (readonly [name: string, value: string])[];
}

type Send = (datagram: UdpDatagram) => void;

export class TftpServer {
  readonly #folder: string;
  readonly #host: NetHost;
  readonly #clock: Clock;
  readonly #send: Send;
  readonly #sessions = new Map<string, Session>();

  /** @param folder the host's; empty: there is nothing to be read */
  constructor(folder: string, { host, clock }: { host: NetHost; clock: Clock }, send: Send) {
    this.#folder = folder;
    this.#host = host;
    this.#clock = clock;
    this.#send = send;
  }

  receive({ from, to, payload }: UdpDatagram): void {
    if (payload.length < 4) return;
    const operation = viewOf(payload).getUint16(0);
    const session = this.#sessions.get(keyOf(from));
    if (operation === RRQ) this.#begin(from, to, payload);
    else if (session === undefined) return;
    else if (operation === ACK) this.#confirmed(session, viewOf(payload).getUint16(2));
    else if (operation === ERROR) this.#end(session);
  }

  clear(): void {
    for (const session of [...this.#sessions.values()]) this.#end(session);
  }

  #begin(client: Endpoint, server: Endpoint, payload: Uint8Array): void {
    const old = this.#sessions.get(keyOf(client));
    if (old !== undefined) this.#end(old);
    if (!this.#makeRoom()) return;
    const lastNs = this.#clock.nowNs();
    const session: Session = { client, server, file: undefined, blockBytes: BLOCK_BYTES, block: 0, lastNs };
    this.#sessions.set(keyOf(client), session);
    const request = this.#folder === '' ? ACCESS_VIOLATION : readRequest(payload);
    if (typeof request === 'number') this.#refuse(session, request);
    else this.#open(session, request).catch(() => this.#refuse(session, NOT_FOUND));
  }

  async #open(session: Session, { name, options }: Request): Promise<void> {
    const file = await this.#host.openFile(this.#folder, name);
    if (!this.#has(session)) {
      file?.close();
      return;
    }
    if (file === undefined) {
      this.#refuse(session, NOT_FOUND);
      return;
    }
    session.file = file;
    const taken = options.flatMap((option) => takeOption(session, file, option));
    if (taken.length > 0) this.#say(session, OACK, textBytes(taken));
    else await this.#sendBlock(session, 1);
  }

  #confirmed(session: Session, number: number): void {
    session.lastNs = this.#clock.nowNs();
    const { block } = session;
    const next = number === (block & 0xffff) ? block + 1 : block;
    // Of what is older nobody asks any more.
    if (next === block && number !== ((block - 1) & 0xffff)) return;
    this.#sendBlock(session, next).catch(() => this.#refuse(session, NOT_FOUND));
  }

  async #sendBlock(session: Session, block: number): Promise<void> {
    const { file, blockBytes } = session;
    if (file === undefined) return;
    session.block = block;
    const bytes = await file.read((block - 1) * blockBytes, blockBytes);
    if (!this.#has(session) || session.block !== block) return;
    const body = new Uint8Array(2 + bytes.length);
    viewOf(body).setUint16(0, block & 0xffff);
    body.set(bytes, 2);
    this.#say(session, DATA, body);
    // QEMU: the last is not sent again.
    if (bytes.length < blockBytes) this.#end(session);
  }

  #refuse(session: Session, code: number): void {
    if (!this.#has(session)) return;
    const text = { [NOT_FOUND]: 'File not found', [ACCESS_VIOLATION]: 'Access violation' }[code];
    const message = textBytes([text ?? 'Unsupported transfer mode']);
    const body = new Uint8Array(2 + message.length);
    viewOf(body).setUint16(0, code);
    body.set(message, 2);
    this.#say(session, ERROR, body);
    this.#end(session);
  }

  #say({ client, server }: Session, operation: number, body: Uint8Array): void {
    const payload = new Uint8Array(2 + body.length);
    viewOf(payload).setUint16(0, operation);
    payload.set(body, 2);
    this.#send({ from: server, to: client, payload });
  }

  #has(session: Session): boolean {
    return this.#sessions.get(keyOf(session.client)) === session;
  }

  #makeRoom(): boolean {
    if (this.#sessions.size < SESSIONS_MAX) return true;
    const silent = [...this.#sessions.values()].find(
      ({ lastNs }) => this.#clock.nowNs() - lastNs > SILENT_NS,
    );
    if (silent !== undefined) this.#end(silent);
    return silent !== undefined;
  }

  #end(session: Session): void {
    session.file?.close();
    session.file = undefined;
    if (this.#has(session)) this.#sessions.delete(keyOf(session.client));
  }
}

const keyOf = ({ address, port }: Endpoint): string => `${address}:${port}`;

/** A number: the error that the client gets. */
function readRequest(payload: Uint8Array): Request | number {
  const texts = new TextDecoder('latin1').decode(payload.subarray(2)).split('\0');
  const [name = '', mode, ...rest] = texts;
  if (name.length >= NAME_MAX || mode === undefined || texts.length < 3) return ACCESS_VIOLATION;
  if (mode.toLowerCase() !== 'octet') return ILLEGAL_OPERATION;
  const isOutside = name.startsWith('../') || name.includes('/../') || name.endsWith('/') || name === '';
  // Options come in pairs, and after them is nothing.
  if (isOutside || rest.length % 2 === 0 || rest.at(-1) !== '') return ACCESS_VIOLATION;
  const options: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < rest.length; at += 2) options.push([rest[at] ?? '', rest[at + 1] ?? '']);
  return { name, options };
}

/** The option as it is confirmed: a name and a value, or nothing. */
function takeOption(
  session: Session,
  { sizeBytes }: HostFile,
  [name, value]: readonly [string, string],
): readonly string[] {
  const number = Number.parseInt(value, 10) || 0;
  switch (name.toLowerCase()) {
    case 'tsize':
      return ['tsize', String(number === 0 ? sizeBytes : number)];
    case 'blksize':
      if (number <= 0) return [];
      session.blockBytes = Math.min(number, BLOCK_MAX);
      return ['blksize', String(session.blockBytes)];
    default:
      return [];
  }
}

function textBytes(texts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(texts.map((text) => `${text}\0`).join(''));
}
