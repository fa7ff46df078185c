/** npm run bench -- --profile --only A,B: where our machine in Node spends the time of each kernel. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../bundle.ts';
import { workDirectory } from '../cache.ts';
import type { GuestName } from '../guests.ts';
import { prepareGuest } from '../measure.ts';
import type { KernelProfile } from './kernel-program.ts';

const LIMIT_MS = 120_000;
const ROWS = 14;

/** Prints a table per kernel. */
export async function profileKernels(
  guests: readonly GuestName[],
  kernels: readonly string[],
  say: (text: string) => void,
): Promise<void> {
  const program = await bundle('scripts/bench/profile/kernel-program.ts', 'profile-kernel');
  for (const guest of guests) {
    for (const kernel of kernels) {
      const prepared = prepareGuest(guest, { full: false, only: [kernel] }, say);
      if (prepared === undefined || prepared.job.kernels.length === 0) continue;
      const { files, job } = prepared;
      const file = join(workDirectory(), 'profile-order.json');
      writeFileSync(file, JSON.stringify({ ...files, job, limitMs: LIMIT_MS }));
      const text = execFileSync(process.execPath, [program, file], { encoding: 'utf8', maxBuffer: 1 << 28 });
      process.stdout.write(`\n# ${kernel}, ${guest}\n${table(JSON.parse(text) as KernelProfile)}`);
    }
  }
}

/** Self times: compiled regions as one, all other functions by name. */
export function table({ profile, instructions }: KernelProfile): string {
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      url === '' && !functionName.startsWith('(')
        ? 'compiled regions'
        : `${functionName || '(anonymous)'}${url === '' ? '' : `:${lineNumber + 1}`}`,
    ]),
  );
  const times = new Map<string, number>();
  let total = 0;
  for (const [n, node] of (profile.samples ?? []).entries()) {
    const name = names.get(node) ?? '';
    const time = profile.timeDeltas?.[n] ?? 0;
    total += time;
    times.set(name, (times.get(name) ?? 0) + time);
  }
  const rows = [...times].sort(([, a], [, b]) => b - a).slice(0, ROWS);
  const share = (time: number): string => `${((100 * time) / total).toFixed(1).padStart(5)} %`;
  return [
    `${(total / 1e6).toFixed(3)} s, ${(instructions / 1e6).toFixed(1)} million instructions, ${(instructions / total).toFixed(0)} per µs`,
    ...rows.map(([name, time]) => `${share(time)} ${name}`),
    '',
  ].join('\n');
}
