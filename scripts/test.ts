/** `npm test`: every check of the project, the quick ones first. `npm test -- unit e2e` runs parts. */
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './testing/command.ts';
import { add, type Counts, FAILED, PASSED, SKIPPED, sentence } from './testing/counts.ts';
import { PARTS, type Part, REPORTS, selectParts } from './testing/parts.ts';

const MINUTE_MS = 60_000;
/** The automation's limit for the whole run is 40 minutes. */
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

/** Where something cannot be had: aloud, and under CI a failure. */
function missing(why: string): Counts {
  const { CI = '' } = process.env;
  say(`${CI === '' ? 'skipped' : 'failed'}: ${why.trim().split('\n').at(-1)}\n`);
  return CI === '' ? SKIPPED : FAILED;
}

async function runPart(part: Part, limitMs: number, env: Readonly<Record<string, string>>): Promise<Counts> {
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
  say(`${sentence(counts)} (${seconds} s${late})\n`);
  if (counts.failed > 0) say(`${lastLines(result.output)}\n`);
  return counts;
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
  const end = performance.now() + TOTAL_MS;
  const broken = new Set<string>();
  let total = NOTHING;
  for (const part of parts) {
    say(`${part.name}: ${part.what} … `);
    const lacking = part.needs?.find((name) => broken.has(name));
    const left = end - performance.now();
    let counts: Counts;
    if (lacking !== undefined) counts = missing(`it needs ${lacking}`);
    else if (left <= 0) counts = missing('out of time');
    else counts = await runPart(part, Math.min(part.minutes * MINUTE_MS, left), env);
    if (part.counts === undefined && counts.passed === 0) broken.add(part.name);
    total = add(total, counts);
  }
  say(`${sentence(total)}\n`);
  if (total.failed > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
