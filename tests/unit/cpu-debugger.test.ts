import { beforeEach, describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { WatchKind } from '../../src/emu/cpu/debugger.ts';
import { createEngine, type Engine, type Exit } from '../../src/emu/cpu/engine.ts';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import {
  ATTENTION,
  DR0_LO,
  DR6,
  DR7,
  EFLAGS,
  FLAG_IF,
  FLAG_TF,
  FPU_CW,
  FPU_REGS,
  RAX,
  RBX,
  RCX,
  RIP_LO,
  RSI,
  RSP,
} from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { CODE_ADDRESS, DATA_ADDRESS } from '../conformance/vector-format.ts';
import { CODE_GPA, enterUserMode, MEMORY_GPA, NO_DEVICES, RIG_MEMORY_BYTES } from '../support/cpu-rig.ts';
import { CODE, COUNTER, HANDLER, realMode } from '../support/real-mode.ts';

const INT_HANDLER = 0x2100;

/** #DB's handler counts at COUNTER, that of vector 0x40 at COUNTER + 2. */
function rig(code: readonly number[]): Engine {
  const engine = realMode(code);
  const { memory } = engine.cpu;
  memory.writeU32(0x40 * 4, INT_HANDLER);
  memory.write(INT_HANDLER, Uint8Array.from([0xff, 0x06, (COUNTER & 0xff) + 2, COUNTER >> 8, 0xcf]));
  return engine;
}

/** One interrupt is pending, and IF is set. */
function interruptWith(engine: Engine, vector: number): void {
  let isPending = true;
  engine.cpu.processor.interrupts = {
    pending: () => isPending,
    acknowledge() {
      isPending = false;
      return vector;
    },
  };
  const { S } = engine.cpu;
  S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_IF;
  S[ATTENTION] = 1;
}

const at = (engine: Engine): number => (engine.cpu.S[RIP_LO] ?? 0) - CODE;
const word = (engine: Engine, register: number): number => (engine.cpu.S[register] ?? 0) & 0xffff;

function watch(engine: Engine, kind: WatchKind, address: number, length = 2): void {
  engine.cpu.debugger.addWatchpoint({ kind, address: BigInt(address), length: BigInt(length) });
}

describe('a breakpoint', () => {
  // mov cx, 500; again: inc ax; dec cx; jnz again; hlt
  const LOOP = [0xb9, 0xf4, 1, 0x40, 0x49, 0x75, 0xfc, 0xf4];

  it('stops before its instruction, in a loop that ran without it and whose blocks are linked', () => {
    const engine = rig(LOOP);
    engine.run(300);
    const before = word(engine, RAX);
    expect(before).toBeGreaterThan(50);
    engine.cpu.debugger.addBreakpoint(BigInt(CODE + 4));
    expect(engine.run(1000)).toBe('debug');
    expect(at(engine)).toBe(4);
    const first = word(engine, RAX);
    expect(first - before).toBeLessThan(2);
    // It stands there until it is stepped over.
    const { retired } = engine;
    expect(engine.run(1000)).toBe('debug');
    expect(engine.retired).toBe(retired);
    expect(engine.step(true)).toBe('debug');
    expect(at(engine)).toBe(5);
    expect(engine.run(1000)).toBe('debug');
    expect([at(engine), word(engine, RAX)]).toEqual([4, first + 1]);
    engine.cpu.debugger.removeBreakpoint(BigInt(CODE + 4));
    expect(engine.run(10_000)).toBe('halted');
    expect(word(engine, RAX)).toBe(500);
    expect(engine.retired).toBe(1 + 3 * 500 + 1);
  });

  it('is found in a page of its own only, and counts with an exact budget too', () => {
    const engine = rig(LOOP);
    engine.cpu.debugger.addBreakpoint(BigInt(CODE + 7));
    engine.cpu.debugger.addBreakpoint(BigInt(CODE + 0x10_0000));
    expect(engine.run(700, true)).toBe('budget');
    expect(engine.retired).toBe(700);
    expect(engine.run(10_000, true)).toBe('debug');
    expect([at(engine), word(engine, RAX)]).toEqual([7, 500]);
  });

  it('that was set twice is there until it was taken away twice', () => {
    const engine = rig(LOOP);
    const { debugger: watcher } = engine.cpu;
    for (let time = 0; time < 2; time++) watcher.addBreakpoint(BigInt(CODE + 3));
    expect(watcher.removeBreakpoint(BigInt(CODE + 3))).toBe(true);
    expect(engine.run(100)).toBe('debug');
    expect(watcher.removeBreakpoint(BigInt(CODE + 3))).toBe(true);
    expect(watcher.removeBreakpoint(BigInt(CODE + 3))).toBe(false);
    expect(engine.run(10_000)).toBe('halted');
  });
});

describe('a watchpoint', () => {
  // mov word [0x600], 7; nop; inc word [0x600]; mov bx, [0x600]; nop; hlt
  const CODE_600 = [0xc7, 6, 0, 6, 7, 0, 0x90, 0xff, 6, 0, 6, 0x8b, 0x1e, 0, 6, 0x90, 0xf4];

  const stops = (engine: Engine): readonly (readonly [Exit, number])[] => {
    const seen: [Exit, number][] = [];
    for (let run = 0; run < 10; run++) {
      const exit = engine.run(100);
      seen.push([exit, at(engine)]);
      if (exit === 'halted') break;
    }
    return seen;
  };

  it.each<[WatchKind, number[]]>([
    ['write', [6, 11]],
    ['read', [11, 15]],
    ['access', [6, 11, 15]],
  ])('for %s stops behind the instruction, which ran once', (kind, behind) => {
    const engine = rig(CODE_600);
    watch(engine, kind, 0x600);
    expect(stops(engine)).toEqual([...behind.map((place) => ['debug', place]), ['halted', 17]]);
    expect(engine.cpu.debugger.hit).toBeUndefined();
    expect([engine.cpu.memory.readU16(0x600), word(engine, RBX)]).toEqual([8, 8]);
    expect(engine.retired).toBe(6);
  });

  it('says which one was hit, watches its bytes alone, and no longer when it is gone', () => {
    const engine = rig(CODE_600);
    watch(engine, 'write', 0x602);
    watch(engine, 'write', 0x601, 1);
    expect(engine.run(100)).toBe('debug');
    expect(engine.cpu.debugger.hit).toEqual({ kind: 'write', address: 0x601n, length: 1n });
    engine.cpu.debugger.removeWatchpoint({ kind: 'write', address: 0x601n, length: 1n });
    expect(engine.run(100)).toBe('halted');
  });

  it('stops behind one repetition of a string instruction', () => {
    // mov cx, 5; mov di, 0x5fe; rep stosw; hlt
    const engine = rig([0xb9, 5, 0, 0xbf, 0xfe, 5, 0xf3, 0xab, 0xf4]);
    watch(engine, 'write', 0x600, 4);
    const seen: [number, number][] = [];
    while (engine.run(100) === 'debug') seen.push([at(engine), word(engine, RCX)]);
    expect(seen).toEqual([
      [6, 3],
      [6, 2],
    ]);
  });

  it.each<[string, number[]]>([
    ['xadd [600h], ax', [0x0f, 0xc1, 6, 0, 6]],
    ['xchg [600h], ax', [0x87, 6, 0, 6]],
    ['cmpxchg [600h], bx', [0x0f, 0xb1, 0x1e, 0, 6]],
    ['adc [600h], ax', [0x11, 6, 0, 6]],
    ['push [600h], with SP at 602h', [0xff, 0x36, 0, 6]],
    ['pop [600h], with SP at 602h', [0x8f, 6, 0, 6]],
    ['pusha, with SP at 602h', [0x60]],
    ['movsw', [0xa5]],
    ['enter 4, 3', [0xc8, 4, 0, 3]],
    ['call far [600h]', [0xff, 0x1e, 0, 6]],
    ['shld [600h], ax, 3', [0x0f, 0xa4, 6, 0, 6, 3]],
    ['bts [540h], ax, whose bit 600h is at 600h', [0x0f, 0xab, 6, 0x40, 5]],
    ['fst80 [5f8h]', [0xdb, 0x3e, 0xf8, 5]],
  ])('lets an instruction do the same as without: %s', (_, code) => {
    const outcome = (watched: boolean): readonly unknown[] => {
      // stc first: flags are an operand.
      const engine = rig([0xf9, ...code, 0x90, 0xf4]);
      const { S, memory } = engine.cpu;
      for (let register = 0; register < 16; register += 2) S[register] = 0x600 + register;
      memory.write(
        0x5c0,
        Uint8Array.from({ length: 128 }, (_, n) => (n * 37) & 0xff),
      );
      S[RSP] = 0x602;
      S[RSI] = 0x600;
      if (watched) watch(engine, 'access', 0x600, 2);
      engine.run(1, true);
      const exit = engine.run(1, true);
      expect(exit).toBe(watched ? 'debug' : 'budget');
      const bytes = Array.from({ length: 128 }, (_, n) => memory.readU8(0x5c0 + n));
      return [Array.from(S.subarray(0, 16)), S[RIP_LO], engine.cpu.readFlags(), engine.retired, bytes];
    };
    expect(outcome(true)).toEqual(outcome(false));
  });

  /** All words of the FPU. */
  const fpu = ({ cpu: { S } }: Engine): readonly number[] => [
    ...S.subarray(FPU_REGS, FPU_REGS + 32),
    S[FPU_CW] ?? 0,
  ];

  it.each([
    ['fnsave, which empties the FPU', [0xdd, 0x36, 0, 6], 94],
    ['fnstenv, which masks its exceptions', [0xd9, 0x36, 0, 6], 14],
    ['fstp, which pops', [0xdb, 0x3e, 0, 6], 10],
    ['fbstp, which pops', [0xdf, 0x36, 0, 6], 10],
  ] as const)('stops behind %s, once and with the memory written as ever', (_, instruction, bytes) => {
    const outcome = (watched: boolean): readonly unknown[] => {
      // fninit; fldcw [0x700]; fld1; fldpi; the instruction; jmp to itself
      const code = [0xdb, 0xe3, 0xd9, 0x2e, 0, 7, 0xd9, 0xe8, 0xd9, 0xeb, ...instruction, 0xeb, 0xfe];
      const engine = rig(code);
      const { memory } = engine.cpu;
      memory.writeU32(0x700, 0x360);
      // The last bytes, which are written last.
      if (watched) watch(engine, 'write', 0x600 + bytes - 2, 2);
      expect(engine.run(100, true)).toBe(watched ? 'debug' : 'budget');
      if (watched) expect(at(engine)).toBe(10 + instruction.length);
      const written = new Uint8Array(bytes);
      memory.read(0x600, written);
      return [written, fpu(engine)];
    };
    expect(outcome(true)).toEqual(outcome(false));
  });

  it('sees what the delivery of an interrupt writes, and stops at its handler', () => {
    // int 0x40; hlt
    const engine = rig([0xcd, 0x40, 0xf4]);
    watch(engine, 'write', 0x7ffe);
    expect(engine.run(100)).toBe('debug');
    expect(engine.cpu.S[RIP_LO]).toBe(INT_HANDLER);
    expect(engine.run(100)).toBe('halted');
    expect(engine.cpu.memory.readU16(COUNTER + 2)).toBe(1);
  });
});

describe('the debugger and the guest’s own debug registers', () => {
  let engine: Engine;
  beforeEach(() => {
    // mov word [0x600], 1; nop; mov word [0x602], 1; nop; hlt
    engine = rig([0xc7, 6, 0, 6, 1, 0, 0x90, 0xc7, 6, 2, 6, 1, 0, 0x90, 0xf4]);
  });

  it('watch the same memory: both are told once', () => {
    const { S, memory } = engine.cpu;
    S[DR0_LO] = 0x600;
    S[DR7] = 0x5_0401;
    engine.cpu.updateMode();
    watch(engine, 'write', 0x600);
    expect(engine.run(1)).toBe('debug');
    // QEMU: the guest's trap is part of the instruction: its handler is what comes next.
    expect(S[RIP_LO]).toBe(HANDLER);
    expect((S[DR6] ?? 0) & 15).toBe(1);
    expect(engine.run(100)).toBe('halted');
    expect(memory.readU16(COUNTER)).toBe(1);
  });

  it('break at the same instruction: the debugger first', () => {
    const { S, memory } = engine.cpu;
    S[DR0_LO] = CODE + 6;
    S[DR7] = 0x401;
    engine.cpu.updateMode();
    engine.cpu.debugger.addBreakpoint(BigInt(CODE + 6));
    expect([engine.run(100), at(engine)]).toEqual(['debug', 6]);
    expect(memory.readU16(COUNTER)).toBe(0);
    expect([engine.step(true), S[RIP_LO]]).toEqual(['debug', HANDLER]);
    engine.cpu.debugger.removeAll();
    // The handler's IRET does not set RF: the guest would come back for ever, so it gives its breakpoint up.
    S[DR7] = 0x400;
    engine.cpu.updateMode();
    expect(engine.run(100)).toBe('halted');
    expect(memory.readU16(COUNTER)).toBe(1);
  });

  it('step each by itself: TF traps once behind each instruction that was stepped', () => {
    const { S, memory } = engine.cpu;
    S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_TF;
    engine.cpu.updateMode();
    expect([engine.step(true), S[RIP_LO]]).toEqual(['debug', HANDLER]);
    engine.step(true);
    engine.step(true);
    expect([at(engine), memory.readU16(COUNTER)]).toEqual([6, 1]);
  });
});

describe('compiled code', () => {
  // again: inc rax; mov [rsi], rax; add rbx, rax; jmp again
  const LOOP = [0x48, 0xff, 0xc0, 0x48, 0x89, 6, 0x48, 1, 0xc3, 0xeb, 0xf5];

  function compiled(): Engine {
    const memory = pcMemory(RIG_MEMORY_BYTES);
    const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET });
    engine.compiler.policy = EAGER;
    enterUserMode(engine.cpu);
    memory.write(CODE_GPA, Uint8Array.from(LOOP));
    const { S } = engine.cpu;
    S[RIP_LO] = CODE_ADDRESS;
    S[RSI] = DATA_ADDRESS;
    S[RAX] = 0;
    for (let slice = 0; slice < 10; slice++) engine.run(1000);
    expect(engine.compiler.retired).toBeGreaterThan(1000);
    return engine;
  }

  const place = (engine: Engine): number => (engine.cpu.S[RIP_LO] ?? 0) - CODE_ADDRESS;

  it('stops at a breakpoint in its middle, and is entered again when that is gone', () => {
    const engine = compiled();
    const { S, debugger: watcher } = engine.cpu;
    watcher.addBreakpoint(BigInt(CODE_ADDRESS + 6));
    for (let pass = 0; pass < 3; pass++) {
      const before = S[RAX] ?? 0;
      expect([engine.run(1000), place(engine)]).toEqual(['debug', 6]);
      if (pass > 0) expect((S[RAX] ?? 0) - before).toBe(1);
      expect(engine.step(true)).toBe('debug');
    }
    watcher.removeAll();
    const inRegions = engine.compiler.retired;
    expect(engine.run(1000)).toBe('budget');
    expect(engine.compiler.retired).toBeGreaterThan(inRegions + 500);
  });

  it('stops behind a store to watched memory, which was made once', () => {
    const engine = compiled();
    const { S, memory } = engine.cpu;
    // A store later in the same page, which is not watched, stops nobody.
    watch(engine, 'write', DATA_ADDRESS + 8, 8);
    expect(engine.run(100)).toBe('budget');
    watch(engine, 'write', DATA_ADDRESS + 7, 1);
    for (let pass = 0; pass < 3; pass++) {
      const { retired } = engine;
      expect([engine.run(1000), place(engine)]).toEqual(['debug', 6]);
      expect(memory.readU32(MEMORY_GPA[0])).toBe(S[RAX]);
      if (pass > 0) expect(engine.retired - retired).toBe(4);
    }
  });
});

describe('a step', () => {
  it('runs one instruction, leaves TF as it is, and counts it', () => {
    // nop; pushf; pop ax; rep stosb with CX 3; hlt; nop
    const engine = rig([0x90, 0x9c, 0x58, 0xb9, 3, 0, 0xf3, 0xaa, 0xf4, 0x90]);
    const places: number[] = [];
    for (let step = 0; step < 7; step++) {
      expect(engine.step(true)).toBe('debug');
      places.push(at(engine));
    }
    expect(places).toEqual([1, 2, 3, 6, 6, 6, 8]);
    expect(word(engine, RAX) & FLAG_TF).toBe(0);
    // QEMU: with HLT the step goes on when the vCPU wakes up.
    expect(engine.step(true)).toBe('halted');
    expect(engine.step(true)).toBe('halted');
    interruptWith(engine, 0x40);
    expect([engine.step(true), at(engine)]).toEqual(['debug', 10]);
  });

  it('takes an interrupt in the place of an instruction, unless it is to take none', () => {
    const engine = rig([0x90, 0x90, 0x90, 0xf4]);
    interruptWith(engine, 0x40);
    expect([engine.step(true), at(engine)]).toEqual(['debug', 1]);
    expect([engine.step(true), at(engine)]).toEqual(['debug', 2]);
    const { retired } = engine;
    expect([engine.step(false), engine.cpu.S[RIP_LO]]).toEqual(['debug', INT_HANDLER]);
    expect(engine.retired).toBe(retired);
    for (let step = 0; step < 2; step++) engine.step(false);
    expect([at(engine), engine.cpu.memory.readU16(COUNTER + 2)]).toEqual([2, 1]);
  });
});
