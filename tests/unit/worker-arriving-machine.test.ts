/** A machine that the worker makes of a snapshot, as far as its page sees it. */
import { expect, it } from 'vitest';
import { NO_SNAPSHOTS } from '../../src/emu/core/snapshot-store.ts';
import { Machine } from '../../src/emu/index.ts';
import { NO_NET_HOST } from '../../src/emu/net/net-host.ts';
import type { MachineEnvironment } from '../../src/workers/machine-types.ts';
import { ArrivingMachine } from '../../src/workers/make-machine.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

/** mov dx, 3f8h; mov al, 'A'; out dx, al; hlt */
const SAYS_A = tinyKernel([0x66, 0xba, 0xf8, 0x03, 0xb0, 0x41, 0xee, 0xf4]);

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
  const machine = new Machine({ memoryBytes: 16 << 20, kernel: SAYS_A, serialPorts }, host);
  let asked = 0;
  let shown = '';
  const environment: MachineEnvironment = {
    images,
    network: NO_NET_HOST,
    snapshots: NO_SNAPSHOTS,
    onWake: () => {},
    isFull: () => false,
    onMemoryNotice: () => {},
    onSerialOutput: (bytes) => {
      shown += String.fromCharCode(...bytes);
    },
    onOutput: () => {},
    onQmpEvent: () => {},
    onEvent: () => {},
    onDrivesChange: () => {},
    onHardwareChange: () => {},
    onTerminalSizeAsked: () => {
      asked++;
    },
    onPowerOff: () => {},
  };
  const arriving = new ArrivingMachine(environment);
  arriving.push(await snapshotBytes(machine));
  const restored = await arriving.finish();
  // What it was to say comes first, as a prompt does.
  expect([asked, shown]).toEqual([0, '']);
  restored.setBootFiles({
    kernel: SAYS_A,
    initrd: new Uint8Array(0),
    append: '',
    memoryBytes: 16 << 20,
    serialPorts,
  });
  restored.start();
  for (let slice = 0; slice < 100 && shown === ''; slice++) restored.run(1);
  expect([asked, shown]).toEqual([times, 'A']);
  await restored.close();
  await machine.close();
});
