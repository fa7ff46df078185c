/** What the user network answers, frame by frame, beside what QEMU 7.2 answered: `scripts/record-usernet.ts` recorded that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hex } from '../../support/guest-frames.ts';
import { userNetRig } from '../../support/user-net-rig.ts';
import { NET_SESSIONS, type NetRecord, TFTP_FILES } from './sessions.ts';

const RECORDS = JSON.parse(readFileSync(join(import.meta.dirname, 'usernet.json'), 'utf8')) as Record<
  string,
  NetRecord
>;

describe('frames', () => {
  it.each(NET_SESSIONS)('$name', async ({ name, options, frames }) => {
    const { ask, host, pass } = await userNetRig(options);
    for (const [file, content] of Object.entries(TFTP_FILES)) host.files.set(`tftp/${file}`, content);
    for (const [at, frame] of frames.entries()) {
      const heard = ask(frame);
      // What a file of the host's holds is known a little later.
      await new Promise(setImmediate);
      expect.soft([...heard, ...pass()].map(hex), `frame ${at}`).toEqual(RECORDS[name]?.[at]);
    }
  });
});
