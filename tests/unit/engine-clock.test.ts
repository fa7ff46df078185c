import { expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import { RIP_LO, SEG_BASE_HI, SEG_BASE_LO, SEG_CS } from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { NO_DEVICES } from '../support/cpu-rig.ts';

const CODE = 0x1000;
const SLICE = 100;
const SLICES = 400;

it('a device sees the count of instructions, also in code that the region compiler follows', () => {
  const memory = pcMemory(1 << 20);
  const seen: number[] = [];
  const ioRead = (): number => {
    seen.push(engine.retiredNow(SLICE));
    return 0;
  };
  const engine = createEngine({ memory, host: { ...NO_DEVICES, ioRead }, trace: QUIET });
  const { S } = engine.cpu;
  // again: in al, 10h; jmp again
  memory.write(CODE, Uint8Array.from([0xe4, 0x10, 0xeb, 0xfc]));
  S[SEG_CS + SEG_BASE_LO] = 0;
  S[SEG_CS + SEG_BASE_HI] = 0;
  S[RIP_LO] = CODE;
  engine.cpu.updateMode();
  for (let slice = 0; slice < SLICES; slice++) engine.run(SLICE);
  expect(seen.length).toBe((SLICES * SLICE) / 2);
  expect(seen.filter((count, index) => count !== 2 * index)).toEqual([]);
});
