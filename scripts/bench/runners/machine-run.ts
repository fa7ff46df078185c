/** Our machine with the guest of a job in it; the same in Node and in a web worker. */
import { MemoryBackend } from '../../../src/emu/block/memory-store.ts';
import { Machine, Monitor } from '../../../src/emu/index.ts';
import type { Job } from './session.ts';

const SLICE_MS = 20;
const MAX_SLEEP_MS = 100;
/** Spec: Web Cryptography 10.1.1. */
const RANDOM_BYTES_MAX = 65536;

export interface GuestFiles {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

/** A machine before its first instruction, with the job's drive plugged in by the monitor. */
export async function createMachine(files: GuestFiles, job: Job): Promise<Machine> {
  const machine = new Machine(
    { ...files, append: job.append, memoryBytes: job.memoryBytes },
    {
      monotonicNs: () => performance.now() * 1e6,
      wallClockMs: () => Date.now(),
      random: (bytes) => {
        for (let at = 0; at < bytes.length; at += RANDOM_BYTES_MAX) {
          crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX));
        }
      },
      images: { open: () => Promise.resolve(new MemoryBackend(job.driveBytes)) },
    },
  );
  if (job.driveBytes > 0) await plugDrive(machine);
  return machine;
}

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

/**
 * Lets the guest run until `done`, asked after each slice; it may stop the machine for a while and continue it.
 * Throws when the guest stops by itself, or after `limitMs`.
 */
export async function runMachine(
  machine: Machine,
  limitMs: number,
  done: () => boolean | Promise<boolean>,
): Promise<void> {
  machine.cont();
  const start = performance.now();
  for (;;) {
    const { idleMs } = machine.run(SLICE_MS);
    if (await done()) return;
    if (machine.runState !== 'running') throw new Error(`the guest is ${machine.runState}`);
    if (performance.now() - start > limitMs) throw new Error(`no end within ${limitMs} ms`);
    await breathe(idleMs);
  }
}

/** Requests, timers and messages have their turn. */
function breathe(idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (idleMs <= 0 && typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, Math.min(idleMs, MAX_SLEEP_MS));
  });
}
