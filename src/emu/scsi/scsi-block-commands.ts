/** Commands of SBC: what reads and writes blocks. Spec: SBC-3 §5. */
import { check, type DiskRange, GOOD, type ScsiAction } from './scsi-action.ts';
import { blocksOf, READ_6, type ScsiCommand, WRITE_6, WRITE_SAME_10 } from './scsi-cdb.ts';
import { blockCount, type DiskFacts, isReadOnly } from './scsi-facts.ts';
import {
  INVALID_FIELD,
  INVALID_PARAMETER_LENGTH,
  LBA_OUT_OF_RANGE,
  LUN_NOT_READY,
  type Sense,
  WRITE_PROTECTED,
} from './scsi-sense.ts';

const PROTECT = 0xe0;
const FUA = 0x08;
const PMI = 0x01;
const READ_CAPACITY_16 = 0x10;
const ANCHOR_UNMAP = 0x01;
const NDOB = 0x01;
/** ANCHOR, and the LBDATA and PBDATA of before. */
const SAME_REFUSED = 0x16;
const UNMAP_HEADER_BYTES = 8;
const UNMAP_DESCRIPTOR_BYTES = 16;
/** Spec: SBC-3 §5.15.2, logical block provisioning management enabled. */
const LBPME = 0x80;

function inRange(disk: DiskFacts, lba: number, blocks: number): boolean {
  return lba + blocks <= blockCount(disk);
}

function rangeOf({ blockBytes }: DiskFacts, lba: number, blocks: number): DiskRange {
  return { offset: lba * blockBytes, bytes: blocks * blockBytes };
}

export function read(disk: DiskFacts, command: ScsiCommand): ScsiAction {
  return move(disk, command, 'read', READ_6);
}

export function write(disk: DiskFacts, command: ScsiCommand, verifies: boolean): ScsiAction {
  if (isReadOnly(disk)) return check(WRITE_PROTECTED);
  const action = move(disk, command, 'write', WRITE_6);
  return verifies && action.kind === 'move' ? { ...action, flush: true } : action;
}

/** @param short the form that has no flags */
function move(disk: DiskFacts, command: ScsiCommand, direction: 'read' | 'write', short: number): ScsiAction {
  const { cdb, lba } = command;
  const flags = cdb[0] === short ? 0 : cdb[1];
  if ((flags & PROTECT) !== 0) return check(INVALID_FIELD);
  const blocks = blocksOf(command);
  if (!inRange(disk, lba, blocks)) return check(LBA_OUT_OF_RANGE);
  if (blocks === 0) return GOOD;
  const flush = (flags & FUA) !== 0 || (direction === 'write' && !disk.writeCache);
  return { kind: 'move', direction, ...rangeOf(disk, lba, blocks), flush };
}

export function seek(disk: DiskFacts, { lba }: ScsiCommand): ScsiAction {
  return lba < blockCount(disk) ? GOOD : check(LBA_OUT_OF_RANGE);
}

/** QEMU: no bytes are compared, and no address is looked at. */
export function verify({ cdb }: ScsiCommand): ScsiAction {
  return (cdb[1] & 0x06) !== 0 ? check(INVALID_FIELD) : GOOD;
}

export function readCapacity10(disk: DiskFacts, { cdb, lba }: ScsiCommand): ScsiAction {
  const blocks = blockCount(disk);
  if (blocks === 0) return check(LUN_NOT_READY);
  if ((cdb[8] & PMI) === 0 && lba !== 0) return check(INVALID_FIELD);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.min(blocks - 1, 0xffff_ffff));
  view.setUint32(4, disk.blockBytes);
  return { kind: 'answer', bytes };
}

/** SERVICE ACTION IN (16): of its actions only READ CAPACITY (16) is there. */
export function serviceActionIn(disk: DiskFacts, { cdb, lba, transferBytes }: ScsiCommand): ScsiAction {
  if ((cdb[1] & 0x1f) !== READ_CAPACITY_16) return check(INVALID_FIELD);
  const blocks = blockCount(disk);
  if (blocks === 0) return check(LUN_NOT_READY);
  if ((cdb[14] & PMI) === 0 && lba !== 0) return check(INVALID_FIELD);
  const bytes = new Uint8Array(Math.max(32, transferBytes));
  const view = new DataView(bytes.buffer);
  const { physicalBlockSize, logicalBlockSize, discardGranularity } = disk.properties;
  view.setBigUint64(0, BigInt(blocks - 1));
  view.setUint32(8, disk.blockBytes);
  view.setUint8(13, Math.log2(physicalBlockSize / logicalBlockSize));
  view.setUint8(14, discardGranularity === 0 ? 0 : LBPME);
  return { kind: 'answer', bytes };
}

/** UNMAP: the parts that its list names, as far as the first that is not on the disk. */
export function unmap(disk: DiskFacts, { cdb }: ScsiCommand): ScsiAction {
  if ((cdb[1] & ANCHOR_UNMAP) !== 0) return check(INVALID_FIELD);
  return { kind: 'list', take: (bytes) => unmapList(disk, bytes) };
}

function unmapList(disk: DiskFacts, bytes: Uint8Array): ScsiAction {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < UNMAP_HEADER_BYTES) return check(INVALID_PARAMETER_LENGTH);
  const described = view.getUint16(2);
  const isWhole = bytes.length >= view.getUint16(0) + 2 && bytes.length >= described + UNMAP_HEADER_BYTES;
  if (!isWhole || described % UNMAP_DESCRIPTOR_BYTES !== 0) return check(INVALID_PARAMETER_LENGTH);
  if (isReadOnly(disk)) return check(WRITE_PROTECTED);
  const ranges: DiskRange[] = [];
  let bad: Sense | undefined;
  for (let n = 0; n < described && bad === undefined; n += UNMAP_DESCRIPTOR_BYTES) {
    const at = UNMAP_HEADER_BYTES + n;
    const lba = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    const blocks = view.getUint32(at + 8);
    if (!inRange(disk, lba, blocks)) bad = LBA_OUT_OF_RANGE;
    else if (blocks > 0) ranges.push(rangeOf(disk, lba, blocks));
  }
  if (ranges.length === 0) return bad === undefined ? GOOD : check(bad);
  return { kind: 'ranges', verb: 'discard', ranges, bad, flush: false };
}

export function writeSame(disk: DiskFacts, command: ScsiCommand): ScsiAction {
  const { cdb, lba, length } = command;
  const hasData = cdb[0] === WRITE_SAME_10 || (cdb[1] & NDOB) === 0;
  if (length === 0 || (cdb[1] & SAME_REFUSED) !== 0) return check(INVALID_FIELD);
  const fill = (pattern: Uint8Array | undefined): ScsiAction => {
    if (isReadOnly(disk)) return check(WRITE_PROTECTED);
    if (!inRange(disk, lba, length)) return check(LBA_OUT_OF_RANGE);
    const range = rangeOf(disk, lba, length);
    const flush = !disk.writeCache;
    if (pattern === undefined || pattern.every((byte) => byte === 0)) {
      return { kind: 'ranges', verb: 'writeZeroes', ranges: [range], bad: undefined, flush };
    }
    return { kind: 'fill', pattern, ...range, flush };
  };
  // QEMU says that zeros without data are written, and writes nothing. Spec: SBC-3 §5.43 has them written, and so do we.
  return hasData ? { kind: 'list', take: fill } : fill(undefined);
}
