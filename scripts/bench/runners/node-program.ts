/** Runs one job in a process of its own. Bundled; argument: a JSON file with the job and the files' paths. */
import { readFileSync } from 'node:fs';
import { createMachine, runMachine } from './machine-run.ts';
import { type Job, type Reading, Session } from './session.ts';

interface Order {
  readonly kernel: string;
  readonly initrd: string;
  readonly job: Job;
  readonly limitMs: number;
}

const { kernel, initrd, job, limitMs }: Order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const machine = await createMachine({ kernel: readFileSync(kernel), initrd: readFileSync(initrd) }, job);
const read = (): Reading => {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    wallSeconds: performance.now() / 1000,
    instructions: machine.retiredInstructions,
  };
};
const session = new Session(job, read, (text) => machine.serial.send(new TextEncoder().encode(text)));
const decoder = new TextDecoder();
machine.onSerial = (bytes) => session.feed(decoder.decode(bytes, { stream: true }));
await runMachine(machine, limitMs, () => session.done);
const { heapTotal, external } = process.memoryUsage();
process.stdout.write(
  `${JSON.stringify(session.result(heapTotal + external - job.memoryBytes - job.driveBytes))}\n`,
);
process.exit(0);
