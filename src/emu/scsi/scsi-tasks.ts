/** The commands of a controller that are about its disks and not done at once, as requests to a disk, and how they end. */
import type { BlockBackend, BlockError } from '../block/block-backend.ts';
import { type BlockTask, NO_MEDIUM_ERROR, NOT_BEGUN } from '../block/block-tasks.ts';
import { BlkTransfer, type BlockTransfer } from '../block/block-transfer.ts';
import { FillTransfer, RangesTransfer } from '../block/list-transfers.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, segmentsLength, sliceSegments } from '../memory/segments.ts';
import { check, countedAs, GOOD, type ScsiEnd, type ScsiWork } from './scsi-action.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import type { ScsiDisk } from './scsi-disk.ts';
import { INVALID_FIELD, IO_ERROR, NO_MEDIUM, SPACE_ALLOCATION_FAILED } from './scsi-sense.ts';

export interface ScsiTask extends BlockTask {
  readonly unit: ScsiDisk;
  readonly command: ScsiCommand;
  readonly work: ScsiWork;
  /** The driver's buffers for data. */
  readonly segments: readonly Segment[];
}

/**
 * The task of `unit` for `work`.
 * @param done bytes of it that were done before a snapshot
 */
export function taskFor(
  { unit, command, work, segments }: Pick<ScsiTask, 'unit' | 'command' | 'work' | 'segments'>,
  memory: DmaPort,
  done: number,
): ScsiTask {
  const backend = unit.drive.medium?.backend;
  const wantsFlush = work.kind !== 'flush' && work.flush;
  const isRead = work.kind === 'move' && work.direction === 'read';
  return {
    ...{ unit, command, work, segments, backend, ...NOT_BEGUN },
    ...{ gate: unit.drive.gate, kind: countedAs(work) },
    transfer: transferOf(work, backend, memory, segments, done),
    flush: wantsFlush ? (isRead ? 'before' : 'after') : 'no',
  };
}

/** What the driver is told of a task that is over. */
export function endOf({ unit, work, kind }: ScsiTask, error: BlockError | undefined): ScsiEnd {
  if (error === undefined) return work.kind === 'ranges' && work.bad !== undefined ? check(work.bad) : GOOD;
  if (error === NO_MEDIUM_ERROR) return check(NO_MEDIUM);
  unit.onIoError(kind === 'read' ? 'read' : 'write', error);
  if (error.code === 'ENOSPC') return check(SPACE_ALLOCATION_FAILED);
  return check(error.code === 'EINVAL' ? INVALID_FIELD : IO_ERROR);
}

/** The transfer that `work` asks for, of which `done` bytes were done before a snapshot. */
function transferOf(
  work: ScsiWork,
  backend: BlockBackend | undefined,
  memory: DmaPort,
  segments: readonly Segment[],
  done: number,
): BlockTransfer | undefined {
  if (work.kind === 'flush' || backend === undefined) return undefined;
  if (work.kind === 'ranges') return new RangesTransfer(backend, work.verb, work.ranges, done);
  if (work.kind === 'fill') return new FillTransfer(backend, work.pattern, work.offset, work.bytes, done);
  // QEMU moves as many bytes as the driver has given room for, also beyond what the command asks for. Here it is what was asked for.
  const own = sliceSegments(segments, 0, Math.min(work.bytes, segmentsLength(segments)));
  return new BlkTransfer(memory, backend, work.direction, own, work.offset, done);
}

/** The list of parameters that a driver sends. */
export function gatherList(memory: DmaPort, segments: readonly Segment[], bytes: number): Uint8Array {
  const list = new Uint8Array(bytes);
  gather(memory, segments, list);
  return list;
}
