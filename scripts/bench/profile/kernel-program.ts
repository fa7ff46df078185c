/** One kernel under V8's sampling profiler, from its start mark to its end mark. Bundled; prints the profile. */
import { readFileSync } from 'node:fs';
import { Session as Inspector, type Profiler } from 'node:inspector';
import { WakingImages } from '../../../src/workers/waking-images.ts';
import { createMachine, memoryImages } from '../page/hotslot-machine.ts';
import { NodeLoop } from '../runners/node-loop.ts';
import { type Order, readOrder } from '../runners/node-process.ts';
import { Session } from '../runners/session.ts';

const INTERVAL_US = 200;

/** What the program prints. */
export interface KernelProfile {
  readonly profile: Profiler.Profile;
  readonly instructions: number;
}

const { kernel, initrd, job, limitMs } = readOrder<Order>();
const loop = new NodeLoop();
const images = new WakingImages(memoryImages(job), () => loop.wake());
const files = { kernel: readFileSync(kernel), initrd: readFileSync(initrd) };
const machine = await createMachine(files, job, images);
const inspector = new Inspector();
inspector.connect();
inspector.post('Profiler.enable');
inspector.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
let profile: Profiler.Profile | undefined;
let instructions = 0;
const stopped = (error: Error | null, result: Profiler.StopReturnType): void => {
  if (error === null) profile = result.profile;
  instructions = machine.retiredInstructions - instructions;
};
const session = new Session(
  job,
  () => ({ cpuSeconds: 0, wallSeconds: 0 }),
  (text) => machine.serial.send(new TextEncoder().encode(text)),
);
const decoder = new TextDecoder();
machine.onSerial = (bytes) => session.feed(decoder.decode(bytes, { stream: true }));
session.onMark = (what) => {
  if (what === 'start') {
    instructions = machine.retiredInstructions;
    inspector.post('Profiler.start');
  } else if (what === 'end') inspector.post('Profiler.stop', stopped);
};
await loop.run(machine, limitMs, () => session.done);
process.stdout.write(JSON.stringify({ profile, instructions }));
process.exit(0);
