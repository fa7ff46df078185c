/**
 * npm run bench: the same guest, kernels and command line on the host itself, QEMU TCG, and our machine in Node and
 * in Chromium, in turns, so that ratios hold on a busy machine too.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import '../generate.ts';
import { readGuestImage } from './guest-image.ts';
import { buildKernels, KERNELS, kernelArchive, needsDrive } from './kernels.ts';
import { profile } from './profile/main.ts';
import { report } from './report.ts';
import { disagreements, type Figure, medians, type Results } from './results.ts';
import { hotslotChromiumRunner } from './runners/hotslot-chromium.ts';
import { hotslotNodeRunner } from './runners/hotslot-node.ts';
import { nativeRunner } from './runners/native.ts';
import { qemuRunner } from './runners/qemu.ts';
import { CACHE, type Files, type Runner } from './runners/runner.ts';
import type { Job, RunResult } from './runners/session.ts';

const BASELINE = 'docs/performance-baseline.json';
const DRIVE_BYTES = 64 << 20;
const LIMIT_MS = 300_000;

const USAGE = `npm run bench -- [options]
  --full            all kernels and three rounds (else some, one round)
  --rounds N        rounds, interleaved over the runners
  --only A,B        these kernels; boot is always measured ("--only boot": nothing else)
  --runners A,B     of native, qemu, node, chromium
  --save            keeps the figures as JSON        (${BASELINE})
  --baseline FILE   compares with figures kept before (${BASELINE}, where it exists)
  --profile         where a cold boot in Node spends its time: records, helpers, slow paths, V8's profile
`;

const { values: options } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    runners: { type: 'string', default: 'native,qemu,node,chromium' },
    save: { type: 'boolean', default: false },
    baseline: { type: 'string', default: BASELINE },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function prepare(): { files: Files; append: string; memoryBytes: number } {
  mkdirSync(CACHE, { recursive: true });
  const { kernel, initrd, append, memoryBytes } = readGuestImage();
  let program: string | undefined;
  try {
    program = buildKernels();
  } catch (error) {
    say(`the kernels in C are skipped: ${error instanceof Error ? error.message : String(error)}`);
  }
  const files = { kernel: join(CACHE, 'vmlinux'), initrd: join(CACHE, 'initrd.cpio'), program };
  writeFileSync(files.kernel, kernel);
  writeFileSync(files.initrd, Buffer.concat([initrd, kernelArchive(program)]));
  return { files, append, memoryBytes };
}

function wantedKernels(program: string | undefined): string[] {
  const only = options.only?.split(',');
  for (const name of only ?? []) {
    if (name !== 'boot' && KERNELS.every((kernel) => kernel.name !== name))
      throw new Error(`no kernel ${name}`);
  }
  const inShell = new Set(['gzip', 'sort', 'awk', 'shell']);
  return KERNELS.filter(({ name, quick }) => only?.includes(name) ?? (options.full || quick))
    .map(({ name }) => name)
    .filter((name) => program !== undefined || inShell.has(name));
}

async function availableRunners(files: Files): Promise<[runner: Runner, version: string][]> {
  const makers: Readonly<Record<string, (files: Files) => Runner>> = {
    native: nativeRunner,
    qemu: qemuRunner,
    node: hotslotNodeRunner,
    chromium: hotslotChromiumRunner,
  };
  const found: [Runner, string][] = [];
  for (const name of options.runners.split(',')) {
    const maker = makers[name];
    if (maker === undefined) throw new Error(`no runner ${name}`);
    const runner = maker(files);
    try {
      found.push([runner, await runner.version()]);
    } catch (error) {
      say(`${name} is skipped: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    }
  }
  return found;
}

async function measure(
  runners: readonly Runner[],
  job: Job,
  rounds: number,
): Promise<Map<string, RunResult[]>> {
  const results = new Map<string, RunResult[]>(runners.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const runner of runners) {
      const start = performance.now();
      const result = await runner.run(job, LIMIT_MS);
      say(
        `round ${round} of ${rounds}: ${runner.name}, ${((performance.now() - start) / 1000).toFixed(0)} s`,
      );
      if (result.trouble !== undefined) say(`${runner.name} gave no result for a kernel: ${result.trouble}`);
      results.get(runner.name)?.push(result);
    }
  }
  return results;
}

function gather(
  versions: Readonly<Record<string, string>>,
  job: Job,
  rounds: number,
  measured: ReadonlyMap<string, readonly RunResult[]>,
): Results {
  const figures: Record<string, Record<string, Figure>> = {};
  const extraBytes: Record<string, number> = {};
  for (const kernel of ['boot', ...job.kernels]) figures[kernel] = {};
  for (const [runner, results] of measured) {
    for (const [kernel, figure] of medians(results))
      Object.assign(figures[kernel] ?? {}, { [runner]: figure });
    const most = Math.max(...results.map((result) => result.extraBytes ?? Number.NEGATIVE_INFINITY));
    if (Number.isFinite(most)) extraBytes[runner] = most;
  }
  const machine = { processor: cpus()[0]?.model ?? '', cores: cpus().length, load: loadavg()[0] ?? 0 };
  return { machine, commit: commit(), rounds, versions, figures, extraBytes };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function readBaseline(): Results | undefined {
  return existsSync(options.baseline) ? JSON.parse(readFileSync(options.baseline, 'utf8')) : undefined;
}

async function bench(): Promise<void> {
  const { files, append, memoryBytes } = prepare();
  const kernels = wantedKernels(files.program);
  const job: Job = { memoryBytes, append, kernels, driveBytes: kernels.some(needsDrive) ? DRIVE_BYTES : 0 };
  const rounds = Number(options.rounds ?? (options.full ? 3 : 1));
  const runners = await availableRunners(files);
  const measured = await measure(
    runners.map(([runner]) => runner),
    job,
    rounds,
  );
  const versions = Object.fromEntries(runners.map(([{ name }, version]) => [name, version]));
  const results = gather(versions, job, rounds, measured);
  process.stdout.write(report(results, readBaseline()));
  if (options.save) writeFileSync(BASELINE, `${JSON.stringify(results, undefined, 2)}\n`);
  if (disagreements(results).length > 0) process.exitCode = 1;
}

if (options.help) process.stdout.write(USAGE);
else if (options.profile) await profile();
else await bench();
