/** Our machine with the guest of a job in it; the same in Node and in a web worker. */
import { MemoryBackend } from '../../../src/emu/block/memory-store.ts';
import type { FunctionMaker } from '../../../src/emu/cpu/interp/code-maker.ts';
import { type ImageOpener, Machine, Monitor } from '../../../src/emu/index.ts';
import type { Job } from '../runners/session.ts';

/** Spec: Web Cryptography 10.1.1. */
const RANDOM_BYTES_MAX = 65536;
/** The image behind the job's drive. */
export const IMAGE = 'bench.img';

export interface GuestFiles {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

/** An image that is gone with the machine. */
export function memoryImages({ driveBytes }: Job): ImageOpener {
  return { open: () => Promise.resolve(new MemoryBackend(driveBytes)) };
}

/** A machine before its first instruction, with the job's drive plugged in by the monitor. */
export async function createMachine(
  files: GuestFiles,
  job: Job,
  images: ImageOpener = memoryImages(job),
  makeFunction?: FunctionMaker,
): Promise<Machine> {
  const machine = new Machine(
    { ...files, append: job.append, memoryBytes: job.memoryBytes },
    {
      monotonicNs: () => performance.now() * 1e6,
      wallClockMs: () => Date.now(),
      after: (delayMs, callback) => void setTimeout(callback, delayMs),
      random: (bytes) => {
        for (let at = 0; at < bytes.length; at += RANDOM_BYTES_MAX) {
          crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX) as Uint8Array<ArrayBuffer>);
        }
      },
      images,
      ...(makeFunction === undefined ? {} : { makeFunction }),
    },
  );
  if (job.driveBytes > 0) await plugDrive(machine);
  return machine;
}

async function plugDrive(machine: Machine): Promise<void> {
  const monitor = new Monitor({ machine });
  for (const [line, answer] of [
    [`drive_add 0 if=none,id=bench,format=raw,file=${IMAGE}`, 'OK\n'],
    ['device_add virtio-blk-pci,drive=bench', ''],
  ] as const) {
    const said = await monitor.execute(line);
    if (said !== answer) throw new Error(`${line}: ${said}`);
  }
}
