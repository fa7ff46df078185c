/** A vCPU in real mode with the code of a test. */
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import * as cpuState from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { NO_DEVICES } from './cpu-rig.ts';

/** Where the code of `realMode` is, its handler of #DB, and the word in which that counts. */
export const CODE = 0x1000;
export const HANDLER = 0x2000;
export const COUNTER = 0x500;

const STACK = 0x8000;
const MEMORY_BYTES = 1 << 20;

/** An engine in real mode, without devices, in front of `code`. */
export function realMode(code: readonly number[]): Engine {
  const memory = pcMemory(MEMORY_BYTES);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET });
  const { S } = engine.cpu;
  memory.writeU32(cpuState.VEC_DB * 4, HANDLER);
  memory.write(CODE, Uint8Array.from(code));
  // inc word [COUNTER]; iret
  memory.write(HANDLER, Uint8Array.from([0xff, 0x06, COUNTER & 0xff, COUNTER >> 8, 0xcf]));
  for (const segment of [cpuState.SEG_CS, cpuState.SEG_SS]) {
    S[segment + cpuState.SEG_SELECTOR] = 0;
    S[segment + cpuState.SEG_BASE_LO] = 0;
    S[segment + cpuState.SEG_BASE_HI] = 0;
  }
  S[cpuState.RIP_LO] = CODE;
  S[cpuState.RSP] = STACK;
  engine.cpu.updateMode();
  return engine;
}
