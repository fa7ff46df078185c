/** An interrupt that waits for STI, MOV SS or POPF comes at the same instruction, whatever the engine has made of the code by then. */
import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import {
  ATTENTION,
  EFLAGS,
  FLAG_IF,
  RIP_LO,
  RSP,
  SEG_BASE_HI,
  SEG_BASE_LO,
  SEG_CS,
  SEG_SELECTOR,
} from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { NO_DEVICES } from '../support/cpu-rig.ts';

const CODE = 0x1000;
const HANDLER = 0x2000;
const COUNT = 0x600;
const VECTOR = 0x20;
const INC_AX = 0x40;
const INCREMENTS = 60;
/** xor ax,ax; cli; nop; …; 60 × inc ax; jmp to the start. */
const PROGRAMS: Readonly<Record<string, { readonly code: readonly number[]; readonly count: number }>> = {
  // sti; the interrupt comes behind the first inc ax
  STI: { code: [0x31, 0xc0, 0xfa, 0x90, 0xfb], count: 1 },
  // pushf with IF; cli; popf: it comes at once
  POPF: { code: [0x31, 0xc0, 0xfb, 0x90, 0x9c, 0xfa, 0x90, 0x9d], count: 0 },
  // mov bx,ss; cli; sti; mov ss,bx
  'STI and MOV SS': { code: [0x31, 0xc0, 0x8c, 0xd3, 0xfa, 0xfb, 0x8e, 0xd3], count: 1 },
};

function machine(code: readonly number[]) {
  const memory = pcMemory(1 << 20);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET });
  const { S, processor } = engine.cpu;
  const body = [...code, ...new Array<number>(INCREMENTS).fill(INC_AX)];
  memory.write(CODE, Uint8Array.from([...body, 0xeb, -(body.length + 2) & 0xff]));
  // mov [0600h],ax; iret
  memory.write(HANDLER, Uint8Array.from([0xa3, COUNT & 0xff, COUNT >> 8, 0xcf]));
  memory.write(VECTOR * 4, Uint8Array.from([HANDLER & 0xff, HANDLER >> 8, 0, 0]));
  S[SEG_CS + SEG_SELECTOR] = 0;
  S[SEG_CS + SEG_BASE_LO] = 0;
  S[SEG_CS + SEG_BASE_HI] = 0;
  S[RIP_LO] = CODE;
  S[RSP] = 0x8000;
  engine.cpu.updateMode();
  let waits = false;
  processor.interrupts = {
    pending: () => waits,
    acknowledge() {
      waits = false;
      return VECTOR;
    },
  };
  return {
    memory,
    engine,
    isMasked: () => (S[EFLAGS] & FLAG_IF) === 0,
    isTaken: () => !waits,
    interrupt() {
      waits = true;
      S[ATTENTION] = 1;
    },
  };
}

describe.each(Object.entries(PROGRAMS))('behind %s', (_, { code, count }) => {
  it.each([
    ['new code', 0],
    ['code that was run before', 20],
    ['hot code', 3000],
  ])('%s', (_name, rounds) => {
    const { memory, engine, interrupt, isMasked, isTaken } = machine(code);
    for (let round = 0; round < rounds; round++) engine.run(200, true);
    // Each slice below begins where interrupts are masked, and is as long as all of the program.
    for (let slice = 0; slice < 50; slice++) {
      for (let tries = 0; !isMasked(); tries++) {
        expect(tries).toBeLessThan(INCREMENTS * 2);
        engine.run(1, true);
      }
      memory.writeU16(COUNT, 0xffff);
      interrupt();
      engine.run(40, true);
      expect([isTaken(), memory.readU16(COUNT)], `slice ${slice}`).toEqual([true, count]);
    }
  });
});
