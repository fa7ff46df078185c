/** Reads a snapshot while it arrives: RAM is filled at once, nothing is kept twice. */
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import { crc32 } from './crc32.ts';
import {
  CRC_SIZE,
  damagedError,
  FORMAT_VERSION,
  HEADER_SIZE,
  MAGIC,
  PAGE_SIZE,
  PAYLOAD_MAX,
  PREFIX_SIZE,
  RECORD_END,
  RECORD_HEAD,
  RECORD_PAGES,
  RECORD_SAME,
  RECORD_STATE,
} from './format.ts';
import { decodePlain } from './plain-codec.ts';

/** RAM as the reader fills it, through all of its regions in the head's order. */
export interface RamTarget {
  readonly sizeBytes: number;
  /** False when the host has no memory for that. */
  write(at: number, source: Uint8Array): boolean;
  read(at: number, target: Uint8Array): void;
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

export class SnapshotReader {
  readonly #onHead: (head: Plain) => RamTarget;
  readonly #inbox = new Inbox();
  #ram: RamTarget | undefined;
  readonly #page = new Uint8Array(PAGE_SIZE);
  #hasState = false;
  #state: Plain;
  #records = 0;
  #begun = false;
  #ended = false;

  /** @param onHead gives the RAM to fill, which is all zeros; may throw `SnapshotError` */
  constructor(onHead: (head: Plain) => RamTarget) {
    this.#onHead = onHead;
  }

  /** The next bytes, which must stay as they are until the next call. Throws `SnapshotError`; the machine is then of no use. */
  push(chunk: Uint8Array): void {
    const inbox = this.#inbox;
    inbox.add(chunk);
    if (!this.#begun) {
      if (inbox.length < PREFIX_SIZE) return;
      checkPrefix(inbox.peek(PREFIX_SIZE));
      inbox.skip(PREFIX_SIZE);
      this.#begun = true;
    }
    while (this.#takeRecord());
  }

  /** No more bytes come: the state, to be restored now that RAM is filled. Throws `SnapshotError`. */
  finish(): Plain {
    if (!this.#ended) throw damagedError('its end is missing');
    if (this.#inbox.length > 0) throw damagedError('something follows its end');
    if (!this.#hasState) throw damagedError('the state of its devices is missing');
    return this.#state;
  }

  #takeRecord(): boolean {
    const inbox = this.#inbox;
    if (inbox.length < HEADER_SIZE || this.#ended) return false;
    const header = viewOf(inbox.peek(HEADER_SIZE));
    const length = header.getUint32(4, true);
    if (length > PAYLOAD_MAX) throw damagedError('a record has an impossible length');
    const whole = HEADER_SIZE + length + CRC_SIZE;
    if (inbox.length < whole) return false;
    const bytes = inbox.peek(whole);
    if (crc32(bytes.subarray(0, whole - CRC_SIZE)) !== viewOf(bytes).getUint32(whole - CRC_SIZE, true)) {
      throw damagedError('a checksum is wrong');
    }
    this.#record(header.getUint32(0, true), bytes.subarray(HEADER_SIZE, HEADER_SIZE + length));
    inbox.skip(whole);
    return true;
  }

  #record(type: number, payload: Uint8Array): void {
    switch (type) {
      case RECORD_HEAD:
        if (this.#ram !== undefined) throw damagedError('it has two heads');
        this.#ram = this.#onHead(decodePlain(payload));
        return;
      case RECORD_PAGES:
        this.#pages(payload);
        this.#records++;
        return;
      case RECORD_SAME:
        this.#same(payload);
        this.#records++;
        return;
      case RECORD_STATE:
        this.#state = decodePlain(payload);
        this.#hasState = true;
        return;
      case RECORD_END:
        if (payload.length !== 4 || viewOf(payload).getUint32(0, true) !== this.#records) {
          throw damagedError('pages are missing');
        }
        this.#ended = true;
        return;
      default:
        throw new SnapshotError(
          `The snapshot has a record of type ${type}, which this version does not know.`,
        );
    }
  }

  #pages(payload: Uint8Array): void {
    const ram = this.#memory();
    if (payload.length % PAGE_SIZE !== 4) throw damagedError('a page is not whole');
    const start = viewOf(payload).getUint32(0, true) * PAGE_SIZE;
    if (start + payload.length - 4 > ram.sizeBytes) throw damagedError('a page lies outside of the RAM');
    this.#fill(ram, start, payload.subarray(4));
  }

  #same(payload: Uint8Array): void {
    const ram = this.#memory();
    if (payload.length % 8 !== 0) throw damagedError('a page is not whole');
    const view = viewOf(payload);
    for (let at = 0; at < payload.length; at += 8) {
      const target = view.getUint32(at, true) * PAGE_SIZE;
      const source = view.getUint32(at + 4, true) * PAGE_SIZE;
      if (Math.max(target, source) + PAGE_SIZE > ram.sizeBytes) {
        throw damagedError('a page lies outside of the RAM');
      }
      ram.read(source, this.#page);
      this.#fill(ram, target, this.#page);
    }
  }

  #fill(ram: RamTarget, at: number, bytes: Uint8Array): void {
    if (!ram.write(at, bytes)) throw new SnapshotError('The host has too little memory for the snapshot.');
  }

  #memory(): RamTarget {
    if (this.#ram === undefined) throw damagedError('its head is missing');
    return this.#ram;
  }
}

function checkPrefix(bytes: Uint8Array): void {
  if (MAGIC.some((byte, at) => bytes[at] !== byte))
    throw new SnapshotError('This is no snapshot of a machine.');
  const version = viewOf(bytes).getUint32(MAGIC.length, true);
  if (version === FORMAT_VERSION) return;
  throw new SnapshotError(
    `The snapshot has format ${version}, but this version reads format ${FORMAT_VERSION} only.`,
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
