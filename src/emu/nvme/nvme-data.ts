/** Where a command's data is: PRPs, or a scatter/gather list. Spec: NVMe 1.4 §4.3 and §4.4. */
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import {
  DATA_TRANSFER_ERROR,
  DNR,
  INTERNAL_ERROR,
  INVALID_FIELD,
  INVALID_PRP_OFFSET,
  INVALID_SGL_COUNT,
  INVALID_SGL_LENGTH,
  INVALID_SGL_SEGMENT,
  INVALID_SGL_TYPE,
  type NvmeCommand,
} from './nvme-spec.ts';

/** QEMU: the pieces that a transfer may have (IOV_MAX). */
const MAX_PIECES = 1024;
/** QEMU goes on for as long as a list leads on. No driver's list is longer: a transfer has few pieces, and the rest of a list describes nothing. */
const MAX_DESCRIPTORS = 1 << 16;
const PSDT_PRP = 0;
const PSDT_RESERVED = 3;
const SGL_BYTES = 16;
const SGL_AT = 24;
const SGL_DATA_BLOCK = 0;
const SGL_SEGMENT = 2;
const SGL_LAST_SEGMENT = 3;
const ADDRESS_END = 2 ** 64;

/** The pieces, or the status that the command ends with. */
export type Mapped = readonly Segment[] | number;

/** Takes pieces until the transfer has as many as there may be. */
class Pieces {
  readonly list: Segment[] = [];

  /** The status that is wrong, or 0. */
  add(gpa: number, length: number): number {
    if (length === 0) return 0;
    if (this.list.length >= MAX_PIECES) return INTERNAL_ERROR | DNR;
    this.list.push({ gpa, length });
    return 0;
  }
}

/** @param pageBytes of CC.MPS */
export function mapData(memory: DmaPort, command: NvmeCommand, length: number, pageBytes: number): Mapped {
  if (command.psdt === PSDT_RESERVED) return INVALID_FIELD | DNR;
  const pieces = new Pieces();
  const status =
    command.psdt === PSDT_PRP
      ? mapPrps(memory, command, length, pageBytes, pieces)
      : mapSgl(memory, command, length, pieces);
  return status === 0 ? pieces.list : status;
}

function mapPrps(
  memory: DmaPort,
  { prp1, prp2 }: NvmeCommand,
  length: number,
  pageBytes: number,
  pieces: Pieces,
): number {
  const first = Math.min(length, pageBytes - (prp1 % pageBytes));
  const wrong = pieces.add(prp1, first);
  const left = length - first;
  if (wrong !== 0 || left === 0) return wrong;
  if (left > pageBytes) return mapPrpList(memory, prp2, left, pageBytes, pieces);
  if (prp2 % pageBytes !== 0) return INVALID_PRP_OFFSET | DNR;
  return pieces.add(prp2, left);
}

function mapPrpList(
  memory: DmaPort,
  listGpa: number,
  length: number,
  pageBytes: number,
  pieces: Pieces,
): number {
  const perPage = pageBytes / 8;
  // The first list may begin within a page.
  let entries = Math.min(perPage, Math.floor((pageBytes - (listGpa % pageBytes)) / 8));
  let list = readList(memory, listGpa, entries);
  let left = length;
  for (let at = 0; left > 0; at++) {
    if (list === undefined) return DATA_TRANSFER_ERROR | DNR;
    // The last entry of a page leads to the next one, when there is more than it could describe itself.
    if (at === entries - 1 && left > pageBytes) {
      const next = list[at] ?? 0;
      if (next % pageBytes !== 0) return INVALID_PRP_OFFSET | DNR;
      entries = Math.min(perPage, Math.ceil(left / pageBytes));
      list = readList(memory, next, entries);
      at = 0;
      if (list === undefined) return DATA_TRANSFER_ERROR | DNR;
    }
    const gpa = list[at] ?? 0;
    if (gpa % pageBytes !== 0) return INVALID_PRP_OFFSET | DNR;
    const part = Math.min(left, pageBytes);
    const wrong = pieces.add(gpa, part);
    if (wrong !== 0) return wrong;
    left -= part;
  }
  return 0;
}

/** So many addresses; undefined: they cannot be read. */
function readList(memory: DmaPort, gpa: number, entries: number): Float64Array | undefined {
  const bytes = new Uint8Array(entries * 8);
  if (!memory.read(gpa, bytes)) return undefined;
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: entries }, (_, n) => Number(view.getBigUint64(8 * n, true)));
}

interface Descriptor {
  readonly gpa: number;
  readonly length: number;
  readonly type: number;
}

function descriptorAt(view: DataView, offset: number): Descriptor {
  return {
    gpa: view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32,
    length: view.getUint32(offset + 8, true),
    type: view.getUint8(offset + 15) >> 4,
  };
}

function mapSgl(memory: DmaPort, { bytes }: NvmeCommand, length: number, pieces: Pieces): number {
  const left = { bytes: length };
  let at = descriptorAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), SGL_AT);
  if (at.type === SGL_DATA_BLOCK) return mapDescriptors([at], left, pieces) || shortOf(left.bytes);
  for (let read = 0; read < MAX_DESCRIPTORS; ) {
    if (at.type !== SGL_SEGMENT && at.type !== SGL_LAST_SEGMENT) return INVALID_SGL_SEGMENT | DNR;
    if (at.length === 0 || at.length % SGL_BYTES !== 0) return INVALID_SGL_SEGMENT | DNR;
    if (at.gpa + at.length > ADDRESS_END) return INVALID_SGL_LENGTH | DNR;
    const count = at.length / SGL_BYTES;
    read += count;
    if (read > MAX_DESCRIPTORS) break;
    const segment = new Uint8Array(at.length);
    if (!memory.read(at.gpa, segment)) return DATA_TRANSFER_ERROR | DNR;
    const view = new DataView(segment.buffer);
    const list = Array.from({ length: count }, (_, n) => descriptorAt(view, n * SGL_BYTES));
    const last = list[count - 1];
    if (last === undefined || last.type === SGL_DATA_BLOCK)
      return mapDescriptors(list, left, pieces) || shortOf(left.bytes);
    // A descriptor that is no data leads on, which the last segment may not.
    if (at.type === SGL_LAST_SEGMENT) return INVALID_SGL_SEGMENT | DNR;
    const wrong = mapDescriptors(list.slice(0, -1), left, pieces);
    if (wrong !== 0) return wrong;
    at = last;
  }
  return INTERNAL_ERROR | DNR;
}

function shortOf(left: number): number {
  return left > 0 ? INVALID_SGL_LENGTH | DNR : 0;
}

function mapDescriptors(list: readonly Descriptor[], left: { bytes: number }, pieces: Pieces): number {
  for (const { type, gpa, length } of list) {
    if (type === SGL_SEGMENT || type === SGL_LAST_SEGMENT) return INVALID_SGL_COUNT | DNR;
    if (type !== SGL_DATA_BLOCK) return INVALID_SGL_TYPE | DNR;
    if (length === 0) continue;
    if (left.bytes === 0) return INVALID_SGL_LENGTH | DNR;
    if (gpa + length > ADDRESS_END) return INVALID_SGL_LENGTH | DNR;
    const part = Math.min(left.bytes, length);
    const wrong = pieces.add(gpa, part);
    if (wrong !== 0) return wrong;
    left.bytes -= part;
  }
  return 0;
}
