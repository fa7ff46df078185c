import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_MAX, HostTime, InstructionTime } from '../../src/emu/machine/virtual-clock.ts';

const MS = 1e6;
const S = 1e9;
const START_NS = 5 * S;
const NEVER = Number.POSITIVE_INFINITY;
/** The most that time may be given after a stall beyond twice the host's. */
const CREDIT_NS = 200 * MS;

function rig() {
  const host = { ns: START_NS, retired: 0 };
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
  /** The guest is halted until `deadlineNs`, and the host waits for `ns`. */
  const idle = (deadlineNs: number, ns: number): number => {
    while (time.skipTo(deadlineNs));
    host.ns += ns;
    return time.nowNs();
  };
  return { host, time, run, idle };
}

describe('time that follows the host', () => {
  it('is that of the host while the guest runs or is halted, and stands still while it is stopped', () => {
    const { host, time, run, idle } = rig();
    expect(run(40_000, 0.5 * MS)).toBe(0.5 * MS);
    expect(idle(NEVER, 30 * MS)).toBe(30.5 * MS);
    time.stop();
    host.ns += S;
    expect(time.nowNs()).toBe(30.5 * MS);
    time.start();
    expect(idle(NEVER, MS)).toBe(31.5 * MS);
  });

  it('gives a guest on a slow host no more than 100 ns for an instruction', () => {
    const { run } = rig();
    for (let n = 1; n <= 1000; n++) expect(run(10_000, 8 * MS)).toBe(n * MS);
  });

  it('catches up with twice the speed while the guest is busy', () => {
    const { host, time, run } = rig();
    run(0, 10 * S);
    const before = run(400_000, 4 * MS);
    for (let n = 0; n < 1000; n++) run(400_000, 4 * MS);
    expect(time.nowNs() - before).toBeGreaterThanOrEqual(8 * S);
    expect(time.nowNs() - before).toBeLessThanOrEqual(8 * S + CREDIT_NS);
    for (let n = 0; n < 2000; n++) run(400_000, 4 * MS);
    expect(time.nowNs()).toBe(host.ns - START_NS);
  });

  it('goes with the host on a core that other programs take for most of the time', () => {
    const { host, time, run } = rig();
    for (let n = 0; n < 1000; n++) {
      for (let chunk = 0; chunk < 40; chunk++) run(20_000, 0.5 * MS);
      run(20_000, 60 * MS);
    }
    expect(host.ns - START_NS - time.nowNs()).toBeLessThan(100 * MS);
  });

  it('catches up at once when the guest is halted, and passes no deadline on the way', () => {
    const { host, time, run } = rig();
    run(10_000, 60 * S);
    for (let deadlineNs = 4 * S; deadlineNs <= 60 * S; deadlineNs += 4 * S) {
      expect(time.skipTo(deadlineNs)).toBe(true);
      expect(time.nowNs()).toBe(deadlineNs);
      run(100, 0);
    }
    expect(time.skipTo(NEVER)).toBe(false);
    expect(time.nowNs()).toBe(host.ns - START_NS);
  });

  it('stands at the deadline when the host wakes up too late', () => {
    const { host, time, idle } = rig();
    expect(idle(20 * MS, 60 * S)).toBe(20 * MS);
    expect(time.skipTo(30 * MS)).toBe(true);
    expect(time.nowNs()).toBe(30 * MS);
    expect(idle(NEVER, 0)).toBe(host.ns - START_NS);
  });

  it('never leaps while a guest is busy, however long the host stalled', () => {
    const { run } = rig();
    let last = run(10_000, 60 * S);
    for (let n = 0; n < 30_000; n++) {
      const now = run(5000, 0.1 * MS);
      expect(now - last).toBeLessThanOrEqual(0.5 * MS);
      last = now;
    }
  });

  it('has no stall between two instructions, as between reads of two clocks', () => {
    const { host, time, run } = rig();
    const before = run(100, 10_000);
    host.ns += 50 * MS;
    expect(time.nowNs()).toBe(before);
    time.sync(true);
    expect(time.nowNs()).toBe(before);
    host.ns += 50 * MS;
    host.retired += 10;
    expect(time.nowNs()).toBe(before + 1000);
  });

  it('has none in the midst of a chunk either, however many instructions came before', () => {
    const { host, time } = rig();
    time.sync(true);
    host.ns += 0.1 * MS;
    host.retired += 20_000;
    expect(time.nowNs()).toBe(0.1 * MS);
    host.ns += 50 * MS;
    host.retired += 10;
    expect(time.nowNs()).toBe(0.1 * MS + 1000);
  });

  it("stands still while the host's clock goes backwards", () => {
    const { host, time, idle } = rig();
    const before = idle(NEVER, S);
    host.ns -= 0.5 * S;
    expect(time.nowNs()).toBe(before);
    expect(idle(NEVER, S)).toBe(before + S);
  });

  it('gives up what a host that slept for hours took, and says how much', () => {
    const { host, time, run } = rig();
    run(10_000, MS);
    host.ns += 3600 * S;
    run(10_000, MS);
    expect(time.nowNs()).toBeLessThanOrEqual(2 * MS);
    expect(time.takeLostNs() + time.nowNs()).toBe(host.ns - START_NS);
    expect(time.takeLostNs()).toBe(0);
    expect(run(400_000, 4 * MS)).toBeLessThanOrEqual(6 * MS);
  });

  it('never goes back, outruns the host nor leaps while the guest is busy', () => {
    const stallNs = fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      fc.integer({ min: 0, max: 100 * MS }),
      fc.integer({ min: 0, max: 100 * S }),
    );
    interface Step {
      readonly kind: string;
      readonly instructions: number;
      readonly mips: number;
      readonly inside: number;
      readonly between: number;
      readonly deadlineNs: number;
    }
    const step: fc.Arbitrary<Step> = fc.record({
      kind: fc.constantFrom('busy', 'busy', 'busy', 'idle', 'backwards', 'stop'),
      instructions: fc.integer({ min: 1, max: 400_000 }),
      mips: fc.integer({ min: 1, max: 500 }),
      inside: stallNs,
      between: stallNs,
      deadlineNs: fc.integer({ min: 1, max: 10 * S }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { host, time, run, idle } = rig();
        /** What the host's clock did forwards while the guest was not stopped. */
        let passedNs = 0;
        const wait = (ns: number): number => {
          passedNs += ns;
          return ns;
        };
        const actions: Readonly<Record<string, (step: Step) => void>> = {
          busy: ({ instructions, mips, inside }) =>
            run(instructions, wait(Math.ceil((instructions * 1000) / mips) + inside)),
          idle: ({ deadlineNs, inside }) => {
            const deadline = time.nowNs() + deadlineNs;
            expect(idle(deadline, wait(inside))).toBeLessThanOrEqual(deadline);
          },
          backwards: ({ inside }) => {
            host.ns -= inside;
          },
          stop: ({ inside }) => {
            time.stop();
            host.ns += inside;
            time.start();
          },
        };
        let last = 0;
        let wasBusy = false;
        /** When the guest began to be busy. */
        let from = { ns: 0, passedNs: 0, retired: 0 };
        for (const step of steps) {
          host.ns += wait(step.between);
          const before = { ns: time.nowNs(), passedNs, retired: host.retired };
          if (!wasBusy) from = before;
          wasBusy = step.kind === 'busy';
          actions[step.kind]?.(step);
          const now = time.nowNs();
          expect(now).toBeGreaterThanOrEqual(last);
          expect(now).toBeLessThanOrEqual(passedNs);
          last = now;
          if (!wasBusy) continue;
          expect(now - from.ns).toBeLessThanOrEqual((host.retired - from.retired) * 100);
          expect(now - from.ns).toBeLessThanOrEqual((passedNs - from.passedNs) * 2 + CREDIT_NS);
        }
      }),
      { seed: 1, numRuns: 1000 },
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
