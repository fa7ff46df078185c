/** Background jobs that end while their user types: line editing and the shell must outlive them. */
import { expect } from 'vitest';
import type { HeadlessGuest } from './headless-guest.ts';

/** Ends so many jobs at moments of their own while a line is typed, and finds the same shell with all that it had. */
export async function endJobs(guest: HeadlessGuest, jobs: number): Promise<void> {
  await guest.run('stty echo; cd /tmp; kept=variable; shell=$$; sleep 1000 &');
  for (let job = 0; job < jobs; job++) {
    await guest.run(`(usleep $((RANDOM % 60 * 1000)); dd if=/dev/zero of=/dev/null count=1 2> /dev/null) &`);
    guest.type('echo half a li');
    await guest.until('half a li', 30);
    guest.type('ne\x15');
  }
  await guest.run('stty -echo');
  await guest.run('wait $(jobs -p | tail -n +2)');
  expect(await guest.ask('[ $$ = $shell ] && echo $kept $(pwd) $0')).toMatch(/^variable \/tmp -\S*bash$/m);
  expect(await guest.ask('jobs')).toMatch(/Running +sleep 1000 &/);
  await guest.run('kill %1; wait; cd');
}
