import { expect, it } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
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

it('a timer that arms itself again in the past runs once in a call, and holds up no other', () => {
  const clock = new EventQueue(() => 100);
  const ran: string[] = [];
  const again = clock.timer(() => {
    ran.push('again');
    again.arm(0);
  });
  const other = clock.timer(() => ran.push('other'));
  for (const later of [200, 300, 400]) clock.timer(() => {}).arm(later);
  again.arm(0);
  other.arm(50);
  clock.runDue();
  expect(ran).toEqual(['again', 'other']);
  clock.runDue();
  expect(ran).toEqual(['again', 'other', 'again']);
});
