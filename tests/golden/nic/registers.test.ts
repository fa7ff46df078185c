/** Plays the recorded sessions to our network cards: every answer, and every frame that a card sends, is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nicLines } from '../../support/nic-lines.ts';
import { packed } from './packed.ts';
import { NIC_SESSIONS } from './sessions.ts';

const RECORDS: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('answers.json', import.meta.url), 'utf8'),
);

describe('network cards answer as QEMU 7.2', () => {
  it.each(NIC_SESSIONS.map(({ name, lines }) => [name, lines] as const))('%s', async (name, lines) => {
    const { asked, said } = await nicLines(lines);
    // Each with its line, so that a difference shows where it is.
    const told = (answers: readonly string[]) => answers.map((answer, at) => `${at} ${asked[at]}: ${answer}`);
    expect(told(said.map(packed))).toEqual(told((RECORDS[name] ?? []).map(packed)));
  });
});
