/** Runs the vCPU on the stage: finds decoded blocks, runs the interpreter on them, delivers exceptions and interrupts. */
import type { Trace } from '../core/trace.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { CpuHost, CpuTopology } from './cpu.ts';
import type { Debugger } from './debugger.ts';
import { BlockCache, MODE_SINGLE } from './interp/block-cache.ts';
import { CodeLookup, NO_TAG } from './interp/code-lookup.ts';
import { CodeMaker, type FunctionMaker } from './interp/code-maker.ts';
import { interpreterEnvironment } from './interp/engine-environment.ts';
import { INTERPRETER_MEMBERS, interpreterBody } from './interp/generate.ts';
import { createInterpreter } from './interp/generated/interpreter.js';
import { INDEX_SHIFT, OFFSET_MASK } from './interp/position.ts';
import { regionEnvironment } from './interp/region-environment.ts';
import { warmUp } from './interp/warm-up.ts';
import type { Seed } from './jit/region.ts';
import { RegionCompiler } from './jit/region-compiler.ts';
import type { CpuIdentity } from './models/cpu-identity.ts';
import {
  ATTENTION,
  BLOCK_INDEX,
  BUDGET,
  BUDGET_HELD,
  CR2_HI,
  CR2_LO,
  DEBUG_PENDING,
  EFLAGS,
  EXIT_RECORD,
  FAULT,
  FAULT_DEBUG,
  FAULT_TRIPLE,
  FLAG_IF,
  FLAG_RF,
  HALTED,
  HALTED_HLT,
  JUMP_TAG,
  MODE,
  MODE_CODE32,
  MODE_CODE64,
  MODE_TRAP,
  NEXT_HI,
  NEXT_LO,
  PAGE_HI,
  PAGE_LO,
  REGION_STALE,
  RIP_HI,
  RIP_LO,
  SHADOW,
  VEC_DB,
  VEC_MC,
  VEC_NMI,
} from './state.ts';
import { beginInstruction, endsInTrap } from './system/debug.ts';
import { deliver, deliverFault } from './system/exceptions.ts';
import { Vcpu } from './vcpu.ts';

const EXACT_RESERVE = 1024;
const MAX_EXCEPTIONS = 10_000;

/** Why `run` came back. `debug`: a breakpoint or watchpoint of a debugger outside of the guest. */
export type Exit = 'budget' | 'halted' | 'shutdown' | 'debug';

export interface EngineOptions {
  readonly memory: GuestMemory;
  readonly host: CpuHost;
  readonly trace: Trace;
  readonly topology?: CpuTopology;
  /** How many vCPUs can be at once; absent: one. */
  readonly slots?: number;
  /** What the processors of the machine announce and execute; absent: qemu64. */
  readonly identity?: CpuIdentity;
  /** Shared by all vCPUs of a machine. */
  readonly blocks?: BlockCache;
  /** How compiled code is made; absent: by the host's `Function`. */
  readonly makeFunction?: FunctionMaker | undefined;
  /** The host's clock: how long compiled code takes decides when it is used. Absent: some time later. */
  readonly nowNs?: () => number;
  /** Code that is made sees the arrays as globals of the realm, which is faster; they go with the engine. */
  readonly useGlobals?: boolean;
}

type Interpreter = (record: number) => void;

export class Engine {
  readonly cpu: Vcpu;
  readonly blocks: BlockCache;
  /** For tests: sees an exception before it is delivered; true keeps it from being delivered and ends `run`. */
  onException: ((vector: number, error: number) => boolean) | undefined = undefined;
  /** Every instruction is decoded and run in a block of its own, from the next slice on. */
  isSingleStep = false;
  /** Instructions completed since the engine was made, by all vCPUs together. */
  retired = 0;

  readonly #debugger: Debugger;
  readonly #code: CodeLookup;
  readonly #interpret: Interpreter;
  readonly #maker: CodeMaker;
  readonly #regions: RegionCompiler;
  /** Every instruction in a block of its own: the end of an exact count. */
  #single = false;
  /** Instructions of an exact count that are kept for its end. */
  #reserve = 0;
  /** Exceptions in this run: a guest whose handler faults at once must not hold the machine. */
  #exceptions = 0;
  /** The interpreter must come back after each instruction, or with the next one: a trap or an interrupt may follow. */
  #isStepping = false;
  /** Blocks that are still to be noted, and those noted. */
  #follow = 0;
  #path: Seed[] = [];

  constructor(options: EngineOptions) {
    const { memory, host, trace } = options;
    this.cpu = new Vcpu(memory, host, trace, options.topology, options.slots, options.identity);
    this.#debugger = this.cpu.debugger;
    this.blocks = options.blocks ?? new BlockCache(memory, this.cpu.identity.features);
    this.#code = new CodeLookup(this.cpu, this.blocks);
    this.blocks.onFlush = () => {
      this.#code.clear();
      this.#path = [];
      this.#regions.clear();
    };
    this.blocks.onDrop = () => {
      this.cpu.S[REGION_STALE] = 1;
    };
    this.blocks.onCodePage = (page) => this.cpu.dropWriteTags(page);
    const wiring = {
      cpu: this.cpu,
      blocks: this.blocks,
      jumps: this.#code.jumps,
      setRip: (offset: number) => this.#setRip(offset),
      runRegion: (record: number) => this.#regions.run(record),
      proceed: () => this.#proceed(),
    };
    const environment = interpreterEnvironment(wiring);
    const cached = { ...environment, ...environment.inRegions };
    const inRegions = { ...cached, ...regionEnvironment(wiring, cached) };
    const known = (lo: number, hi: number): number => this.#code.known(lo, hi);
    const owner = options.useGlobals === true ? this : undefined;
    const maker = new CodeMaker(options.makeFunction, inRegions, owner);
    this.#maker = maker;
    this.#regions = new RegionCompiler(this.blocks, inRegions, known, maker, options.nowNs);
    this.#interpret = maker.isGlobal
      ? (maker.make(INTERPRETER_MEMBERS, interpreterBody(), { ...environment }) as Interpreter)
      : createInterpreter(environment);
  }

  /** The region compiler: statistics, and a switch to turn it off. */
  get compiler(): RegionCompiler {
    return this.#regions;
  }

  /** Gives back what the realm keeps for this engine, guest RAM among it. It must not run any more. */
  dispose(): void {
    this.#maker.dispose();
  }

  /** Prepares the interpreter for full speed (warm-up.ts). Takes some tenths of a second; before the guest starts. */
  warmUp(): void {
    const { cpu } = this;
    const { S, tlb: T } = cpu;
    this.#isStepping = true;
    const { bytes } = cpu.memory.arena;
    const parts = { S, T, J: this.#code.jumps, C: this.blocks.C, bytes, run: this.#interpret };
    cpu.memory.withScratch(() => this.#debugger.withoutWatchpoints(() => warmUp(parts)));
    this.#code.clear();
    cpu.clearTranslations();
    cpu.flushTlb(true);
  }

  /**
   * Runs up to `count` instructions (exactly, with `exact`; else up to a block more) and says why it stopped.
   * The number completed is added to `retired`.
   */
  run(count: number, exact = false): Exit {
    const S = this.cpu.S;
    // A block may overrun: with `exact` the last instructions run one by one.
    this.#begin(count, exact ? Math.min(EXACT_RESERVE, count) : 0);
    let exit: Exit = 'budget';
    for (;;) {
      if (S[BUDGET] < 0 && S[BUDGET_HELD] === 0 && this.#reserve > 0) {
        if (this.#reserve < count) this.#sample();
        S[BUDGET] += this.#reserve;
        this.#reserve = 0;
        this.#single = true;
      }
      if (this.#exceptions > MAX_EXCEPTIONS) break;
      if (S[BUDGET] < 0) break;
      if (S[ATTENTION] !== 0) {
        // What was delivered last accessed what a debugger watches, or what is delivered now does.
        if (this.#debugger.hit !== undefined) break;
        if (!this.#attend()) {
          exit = 'halted';
          break;
        }
        if (this.#debugger.hit !== undefined) break;
      }
      if (S[HALTED] !== 0) {
        exit = 'halted';
        break;
      }
      const stop = this.#follow > 0 && !this.#single ? this.#followBlock() : this.#step();
      if (stop !== undefined) {
        exit = stop;
        break;
      }
    }
    if (this.#debugger.hit !== undefined && exit !== 'shutdown') exit = 'debug';
    if (exit === 'budget' && S[BUDGET_HELD] === 0) this.#sample();
    this.#end(count);
    return exit;
  }

  /**
   * Runs one instruction for a debugger, or the delivery of what comes in its place: an exception, and an interrupt unless `noInterrupts`.
   * Answers `debug`; `halted` while the vCPU sleeps, also because the instruction was HLT: the step is not done then.
   */
  step(noInterrupts: boolean): Exit {
    this.#begin(1, 0);
    const exit = this.#wakesForStep(noInterrupts) ? 'debug' : this.#stepAwake();
    this.#end(1);
    return exit;
  }

  /** True: an interrupt was delivered instead of an instruction. */
  #wakesForStep(noInterrupts: boolean): boolean {
    const { cpu } = this;
    const { S } = cpu;
    cpu.serviceEvents();
    if (noInterrupts) {
      // QEMU: what wakes the vCPU up does so also where it may not interrupt the step.
      if (S[HALTED] === HALTED_HLT && cpu.processor.isReady) S[HALTED] = 0;
      return false;
    }
    const [lo, hi] = [S[RIP_LO], S[RIP_HI]];
    if (S[ATTENTION] !== 0) this.#attend();
    return S[RIP_LO] !== lo || S[RIP_HI] !== hi;
  }

  #stepAwake(): Exit {
    const { S } = this.cpu;
    if (S[HALTED] !== 0) return 'halted';
    const exit = this.#stepAlone() ?? 'debug';
    return exit === 'debug' && (S[HALTED] as number) !== 0 ? 'halted' : exit;
  }

  /** @param reserve instructions that are kept for the end of an exact count */
  #begin(count: number, reserve: number): void {
    const { S } = this.cpu;
    this.#reserve = reserve;
    S[BUDGET] = count - 1 - reserve;
    S[BUDGET_HELD] = 0;
    this.#single = this.isSingleStep;
    this.#exceptions = 0;
    this.#debugger.hit = undefined;
  }

  #end(count: number): void {
    const { S } = this.cpu;
    this.retired += count - 1 - this.#reserve - S[BUDGET] - S[BUDGET_HELD];
    S[BUDGET] = -1;
    S[BUDGET_HELD] = 0;
  }

  /** Runs one instruction at which no breakpoint of a debugger stops, and whose accesses to watched memory are noted. */
  #stepAlone(): Exit | undefined {
    const { cpu } = this;
    const { S } = cpu;
    this.#debugger.isStepping = true;
    // One repetition of a string instruction is a step.
    S[MODE] |= MODE_TRAP;
    const exit = this.#step();
    this.#debugger.isStepping = false;
    cpu.updateMode();
    return exit;
  }

  /** Instructions completed, while the vCPU runs: exact inside system code, else as of the last block's end. */
  retiredNow(count: number): number {
    const S = this.cpu.S;
    return this.retired + (count - 1 - this.#reserve - S[BUDGET] - S[BUDGET_HELD]) + S[BLOCK_INDEX];
  }

  /** The code that a slice ends in is hot more often than not: a block that is seen again and again is compiled. */
  #sample(): void {
    const { S } = this.cpu;
    if (this.#single || S[FAULT] !== 0 || S[HALTED] !== 0 || (S[MODE] & MODE_TRAP) !== 0) return;
    const [cr2Lo, cr2Hi] = [S[CR2_LO], S[CR2_HI]];
    const record = this.#code.find(S[MODE]);
    if (record !== 0 && S[JUMP_TAG] === NO_TAG) return;
    if (record !== 0) {
      this.#follow = this.#regions.sample({ record, pageLo: S[PAGE_LO], pageHi: S[PAGE_HI] });
      return;
    }
    // A fetch that faults will fault again when it is tried.
    S[FAULT] = 0;
    S[CR2_LO] = cr2Lo;
    S[CR2_HI] = cr2Hi;
  }

  /** Takes INIT, startup IPI, NMI, machine checks and interrupts. False: halted, and nothing wakes the vCPU. */
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
    if (cpu.takeMachineCheck()) {
      S[HALTED] = 0;
      deliver(cpu, VEC_MC, 'interrupt', undefined);
      return true;
    }
    const { interrupts } = cpu.processor;
    if (!interrupts.pending()) {
      S[ATTENTION] = 0;
      return true;
    }
    if ((S[EFLAGS] & FLAG_IF) === 0) return S[HALTED] === 0;
    const vector = interrupts.acknowledge();
    if (vector < 0) return true;
    S[HALTED] = 0;
    deliver(cpu, vector, 'interrupt', undefined);
    return true;
  }

  /** A block is run alone: the rest of the budget is held, not used up, since clocks count what is. Answers all that is held. */
  #holdBudget(): number {
    const { S } = this.cpu;
    S[BUDGET_HELD] += S[BUDGET];
    S[BUDGET] = 0;
    return S[BUDGET_HELD];
  }

  /** Undoes that, unless more is held since: a device wants the slice to end. */
  #giveBudget(budget: number, held: number): void {
    const { S } = this.cpu;
    if (S[BUDGET_HELD] !== held) return;
    S[BUDGET_HELD] -= budget;
    S[BUDGET] += budget;
  }

  /** Runs one block, and notes it for the region compiler. A slice ends at the same block as without. */
  #followBlock(): Exit | undefined {
    const { S } = this.cpu;
    const budget = S[BUDGET];
    const held = this.#holdBudget();
    const stop = this.#step();
    this.#giveBudget(budget, held);
    // The next block is what it would be if the interpreter had gone on by itself.
    if (S[BUDGET] >= 0 && (S[ATTENTION] | S[HALTED] | S[FAULT] | (S[MODE] & MODE_TRAP)) === 0) S[SHADOW] = 0;
    if (--this.#follow === 0) {
      this.#regions.followed(this.#path);
      this.#path = [];
    }
    return stop;
  }

  /** Runs from RIP until the interpreter comes back. */
  #step(): Exit | undefined {
    const { cpu } = this;
    const { S } = cpu;
    if (S[FAULT] === FAULT_TRIPLE) return 'shutdown';
    if (this.#debugger.hasBreakpoints && this.#debugger.breaksAt(S)) return 'debug';
    const shadow = S[SHADOW] !== 0;
    S[SHADOW] = 0;
    let mode = S[MODE];
    const { watcher } = cpu;
    const isTold = watcher?.wantsInstructions === true;
    const isAlone = shadow || isTold;
    // Exact counts and the instruction after STI or MOV SS run in blocks of one instruction.
    const single = isAlone || this.#single;
    if (single) mode |= MODE_SINGLE;
    const traps = (mode & MODE_TRAP) !== 0;
    this.#isStepping = isAlone || traps;
    const resumes = traps && (S[EFLAGS] & FLAG_RF) !== 0;
    if (traps && !beginInstruction(cpu)) return this.#exception();
    const record = this.#code.find(mode);
    if (record !== 0) {
      if (isTold) watcher.executing(record);
      if (this.#follow > 0 && S[JUMP_TAG] !== NO_TAG)
        this.#path.push({ record, pageLo: S[PAGE_LO], pageHi: S[PAGE_HI] });
      S[EXIT_RECORD] = 0;
      if (isAlone) {
        const budget = S[BUDGET];
        const held = this.#holdBudget();
        this.#interpret(record);
        this.#giveBudget(budget, held);
      } else this.#interpret(record);
      const at = S[EXIT_RECORD];
      if (at !== 0) this.#leaveBlock(at);
    }
    if (S[FAULT] !== 0) {
      // The pushed flags keep RF: the breakpoint under an instruction that faulted does not come again.
      if (resumes) S[EFLAGS] |= FLAG_RF;
      S[DEBUG_PENDING] = 0;
      return S[FAULT] === FAULT_DEBUG ? this.#runWatched(shadow) : this.#exception();
    }
    if (traps && endsInTrap(S)) {
      S[NEXT_LO] = S[RIP_LO];
      S[NEXT_HI] = S[RIP_HI];
      if (this.onException?.(VEC_DB, 0) === true) return 'budget';
      deliver(cpu, VEC_DB, 'trap', undefined);
    }
    return undefined;
  }

  /** The instruction at RIP accesses what a debugger watches: it is run for that. */
  #runWatched(shadow: boolean): Exit | undefined {
    const { S } = this.cpu;
    S[FAULT] = 0;
    S[SHADOW] = shadow ? 1 : 0;
    const exit = this.#stepAlone();
    return exit ?? (this.#debugger.hit === undefined ? undefined : 'debug');
  }

  /**
   * The interpreter cannot go on by itself: S[EXIT_RECORD] says where it is, or S[RIP_*] where it must go. Answers the next
   * record, after a fault that of its handler; 0 when `run` must look, and EXIT_RECORD is as it was or was taken into account.
   */
  #proceed(): number {
    const { S } = this.cpu;
    const at = S[EXIT_RECORD];
    if (at !== 0) {
      S[EXIT_RECORD] = 0;
      this.#leaveBlock(at);
    }
    if (this.#isStepping) return 0;
    if (S[FAULT] !== 0 && !this.#deliverInPlace()) return 0;
    if (S[BUDGET] < 0 || (S[ATTENTION] | S[HALTED] | (S[MODE] & MODE_TRAP)) !== 0) return 0;
    // No interrupt is there that would have to wait.
    S[SHADOW] = 0;
    return this.#code.find(this.#single ? S[MODE] | MODE_SINGLE : S[MODE]);
  }

  /** False: `run` must deliver the fault, or stop. */
  #deliverInPlace(): boolean {
    const { S } = this.cpu;
    if (S[FAULT] >= FAULT_TRIPLE || this.onException !== undefined) return false;
    if (this.#exceptions > MAX_EXCEPTIONS) return false;
    deliverFault(this.cpu);
    this.#exceptions++;
    return S[FAULT] === 0;
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
    this.#exceptions++;
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
}

/** An engine with its own block cache. */
export function createEngine(options: EngineOptions): Engine {
  return new Engine(options);
}
