/** A machine that the worker makes of a snapshot, as far as its page sees it. */
import { expect, it } from 'vitest';
import { Machine } from '../../src/emu/index.ts';
import type { MachineEnvironment } from '../../src/workers/machine-types.ts';
import { ArrivingMachine } from '../../src/workers/make-machine.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

it.each([
  ['with the port on which a guest asks for its size', [true, true], 1],
  ['without that port', [true], 0],
])('is said to follow the terminal %s', async (_, serialPorts, times) => {
  const images = memoryImages();
  const host = {
    monotonicNs: () => performance.now() * 1e6,
    wallClockMs: () => Date.now(),
    after: () => {},
    random: (bytes: Uint8Array) => void bytes.fill(0),
    images,
  };
  const machine = new Machine({ memoryBytes: 16 << 20, kernel: tinyKernel([0xf4]), serialPorts }, host);
  let asked = 0;
  const environment: MachineEnvironment = {
    images,
    onWake: () => {},
    isMonitorFull: () => false,
    onMemoryNotice: () => {},
    onSerialOutput: () => {},
    onMonitorOutput: () => {},
    onEvent: () => {},
    onDrivesChange: () => {},
    onTerminalSizeAsked: () => {
      asked++;
    },
    onPowerOff: () => {},
  };
  const arriving = new ArrivingMachine(environment);
  arriving.push(await snapshotBytes(machine));
  const restored = await arriving.finish();
  expect(asked).toBe(times);
  await restored.close();
  await machine.close();
});
