import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import {
  EFLAGS,
  FLAG_TF,
  RIP_LO,
  RSP,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_CS,
  SEG_SELECTOR,
  SEG_SS,
  VEC_DB,
} from '../../src/emu/cpu/state.ts';
import { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { NO_DEVICES } from '../support/cpu-rig.ts';

const CODE = 0x1000;
const HANDLER = 0x2000;
const COUNTER = 0x500;

/** Real mode; #DB's handler counts at COUNTER. */
function rig(code: readonly number[]): Engine {
  const memory = new GuestMemory(1 << 20);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET });
  const { S } = engine.cpu;
  memory.view.setUint32(VEC_DB * 4, HANDLER, true);
  memory.bytes.set(code, CODE);
  // inc word [COUNTER]; iret
  memory.bytes.set([0xff, 0x06, COUNTER & 0xff, COUNTER >> 8, 0xcf], HANDLER);
  for (const segment of [SEG_CS, SEG_SS]) {
    S[segment + SEG_SELECTOR] = 0;
    S[segment + SEG_BASE_LO] = 0;
    S[segment + SEG_BASE_HI] = 0;
  }
  S[RIP_LO] = CODE;
  S[RSP] = 0x8000;
  engine.cpu.updateMode();
  return engine;
}

describe('EFLAGS.TF', () => {
  it('traps after each instruction of a loop, also when its blocks are known', () => {
    // mov cx, 5; again: dec cx; jnz again; call next; next: jmp next
    const engine = rig([0xb9, 5, 0, 0x49, 0x75, 0xfd, 0xe8, 0, 0, 0xeb, 0xfe]);
    const { S, memory } = engine.cpu;
    S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_TF;
    engine.cpu.updateMode();
    // Each trap runs two instructions of the handler. mov, 5 × (dec, jnz), call, 100 × jmp.
    const steps = 1 + 5 * 2 + 1 + 100;
    engine.run(3 * steps, true);
    expect(memory.view.getUint16(COUNTER, true)).toBe(steps);
    expect(S[RIP_LO]).toBe(CODE + 9);
  });
});
