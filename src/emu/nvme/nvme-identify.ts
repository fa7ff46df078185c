/** What the controller says of itself and of its namespaces. Spec: NVMe 1.4 §5.15; the values are QEMU's. */

import { isNamespaceId, TEMPERATURE_WARNING } from './nvme-features.ts';
import { IDENTIFY_BYTES, type NvmeNamespace } from './nvme-namespace.ts';
import * as n from './nvme-spec.ts';

const CNS_NAMESPACE = 0x00;
const CNS_CONTROLLER = 0x01;
const CNS_ACTIVE_LIST = 0x02;
const CNS_DESCRIPTORS = 0x03;
const CNS_SET_NAMESPACE = 0x05;
const CNS_SET_CONTROLLER = 0x06;
const CNS_SET_ACTIVE_LIST = 0x07;
const CNS_PRESENT_LIST = 0x10;
const CNS_PRESENT_NAMESPACE = 0x11;
const CNS_ATTACHED_CONTROLLERS = 0x12;
const CNS_CONTROLLERS = 0x13;
const CNS_PRIMARY_CAPABILITIES = 0x14;
const CNS_SECONDARY_CONTROLLERS = 0x15;
const CNS_SET_PRESENT_LIST = 0x1a;
const CNS_SET_PRESENT_NAMESPACE = 0x1b;
const CNS_COMMAND_SETS = 0x1c;

const CRITICAL_TEMPERATURE = 0x175;
const VERSION = 0x0001_0400;

export interface NvmeIdentity {
  readonly vendorId: number;
  readonly serial: string;
  readonly oui: readonly [number, number, number];
  readonly mdts: number;
  readonly vsl: number;
  readonly aerl: number;
  /** Of QEMU, as its firmware. */
  readonly firmware: string;
}

/** What Identify is about. */
export interface IdentifyHost {
  readonly facts: NvmeIdentity;
  /** Blocks of a deallocation's range. */
  readonly maxRange: number;
  /** Pairs of queues for data, and interrupt vectors. */
  readonly pairs: number;
  readonly vectors: number;
  readonly namespaces: Iterable<NvmeNamespace>;
  namespace(nsid: number): NvmeNamespace | undefined;
}

const EMPTY = (): Uint8Array => new Uint8Array(IDENTIFY_BYTES);

/** The data, or the status. */
export function identify(host: IdentifyHost, command: n.NvmeCommand): Uint8Array | number {
  const cns = command.cdw(10) & 0xff;
  const set = command.cdw(11) >>> 24;
  switch (cns) {
    case CNS_NAMESPACE:
    case CNS_PRESENT_NAMESPACE:
      return ofNamespace(host, command.nsid, (namespace) => namespace.identify());
    case CNS_CONTROLLER:
      return controller(host.facts);
    case CNS_ACTIVE_LIST:
    case CNS_PRESENT_LIST:
      return namespaceList(host, command.nsid, n.CSI_NVM);
    case CNS_SET_ACTIVE_LIST:
    case CNS_SET_PRESENT_LIST:
      return namespaceList(host, command.nsid, set);
    case CNS_DESCRIPTORS:
      return descriptors(host, command.nsid);
    case CNS_SET_NAMESPACE:
    case CNS_SET_PRESENT_NAMESPACE:
      return ofNamespace(host, command.nsid, () => (set === n.CSI_NVM ? EMPTY() : n.INVALID_FIELD | n.DNR));
    case CNS_SET_CONTROLLER:
      return setController(host, set);
    case CNS_COMMAND_SETS:
      return commandSets();
    case CNS_PRIMARY_CAPABILITIES:
      return primary(host);
    case CNS_SECONDARY_CONTROLLERS:
      return EMPTY();
    case CNS_ATTACHED_CONTROLLERS:
    case CNS_CONTROLLERS:
      // QEMU: of a subsystem only.
      return n.INVALID_FIELD | n.DNR;
    default:
      return n.INVALID_FIELD | n.DNR;
  }
}

function ofNamespace(
  host: IdentifyHost,
  nsid: number,
  tell: (namespace: NvmeNamespace) => Uint8Array | number,
): Uint8Array | number {
  if (!isNamespaceId(nsid) || nsid === n.NSID_BROADCAST) return n.INVALID_NAMESPACE | n.DNR;
  const namespace = host.namespace(nsid);
  return namespace === undefined ? EMPTY() : tell(namespace);
}

function descriptors(host: IdentifyHost, nsid: number): Uint8Array | number {
  if (!isNamespaceId(nsid) || nsid === n.NSID_BROADCAST) return n.INVALID_NAMESPACE | n.DNR;
  return host.namespace(nsid)?.descriptors() ?? n.INVALID_FIELD | n.DNR;
}

function namespaceList(host: IdentifyHost, after: number, set: number): Uint8Array | number {
  if (after >= n.NSID_BROADCAST - 1) return n.INVALID_NAMESPACE | n.DNR;
  if (set !== n.CSI_NVM && set !== n.CSI_ZONED) return n.INVALID_FIELD | n.DNR;
  const bytes = EMPTY();
  const view = new DataView(bytes.buffer);
  const ids = [...host.namespaces].map(({ nsid }) => nsid).filter((nsid) => nsid > after);
  if (set === n.CSI_NVM) {
    for (const [at, nsid] of ids.sort((a, b) => a - b).entries()) view.setUint32(4 * at, nsid, true);
  }
  return bytes;
}

function setController({ facts, maxRange }: IdentifyHost, set: number): Uint8Array | number {
  const bytes = EMPTY();
  if (set === n.CSI_NVM) {
    bytes[0] = facts.vsl;
    new DataView(bytes.buffer).setUint32(4, maxRange, true);
  } else if (set !== n.CSI_ZONED) return n.INVALID_FIELD | n.DNR;
  return bytes;
}

/** What virtual functions could have, and do not. */
function primary({ pairs, vectors }: IdentifyHost): Uint8Array {
  const bytes = EMPTY();
  const view = new DataView(bytes.buffer);
  bytes[4] = 3; // CRT: queues and vectors
  view.setUint16(42, pairs + 1, true);
  view.setUint16(46, 1, true);
  view.setUint16(74, vectors, true);
  view.setUint16(78, 1, true);
  return bytes;
}

/** The one combination of command sets: that of reads and writes, and zones. */
function commandSets(): Uint8Array {
  const bytes = EMPTY();
  bytes[0] = (1 << n.CSI_NVM) | (1 << n.CSI_ZONED);
  return bytes;
}

function controller(identity: NvmeIdentity): Uint8Array {
  const bytes = EMPTY();
  const view = new DataView(bytes.buffer);
  const text = (at: number, length: number, value: string): void => {
    const padded = value.padEnd(length, ' ').slice(0, length);
    for (let i = 0; i < length; i++) bytes[at + i] = padded.charCodeAt(i);
  };
  view.setUint16(0, identity.vendorId, true);
  view.setUint16(2, 0x1af4, true); // SSVID
  text(4, 20, identity.serial);
  text(24, 40, 'QEMU NVMe Ctrl');
  text(64, 8, identity.firmware);
  bytes[72] = 6; // RAB
  bytes.set(identity.oui, 73);
  bytes[77] = identity.mdts;
  view.setUint32(80, VERSION, true);
  view.setUint32(92, 0x100, true); // OAES: changes of namespaces
  view.setUint32(96, 0x8000, true); // CTRATT: more formats
  bytes[111] = 1; // CNTRLTYPE: for data
  view.setUint16(256, 0x10a, true); // OACS: formats, namespaces, doorbell buffers
  bytes[258] = 3; // ACL
  bytes[259] = identity.aerl;
  bytes[260] = 3; // FRMW: one slot, which cannot be written
  bytes[261] = 7; // LPA
  view.setUint16(266, TEMPERATURE_WARNING, true);
  view.setUint16(268, CRITICAL_TEMPERATURE, true);
  bytes[512] = (n.SQE_SHIFT << 4) | n.SQE_SHIFT;
  bytes[513] = (n.CQE_SHIFT << 4) | n.CQE_SHIFT;
  view.setUint32(516, n.MAX_NAMESPACES, true);
  view.setUint16(520, 0x15d, true); // ONCS
  bytes[525] = 7; // VWC
  view.setUint16(534, 3, true); // OCFS
  view.setUint32(536, 1, true); // SGLS
  const name = `nqn.2019-08.org.qemu:${identity.serial}`;
  for (let i = 0; i < Math.min(name.length, 255); i++) bytes[768 + i] = name.charCodeAt(i);
  view.setUint16(2048, 0x9c4, true); // PSD0: watts
  view.setUint32(2052, 0x10, true);
  view.setUint32(2056, 0x4, true);
  return bytes;
}
