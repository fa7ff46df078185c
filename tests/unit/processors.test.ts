/** Processors take turns on one engine: nothing is lost between them, and nothing is shared that is not memory. */
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine, type Exit } from '../../src/emu/cpu/engine.ts';
import {
  CR0,
  CR0_PE,
  CR0_PG,
  CR3_LO,
  CR4,
  CR4_PAE,
  EFER,
  EFER_LMA,
  EFER_NXE,
  HALTED,
  HALTED_HLT,
  HALTED_WAIT_SIPI,
  RAX,
  RIP_LO,
  SEG_BASE_LO,
  SEG_CS,
  STATE_WORDS,
} from '../../src/emu/cpu/state.ts';
import { Vcpu } from '../../src/emu/cpu/vcpu.ts';
import { Machine, type MachineConfig, type MachineHost } from '../../src/emu/index.ts';
import type { SmpConfig } from '../../src/emu/machine/cpu-topology.ts';
import { Processors } from '../../src/emu/machine/processors.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { NO_DEVICES } from '../support/cpu-rig.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { COUNTER, DONE, restlessKernel, type SmpProgram, smpKernel } from '../support/smp-kernel.ts';
import { advance, everything, machineOf, snapshotBytes } from '../support/snapshots.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 2 ** 20;
/** Registers of a local APIC: the spurious vector, which enables it, and the command that sends an IPI. */
const APIC_SVR = 0xf0;
const APIC_ENABLED = 0x1ff;
const APIC_ICR = 0x300;
const TO_ALL_OTHERS = 0xc4051;

function topology(apicId: number) {
  return { apicId, sockets: 2, cores: 1, threads: 1 };
}

describe('a stage for two', () => {
  function stage() {
    const memory = pcMemory(4 * MIB);
    const cpu = new Vcpu(memory, NO_DEVICES, QUIET, topology(0), 2);
    const first = cpu.processor;
    return { memory, cpu, first, second: cpu.addProcessor(topology(1)) };
  }

  it('a processor has its words while it has the stage and while it has not', () => {
    const { cpu, first, second } = stage();
    first.S[RAX] = 1;
    second.S[RAX] = 2;
    cpu.enter(second);
    expect([cpu.S[RAX], first.S[RAX], second.S[RAX]]).toEqual([2, 1, 2]);
    expect(second.S).toBe(cpu.S);
    cpu.S[RAX] = 3;
    cpu.enter(first);
    expect([cpu.S[RAX], first.S[RAX], second.S[RAX]]).toEqual([1, 1, 3]);
    expect(second.save().words.length).toBe(STATE_WORDS);
  });

  it('the second waits for a startup IPI, whoever has the stage when it comes', () => {
    const { cpu, second } = stage();
    expect([second.S[HALTED], second.isReady]).toEqual([HALTED_WAIT_SIPI, false]);
    second.startup(8);
    expect([second.isReady, cpu.takeTurnIsOver(), cpu.takeTurnIsOver()]).toEqual([true, true, false]);
    cpu.enter(second);
    cpu.serviceEvents();
    expect(cpu.S[HALTED]).toBe(0);
  });

  it('what comes for one that does not sleep leaves the turn to who has it', () => {
    const { cpu, second } = stage();
    second.S[HALTED] = 0;
    second.nmi();
    expect(cpu.takeTurnIsOver()).toBe(false);
    second.S[HALTED] = HALTED_HLT;
    second.nmi();
    expect(cpu.takeTurnIsOver()).toBe(true);
  });

  it('PAUSE ends a turn only when another has something to do', () => {
    const { cpu, second } = stage();
    cpu.pause();
    expect(cpu.takeTurnIsOver()).toBe(false);
    second.S[HALTED] = 0;
    cpu.pause();
    expect(cpu.takeTurnIsOver()).toBe(true);
  });

  /** 4-level tables for linear 0–2 MiB at 0x10000; page 1 leads to `frame`. */
  function paged({ memory, cpu }: ReturnType<typeof stage>, frame: number): void {
    for (const table of [0x10000, 0x11000, 0x12000]) memory.writeU32(table, table + 0x1007);
    memory.writeU32(0x13008, frame | 7);
    const { S } = cpu;
    S[CR3_LO] = 0x10000;
    S[CR4] = CR4_PAE;
    S[EFER] = EFER_LMA | EFER_NXE;
    S[CR0] = CR0_PE | CR0_PG;
    cpu.updateMode();
  }

  /** Both have the frame at 0x81000 in page 1, the second one has used it; the first has the stage. */
  function bothPaged(): ReturnType<typeof stage> {
    const rig = stage();
    const { memory, cpu, first, second } = rig;
    memory.writeU32(0x81000, 0x81);
    memory.writeU32(0x82000, 0x82);
    paged(rig, 0x81000);
    cpu.enter(second);
    paged(rig, 0x81000);
    expect(cpu.load32(0x1000, 0)).toBe(0x81);
    cpu.enter(first);
    return rig;
  }

  it('each keeps its translations over the turns of others, until it drops them itself', () => {
    const { memory, cpu, second } = bothPaged();
    expect(cpu.load32(0x1000, 0)).toBe(0x81);
    memory.writeU32(0x13008, 0x82007);
    cpu.invalidatePage(0x1000, 0);
    expect(cpu.load32(0x1000, 0)).toBe(0x82);
    // Nobody told the second one: real processors see the old page, too.
    cpu.enter(second);
    expect(cpu.load32(0x1000, 0)).toBe(0x81);
    cpu.flushTlb(true);
    expect(cpu.load32(0x1000, 0)).toBe(0x82);
  });

  it('memory that goes away is forgotten by all, also by who has not the stage', () => {
    const rig = stage();
    const { memory, cpu, first, second } = rig;
    const dimm = memory.add('dimm', 16 * MIB, 2 * MIB);
    memory.writeU32(dimm.gpa, 0x81);
    for (const processor of [first, second]) {
      cpu.enter(processor);
      paged(rig, dimm.gpa);
      expect(cpu.load32(0x1000, 0)).toBe(0x81);
    }
    memory.remove(dimm);
    for (const processor of [second, first]) {
      cpu.enter(processor);
      expect(cpu.load32(0x1000, 0)).not.toBe(0x81);
    }
  });

  it('what one drops, all of it too, the other keeps', () => {
    const { memory, cpu, second } = bothPaged();
    memory.writeU32(0x13008, 0x82007);
    cpu.flushTlb(true);
    expect(cpu.load32(0x1000, 0)).toBe(0x82);
    cpu.enter(second);
    expect(cpu.load32(0x1000, 0)).toBe(0x81);
  });

  it('a page that holds code from now on is watched in the translations of all', () => {
    const rig = stage();
    const { memory, cpu, first, second } = rig;
    paged(rig, 0x81000);
    cpu.enter(second);
    paged(rig, 0x81000);
    cpu.store32(0x1000, 0, 1);
    cpu.enter(first);
    const page = memory.locate(0x81000) >>> 12;
    const seen: number[] = [];
    memory.onCodeWrite((written) => seen.push(written));
    memory.codePages[page] = 1;
    cpu.dropWriteTags(page);
    cpu.enter(second);
    cpu.store32(0x1000, 0, 2);
    expect(seen).toEqual([page]);
  });

  it('a place is free again when its processor is gone, and the next one there knows nothing of it', () => {
    const rig = stage();
    const { cpu, first, second } = rig;
    cpu.enter(second);
    paged(rig, 0x81000);
    cpu.load32(0x1000, 0);
    cpu.enter(first);
    expect(() => cpu.addProcessor(topology(2))).toThrow('no slot is free');
    cpu.removeProcessor(second);
    const third = cpu.addProcessor(topology(2));
    expect(third.place.slot).toBe(second.place.slot);
    expect([third.S[CR3_LO], third.S[HALTED]]).toEqual([0, HALTED_WAIT_SIPI]);
    cpu.enter(third);
    rig.memory.writeU32(0x1000, 77);
    expect(cpu.load32(0x1000, 0)).toBe(77);
  });
});

describe('a processor that ejects itself', () => {
  it('is gone after its turn, and its place takes another at once', () => {
    const memory = pcMemory(MIB);
    const cpu = new Vcpu(memory, NO_DEVICES, QUIET, topology(0), 2);
    const engine = { cpu, retired: 0, run: (): Exit => 'budget', step: (): Exit => 'debug' };
    const clock = new EventQueue(() => 0);
    const smp = { ...sockets(2), cpus: 1 };
    const processors = new Processors({ smp, engine, host: NO_DEVICES, clock, trace: QUIET });
    const { cpu: first } = processors.add(1);
    first.S[HALTED] = 0;
    processors.boot.cpu.S[HALTED] = HALTED_HLT;
    processors.takeTurn(100);
    expect(cpu.processor).toBe(first);
    processors.remove(1);
    expect([processors.present.length, cpu.processor]).toEqual([1, first]);
    const { cpu: second } = processors.add(1);
    expect(cpu.processor).toBe(processors.boot.cpu);
    expect([second.place.slot, second.isReady]).toEqual([first.place.slot, false]);
  });
});

describe('an engine for two', () => {
  const CODE = [0x1000, 0x2000] as const;
  const COUNTERS = [0x7000, 0x7010] as const;

  it('the same address is other code for another processor', () => {
    const memory = pcMemory(MIB);
    const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, topology: topology(0), slots: 2 });
    const { cpu } = engine;
    const both = [cpu.processor, cpu.addProcessor(topology(1))];
    for (const [at, processor] of both.entries()) {
      // again: inc word [counter]; jmp again
      memory.write(
        CODE[at] ?? 0,
        Uint8Array.from([0xff, 0x06, (COUNTERS[at] ?? 0) & 0xff, 0x70, 0xeb, 0xfa]),
      );
      cpu.enter(processor);
      const { S } = cpu;
      S[HALTED] = 0;
      S[SEG_CS + SEG_BASE_LO] = CODE[at] ?? 0;
      S[RIP_LO] = 0;
      cpu.updateMode();
    }
    for (let turn = 0; turn < 40; turn++) {
      cpu.enter(both[turn % 2] ?? cpu.processor);
      engine.run(100);
    }
    expect(COUNTERS.map((counter) => memory.readU16(counter))).toEqual([1000, 1000]);
  });
});

function sockets(count: number): SmpConfig {
  return { cpus: count, maxCpus: count, sockets: count, dies: 1, cores: 1, threads: 1 };
}

/** Runs the program to its end: what was counted, and in how many instructions. */
function played(program: SmpProgram, config: Partial<MachineConfig> = {}) {
  const machine = new Machine(
    { memoryBytes: 4 * MIB, kernel: smpKernel(program), smp: sockets(program.processors), ...config },
    {
      monotonicNs: () => performance.now() * 1e6,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
    },
  );
  machine.cont();
  const end = performance.now() + 20_000;
  while (machine.runState === 'running' && performance.now() < end) machine.run(10);
  const { memory, processors } = machine;
  return {
    state: machine.runState,
    counter: memory.readU32(COUNTER),
    done: memory.readU32(DONE),
    instructions: machine.retiredInstructions,
    halted: processors.present.slice(1).every(({ cpu }) => cpu.isHalted),
  };
}

describe('a kernel on all processors', () => {
  const ROUNDS = 30_000;

  it.each([1, 2, 3, 4, 16])('%i of them: none of the locked additions is lost', (processors) => {
    const { counter, done, ...rest } = played({ processors, rounds: ROUNDS, locked: true });
    expect({ counter, done }).toEqual({ counter: processors * ROUNDS, done: processors - 1 });
    expect(rest).toMatchObject({ state: 'shutdown', halted: true });
  });

  it('additions in three parts are lost when a turn ends between them: turns are real', () => {
    const { counter, state } = played({ processors: 4, rounds: ROUNDS, locked: false }, { icountShift: 0 });
    expect(state).toBe('shutdown');
    expect(counter).toBeLessThan(4 * ROUNDS);
    expect(counter).toBeGreaterThanOrEqual(ROUNDS);
  });

  it.each([1, 2, 4, 16])('with -icount it is the same each time, with %i', (processors) => {
    const program = { processors, rounds: 3000, locked: false };
    const first = played(program, { icountShift: 3 });
    expect(first.state).toBe('shutdown');
    expect(played(program, { icountShift: 3 })).toEqual(first);
  });

  it('that never rest share the time', () => {
    const machine = new Machine(
      { memoryBytes: 4 * MIB, kernel: restlessKernel(), smp: sockets(2), icountShift: 0 },
      {
        monotonicNs: () => performance.now() * 1e6,
        wallClockMs: () => 0,
        after() {},
        random() {},
        images: memoryImages(),
      },
    );
    machine.cont();
    for (let slice = 0; slice < 20; slice++) machine.run(5);
    const [one, other] = [COUNTER, DONE].map((at) => machine.memory.readU32(at));
    expect(machine.retiredInstructions).toBeGreaterThan(200_000);
    expect(Math.abs(Math.log2((one ?? 0) / (other ?? 0)))).toBeLessThan(1);
  });

  it('ends also when the first one waits without PAUSE', () => {
    const { counter } = played({ processors: 4, rounds: ROUNDS, locked: true, pauses: false });
    expect(counter).toBe(4 * ROUNDS);
  });
});

describe('a turn in a snapshot', () => {
  const ICOUNT = { icountShift: 3, rtcBaseMs: 0 };
  const host = (): MachineHost => ({
    monotonicNs: () => performance.now() * 1e6,
    wallClockMs: () => 0,
    after() {},
    random() {},
    images: memoryImages(),
  });
  const two = (kernel: Uint8Array): Machine =>
    new Machine({ memoryBytes: 4 * MIB, kernel, smp: sockets(2), ...ICOUNT }, host());

  /** Both go on instruction by instruction, and have the same turns. */
  async function goesOnAlike(machine: Machine): Promise<void> {
    const restored = await machineOf(await snapshotBytes(machine), host(), ICOUNT);
    for (let instruction = 0; instruction < 4; instruction++) {
      expect(await everything(restored), `${instruction} later`).toEqual(await everything(machine));
      await advance(machine, 1);
      await advance(restored, 1);
    }
    await restored.close();
  }

  it('is over in both machines when the last instruction before it was a PAUSE', async () => {
    const machine = two(restlessKernel({ pauses: true }));
    await advance(machine, 60_000);
    while (machine.processors.saveTurn().index === 0) await advance(machine, 1);
    await advance(machine, machine.processors.saveTurn().left);
    // Nothing more, an addition, the PAUSE after it.
    for (let instruction = 0; instruction < 3; instruction++) {
      await goesOnAlike(machine);
      await advance(machine, 1);
    }
    await machine.close();
  });

  it('does not end because a processor sleeps over an interrupt that it does not take', async () => {
    // jmp $: the other processor was never started.
    const machine = two(tinyKernel([0xeb, 0xfe]));
    await advance(machine, 10);
    const [first, second] = machine.processors.present;
    second?.apic.write(APIC_SVR, 4, APIC_ENABLED);
    first?.apic.write(APIC_SVR, 4, APIC_ENABLED);
    first?.apic.write(APIC_ICR, 4, TO_ALL_OTHERS);
    expect(second?.cpu.interrupts.pending()).toBe(true);
    await advance(machine, 10);
    await goesOnAlike(machine);
    await machine.close();
  });
});

it("the warm-up leaves nothing in anybody's translations, whoever is on the stage", () => {
  const memory = pcMemory(2 << 20);
  const engine = createEngine({ memory, host: NO_DEVICES, trace: QUIET, slots: 2 });
  const { cpu } = engine;
  const before = cpu.tlb.slice();
  cpu.enter(cpu.addProcessor({ apicId: 1, sockets: 2, cores: 1, threads: 1 }));
  engine.warmUp();
  expect(cpu.tlb).toEqual(before);
});
