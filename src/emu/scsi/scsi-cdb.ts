/** Command descriptor blocks: how long they are, which way data goes and how much. Spec: SPC-4 §4.2; QEMU: which commands are known. */

export const TEST_UNIT_READY = 0x00;
export const REQUEST_SENSE = 0x03;
export const FORMAT_UNIT = 0x04;
export const READ_6 = 0x08;
export const WRITE_6 = 0x0a;
const READ_REVERSE = 0x0f;
const WRITE_FILEMARKS = 0x10;
const SPACE = 0x11;
export const INQUIRY = 0x12;
export const MODE_SELECT_6 = 0x15;
export const RESERVE_6 = 0x16;
export const RELEASE_6 = 0x17;
const ERASE_6 = 0x19;
export const MODE_SENSE_6 = 0x1a;
export const START_STOP = 0x1b;
const RECEIVE_DIAGNOSTIC = 0x1c;
const SEND_DIAGNOSTIC = 0x1d;
export const ALLOW_MEDIUM_REMOVAL = 0x1e;
export const READ_CAPACITY_10 = 0x25;
export const READ_10 = 0x28;
export const WRITE_10 = 0x2a;
export const SEEK_10 = 0x2b;
export const WRITE_VERIFY_10 = 0x2e;
export const VERIFY_10 = 0x2f;
const PRE_FETCH_10 = 0x34;
export const SYNCHRONIZE_CACHE_10 = 0x35;
const LOCK_UNLOCK_CACHE_10 = 0x36;
const WRITE_BUFFER = 0x3b;
const READ_BUFFER = 0x3c;
const WRITE_LONG_10 = 0x3f;
export const WRITE_SAME_10 = 0x41;
export const UNMAP = 0x42;
export const READ_TOC = 0x43;
export const GET_CONFIGURATION = 0x46;
export const GET_EVENT_STATUS = 0x4a;
export const READ_DISC_INFORMATION = 0x51;
const RESERVE_TRACK = 0x53;
export const MODE_SELECT_10 = 0x55;
export const RESERVE_10 = 0x56;
export const RELEASE_10 = 0x57;
export const MODE_SENSE_10 = 0x5a;
const SEND_CUE_SHEET = 0x5d;
const PERSISTENT_RESERVE_OUT = 0x5f;
export const READ_16 = 0x88;
export const WRITE_16 = 0x8a;
export const WRITE_VERIFY_16 = 0x8e;
export const VERIFY_16 = 0x8f;
const PRE_FETCH_16 = 0x90;
const SYNCHRONIZE_CACHE_16 = 0x91;
const LOCATE_16 = 0x92;
export const WRITE_SAME_16 = 0x93;
export const SERVICE_ACTION_IN_16 = 0x9e;
export const REPORT_LUNS = 0xa0;
const MAINTENANCE_IN = 0xa3;
const MAINTENANCE_OUT = 0xa4;
export const READ_12 = 0xa8;
export const WRITE_12 = 0xaa;
export const READ_DVD_STRUCTURE = 0xad;
export const WRITE_VERIFY_12 = 0xae;
export const VERIFY_12 = 0xaf;
const SET_STREAMING = 0xb6;
const SET_READ_AHEAD = 0xa7;
const SET_CD_SPEED = 0xbb;
export const MECHANISM_STATUS = 0xbd;
const READ_CD = 0xbe;
const SEND_DVD_STRUCTURE = 0xbf;

/** No more can be said by a driver in one block: 32 bytes of virtio-scsi. */
export const CDB_BYTES = 32;

export interface ScsiCommand {
  /** As the driver gave it, with zeros up to 16 bytes. */
  readonly cdb: Uint8Array;
  /** Which way data goes: to the driver, from it, or not at all. */
  readonly mode: 'none' | 'in' | 'out';
  /** Bytes of data. */
  readonly transferBytes: number;
  /** First block; beyond 2^53 it is rounded, and beyond any disk. */
  readonly lba: number;
  /** The block's field of a length. */
  readonly length: number;
}

/** What the length of a command's data depends on beside its block. */
export interface CdbDevice {
  readonly blockBytes: number;
  readonly isRom: boolean;
}

/** Spec: SPC-4 §4.2.5.1: the first three bits of the operation code say the length. */
const LENGTHS: readonly (number | undefined)[] = [6, 10, 10, undefined, 16, 12, undefined, undefined];

/** Those that have no data, whatever their bytes say. */
const WITHOUT_DATA = new Set([
  ...[TEST_UNIT_READY, WRITE_FILEMARKS, SPACE, RESERVE_6, RELEASE_6, ERASE_6, START_STOP],
  ...[
    ALLOW_MEDIUM_REMOVAL,
    SEEK_10,
    SYNCHRONIZE_CACHE_10,
    SYNCHRONIZE_CACHE_16,
    LOCATE_16,
    LOCK_UNLOCK_CACHE_10,
  ],
  ...[PRE_FETCH_10, PRE_FETCH_16, SET_CD_SPEED, WRITE_LONG_10, RESERVE_TRACK, SET_READ_AHEAD, 0x01],
]);
/** Those whose length counts blocks. */
const IN_BLOCKS = new Set([
  ...[READ_6, READ_REVERSE, READ_10, READ_12, READ_16],
  ...[WRITE_6, WRITE_10, WRITE_12, WRITE_16, WRITE_VERIFY_10, WRITE_VERIFY_12, WRITE_VERIFY_16],
]);
const WRITES = new Set([
  ...[WRITE_6, WRITE_10, WRITE_12, WRITE_16, WRITE_VERIFY_10, WRITE_VERIFY_12, WRITE_VERIFY_16],
  ...[WRITE_SAME_10, WRITE_SAME_16, VERIFY_10, VERIFY_12, VERIFY_16, UNMAP],
  ...[MODE_SELECT_6, MODE_SELECT_10, SEND_DIAGNOSTIC, FORMAT_UNIT, WRITE_BUFFER, WRITE_LONG_10],
  ...[SEND_CUE_SHEET, PERSISTENT_RESERVE_OUT, MAINTENANCE_OUT, SET_STREAMING, SEND_DVD_STRUCTURE],
  // Searches, comparisons and copies, which no disk here has: SET WINDOW, UPDATE BLOCK, MEDIUM SCAN, CHANGE DEFINITION, LOG SELECT.
  ...[0x18, 0x24, 0x30, 0x31, 0x32, 0x38, 0x39, 0x3a, 0x40, 0x4c, 0xb0, 0xb1, 0xb2],
]);
const VERIFIES = new Set([VERIFY_10, VERIFY_12, VERIFY_16]);
const BYTCHK = 0x02;
const NDOB = 0x01;

/** The command, or undefined when its length is not known, or some of it is missing. */
export function parseCdb(given: Uint8Array, device: CdbDevice): ScsiCommand | undefined {
  const group = (given[0] ?? 0) >> 5;
  const bytes = LENGTHS[group];
  if (bytes === undefined || given.length < bytes) return undefined;
  const cdb = new Uint8Array(CDB_BYTES);
  cdb.set(given.subarray(0, CDB_BYTES));
  const view = new DataView(cdb.buffer);
  const length = lengthOf(view, group);
  const transferBytes = transferBytesOf(view, length, device);
  const way = WRITES.has(cdb[0]) ? 'out' : 'in';
  return { cdb, mode: transferBytes === 0 ? 'none' : way, transferBytes, lba: lbaOf(view, group), length };
}

function lengthOf(view: DataView, group: number): number {
  if (group === 0) return view.getUint8(4);
  if (group === 4) return view.getUint32(10);
  return group === 5 ? view.getUint32(6) : view.getUint16(7);
}

function lbaOf(view: DataView, group: number): number {
  if (group === 0) return view.getUint32(0) & 0x1f_ffff;
  return group === 4 ? view.getUint32(2) * 2 ** 32 + view.getUint32(6) : view.getUint32(2);
}

/** Blocks that a command is about. Spec: SBC-3 §5.10: READ (6) and WRITE (6) say 256 by 0. */
export function blocksOf({ cdb, length }: Pick<ScsiCommand, 'cdb' | 'length'>): number {
  return cdb[0] >> 5 === 0 && length === 0 ? 256 : length;
}

function transferBytesOf(view: DataView, length: number, { blockBytes, isRom }: CdbDevice): number {
  const [op, flags] = [view.getUint8(0), view.getUint8(1)];
  if (WITHOUT_DATA.has(op)) return 0;
  if (IN_BLOCKS.has(op)) return blocksOf({ cdb: new Uint8Array(view.buffer), length }) * blockBytes;
  if (VERIFIES.has(op)) {
    if ((flags & BYTCHK) === 0) return 0;
    return (flags & 0x04) !== 0 ? blockBytes : length * blockBytes;
  }
  switch (op) {
    case WRITE_SAME_10:
    case WRITE_SAME_16:
      return (flags & NDOB) !== 0 ? 0 : blockBytes;
    case READ_CAPACITY_10:
      return 8;
    case FORMAT_UNIT:
      return formatBytes(flags, isRom);
    case INQUIRY:
    case RECEIVE_DIAGNOSTIC:
    case SEND_DIAGNOSTIC:
      return view.getUint16(3);
    case READ_BUFFER:
    case WRITE_BUFFER:
    case READ_CD:
    case SEND_CUE_SHEET:
      return view.getUint32(5) & 0xff_ffff;
    case PERSISTENT_RESERVE_OUT:
      return view.getUint32(5);
    case MECHANISM_STATUS:
    case READ_DVD_STRUCTURE:
    case SEND_DVD_STRUCTURE:
      return view.getUint16(8);
    case MAINTENANCE_IN:
    case MAINTENANCE_OUT:
      return isRom ? view.getUint16(8) : length;
    case SET_STREAMING:
      return view.getUint16(9);
    default:
      return length;
  }
}

/** Spec: SBC-3 §5.3.2: a parameter list, short or long; MMC-6 §6.5. */
function formatBytes(flags: number, isRom: boolean): number {
  if ((flags & 0x10) === 0) return 0;
  if (isRom) return 12;
  return (flags & 0x20) !== 0 ? 8 : 4;
}
