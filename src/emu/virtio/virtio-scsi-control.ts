/** Task management and asynchronous notification of a virtio SCSI host. Spec: virtio 1.2 §5.6.6.2. */
import { gather, segmentsLength } from '../memory/segments.ts';
import type { ScsiDisk } from '../scsi/scsi-disk.ts';
import type { VirtioScsi, VirtioScsiTask } from './virtio-scsi.ts';
import {
  lunFrom,
  type ScsiLun,
  VIRTIO_SCSI_S_BAD_TARGET,
  VIRTIO_SCSI_S_FUNCTION_REJECTED,
  VIRTIO_SCSI_S_FUNCTION_SUCCEEDED,
  VIRTIO_SCSI_S_INCORRECT_LUN,
  VIRTIO_SCSI_S_OK,
} from './virtio-scsi-request.ts';
import type { Chain } from './virtqueue.ts';

const VIRTIO_SCSI_T_TMF = 0;
const VIRTIO_SCSI_T_AN_QUERY = 1;
const VIRTIO_SCSI_T_AN_SUBSCRIBE = 2;

const ABORT_TASK = 0;
const ABORT_TASK_SET = 1;
const CLEAR_TASK_SET = 3;
const I_T_NEXUS_RESET = 4;
const LOGICAL_UNIT_RESET = 5;
const QUERY_TASK = 6;
const QUERY_TASK_SET = 7;

/** type u32, subtype u32, lun u8[8], tag u64 */
const TMF_BYTES = 24;
/** type u32, lun u8[8], event_requested u32 */
const AN_BYTES = 16;

interface Function extends ScsiLun {
  readonly subtype: number;
  readonly tag: bigint;
}

interface Outcome {
  readonly code: number;
  /** Tasks that must let go first. */
  readonly gone?: readonly VirtioScsiTask[];
}

/** Answers one request of the control queue. QEMU: one of another type is given back as it is. */
export function answerControl(host: VirtioScsi, chain: Chain): void {
  const type = new Uint8Array(4);
  if (segmentsLength(chain.out) < type.length) {
    host.fault('wrong size for virtio-scsi headers');
    return;
  }
  gather(host.memory, chain.out, type);
  const number = new DataView(type.buffer).getUint32(0, true);
  if (number === VIRTIO_SCSI_T_TMF) manageTasks(host, chain);
  else if (number === VIRTIO_SCSI_T_AN_QUERY || number === VIRTIO_SCSI_T_AN_SUBSCRIBE)
    notification(host, chain);
  else host.answerLater(chain, new Uint8Array(), []);
}

function bytesOf(host: VirtioScsi, chain: Chain, outBytes: number, inBytes: number): Uint8Array | undefined {
  if (segmentsLength(chain.out) < outBytes || segmentsLength(chain.in) < inBytes) {
    host.fault('wrong size for virtio-scsi headers');
    return undefined;
  }
  const bytes = new Uint8Array(outBytes);
  gather(host.memory, chain.out, bytes);
  return bytes;
}

function manageTasks(host: VirtioScsi, chain: Chain): void {
  const bytes = bytesOf(host, chain, TMF_BYTES, 1);
  if (bytes === undefined) return;
  const view = new DataView(bytes.buffer);
  const asked: Function = {
    ...lunFrom(bytes.subarray(8)),
    subtype: view.getUint32(4, true),
    tag: view.getBigUint64(16, true),
  };
  const tag = Number(asked.tag & 0xffff_ffffn);
  if (host.trace.on) host.trace.event('virtio_scsi_tmf_req', asked.lun, tag, asked.subtype);
  const { code, gone = [] } = perform(host, asked);
  if (host.trace.on) host.trace.event('virtio_scsi_tmf_resp', asked.lun, tag, code);
  host.answerLater(
    chain,
    Uint8Array.of(code),
    gone.map(({ busy }) => busy),
  );
}

function perform(host: VirtioScsi, asked: Function): Outcome {
  switch (asked.subtype) {
    case ABORT_TASK:
      return ofUnit(host, asked, (unit) => abort(host, isTagged(unit, asked.tag)));
    case QUERY_TASK:
      return ofUnit(host, asked, (unit) => query(host, isTagged(unit, asked.tag)));
    case ABORT_TASK_SET:
    case CLEAR_TASK_SET:
      return ofUnit(host, asked, (unit) => abort(host, (task) => task.unit === unit));
    case QUERY_TASK_SET:
      return ofUnit(host, asked, (unit) => query(host, (task) => task.unit === unit));
    case LOGICAL_UNIT_RESET:
      return ofUnit(host, asked, (unit) => reset(host, [unit]));
    case I_T_NEXUS_RESET:
      return reset(host, host.bus.ofTarget(0, asked.target));
    default:
      return { code: VIRTIO_SCSI_S_FUNCTION_REJECTED };
  }
}

function ofUnit(
  host: VirtioScsi,
  { isValid, target, lun }: Function,
  act: (unit: ScsiDisk) => Outcome,
): Outcome {
  const unit = isValid ? host.bus.find(0, target, lun) : undefined;
  if (unit === undefined) return { code: VIRTIO_SCSI_S_BAD_TARGET };
  return unit.address.lun === lun ? act(unit) : { code: VIRTIO_SCSI_S_INCORRECT_LUN };
}

function isTagged(unit: ScsiDisk, tag: bigint): (task: VirtioScsiTask) => boolean {
  return (task) => task.unit === unit && task.request.tag === tag;
}

function abort(host: VirtioScsi, isMeant: (task: VirtioScsiTask) => boolean): Outcome {
  return { code: VIRTIO_SCSI_S_OK, gone: host.abortTasks(isMeant) };
}

function query(host: VirtioScsi, isMeant: (task: VirtioScsiTask) => boolean): Outcome {
  const found = [...host.tasks.all].some(isMeant);
  return { code: found ? VIRTIO_SCSI_S_FUNCTION_SUCCEEDED : VIRTIO_SCSI_S_OK };
}

function reset(host: VirtioScsi, units: readonly ScsiDisk[]): Outcome {
  const gone = [...host.tasks.all].filter(({ unit }) => units.includes(unit));
  for (const unit of units) unit.reset();
  return { code: VIRTIO_SCSI_S_OK, gone };
}

/** QEMU: there is no event of a medium to ask for. */
function notification(host: VirtioScsi, chain: Chain): void {
  const bytes = bytesOf(host, chain, AN_BYTES, 5);
  if (bytes === undefined) return;
  const { lun } = lunFrom(bytes.subarray(4));
  const requested = new DataView(bytes.buffer).getUint32(12, true);
  if (host.trace.on) host.trace.event('virtio_scsi_an_req', lun, requested);
  if (host.trace.on) host.trace.event('virtio_scsi_an_resp', lun, VIRTIO_SCSI_S_OK);
  host.answerLater(chain, new Uint8Array(5), []);
}
