/** Writes a snapshot in pieces of at most some hundred kilobytes. */
import type { Plain } from '../core/plain.ts';
import {
  CRC_SIZE,
  HEADER_SIZE,
  MACHINE_FILE,
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
import { prefixOf, recordOf, wordsOf } from './record-stream.ts';

export interface SnapshotContents {
  /** What must be known to make a machine. */
  readonly head: Plain;
  readonly ram: RamSource;
  /** All but RAM. */
  readonly state: Plain;
}

/** A snapshot that is to be written: its records are known, the pages among them are still the machine's own memory. */
export interface PlannedSnapshot {
  readonly sizeBytes: number;
  /** The machine must not run before the last piece is taken. */
  pieces(): Generator<Uint8Array<ArrayBuffer>>;
}

/** A record that is still in parts. */
interface Parts {
  readonly type: number;
  readonly parts: readonly Uint8Array[];
}

export function planSnapshot({ head, ram, state }: SnapshotContents): PlannedSnapshot {
  const { runs, same } = planPages(ram);
  const records: Parts[] = [{ type: RECORD_HEAD, parts: [encodePlain(head)] }];
  for (const { first, bytes } of runs) records.push({ type: RECORD_PAGES, parts: [wordsOf([first]), bytes] });
  for (let at = 0; at < same.length; at += 2 * SAME_MAX) {
    records.push({ type: RECORD_SAME, parts: [wordsOf([...same.subarray(at, at + 2 * SAME_MAX)])] });
  }
  const ramRecords = records.length - 1;
  records.push({ type: RECORD_STATE, parts: [encodePlain(state)] });
  records.push({ type: RECORD_END, parts: [wordsOf([ramRecords])] });
  return {
    sizeBytes: records.reduce((sum, { parts }) => sum + recordSize(parts), PREFIX_SIZE),
    *pieces() {
      yield prefixOf(MACHINE_FILE);
      for (const { type, parts } of records) yield recordOf(type, ...parts);
    },
  };
}

/** The machine must not run before the last piece is taken. */
export function writeSnapshot(contents: SnapshotContents): Generator<Uint8Array<ArrayBuffer>> {
  return planSnapshot(contents).pieces();
}

function recordSize(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, HEADER_SIZE + CRC_SIZE);
}
