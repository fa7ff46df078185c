/** What a packet device says of a command that failed. Spec: SFF-8020i §10.8.20. */

/** Sense key, and additional sense code. */
export type AtapiSense = readonly [key: number, asc: number];

export const NOT_READY = 2;
export const ILLEGAL_REQUEST = 5;
export const UNIT_ATTENTION = 6;

export const NO_MEDIUM: AtapiSense = [NOT_READY, 0x3a];
export const INVALID_OPCODE: AtapiSense = [ILLEGAL_REQUEST, 0x20];
export const OUT_OF_RANGE: AtapiSense = [ILLEGAL_REQUEST, 0x21];
export const INVALID_FIELD: AtapiSense = [ILLEGAL_REQUEST, 0x24];
export const INCOMPATIBLE_MEDIUM: AtapiSense = [ILLEGAL_REQUEST, 0x30];
export const SAVING_NOT_SUPPORTED: AtapiSense = [ILLEGAL_REQUEST, 0x39];
export const DATA_PHASE_ERROR: AtapiSense = [ILLEGAL_REQUEST, 0x4b];
export const MEDIUM_CHANGED: AtapiSense = [UNIT_ATTENTION, 0x28];
