/** Writes a snapshot in pieces of at most some hundred kilobytes. */
import type { Plain } from '../core/plain.ts';
import { crc32 } from './crc32.ts';
import {
  CRC_SIZE,
  FORMAT_VERSION,
  HEADER_SIZE,
  MAGIC,
  PREFIX_SIZE,
  RECORD_END,
  RECORD_HEAD,
  RECORD_PAGES,
  RECORD_SAME,
  RECORD_STATE,
  SAME_MAX,
} from './format.ts';
import { planPages, type RamSource } from './pages.ts';
import { encodePlain } from './plain-codec.ts';

export interface SnapshotContents {
  /** What must be known to make a machine. */
  readonly head: Plain;
  readonly ram: RamSource;
  /** All but RAM. */
  readonly state: Plain;
}

/** The machine must not run before the last piece is taken. */
export function* writeSnapshot({ head, ram, state }: SnapshotContents): Generator<Uint8Array<ArrayBuffer>> {
  yield prefix();
  yield record(RECORD_HEAD, encodePlain(head));
  const { runs, same } = planPages(ram);
  let records = 0;
  for (const { first, bytes } of runs) {
    yield record(RECORD_PAGES, words([first]), bytes);
    records++;
  }
  for (let at = 0; at < same.length; at += 2 * SAME_MAX) {
    yield record(RECORD_SAME, words([...same.subarray(at, at + 2 * SAME_MAX)]));
    records++;
  }
  yield record(RECORD_STATE, encodePlain(state));
  yield record(RECORD_END, words([records]));
}

function prefix(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PREFIX_SIZE);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, FORMAT_VERSION, true);
  return bytes;
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value, true);
  return bytes;
}

function record(type: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(HEADER_SIZE + length + CRC_SIZE);
  const view = new DataView(bytes.buffer);
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
