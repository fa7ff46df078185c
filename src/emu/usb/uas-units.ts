/** Information units: what host and device say to each other over a USB attached SCSI. Numbers in them are big endian. Spec: UAS 1.0 §6. */
import { STATUS_CHECK_CONDITION, STATUS_GOOD } from '../scsi/scsi-action.ts';
import { type Sense, senseBytes } from '../scsi/scsi-sense.ts';

export const COMMAND_UNIT = 0x01;
const SENSE_UNIT = 0x03;
const RESPONSE_UNIT = 0x04;
export const TASK_UNIT = 0x05;
const READ_READY_UNIT = 0x06;
const WRITE_READY_UNIT = 0x07;

/** Task management functions that are done. */
export const ABORT_TASK = 0x01;
export const LOGICAL_UNIT_RESET = 0x08;

/** What is answered to a task management function. QEMU: one that is done has code 0. */
export const TASK_COMPLETE = 0x00;
export const INVALID_UNIT = 0x02;
export const TASK_NOT_SUPPORTED = 0x04;
export const INCORRECT_LUN = 0x09;
export const OVERLAPPED_TAG = 0x0a;

/** The longest that a host says. */
export const UNIT_BYTES = 32;
/** The longest that the device says: sense data of 18 bytes behind its header. */
export const ANSWER_MAX = 34;

const CDB_AT = 16;
const LUN_AT = 8;

/** What the host says, whichever kind it is. */
export interface HostUnit {
  readonly id: number;
  readonly tag: number;
  /** Bytes of the command block beyond 16. */
  readonly moreCdb: number;
  readonly cdb: Uint8Array;
  /** The function and the task that it is about. */
  readonly taskFunction: number;
  readonly taskTag: number;
  /** Undefined: in a form that is not known. */
  readonly lun: number | undefined;
  /** The two halves of the number of the unit. */
  readonly lunWords: readonly [high: number, low: number];
}

/** @param given what came, which may be shorter than a unit */
export function readUnit(given: Uint8Array): HostUnit {
  const bytes = new Uint8Array(UNIT_BYTES);
  bytes.set(given.subarray(0, UNIT_BYTES));
  const view = new DataView(bytes.buffer);
  return {
    id: view.getUint8(0),
    tag: view.getUint16(2),
    moreCdb: view.getUint8(6),
    cdb: bytes.slice(CDB_AT),
    taskFunction: view.getUint8(4),
    taskTag: view.getUint16(6),
    lun: view.getUint8(LUN_AT) === 0 ? view.getUint8(LUN_AT + 1) : undefined,
    lunWords: [view.getUint32(LUN_AT), view.getUint32(LUN_AT + 4)],
  };
}

function unit(id: number, tag: number, length: number): DataView {
  const view = new DataView(new ArrayBuffer(length));
  view.setUint8(0, id);
  view.setUint16(2, tag);
  return view;
}

const bytesOf = ({ buffer }: DataView): Uint8Array => new Uint8Array(buffer as ArrayBuffer);

/** A command has ended, well or with `sense`. */
export function senseUnit(tag: number, sense: Sense | undefined): Uint8Array {
  const data = sense === undefined ? new Uint8Array() : senseBytes(sense);
  const view = unit(SENSE_UNIT, tag, 16 + data.length);
  view.setUint8(6, sense === undefined ? STATUS_GOOD : STATUS_CHECK_CONDITION);
  view.setUint16(14, data.length);
  const bytes = bytesOf(view);
  bytes.set(data, 16);
  return bytes;
}

export function responseUnit(tag: number, code: number): Uint8Array {
  const view = unit(RESPONSE_UNIT, tag, 8);
  view.setUint8(7, code);
  return bytesOf(view);
}

/** Data of the command may move now. */
export function readyUnit(tag: number, isWrite: boolean): Uint8Array {
  return bytesOf(unit(isWrite ? WRITE_READY_UNIT : READ_READY_UNIT, tag, 4));
}
