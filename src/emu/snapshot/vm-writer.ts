/** Writes what `savevm` keeps, a piece at a time: neither RAM nor a disk is held twice. */
import { SnapshotError } from '../core/snapshot-error.ts';
import { encodePlain } from './plain-codec.ts';
import { prefixOf, recordOf, wordsOf } from './record-stream.ts';
import type { PlannedSnapshot } from './snapshot-writer.ts';
import {
  VM_FILE,
  VM_RECORD_DISK,
  VM_RECORD_END,
  VM_RECORD_INFO,
  VM_RECORD_MACHINE,
  type VmDisk,
  type VmInfo,
} from './vm-format.ts';

/** What of a disk is read, compared and kept at once. */
export const DISK_PIECE = 256 * 1024;
/** Contents of all disks together, without zeros: a browser's storage and a user's patience end somewhere. */
export const DISK_BYTES_MAX = 2 ** 30;

/** A disk as it is read for a snapshot. */
export interface VmDiskSource extends VmDisk {
  /** Fills `target`, which lies inside of the disk. Rejects when the image cannot be read. */
  read(offset: number, target: Uint8Array): Promise<void>;
}

export interface VmContents {
  readonly info: Omit<VmInfo, 'stateBytes' | 'disks'>;
  readonly disks: readonly VmDiskSource[];
  readonly machine: PlannedSnapshot;
}

/** The machine must not run before the last piece is taken. Throws `SnapshotError` where the disks hold too much. */
export async function* writeVm(contents: VmContents): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { disks, machine } = contents;
  const info: VmInfo = {
    ...contents.info,
    stateBytes: machine.sizeBytes,
    disks: disks.map(({ drive, path, sizeBytes }) => ({ drive, path, sizeBytes })),
  };
  let records = 0;
  yield prefixOf(VM_FILE);
  yield recordOf(VM_RECORD_INFO, encodePlain(info));
  for await (const piece of diskRecords(disks)) {
    yield piece;
    records++;
  }
  for (const piece of machine.pieces()) {
    yield recordOf(VM_RECORD_MACHINE, piece);
    records++;
  }
  yield recordOf(VM_RECORD_END, wordsOf([records]));
}

async function* diskRecords(disks: readonly VmDiskSource[]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(DISK_PIECE);
  let kept = 0;
  for (const [index, disk] of disks.entries()) {
    for (let offset = 0; offset < disk.sizeBytes; offset += DISK_PIECE) {
      const bytes = piece.subarray(0, Math.min(DISK_PIECE, disk.sizeBytes - offset));
      await disk.read(offset, bytes);
      if (isEmpty(bytes)) continue;
      kept += bytes.length;
      if (kept > DISK_BYTES_MAX) throw tooMuch();
      yield recordOf(VM_RECORD_DISK, wordsOf([index, offset % 2 ** 32, Math.floor(offset / 2 ** 32)]), bytes);
    }
  }
}

/** Whether a piece, which begins at a word of its buffer, is zeros. */
function isEmpty(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  for (let at = 0; at < words.length; at++) if (words[at] !== 0) return false;
  for (let at = words.length * 4; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function tooMuch(): SnapshotError {
  const gib = DISK_BYTES_MAX / 2 ** 30;
  return new SnapshotError(`The disks hold more than ${gib} GiB, which is more than a snapshot keeps`);
}
