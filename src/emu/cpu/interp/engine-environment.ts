/** What the interpreter and compiled regions call: slow memory accesses, jumps, instructions that are functions. */

import { pendingException } from '../fpu/fxsave.ts';
import { x87 } from '../fpu/x87.ts';
import { HELPERS } from '../helpers/helpers.ts';
import { EQUAL, GREATER, LESS } from '../sse/op.ts';
import { mmxEnter, SSE_OPS } from '../sse/ops.ts';
import {
  BLOCK_INDEX,
  BUDGET,
  CR0,
  CR0_EM,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  EA_HI,
  EA_LO,
  EXIT_RECORD,
  F_AUX,
  F_LO,
  FAULT,
  JUMP_BASE,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  LD_HI,
  MODE,
  MODE_CODE64,
  NEXT_HI,
  NEXT_LO,
  PAGE_HI,
  PAGE_LO,
  PRACTICE,
  REGION_STALE,
  RIP_HI,
  RIP_LO,
  TLB_ADDEND,
  TLB_BASE,
  TLB_HI,
  TLB_READ,
  TLB_WRITE,
  VEC_GP,
  VEC_MF,
  VEC_NM,
  VEC_UD,
  XMM_TEMP,
} from '../state.ts';
import { arithmeticFlags } from '../system/flags.ts';
import type { Vcpu } from '../vcpu.ts';
import * as arithmetic from './arithmetic.ts';
import * as bitArithmetic from './bit-arithmetic.ts';
import { type BlockCache, STALE } from './block-cache.ts';
import type { InterpreterEnvironment } from './environment.ts';
import { fpuEnvironment } from './fpu-environment.ts';
import { jumpIndex } from './jump-cache.ts';
import { INDEX_SHIFT, LENGTH_SHIFT, OFFSET_MASK } from './position.ts';

/** F_AUX of a comparison that found equality: state.ts. */
const FLIPPED_PARITY = 0x100;

/** The parts of an engine that its environment works on. */
export interface EngineWiring {
  readonly cpu: Vcpu;
  readonly blocks: BlockCache;
  /** See jump-cache.ts. */
  readonly jumps: Int32Array;
  /** RIP = the running page's start + `offset`. */
  setRip(offset: number): void;
  /** Runs the region of the block at `record`; answers as `InterpreterEnvironment.region`, or 0 where `proceed` must look. */
  runRegion(record: number): number;
  /** The next record when the interpreter left a block at S[EXIT_RECORD], or wants to go to S[RIP_*]; 0: it must come back. */
  proceed(): number;
}

/** What compiled regions have in place of it: they answer 0 where the interpreter would look further, which `region` then does. */
export interface RegionEnds {
  readonly inRegions: Pick<InterpreterEnvironment, 'jump' | 'branch' | 'leave' | 'helperEnd'>;
}

export function interpreterEnvironment(wiring: EngineWiring): InterpreterEnvironment & RegionEnds {
  const { cpu, blocks, jumps, setRip, proceed } = wiring;
  const { S, SF64: SD, memory } = cpu;
  const { ordinary } = arithmetic;
  const { C } = blocks;
  const T = cpu.tlb;
  const { bytes, buffer, view } = memory.arena;

  /** RAM offset of an access inside one page whose tag is `field`, whatever its alignment; -1: the MMU must look. */
  const quick = (lo: number, hi: number, room: number, field: number): number => {
    if ((lo & 4095) > room) return -1;
    const j = ((lo >>> 10) & 16380) + S[TLB_BASE];
    if (T[j + field] !== (lo & -4096) || T[j + TLB_HI] !== hi) return -1;
    return (lo + T[j + TLB_ADDEND]) | 0;
  };
  const load8 = (lo: number, hi: number): number => cpu.load8(lo, hi);
  const load16 = (lo: number, hi: number): number => {
    const at = quick(lo, hi, 4094, 0);
    return at >= 0 ? view.getUint16(at, true) : cpu.load16(lo, hi);
  };
  const load32 = (lo: number, hi: number): number => {
    const at = quick(lo, hi, 4092, 0);
    return at >= 0 ? view.getInt32(at, true) : cpu.load32(lo, hi);
  };
  const load64 = (lo: number, hi: number): number => {
    const at = quick(lo, hi, 4088, 0);
    if (at < 0) return cpu.load64(lo, hi);
    S[LD_HI] = view.getInt32(at + 4, true);
    return view.getInt32(at, true);
  };
  const store16 = (lo: number, hi: number, value: number): void => {
    const at = quick(lo, hi, 4094, TLB_WRITE);
    if (at >= 0) view.setInt16(at, value, true);
    else cpu.store16(lo, hi, value);
  };
  const store32 = (lo: number, hi: number, value: number): void => {
    const at = quick(lo, hi, 4092, TLB_WRITE);
    if (at >= 0) view.setInt32(at, value, true);
    else cpu.store32(lo, hi, value);
  };
  const store64 = (lo: number, hi: number, value: number, valueHi: number): void => {
    const at = quick(lo, hi, 4088, TLB_WRITE);
    if (at < 0) return cpu.store64(lo, hi, value, valueHi);
    view.setInt32(at, value, true);
    view.setInt32(at + 4, valueHi, true);
  };
  /** A low double that was in a local, or NaN. */
  const sync = (at: number, low: number): void => {
    if (!Number.isNaN(low)) SD[at >> 1] = low;
  };
  const loadNumber = (lo: number, hi: number, at: number): number => {
    const low = load64(lo, hi);
    if (S[FAULT] !== 0) return 0;
    S[at] = low;
    S[at + 1] = S[LD_HI];
    return ordinary(SD[at >> 1]);
  };
  const load128 = (lo: number, hi: number, at: number): number => {
    const from = quick(lo, hi, 4080, TLB_READ);
    if (from >= 0) {
      for (let word = 0; word < 4; word++) S[at + word] = view.getInt32(from + 4 * word, true);
      return ordinary(SD[at >> 1]);
    }
    const low = load64(lo, hi);
    const lowHi = S[LD_HI];
    if (S[FAULT] !== 0) return 0;
    const second = (lo + 8) | 0;
    const high = load64(second, second >>> 0 < 8 ? (hi + 1) | 0 : hi);
    if (S[FAULT] !== 0) return 0;
    S[at] = low;
    S[at + 1] = lowHi;
    S[at + 2] = high;
    S[at + 3] = S[LD_HI];
    return ordinary(SD[at >> 1]);
  };
  const store128 = (lo: number, hi: number, at: number): void => {
    const to = quick(lo, hi, 4080, TLB_WRITE);
    if (to >= 0) {
      for (let word = 0; word < 4; word++) view.setInt32(to + 4 * word, S[at + word], true);
      return;
    }
    cpu.probeWrite(lo, hi, 16);
    if (S[FAULT] !== 0) return;
    const second = (lo + 8) | 0;
    store64(lo, hi, S[at], S[at + 1]);
    store64(second, second >>> 0 < 8 ? (hi + 1) | 0 : hi, S[at + 2], S[at + 3]);
  };
  const probed = (load: (lo: number, hi: number) => number, size: number) => {
    return (lo: number, hi: number): number => {
      if (quick(lo, hi, 4096 - size, TLB_WRITE) < 0) {
        cpu.probeWrite(lo, hi, size);
        if (S[FAULT] !== 0) return 0;
      }
      return load(lo, hi);
    };
  };

  /** RIP and NEXT for system code at record p. */
  const locate = (p: number): void => {
    const position = C[p + 7];
    const offset = position & OFFSET_MASK;
    const length = (position >>> LENGTH_SHIFT) & 15;
    S[BLOCK_INDEX] = position >>> INDEX_SHIFT;
    if ((S[MODE] & MODE_CODE64) === 0) {
      setRip(offset + length);
      S[NEXT_LO] = S[RIP_LO];
      S[NEXT_HI] = S[RIP_HI];
      setRip(offset);
      return;
    }
    const lo = (S[PAGE_LO] + offset) | 0;
    const next = (lo + length) | 0;
    const hi = (S[PAGE_HI] + (lo >>> 0 < offset ? 1 : 0)) | 0;
    S[RIP_LO] = lo;
    S[RIP_HI] = hi;
    S[NEXT_LO] = next;
    S[NEXT_HI] = (hi + (next >>> 0 < length ? 1 : 0)) | 0;
  };
  /** The record of an address by the jump cache, else 0. */
  const hop = (lo: number, hi: number): number => {
    S[RIP_LO] = lo;
    S[RIP_HI] = hi;
    if (S[BUDGET] < 0) return 0;
    const k = S[JUMP_BASE] + jumpIndex(lo);
    const tag = jumps[k + 2];
    if (jumps[k] !== lo || jumps[k + 1] !== hi) return 0;
    if (tag !== S[JUMP_TAG] && tag !== S[JUMP_TAG_GLOBAL]) return 0;
    S[PAGE_LO] = jumps[k + 4];
    S[PAGE_HI] = jumps[k + 5];
    return jumps[k + 3];
  };
  const jump = (lo: number, hi: number): number => {
    const record = hop(lo, hi);
    return record !== 0 ? record : proceed();
  };
  /** The same of a direct branch, which is linked. */
  const link = (offset: number, slot: number): number => {
    const pageLo = S[PAGE_LO];
    const pageHi = S[PAGE_HI];
    let lo = (pageLo + offset) | 0;
    let hi = (pageHi + (offset >> 31) + (lo >>> 0 < offset >>> 0 ? 1 : 0)) | 0;
    if ((S[MODE] & MODE_CODE64) === 0) {
      setRip(offset);
      lo = S[RIP_LO];
      hi = 0;
    }
    const k = S[JUMP_BASE] + jumpIndex(lo);
    const tag = jumps[k + 2];
    const known = jumps[k] === lo && jumps[k + 1] === hi;
    const record = jumps[k + 3];
    if (!known || (tag !== S[JUMP_TAG] && tag !== S[JUMP_TAG_GLOBAL]) || C[record] === STALE) {
      setRip(offset);
      return 0;
    }
    if (jumps[k + 6] !== 0 && jumps[k + 4] === pageLo && jumps[k + 5] === pageHi) C[slot] = record;
    S[PAGE_LO] = jumps[k + 4];
    S[PAGE_HI] = jumps[k + 5];
    return record;
  };
  const leave = (p: number): number => {
    S[EXIT_RECORD] = p;
    return proceed();
  };
  /** Runs the system code at the end of a block; false: it raised a fault. */
  const end = (p: number): boolean => {
    locate(p);
    HELPERS[C[p + 1]].run(cpu, C[p + 2], C[p + 3], C[p + 4], C[p + 5], C[p + 6]);
    S[BLOCK_INDEX] = 0;
    if (S[FAULT] !== 0) {
      S[EXIT_RECORD] = p;
      return false;
    }
    S[BUDGET] -= (C[p + 7] >>> INDEX_SHIFT) + 1;
    S[RIP_LO] = S[NEXT_LO];
    S[RIP_HI] = S[NEXT_HI];
    return true;
  };
  const unavailable = (vector: number): number => {
    cpu.raise(vector);
    return 1;
  };

  return {
    S,
    SU8: cpu.SU8,
    SU16: new Uint16Array(S.buffer),
    SF: cpu.SF32,
    SD: cpu.SF64,
    C,
    T,
    J: jumps,
    M8: bytes,
    M16: new Uint16Array(buffer),
    M32: new Int32Array(buffer),
    MD: new Float64Array(buffer),
    ...arithmetic,
    ...bitArithmetic,
    load8,
    load16,
    load32,
    load64,
    loadw8: probed(load8, 1),
    loadw16: probed(load16, 2),
    loadw32: probed(load32, 4),
    loadw64: probed(load64, 8),
    loadNumber,
    load128,
    storeNumber: (lo, hi, at, low) => {
      sync(at, low);
      store64(lo, hi, S[at], S[at + 1]);
    },
    storeNumbers: (lo, hi, at, low) => {
      sync(at, low);
      store128(lo, hi, at);
    },
    copyBits: (to, from, count, low) => {
      sync(from, low);
      for (let word = 0; word < count; word++) S[to + word] = S[from + word];
      return ordinary(SD[to >> 1]);
    },
    store8: (lo, hi, value) => cpu.store8(lo, hi, value),
    store16,
    store32,
    store64,
    raise: (vector, error) => cpu.raise(vector, error),
    leave,
    pause: (offset) => {
      setRip(offset);
      return 0;
    },
    branch: (offset, slot) => {
      const record = link(offset, slot);
      return record !== 0 ? record : proceed();
    },
    jump,
    stale: leave,
    region: (p) => {
      // Of warm-up.ts.
      if (S[PRACTICE] !== 0) return S[FAULT] === 0 ? 0 : -p;
      S[REGION_STALE] = 0;
      const next = wiring.runRegion(p);
      return next !== 0 ? next : proceed();
    },
    helper: (p) => {
      locate(p);
      HELPERS[C[p + 1]].run(cpu, C[p + 2], C[p + 3], C[p + 4], C[p + 5], C[p + 6]);
      S[BLOCK_INDEX] = 0;
      return S[FAULT];
    },
    helperRepeat: (p) => {
      locate(p);
      HELPERS[C[p + 1]].run(cpu, C[p + 2], C[p + 3], C[p + 4], C[p + 5], C[p + 6]);
      S[BLOCK_INDEX] = 0;
      if (S[FAULT] !== 0) return 1;
      return S[NEXT_LO] === S[RIP_LO] && S[NEXT_HI] === S[RIP_HI] ? 1 : 0;
    },
    helperEnd: (p) => {
      end(p);
      return proceed();
    },
    x87op: (p) => {
      locate(p);
      x87(cpu, C[p + 1], C[p + 2], C[p + 3] !== 0);
      S[BLOCK_INDEX] = 0;
      return S[FAULT];
    },
    fpuCheck: () => {
      if ((S[CR0] & (CR0_EM | CR0_TS)) !== 0) return unavailable(VEC_NM);
      return pendingException(cpu) ? 1 : 0;
    },
    ...fpuEnvironment(cpu),
    sseCheck: (p) => {
      const flags = C[p + 1];
      if ((flags & 2) !== 0) return 0;
      if ((S[CR0] & CR0_EM) !== 0 || ((flags & 1) === 0 && (S[CR4] & CR4_OSFXSR) === 0))
        return unavailable(VEC_UD);
      if ((S[CR0] & CR0_TS) !== 0) return unavailable(VEC_NM);
      return (flags & 1) !== 0 && pendingException(cpu) ? unavailable(VEC_MF) : 0;
    },
    sse: (p) => {
      const op = SSE_OPS[C[p + 1]];
      const to = C[p + 2];
      // A store to memory enters MMX state when it has succeeded; all else does even when an exception follows.
      if (op.mmx && to !== XMM_TEMP) mmxEnter(cpu);
      op.run(cpu, to, C[p + 3], C[p + 4], C[p + 5] !== 0);
      return S[FAULT];
    },
    sseNumber: (p, x, y) => {
      sync(C[p + 2], x);
      sync(C[p + 3], y);
      SSE_OPS[C[p + 1]].run(cpu, C[p + 2], C[p + 3], C[p + 4], C[p + 5] !== 0);
      return ordinary(SD[C[p + 2] >> 1]);
    },
    sseOrder: (p, x, y) => {
      sync(C[p + 2], x);
      sync(C[p + 3], y);
      SSE_OPS[C[p + 1]].run(cpu, C[p + 2], C[p + 3], 0, false);
      if (S[F_LO] !== 0) return S[F_AUX] === 0 ? GREATER : LESS;
      return S[F_AUX] === FLIPPED_PARITY ? EQUAL : Number.NaN;
    },
    sseLoad: (p) => {
      const lo = S[EA_LO];
      const hi = S[EA_HI];
      const to = C[p + 1];
      const bytes = C[p + 2];
      if ((lo & C[p + 3]) !== 0) {
        cpu.raise(VEC_GP, 0);
        return 1;
      }
      // The destination is a temporary: a fault may leave it half written.
      S[to + 1] = 0;
      S[to + 2] = 0;
      S[to + 3] = 0;
      if (bytes === 4) S[to] = load32(lo, hi);
      else if (bytes < 4) S[to] = bytes === 2 ? load16(lo, hi) : load8(lo, hi);
      else {
        S[to] = load64(lo, hi);
        S[to + 1] = S[LD_HI];
        if (bytes === 16 && S[FAULT] === 0) {
          const second = (lo + 8) | 0;
          S[to + 2] = load64(second, second >>> 0 < 8 ? (hi + 1) | 0 : hi);
          S[to + 3] = S[LD_HI];
        }
      }
      return S[FAULT];
    },
    sseStore: (p) => {
      const lo = S[EA_LO];
      const hi = S[EA_HI];
      const from = C[p + 1];
      const bytes = C[p + 2];
      if ((lo & C[p + 3]) !== 0) {
        cpu.raise(VEC_GP, 0);
        return 1;
      }
      if (bytes === 16) {
        cpu.probeWrite(lo, hi, 16);
        if (S[FAULT] !== 0) return 1;
        store64(lo, hi, S[from], S[from + 1]);
        const second = (lo + 8) | 0;
        store64(second, second >>> 0 < 8 ? (hi + 1) | 0 : hi, S[from + 2], S[from + 3]);
      } else if (bytes === 8) store64(lo, hi, S[from], S[from + 1]);
      else if (bytes === 4) store32(lo, hi, S[from]);
      else if (bytes === 2) store16(lo, hi, S[from]);
      else cpu.store8(lo, hi, S[from]);
      if (S[FAULT] !== 0) return 1;
      if (C[p + 4] !== 0) mmxEnter(cpu);
      return 0;
    },
    arithFlags: () => arithmeticFlags(S),
    inRegions: {
      jump: hop,
      branch: link,
      leave: (p) => {
        S[EXIT_RECORD] = p;
        return 0;
      },
      helperEnd: (p) => {
        end(p);
        return 0;
      },
    },
  };
}
