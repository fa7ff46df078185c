/** `npm test`: every check of the project, the quick ones first. `npm test -- unit e2e` runs parts. */
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './testing/command.ts';
import { add, type Counts, FAILED, PASSED, SKIPPED, sentence } from './testing/counts.ts';
import { PARTS, type Part, REPORTS, selectParts } from './testing/parts.ts';

const MINUTE_MS = 60_000;
/** The automation's limit for the whole run is 40 minutes. Parts that are named have their own alone. */
const TOTAL_MS = 36 * MINUTE_MS;
const SHOWN_LINES = 150;
const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

const say = (text: string): void => {
  process.stdout.write(text);
};

function lastLines(output: string): string {
  const lines = output.trimEnd().split('\n');
  const left = lines.length - SHOWN_LINES;
  return left > 0 ? [`… ${left} lines before …`, ...lines.slice(left)].join('\n') : lines.join('\n');
}

/** A port that nobody listens on: a server of another checkout is never tested by mistake. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('no free port'));
      });
    });
  });
}

interface Outcome {
  readonly counts: Counts;
  /** What is said of it, whole lines. */
  readonly report: string;
}

/** Where something cannot be had: aloud, and under CI a failure. */
function missing(why: string): Outcome {
  const { CI = '' } = process.env;
  const report = `${CI === '' ? 'skipped' : 'failed'}: ${why.trim().split('\n').at(-1)}\n`;
  return { counts: CI === '' ? SKIPPED : FAILED, report };
}

async function runPart(part: Part, limitMs: number, env: Readonly<Record<string, string>>): Promise<Outcome> {
  const start = performance.now();
  if (part.setup !== undefined) {
    const setup = await runCommand(part.setup, limitMs);
    if (!setup.ok) return missing(setup.output);
  }
  const left = limitMs - (performance.now() - start);
  const result = await runCommand(part.command, Math.max(1, left), { ...env, ...part.env });
  if (!result.ok && part.optional === true) return missing(result.timedOut ? 'out of time' : result.output);
  const counted = part.counts === undefined ? undefined : part.counts();
  let counts = counted ?? (result.ok ? PASSED : FAILED);
  if (!result.ok && counts.failed === 0) counts = add(counts, FAILED);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const late = result.timedOut ? `, ended after ${(limitMs / MINUTE_MS).toFixed(0)} minutes` : '';
  const details = counts.failed > 0 ? `${lastLines(result.output)}\n` : '';
  return { counts, report: `${sentence(counts)} (${seconds} s${late})\n${details}` };
}

async function main(names: readonly string[]): Promise<void> {
  const parts = selectParts(names);
  if (typeof parts === 'string') {
    const known = PARTS.map(({ name }) => name).join(', ');
    process.stderr.write(`There is no part ${parts}: choose of ${known}.\n`);
    process.exitCode = 1;
    return;
  }
  process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
  rmSync(REPORTS, { recursive: true, force: true });
  mkdirSync(REPORTS, { recursive: true });
  const env = { HOTSLOT_E2E_PORT: String(await freePort()), NO_COLOR: '1' };
  const end = names.length === 0 ? performance.now() + TOTAL_MS : Number.POSITIVE_INFINITY;
  const broken = new Set<string>();
  const beside = new Map<Part, Promise<Outcome>>();
  let total = NOTHING;

  const run = (part: Part): Promise<Outcome> | Outcome => {
    const lacking = part.needs?.find((name) => broken.has(name));
    if (lacking !== undefined) return missing(`it needs ${lacking}`);
    const left = end - performance.now();
    return left <= 0 ? missing('out of time') : runPart(part, Math.min(part.minutes * MINUTE_MS, left), env);
  };
  const finish = async (part: Part, outcome: Promise<Outcome> | Outcome): Promise<void> => {
    say(`${part.name}: ${part.what} … `);
    const { counts, report } = await outcome;
    say(report);
    if (part.counts === undefined && counts.passed === 0) broken.add(part.name);
    total = add(total, counts);
  };

  for (const part of parts) {
    // What runs beside is waited for where it is needed; its lines stay together.
    for (const [other, outcome] of beside) {
      if (![...(part.needs ?? []), ...(part.after ?? [])].includes(other.name)) continue;
      beside.delete(other);
      await finish(other, outcome);
    }
    if (part.beside === true) beside.set(part, Promise.resolve(run(part)));
    else await finish(part, run(part));
  }
  for (const [part, outcome] of beside) await finish(part, outcome);
  say(`${sentence(total)}\n`);
  if (total.failed > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
