import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine } from '../../src/emu/cpu/engine.ts';
import { ATTENTION, FLAG_IF, HALTED } from '../../src/emu/cpu/state.ts';
import { KernelError } from '../../src/emu/firmware/kernel-error.ts';
import { Machine, type MachineConfig, Monitor } from '../../src/emu/index.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { NO_DEVICES } from '../support/cpu-rig.ts';
import { FailingImages } from '../support/failing-images.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 1024 * 1024;
const CLI_HLT = tinyKernel([0xfa, 0xf4, 0xeb, 0xfd]);
/** jmp $ */
const ENDLESS = tinyKernel([0xeb, 0xfe]);
/** mov dx, 7777h; out dx, al; hlt */
const OUT_7777 = tinyKernel([0x66, 0xba, 0x77, 0x77, 0xee, 0xf4]);
const DISK = '/tmp/disk1.img';

async function machineRig(config: Partial<MachineConfig> = {}) {
  const time = { ns: 0 };
  const store = memoryImages();
  await store.createEmpty(DISK, MIB);
  const images = new FailingImages(store);
  const notices: string[] = [];
  const machine = new Machine(
    { memoryBytes: 4 * MIB, kernel: CLI_HLT, ...config },
    {
      monotonicNs: () => time.ns++,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images,
      notice: (text) => notices.push(text),
    },
  );
  const monitor = new Monitor({ machine });
  const plug = async (): Promise<void> => {
    expect(await monitor.execute(`drive_add 0 if=none,file=${DISK},format=raw,id=disk1`)).toBe('OK\n');
    expect(await monitor.execute('device_add virtio-blk-pci,drive=disk1,id=blk1')).toBe('');
  };
  return { machine, monitor, plug, time, store, images, notices };
}

describe('time', () => {
  const HOUR_S = 3600;

  it.each<[string, Partial<MachineConfig>, number]>([
    ["goes on by the hours that the host slept, with the host's clock", {}, HOUR_S],
    ['stands still for them, when it was given a time to start at', { rtcBaseMs: 0 }, 0],
  ])('the real-time clock %s', async (_, config, seconds) => {
    const { machine, time } = await machineRig(config);
    machine.cont();
    machine.run(1);
    time.ns += HOUR_S * 1e9;
    machine.run(1);
    machine.run(1);
    expect(Math.abs(machine.board.rtc.guestSeconds() - seconds)).toBeLessThanOrEqual(2);
    expect(machine.clock.nowNs()).toBeLessThan(2e9);
  });
});

it.each([{}, { icountShift: 3 }])(
  'a machine that a timer stops runs no instruction more, with %o',
  async (config) => {
    const { machine } = await machineRig({ kernel: ENDLESS, ...config });
    let retired = 0;
    const timer = machine.clock.timer(() => {
      machine.stop();
      retired = machine.retiredInstructions;
    });
    timer.arm(8000);
    machine.cont();
    while (machine.runState === 'running') machine.run(1);
    expect(retired).toBeGreaterThan(0);
    expect(machine.retiredInstructions).toBe(retired);
  },
);

describe('power-up', () => {
  it.each([
    ['a text', new TextEncoder().encode('this is no kernel')],
    ['a cut file', CLI_HLT.subarray(0, 100)],
  ])('a kernel that is %s is refused before anything runs', async (_, kernel) => {
    await expect(machineRig({ kernel })).rejects.toThrow(KernelError);
  });

  it('the firmware places what is there when the processor first runs', async () => {
    const { machine, monitor, plug } = await machineRig();
    await plug();
    const bar0 = (): number | undefined => machine.inspect.pciFunctions().at(-1)?.bars[0]?.address;
    expect(bar0()).toBe(undefined);
    machine.cont();
    expect(bar0()).toBe(undefined);
    machine.run(1);
    expect(bar0()).toBe(0xc000);
    machine.stop();
    await monitor.execute('system_reset');
    expect(bar0()).toBe(undefined);
    machine.cont();
    machine.run(1);
    expect(bar0()).toBe(0xc000);
  });
});

describe('a halted processor', () => {
  function halted() {
    const engine = createEngine({ memory: pcMemory(MIB), host: NO_DEVICES, trace: QUIET });
    const { cpu } = engine;
    cpu.S[HALTED] = 1;
    engine.cpu.processor.interrupts = { pending: () => true, acknowledge: () => 0x20 };
    cpu.S[ATTENTION] = 1;
    return { engine, cpu };
  }

  it('sleeps on with an interrupt pending and IF clear, wakes when it is set', () => {
    const { engine, cpu } = halted();
    expect(engine.cpu.processor.isReady).toBe(false);
    expect(engine.run(100)).toBe('halted');
    cpu.writeFlags(FLAG_IF | 2);
    expect(engine.cpu.processor.isReady).toBe(true);
  });

  it.each(['nmi', 'init'] as const)('wakes for %s with IF clear', (signal) => {
    const { engine, cpu } = halted();
    engine.cpu.processor.interrupts = { pending: () => false, acknowledge: () => -1 };
    cpu.processor[signal]();
    expect(engine.cpu.processor.isReady).toBe(true);
    engine.run(1);
    expect(cpu.S[HALTED]).toBe(0);
  });

  it('the run loop does not spin', async () => {
    const { machine } = await machineRig();
    machine.cont();
    expect(machine.run(1).idleMs).toBeGreaterThan(0);
    const before = machine.retiredInstructions;
    expect(machine.run(1).idleMs).toBeGreaterThan(0);
    expect(machine.retiredInstructions).toBe(before);
  });

  it('the run loop does not spin in deterministic mode, and time stays finite', async () => {
    const { machine } = await machineRig({ icountShift: 3 });
    machine.cont();
    machine.run(1);
    expect(Number.isFinite(machine.clock.nowNs())).toBe(true);
  });
});

describe('a fault of ours', () => {
  it('stops the machine in internal-error with the trace tail; a reset makes it good', async () => {
    const { machine, monitor, notices } = await machineRig({ kernel: OUT_7777 });
    let broken = true;
    const write = (): void => {
      if (broken) throw new Error('internal error: the seventh port');
    };
    machine.board.ports.map(0x7777, 1, { read: () => 0, write });
    machine.trace.guestError('what came before');
    machine.cont();
    expect(machine.run(1)).toEqual({ idleMs: Number.POSITIVE_INFINITY });
    expect(await monitor.execute('info status')).toBe('VM status: paused (internal-error)\n');
    expect(machine.internalError?.message).toContain('the seventh port');
    expect(machine.trace.tail().slice(-2)).toEqual(['what came before', 'internal error: the seventh port']);
    expect(notices).toHaveLength(1);
    expect(await monitor.execute('cont')).toBe('Error: Resetting the Virtual Machine is required\n');
    broken = false;
    await monitor.execute('system_reset');
    expect(await monitor.execute('cont')).toBe('');
    machine.run(1);
    expect(machine.runState).toBe('running');
    expect(machine.internalError).toBe(undefined);
  });
});

describe('quit', () => {
  it('flushes and closes the images, once', async () => {
    const { machine, monitor, plug, store } = await machineRig();
    await plug();
    expect((await store.list()).map(({ inUse }) => inUse)).toEqual([true]);
    await monitor.execute('quit');
    await machine.close();
    expect((await store.list()).map(({ inUse }) => inUse)).toEqual([false]);
    expect(machine.drives.list()).toEqual([]);
  });
});

describe('close', () => {
  const globals = (): string[] =>
    Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith('$hotslot'));

  it('leaves nothing of a machine in the realm, and the machine stands still', async () => {
    const before = globals();
    for (let round = 0; round < 3; round++) {
      const { machine } = await machineRig();
      expect(globals().length).toBeGreaterThan(before.length);
      machine.cont();
      machine.run(1);
      await machine.close();
      expect(globals().filter((name) => !before.includes(name))).toEqual([]);
      expect(machine.run(1)).toEqual({ idleMs: Number.POSITIVE_INFINITY });
      expect(machine.internalError).toBe(undefined);
    }
  });
});
