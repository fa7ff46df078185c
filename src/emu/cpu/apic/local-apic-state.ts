/** What a local APIC remembers, and what of it a snapshot may say. */
import { MAX_TIME_NS } from '../../core/clock.ts';
import {
  BOOLEAN,
  BYTE,
  DWORD,
  INT32,
  integer,
  list,
  mask,
  record,
  TIME_NS,
  typedArray,
} from '../../core/state-fields.ts';

/** Entries of the local vector table; those between are for the thermal sensor and for performance counters. */
export const LVT_TIMER = 0;
export const LVT_LINT0 = 3;
export const LVT_LINT1 = 4;
export const LVT_ERROR = 5;
export const LVT_ENTRIES = 6;
export const LVT_MASKED = 1 << 16;
export const SVR_BITS = 0x1ff;
export const DFR_FLAT = 0xf;
export const NOT_ARMED = -1;
const VECTOR_WORDS = 8;
export const DIVIDE_BITS = 0xb;

export type LocalApicState = {
  id: number;
  tpr: number;
  svr: number;
  ldr: number;
  dfr: number;
  esr: number;
  /** Errors since the last write of ESR. */
  errors: number;
  icrLo: number;
  icrHi: number;
  lvt: number[];
  irr: Uint32Array;
  isr: Uint32Array;
  tmr: Uint32Array;
  initialCount: number;
  divide: number;
  loadTimeNs: number;
  nextNs: number;
  /** Level of the wire from the 8259 pair. */
  lint0: boolean;
};

const VECTORS = typedArray(Uint32Array, VECTOR_WORDS);

export const LOCAL_APIC_STATE = record<LocalApicState>({
  id: BYTE,
  tpr: BYTE,
  svr: mask(SVR_BITS),
  ldr: BYTE,
  dfr: mask(DFR_FLAT),
  esr: BYTE,
  errors: BYTE,
  icrLo: INT32,
  icrHi: INT32,
  lvt: list(DWORD, LVT_ENTRIES),
  irr: VECTORS,
  isr: VECTORS,
  tmr: VECTORS,
  initialCount: DWORD,
  divide: mask(DIVIDE_BITS),
  loadTimeNs: TIME_NS,
  nextNs: integer(NOT_ARMED, MAX_TIME_NS),
  lint0: BOOLEAN,
});

export function powerOn(id: number): LocalApicState {
  return {
    id,
    tpr: 0,
    svr: 0xff,
    ldr: 0,
    dfr: DFR_FLAT,
    esr: 0,
    errors: 0,
    icrLo: 0,
    icrHi: 0,
    lvt: new Array<number>(LVT_ENTRIES).fill(LVT_MASKED),
    irr: new Uint32Array(VECTOR_WORDS),
    isr: new Uint32Array(VECTOR_WORDS),
    tmr: new Uint32Array(VECTOR_WORDS),
    initialCount: 0,
    divide: 0,
    loadTimeNs: 0,
    nextNs: NOT_ARMED,
    lint0: false,
  };
}
