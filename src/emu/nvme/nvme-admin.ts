/** Admin commands. Spec: NVMe 1.4 §5; the order of the checks is QEMU's. */
import { type BlockTransfer, RangeTransfer } from '../block/block-transfer.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, scatter } from '../memory/segments.ts';
import { mapData } from './nvme-data.ts';
import type { NvmeEvents } from './nvme-events.ts';
import { type FeatureAnswer, isNamespaceId, type NvmeFeatures } from './nvme-features.ts';
import { type IdentifyHost, identify } from './nvme-identify.ts';
import { ADMIN_EFFECTS, type LogHost, logPage } from './nvme-log-pages.ts';
import type { NvmeNamespace } from './nvme-namespace.ts';
import type { NvmeQueues } from './nvme-queues.ts';
import * as n from './nvme-spec.ts';

/** What the commands are about. */
export interface AdminHost extends IdentifyHost, LogHost {
  readonly memory: DmaPort;
  readonly pageBytes: number;
  readonly queues: NvmeQueues;
  readonly features: NvmeFeatures;
  readonly events: NvmeEvents;
  /** Vectors that a queue may have now. */
  readonly usableVectors: number;
  /** The queue leaves: what is under way of it is over. */
  endTasksOf(sqid: number): void;
  /** Begins to format a namespace. */
  beginFormat(namespace: NvmeNamespace, command: n.NvmeCommand): void;
}

export interface AdminEnd {
  readonly status: number;
  readonly result?: number;
}

/** Actions of Virtualization Management that are about a secondary controller. */
const OF_SECONDARY: ReadonlySet<number> = new Set([7, 8, 9]);

const refuse = (status: number): AdminEnd => ({ status: status | n.DNR });
const DONE: AdminEnd = { status: n.SUCCESS };

/** Undefined: it is not done yet. */
export function adminCommand(host: AdminHost, command: n.NvmeCommand): AdminEnd | undefined {
  const { opcode } = command;
  if (!ADMIN_EFFECTS.has(opcode)) return refuse(n.INVALID_OPCODE);
  // Spec: §4.4: admin commands describe data by PRPs.
  if (command.psdt !== 0) return refuse(n.INVALID_FIELD);
  if (command.fuse !== 0) return { status: n.INVALID_FIELD };
  const { queues, pageBytes, features } = host;
  switch (opcode) {
    case n.ADMIN_DELETE_SQ: {
      const id = command.u16(40);
      return { status: queues.deleteSq(id, () => host.endTasksOf(id)) };
    }
    case n.ADMIN_CREATE_SQ:
      return { status: queues.createSq(command, pageBytes) };
    case n.ADMIN_DELETE_CQ:
      return { status: queues.deleteCq(command.u16(40)) };
    case n.ADMIN_CREATE_CQ:
      return { status: queues.createCq(command, host.usableVectors, pageBytes) };
    case n.ADMIN_GET_LOG_PAGE:
      return answer(host, command, logPage(host, command));
    case n.ADMIN_IDENTIFY:
      return answer(host, command, identify(host, command));
    case n.ADMIN_ABORT:
      // QEMU: nothing is aborted, which its result says.
      return { status: queues.has(command.u16(40)) ? n.SUCCESS : n.INVALID_FIELD | n.DNR, result: 1 };
    case n.ADMIN_SET_FEATURES:
      return featureEnd(host, command, features.set(command));
    case n.ADMIN_GET_FEATURES:
      return featureEnd(host, command, features.get(command));
    case n.ADMIN_ASYNC_EVENT: {
      const status = host.events.ask(command.cid);
      return status === undefined ? undefined : { status };
    }
    case n.ADMIN_NS_ATTACHMENT:
      // QEMU: of a subsystem's namespaces only.
      return refuse(isNamespaceId(command.nsid) ? n.INVALID_FIELD : n.INVALID_NAMESPACE);
    case n.ADMIN_VIRTUALIZATION:
      // No function of this controller is virtual: no resources to give, and no such controller.
      return refuse(OF_SECONDARY.has(command.cdw(10) & 0xf) ? n.INVALID_CONTROLLER_ID : n.INVALID_FIELD);
    case n.ADMIN_DOORBELL_BUFFER: {
      const [doorbells, events] = [command.prp1, command.prp2];
      if (doorbells % pageBytes !== 0 || events % pageBytes !== 0) return refuse(n.INVALID_FIELD);
      queues.useDoorbellBuffer({ doorbells, events });
      return DONE;
    }
    default:
      return beginFormat(host, command, 0);
  }
}

function answer(host: AdminHost, command: n.NvmeCommand, data: Uint8Array | number): AdminEnd {
  if (typeof data === 'number') return { status: data };
  const mapped = mapData(host.memory, command, data.length, host.pageBytes);
  if (typeof mapped === 'number') return { status: mapped };
  scatter(host.memory, mapped, data);
  return DONE;
}

function featureEnd(host: AdminHost, command: n.NvmeCommand, end: FeatureAnswer): AdminEnd {
  return 'data' in end ? answer(host, command, end.data) : end;
}

/** The driver's data for a command, or the status. */
export function takeData(
  { memory, pageBytes }: Pick<AdminHost, 'memory' | 'pageBytes'>,
  command: n.NvmeCommand,
  length: number,
): Uint8Array | number {
  const mapped = mapData(memory, command, length, pageBytes);
  if (typeof mapped === 'number') return mapped;
  const data = new Uint8Array(length);
  gather(memory, mapped, data);
  return data;
}

export function formatOf(command: n.NvmeCommand): number {
  return command.cdw(10) & 0xf;
}

/** Goes on with the first namespace behind `after` that the command means. Undefined: it is not done yet. */
export function beginFormat(host: AdminHost, command: n.NvmeCommand, after: number): AdminEnd | undefined {
  const { nsid } = command;
  if (!isNamespaceId(nsid)) return refuse(n.INVALID_NAMESPACE);
  if (nsid !== n.NSID_BROADCAST && host.namespace(nsid) === undefined) return refuse(n.INVALID_FIELD);
  const namespace = nextNamespace(host.namespaces, nsid, after);
  if (namespace === undefined) return DONE;
  if (!namespace.canFormat(formatOf(command))) return refuse(n.INVALID_FORMAT);
  host.beginFormat(namespace, command);
  return undefined;
}

/** Of the namespaces that a command means, that with the lowest number above `after`. */
export function nextNamespace(
  namespaces: Iterable<NvmeNamespace>,
  nsid: number,
  after: number,
): NvmeNamespace | undefined {
  return [...namespaces]
    .filter((one) => one.nsid > after && (nsid === n.NSID_BROADCAST || one.nsid === nsid))
    .sort((a, b) => a.nsid - b.nsid)[0];
}

export function formatTransfer({ backend }: NvmeNamespace, done = 0): BlockTransfer {
  return new RangeTransfer(backend, 'writeZeroes', 0, backend.sizeBytes, done);
}
