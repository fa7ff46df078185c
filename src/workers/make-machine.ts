import { HmpConsole, Machine } from '../emu/index.ts';
import type { GuestFiles, MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { WakingImages } from './waking-images.ts';

/** A spec limit of `getRandomValues`. Spec: Web Cryptography 10.1.1. */
const RANDOM_BYTES_MAX = 65536;

/** The machine with its monitor, in prelaunch. */
export function makeMachine(guest: GuestFiles, environment: MachineEnvironment): WorkerMachine {
  const machine = new Machine(guest, {
    monotonicNs: () => performance.now() * 1e6,
    wallClockMs: () => Date.now(),
    random,
    images: new WakingImages(environment.images, environment.onWake),
    warn: (message) => environment.onMonitorOutput(`hotslot: ${message}\r\n`),
  });
  machine.onSerial = environment.onSerialOutput;
  machine.onQuit = environment.onPowerOff;
  const monitor = new HmpConsole(environment.onMonitorOutput, {
    machine,
    stderr: (message) => environment.onMonitorOutput(`hotslot: ${message}\r\n`),
  });
  monitor.start();
  return {
    get runState() {
      return machine.runState;
    },
    get retiredInstructions() {
      return machine.retiredInstructions;
    },
    interpreterOnly: !machine.engine.compiler.allowed,
    get hasQuit() {
      return machine.hasQuit;
    },
    run: (sliceMs) => machine.run(sliceMs),
    serialInput: (bytes) => machine.serial.send(bytes),
    monitorInput: (text) => monitor.input(text),
    start: () => {
      machine.cont();
    },
    pause: () => machine.stop(),
    reset: () => machine.reset(),
    powerButton: () => machine.powerButton(),
    close: () => machine.close(),
  };
}

function random(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX) as Uint8Array<ArrayBuffer>);
  }
}
