/** Plays the recorded sessions to our controllers: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Monitor } from '../../../src/emu/index.ts';
import { qtestRig } from '../../support/qtest-rig.ts';
import { SESSIONS, type UsbRecord } from './sessions.ts';

const RECORDS: Readonly<Record<string, UsbRecord>> = JSON.parse(
  readFileSync(new URL('answers.json', import.meta.url), 'utf8'),
);

interface Played {
  readonly asked: readonly string[];
  readonly said: readonly string[];
}

async function play(lines: readonly string[]): Promise<Played> {
  const { machine, ask } = qtestRig();
  const monitor = new Monitor({ machine });
  const asked: string[] = [];
  const said: string[] = [];
  for (const line of lines) {
    const isHmp = line.startsWith('hmp ');
    const answer = isHmp ? await monitor.execute(line.slice('hmp '.length)) : ask(line);
    if (answer !== '' && !line.startsWith('clock_step ')) {
      asked.push(line);
      said.push(answer);
    }
  }
  return { asked, said };
}

describe('USB answers as QEMU', () => {
  it.each(SESSIONS.map(({ name, lines }) => [name, lines] as const))('%s', async (name, lines) => {
    const { asked, said } = await play(lines);
    // Each with its line, so that a difference shows where it is.
    const told = (answers: readonly string[]) => answers.map((answer, at) => `${asked[at]}: ${answer}`);
    expect(said.length).toBeGreaterThan(100);
    expect(told(said)).toEqual(told(RECORDS[name] ?? []));
  });
});
