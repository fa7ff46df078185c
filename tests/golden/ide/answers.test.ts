/** Plays the recorded sessions to our ATA devices: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { repeated } from '../../../scripts/qtest-lines.ts';
import type { Machine } from '../../../src/emu/index.ts';
import { ideRig } from '../../support/ide-rig.ts';
import { SECTOR } from './ide-driver.ts';
import { type IdeRecord, type IdeSession, imageBytes, SESSIONS } from './sessions.ts';

const RECORDS: Readonly<Record<string, IdeRecord>> = JSON.parse(
  readFileSync(new URL('answers.json', import.meta.url), 'utf8'),
);

interface Played {
  readonly asked: readonly string[];
  readonly said: readonly string[];
}

async function play({ arguments: args, images, lines }: IdeSession): Promise<Played> {
  const { machine, monitor, ask } = await ideRig(
    args,
    images.map((sectors) => ({ sizeBytes: sectors * SECTOR, bytes: imageBytes(sectors) })),
  );
  const asked: string[] = [];
  const said: string[] = [];
  for (const line of lines) {
    const own = line.replace(/@(\d)/g, '/tmp/ide$1.img');
    const isHmp = line.startsWith('hmp ');
    const answer = isHmp ? await monitor.execute(own.slice('hmp '.length)) : await repeated(own, ask);
    if (line.startsWith('clock_step ')) await settled(machine);
    else if (answer !== '') {
      asked.push(line);
      said.push(answer.replace(/#block\d+/g, '#block'));
    }
  }
  await machine.close();
  return { asked, said };
}

/** What the disks have to do is done. */
async function settled({ drives }: Machine): Promise<void> {
  do {
    await drives.drained();
    await new Promise((resolve) => setImmediate(resolve));
  } while (drives.busy);
}

describe('ATA devices answer as QEMU 7.2', () => {
  it.each(SESSIONS.map((session) => [session.name, session] as const))('%s', async (name, session) => {
    const { asked, said } = await play(session);
    // Each with its line, so that a difference shows where it is.
    const told = (answers: readonly string[]) => answers.map((answer, at) => `${asked[at]}: ${answer}`);
    expect(told(said)).toEqual(told(RECORDS[name] ?? []));
  });
});
