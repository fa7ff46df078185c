/** Plays the recorded sessions to our floppy controller and its DMA channel: every answer is QEMU's. */
import { describe } from 'vitest';
import { answersAsQemu } from '../../support/disk-sessions.ts';
import { FLOPPY_SESSIONS } from './sessions.ts';

describe('the floppy controller answers as QEMU 7.2', () => {
  answersAsQemu(FLOPPY_SESSIONS, new URL('answers.json', import.meta.url));
});
