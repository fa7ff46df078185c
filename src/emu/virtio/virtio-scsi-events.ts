/** What a virtio SCSI host tells its driver by itself. Spec: virtio 1.2 §5.6.6.3. */
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { scatter, segmentsLength } from '../memory/segments.ts';
import type { ScsiDisk } from '../scsi/scsi-disk.ts';
import { lunBytes } from './virtio-scsi-request.ts';
import type { Virtqueue } from './virtqueue.ts';

const VIRTIO_SCSI_T_NO_EVENT = 0;
const VIRTIO_SCSI_T_TRANSPORT_RESET = 1;
const VIRTIO_SCSI_T_PARAM_CHANGE = 3;
const VIRTIO_SCSI_T_EVENTS_MISSED = 0x8000_0000;
const VIRTIO_SCSI_EVT_RESET_RESCAN = 1;
const VIRTIO_SCSI_EVT_RESET_REMOVED = 2;

/** event u32, lun u8[8], reason u32 */
const EVENT_BYTES = 16;

export interface ScsiEvent {
  readonly event: number;
  readonly reason: number;
  /** Absent: it is about none. */
  readonly unit?: ScsiDisk;
}

export const VIRTIO_SCSI_EVENTS = {
  rescan: { event: VIRTIO_SCSI_T_TRANSPORT_RESET, reason: VIRTIO_SCSI_EVT_RESET_RESCAN },
  removed: { event: VIRTIO_SCSI_T_TRANSPORT_RESET, reason: VIRTIO_SCSI_EVT_RESET_REMOVED },
  missed: { event: VIRTIO_SCSI_T_NO_EVENT, reason: 0 },
  /** A parameter of the unit changed: which, as sense codes. */
  changed: (asc: number, ascq: number): ScsiEvent => ({
    event: VIRTIO_SCSI_T_PARAM_CHANGE,
    reason: asc | (ascq << 8),
  }),
} as const;

interface EventHost {
  readonly memory: DmaPort;
  readonly trace: Trace;
  fault(message: string): void;
}

/**
 * Puts an event into the next buffer of `queue`; false when the driver has none there.
 * @param missed events before this one had none either
 */
export function pushEvent(
  host: EventHost,
  queue: Virtqueue,
  { event, reason, unit }: ScsiEvent,
  missed: boolean,
): boolean {
  const chain = queue.pop();
  if (chain === undefined) return false;
  if (segmentsLength(chain.in) < EVENT_BYTES) {
    host.fault('wrong size for virtio-scsi headers');
    return true;
  }
  const bytes = new Uint8Array(EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (event | (missed ? VIRTIO_SCSI_T_EVENTS_MISSED : 0)) >>> 0, true);
  if (unit !== undefined) bytes.set(lunBytes(unit.address.target, unit.address.lun), 4);
  view.setUint32(12, reason, true);
  scatter(host.memory, chain.in, bytes);
  if (host.trace.on) host.trace.event('virtio_scsi_event', unit?.address.lun ?? 0, event, reason);
  queue.push(chain.head, EVENT_BYTES);
  return true;
}
