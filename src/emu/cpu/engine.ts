/** Runs a vCPU: finds decoded blocks, runs the interpreter on them, delivers exceptions and interrupts. */
import type { Trace } from '../core/trace.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { CpuHost, CpuTopology } from './cpu.ts';
import { pendingException } from './fpu/fxsave.ts';
import { x87 } from './fpu/x87.ts';
import { HELPERS } from './helpers/helpers.ts';
import * as arithmetic from './interp/arithmetic.ts';
import { BlockCache, MODE_SINGLE, NEEDS_NEXT_PAGE, STALE } from './interp/block-cache.ts';
import { createInterpreter } from './interp/generated/interpreter.js';
import { warmUp } from './interp/warm-up.ts';
import { FETCH_FAULT, FETCH_MMIO } from './mmu/mmu.ts';
import { mmxEnter, SSE_OPS } from './sse/ops.ts';
import {
  ATTENTION,
  BLOCK_INDEX,
  BUDGET,
  BUDGET_HELD,
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  CR0,
  CR0_EM,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  DR6,
  EA_HI,
  EA_LO,
  EFLAGS,
  EVENT_INIT,
  EVENT_NMI,
  EVENT_NMI_BLOCKED,
  EVENT_SIPI,
  EVENTS,
  EXIT_RECORD,
  FAULT,
  FAULT_TRIPLE,
  FLAG_IF,
  FLAG_TF,
  HALTED,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  LD_HI,
  MODE,
  MODE_CODE32,
  MODE_CODE64,
  MODE_TRAP,
  NEXT_HI,
  NEXT_LO,
  PAGE_HI,
  PAGE_LO,
  RIP_HI,
  RIP_LO,
  SEG_BASE_LO,
  SEG_CS,
  SEG_LIMIT,
  SHADOW,
  TLB_ADDEND,
  TLB_BASE,
  TLB_HI,
  TLB_WRITE,
  VEC_DB,
  VEC_GP,
  VEC_MF,
  VEC_NM,
  VEC_NMI,
  VEC_UD,
  XMM_TEMP,
} from './state.ts';
import { deliver, deliverFault } from './system/exceptions.ts';
import { arithmeticFlags } from './system/flags.ts';
import { Vcpu } from './vcpu.ts';

const OFFSET_MASK = 0x1fff;
const LENGTH_SHIFT = 13;
const INDEX_SHIFT = 20;
const JUMP_ENTRIES = 16384;
const MAX_GENERATION = 1 << 20;
/** Spec: SDM vol. 3 §17.2.3. */
const DR6_BS = 1 << 14;

/** Why `run` came back. */
export type Exit = 'budget' | 'halted' | 'shutdown';

/** Where the engine gets interrupts from. */
export interface InterruptSource {
  /** Something is deliverable now (EFLAGS.IF is not considered here). */
  pending(): boolean;
  /** Takes it: the vector, or -1 when it went away. */
  acknowledge(): number;
}

export interface EngineOptions {
  readonly memory: GuestMemory;
  readonly host: CpuHost;
  readonly trace: Trace;
  readonly topology?: CpuTopology;
  /** Shared by all vCPUs of a machine. */
  readonly blocks?: BlockCache;
}

export class Engine {
  readonly cpu: Vcpu;
  readonly blocks: BlockCache;
  interrupts: InterruptSource = { pending: () => false, acknowledge: () => 0 };
  /** For tests: sees an exception before it is delivered; true keeps it from being delivered and ends `run`. */
  onException: ((vector: number, error: number) => boolean) | undefined = undefined;
  /** Instructions completed since the vCPU was made. */
  retired = 0;

  /** address low, high, tag, record, page low, page high */
  readonly #jumps = new Int32Array(JUMP_ENTRIES * 8);
  readonly #interpret: (record: number) => void;
  #lastCsBase = 0;
  #lastCsLimit = 0;

  constructor(options: EngineOptions) {
    const { memory, host, trace } = options;
    this.cpu = new Vcpu(memory, host, trace, options.topology);
    this.blocks = options.blocks ?? new BlockCache(memory);
    this.blocks.onFlush = () => this.#jumps.fill(0);
    this.blocks.onCodePage = (page) => this.cpu.mmu.dropWriteTags(page);
    this.#interpret = this.#createInterpreter();
  }

  /** Prepares the interpreter for full speed (warm-up.ts). Takes some tenths of a second; before the guest starts. */
  warmUp(): void {
    const { cpu } = this;
    const { S, tlb: T } = cpu;
    warmUp({ S, T, C: this.blocks.C, bytes: cpu.memory.bytes, run: this.#interpret });
    cpu.mmu.tlb.clear();
    cpu.flushTlb(true);
  }

  /**
   * Runs up to `count` instructions (exactly, with `exact`; else up to a block more) and says why it stopped.
   * The number completed is added to `retired`.
   */
  run(count: number, exact = false): Exit {
    const S = this.cpu.S;
    S[BUDGET] = count - 1;
    S[BUDGET_HELD] = 0;
    let exit: Exit = 'budget';
    for (;;) {
      if (S[BUDGET] < 0) break;
      if (S[ATTENTION] !== 0 && !this.#attend()) {
        exit = 'halted';
        break;
      }
      if (S[HALTED] !== 0) {
        exit = 'halted';
        break;
      }
      const stop = this.#step(exact);
      if (stop !== undefined) {
        exit = stop;
        break;
      }
    }
    this.retired += count - 1 - S[BUDGET] - S[BUDGET_HELD];
    S[BUDGET] = -1;
    S[BUDGET_HELD] = 0;
    return exit;
  }

  /** Instructions completed, while the vCPU runs: exact inside system code, else as of the last block's end. */
  retiredNow(count: number): number {
    const S = this.cpu.S;
    return this.retired + (count - 1 - S[BUDGET] - S[BUDGET_HELD]) + S[BLOCK_INDEX];
  }

  /** A halted vCPU has something to wake up for. */
  isAwake(): boolean {
    const { S } = this.cpu;
    if (S[ATTENTION] === 0) return false;
    const events = S[EVENTS];
    if ((events & (EVENT_INIT | EVENT_SIPI)) !== 0) return true;
    if ((events & (EVENT_NMI | EVENT_NMI_BLOCKED)) === EVENT_NMI) return true;
    return (S[EFLAGS] & FLAG_IF) !== 0 && this.interrupts.pending();
  }

  /** Takes INIT, startup IPI, NMI and interrupts. False: halted, and nothing wakes the vCPU. */
  #attend(): boolean {
    const { cpu } = this;
    const { S } = cpu;
    if (S[SHADOW] !== 0) return true;
    cpu.serviceEvents();
    if (cpu.takeNmi()) {
      S[HALTED] = 0;
      deliver(cpu, VEC_NMI, 'interrupt', undefined);
      return true;
    }
    if (!this.interrupts.pending()) {
      S[ATTENTION] = 0;
      return true;
    }
    if ((S[EFLAGS] & FLAG_IF) === 0) return S[HALTED] === 0;
    const vector = this.interrupts.acknowledge();
    if (vector < 0) return true;
    S[HALTED] = 0;
    deliver(cpu, vector, 'interrupt', undefined);
    return true;
  }

  /** Runs from RIP until the interpreter comes back. */
  #step(exact: boolean): Exit | undefined {
    const { cpu } = this;
    const { S } = cpu;
    if (S[FAULT] === FAULT_TRIPLE) return 'shutdown';
    const shadow = S[SHADOW] !== 0;
    S[SHADOW] = 0;
    let mode = S[MODE];
    // Exact counts and the instruction after STI or MOV SS run in blocks of one instruction.
    const single = shadow || (exact && S[BUDGET] < 64);
    if (single) mode |= MODE_SINGLE;
    const trapped = (S[EFLAGS] & FLAG_TF) !== 0;
    const record = this.#lookup(mode);
    if (record !== 0) {
      S[EXIT_RECORD] = 0;
      if (shadow && !exact) {
        const held = S[BUDGET];
        S[BUDGET] = 0;
        this.#interpret(record);
        S[BUDGET] += held;
      } else this.#interpret(record);
      const at = S[EXIT_RECORD];
      if (at !== 0) this.#leaveBlock(at);
    }
    if (S[FAULT] !== 0) return this.#exception();
    if (trapped && (S[MODE] & MODE_TRAP) !== 0) {
      S[DR6] |= DR6_BS;
      S[NEXT_LO] = S[RIP_LO];
      S[NEXT_HI] = S[RIP_HI];
      if (this.onException?.(VEC_DB, 0) === true) return 'budget';
      deliver(cpu, VEC_DB, 'trap', undefined);
    }
    return undefined;
  }

  /** The interpreter left in the middle of a block, at record `at`: RIP and the count of completed instructions. */
  #leaveBlock(at: number): void {
    const { S } = this.cpu;
    const position = this.blocks.C[at + 7];
    this.#setRip(position & OFFSET_MASK);
    S[BUDGET] -= position >>> INDEX_SHIFT;
  }

  #exception(): Exit | undefined {
    const { S } = this.cpu;
    if (S[FAULT] === FAULT_TRIPLE) return 'shutdown';
    const vector = S[FAULT] & 0xff;
    if (this.onException?.(vector, S[FAULT + 1]) === true) {
      S[FAULT] = 0;
      return 'budget';
    }
    deliverFault(this.cpu);
    // An exception costs budget, so that a guest in an exception loop still ends its slice.
    S[BUDGET]--;
    S[BUDGET_HELD]++;
    return (S[FAULT] as number) === FAULT_TRIPLE ? 'shutdown' : undefined;
  }

  /** RIP = the running page's start + `offset`. */
  #setRip(offset: number): void {
    const { S } = this.cpu;
    const mode = S[MODE];
    const lo = (S[PAGE_LO] + offset) | 0;
    if ((mode & MODE_CODE64) !== 0) {
      S[RIP_LO] = lo;
      S[RIP_HI] = (S[PAGE_HI] + (offset >> 31) + (lo >>> 0 < offset >>> 0 ? 1 : 0)) | 0;
    } else {
      S[RIP_LO] = (mode & MODE_CODE32) !== 0 ? lo : lo & 0xffff;
      S[RIP_HI] = 0;
    }
  }

  /** First record of the code at RIP; 0: a fault was raised. */
  #lookup(mode: number): number {
    const { S } = this.cpu;
    this.#noticeCodeSegment();
    if ((S[CODE_GENERATION] | S[CODE_GENERATION_GLOBAL]) >= MAX_GENERATION) this.#restartGenerations();
    S[JUMP_TAG] = (S[CODE_GENERATION] << 10) | (mode << 1);
    S[JUMP_TAG_GLOBAL] = (S[CODE_GENERATION_GLOBAL] << 10) | (mode << 1) | 1;
    const lo = S[RIP_LO];
    const hi = S[RIP_HI];
    const jumps = this.#jumps;
    const k = jumpIndex(lo);
    const tag = jumps[k + 2];
    const current = tag === S[JUMP_TAG] || tag === S[JUMP_TAG_GLOBAL];
    const known = current && jumps[k] === lo && jumps[k + 1] === hi;
    if (known && this.blocks.isLive(jumps[k + 3])) {
      S[PAGE_LO] = jumps[k + 4];
      S[PAGE_HI] = jumps[k + 5];
      return jumps[k + 3];
    }
    return this.#find(lo, hi, mode, k);
  }

  #find(lo: number, hi: number, mode: number, k: number): number {
    const { cpu } = this;
    const { S } = cpu;
    const code64 = (mode & MODE_CODE64) !== 0;
    if (!code64 && lo >>> 0 > S[SEG_CS + SEG_LIMIT] >>> 0) {
      cpu.raise(VEC_GP, 0);
      return 0;
    }
    const linear = code64 ? lo : (lo + S[SEG_CS + SEG_BASE_LO]) | 0;
    const gpa = this.#fetch(linear, hi);
    if (gpa < 0) return 0;
    let global = cpu.mmu.codeIsGlobal;
    let record = this.blocks.find(gpa, mode, -1);
    if (record === NEEDS_NEXT_PAGE) {
      const after = (linear & ~4095) + 4096;
      const next = this.#fetch(after | 0, code64 && (after | 0) === 0 ? (hi + 1) | 0 : hi);
      if (next < 0) return 0;
      global &&= cpu.mmu.codeIsGlobal;
      record = this.blocks.find(gpa, mode, next);
    }
    const offset = linear & 4095;
    const pageLo = (lo - offset) | 0;
    const jumps = this.#jumps;
    jumps[k] = lo;
    jumps[k + 1] = hi;
    jumps[k + 2] = global ? S[JUMP_TAG_GLOBAL] : S[JUMP_TAG];
    jumps[k + 3] = record;
    jumps[k + 4] = pageLo;
    jumps[k + 5] = hi;
    // Only blocks inside one page may be linked to.
    jumps[k + 6] = this.blocks.crosses(record) ? 0 : 1;
    S[PAGE_LO] = pageLo;
    S[PAGE_HI] = hi;
    return record;
  }

  /** Generations have 21 bits in a tag: before they wrap, all tags are forgotten. */
  #restartGenerations(): void {
    this.#jumps.fill(0);
    this.cpu.S[CODE_GENERATION] = 1;
    this.cpu.S[CODE_GENERATION_GLOBAL] = 1;
  }

  #fetch(lo: number, hi: number): number {
    const gpa = this.cpu.mmu.translateCode(lo, hi);
    if (gpa === FETCH_MMIO) {
      this.cpu.trace.unimplemented('execution outside of RAM');
      this.cpu.raise(VEC_UD);
      return FETCH_FAULT;
    }
    return gpa;
  }

  /** Cached addresses are relative to CS: they are void when its base or limit changes. */
  #noticeCodeSegment(): void {
    const { S } = this.cpu;
    if ((S[MODE] & MODE_CODE64) !== 0) return;
    const base = S[SEG_CS + SEG_BASE_LO];
    const limit = S[SEG_CS + SEG_LIMIT];
    if (base === this.#lastCsBase && limit === this.#lastCsLimit) return;
    this.#lastCsBase = base;
    this.#lastCsLimit = limit;
    S[CODE_GENERATION]++;
    S[CODE_GENERATION_GLOBAL]++;
  }

  #createInterpreter(): (record: number) => void {
    const { cpu } = this;
    const { S, memory } = cpu;
    const { C } = this.blocks;
    const T = cpu.tlb;
    const jumps = this.#jumps;
    const { view } = memory;

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
      this.#setRip(offset + ((position >>> LENGTH_SHIFT) & 15));
      S[NEXT_LO] = S[RIP_LO];
      S[NEXT_HI] = S[RIP_HI];
      this.#setRip(offset);
      S[BLOCK_INDEX] = position >>> INDEX_SHIFT;
    };
    const jump = (lo: number, hi: number): number => {
      S[RIP_LO] = lo;
      S[RIP_HI] = hi;
      if (S[BUDGET] < 0) return 0;
      const k = jumpIndex(lo);
      const tag = jumps[k + 2];
      if (jumps[k] !== lo || jumps[k + 1] !== hi) return 0;
      if (tag !== S[JUMP_TAG] && tag !== S[JUMP_TAG_GLOBAL]) return 0;
      S[PAGE_LO] = jumps[k + 4];
      S[PAGE_HI] = jumps[k + 5];
      return jumps[k + 3];
    };
    const leave = (p: number): number => {
      S[EXIT_RECORD] = p;
      return 0;
    };
    const unavailable = (vector: number): number => {
      cpu.raise(vector);
      return 1;
    };

    return createInterpreter({
      S,
      SU8: cpu.SU8,
      SU16: new Uint16Array(S.buffer),
      C,
      T,
      M8: memory.bytes,
      M16: new Uint16Array(memory.buffer),
      M32: new Int32Array(memory.buffer),
      ...arithmetic,
      load8,
      load16,
      load32,
      load64,
      loadw8: probed(load8, 1),
      loadw16: probed(load16, 2),
      loadw32: probed(load32, 4),
      loadw64: probed(load64, 8),
      store8: (lo, hi, value) => cpu.store8(lo, hi, value),
      store16,
      store32,
      store64,
      raise: (vector, error) => cpu.raise(vector, error),
      leave,
      pause: (offset) => {
        this.#setRip(offset);
        return 0;
      },
      branch: (offset, slot) => {
        const pageLo = S[PAGE_LO];
        const pageHi = S[PAGE_HI];
        this.#setRip(offset);
        const lo = S[RIP_LO];
        const hi = S[RIP_HI];
        const k = jumpIndex(lo);
        const tag = jumps[k + 2];
        if (jumps[k] !== lo || jumps[k + 1] !== hi) return 0;
        if (tag !== S[JUMP_TAG] && tag !== S[JUMP_TAG_GLOBAL]) return 0;
        const record = jumps[k + 3];
        if (C[record] === STALE) return 0;
        if (jumps[k + 6] !== 0 && jumps[k + 4] === pageLo && jumps[k + 5] === pageHi) C[slot] = record;
        S[PAGE_LO] = jumps[k + 4];
        S[PAGE_HI] = jumps[k + 5];
        return record;
      },
      jump,
      stale: leave,
      returnAddress: (offset) => {
        const lo = (S[PAGE_LO] + offset) | 0;
        arithmetic.X[0] = lo;
        arithmetic.X[1] =
          (S[MODE] & MODE_CODE64) !== 0 ? (S[PAGE_HI] + (lo >>> 0 < offset >>> 0 ? 1 : 0)) | 0 : 0;
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
        locate(p);
        HELPERS[C[p + 1]].run(cpu, C[p + 2], C[p + 3], C[p + 4], C[p + 5], C[p + 6]);
        S[BLOCK_INDEX] = 0;
        if (S[FAULT] !== 0) return leave(p);
        S[BUDGET] -= (C[p + 7] >>> INDEX_SHIFT) + 1;
        S[RIP_LO] = S[NEXT_LO];
        S[RIP_HI] = S[NEXT_HI];
        return 0;
      },
      x87op: (p) => {
        locate(p);
        x87(cpu, C[p + 1], C[p + 2], C[p + 3] !== 0);
        S[BLOCK_INDEX] = 0;
        return S[FAULT];
      },
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
    });
  }
}

function jumpIndex(lo: number): number {
  return ((lo ^ (lo >>> 13)) & (JUMP_ENTRIES - 1)) << 3;
}

/** An engine with its own block cache. */
export function createEngine(options: EngineOptions): Engine {
  return new Engine(options);
}
