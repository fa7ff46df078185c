/** What compiled code calls instead of what the interpreter calls. */

import { SCRATCH } from '../../memory/arena.ts';
import { RECORD } from '../decode/instruction.ts';
import { createLandings } from '../jit/landings.ts';
import type { RegionEnvironment } from '../jit/region-compiler.ts';
import {
  BUDGET,
  FAULT,
  FAULT_ABORT,
  FAULT_PRESENT,
  PRACTICE,
  PRACTICE_COLD,
  PRACTICE_FAULT,
  PRACTICE_LO,
  TLB_ADDEND,
  TLB_BASE,
  TLB_HI,
  TLB_READ,
  TLB_WRITE,
} from '../state.ts';
import type { EngineWiring } from './engine-environment.ts';
import type { InterpreterEnvironment } from './environment.ts';

/** No integer. */
const A_NUMBER = 0.5;

/**
 * What compiled code calls instead: only RAM without code is accessed. All else is left to the interpreter, which goes on
 * at the same record: devices then see the count of instructions, and the end of a block, as they do without regions.
 */
export function regionEnvironment(
  wiring: EngineWiring,
  environment: InterpreterEnvironment,
): RegionEnvironment {
  const { cpu, blocks, jumps } = wiring;
  const { S, tlb: T } = cpu;
  const { C } = blocks;
  /** True: the TLB's entries (tag `field`) have all `size` bytes. */
  const isCovered = (lo: number, hi: number, size: number, field: number): boolean => {
    const j = ((lo >>> 10) & 16380) + S[TLB_BASE];
    if (T[j + field] !== (lo & -4096) || T[j + TLB_HI] !== hi) return false;
    if ((lo & 4095) + size <= 4096) return true;
    const next = ((lo | 4095) + 1) | 0;
    const k = ((next >>> 10) & 16380) + S[TLB_BASE];
    return T[k + field] === next && T[k + TLB_HI] === (next === 0 ? (hi + 1) | 0 : hi);
  };
  /** For practice all pages are the arena's scratch page. */
  const practise = (lo: number, hi: number): boolean => {
    if ((S[PRACTICE] & PRACTICE_FAULT) !== 0) S[FAULT] = FAULT_ABORT;
    if ((S[PRACTICE] & PRACTICE_COLD) !== 0) return false;
    const j = ((lo >>> 10) & 16380) + S[TLB_BASE];
    const page = lo & -4096;
    T[j + TLB_READ] = page;
    T[j + TLB_WRITE] = page;
    T[j + TLB_HI] = hi;
    T[j + TLB_ADDEND] = (SCRATCH - page) | 0;
    return false;
  };
  const mayRead = (lo: number, hi: number, size: number): boolean => {
    if (S[PRACTICE] !== 0) return practise(lo, hi);
    if (isCovered(lo, hi, size, TLB_READ)) return true;
    cpu.probeRead(lo, hi, size);
    if (S[FAULT] !== 0) return false;
    if (isCovered(lo, hi, size, TLB_READ)) return true;
    S[FAULT] = FAULT_ABORT;
    return false;
  };
  const mayWrite = (lo: number, hi: number, size: number): boolean => {
    if (S[PRACTICE] !== 0) return practise(lo, hi);
    if (isCovered(lo, hi, size, TLB_WRITE)) return true;
    cpu.probeWrite(lo, hi, size);
    if (S[FAULT] !== 0) return false;
    if (isCovered(lo, hi, size, TLB_WRITE)) return true;
    S[FAULT] = FAULT_ABORT;
    return false;
  };
  const { load8, load16, load32, load64, store8, store16, store32, store64 } = environment;
  /** What was not loaded: large in practice. */
  const nothing = (): number => (S[PRACTICE] === 0 ? 0 : PRACTICE_LO);
  /** What practice must not do: it sees that it faults, and that it does not. */
  const real = (run: (p: number) => number) => {
    return (p: number): number => (S[PRACTICE] === 0 ? run(p) : S[PRACTICE] & PRACTICE_FAULT);
  };
  return {
    J: jumps,
    D: createLandings(),
    load8: (lo, hi) => (mayRead(lo, hi, 1) ? load8(lo, hi) : nothing()),
    load16: (lo, hi) => (mayRead(lo, hi, 2) ? load16(lo, hi) : nothing()),
    load32: (lo, hi) => (mayRead(lo, hi, 4) ? load32(lo, hi) : nothing()),
    load64: (lo, hi) => (mayRead(lo, hi, 8) ? load64(lo, hi) : nothing()),
    loadw8: (lo, hi) => (mayWrite(lo, hi, 1) ? load8(lo, hi) : nothing()),
    loadw16: (lo, hi) => (mayWrite(lo, hi, 2) ? load16(lo, hi) : nothing()),
    loadw32: (lo, hi) => (mayWrite(lo, hi, 4) ? load32(lo, hi) : nothing()),
    loadw64: (lo, hi) => (mayWrite(lo, hi, 8) ? load64(lo, hi) : nothing()),
    store8: (lo, hi, value) => {
      if (mayWrite(lo, hi, 1)) store8(lo, hi, value);
    },
    store16: (lo, hi, value) => {
      if (mayWrite(lo, hi, 2)) store16(lo, hi, value);
    },
    store32: (lo, hi, value) => {
      if (mayWrite(lo, hi, 4)) store32(lo, hi, value);
    },
    store64: (lo, hi, value, valueHi) => {
      if (mayWrite(lo, hi, 8)) store64(lo, hi, value, valueHi);
    },
    loadNumber: (lo, hi, at) => (mayRead(lo, hi, 8) ? environment.loadNumber(lo, hi, at) : A_NUMBER),
    load128: (lo, hi, at) => (mayRead(lo, hi, 16) ? environment.load128(lo, hi, at) : A_NUMBER),
    storeNumber: (lo, hi, at, low) => {
      if (mayWrite(lo, hi, 8)) environment.storeNumber(lo, hi, at, low);
    },
    storeNumbers: (lo, hi, at, low) => {
      if (mayWrite(lo, hi, 16)) environment.storeNumbers(lo, hi, at, low);
    },
    raise: (vector, error) => {
      if (S[PRACTICE] === 0) environment.raise(vector, error);
      else S[FAULT] = FAULT_PRESENT;
    },
    helper: real(environment.helper),
    helperRepeat: real(environment.helperRepeat),
    helperEnd: real(environment.helperEnd),
    leave: real(environment.leave),
    x87op: real(environment.x87op),
    sse: real(environment.sse),
    sseNumber: (p, x, y) => (S[PRACTICE] === 0 ? environment.sseNumber(p, x, y) : A_NUMBER),
    sseOrder: (p, x, y) => (S[PRACTICE] === 0 ? environment.sseOrder(p, x, y) : A_NUMBER),
    sseCheck: real(environment.sseCheck),
    sseLoad: real(environment.sseLoad),
    sseStore: real(environment.sseStore),
    branch: (offset, slot) => (S[PRACTICE] === 0 ? environment.branch(offset, slot) : 0),
    over: (record) => (S[BUDGET] < 0 ? environment.pause(C[record - RECORD] & 4095) : record),
    hop: (record, lo, hi) => {
      if (S[PRACTICE] !== 0) return 0;
      if (record !== 0) {
        C[record + 1] = lo;
        C[record + 2] = hi;
      }
      return environment.jump(lo, hi);
    },
    decline: (p) => {
      if (S[PRACTICE] !== 0) return 0;
      if (S[FAULT] !== FAULT_ABORT) return environment.leave(p);
      S[FAULT] = 0;
      return blocks.isRegion(p) ? -p : p;
    },
  };
}
