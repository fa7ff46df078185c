/** The kernels on the host itself: no guest, no boot. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PLAIN_GUESTS } from '../guests.ts';
import { KERNELS } from '../kernels.ts';
import type { Runner } from './runner.ts';
import type { Job, RunResult, Sample } from './session.ts';

const END = /@@end (\S+) (\S+) (\d+)/;

export function nativeRunner(): Runner {
  const hostKernels = new Set(KERNELS.filter(({ guestOnly }) => !guestOnly).map(({ name }) => name));
  return {
    name: 'native',
    guests: PLAIN_GUESTS,
    version: () => {
      const model = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
      return Promise.resolve(model?.[1] ?? 'unknown processor');
    },
    run: ({ program }, job) =>
      Promise.resolve(program === undefined ? { samples: [] } : run(program, job, hostKernels)),
  };
}

/** The program measures itself: its end would be seen too late from here. */
function run(program: string, job: Job, hostKernels: ReadonlySet<string>): RunResult {
  const samples: Sample[] = [];
  for (const name of job.kernels) {
    if (!hostKernels.has(name)) continue;
    const start = performance.now();
    const { stdout } = spawnSync(program, [name], { encoding: 'utf8' });
    const found = END.exec(stdout);
    if (found === null) continue;
    const wallSeconds = (performance.now() - start) / 1000;
    samples.push({ name, cpuSeconds: Number(found[3]) / 1e6, wallSeconds, checksum: found[2] ?? '' });
  }
  return { samples };
}
