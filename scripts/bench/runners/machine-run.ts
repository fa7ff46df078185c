/** A session on our own machine; the same in Node and in a web worker. */
import { MemoryBackend } from '../../../src/emu/block/memory-store.ts';
import { Machine, Monitor } from '../../../src/emu/index.ts';
import { type Job, type Reading, type RunResult, Session } from './session.ts';

const SLICE_MS = 20;
const MAX_SLEEP_MS = 100;
const RANDOM_BYTES_MAX = 65536;

export interface GuestFiles {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

/** The job on a new machine. `cpuSeconds` is the thread's clock; without one, the time spent inside the machine counts. */
export async function runOnMachine(
  files: GuestFiles,
  job: Job,
  limitMs: number,
  cpuSeconds?: () => number,
): Promise<RunResult> {
  const machine = new Machine(
    { ...files, append: job.append, memoryBytes: job.memoryBytes },
    createHost(job),
  );
  if (job.driveBytes > 0) await plugDrive(machine);
  let busyMs = 0;
  let enteredMs: number | undefined;
  const read = (): Reading => {
    const nowMs = performance.now();
    const busy = busyMs + (enteredMs === undefined ? 0 : nowMs - enteredMs);
    return {
      cpuSeconds: cpuSeconds?.() ?? busy / 1000,
      wallSeconds: nowMs / 1000,
      instructions: machine.retiredInstructions,
    };
  };
  const session = new Session(job, read, (text) => machine.serial.send(new TextEncoder().encode(text)));
  const decoder = new TextDecoder();
  machine.onSerial = (bytes) => session.feed(decoder.decode(bytes, { stream: true }));
  machine.cont();
  const start = performance.now();
  while (!session.done) {
    enteredMs = performance.now();
    const { idleMs } = machine.run(SLICE_MS);
    const now = performance.now();
    busyMs += now - enteredMs;
    enteredMs = undefined;
    if (machine.runState !== 'running')
      throw new Error(`the guest is ${machine.runState} after ${session.tail}`);
    if (now - start > limitMs) throw new Error(`no end within ${limitMs} ms after ${session.tail}`);
    await breathe(idleMs);
  }
  await machine.close();
  return session.result();
}

function createHost(job: Job): ConstructorParameters<typeof Machine>[1] {
  return {
    monotonicNs: () => performance.now() * 1e6,
    wallClockMs: () => Date.now(),
    random: (bytes) => {
      for (let at = 0; at < bytes.length; at += RANDOM_BYTES_MAX) {
        crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX));
      }
    },
    images: { open: () => Promise.resolve(new MemoryBackend(job.driveBytes)) },
  };
}

/** By the monitor, as a user would. */
async function plugDrive(machine: Machine): Promise<void> {
  const monitor = new Monitor({ machine });
  for (const [line, answer] of [
    ['drive_add 0 if=none,id=bench,format=raw,file=bench.img', 'OK\n'],
    ['device_add virtio-blk-pci,drive=bench', ''],
  ] as const) {
    const said = await monitor.execute(line);
    if (said !== answer) throw new Error(`${line}: ${said}`);
  }
}

/** Lets requests, timers and messages have their turn. */
function breathe(idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (idleMs <= 0 && typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, Math.min(idleMs, MAX_SLEEP_MS));
  });
}
