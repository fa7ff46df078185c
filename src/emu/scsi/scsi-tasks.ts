/** The commands of a controller that are about its disks and not done at once. */
import type { BlockBackend, BlockError } from '../block/block-backend.ts';
import type { CountedKind } from '../block/block-statistics.ts';
import { type BlockTask, BlockTasks, type TaskOwner as OwnerOf } from '../block/block-tasks.ts';
import { BlkTransfer, type BlockTransfer } from '../block/block-transfer.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import { FillTransfer, RangesTransfer } from '../block/list-transfers.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, segmentsLength, sliceSegments } from '../memory/segments.ts';
import { check, countedAs, endOfError, GOOD, type ScsiEnd, type ScsiWork } from './scsi-action.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import type { ScsiDisk } from './scsi-disk.ts';
import { NO_MEDIUM } from './scsi-sense.ts';

export interface ScsiTask extends BlockTask {
  readonly unit: ScsiDisk;
  readonly command: ScsiCommand;
  readonly work: ScsiWork;
  /** The driver's buffers for data. */
  readonly segments: readonly Segment[];
}

export type TaskOwner<T> = OwnerOf<T, ScsiEnd>;

/** The transfer that `work` asks for, of which `done` bytes were done before a snapshot. */
export function transferOf(
  work: ScsiWork,
  backend: BlockBackend | undefined,
  memory: DmaPort,
  segments: readonly Segment[],
  done = 0,
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

export class ScsiTasks<T extends ScsiTask> extends BlockTasks<T, ScsiEnd> {
  protected gateOf({ unit }: T): DriveGate {
    return unit.drive.gate;
  }

  protected kindOf({ work }: T): CountedKind {
    return countedAs(work);
  }

  protected flushOf({ work }: T): 'before' | 'after' | undefined {
    if (work.kind === 'flush' || !work.flush) return undefined;
    return work.kind === 'move' && work.direction === 'read' ? 'before' : 'after';
  }

  protected doneOf({ work }: T): ScsiEnd {
    return work.kind === 'ranges' && work.bad !== undefined ? check(work.bad) : GOOD;
  }

  protected emptyOf(): ScsiEnd {
    return check(NO_MEDIUM);
  }

  protected failed(task: T, error: BlockError): ScsiEnd | 'stop' {
    if (!this.isWanted(task)) return endOfError(error);
    const action = task.unit.onIoError(countedAs(task.work) === 'read' ? 'read' : 'write', error);
    if (action === 'stop') return action;
    return action === 'ignore' ? GOOD : endOfError(error);
  }

  protected isGood({ work }: T, end: ScsiEnd): boolean {
    return end.kind === 'good' || work.kind === 'ranges';
  }
}
