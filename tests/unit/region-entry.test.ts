import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import { USUAL } from '../../src/emu/cpu/jit/hot-lines.ts';
import { RAX, RIP_LO } from '../../src/emu/cpu/state.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { CODE_GPA, enterUserMode, NO_DEVICES, RIG_MEMORY_BYTES } from '../support/cpu-rig.ts';
import { CODE } from '../support/jit-program.ts';

/** `inc rax; jmp` back to it. */
const LOOP = Uint8Array.of(0x48, 0xff, 0xc0, 0xeb, 0xfb);
const PATIENT = { ...USUAL, threshold: 2, path: 0, patience: 1 };
const SLICES = 60;

/** Instructions run in regions, when the host's clock reads `nowNs`. */
function inRegions(nowNs: (() => number) | undefined): number {
  const memory = pcMemory(RIG_MEMORY_BYTES);
  const clock = nowNs === undefined ? {} : { nowNs };
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, ...clock });
  engine.compiler.policy = PATIENT;
  enterUserMode(engine.cpu);
  memory.write(CODE_GPA, LOOP);
  engine.cpu.S[RIP_LO] = CODE;
  engine.cpu.S[RAX] = 0;
  for (let slice = 0; slice < SLICES; slice++) engine.run(1000);
  expect(engine.compiler.compiled).toBe(1);
  return engine.compiler.retired;
}

function ticking(stepNs: number): () => number {
  let now = 0;
  return () => {
    now += stepNs;
    return now;
  };
}

test('a region is entered as soon as it is fast, by a clock that can tell', () => {
  expect(inRegions(ticking(1000))).toBeGreaterThan(0);
  // Slow; too coarse; one that stands; none.
  expect(inRegions(ticking(1e6))).toBe(0);
  expect(inRegions(() => 5)).toBe(0);
  expect(inRegions(undefined)).toBe(0);
});

const globals = (): string[] =>
  Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith('$hotslot'));

test('the globals of an engine go with it', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const memory = (): GuestMemory => pcMemory(RIG_MEMORY_BYTES);
  // Other tests' engines may be there, or go meanwhile.
  const before = new Set(globals());
  let engine: Engine | undefined = createEngine({
    ...{ memory: memory(), host: NO_DEVICES, trace: QUIET, useGlobals: true },
  });
  expect(engine.compiler.allowed).toBe(true);
  const added = globals().filter((name) => !before.has(name));
  expect(added.length).toBeGreaterThan(0);
  engine = undefined;
  await expect
    .poll(async () => {
      collect();
      await pause(10);
      return globals().filter((name) => added.includes(name));
    })
    .toEqual([]);
});
