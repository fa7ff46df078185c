/** One kernel under V8's sampling profiler, from its start mark to its end mark, or a boot to the prompt. Bundled. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Session as Inspector, type Profiler } from 'node:inspector';
import { BUDGET, BUDGET_HELD } from '../../../src/emu/cpu/state.ts';
import { WakingImages } from '../../../src/emu/index.ts';
import { createMachine, memoryImages } from '../page/hotslot-machine.ts';
import { NodeLoop } from '../runners/node-loop.ts';
import { type Order, readOrder } from '../runners/node-process.ts';
import { Session } from '../runners/session.ts';

const INTERVAL_US = 200;

export interface ProfileOrder extends Order {
  /** File for the profile. */
  readonly output: string;
}

/** What the program writes there. */
export interface KernelProfile {
  readonly profile: Profiler.Profile;
  readonly instructions: number;
  readonly regions: RegionCounts;
}

export interface RegionCounts {
  entries: number;
  /** Instructions that ran in regions. */
  instructions: number;
  compiled: number;
  rejected: number;
}

const { kernel, initrd, job, limitMs, output } = readOrder<ProfileOrder>();
const loop = new NodeLoop();
const images = new WakingImages(memoryImages(job), () => loop.wake());
const files = { kernel: readFileSync(kernel), initrd: readFileSync(initrd) };
const machine = await createMachine(files, job, images);
const inspector = new Inspector();
inspector.connect();
inspector.post('Profiler.enable');
inspector.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
const { compiler, cpu } = machine.engine;
const regions: RegionCounts = { entries: 0, instructions: 0, compiled: 0, rejected: 0 };
const runRegion = compiler.run.bind(compiler);
compiler.run = (record) => {
  const before = cpu.S[BUDGET];
  const next = runRegion(record);
  regions.entries++;
  // A request for attention takes the budget away: what ran then is not known.
  if (cpu.S[BUDGET_HELD] === 0) regions.instructions += before - cpu.S[BUDGET];
  return next;
};
let profile: Profiler.Profile | undefined;
let instructions = 0;

function start(): void {
  instructions = machine.retiredInstructions;
  Object.assign(regions, { entries: 0, instructions: 0 });
  [regions.compiled, regions.rejected] = [compiler.compiled, compiler.rejected];
  inspector.post('Profiler.start');
}

function stop(): void {
  instructions = machine.retiredInstructions - instructions;
  regions.compiled = compiler.compiled - regions.compiled;
  regions.rejected = compiler.rejected - regions.rejected;
  inspector.post('Profiler.stop', (error, result) => {
    if (error === null) profile = result.profile;
  });
}

const session = new Session(
  job,
  () => ({ cpuSeconds: 0, wallSeconds: 0 }),
  (text) => machine.serial.send(new TextEncoder().encode(text)),
);
const decoder = new TextDecoder();
machine.onSerial = (bytes) => session.feed(decoder.decode(bytes, { stream: true }));
session.onMark = (what) => {
  if (what === 'start') start();
  else if (what === 'end') stop();
};
const boot = job.kernels.length === 0;
if (boot) start();
await loop.run(machine, limitMs, () => session.done);
if (boot) stop();
// Too large for a pipe that the process would leave behind.
writeFileSync(output, JSON.stringify({ profile, instructions, regions }));
process.exit(0);
