/** Requests of a virtio SCSI host as their driver wrote them, and how the device keeps them in a snapshot. Spec: virtio 1.2 §5.6.6. */
import {
  BOOLEAN,
  integer,
  list,
  nullable,
  record,
  type StateFields,
  type StateKind,
  tuple,
  where,
} from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, segmentsLength, sliceSegments } from '../memory/segments.ts';
import { SENSE_STATE, type Sense } from '../scsi/scsi-sense.ts';
import type { VirtioState } from './virtio-device.ts';
import { type Chain, VIRTQUEUE_MAX_SIZE, type Virtqueue } from './virtqueue.ts';

export const VIRTIO_SCSI_S_OK = 0;
export const VIRTIO_SCSI_S_OVERRUN = 1;
export const VIRTIO_SCSI_S_ABORTED = 2;
export const VIRTIO_SCSI_S_BAD_TARGET = 3;
export const VIRTIO_SCSI_S_RESET = 4;
export const VIRTIO_SCSI_S_FAILURE = 9;
export const VIRTIO_SCSI_S_FUNCTION_SUCCEEDED = 10;
export const VIRTIO_SCSI_S_FUNCTION_REJECTED = 11;
export const VIRTIO_SCSI_S_INCORRECT_LUN = 12;

export const SENSE_SIZE_DEFAULT = 96;
export const CDB_SIZE_DEFAULT = 32;
/** lun u8[8], tag u64, task attributes, priority, crn; then the command descriptor block. */
const REQUEST_HEADER_BYTES = 19;
const TAG_AT = 8;
/** sense_len u32, residual u32, status_qualifier u16, status u8, response u8; then the sense data. */
export const RESPONSE_HEADER_BYTES = 12;
export const STATUS_AT = 10;
export const RESPONSE_AT = 11;

/** Where a request goes. */
export interface ScsiLun {
  readonly target: number;
  readonly lun: number;
  /** The bytes, for the trace. */
  readonly isValid: boolean;
}

/** Spec: §5.6.6.1: 1, the target, and a unit in the flat or the peripheral form. */
export function lunFrom(bytes: Uint8Array): ScsiLun {
  const [first = 0, target = 0, high = 0, low = 0] = bytes;
  const isValid = first === 1 && (high === 0 || (high >= 0x40 && high < 0x80));
  return { target, lun: ((high << 8) | low) & 0x3fff, isValid };
}

/** How a unit is named to the driver. QEMU: units below 256 in the peripheral form. */
export function lunBytes(target: number, lun: number): Uint8Array {
  return Uint8Array.of(1, target, lun >= 256 ? 0x40 | (lun >> 8) : 0, lun & 0xff, 0, 0, 0, 0);
}

/** A command, with the buffers that belong to it. */
export interface CommandRequest extends ScsiLun {
  readonly queueIndex: number;
  readonly head: number;
  readonly tag: bigint;
  readonly cdb: Uint8Array;
  /** Where the answer goes, and how much it may be. */
  readonly response: readonly Segment[];
  readonly dataOut: readonly Segment[];
  readonly dataIn: readonly Segment[];
}

export interface ScsiSizes {
  readonly cdb: number;
  readonly sense: number;
}

/** The request of a chain; undefined when it has no room for what every request has. */
export function commandFrom(
  memory: DmaPort,
  queueIndex: number,
  { head, out, in: input }: Chain,
  sizes: ScsiSizes,
): CommandRequest | undefined {
  const [outBytes, inBytes] = [segmentsLength(out), segmentsLength(input)];
  const [headerBytes, responseBytes] = [
    REQUEST_HEADER_BYTES + sizes.cdb,
    RESPONSE_HEADER_BYTES + sizes.sense,
  ];
  if (outBytes < headerBytes || inBytes < responseBytes) return undefined;
  const header = new Uint8Array(headerBytes);
  gather(memory, out, header);
  return {
    ...lunFrom(header),
    queueIndex,
    head,
    tag: new DataView(header.buffer).getBigUint64(TAG_AT, true),
    cdb: header.subarray(REQUEST_HEADER_BYTES),
    response: sliceSegments(input, 0, responseBytes),
    dataOut: sliceSegments(out, headerBytes, outBytes - headerBytes),
    dataIn: sliceSegments(input, responseBytes, inBytes - responseBytes),
  };
}

export type VirtioScsiState = VirtioState & {
  readonly senseSize: number;
  readonly cdbSize: number;
  /** An event had no buffer. */
  readonly eventsDropped: boolean;
  /** What the next command to any unit is told, or null. */
  readonly attention: Sense | null;
  /** Commands that were not done: queue number, head, and the bytes that were done; null: those that wait for a portion had none. */
  readonly inFlight: readonly (readonly [queue: number, head: number, doneBytes: number])[];
};

/** QEMU: a driver may ask for sizes below this. */
export const SIZE_LIMIT = 65_536;

export function virtioScsiFields(
  common: StateFields<VirtioState>,
  queues: readonly Virtqueue[],
): StateKind<VirtioScsiState> {
  const size = integer(0, SIZE_LIMIT - 1);
  const one = tuple(
    integer(0, queues.length - 1),
    integer(0, VIRTQUEUE_MAX_SIZE - 1),
    integer(0, Number.MAX_SAFE_INTEGER),
  );
  return record<VirtioScsiState>({
    ...common,
    senseSize: size,
    cdbSize: size,
    eventsDropped: BOOLEAN,
    attention: nullable(SENSE_STATE),
    inFlight: where(list(one, { max: queues.length * VIRTQUEUE_MAX_SIZE }), (all) =>
      new Set(all.map(([queue, head]) => `${queue} ${head}`)).size === all.length
        ? undefined
        : 'has a request twice',
    ),
  });
}

/** Spec: §5.6.4; all little-endian. */
export interface VirtioScsiConfig {
  readonly numQueues: number;
  readonly queueSize: number;
  readonly segMaxAdjust: boolean;
  readonly maxSectors: number;
  readonly cmdPerLun: number;
}

export const CONFIG_BYTES = 36;
export const SENSE_SIZE_AT = 20;
export const CDB_SIZE_AT = 24;
const EVENT_INFO_BYTES = 16;
export const MAX_TARGET = 255;
export const MAX_LUN = 16383;

export function configBytes(config: VirtioScsiConfig, sizes: ScsiSizes): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(bytes.buffer);
  const words = [
    config.numQueues,
    config.segMaxAdjust ? config.queueSize - 2 : 126,
    config.maxSectors,
    config.cmdPerLun,
    EVENT_INFO_BYTES,
    sizes.sense,
    sizes.cdb,
  ];
  for (const [n, word] of words.entries()) view.setUint32(4 * n, word, true);
  view.setUint16(30, MAX_TARGET, true);
  view.setUint32(32, MAX_LUN, true);
  return bytes;
}
