/** What the user network answers, frame by frame, beside what QEMU 7.2 answered: `scripts/record-usernet.ts` recorded that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hex } from '../../support/guest-frames.ts';
import { userNetRig } from '../../support/user-net-rig.ts';
import { NET_SESSIONS, type NetRecord } from './sessions.ts';

const RECORDS = JSON.parse(readFileSync(join(import.meta.dirname, 'usernet.json'), 'utf8')) as Record<
  string,
  NetRecord
>;

describe('frames', () => {
  it.each(NET_SESSIONS)('$name', async ({ name, options, frames }) => {
    const { ask } = await userNetRig(options);
    for (const [at, frame] of frames.entries()) {
      expect.soft(ask(frame).map(hex), `frame ${at}`).toEqual(RECORDS[name]?.[at]);
    }
  });
});
