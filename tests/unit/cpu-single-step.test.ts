import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import {
  DR0_LO,
  DR6,
  DR7,
  EFLAGS,
  FLAG_TF,
  HALTED,
  RAX,
  RCX,
  RDI,
  RIP_LO,
  RSI,
  RSP,
  VEC_DB,
} from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { CODE_ADDRESS, DATA_ADDRESS } from '../conformance/vector-format.ts';
import { CODE_GPA, enterUserMode, MEMORY_GPA, NO_DEVICES, RIG_MEMORY_BYTES } from '../support/cpu-rig.ts';
import { CODE, COUNTER, realMode } from '../support/real-mode.ts';

describe('EFLAGS.TF', () => {
  it('traps after each instruction of a loop, also when its blocks are known', () => {
    // mov cx, 5; again: dec cx; jnz again; call next; next: jmp next
    const engine = realMode([0xb9, 5, 0, 0x49, 0x75, 0xfd, 0xe8, 0, 0, 0xeb, 0xfe]);
    const { S, memory } = engine.cpu;
    S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_TF;
    engine.cpu.updateMode();
    // Each trap runs two instructions of the handler. mov, 5 × (dec, jnz), call, 100 × jmp.
    const steps = 1 + 5 * 2 + 1 + 100;
    engine.run(3 * steps, true);
    expect(memory.readU16(COUNTER)).toBe(steps);
    expect(S[RIP_LO]).toBe(CODE + 9);
  });

  it('traps after each repetition, and not behind POP SS', () => {
    // mov cx, 3; rep stosb; push ss; pop ss; nop; hlt
    const engine = realMode([0xb9, 3, 0, 0xf3, 0xaa, 0x16, 0x17, 0x90, 0xf4]);
    const { S, memory } = engine.cpu;
    const traps: number[] = [];
    engine.onException = (vector) => {
      if (vector === VEC_DB) traps.push((S[RIP_LO] ?? 0) - CODE);
      return true;
    };
    S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_TF;
    engine.cpu.updateMode();
    for (let run = 0; run < 20 && S[HALTED] === 0; run++) engine.run(1, true);
    expect(traps).toEqual([3, 3, 3, 5, 6, 8]);
    expect(memory.readU8(S[RDI] ?? 0)).toBe(0);
    expect(S[RCX]).toBe(0);
  });

  it('and breakpoints are kept by a snapshot: what is watched is watched again', () => {
    // mov byte [0x600], 1; nop; hlt
    const code = [0xc6, 0x06, 0x00, 0x06, 1, 0x90, 0xf4];
    const saved = realMode(code);
    saved.cpu.S[DR0_LO] = 0x600;
    saved.cpu.S[DR7] = 0x10401;
    const engine = realMode(code);
    // The page is in the TLB before the state comes.
    engine.cpu.store8(0x600, 0, 0);
    engine.cpu.processor.restore(saved.cpu.processor.save());
    engine.run(1, true);
    engine.run(1, true);
    expect(engine.cpu.memory.readU16(COUNTER)).toBe(1);
    expect(engine.cpu.S[DR6]).toBe(0xffff0ff1 | 0);
  });
});

/** What tests/oracle/native/debug.c printed on a processor: a name, the sequence's bytes, and for each trap where, and CL. */
const RECORDED = readFileSync(new URL('../oracle/native/processor.txt', import.meta.url), 'utf8');

describe('a sequence of 64-bit user code that a processor was recorded with', () => {
  it.each(RECORDED.trimEnd().split('\n'))('%s', (line) => {
    const [name = '', hex = '', ...traps] = line.split(' ');
    const code = Buffer.from(hex, 'hex');
    const memory = pcMemory(RIG_MEMORY_BYTES);
    const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET });
    const { cpu } = engine;
    const { S } = cpu;
    enterUserMode(cpu);
    memory.write(CODE_GPA, code);
    memory.write(MEMORY_GPA[0], Buffer.from('aaab'));
    S[RIP_LO] = CODE_ADDRESS;
    S[RAX] = 0x61;
    S[RSI] = DATA_ADDRESS;
    S[RDI] = DATA_ADDRESS + 8;
    S[RSP] = DATA_ADDRESS + 0x800;
    // The sequence `own` sets TF by itself.
    const own = name === 'own';
    if (!own) S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_TF;
    cpu.updateMode();
    const seen: string[] = [];
    engine.onException = (vector) => {
      if (vector !== VEC_DB) return true;
      const at = (S[RIP_LO] ?? 0) - CODE_ADDRESS;
      const mark = ((S[EFLAGS] ?? 0) & FLAG_TF) === 0 ? '!' : ':';
      seen.push(!own && at === code.length ? `${at}` : `${at}${mark}${(S[RCX] ?? 0) & 0xff}`);
      return true;
    };
    for (let run = 0; run < 60 && S[RIP_LO] !== CODE_ADDRESS + code.length; run++) engine.run(1, true);
    expect(seen).toEqual(traps);
  });
});
