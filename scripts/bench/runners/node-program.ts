/** Runs one job in a process of its own. Bundled; argument: a JSON file with the job and the files' paths. */
import { readFileSync } from 'node:fs';
import { runOnMachine } from './machine-run.ts';
import type { Job } from './session.ts';

interface Order {
  readonly kernel: string;
  readonly initrd: string;
  readonly job: Job;
  readonly limitMs: number;
}

const { kernel, initrd, job, limitMs }: Order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const files = { kernel: readFileSync(kernel), initrd: readFileSync(initrd) };
const result = await runOnMachine(files, job, limitMs, cpuSeconds);
const { heapTotal, external } = process.memoryUsage();
const extraBytes = heapTotal + external - job.memoryBytes;
process.stdout.write(`${JSON.stringify({ ...result, extraBytes })}\n`);
process.exit(0);
