/** What a teacher's class does to one shell in an afternoon. */
import { it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { endJobs } from '../support/shell-jobs.ts';

it("the guest's shell is the same after a hundred background jobs", { timeout: 600_000 }, async () => {
  const guest = await HeadlessGuest.atPrompt({ images: memoryImages() });
  await endJobs(guest, 100);
  await guest.end();
});
