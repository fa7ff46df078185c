/** Plays the recorded sessions to our ATA devices: every answer is QEMU's. */
import { describe } from 'vitest';
import { answersAsQemu } from '../../support/disk-sessions.ts';
import { SESSIONS } from './sessions.ts';

describe('ATA devices answer as QEMU 7.2', () => {
  answersAsQemu(SESSIONS, new URL('answers.json', import.meta.url));
});
