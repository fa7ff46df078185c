/** Commands that a target answers itself: which logical units there are, and what is said of one that is not there. Spec: SPC-4 §6.33, §6.4.1. */
import { check, GOOD, type ScsiAction } from './scsi-action.ts';
import { INQUIRY, REPORT_LUNS, REQUEST_SENSE, type ScsiCommand, TEST_UNIT_READY } from './scsi-cdb.ts';
import { INVALID_FIELD, INVALID_OPCODE, LUN_NOT_SUPPORTED, type Sense, senseBytes } from './scsi-sense.ts';

const EVPD = 0x01;
const CMDDT = 0x02;
const DESC = 0x01;
/** No unit here, though there could be one; and never one. */
const NOT_CONNECTED = 0x3f;
const NOT_SUPPORTED = 0x7f;
const INQUIRY_BYTES = 36;
const LIST_HEADER_BYTES = 8;
const ENTRY_BYTES = 8;
/** Spec: SPC-4 §6.33: a list shorter than this is none. */
const LIST_MIN_BYTES = 16;
const SELECT_MAX = 2;
/** Units from here on need the flat form of an address. Spec: SAM-5 §4.7.7. */
const FLAT_FROM = 256;
const FLAT = 0x40;

export interface Target {
  /** The units of the target, newest first. */
  readonly luns: readonly number[];
  /** What the unit that stands for the target has to say of its last command. */
  readonly sense: Sense;
  /** Its bus numbers commands by tags. */
  readonly hasTags: boolean;
}

/** @param lun which unit was meant; 0 stands for the target */
export function targetCommand(target: Target, lun: number, { cdb, transferBytes }: ScsiCommand): ScsiAction {
  const [op] = cdb;
  if (lun !== 0 && op !== INQUIRY && op !== REQUEST_SENSE) return check(LUN_NOT_SUPPORTED);
  switch (op) {
    case REPORT_LUNS:
      return reportLuns(target, cdb, transferBytes);
    case INQUIRY:
      return inquiry(target, lun, cdb, transferBytes);
    case REQUEST_SENSE: {
      const sense = lun === 0 ? target.sense : LUN_NOT_SUPPORTED;
      return answer(senseBytes(sense, (cdb[1] & DESC) === 0), transferBytes);
    }
    case TEST_UNIT_READY:
      return GOOD;
    default:
      return check(INVALID_OPCODE);
  }
}

function answer(bytes: Uint8Array, room: number): ScsiAction {
  return room === 0 ? GOOD : { kind: 'answer', bytes: bytes.subarray(0, room) };
}

/** Unit 0 is always in the list, and first. */
function reportLuns({ luns }: Target, cdb: Uint8Array, room: number): ScsiAction {
  if (room < LIST_MIN_BYTES || cdb[2] > SELECT_MAX) return check(INVALID_FIELD);
  const listed = [0, ...luns.filter((lun) => lun !== 0)];
  const bytes = new Uint8Array(LIST_HEADER_BYTES + ENTRY_BYTES * listed.length);
  new DataView(bytes.buffer).setUint32(0, ENTRY_BYTES * listed.length);
  for (const [n, lun] of listed.entries()) {
    const at = LIST_HEADER_BYTES + ENTRY_BYTES * n;
    bytes.set(lun < FLAT_FROM ? [0, lun] : [FLAT | (lun >> 8), lun & 0xff], at);
  }
  return answer(bytes, room);
}

/** QEMU: the one page that it has is an odd list of pages. */
function inquiry({ hasTags }: Target, lun: number, cdb: Uint8Array, room: number): ScsiAction {
  if ((cdb[1] & CMDDT) !== 0) return check(INVALID_FIELD);
  if ((cdb[1] & EVPD) !== 0) {
    return cdb[2] === 0 ? answer(Uint8Array.of(0, 0, 1, 0), room) : check(INVALID_FIELD);
  }
  if (cdb[2] !== 0) return check(INVALID_FIELD);
  const bytes = new Uint8Array(INQUIRY_BYTES);
  const length = Math.min(room, INQUIRY_BYTES);
  if (lun !== 0) bytes[0] = NOT_SUPPORTED;
  else {
    bytes.set([NOT_CONNECTED, 0, 5, 0x12, Math.max(0, length - 5), 0, 0, hasTags ? 0x12 : 0x10]);
    bytes.set(new TextEncoder().encode('QEMU    QEMU TARGET     2.5'), 8);
  }
  return answer(bytes, room);
}
