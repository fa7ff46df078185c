/** How much a drive may move: QEMU's names of the limits, and its rules for them. Spec: QEMU docs/throttle.txt. */
import { MonitorError } from '../core/monitor-error.ts';

/** Bytes and requests a second, of both directions together and of each; QMP's names, in QEMU's order. */
export const LIMIT_NAMES = ['bps', 'bps_rd', 'bps_wr', 'iops', 'iops_rd', 'iops_wr'] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** One limit. A rate of 0 means that there is none. */
export interface Limit {
  /** A second, in the long run. */
  readonly avg: number;
  /** A second, during a burst; 0: bursts are of a tenth of a second at most. */
  readonly max: number;
  /** Seconds for which a burst may last. */
  readonly length: number;
}

export interface ThrottleLimits {
  readonly rates: Readonly<Record<LimitName, Limit>>;
  /** A request of more bytes counts as several; 0: each counts once. */
  readonly iopsSize: number;
}

export const NO_LIMIT: Limit = { avg: 0, max: 0, length: 1 };

/** QEMU: THROTTLE_VALUE_MAX. */
const MAX_VALUE = 1_000_000_000_000_000;

/** Gives each limit what `read` says of it. */
export function limitsOf(read: (name: LimitName) => Limit, iopsSize: number): ThrottleLimits {
  const [bps, bpsRd, bpsWr, iops, iopsRd, iopsWr] = LIMIT_NAMES.map(read);
  const or = (limit: Limit | undefined): Limit => limit ?? NO_LIMIT;
  return {
    rates: {
      ...{ bps: or(bps), bps_rd: or(bpsRd), bps_wr: or(bpsWr) },
      ...{ iops: or(iops), iops_rd: or(iopsRd), iops_wr: or(iopsWr) },
    },
    iopsSize,
  };
}

export const NO_LIMITS: ThrottleLimits = limitsOf(() => NO_LIMIT, 0);

/** Something is limited. */
export function limitsAnything({ rates }: ThrottleLimits): boolean {
  return LIMIT_NAMES.some((name) => rates[name].avg > 0);
}

/** QEMU's error for limits that make no sense, or undefined. */
export function limitsError(limits: ThrottleLimits): MonitorError | undefined {
  const { rates, iopsSize } = limits;
  const clashes = (unit: 'bps' | 'iops', part: 'avg' | 'max'): boolean =>
    rates[unit][part] !== 0 && (rates[`${unit}_rd`][part] !== 0 || rates[`${unit}_wr`][part] !== 0);
  if (clashes('bps', 'avg') || clashes('iops', 'avg') || clashes('bps', 'max') || clashes('iops', 'max')) {
    return new MonitorError(
      'bps/iops/max total values and read/write values cannot be used at the same time',
    );
  }
  if (iopsSize !== 0 && rates.iops.avg === 0 && rates.iops_rd.avg === 0 && rates.iops_wr.avg === 0) {
    return new MonitorError('iops size requires an iops value to be set');
  }
  const problem = LIMIT_NAMES.map((name) => limitProblem(rates[name])).find((text) => text !== undefined);
  return problem === undefined ? undefined : new MonitorError(problem);
}

function limitProblem({ avg, max, length }: Limit): string | undefined {
  if (avg < 0 || max < 0 || avg > MAX_VALUE || max > MAX_VALUE) {
    return `bps/iops/max values must be within [0, ${MAX_VALUE}]`;
  }
  if (length === 0) return 'the burst length cannot be 0';
  if (length > 1 && max === 0) return 'burst length set without burst rate';
  if (max !== 0 && length > Math.floor(MAX_VALUE / max)) return 'burst length too high for this burst rate';
  if (max !== 0 && avg === 0) return 'bps_max/iops_max require corresponding bps/iops values';
  if (max !== 0 && max < avg) return 'bps_max/iops_max cannot be lower than bps/iops';
  return undefined;
}
