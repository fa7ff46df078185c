/** Commands of the NVM command set: what each comes to. Spec: NVMe 1.4 §6; the order of the checks is QEMU's. */

import type { BlockError } from '../block/block-backend.ts';
import type { CountedKind } from '../block/block-statistics.ts';
import { type BlockTask, BlockTasks } from '../block/block-tasks.ts';
import { BlkTransfer, type BlockTransfer, RangeTransfer } from '../block/block-transfer.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import { RangesTransfer } from '../block/list-transfers.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather } from '../memory/segments.ts';
import { mapData } from './nvme-data.ts';
import type { NvmeNamespace } from './nvme-namespace.ts';
import * as n from './nvme-spec.ts';
import { CompareTransfer, CopyTransfer, VerifyTransfer } from './nvme-transfers.ts';

const DEALLOCATE = 4;
const RANGE_BYTES = 16;
const COPY_RANGE_BYTES = 32;

/** A command that is carried out; one that is about several namespaces has a task for each. */
export interface NvmeTask extends BlockTask {
  readonly namespace: NvmeNamespace;
  readonly command: n.NvmeCommand;
  readonly sqid: number;
  readonly kind: CountedKind;
}

/** What the commands need of their controller. */
export interface IoLimits {
  readonly memory: DmaPort;
  readonly pageBytes: number;
  /** Bytes that a transfer may have; Infinity: any number. */
  readonly maxTransfer: number;
  /** The same for Verify. */
  readonly maxVerify: number;
  /** Blocks of one range of a deallocation. */
  readonly maxRange: number;
}

/** What is to be done, or the status with which the command ends at once. */
export type IoWork = { readonly kind: CountedKind; readonly transfer: BlockTransfer | undefined } | number;

/** @param done bytes that were done before a snapshot */
export function ioWork(namespace: NvmeNamespace, command: n.NvmeCommand, limits: IoLimits, done = 0): IoWork {
  switch (command.opcode) {
    case n.NVM_READ:
      return move(namespace, command, limits, 'read', done);
    case n.NVM_WRITE:
      return move(namespace, command, limits, 'write', done);
    case n.NVM_COMPARE:
      return compare(namespace, command, limits, done);
    case n.NVM_VERIFY:
      return verify(namespace, command, limits, done);
    case n.NVM_WRITE_ZEROES:
      return zeroes(namespace, command, done);
    case n.NVM_DATASET_MANAGEMENT:
      return deallocate(namespace, command, limits, done);
    case n.NVM_COPY:
      return copy(namespace, command, limits, done);
    default:
      return n.INVALID_OPCODE | n.DNR;
  }
}

interface Extent {
  readonly offset: number;
  readonly bytes: number;
  readonly inRange: boolean;
}

function extentOf(namespace: NvmeNamespace, block: number, blocks: number): Extent {
  const size = 2 ** namespace.blockShift;
  return { offset: block * size, bytes: blocks * size, inRange: namespace.inRange(block, blocks) };
}

/** Of commands with a first block, and a number of blocks less one. */
function extent(namespace: NvmeNamespace, command: n.NvmeCommand): Extent {
  return extentOf(namespace, command.u64(40), command.u16(48) + 1);
}

function refused(namespace: NvmeNamespace, kind: CountedKind, status: number): number {
  namespace.gate.statistics.refuse(kind);
  return status;
}

/** Not modelled: Error Recovery's DULBE, an error for blocks that were never written; they read as zeros. */
function move(
  namespace: NvmeNamespace,
  command: n.NvmeCommand,
  { memory, pageBytes, maxTransfer }: IoLimits,
  direction: 'read' | 'write',
  done: number,
): IoWork {
  const { offset, bytes, inRange } = extent(namespace, command);
  if (bytes > maxTransfer) return refused(namespace, direction, n.INVALID_FIELD | n.DNR);
  if (!inRange) return refused(namespace, direction, n.LBA_OUT_OF_RANGE | n.DNR);
  const mapped = mapData(memory, command, bytes, pageBytes);
  if (typeof mapped === 'number') return refused(namespace, direction, mapped);
  return {
    kind: direction,
    transfer: new BlkTransfer(memory, namespace.backend, direction, mapped, offset, done),
  };
}

function compare(
  namespace: NvmeNamespace,
  command: n.NvmeCommand,
  { memory, pageBytes, maxTransfer }: IoLimits,
  done: number,
): IoWork {
  const { offset, bytes, inRange } = extent(namespace, command);
  if (bytes > maxTransfer) return n.INVALID_FIELD | n.DNR;
  if (!inRange) return n.LBA_OUT_OF_RANGE | n.DNR;
  const mapped = mapData(memory, command, bytes, pageBytes);
  if (typeof mapped === 'number') return mapped;
  return {
    kind: 'read',
    transfer: new CompareTransfer(memory, mapped, namespace.backend, offset, bytes, done),
  };
}

function verify(
  namespace: NvmeNamespace,
  command: n.NvmeCommand,
  { maxVerify }: IoLimits,
  done: number,
): IoWork {
  const { offset, bytes, inRange } = extent(namespace, command);
  if (bytes > maxVerify) return n.INVALID_FIELD | n.DNR;
  if (!inRange) return n.LBA_OUT_OF_RANGE | n.DNR;
  return { kind: 'read', transfer: new VerifyTransfer(namespace.backend, offset, bytes, done) };
}

function zeroes(namespace: NvmeNamespace, command: n.NvmeCommand, done: number): IoWork {
  const { offset, bytes, inRange } = extent(namespace, command);
  if (!inRange) return refused(namespace, 'write', n.LBA_OUT_OF_RANGE | n.DNR);
  return {
    kind: 'write',
    transfer: new RangeTransfer(namespace.backend, 'writeZeroes', offset, bytes, done),
  };
}

/** The driver's list of `count` ranges, or the status. */
function rangeList(
  command: n.NvmeCommand,
  { memory, pageBytes }: IoLimits,
  length: number,
): DataView | number {
  const mapped = mapData(memory, command, length, pageBytes);
  if (typeof mapped === 'number') return mapped;
  const bytes = new Uint8Array(length);
  gather(memory, mapped, bytes);
  return new DataView(bytes.buffer);
}

function u64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** QEMU: ranges that are too long, or that there are not, are passed over. */
function deallocate(
  namespace: NvmeNamespace,
  command: n.NvmeCommand,
  limits: IoLimits,
  done: number,
): IoWork {
  if ((command.cdw(11) & DEALLOCATE) === 0) return n.SUCCESS;
  const count = (command.cdw(10) & 0xff) + 1;
  const list = rangeList(command, limits, count * RANGE_BYTES);
  if (typeof list === 'number') return list;
  const ranges = Array.from({ length: count }, (_, at) => {
    const blocks = list.getUint32(at * RANGE_BYTES + 4, true);
    return { blocks, ...extentOf(namespace, u64(list, at * RANGE_BYTES + 8), blocks) };
  }).filter(({ blocks, inRange }) => blocks > 0 && blocks <= limits.maxRange && inRange);
  if (ranges.length === 0) return n.SUCCESS;
  return { kind: 'unmap', transfer: new RangesTransfer(namespace.backend, 'discard', ranges, done) };
}

function copy(namespace: NvmeNamespace, command: n.NvmeCommand, limits: IoLimits, done: number): IoWork {
  const { maxSources, maxSourceBlocks } = namespace.properties;
  const count = (command.cdw(12) & 0xff) + 1;
  const format = (command.cdw(12) >>> 8) & 0xf;
  if (format > 1) return n.INVALID_FIELD | n.DNR;
  if (count > maxSources + 1) return n.COMMAND_SIZE_LIMIT | n.DNR;
  // The second format is for metadata with a longer tag.
  if (format !== 0) return n.INVALID_FORMAT | n.DNR;
  const list = rangeList(command, limits, count * COPY_RANGE_BYTES);
  if (typeof list === 'number') return list;
  const sources = Array.from({ length: count }, (_, at) => {
    const blocks = list.getUint16(at * COPY_RANGE_BYTES + 16, true) + 1;
    return { blocks, ...extentOf(namespace, u64(list, at * COPY_RANGE_BYTES + 8), blocks) };
  });
  // QEMU: what is wrong with a range is not told.
  if (sources.some(({ blocks, inRange }) => blocks > maxSourceBlocks || !inRange)) return n.INTERNAL_ERROR;
  const all = sources.reduce((sum, { blocks }) => sum + blocks, 0);
  const target = extentOf(namespace, command.u64(40), all);
  if (!target.inRange) return n.INTERNAL_ERROR;
  return { kind: 'write', transfer: new CopyTransfer(namespace.backend, sources, target.offset, done) };
}

/** Commands that are under way. A task ends with its status. */
export class NvmeTasks extends BlockTasks<NvmeTask, number> {
  protected gateOf({ namespace }: NvmeTask): DriveGate {
    return namespace.gate;
  }

  protected kindOf({ kind }: NvmeTask): CountedKind {
    return kind;
  }

  /** Without a cache, what is written is stored before the driver is told. */
  protected flushOf({ namespace, kind }: NvmeTask): 'after' | undefined {
    return kind === 'write' && !namespace.writeCache ? 'after' : undefined;
  }

  protected doneOf({ transfer }: NvmeTask): number {
    const differs = transfer instanceof CompareTransfer && transfer.differs;
    return differs ? n.COMPARE_FAILURE : n.SUCCESS;
  }

  protected emptyOf(): number {
    return n.INTERNAL_ERROR;
  }

  protected failed(task: NvmeTask, error: BlockError): number {
    const { namespace, command, sqid } = task;
    const reads = task.kind === 'read';
    if (this.isWanted(task)) namespace.onError(reads ? 'read' : 'write', error);
    if (sqid === 0) return n.INTERNAL_ERROR;
    switch (command.opcode) {
      case n.NVM_READ:
        return n.UNRECOVERED_READ;
      case n.NVM_FLUSH:
      case n.NVM_WRITE:
      case n.NVM_WRITE_ZEROES:
        return n.WRITE_FAULT;
      default:
        return n.INTERNAL_ERROR;
    }
  }

  protected isGood(_task: NvmeTask, end: number): boolean {
    return end === n.SUCCESS;
  }
}
