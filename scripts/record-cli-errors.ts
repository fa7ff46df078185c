/**
 * Records what QEMU says to command lines that it refuses: `npx tsx scripts/record-cli-errors.ts [new]`. With `new` only those that have no
 * recording yet are given to it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { CLI_CASES, withCliFiles } from '../tests/support/cli-cases.ts';

const OUTPUT = 'tests/golden/cli/errors.txt';
const TIMEOUT_MS = 5000;
/** QEMU without its package for displays says so before anything else. */
const MISSING_MODULE = /^qemu: module .* not found, .*\n/gm;

/** Recordings by their first line. */
function recorded(): ReadonlyMap<string, string> {
  if (process.argv[2] !== 'new' || !existsSync(OUTPUT)) return new Map();
  const texts = readFileSync(OUTPUT, 'utf8').split(/\n(?=\$ )/);
  return new Map(texts.map((text) => [text.slice(0, text.indexOf('\n')), text]));
}

const known = recorded();
const texts = withCliFiles((folder) =>
  CLI_CASES.map((args) => {
    const title = `$ ${JSON.stringify(args)}`;
    const before = known.get(title);
    if (before !== undefined) return before;
    const { status, stderr } = spawnSync('qemu-system-x86_64', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    return `${title}\n${stderr.replaceAll(MISSING_MODULE, '')}=> ${status}\n`;
  }),
);
mkdirSync('tests/golden/cli', { recursive: true });
writeFileSync(OUTPUT, texts.join('\n'));
