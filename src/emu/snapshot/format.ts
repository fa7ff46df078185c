/**
 * A snapshot's bytes, meant to be compressed by whoever stores them and to be read while they still arrive.
 *
 * | bytes | holds |
 * |---|---|
 * | 0–7 | `HOTSLOT` and a newline |
 * | 8–11 | version of this format |
 * | then records | type, length of the payload, payload, CRC-32 of all three; words are little-endian uint32 |
 *
 * | record | payload |
 * |---|---|
 * | HEAD | plain data: what must be known to make a machine; the first record |
 * | PAGES | number of the first page, then the pages: those that are neither zero nor equal to one before |
 * | SAME | pairs of page numbers: the first is equal to the second, which came before |
 * | STATE | plain data: all but RAM |
 * | END | the number of PAGES and SAME records; nothing follows |
 *
 * Pages of RAM are numbered through all of its regions, in the order in which the head names them.
 */
import { SnapshotError } from '../core/snapshot-error.ts';

export const MAGIC = new TextEncoder().encode('HOTSLOT\n');
export const FORMAT_VERSION = 8;
/** What a machine's bytes begin with. */
export const MACHINE_FILE = { magic: MAGIC, version: FORMAT_VERSION };
/** MAGIC and the version. */
export const PREFIX_SIZE = 12;
/** Type and length. */
export const HEADER_SIZE = 8;
export const CRC_SIZE = 4;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
/** Pages of one record at most, so that a reader needs little memory. */
export const PAGES_MAX = 64;
/** Pairs of one record at most. */
export const SAME_MAX = 16384;
/** No payload is longer: a damaged length must not make a reader wait or take all memory. */
export const PAYLOAD_MAX = 16 * 1024 * 1024;

export const RECORD_HEAD = 1;
export const RECORD_PAGES = 2;
export const RECORD_SAME = 3;
export const RECORD_STATE = 4;
export const RECORD_END = 5;

/** The error for bytes that are not what they were. */
export function damagedError(what: string): SnapshotError {
  return new SnapshotError(`The snapshot is damaged: ${what}.`);
}
