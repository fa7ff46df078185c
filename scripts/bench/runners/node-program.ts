/** Runs one job on our machine in a process of its own. Bundled. */
import { readFileSync } from 'node:fs';
import type { Machine } from '../../../src/emu/index.ts';
import { WakingImages } from '../../../src/emu/index.ts';
import { createMachine, memoryImages } from '../page/hotslot-machine.ts';
import { NodeLoop } from './node-loop.ts';
import { finish, type Order, readOrder } from './node-process.ts';
import { type Reading, Session } from './session.ts';
import { ownCpuTime } from './threads.ts';

const { kernel, initrd, job, limitMs } = readOrder<Order>();
const files = { kernel: readFileSync(kernel), initrd: readFileSync(initrd) };
let machine: Machine | undefined;
const read = (): Reading => ({
  ...ownCpuTime(),
  wallSeconds: performance.now() / 1000,
  instructions: machine?.retiredInstructions ?? 0,
});
const session = new Session(job, read, (text) => machine?.serial.send(new TextEncoder().encode(text)));
const loop = new NodeLoop();
machine = await createMachine(files, job, new WakingImages(memoryImages(job), () => loop.wake()));
const decoder = new TextDecoder();
machine.onSerial = (bytes) => session.feed(decoder.decode(bytes, { stream: true }));
await loop.run(machine, limitMs, () => session.done);
const { heapTotal, external } = process.memoryUsage();
finish(session.result(heapTotal + external - job.memoryBytes - job.driveBytes));
