import { SHELL_SETUP } from './guest-waits.ts';
import type { HeadlessGuest } from './headless-guest.ts';

/** Many times what a boot takes: other work may share the processors. */
export const BOOT_SECONDS = 400;

/** Awaits a shell that was just started and makes it quiet, so that `ask` gives answers only. */
export async function awaitPrompt(guest: HeadlessGuest): Promise<void> {
  await guest.until('guest# ', BOOT_SECONDS);
  await guest.run(SHELL_SETUP);
  await guest.run('true');
}
