/** The hostile drivers of the network cards' unit tests, for longer: a million accesses each. */
import { expect, it } from 'vitest';
import { HOSTILE_TARGETS, hostileDriver } from '../support/nic-hostile.ts';

it.each(HOSTILE_TARGETS)('a hostile driver cannot break %s', { timeout: 1_800_000 }, (name) => {
  const before = process.memoryUsage().heapUsed;
  for (let seed = 1; seed <= 10; seed++) hostileDriver(name, 100_000, seed);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 << 20);
});
