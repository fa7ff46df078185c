import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import type { FunctionMaker } from '../../src/emu/cpu/interp/code-maker.ts';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import { RAX, RIP_LO } from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { CODE_GPA, enterUserMode, NO_DEVICES, RIG_MEMORY_BYTES } from '../support/cpu-rig.ts';
import { CODE } from '../support/jit-program.ts';

/** `inc rax; jmp` back to it. */
const LOOP = Uint8Array.of(0x48, 0xff, 0xc0, 0xeb, 0xfb);
const SLICE = 1000;
const SLICES = 10;

function run(makeFunction: FunctionMaker): Engine {
  const memory = pcMemory(RIG_MEMORY_BYTES);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, makeFunction });
  const { cpu } = engine;
  engine.compiler.policy = EAGER;
  enterUserMode(cpu);
  memory.write(CODE_GPA, LOOP);
  cpu.S[RIP_LO] = CODE;
  cpu.S[RAX] = 0;
  for (let slice = 0; slice < SLICES; slice++) engine.run(SLICE);
  return engine;
}

describe('an engine whose host', () => {
  it('refuses to make functions stays in the interpreter and says so', () => {
    const { compiler, cpu, retired } = run(() => {
      throw new EvalError('refused by the content security policy');
    });
    expect(compiler.allowed).toBe(false);
    expect(compiler.compiled).toBe(0);
    expect(retired).toBeGreaterThanOrEqual(SLICE * SLICES);
    expect(cpu.S[RAX]).toBe(retired / 2);
  });

  it('makes functions compiles the loop', () => {
    const { compiler, cpu, retired } = run(
      (parameters, body) => new Function(...parameters, body) as ReturnType<FunctionMaker>,
    );
    expect(compiler.allowed).toBe(true);
    expect(compiler.compiled).toBe(1);
    expect(cpu.S[RAX]).toBe(retired / 2);
  });
});
