/** What a SCSI command comes to: a logical unit decides it, a controller carries it out. */
import type { BlockError } from '../block/block-backend.ts';
import type { CountedKind } from '../block/block-statistics.ts';
import { INVALID_FIELD, IO_ERROR, type Sense, SPACE_ALLOCATION_FAILED } from './scsi-sense.ts';

/** Spec: SAM-5 §5.3.1. */
export const STATUS_GOOD = 0x00;
export const STATUS_CHECK_CONDITION = 0x02;

/** A part of the disk, in bytes. */
export interface DiskRange {
  readonly offset: number;
  readonly bytes: number;
}

/** It is done, well or not. */
export type ScsiEnd = { readonly kind: 'good' } | { readonly kind: 'check'; readonly sense: Sense };

/** Data moves between the driver's buffers and the disk. */
export interface ScsiMove extends DiskRange {
  readonly kind: 'move';
  readonly direction: 'read' | 'write';
  /** The cache is stored: before a read, after a write. */
  readonly flush: boolean;
}

/** Parts of the disk are given back or filled; `bad` is told when what came before it is done. */
export interface ScsiRanges {
  readonly kind: 'ranges';
  readonly verb: 'discard' | 'writeZeroes';
  readonly ranges: readonly DiskRange[];
  readonly bad: Sense | undefined;
  readonly flush: boolean;
}

/** A part of the disk is filled with copies of `pattern`. */
export interface ScsiFill extends DiskRange {
  readonly kind: 'fill';
  readonly pattern: Uint8Array;
  readonly flush: boolean;
}

/** What takes time and is about the disk. */
export type ScsiWork = ScsiMove | ScsiRanges | ScsiFill | { readonly kind: 'flush' };

export type ScsiAction =
  | ScsiEnd
  | ScsiWork
  /** The driver gets these bytes, and then GOOD. */
  | { readonly kind: 'answer'; readonly bytes: Uint8Array }
  /** The driver sends a list of parameters, which says what to do. */
  | { readonly kind: 'list'; readonly take: (bytes: Uint8Array) => ScsiAction };

export const GOOD: ScsiEnd = { kind: 'good' };

export function check(sense: Sense): ScsiEnd {
  return { kind: 'check', sense };
}

export function isWork(action: ScsiAction): action is ScsiWork {
  return (
    action.kind === 'move' || action.kind === 'ranges' || action.kind === 'fill' || action.kind === 'flush'
  );
}

/** What the guest is told of an error of the host's. QEMU: scsi_sense_from_errno. */
export function endOfError({ code }: BlockError): ScsiEnd {
  if (code === 'ENOSPC') return check(SPACE_ALLOCATION_FAILED);
  return check(code === 'EINVAL' ? INVALID_FIELD : IO_ERROR);
}

/** What the drive's statistics count it as. */
export function countedAs(work: ScsiWork): CountedKind {
  if (work.kind === 'flush') return 'flush';
  if (work.kind === 'ranges') return work.verb === 'discard' ? 'unmap' : 'write';
  return work.kind === 'move' && work.direction === 'read' ? 'read' : 'write';
}
