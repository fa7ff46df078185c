/** Reads a snapshot while it arrives: RAM is filled at once, nothing is kept twice. */
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import {
  damagedError,
  MACHINE_FILE,
  PAGE_SIZE,
  RECORD_END,
  RECORD_HEAD,
  RECORD_PAGES,
  RECORD_SAME,
  RECORD_STATE,
} from './format.ts';
import { decodePlain } from './plain-codec.ts';
import { RecordStream, viewOf } from './record-stream.ts';

/** RAM as the reader fills it, through all of its regions in the head's order. */
export interface RamTarget {
  readonly sizeBytes: number;
  /** False when the host has no memory for that. */
  write(at: number, source: Uint8Array): boolean;
  read(at: number, target: Uint8Array): void;
}

export class SnapshotReader {
  readonly #onHead: (head: Plain) => RamTarget;
  readonly #stream = new RecordStream(MACHINE_FILE);
  #ram: RamTarget | undefined;
  readonly #page = new Uint8Array(PAGE_SIZE);
  #hasState = false;
  #state: Plain;
  #records = 0;
  #ended = false;

  /** @param onHead gives the RAM to fill, which is all zeros; may throw `SnapshotError` */
  constructor(onHead: (head: Plain) => RamTarget) {
    this.#onHead = onHead;
  }

  /** The next bytes, which must stay as they are until the next call. Throws `SnapshotError`; the machine is then of no use. */
  push(chunk: Uint8Array): void {
    this.#stream.push(chunk);
    while (!this.#ended) {
      const record = this.#stream.next();
      if (record === undefined) return;
      this.#record(record.type, record.payload);
    }
  }

  /** No more bytes come: the state, to be restored now that RAM is filled. Throws `SnapshotError`. */
  finish(): Plain {
    if (!this.#ended) throw damagedError('its end is missing');
    if (this.#stream.pendingBytes > 0) throw damagedError('something follows its end');
    if (!this.#hasState) throw damagedError('the state of its devices is missing');
    return this.#state;
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
