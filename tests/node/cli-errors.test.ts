/** Only where the guest image is: most of these command lines name no kernel. */
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCommandLine } from '../../src/emu/command-line/options.ts';
import { StartError } from '../../src/emu/command-line/start-error.ts';
import { readFileText } from '../../src/node/output-file.ts';
import { runMachine } from '../../src/node/session.ts';
import { makeCliFiles } from '../support/cli-cases.ts';

interface Recording {
  readonly args: readonly string[];
  readonly stderr: string;
}

const recordings = readFileSync('tests/golden/cli/errors.txt', 'utf8')
  .split(/\n(?=\$ )/)
  .map((text): Recording => {
    const [, args = '', stderr = ''] = /^\$ (.*)\n([\s\S]*)=> 1\n$/.exec(text) ?? [];
    return { args: JSON.parse(args), stderr };
  });

/** Standard error of a command line that cannot be started. */
async function refusal(args: readonly string[]): Promise<string> {
  let printed = '';
  const print = (text: string): void => {
    printed += `${text}\n`;
  };
  try {
    const wanted = readCommandLine(args, print, readFileText);
    if ('text' in wanted) return wanted.status === 1 ? printed : `${wanted.text} is no refusal`;
    await runMachine(wanted, print);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    print(error.message);
  }
  return printed;
}

describe('what QEMU refuses is refused in its words', () => {
  const home = process.cwd();
  let folder = '';
  beforeAll(() => {
    folder = makeCliFiles();
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(recordings)('$args', async ({ args, stderr }) => {
    expect(await refusal(args)).toBe(stderr.replaceAll('qemu-system-x86_64', 'hotslot-system-x86_64'));
  });
});
