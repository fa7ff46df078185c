/**
 * Runs QEMU's own qtest programs against Hotslot: npm run qtest [-- PROGRAM… [-p SUBTEST]]
 * Without a program all of them run. The table of docs/testing.md is written from what came of whole programs. QTEST_QEMU_BINARY in the environment names
 * another emulator, whose name must end in -x86_64.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, runProgram } from './run-program.ts';
import { writeTable } from './table.ts';

const PROJECT = join(import.meta.dirname, '../..');
const EMULATOR = process.env['QTEST_QEMU_BINARY'] ?? join(PROJECT, 'bin/hotslot-system-x86_64');
const LOGS = join(PROJECT, '.cache/qtest/logs');
/** Many wait most of the time for what does not come. */
const AT_ONCE = 3;

function programsIn(folder: string, wanted: readonly string[]): readonly string[] {
  const programs = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes('.'))
    .map(({ name }) => name)
    .sort();
  if (wanted.length === 0) return programs;
  return programs.filter((name) => wanted.some((one) => name === one || name === `${one}-test`));
}

/** Runs `work` for each item, a few at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

const words = process.argv.slice(2);
const at = words.indexOf('-p');
const subtest = at < 0 ? undefined : words[at + 1];
const names = at < 0 ? words : words.slice(0, at);
const script = join(import.meta.dirname, 'build.sh');
const folder = execFileSync('sh', [script], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
}).trim();
// Not in a test's time: the first start may build the program.
execFileSync(EMULATOR, ['-version']);
mkdirSync(LOGS, { recursive: true });

const outcomes = new Map<string, readonly Outcome[]>();
await each(programsIn(folder, names), async (name) => {
  const results = await runProgram(join(folder, name), EMULATOR, subtest);
  outcomes.set(name, results);
  writeFileSync(
    join(LOGS, `${name}.txt`),
    results.map(({ path, result, said }) => `## ${path}: ${result}\n${said}\n`).join('\n'),
  );
  const count = (wanted: Outcome['result']): number =>
    results.filter(({ result }) => result === wanted).length;
  process.stdout.write(
    `${name}: ${count('passed')} passed, ${count('failed')} failed, ${count('absent')} absent\n`,
  );
  for (const { path, result } of results)
    if (result === 'failed') process.stdout.write(`  failed: ${path}\n`);
});
process.stdout.write(`What the programs said is in ${LOGS}\n`);
if (subtest === undefined) writeTable(join(PROJECT, 'docs/testing.md'), outcomes, words.length === 0);
