/** Compiled code under SMAP: the bank of the TLB that a region looks into changes in its middle. */
import { expect, test } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import {
  CPL,
  CR2_LO,
  CR4,
  CR4_SMAP,
  EFLAGS,
  FLAG_AC,
  RAX,
  RBX,
  RCX,
  RDX,
  RIP_HI,
  RIP_LO,
  SEG_ATTR,
  SEG_CS,
  SEG_SS,
} from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { CODE_ADDRESS, DATA_ADDRESS } from '../conformance/vector-format.ts';
import { CODE_GPA, enterUserMode, NO_DEVICES, RIG_MEMORY_BYTES } from '../support/cpu-rig.ts';
import { ABLEST } from '../support/featured-cpu.ts';

const STAC = [0x0f, 0x01, 0xcb];
const CLAC = [0x0f, 0x01, 0xca];
/** mov (%rbx),%rax; the same to %rdx, unless %rcx is below %r8; inc %rcx. */
const LOAD_RAX = [0x48, 0x8b, 0x03];
const LATE_LOAD_RDX = [0x4c, 0x39, 0xc1, 0x72, 0x03, 0x48, 0x8b, 0x13];
const COUNT = [0x48, 0xff, 0xc1];
const R8 = 16;
/** Turns under SMAP before the late load. */
const TURNS = 40;
const ATTR_DPL = 3 << 13;
const SLICE = 500;

/** Runs `body` in a loop as the supervisor, which reads a user's page, first without SMAP until it is compiled, then with it. */
function looped(body: readonly number[]) {
  const memory = pcMemory(RIG_MEMORY_BYTES);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, identity: ABLEST });
  const { cpu, compiler } = engine;
  const { S } = cpu;
  compiler.policy = EAGER;
  const faults: (readonly [number, number])[] = [];
  engine.onException = (vector, error) => {
    faults.push([vector, error]);
    return true;
  };
  enterUserMode(cpu);
  for (const segment of [SEG_CS, SEG_SS]) S[segment + SEG_ATTR] &= ~ATTR_DPL;
  S[CPL] = 0;
  cpu.updateMode();
  memory.write(CODE_GPA, Uint8Array.of(...body, 0xeb, -2 - body.length));
  S[RIP_LO] = CODE_ADDRESS;
  S[RIP_HI] = 0;
  S[RBX] = DATA_ADDRESS;
  S[RBX + 1] = 0;
  for (const register of [RAX, RCX, RDX, R8]) S[register] = 0;
  for (let slice = 0; slice < 20; slice++) engine.run(SLICE);
  expect(faults).toEqual([]);
  expect(compiler.retired).toBeGreaterThan(SLICE);
  // A region is entered with AC set.
  S[CR4] |= CR4_SMAP;
  S[EFLAGS] |= FLAG_AC;
  cpu.flushTlb(true);
  cpu.updateMode();
  const before = compiler.retired;
  const counted = S[RCX] ?? 0;
  S[R8] = counted + TURNS;
  S[RIP_LO] = CODE_ADDRESS;
  engine.run(SLICE);
  return { S, faults, inRegions: compiler.retired - before, turns: (S[RCX] ?? 0) - counted };
}

test('before CLAC it reads what the user has, and goes on in the region', () => {
  const { faults, inRegions, turns } = looped([...LOAD_RAX, ...CLAC, ...COUNT, ...STAC]);
  expect(faults).toEqual([]);
  expect(turns).toBeGreaterThanOrEqual(90);
  expect(inRegions).toBeGreaterThan(SLICE / 2);
});

test('behind CLAC the same page faults', () => {
  const { S, faults, inRegions, turns } = looped([...LOAD_RAX, ...CLAC, ...LATE_LOAD_RDX, ...COUNT, ...STAC]);
  expect(faults).toEqual([[14, 1]]);
  expect(S[CR2_LO]).toBe(DATA_ADDRESS);
  expect(turns).toBe(TURNS);
  expect(inRegions).toBeGreaterThan(TURNS);
});
