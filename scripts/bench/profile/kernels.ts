/** npm run bench -- --profile --only A,B: where our machine in Node spends the time of each kernel. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Runtime } from 'node:inspector';
import { join } from 'node:path';
import { SEMANTICS } from '../../../src/emu/cpu/semantics/table.ts';
import { bundle } from '../bundle.ts';
import { workDirectory } from '../cache.ts';
import type { GuestName } from '../guests.ts';
import { prepareGuest } from '../measure.ts';
import { BOOT } from '../results.ts';
import type { KernelProfile, ProfileOrder } from './kernel-program.ts';

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
      if (prepared === undefined || (kernel !== BOOT && prepared.job.kernels.length === 0)) continue;
      const { files, job } = prepared;
      const file = join(workDirectory(), 'profile-order.json');
      const output = join(workDirectory(), 'profile.json');
      const order: ProfileOrder = { ...files, job, limitMs: LIMIT_MS, output };
      writeFileSync(file, JSON.stringify(order));
      execFileSync(process.execPath, [program, file]);
      const profile: KernelProfile = JSON.parse(readFileSync(output, 'utf8'));
      process.stdout.write(`\n# ${kernel}, ${guest}\n${table(profile)}`);
    }
  }
}

/** Self times: compiled regions as one, records outside of the main switch by their kind, other functions by name. */
export function table({ profile, instructions, regions }: KernelProfile): string {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
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
    `in regions ${((100 * regions.instructions) / instructions).toFixed(1)} % of the instructions, ${(regions.instructions / regions.entries).toFixed(0)} per entry; ${regions.compiled} regions made, ${regions.rejected} given up`,
    ...rows.map(([name, time]) => `${share(time)} ${name}`),
    '',
  ].join('\n');
}

function nameOf({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  if (url === '' && !functionName.startsWith('(')) return 'compiled regions';
  const kind = /^h(\d+)$/.exec(functionName)?.[1];
  if (kind !== undefined) return `record ${SEMANTICS[Number(kind)]?.name ?? kind}`;
  return `${functionName || '(anonymous)'}${url === '' ? '' : `:${lineNumber + 1}`}`;
}
