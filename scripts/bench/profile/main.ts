/** npm run bench -- --profile: counts of a cold boot, and V8's profile of another one without counters. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../bundle.ts';
import { workDirectory } from '../cache.ts';

const ROWS = 40;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Prints the profile. */
export async function profile(): Promise<void> {
  const plain = await bundle('scripts/bench/profile/plain-boot.ts', 'plain-boot');
  const directory = join(workDirectory(), 'cpu-profile');
  const figures = execFileSync(process.execPath, ['--cpu-prof', `--cpu-prof-dir=${directory}`, plain], {
    encoding: 'utf8',
  });
  process.stdout.write(`# V8's view of a cold boot\n${figures}${selfTimes(directory)}`);
  const deopts = execFileSync(process.execPath, ['--trace-deopt', plain], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const ofInterpreter = deopts.split('\n').filter((line) => /bailout.*<JSFunction run /.test(line));
  process.stdout.write(`deoptimisations of functions called run: ${ofInterpreter.length}\n`);
  const counting = await bundle('scripts/bench/profile/boot.ts', 'profile-boot');
  process.stdout.write(`\n# Counts of a cold boot\n`);
  execFileSync(process.execPath, [counting], { stdio: 'inherit' });
}

function selfTimes(directory: string): string {
  const [file = ''] = readdirSync(directory);
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(readFileSync(join(directory, file), 'utf8'));
  const names = new Map(
    nodes.map(({ id, callFrame }) => [
      id,
      `${callFrame.functionName || '(anonymous)'}:${callFrame.lineNumber + 1}`,
    ]),
  );
  const times = new Map<string, number>();
  for (const [n, node] of samples.entries()) {
    const name = names.get(node) ?? '';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[n] ?? 0));
  }
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, ROWS)
    .map(([name, micros]) => `${(micros / 1e6).toFixed(3).padStart(8)} s ${name}\n`)
    .join('');
}
