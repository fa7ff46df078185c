import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_MAX, HostTime, InstructionTime } from '../../src/emu/machine/virtual-clock.ts';

const MS = 1e6;
const S = 1e9;

function rig() {
  const host = { ns: 5 * S, retired: 0 };
  const time = new HostTime(
    { monotonicNs: () => host.ns, wallClockMs: () => 0, random() {} },
    () => host.retired,
  );
  time.start();
  /** The engine runs `instructions` while `ns` go by. */
  const run = (instructions: number, ns: number): number => {
    time.sync(true);
    host.ns += ns;
    host.retired += instructions;
    const now = time.nowNs();
    time.sync(false);
    expect(time.nowNs()).toBe(now);
    return now;
  };
  return { host, time, run };
}

describe('time that follows the host', () => {
  it('is that of the host while the guest runs or sleeps, and stands still while it is stopped', () => {
    const { host, time, run } = rig();
    expect(run(40_000, 0.5 * MS)).toBe(0.5 * MS);
    host.ns += 30 * MS;
    expect(time.nowNs()).toBe(30.5 * MS);
    time.stop();
    host.ns += S;
    expect(time.nowNs()).toBe(30.5 * MS);
    time.start();
    host.ns += MS;
    expect(time.nowNs()).toBe(31.5 * MS);
  });

  it('gives a guest that the host kept waiting no more than 100 ns for an instruction, until it has caught up', () => {
    const { time, run } = rig();
    expect(run(10_000, 8 * MS)).toBe(1 * MS);
    expect(time.budget(40_000)).toBe(5000);
    expect(run(5000, 0.1 * MS)).toBe(1.5 * MS);
    for (let n = 0; n < 20; n++) run(5000, 0.1 * MS);
    expect(time.nowNs()).toBeCloseTo(8 * MS + 21 * 0.1 * MS);
    expect(time.budget(40_000)).toBe(40_000);
  });

  it('catches up at once when the guest idles', () => {
    const { time, run } = rig();
    run(10_000, 8 * MS);
    expect(time.skipTo()).toBe(true);
    expect(time.nowNs()).toBe(8 * MS);
    expect(time.skipTo()).toBe(false);
  });

  it('leaps over the freeze of a tab in steps, between which the guest runs', () => {
    const { host, time, run } = rig();
    run(10_000, 0.5 * MS);
    host.ns += 60 * S;
    const steps = [time.nowNs()];
    while (time.skipTo()) {
      steps.push(time.nowNs());
      run(100, 0);
    }
    expect(time.nowNs()).toBe(60 * S + 0.5 * MS);
    expect(steps.length).toBeGreaterThanOrEqual(8);
    for (const [n, at] of steps.entries()) expect(at - (steps[n - 1] ?? 0)).toBeLessThanOrEqual(8.01 * S);
  });

  it('leaps so for a guest that never idles, too', () => {
    const { time, run } = rig();
    run(10_000, 60 * S);
    let last = time.nowNs();
    let leaptAt = 0;
    for (let n = 0; n < 3000; n++) {
      const now = run(5000, 0.1 * MS);
      expect(now - last).toBeLessThan(5 * S);
      if (now - last > S) {
        expect(n - leaptAt).toBeGreaterThanOrEqual(leaptAt === 0 ? 0 : 200);
        leaptAt = n;
      }
      last = now;
    }
    expect(last).toBeGreaterThan(50 * S);
  });

  it('never goes back nor outruns the host', () => {
    const step = fc.record({
      kind: fc.constantFrom('run', 'sleep', 'idle', 'stop'),
      instructions: fc.nat(50_000),
      ms: fc.oneof(
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.double({ min: 0, max: 100_000, noNaN: true }),
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { host, time, run } = rig();
        let stoppedNs = 0;
        const actions: Readonly<Record<string, (instructions: number, ns: number) => void>> = {
          run,
          idle: () => time.skipTo(),
          sleep: (_, ns) => {
            host.ns += ns;
          },
          stop: (_, ns) => {
            time.stop();
            host.ns += ns;
            stoppedNs += ns;
            time.start();
          },
        };
        let last = 0;
        for (const { kind, instructions, ms } of steps) {
          actions[kind]?.(instructions, ms * MS);
          const now = time.nowNs();
          expect(now).toBeGreaterThanOrEqual(last);
          expect(now).toBeLessThanOrEqual(host.ns - 5 * S - stoppedNs + 1);
          last = now;
        }
      }),
    );
  });
});

describe('time that counts instructions', () => {
  it('ends a run at the next deadline and skips what is idle', () => {
    let retired = 0;
    const time = new InstructionTime(() => retired, 3);
    expect(time.budget(1, 8000)).toBe(1000);
    expect(time.budget(1, 1)).toBe(1);
    expect(time.budget(1, Number.POSITIVE_INFINITY)).toBe(CHUNK_MAX);
    retired = 500;
    expect(time.skipTo(Number.POSITIVE_INFINITY)).toBe(false);
    expect(time.skipTo(10_000)).toBe(true);
    expect(time.nowNs()).toBe(10_000);
  });
});
