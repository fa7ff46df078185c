/** Records what QEMU says to command lines that it refuses: `npx tsx scripts/record-cli-errors.ts`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { CLI_CASES, withCliFiles } from '../tests/support/cli-cases.ts';

const OUTPUT = 'tests/golden/cli/errors.txt';
const TIMEOUT_MS = 5000;
/** QEMU without its package for displays says so before anything else. */
const MISSING_MODULE = /^qemu: module .* not found, .*\n/gm;

const texts = withCliFiles((folder) =>
  CLI_CASES.map((args) => {
    const { status, stderr } = spawnSync('qemu-system-x86_64', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    return `$ ${JSON.stringify(args)}\n${stderr.replaceAll(MISSING_MODULE, '')}=> ${status}\n`;
  }),
);
mkdirSync('tests/golden/cli', { recursive: true });
writeFileSync(OUTPUT, texts.join('\n'));
