/** Sense data: what a SCSI device says of a command that failed. Spec: SPC-4 §4.5. */
import { BYTE, record } from '../core/state-fields.ts';

/** Sense key, additional sense code and its qualifier. */
export type Sense = { readonly key: number; readonly asc: number; readonly ascq: number };

export const SENSE_STATE = record<Sense>({ key: BYTE, asc: BYTE, ascq: BYTE });

const sense = (key: number, asc: number, ascq = 0): Sense => ({ key, asc, ascq });

/** Spec: SPC-4 §4.5.6. */
const NOT_READY = 0x2;
const ILLEGAL_REQUEST = 0x5;
const UNIT_ATTENTION = 0x6;
const DATA_PROTECT = 0x7;
const ABORTED_COMMAND = 0xb;

export const NO_SENSE = sense(0, 0);
export const LUN_NOT_READY = sense(NOT_READY, 0x04, 0x03);
export const NO_MEDIUM = sense(NOT_READY, 0x3a);
export const NOT_READY_REMOVAL_PREVENTED = sense(NOT_READY, 0x53, 0x02);
export const INVALID_PARAMETER_LENGTH = sense(ILLEGAL_REQUEST, 0x1a);
export const INVALID_OPCODE = sense(ILLEGAL_REQUEST, 0x20);
export const LBA_OUT_OF_RANGE = sense(ILLEGAL_REQUEST, 0x21);
export const INVALID_FIELD = sense(ILLEGAL_REQUEST, 0x24);
export const LUN_NOT_SUPPORTED = sense(ILLEGAL_REQUEST, 0x25);
export const INVALID_PARAMETER = sense(ILLEGAL_REQUEST, 0x26);
export const INCOMPATIBLE_MEDIUM = sense(ILLEGAL_REQUEST, 0x30);
export const INVALID_TAG = sense(ABORTED_COMMAND, 0x4b, 0x01);
export const OVERLAPPED_COMMANDS = sense(ABORTED_COMMAND, 0x4e);
export const SAVING_NOT_SUPPORTED = sense(ILLEGAL_REQUEST, 0x39);
export const REMOVAL_PREVENTED = sense(ILLEGAL_REQUEST, 0x53, 0x02);
export const MEDIUM_CHANGED = sense(UNIT_ATTENTION, 0x28);
export const POWER_ON = sense(UNIT_ATTENTION, 0x29);
export const CAPACITY_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x09);
export const MEDIUM_GONE = sense(UNIT_ATTENTION, 0x3a);
export const REPORTED_LUNS_CHANGED = sense(UNIT_ATTENTION, 0x3f, 0x0e);
export const WRITE_PROTECTED = sense(DATA_PROTECT, 0x27);
export const SPACE_ALLOCATION_FAILED = sense(DATA_PROTECT, 0x27, 0x07);
export const IO_ERROR = sense(ABORTED_COMMAND, 0x00, 0x06);

/** Spec: SPC-4 §4.5.3. */
const CURRENT_FIXED = 0x70;
const FIXED_BYTES = 18;
/** Spec: SPC-4 §4.5.2. */
const CURRENT_DESCRIPTOR = 0x72;
const DESCRIPTOR_BYTES = 8;

export function senseBytes({ key, asc, ascq }: Sense, fixed = true): Uint8Array {
  if (!fixed) {
    const bytes = new Uint8Array(DESCRIPTOR_BYTES);
    bytes.set([CURRENT_DESCRIPTOR, key, asc, ascq]);
    return bytes;
  }
  const bytes = new Uint8Array(FIXED_BYTES);
  bytes[0] = CURRENT_FIXED;
  bytes[2] = key;
  bytes[7] = FIXED_BYTES - 8;
  bytes[12] = asc;
  bytes[13] = ascq;
  return bytes;
}

/** True when `one` is to be told in the place of `other`. Spec: SAM-5 §5.14: power on is told first; of the others, the smaller code. */
export function takesPrecedence(one: Sense, other: Sense): boolean {
  const rank = (of: Sense): number => (of.asc === POWER_ON.asc ? of.ascq : of.asc * 0x100 + of.ascq);
  return rank(one) < rank(other);
}
