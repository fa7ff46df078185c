/** Rounds of all guests on all runners. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { workDirectory } from './cache.ts';
import { buildProgram } from './compile.ts';
import { type GuestName, readGuestImage } from './guests.ts';
import { KERNELS, kernelArchive, kernelsOf, needsDrive, ofGuest } from './kernels.ts';
import { type GuestResults, gather, type Results } from './results.ts';
import type { Files, Runner } from './runners/runner.ts';
import type { Job, RunResult } from './runners/session.ts';

const DRIVE_BYTES = 64 << 20;
const LIMIT_MS = 300_000;

/** Which kernels: those named, or all, or the quick ones. */
export interface Choice {
  readonly full: boolean;
  readonly only: readonly string[] | undefined;
}

export interface PreparedGuest {
  readonly files: Files;
  readonly job: Job;
}

/** The guest's files with the bench in them; undefined, and said why, when there is no such image. */
export function prepareGuest(
  guest: GuestName,
  choice: Choice,
  say: (text: string) => void,
): PreparedGuest | undefined {
  const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  try {
    const { kernel, initrd, append, memoryBytes } = readGuestImage(guest);
    let program: string | undefined;
    try {
      program = buildProgram(guest);
    } catch (error) {
      say(`the kernels in C for ${guest} are skipped: ${reason(error)}`);
    }
    const directory = workDirectory();
    const files: Files = {
      guest,
      kernel: join(directory, `kernel-${guest}`),
      initrd: join(directory, `initrd-${guest}`),
      program,
    };
    writeFileSync(files.kernel, kernel);
    writeFileSync(files.initrd, Buffer.concat([initrd, kernelArchive(program)]));
    const kernels = wantedKernels(guest, program !== undefined, choice);
    return {
      files,
      job: {
        memoryBytes,
        append,
        kernels,
        driveBytes: kernels.some(needsDrive) ? DRIVE_BYTES : 0,
        driveIn: guest === 'indexeddb' ? 'indexeddb' : 'memory',
      },
    };
  } catch (error) {
    say(`the guest ${guest} is skipped: ${reason(error)}`);
    return undefined;
  }
}

/** Names of the kernels to run. Throws when one is unknown. */
export function wantedKernels(guest: GuestName, compiled: boolean, { full, only }: Choice): string[] {
  for (const name of only ?? []) {
    if (name !== 'boot' && KERNELS.every((kernel) => kernel.name !== name))
      throw new Error(`no kernel ${name}`);
  }
  return kernelsOf(guest)
    .filter(({ name, quick }) => only?.includes(name) ?? (full || quick))
    .filter((kernel) => compiled || ofGuest(kernel))
    .map(({ name }) => name);
}

/** All rounds; a runner that fails says so and is left out of that round. */
export async function measure(
  runners: readonly (readonly [runner: Runner, version: string])[],
  guests: readonly PreparedGuest[],
  rounds: number,
  say: (text: string) => void,
): Promise<Results> {
  const measured = new Map(guests.map(({ files }) => [files.guest, new Map<string, RunResult[]>()]));
  const turns = guests.flatMap((guest) =>
    runners
      .filter(([{ guests }]) => guests.includes(guest.files.guest))
      .map(([runner]) => ({ runner, guest })),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const { runner, guest } of turns) {
      const result = await once(runner, guest.files, guest.job, `round ${round} of ${rounds}`, say);
      const ofGuest = measured.get(guest.files.guest);
      if (result !== undefined) ofGuest?.set(runner.name, [...(ofGuest.get(runner.name) ?? []), result]);
    }
  }
  const results: Partial<Record<GuestName, GuestResults>> = {};
  for (const { files, job } of guests) {
    results[files.guest] = gather(job.kernels, measured.get(files.guest) ?? new Map());
  }
  return {
    machine: { processor: cpus()[0]?.model ?? '', cores: cpus().length, load: loadavg()[0] ?? 0 },
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    rounds,
    versions: Object.fromEntries(runners.map(([{ name }, version]) => [name, version])),
    guests: results,
  };
}

async function once(
  runner: Runner,
  files: Files,
  job: Job,
  round: string,
  say: (text: string) => void,
): Promise<RunResult | undefined> {
  const start = performance.now();
  const who = `${runner.name}, ${files.guest}`;
  try {
    const result = await runner.run(files, job, LIMIT_MS);
    say(`${round}: ${who}, ${((performance.now() - start) / 1000).toFixed(0)} s`);
    if (result.trouble !== undefined) say(`${who} gave no result for a kernel: ${result.trouble}`);
    return result;
  } catch (error) {
    say(`${round}: ${who} failed: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
