/** isa-debug-exit in machines; QEMU's answers were read over qtest, and its exit statuses. */
import { describe, expect, it } from 'vitest';
import { DebugExitRegister } from '../../src/emu/chipset/isa-debug-exit.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import type { MachineEvent } from '../../src/emu/core/machine-events.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { MachineConfig } from '../../src/emu/index.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { qtestRig } from '../support/qtest-rig.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

async function machineWith(device: string, config: Partial<MachineConfig> = {}) {
  const rig = qtestRig({ coldPlug: true, ...config });
  await rig.machine.devices.add(parseOptions(device, 'driver', () => {}));
  rig.machine.devices.machineReady();
  const events: MachineEvent[] = [];
  rig.machine.events.listen((event) => void events.push(event));
  const ended: (number | undefined)[] = [];
  rig.machine.onQuit = () => void ended.push(rig.machine.exitStatus);
  return { ...rig, events, ended };
}

describe('isa-debug-exit', () => {
  it.each([
    ['outb 0x501 0x10', 33],
    ['outw 0x501 0x1234', 105],
    ['outl 0x501 0x81', 3],
    ['outb 0x502 0x7', 15],
  ])('%s ends the machine with %i, and tells nobody', async (line, status) => {
    const { machine, ask, say, events, ended } = await machineWith('isa-debug-exit');
    expect(['inb 0x501', 'inw 0x501', 'inl 0x501'].map(ask)).toEqual(['0x0000', '0x0000', '0x0000']);
    say(line);
    expect([ended, machine.hasQuit, machine.runState, events]).toEqual([[status], true, 'shutdown', []]);
  });

  it.each([
    ['iobase=0xf4,iosize=4', 0xf4, 0xf7],
    ['iobase=0xffff', 0xffff, 0xffff],
    ['iobase=0xff00,iosize=0x20000', 0xff00, 0xffff],
  ])('%s is at its ports', async (options, ...ports) => {
    for (const port of ports) {
      const { say, ended } = await machineWith(`isa-debug-exit,${options}`);
      say(`outb ${port} 1`);
      expect(ended).toEqual([3]);
    }
  });

  it.each(['iobase=0x10000', 'iosize=0'])('%s is at none', async (options) => {
    const { ask, ended } = await machineWith(`isa-debug-exit,${options}`);
    expect(ask('inb 0x501')).toBe('0x00ff');
    expect(ended).toEqual([]);
  });

  it('ends the machine after the instruction of a vCPU', async () => {
    // mov dx, 0x501; mov al, 3; out dx, al; mov al, 4; out dx, al; hlt
    const kernel = tinyKernel([0x66, 0xba, 0x01, 0x05, 0xb0, 3, 0xee, 0xb0, 4, 0xee, 0xf4]);
    const config = { kernel, accel: 'tcg', icountShift: 3, noShutdown: true } as const;
    const { machine, ended } = await machineWith('isa-debug-exit', config);
    for (let n = 0; n < 1000 && machine.runState === 'running'; n++) machine.run(10);
    expect([ended, machine.runState]).toEqual([[7], 'shutdown']);
  });

  it('takes random accesses', () => {
    const statuses: number[] = [];
    const { handler } = new DebugExitRegister((status) => void statuses.push(status), QUIET);
    for (let n = 0; n < 10_000; n++) {
      const size = ([1, 2, 4] as const)[n % 3] as AccessSize;
      handler.write(n % 5, size, Math.imul(n, 0x9e37_79b1) >>> (32 - 8 * size));
      expect(handler.read(n % 5, size)).toBe(0);
    }
    expect(statuses.length).toBe(10_000);
    expect(statuses.every((status) => status % 2 === 1 && status < 0x100)).toBe(true);
  });
});
