/** The execution engine behind the interface that vectors need. */
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import { RIP_HI, RIP_LO } from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import {
  type CpuRig,
  enterUserMode,
  NO_DEVICES,
  RIG_MEMORY_BYTES,
  type RigFault,
  softwareInterrupt,
} from './cpu-rig.ts';
import { ABLEST } from './featured-cpu.ts';

/** More than any recorded REP needs. */
const ITERATIONS_MAX = 256;

export function createRig(): CpuRig {
  const memory = pcMemory(RIG_MEMORY_BYTES);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, identity: ABLEST });
  const { cpu } = engine;
  let fault: RigFault | undefined;
  engine.onException = (vector: number, error: number): boolean => {
    fault = { vector, error };
    return true;
  };
  enterUserMode(cpu);
  return {
    cpu,
    step(repeats: boolean): RigFault | undefined {
      fault = undefined;
      const lo = cpu.S[RIP_LO];
      const hi = cpu.S[RIP_HI];
      for (let i = 0; i < ITERATIONS_MAX; i++) {
        engine.run(1, true);
        if (fault !== undefined || !repeats || cpu.S[RIP_LO] !== lo || cpu.S[RIP_HI] !== hi) break;
      }
      return fault ?? softwareInterrupt(cpu);
    },
  };
}
