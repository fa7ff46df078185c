/** Plays the recorded commands to our disks behind virtio-scsi: every answer is QEMU's, but for what is listed with its reason. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SCSI_CASES } from './cases.ts';
import type { ScsiAnswer, ScsiCase, ScsiCommand } from './driver.ts';
import { caseRig } from './rig.ts';

const RECORDS: Readonly<Record<string, readonly ScsiAnswer[]>> = JSON.parse(
  readFileSync(new URL('answers.json', import.meta.url), 'utf8'),
);

const LESS =
  'the driver gave more room than the command asks for: QEMU uses all of it, beyond what it has checked';
const WRITTEN = 'QEMU says that it has written zeros, and has not';

/** What is ours on purpose, by case and command. */
const DIFFERENCES: Readonly<Record<string, readonly [ours: string, why: string]>> = {
  'hd: reads, writes, ranges: READ 10, too much room': [
    'response 0 status 0 residual 512 used 1132 data [01*512][ee*512]',
    LESS,
  ],
  'hd: reads, writes, ranges: WRITE 10, too many bytes': ['response 0 status 0 residual 512 used 1132', LESS],
  'hd: reads, writes, ranges: READ what was beside': [
    'response 0 status 0 residual 0 used 1132 data [af*512][61*512]',
    LESS,
  ],
  'hd: reads, writes, ranges: READ what NDOB wrote': [
    'response 0 status 0 residual 0 used 1644 data [00*1024][52*512]',
    WRITTEN,
  ],
  'hd: blocks of 4096 bytes: READ what was beside': [
    'response 0 status 0 residual 0 used 8300 data [af*4096][08*512][09*512][0a*512][0b*512][0c*512][0d*512][0e*512][0f*512]',
    LESS,
  ],
  'cd: with a disc: READ 10, too much room': [
    'response 0 status 0 residual 2048 used 4204 data [04*512][05*512][06*512][07*512][ee*2048]',
    LESS,
  ],
  'hd: blocks of 4096 bytes: WRITE 10, too many bytes': ['response 0 status 0 residual 4096 used 8300', LESS],
};

async function play(one: ScsiCase): Promise<readonly string[]> {
  const rig = await caseRig(one);
  const answers: string[] = [];
  for (const [n, command] of one.commands.entries()) {
    answers.push(line(n, command, await rig.command(command)));
  }
  return answers;
}

function line(n: number, { name, cdb }: ScsiCommand, answer: string | undefined): string {
  return `${n} ${name} <${cdb}>: ${answer}`;
}

function expected({ name, commands }: ScsiCase): readonly string[] {
  return commands.map((command, n) =>
    line(n, command, DIFFERENCES[`${name}: ${command.name}`]?.[0] ?? RECORDS[name]?.[n]),
  );
}

describe('SCSI disks answer as QEMU 7.2', () => {
  it.each(SCSI_CASES)('$name', async (one) => {
    expect(await play(one)).toEqual(expected(one));
  });
});
