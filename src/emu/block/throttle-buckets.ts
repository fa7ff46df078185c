/**
 * Leaky buckets: a request pours what it moves into the buckets of its direction, they leak at the rates of their limits, and while one of
 * them is too full the next request waits. Spec: QEMU docs/throttle.txt.
 */
import { DEADLINE_NS, finite, record, type StateKind, TIME_NS, tuple } from '../core/state-fields.ts';
import type { Direction } from './block-transfer.ts';
import { LIMIT_NAMES, type Limit, type LimitName, type ThrottleLimits } from './throttle-limits.ts';

const NS_PER_S = 1e9;
/** QEMU: without a rate for bursts a bucket holds what leaks out of it in a tenth of a second; so does the bucket of a burst's own rate. */
const SHORT_BURST = 10;

/** What a request of each direction fills. */
const FILLS: Readonly<Record<Direction, readonly LimitName[]>> = {
  read: ['bps', 'bps_rd', 'iops', 'iops_rd'],
  write: ['bps', 'bps_wr', 'iops', 'iops_wr'],
};

type Level = readonly [level: number, burst: number];

export type BucketsState = {
  readonly levels: readonly [Level, Level, Level, Level, Level, Level];
  /** As of when they are. */
  readonly atNs: number;
};

/** More than every request that is under way can pour in. */
const LEVEL = finite(0, 2 ** 60);
const LEVELS = tuple(LEVEL, LEVEL);
export const BUCKETS_STATE: StateKind<BucketsState> = record<BucketsState>({
  levels: tuple(LEVELS, LEVELS, LEVELS, LEVELS, LEVELS, LEVELS),
  atNs: TIME_NS,
});
/** When the head of a direction's queue may go; null: nobody waits. */
export const WAKE_STATE = tuple(DEADLINE_NS, DEADLINE_NS);

interface Bucket {
  level: number;
  /** What a burst of its own rate has used. */
  burst: number;
}

function waitOf({ level, burst }: Bucket, { avg, max, length }: Limit): number {
  if (avg === 0) return 0;
  const over = level - (max === 0 ? avg / SHORT_BURST : max * length);
  if (over > 0) return (over * NS_PER_S) / avg;
  if (length <= 1) return 0;
  return (Math.max(burst - max / SHORT_BURST, 0) * NS_PER_S) / max;
}

export class ThrottleBuckets {
  readonly #buckets: Readonly<Record<LimitName, Bucket>>;
  #limits: ThrottleLimits;
  #atNs: number;

  constructor(limits: ThrottleLimits, nowNs: number) {
    this.#limits = limits;
    this.#atNs = nowNs;
    const empty = (): Bucket => ({ level: 0, burst: 0 });
    this.#buckets = {
      ...{ bps: empty(), bps_rd: empty(), bps_wr: empty() },
      ...{ iops: empty(), iops_rd: empty(), iops_wr: empty() },
    };
  }

  get limits(): ThrottleLimits {
    return this.#limits;
  }

  /** New limits begin with empty buckets. */
  setLimits(limits: ThrottleLimits, nowNs: number): void {
    this.#limits = limits;
    this.#atNs = nowNs;
    for (const name of LIMIT_NAMES) Object.assign(this.#buckets[name], { level: 0, burst: 0 });
  }

  /** Nanoseconds until a request may go; 0: now. */
  waitNs(direction: Direction, nowNs: number): number {
    this.#leak(nowNs);
    const waits = FILLS[direction].map((name) => waitOf(this.#buckets[name], this.#limits.rates[name]));
    return Math.ceil(Math.max(...waits));
  }

  /** A request goes. */
  pour(direction: Direction, bytes: number): void {
    const { rates, iopsSize } = this.#limits;
    const requests = iopsSize > 0 && bytes > iopsSize ? bytes / iopsSize : 1;
    for (const name of FILLS[direction]) {
      const units = name.startsWith('bps') ? bytes : requests;
      const bucket = this.#buckets[name];
      bucket.level += units;
      if (rates[name].length > 1) bucket.burst += units;
    }
  }

  save(): BucketsState {
    const level = (name: LimitName): Level => [this.#buckets[name].level, this.#buckets[name].burst];
    return {
      levels: [
        ...([level('bps'), level('bps_rd'), level('bps_wr')] as const),
        ...([level('iops'), level('iops_rd'), level('iops_wr')] as const),
      ],
      atNs: this.#atNs,
    };
  }

  restore({ levels, atNs }: BucketsState): void {
    this.#atNs = atNs;
    for (const [at, name] of LIMIT_NAMES.entries()) {
      const [level, burst] = levels[at] ?? [0, 0];
      Object.assign(this.#buckets[name], { level, burst });
    }
  }

  #leak(nowNs: number): void {
    const seconds = Math.max(nowNs - this.#atNs, 0) / NS_PER_S;
    this.#atNs = nowNs;
    for (const name of LIMIT_NAMES) {
      const { avg, max } = this.#limits.rates[name];
      const bucket = this.#buckets[name];
      bucket.level = Math.max(bucket.level - avg * seconds, 0);
      bucket.burst = Math.max(bucket.burst - max * seconds, 0);
    }
  }
}
