import { describe, expect, it } from 'vitest';
import { BottomHalf, PORTION, type Portion } from '../../src/emu/core/bottom-half.ts';
import { Budget } from '../../src/emu/core/budget.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { settle } from '../support/virtio-driver.ts';

describe('a bottom half', () => {
  function rig(orders: { left: number }) {
    const time = { ns: 0 };
    const clock = new EventQueue(() => time.ns);
    let done = 0;
    const half = new BottomHalf(clock, (portion: Portion) => {
      while (orders.left > 0 && portion.requests > 0) {
        orders.left--;
        portion.requests--;
        done++;
      }
      return orders.left > 0;
    });
    return { time, clock, half, done: () => done };
  }

  it('does a portion by itself, however often it is kicked, and the rest from the clock', () => {
    const orders = { left: 300 };
    const { clock, half, done } = rig(orders);
    for (let n = 0; n < 1000; n++) half.kick();
    expect(done()).toBe(PORTION.requests);
    clock.runDue();
    expect(done()).toBe(2 * PORTION.requests);
    clock.runDue();
    expect(done()).toBe(300);
    expect(half.save().deadlineNs).toBeNull();
  });

  it('has one portion for many small orders, until its time has passed', () => {
    const orders = { left: 0 };
    const { time, clock, half, done } = rig(orders);
    for (let n = 0; n < 1000; n++) {
      orders.left = 1;
      half.kick();
    }
    expect(done()).toBe(PORTION.requests);
    expect(half.save().deadlineNs).toBe(clock.nowNs());
    clock.runDue();
    expect(done()).toBe(PORTION.requests + 1);
    time.ns += 250_000;
    for (let n = 0; n < 100; n++) {
      orders.left = 1;
      half.kick();
    }
    expect(done()).toBe(PORTION.requests + 101);
  });

  it('goes on from a saved state as it would have', () => {
    const orders = { left: 1000 };
    const first = rig(orders);
    first.half.kick();
    const saved = structuredClone(first.half.save());
    const second = rig({ left: 872 });
    second.half.restore(saved);
    expect(second.half.save()).toEqual(saved);
    second.half.kick();
    expect(second.done()).toBe(0);
    second.clock.runDue();
    expect(second.done()).toBe(PORTION.requests);
  });
});

it('a budget lets so much be under way, in the order in which it was asked, and a larger use alone', async () => {
  const budget = new Budget(10);
  const begun: string[] = [];
  const ends = new Map<string, (fails?: boolean) => void>();
  const use = (name: string, amount: number): Promise<void> =>
    budget.use(amount, () => {
      begun.push(name);
      return new Promise((resolve, reject) => {
        ends.set(name, (fails = false) => (fails ? reject(new Error(name)) : resolve()));
      });
    });
  const all = [use('a', 4), use('b', 6), use('c', 50), use('d', 1), use('e', 9)].map((one) =>
    one.catch(() => {}),
  );
  await settle();
  expect(begun.join('')).toBe('ab');
  ends.get('a')?.(true);
  await settle();
  expect(begun.join('')).toBe('ab');
  ends.get('b')?.();
  await settle();
  expect(begun.join('')).toBe('abc');
  ends.get('c')?.();
  await settle();
  expect(begun.join('')).toBe('abcde');
  for (const name of 'de') ends.get(name)?.();
  await Promise.all(all);
});
