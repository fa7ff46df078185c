/** The frame that the files of snapshots share: a prefix, then records, each with its checksum. */
import { SnapshotError } from '../core/snapshot-error.ts';
import { crc32 } from './crc32.ts';
import { CRC_SIZE, damagedError, HEADER_SIZE, PAYLOAD_MAX, PREFIX_SIZE } from './format.ts';

/** What a file begins with. */
export interface FileKind {
  /** Eight bytes. */
  readonly magic: Uint8Array;
  readonly version: number;
}

export interface SnapshotRecord {
  readonly type: number;
  /** Stays as it is until the next `push`. */
  readonly payload: Uint8Array;
}

/** Bytes that arrive in pieces of any size. */
class Inbox {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;

  get length(): number {
    return this.#bytes.length - this.#start;
  }

  add(chunk: Uint8Array): void {
    if (this.length === 0) {
      // A plain Uint8Array, whose slices are copies.
      this.#bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    } else {
      const joined = new Uint8Array(this.length + chunk.length);
      joined.set(this.#bytes.subarray(this.#start));
      joined.set(chunk, this.length);
      this.#bytes = joined;
    }
    this.#start = 0;
  }

  peek(length: number): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#start + length);
  }

  skip(length: number): void {
    this.#start += length;
  }
}

/** Takes records out of bytes that arrive. All methods throw `SnapshotError` for bytes that nobody wrote. */
export class RecordStream {
  readonly #kind: FileKind;
  readonly #inbox = new Inbox();
  #begun = false;

  constructor(kind: FileKind) {
    this.#kind = kind;
  }

  /** Bytes that belong to no whole record yet. */
  get pendingBytes(): number {
    return this.#inbox.length;
  }

  /** The next bytes, which must stay as they are until the next call. */
  push(chunk: Uint8Array): void {
    this.#inbox.add(chunk);
  }

  /** The next record; undefined until all of it has arrived. */
  next(): SnapshotRecord | undefined {
    const inbox = this.#inbox;
    if (!this.#begun) {
      if (inbox.length < PREFIX_SIZE) return undefined;
      this.#checkPrefix(inbox.peek(PREFIX_SIZE));
      inbox.skip(PREFIX_SIZE);
      this.#begun = true;
    }
    if (inbox.length < HEADER_SIZE) return undefined;
    const header = viewOf(inbox.peek(HEADER_SIZE));
    const length = header.getUint32(4, true);
    if (length > PAYLOAD_MAX) throw damagedError('a record has an impossible length');
    const whole = HEADER_SIZE + length + CRC_SIZE;
    if (inbox.length < whole) return undefined;
    const bytes = inbox.peek(whole);
    if (crc32(bytes.subarray(0, whole - CRC_SIZE)) !== viewOf(bytes).getUint32(whole - CRC_SIZE, true)) {
      throw damagedError('a checksum is wrong');
    }
    inbox.skip(whole);
    return { type: header.getUint32(0, true), payload: bytes.subarray(HEADER_SIZE, HEADER_SIZE + length) };
  }

  #checkPrefix(bytes: Uint8Array): void {
    const { magic, version: known } = this.#kind;
    if (magic.some((byte, at) => bytes[at] !== byte))
      throw new SnapshotError('This is no snapshot of a machine.');
    const version = viewOf(bytes).getUint32(magic.length, true);
    if (version === known) return;
    throw new SnapshotError(
      `The snapshot has format ${version}, but this version reads format ${known} only.`,
    );
  }
}

/** The bytes that a file of that kind begins with. */
export function prefixOf({ magic, version }: FileKind): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PREFIX_SIZE);
  bytes.set(magic);
  viewOf(bytes).setUint32(magic.length, version, true);
  return bytes;
}

/** A record whose payload is these parts, one after the other. */
export function recordOf(type: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(HEADER_SIZE + length + CRC_SIZE);
  const view = viewOf(bytes);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = HEADER_SIZE;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)), true);
  return bytes;
}

export function wordsOf(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = viewOf(bytes);
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value, true);
  return bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
