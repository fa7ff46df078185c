/** A processor for lockstep runs: 64-bit supervisor code, a device, interrupts; see jit-program.ts for the memory map. */

import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { CpuHost } from '../../src/emu/cpu/cpu.ts';
import { createEngine, type Engine, type Exit } from '../../src/emu/cpu/engine.ts';
import type { FunctionMaker } from '../../src/emu/cpu/interp/code-maker.ts';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import * as cpuState from '../../src/emu/cpu/state.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { RamImage } from '../../src/emu/memory/ram-image.ts';
import { CODE, CODE_ALIAS, DATA, DEVICE, ENTRY, FRESH, READ_ONLY, STACK, STACK_TOP } from './jit-program.ts';
import { CS, enterLongMode, SS } from './long-mode.ts';

const MEMORY_BYTES = 0x200000;
const PML4 = 0x1000;
const PDPT = 0x2000;
const DIRECTORY = 0x3000;
const TABLES = [0x4000, 0x5000];
const [PRESENT, WRITABLE, ACCESSED, DIRTY] = [1, 2, 0x20, 0x40];
const USED = PRESENT | WRITABLE | ACCESSED | DIRTY;
const CODE_GPA = 0x100000;
const DEVICE_GPA = 0xfe000000;
const IDT = 0x700000;
const GDT = 0x701000;
const HANDLER = 0x702000;
const MAP: readonly (readonly [linear: number, gpa: number, bits: number])[] = [
  [CODE, CODE_GPA, USED],
  [CODE_ALIAS, CODE_GPA, USED],
  [DATA, 0x102000, USED],
  [DATA + 0x1000, 0x101000, USED],
  [READ_ONLY, 0x103000, PRESENT | ACCESSED],
  [DEVICE, DEVICE_GPA, USED],
  [FRESH, 0x105000, PRESENT | WRITABLE],
  [STACK, 0x106000, USED],
  [IDT, 0x108000, USED],
  [GDT, 0x109000, USED],
  [HANDLER, 0x10a000, USED],
];
const FIRST_INTERRUPT = 0x40;
/** `inc qword [DATA + 8]; iretq` */
const HANDLER_CODE = [0x48, 0xff, 0x04, 0x25, 0x08, 0x00, 0x50, 0x00, 0x48, 0xcf];
const INITIAL_FLAGS = 0x202;
/** State that both engines must agree on; flags are compared as EFLAGS. */
const COMPARED: readonly (readonly [number, number])[] = [
  [cpuState.RAX, 32],
  [cpuState.RIP_LO, 2],
  [cpuState.SHADOW, 2],
  [cpuState.CPL, 1],
  [cpuState.EVENTS, 1],
  [cpuState.SEG_ES, 128],
  [cpuState.FPU_CW, 128],
];

export interface Fault {
  readonly vector: number;
  readonly error: number;
}

export class JitRig {
  readonly engine: Engine;
  fault: Fault | undefined;
  /** What the device saw, and at which instruction. */
  readonly log: string[] = [];
  /** Run by compiled code, by what it counted itself. */
  instructions = 0;
  readonly #initial: Int32Array;
  /** RAM without a program. */
  readonly #memory: Uint8Array;
  /** What `memory` gives: a new copy each time would take four fifths of a lockstep test. */
  readonly #copy: Uint8Array;
  #interrupt = false;
  #count = 0;

  /** One that compiles sees its arrays as globals, too. */
  constructor(compiled: boolean) {
    const memory = pcMemory(MEMORY_BYTES);
    this.engine = createEngine({
      ...{ memory, host: this.#host(), trace: QUIET },
      ...{ makeFunction: this.#make, useGlobals: compiled },
    });
    const { engine } = this;
    engine.compiler.enabled = compiled;
    engine.compiler.policy = EAGER;
    engine.onException = (vector, error) => {
      this.fault = { vector, error };
      return true;
    };
    engine.cpu.processor.interrupts = {
      pending: () => this.#interrupt,
      acknowledge: () => {
        this.#interrupt = false;
        return FIRST_INTERRUPT;
      },
    };
    buildMemory(memory);
    this.#copy = new Uint8Array(new RamImage(memory).sizeBytes);
    this.#memory = this.memory().slice();
    enterSupervisor(engine.cpu.S);
    engine.cpu.updateMode();
    this.#initial = engine.cpu.S.slice();
  }

  /** A copy of RAM, less the hole: the same array at each call. */
  memory(): Uint8Array {
    new RamImage(this.engine.cpu.memory).read(0, this.#copy);
    return this.#copy;
  }

  /** Forgets all that was, and loads a program. */
  load(code: Uint8Array, registers: readonly number[]): void {
    const { engine } = this;
    const { cpu } = engine;
    new RamImage(cpu.memory).write(0, this.#memory);
    cpu.memory.write(CODE_GPA + (ENTRY - CODE), code);
    engine.blocks.flush();
    cpu.processor.restore({ words: this.#initial });
    engine.retired = 0;
    this.#interrupt = false;
    this.log.length = 0;
    this.land(registers);
  }

  /** Starts the program again, after an exception. */
  land(registers: readonly number[]): void {
    const { cpu } = this.engine;
    const { S } = cpu;
    for (let i = 0; i < 32; i++) S[i] = registers[i % registers.length] ?? 0;
    S[cpuState.RSP] = STACK_TOP;
    S[cpuState.RSP + 1] = 0;
    S[cpuState.RIP_LO] = ENTRY;
    S[cpuState.RIP_HI] = 0;
    S[cpuState.HALTED] = 0;
    S[cpuState.SHADOW] = 0;
    cpu.writeFlags(INITIAL_FLAGS);
    cpu.updateMode();
    this.fault = undefined;
  }

  run(count: number, exact: boolean): Exit {
    this.#count = count;
    return this.engine.run(count, exact);
  }

  interrupt(): void {
    this.#interrupt = true;
    this.engine.cpu.S[cpuState.ATTENTION] = 1;
    this.engine.cpu.requestExit();
  }

  /** What can be told apart by the guest, in few words. */
  state(): readonly string[] {
    const { cpu, retired } = this.engine;
    const { S } = cpu;
    const lines = [
      `retired ${retired}`,
      `fault ${JSON.stringify(this.fault)}`,
      `flags ${cpu.readFlags().toString(16)}`,
    ];
    if (this.fault?.vector === cpuState.VEC_PF) lines.push(`cr2 ${S[cpuState.CR2_HI]}:${S[cpuState.CR2_LO]}`);
    for (const [at, count] of COMPARED) {
      for (let i = at; i < at + count; i++) lines.push(`S[${i}] ${((S[i] ?? 0) >>> 0).toString(16)}`);
    }
    return lines;
  }

  /** As the engine's own maker, but the regions that it makes count their instructions. */
  readonly #make: FunctionMaker = (parameters, body) => {
    const make = new Function(...parameters, body) as ReturnType<FunctionMaker>;
    return (...values) => {
      const made = make(...values);
      if (typeof made !== 'function' || made.name !== 'region') return made;
      return (block: number) => {
        const { S } = this.engine.cpu;
        const before = S[cpuState.BUDGET] ?? 0;
        const next: unknown = made(block);
        this.instructions += before - (S[cpuState.BUDGET] ?? 0);
        return next;
      };
    };
  };

  #host(): CpuHost {
    const now = (): number => this.engine.retiredNow(this.#count);
    const seen = (what: string, address: number, size: AccessSize, value: number): void => {
      this.log.push(`${what}${size} ${address.toString(16)} ${value.toString(16)} at ${now()}`);
    };
    return {
      ioRead: (port, size) => {
        seen('in', port, size, 0);
        return 0x5a;
      },
      ioWrite: (port, size, value) => seen('out', port, size, value),
      mmioRead: (gpa, size) => {
        seen('read', gpa, size, 0);
        return this.log.length * 0x01010101;
      },
      mmioWrite: (gpa, size, value) => {
        seen('write', gpa, size, value);
        this.interrupt();
      },
      nowNs: now,
      random: (bytes) => bytes.fill(now()),
      acknowledgePic: () => 0,
      broadcastEoi() {},
    };
  }
}

function buildMemory(memory: GuestMemory): void {
  for (let at = CODE_GPA; at < MEMORY_BYTES; at += 4) memory.writeU32(at, Math.imul(at, 0x9e3779b1));
  memory.writeU32(PML4, PDPT | USED);
  memory.writeU32(PDPT, DIRECTORY | USED);
  for (const [index, table] of TABLES.entries()) memory.writeU32(DIRECTORY + 16 + 8 * index, table | USED);
  for (const [linear, gpa, bits] of MAP) {
    const table = TABLES[(linear >>> 21) - 2] ?? 0;
    memory.writeU32(table + 8 * ((linear >>> 12) & 511), gpa | bits);
  }
  for (let vector = 0; vector < 256; vector++) {
    const gate = 0x108000 + 16 * vector;
    memory.writeU32(gate, (CS << 16) | (HANDLER & 0xffff));
    memory.writeU32(gate + 4, (HANDLER & 0xffff0000) | 0x8e00);
    memory.writeU32(gate + 8, 0);
  }
  memory.writeU32(0x109000 + CS, 0xffff);
  memory.writeU32(0x109000 + CS + 4, 0xaf9b00);
  memory.writeU32(0x109000 + SS, 0xffff);
  memory.writeU32(0x109000 + SS + 4, 0xcf9300);
  memory.write(0x10a000, Uint8Array.from(HANDLER_CODE));
}

function enterSupervisor(S: Int32Array): void {
  enterLongMode(S);
  S[cpuState.CR3_LO] = PML4;
  S[cpuState.IDTR_LO] = IDT;
  S[cpuState.IDTR_LIMIT] = 0xfff;
  S[cpuState.GDTR_LO] = GDT;
  S[cpuState.GDTR_LIMIT] = 0xff;
}
