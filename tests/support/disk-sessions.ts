/** Plays recorded sessions of disks, whatever their controller, to a machine of ours. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { repeated } from '../../scripts/qtest-lines.ts';
import type { Machine } from '../../src/emu/index.ts';
import { SECTOR } from '../golden/ide/ide-driver.ts';
import { type DiskSession, type IdeRecord, imageBytes } from '../golden/ide/sessions.ts';
import { ideRig } from './ide-rig.ts';

interface Played {
  readonly asked: readonly string[];
  readonly said: readonly string[];
}

async function play({ arguments: args, images, lines }: DiskSession): Promise<Played> {
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
    // QEMU's disks are as quick as the driver.
    if (line.startsWith('clock_step ') || machine.drives.busy) await settled(machine);
    if (line.startsWith('clock_step ')) continue;
    if (answer !== '') {
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

/** A test for each session. @param answers the file with those of QEMU's */
export function answersAsQemu(sessions: readonly DiskSession[], answers: URL): void {
  const records: Readonly<Record<string, IdeRecord>> = JSON.parse(readFileSync(answers, 'utf8'));
  it.each(sessions.map((session) => [session.name, session] as const))('%s', async (name, session) => {
    const { asked, said } = await play(session);
    // Each with its line, so that a difference shows where it is.
    const told = (all: readonly string[]) => all.map((answer, at) => `${asked[at]}: ${answer}`);
    expect(told(said)).toEqual(told(records[name] ?? []));
  });
}
