/** The vCPU's laws of saving: those of the device contract, but for what counts generations of cached code. */
import { expect, it } from 'vitest';
import * as state from '../../src/emu/cpu/state.ts';
import {
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  CPL,
  CR2_LO,
  EFLAGS,
  FLAG_IF,
  MODE,
  MSRS,
  RAX,
  RIP_LO,
  STATE_WORDS,
  TLB_BASE,
  XMM,
} from '../../src/emu/cpu/state.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

function disturbed(): VcpuRig {
  const rig = new VcpuRig();
  rig.protectedMode(3);
  const { S } = rig;
  for (const word of [RAX, RIP_LO, CR2_LO, MSRS, XMM, XMM + 63]) S[word] = 0x12345678 + word;
  S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_IF;
  return rig;
}

/** Words that the guest can tell, and those that depend on them. */
function guestWords({ S }: VcpuRig): Int32Array {
  const words = S.slice();
  for (const [name, word] of Object.entries(state)) if (name.startsWith('CODE_GENERATION')) words[word] = 0;
  return words;
}

it('a restored fresh vCPU has the same state, mode and privilege', () => {
  const rig = disturbed();
  const other = new VcpuRig();
  other.cpu.processor.restore(structuredClone(rig.cpu.processor.save()));
  expect(guestWords(other)).toEqual(guestWords(rig));
  for (const word of [MODE, CPL, TLB_BASE]) expect(other.S[word]).toBe(rig.S[word]);
});

it('reset returns to the power-on state', () => {
  const rig = disturbed();
  rig.cpu.processor.reset();
  expect(guestWords(rig)).toEqual(guestWords(new VcpuRig()));
});

it('a snapshot does not alias live state', () => {
  const rig = disturbed();
  const saved = rig.cpu.processor.save();
  const before = structuredClone(saved);
  rig.S.fill(-1);
  expect(saved).toEqual(before);
  expect(saved.words.length).toBe(STATE_WORDS);
});

it('restoring forgets translations: the same address may lead elsewhere', () => {
  const rig = disturbed();
  rig.memory.writeU32(0x2000, 42);
  expect(rig.cpu.load32(0x2000, 0)).toBe(42);
  const generation = rig.S[CODE_GENERATION] ?? 0;
  const words = rig.cpu.tlb;
  expect(words.some((word, at) => at % 4 === 0 && word === 0x2000)).toBe(true);
  rig.cpu.processor.restore(rig.cpu.processor.save());
  expect(words.some((word, at) => at % 4 === 0 && word === 0x2000)).toBe(false);
  expect(rig.S[CODE_GENERATION]).not.toBe(generation);
});

it('code found before a reset, an INIT or a restore is not found by its address afterwards', () => {
  const rig = new VcpuRig();
  const { cpu, S } = rig;
  const saved = cpu.processor.save();
  const seen = [CODE_GENERATION, CODE_GENERATION_GLOBAL].map((word) => new Set([S[word]]));
  const changes = [
    () => cpu.flushTlb(true),
    () => cpu.processor.reset(),
    () => cpu.processor.restore(saved),
    () => {
      cpu.processor.init();
      cpu.serviceEvents();
    },
    () => cpu.processor.reset(),
    () => cpu.processor.restore(saved),
  ];
  for (const change of changes) {
    change();
    for (const [n, word] of [CODE_GENERATION, CODE_GENERATION_GLOBAL].entries()) {
      expect(seen[n]?.has(S[word])).toBe(false);
      seen[n]?.add(S[word]);
    }
  }
});
