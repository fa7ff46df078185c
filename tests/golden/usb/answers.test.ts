/** Plays the recorded sessions to our controllers: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Machine, Monitor } from '../../../src/emu/index.ts';
import { memoryImages } from '../../support/headless-guest.ts';
import { qtestRig } from '../../support/qtest-rig.ts';
import type { UsbRecord } from './session.ts';
import { SESSIONS } from './sessions.ts';
import { IMAGE } from './storage-sessions.ts';

const RECORDS: Readonly<Record<string, UsbRecord>> = JSON.parse(
  readFileSync(new URL('answers.json', import.meta.url), 'utf8'),
);

const NS_PER_MS = 1_000_000;

interface Played {
  readonly asked: readonly string[];
  readonly said: readonly string[];
}

/** QEMU's world goes on while its disks are at work. */
async function untilStored({ drives }: Machine, pass: () => void): Promise<void> {
  while (drives.busy) {
    await drives.drained();
    pass();
  }
}

async function play(lines: readonly string[]): Promise<Played> {
  const images = memoryImages();
  await images.createEmpty(IMAGE.path, IMAGE.bytes);
  const { machine, ask } = qtestRig({}, images);
  const monitor = new Monitor({ machine });
  const asked: string[] = [];
  const said: string[] = [];
  for (const line of lines) {
    const isHmp = line.startsWith('hmp ');
    const answer = isHmp ? await monitor.execute(line.slice('hmp '.length)) : ask(line);
    if (line.startsWith('clock_step ')) await untilStored(machine, () => ask(`clock_step ${NS_PER_MS}`));
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
    expect(said.length).toBeGreaterThan(5);
    expect(told(said)).toEqual(told(RECORDS[name] ?? []));
  });
});
