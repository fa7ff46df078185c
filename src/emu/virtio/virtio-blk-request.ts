/** A request of virtio-blk as its driver wrote it, and how the device keeps requests in a snapshot. Spec: virtio 1.2 §5.2.6. */
import {
  BOOLEAN,
  DWORD,
  integer,
  list,
  nullable,
  record,
  type StateFields,
  type StateKind,
  tuple,
  where,
} from '../core/state-fields.ts';
import type { Gpa } from '../memory/addresses.ts';
import { type Segment, segmentsLength } from '../memory/segments.ts';
import { VIRTIO_BLK_SECTOR_SIZE } from './virtio-blk-config.ts';
import type { VirtioState } from './virtio-device.ts';
import { VIRTQUEUE_MAX_SIZE, type Virtqueue } from './virtqueue.ts';

export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;
export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;
/** QEMU: both bits are ignored when it looks at the type; OUT then says the direction. */
export const TYPE_MASK = ~(VIRTIO_BLK_T_OUT | 0x8000_0000);

export type VirtioBlkState = VirtioState & {
  readonly writeCache: boolean;
  /** Requests that the back end had not finished: queue number and head of each. */
  readonly inFlight: readonly (readonly [queue: number, head: number])[];
  /** Requests that wait for the next portion, or for a machine that an error has stopped, in order, with what is done of them. */
  readonly paused: readonly (Order & { readonly doneBytes: number })[];
};

/** A request as the driver wrote it: what it changes in its memory meanwhile does not count. */
export type Order = {
  readonly queueIndex: number;
  readonly head: number;
  readonly type: number;
  readonly sector: number;
  readonly out: readonly Segment[];
  readonly in: readonly Segment[];
  /** Of a discard or a write of zeros, once it was begun: what it is about, in bytes. */
  readonly range: { readonly offset: number; readonly bytes: number } | null;
  /** Where the status byte goes. */
  readonly statusGpa: Gpa;
  /** Length to report: all the guest gave for writing. */
  readonly written: number;
};

/** A read or a write, not a range. */
export function isData({ range }: Order): boolean {
  return range === null;
}

export function isFlush({ type }: Order): boolean {
  return (type & TYPE_MASK) === VIRTIO_BLK_T_FLUSH;
}

export function rangeVerb({ type }: Order): 'discard' | 'writeZeroes' {
  return (type & TYPE_MASK) === (VIRTIO_BLK_T_DISCARD & TYPE_MASK) ? 'discard' : 'writeZeroes';
}

/** Addresses and sectors are as the driver wrote them: whether there is something is seen when they are used. */
const ANY_64_BITS = integer(0, 2 ** 64);
const RANGE = record<NonNullable<Order['range']>>({
  offset: integer(0, Number.MAX_SAFE_INTEGER),
  bytes: integer(0, VIRTIO_BLK_SECTOR_SIZE * 2 ** 32),
});
const SEGMENTS = list(record<Segment>({ gpa: ANY_64_BITS, length: integer(0, 2 ** 32) }), {
  max: VIRTQUEUE_MAX_SIZE,
});

export function virtioBlkFields(
  common: StateFields<VirtioState>,
  queues: readonly Virtqueue[],
): StateKind<VirtioBlkState> {
  const queueIndex = integer(0, queues.length - 1);
  const head = integer(0, VIRTQUEUE_MAX_SIZE - 1);
  const requests = { max: queues.length * VIRTQUEUE_MAX_SIZE };
  const paused = record<VirtioBlkState['paused'][number]>({
    queueIndex,
    head,
    type: DWORD,
    sector: ANY_64_BITS,
    out: SEGMENTS,
    in: SEGMENTS,
    statusGpa: ANY_64_BITS,
    written: integer(0, Number.MAX_SAFE_INTEGER),
    doneBytes: integer(0, Number.MAX_SAFE_INTEGER),
    range: nullable(RANGE),
  });
  const possible = where(paused, (request) =>
    request.doneBytes <= (request.range?.bytes ?? segmentsLength(dataOf(request)))
      ? undefined
      : 'has done more than it asks for',
  );
  return record<VirtioBlkState>({
    ...common,
    writeCache: BOOLEAN,
    inFlight: where(list(tuple(queueIndex, head), requests), (all) =>
      new Set(all.map(String)).size === all.length ? undefined : 'has a request twice',
    ),
    paused: list(possible, requests),
  });
}

export function isWrite({ type }: Order): boolean {
  return (type & VIRTIO_BLK_T_OUT) !== 0;
}

/** The buffers of a read or write. */
export function dataOf(order: Order): readonly Segment[] {
  return isWrite(order) ? order.out : order.in;
}
