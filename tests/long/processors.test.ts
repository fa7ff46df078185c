/** Fifty rounds of what tests/guest/smp.test.ts does twice. */
import { expect, it } from 'vitest';
import { cpuRounds, trouble } from '../support/cpu-rounds.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const ROUNDS = 50;

it(
  'a processor comes, works and goes fifty times, under load',
  async () => {
    const smp = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 };
    const guest = new HeadlessGuest({ images: memoryImages(), config: { smp } });
    await guest.boot();
    await guest.settle();
    await guest.run('( while :; do cat /proc/stat > /dev/null; done ) & disown -a');
    await cpuRounds(guest, { rounds: ROUNDS, before: 1 });
    expect(await trouble(guest)).toBe('');
    await guest.end();
  },
  30 * MINUTES,
);
