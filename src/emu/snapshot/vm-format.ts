/**
 * What `savevm` keeps: a machine and the contents of its disks at that moment, as records framed like those of a machine's snapshot.
 *
 * | record | payload |
 * |---|---|
 * | INFO | plain data: `VmInfo`; the first record |
 * | DISK | number of the disk, its offset as two words, then bytes; what no such record covers is zeros |
 * | MACHINE | a piece of the machine's snapshot, whose own format is in `format.ts` |
 * | END | the number of DISK and MACHINE records; nothing follows |
 */
import type { Plain } from '../core/plain.ts';
import { finite, integer, list, nullable, record, type StateKind, text } from '../core/state-fields.ts';
import type { FileKind } from './record-stream.ts';

export const VM_FILE: FileKind = { magic: new TextEncoder().encode('HOTSLOTV'), version: 1 };

export const VM_RECORD_INFO = 1;
export const VM_RECORD_DISK = 2;
export const VM_RECORD_MACHINE = 3;
export const VM_RECORD_END = 4;

/** Before the bytes of a DISK record. */
export const DISK_HEADER_SIZE = 12;

/** A disk whose contents are kept. */
export type VmDisk = {
  /** The drive's id, and the path of its image. */
  readonly drive: string;
  readonly path: string;
  readonly sizeBytes: number;
};

/** What a list of snapshots shows of one, and what must be there to go back to it. */
export type VmInfo = {
  /** When it was taken, in milliseconds since 1970. */
  readonly savedMs: number;
  /** The machine's virtual time. */
  readonly clockNs: number;
  /** Instructions so far; null: the machine's clock does not count them. */
  readonly icount: number | null;
  /** Bytes of the machine without its disks. */
  readonly stateBytes: number;
  readonly disks: readonly VmDisk[];
};

const NAME_MAX = 65_536;
const DISKS_MAX = 4096;
const COUNT = integer(0, Number.MAX_SAFE_INTEGER);
/** Spec: ECMA-262 §21.4.1.1: the range of a Date. */
const DATE_MAX_MS = 8.64e15;

const VM_INFO: StateKind<VmInfo> = record<VmInfo>({
  savedMs: finite(-DATE_MAX_MS, DATE_MAX_MS),
  clockNs: COUNT,
  icount: nullable(COUNT),
  stateBytes: COUNT,
  disks: list(record<VmDisk>({ drive: text(NAME_MAX), path: text(NAME_MAX), sizeBytes: COUNT }), {
    max: DISKS_MAX,
  }),
});

export function isVmInfo(value: Plain): value is VmInfo {
  return VM_INFO.misfit(value) === undefined;
}
