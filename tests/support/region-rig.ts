/** Runs an instruction vector inside of a compiled loop: the instruction, then a jump back to it. */

import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import { CR2_HI, CR2_LO, RIP_HI, RIP_LO } from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { CODE_ADDRESS, type Vector, WORD_RIP, wordsBefore } from '../conformance/vector-format.ts';
import {
  CODE_GPA,
  enterUserMode,
  loadVector,
  memoryOf,
  NO_DEVICES,
  type Outcome,
  RIG_MEMORY_BYTES,
  type RigFault,
  wordsOf,
} from './cpu-rig.ts';
import { ABLEST } from './featured-cpu.ts';

const PAGE = 4096;
const JUMP_BYTES = 5;
const INT3 = 0xcc;
/** The instruction and the jump. */
const ONE_PASS = 2;

export interface RegionRig {
  /** The outcome of one pass; undefined: such an instruction is never compiled, or has no room for the jump. */
  run(vector: Vector): Outcome | undefined;
}

export function createRegionRig(): RegionRig {
  const memory = pcMemory(RIG_MEMORY_BYTES);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, identity: ABLEST });
  const { cpu, compiler } = engine;
  const { S } = cpu;
  compiler.policy = EAGER;
  let fault: RigFault | undefined;
  engine.onException = (vector, error) => {
    fault = { vector, error };
    return true;
  };
  enterUserMode(cpu);

  const pass = (vector: Vector): Outcome | undefined => {
    fault = undefined;
    const before = compiler.compiled;
    // A slice without instructions is a sample of where it stands.
    engine.run(0);
    if (compiler.compiled === before) return undefined;
    engine.run(ONE_PASS);
    const words = wordsOf(cpu);
    const start = (CODE_ADDRESS + vector.codeOffset) | 0;
    if (fault === undefined && S[RIP_LO] === start && S[RIP_HI] === 0) {
      words[WORD_RIP] = start + vector.code.length;
    }
    return { words, memory: memoryOf(cpu), fault, cr2Lo: S[CR2_LO] >>> 0, cr2Hi: S[CR2_HI] >>> 0 };
  };

  return {
    run(vector) {
      const { length } = vector.code;
      if (vector.codeOffset + length + JUMP_BYTES > PAGE) return undefined;
      loadVector(cpu, vector, wordsBefore(vector));
      const distance = -(length + JUMP_BYTES);
      const jump = Uint8Array.of(0xe9, distance, distance >> 8, distance >> 16, distance >> 24);
      const gpa = CODE_GPA + vector.codeOffset;
      memory.write(gpa + length, jump);
      const outcome = pass(vector);
      memory.write(gpa, new Uint8Array(length + JUMP_BYTES).fill(INT3));
      return outcome;
    },
  };
}
