/** Log pages. Spec: NVMe 1.4 §5.14; what is in them is QEMU's. */

import { TEMPERATURE } from './nvme-features.ts';
import type { NvmeNamespace } from './nvme-namespace.ts';
import * as n from './nvme-spec.ts';

const ERROR_BYTES = 64;
const SMART_BYTES = 512;
const FIRMWARE_BYTES = 512;
const PAGE_BYTES = 4096;
const SMART_TEMPERATURE_BIT = 2;
const NS_PER_HOUR = 3600e9;
/** SMART counts data in thousands of 512 bytes. */
const UNIT_BYTES = 512;
const UNITS = 1000;

/** Bits of an effects entry: it is there; it changes what is in blocks; it changes namespaces. */
const THERE = 1;
const CHANGES_BLOCKS = 2;
const CHANGES_NAMESPACES = 8;

export const ADMIN_EFFECTS: ReadonlyMap<number, number> = new Map([
  ...[
    n.ADMIN_DELETE_SQ,
    n.ADMIN_CREATE_SQ,
    n.ADMIN_GET_LOG_PAGE,
    n.ADMIN_DELETE_CQ,
    n.ADMIN_CREATE_CQ,
    n.ADMIN_IDENTIFY,
    n.ADMIN_ABORT,
    n.ADMIN_SET_FEATURES,
    n.ADMIN_GET_FEATURES,
    n.ADMIN_ASYNC_EVENT,
    n.ADMIN_VIRTUALIZATION,
    n.ADMIN_DOORBELL_BUFFER,
  ].map((opcode) => [opcode, THERE] as const),
  [n.ADMIN_NS_ATTACHMENT, THERE | CHANGES_NAMESPACES],
  [n.ADMIN_FORMAT, THERE | CHANGES_BLOCKS],
]);

export const NVM_EFFECTS: ReadonlyMap<number, number> = new Map([
  ...[n.NVM_FLUSH, n.NVM_WRITE, n.NVM_WRITE_ZEROES, n.NVM_DATASET_MANAGEMENT, n.NVM_COPY].map(
    (opcode) => [opcode, THERE | CHANGES_BLOCKS] as const,
  ),
  ...[n.NVM_READ, n.NVM_COMPARE, n.NVM_VERIFY].map((opcode) => [opcode, THERE] as const),
]);

export interface LogHost {
  readonly namespaces: Iterable<NvmeNamespace>;
  namespace(nsid: number): NvmeNamespace | undefined;
  readonly commandSet: number;
  readonly isTemperatureCritical: boolean;
  /** Since it was made. */
  readonly ageNs: number;
  readonly maxTransfer: number;
  /** The driver has read the page of a type of events. */
  wasRead(type: number): void;
}

/** The part of the page that was asked for, or the status. */
export function logPage(host: LogHost, command: n.NvmeCommand): Uint8Array | number {
  const [word10, word11] = [command.cdw(10), command.cdw(11)];
  const retains = (word10 & 0x8000) !== 0;
  const length = ((word11 & 0xffff) * 2 ** 16 + (word10 >>> 16) + 1) * 4;
  const offset = command.u64(48);
  if (offset % 4 !== 0) return n.INVALID_FIELD | n.DNR;
  if (length > host.maxTransfer) return n.INVALID_FIELD | n.DNR;
  const part = (page: Uint8Array, event?: number): Uint8Array | number => {
    if (offset >= page.length) return n.INVALID_FIELD | n.DNR;
    if (event !== undefined && !retains) host.wasRead(event);
    return page.subarray(offset, offset + length);
  };
  switch (word10 & 0xff) {
    case n.LOG_ERRORS:
      return part(new Uint8Array(ERROR_BYTES), n.EVENT_ERROR);
    case n.LOG_SMART: {
      const page = smart(host, command.nsid);
      return typeof page === 'number' ? page : part(page, n.EVENT_SMART);
    }
    case n.LOG_FIRMWARE:
      return part(firmware());
    case n.LOG_CHANGED_NAMESPACES:
      // QEMU: only namespaces of a subsystem are attached and detached.
      return part(new Uint8Array(PAGE_BYTES), n.EVENT_NOTICE);
    case n.LOG_EFFECTS:
      return part(effects(host, command.cdw(14) >>> 24));
    default:
      return n.INVALID_FIELD | n.DNR;
  }
}

function smart(host: LogHost, nsid: number): Uint8Array | number {
  const one = host.namespace(nsid);
  if (nsid !== n.NSID_BROADCAST && one === undefined) return n.INVALID_NAMESPACE | n.DNR;
  const counts = (one === undefined ? [...host.namespaces] : [one]).map(({ gate }) => gate.statistics);
  const page = new Uint8Array(SMART_BYTES);
  const view = new DataView(page.buffer);
  view.setUint8(0, host.isTemperatureCritical ? SMART_TEMPERATURE_BIT : 0);
  view.setUint16(1, TEMPERATURE, true);
  for (const [n8, kind] of (['read', 'write'] as const).entries()) {
    const bytes = counts.reduce((sum, statistics) => sum + statistics.of(kind).bytes, 0);
    const operations = counts.reduce((sum, statistics) => sum + statistics.of(kind).operations, 0);
    view.setBigUint64(32 + 16 * n8, BigInt(Math.ceil(Math.floor(bytes / UNIT_BYTES) / UNITS)), true);
    view.setBigUint64(64 + 16 * n8, BigInt(operations), true);
  }
  view.setBigUint64(128, BigInt(Math.floor(host.ageNs / NS_PER_HOUR)), true);
  return page;
}

function firmware(): Uint8Array {
  const page = new Uint8Array(FIRMWARE_BYTES);
  page[0] = 1; // the first slot is in use
  page.set(new TextEncoder().encode('1.0     '), 8);
  return page;
}

function effects({ commandSet }: LogHost, set: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  for (const [opcode, effect] of ADMIN_EFFECTS) view.setUint32(4 * opcode, effect, true);
  const isNvm = commandSet === n.CSS_NVM || (commandSet === n.CSS_ALL && set === n.CSI_NVM);
  if (isNvm) for (const [opcode, effect] of NVM_EFFECTS) view.setUint32(1024 + 4 * opcode, effect, true);
  return page;
}
