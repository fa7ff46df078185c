/** pvpanic by its registers; QEMU's values were read over qtest, and its events from QMP. */
import { describe, expect, it } from 'vitest';
import { PvpanicRegister } from '../../src/emu/chipset/pvpanic.ts';
import { PvpanicPci } from '../../src/emu/chipset/pvpanic-pci.ts';
import type { MachineEvent } from '../../src/emu/core/machine-events.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { type Machine, type MachineConfig, QmpCaller } from '../../src/emu/index.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { pciRig } from '../support/pci-rig.ts';
import { qtestRig } from '../support/qtest-rig.ts';
import { machineOf, snapshotBytes } from '../support/snapshots.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const PORT = 0x505;

function listener() {
  const heard: string[] = [];
  const panic = { panicked: () => void heard.push('panicked'), crashLoaded: () => void heard.push('loaded') };
  return { heard, panic };
}

function card(events = 3) {
  const { heard, panic } = listener();
  const device = new PvpanicPci({ events, panic, trace: QUIET });
  return { heard, device };
}

deviceContract(
  'pvpanic-pci',
  () => card().device,
  (dev) => {
    dev.configWrite(0x10, 4, 0xfebf_1000);
    dev.configWrite(0x04, 2, 2);
  },
  (dev) => [dev.configRead(0x10, 4), dev.configRead(0x04, 2)],
);

describe('the register', () => {
  it('tells which events are known, in every byte', () => {
    const { panic } = listener();
    const { handler } = new PvpanicRegister({ events: 2, panic, trace: QUIET });
    expect([handler.read(0, 1), handler.read(0, 2), handler.read(0, 4)]).toEqual([2, 0x0202, 0x0202_0202]);
  });

  it('takes each event, whether it is known or not; a panic hides a crash kernel', () => {
    const { heard, panic } = listener();
    const { handler } = new PvpanicRegister({ events: 0, panic, trace: QUIET });
    const reported = (value: number, size: 1 | 2 = 1): readonly string[] => {
      handler.write(0, size, value);
      return heard.splice(0);
    };
    expect([0, 4, 0xfc].map((value) => reported(value))).toEqual([[], [], []]);
    expect([1, 2, 3, 5, 6].map((value) => reported(value))).toEqual([
      ['panicked'],
      ['loaded'],
      ['panicked'],
      ['panicked'],
      ['loaded'],
    ]);
    expect(reported(0x0102, 2)).toEqual(['loaded', 'panicked']);
  });

  it('says of an unknown event that it is one', () => {
    const told: unknown[] = [];
    const trace = { ...QUIET, guestError: (...message: unknown[]) => void told.push(message) };
    const { handler } = new PvpanicRegister({ events: 3, panic: listener().panic, trace });
    for (const value of [1, 2, 3, 4, 0x81]) handler.write(0, 1, value);
    expect(told).toEqual([
      ['pvpanic: unknown event 0x%x.', 4],
      ['pvpanic: unknown event 0x%x.', 0x81],
    ]);
  });

  it('survives random accesses', () => {
    const { device } = card();
    const [bar] = device.bars;
    if (bar === undefined) throw new Error('no BAR');
    fuzz(bar.handler, 2, device);
  });
});

describe('pvpanic-pci on its bus', () => {
  it('has the ids, the class and the smallest BAR that QEMU gives it', () => {
    const rig = pciRig();
    const { heard, device } = card(1);
    rig.bus.add(device, 4 << 3);
    const read = (offset: number): number => rig.configRead(4 << 3, offset, 4);
    expect([read(0x00), read(0x08), read(0x0c), read(0x2c), read(0x3c)]).toEqual([
      0x0011_1b36, 0x0880_0001, 0, 0x1100_1af4, 0,
    ]);
    rig.configWrite(4 << 3, 0x10, 4, 0xffff_ffff);
    expect(read(0x10)).toBe(0xffff_fffe);
    rig.configWrite(4 << 3, 0x10, 4, 0xfebf_1000);
    expect(rig.memory.answers(0xfebf_1000)).toBe(false);
    rig.configWrite(4 << 3, 0x04, 2, 2);
    expect([0, 1].map((at) => rig.memory.read(0xfebf_1000 + at, 1))).toEqual([1, 1]);
    expect(rig.memory.answers(0xfebf_1002)).toBe(false);
    rig.memory.write(0xfebf_1001, 1, 2);
    expect(heard).toEqual(['loaded']);
  });
});

/** A machine with these devices from the start, whose vCPUs do not run, and what it told. */
async function machineWith(devices: readonly string[], config: Partial<MachineConfig> = {}) {
  const rig = qtestRig({ coldPlug: true, ...config });
  for (const text of devices) await rig.machine.devices.add(parseOptions(text, 'driver', () => {}));
  rig.machine.devices.machineReady();
  return { ...rig, told: eventsOf(rig.machine) };
}

function eventsOf(machine: Machine): () => readonly MachineEvent[] {
  const events: MachineEvent[] = [];
  machine.events.listen((event) => void events.push(event));
  return () => events.splice(0);
}

const STOP = { event: 'STOP', data: undefined };
const LOADED = { event: 'GUEST_CRASHLOADED', data: { action: 'run' } };
const panicked = (action: 'poweroff' | 'pause' | 'run') => ({ event: 'GUEST_PANICKED', data: { action } });
const SHUTDOWN = { event: 'SHUTDOWN', data: { guest: true, reason: 'guest-panic' } };

describe('a machine whose guest crashes', () => {
  it('goes on with a crash kernel, and ends by a panic', async () => {
    const { machine, ask, told } = await machineWith(['pvpanic']);
    let hasQuit = false;
    machine.onQuit = () => {
      hasQuit = true;
    };
    ask('outb 0x505 2');
    expect([machine.runState, told(), hasQuit]).toEqual(['running', [LOADED], false]);
    ask('outb 0x505 1');
    expect([told(), hasQuit]).toEqual([[panicked('poweroff'), STOP, SHUTDOWN], true]);
    expect(machine.cont()?.message).toBe('Resetting the Virtual Machine is required');
  });

  it('stands still with -no-shutdown, goes on by cont, and begins anew by a reset', async () => {
    const { machine, ask, told } = await machineWith(['pvpanic'], { noShutdown: true });
    ask('outb 0x505 1');
    expect([machine.runState, told()]).toEqual(['guest-panicked', [panicked('pause'), STOP]]);
    expect(machine.cont()).toBeUndefined();
    expect(machine.runState).toBe('running');
    ask('outb 0x505 1');
    expect(machine.runState).toBe('guest-panicked');
    machine.reset();
    expect(machine.runState).toBe('prelaunch');
  });

  it.each([
    [{ panicAction: 'none' }, 'run', 'running'],
    [{ panicAction: 'none', noShutdown: true }, 'run', 'running'],
    [{ panicAction: 'pause' }, 'pause', 'guest-panicked'],
    [{ panicAction: 'shutdown', noShutdown: true }, 'pause', 'guest-panicked'],
    [{ panicAction: 'exit-failure', noShutdown: true }, 'poweroff', 'shutdown'],
  ] as const)('%o: does %s and is %s', async (config, action, state) => {
    const { machine, ask, told } = await machineWith(['pvpanic'], config);
    ask('outb 0x505 1');
    expect([machine.runState, told()[0]]).toEqual([state, { event: 'GUEST_PANICKED', data: { action } }]);
  });

  it('is treated as set-action said last', async () => {
    const { machine, ask, told } = await machineWith(['pvpanic']);
    const client = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    const choose = (choice: object): Promise<string> =>
      client.call(JSON.stringify({ execute: 'set-action', arguments: choice }));
    expect(await choose({ panic: 'none' })).toBe('{"return": {}}');
    ask('outb 0x505 1');
    expect(told()).toEqual([panicked('run')]);
    await choose({ panic: 'shutdown', shutdown: 'pause' });
    ask('outb 0x505 1');
    expect([machine.runState, told()]).toEqual(['guest-panicked', [panicked('pause'), STOP]]);
  });

  it('stays stopped where it was stopped', async () => {
    const { machine, ask, told } = await machineWith(['pvpanic'], { noShutdown: true });
    machine.stop();
    told();
    ask('outb 0x505 1');
    expect([machine.runState, told()]).toEqual(['paused', [panicked('pause')]]);
  });

  /** mov dx, 0x505; then each value goes out by `out dx, al`; hlt. */
  const panicking = (...values: readonly number[]): Uint8Array =>
    tinyKernel([0x66, 0xba, 0x05, 0x05, ...values.flatMap((value) => [0xb0, value, 0xee]), 0xf4]);

  it.each([
    [undefined, [LOADED, panicked('poweroff'), SHUTDOWN, STOP], 'shutdown'],
    [true, [LOADED, panicked('pause'), STOP], 'guest-panicked'],
  ] as const)(
    'is told by a vCPU (-no-shutdown %s), which does not go on',
    async (noShutdown, events, state) => {
      const config = { kernel: panicking(2, 1, 2), noShutdown, accel: 'tcg' } as const;
      const { machine, told } = await machineWith(['pvpanic'], { ...config, icountShift: 3 });
      told();
      for (let n = 0; n < 1000 && machine.runState === 'running'; n++) machine.run(10);
      const heard = told();
      expect(heard.filter(({ event }) => event !== 'GUEST_CRASHLOADED')).toEqual(
        events.filter(({ event }) => event !== 'GUEST_CRASHLOADED'),
      );
      expect(machine.runState).toBe(state);
    },
  );
});

describe('the ISA device', () => {
  const answers = (ask: (line: string) => string, ...lines: readonly string[]) => lines.map(ask);

  it('is where the user wants it, and firmware is told where that is', async () => {
    const { machine, ask } = await machineWith(['pvpanic,ioport=0x600,events=1']);
    expect(answers(ask, 'inb 0x600', 'inw 0x600', 'inl 0x600', 'inb 0x505')).toEqual([
      '0x0001',
      '0x0101',
      '0x1010101',
      '0x00ff',
    ]);
    expect(machine.board.fwCfg.file('etc/pvpanic-port')).toEqual(Uint8Array.of(0x00, 0x06));
  });

  it('is there once', async () => {
    const add = machineWith(['pvpanic', 'pvpanic,ioport=0x600']);
    await expect(add).rejects.toThrow('duplicate fw_cfg file name: etc/pvpanic-port');
  });

  it('comes back with a snapshot', async () => {
    const { machine } = await machineWith(['pvpanic,ioport=0x600,events=2', 'pvpanic-pci,id=p'], {
      accel: 'tcg',
    });
    machine.stop();
    const restored = await machineOf(await snapshotBytes(machine), {
      ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    });
    expect(restored.board.ports.read(0x600, 1)).toBe(2);
    expect(restored.board.ports.read(PORT, 1)).toBe(0xff);
    expect(restored.board.fwCfg.file('etc/pvpanic-port')).toEqual(Uint8Array.of(0x00, 0x06));
    expect(restored.devices.tree.find('p')?.type.name).toBe('pvpanic-pci');
  });
});
