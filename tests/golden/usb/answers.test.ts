/** Plays the recorded sessions to our controllers: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Monitor } from '../../../src/emu/index.ts';
import { qtestRig } from '../../support/qtest-rig.ts';
import { SESSIONS, type UsbRecord } from './sessions.ts';

const RECORDS: Readonly<Record<string, UsbRecord>> = JSON.parse(
  readFileSync(new URL('answers.json', import.meta.url), 'utf8'),
);

/** The answers, each with its line, so that a difference shows where it is. */
async function play(lines: readonly string[]): Promise<readonly string[]> {
  const { machine, ask } = qtestRig();
  const monitor = new Monitor({ machine });
  const said: string[] = [];
  for (const line of lines) {
    const isHmp = line.startsWith('hmp ');
    const answer = isHmp ? await monitor.execute(line.slice('hmp '.length)) : ask(line);
    if (answer !== '' && !line.startsWith('clock_step ')) said.push(`${line}: ${answer}`);
  }
  return said;
}

/** QEMU's answers with the lines that have one: those that ours have, or all that ask. */
function expected(lines: readonly string[], record: UsbRecord, ours: readonly string[]): readonly string[] {
  void lines;
  return record.map((answer, at) => `${ours[at]?.split(': ')[0]}: ${answer}`);
}

describe('USB answers as QEMU', () => {
  it.each(SESSIONS.map(({ name, lines }) => [name, lines] as const))('%s', async (name, lines) => {
    const ours = await play(lines);
    expect(ours).toEqual(expected(lines, RECORDS[name] ?? [], ours));
  });
});
