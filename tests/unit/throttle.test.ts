/** Limits of drives: what may go when, in virtual time. The numbers follow from QEMU's docs/throttle.txt; scripts/record-throttle.ts measured others on QEMU. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Direction } from '../../src/emu/block/block-transfer.ts';
import { ThrottleGroups, type ThrottleMember } from '../../src/emu/block/throttle-groups.ts';
import {
  type Limit,
  type LimitName,
  limitsError,
  limitsOf,
  NO_LIMIT,
  type ThrottleLimits,
} from '../../src/emu/block/throttle-limits.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';

const S = 1e9;

function limits(given: Partial<Record<LimitName, Partial<Limit>>>, iopsSize = 0): ThrottleLimits {
  return limitsOf((name) => ({ ...NO_LIMIT, ...given[name] }), iopsSize);
}

function rig() {
  const time = { ns: 0 };
  const clock = new EventQueue(() => time.ns);
  const groups = new ThrottleGroups(clock);
  const gone: string[] = [];
  /** Asks for one request; it is noted when it goes. */
  const ask = (member: ThrottleMember, name: string, bytes: number, direction: Direction = 'read'): void => {
    const note = (): void => void gone.push(`${name}@${(time.ns / S).toFixed(3)}`);
    if (member.admit(direction, { bytes, go: note })) note();
  };
  /** Goes from deadline to deadline up to `ns`. */
  const run = (ns: number): void => {
    while (clock.nextDeadlineNs() <= ns) {
      time.ns = Math.max(time.ns, clock.nextDeadlineNs());
      clock.runDue();
    }
    time.ns = ns;
  };
  return { time, clock, groups, gone, ask, run };
}

describe('one drive', () => {
  it('goes on as its rate allows, after a tenth of a second at once', () => {
    const { groups, gone, ask, run } = rig();
    const member = groups.join('g', limits({ bps: { avg: 1000 } }));
    for (let n = 0; n < 5; n++) ask(member, `r${n}`, 100);
    run(2 * S);
    // A request goes while the bucket has no more than 100 in it, whatever it adds.
    expect(gone).toEqual(['r0@0.000', 'r1@0.000', 'r2@0.100', 'r3@0.200', 'r4@0.300']);
  });

  it('counts requests, and large ones as several', () => {
    const { groups, gone, ask, run } = rig();
    const member = groups.join('g', limits({ iops: { avg: 10 } }, 4096));
    ask(member, 'a', 512);
    ask(member, 'b', 16384);
    ask(member, 'c', 512);
    run(2 * S);
    expect(gone).toEqual(['a@0.000', 'b@0.000', 'c@0.400']);
  });

  it('has limits for each direction', () => {
    const { groups, gone, ask, run } = rig();
    const member = groups.join('g', limits({ iops_rd: { avg: 1 }, bps_wr: { avg: 1000 } }));
    for (const name of ['r0', 'r1', 'r2']) ask(member, name, 4096);
    for (const name of ['w0', 'w1', 'w2']) ask(member, name, 1000, 'write');
    run(4 * S);
    // A tenth of a request is in the bucket's size: a second one waits for the rest.
    const of = (kind: string): string[] => gone.filter((name) => name.startsWith(kind));
    expect(of('r')).toEqual(['r0@0.000', 'r1@0.900', 'r2@1.900']);
    expect(of('w')).toEqual(['w0@0.000', 'w1@0.900', 'w2@1.900']);
  });

  it('may burst, for as long as it is allowed, and no faster', () => {
    const { groups, gone, ask, run } = rig();
    const member = groups.join('g', limits({ iops: { avg: 10, max: 100, length: 2 } }));
    for (let n = 0; n < 400; n++) ask(member, `r${n}`, 512);
    run(60 * S);
    const at = gone.map((text) => Number(text.split('@')[1]));
    const within = (second: number): number => at.filter((time) => time < second).length;
    // Ten at once, then a hundred a second until 200 more than the long rate are used, then ten a second.
    expect(within(0.0005)).toBe(11);
    expect(within(1)).toBe(110);
    expect(within(2)).toBe(210);
    expect(within(12) - within(11)).toBe(10);
    expect(at).toHaveLength(400);
  });

  it('lets what waits go when the limits go', () => {
    const { groups, gone, ask, run, clock } = rig();
    const member = groups.join('g', limits({ iops: { avg: 1 } }));
    for (const name of ['a', 'b', 'c']) ask(member, name, 1);
    member.leave();
    expect(gone).toEqual(['a@0.000', 'b@0.000', 'c@0.000']);
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
    run(S);
    // Its group is gone: another one of that name begins with empty buckets.
    ask(groups.join('g', limits({ iops: { avg: 1 } })), 'd', 1);
    expect(gone.at(-1)).toBe('d@1.000');
  });

  it('lets the first go at once under new limits, and the others by them', () => {
    const { groups, gone, ask, run, time } = rig();
    const member = groups.join('g', limits({ iops: { avg: 1 } }));
    for (const name of ['a', 'b', 'c']) ask(member, name, 1);
    time.ns = 0.1 * S;
    member.group.setLimits(limits({ iops: { avg: 100 } }));
    run(S);
    expect(gone).toEqual(['a@0.000', 'b@0.100', 'c@0.100']);
  });

  it('gives up what waits to be carried out at once, and counts it', () => {
    const { groups, ask, run, gone, clock } = rig();
    const member = groups.join('g', limits({ iops: { avg: 10 } }));
    for (const name of ['a', 'b', 'c', 'd', 'e']) ask(member, name, 512);
    expect(member.takeAll()).toHaveLength(3);
    expect(member.takeAll()).toEqual([]);
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
    ask(member, 'f', 512);
    run(S);
    expect(gone).toEqual(['a@0.000', 'b@0.000', 'f@0.400']);
  });

  it('forgets what nobody waits for', () => {
    const { groups, gone, ask, run } = rig();
    const member = groups.join('g', limits({ iops: { avg: 1 } }));
    for (const name of ['a', 'b', 'c']) ask(member, name, 1);
    member.withdraw(() => false);
    run(10 * S);
    expect(gone).toEqual(['a@0.000']);
  });
});

describe('drives of one group', () => {
  it('share its limits, and take turns', () => {
    const { groups, gone, ask, run } = rig();
    const [one, two] = [
      groups.join('g', limits({ iops: { avg: 10 } })),
      groups.join('g', limits({ iops: { avg: 10 } })),
    ];
    for (const name of ['a0', 'a1', 'a2', 'a3']) ask(one, name, 1);
    for (const name of ['b0', 'b1']) ask(two, name, 1);
    run(S);
    expect(gone.map((text) => text.slice(0, 2))).toEqual(['a0', 'a1', 'a2', 'b0', 'a3', 'b1']);
    expect(gone.at(-1)).toBe('b1@0.400');
  });

  it('go on after a restore when they would have gone', () => {
    const { groups, gone, ask, run, time } = rig();
    const member = groups.join('g', limits({ bps: { avg: 1000 } }));
    for (const name of ['a', 'b', 'c', 'd']) ask(member, name, 333);
    time.ns = 0.2 * S;
    const saved = structuredClone(member.group.save());
    run(3 * S);
    const again = rig();
    again.time.ns = 0.2 * S;
    const restored = again.groups.join('g', limits({ bps: { avg: 1000 } }));
    restored.group.restore(saved);
    for (const name of ['b', 'c', 'd']) again.ask(restored, name, 333);
    again.run(3 * S);
    expect(again.gone).toEqual(gone.slice(1));
    expect(again.gone).toHaveLength(3);
  });
});

describe('limits that make no sense', () => {
  it.each([
    [{ bps: { avg: 1 }, bps_rd: { avg: 1 } }, 'total values and read/write values'],
    [{ iops: { avg: 1 }, iops_wr: { avg: 1 } }, 'total values and read/write values'],
    [{ bps: { avg: 1, max: 2, length: 0 } }, 'the burst length cannot be 0'],
    [{ bps: { avg: 1, length: 2 } }, 'burst length set without burst rate'],
    [{ bps: { avg: 2, max: 1 } }, 'cannot be lower than bps/iops'],
    [{ bps: { max: 1 } }, 'require corresponding bps/iops values'],
    [{ bps: { avg: 1e15 + 1 } }, 'within [0, 1000000000000000]'],
  ] as const)('%j', (given, text) => {
    expect(limitsError(limits(given))?.message).toContain(text);
  });
});

interface Measured {
  readonly name: string;
  /** As of block_set_io_throttle. */
  readonly limits: Readonly<Record<string, number>>;
  readonly requests: readonly (readonly [direction: Direction, bytes: number])[];
  /** When each next one of them was done, on a host with other work. */
  readonly doneMs: readonly number[];
}

const GOLDEN = new URL('../golden/block/throttle.jsonl', import.meta.url);
const MEASURED = readFileSync(GOLDEN, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Measured);
/** QEMU was asked every few milliseconds, and the first of many requests waited for the last to be asked for. */
const TOLERANCE_MS = 40;

describe('requests go when QEMU lets them go', () => {
  it.each(MEASURED.map((measured) => [measured.name, measured] as const))('%s', (_, measured) => {
    const { limits: asked, requests, doneMs } = measured;
    const { groups, ask, run, gone } = rig();
    const given = (name: string, byDefault: number): number => asked[name] ?? byDefault;
    const member = groups.join(
      'g',
      limitsOf(
        (name) => ({
          ...{ avg: given(name, 0), max: given(`${name}_max`, 0), length: given(`${name}_max_length`, 1) },
        }),
        given('iops_size', 0),
      ),
    );
    for (const [direction, bytes] of requests) ask(member, direction, bytes, direction);
    run(60 * S);
    const ours = gone.map((text) => 1000 * Number(text.split('@')[1]));
    expect(ours).toHaveLength(doneMs.length);
    const wrong = ours.filter((ms, at) => Math.abs(ms - (doneMs[at] ?? 0)) > TOLERANCE_MS);
    expect(wrong, ours.join()).toEqual([]);
  });
});
