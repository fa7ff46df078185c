import { expect, it } from 'vitest';
import { ManualClock } from '../support/chip-rig.ts';

it('timers of one deadline run in the order in which they were made, however they were armed', () => {
  const clock = new ManualClock();
  const ran: string[] = [];
  const timers = [...'abcd'].map((name) => clock.timer(() => ran.push(name)));
  const arm = (order: readonly number[], ns: number): void => {
    for (const at of order) timers[at]?.arm(ns);
  };
  arm([2, 0, 3, 1], 10);
  arm([3], 5);
  arm([3], 10);
  clock.step(10);
  expect(ran.join('')).toBe('abcd');
  arm([1, 3], 20);
  arm([0], 30);
  arm([2], 20);
  clock.step(20);
  expect(ran.join('')).toBe('abcdbcda');
});
