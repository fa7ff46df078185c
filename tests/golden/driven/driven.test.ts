/** Machines that are driven over qtest, watched over QMP: `scripts/record-driven.ts` recorded what QEMU 7.2 says to each step. */
import { describe, expect, it } from 'vitest';
import { play, recorded } from './play.ts';
import { DRIVEN_SESSIONS } from './sessions.ts';

describe('a driven machine answers as QEMU', () => {
  it.each(DRIVEN_SESSIONS.map((session) => [session.name, session] as const))('%s', async (name, session) => {
    expect(await play(session)).toEqual(recorded(name));
  });
});
