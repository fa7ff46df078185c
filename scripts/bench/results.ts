/** Figures of a bench run: medians and every round, by guest, kernel and runner. Plain data, kept as a baseline for later runs. */
import { GUEST_NAMES, type GuestName } from './guests.ts';
import { needsDrive } from './kernels.ts';
import type { RunResult, Sample } from './runners/session.ts';

/** The three times of a figure: of the busiest thread, of all threads together, and on the clock. */
export type Clock = 'cpuSeconds' | 'allSeconds' | 'wallSeconds';

export interface Figure {
  /** Of the busiest thread. */
  readonly cpuSeconds: number;
  /** Of all threads. */
  readonly allSeconds?: number;
  readonly wallSeconds: number;
  readonly instructions?: number;
  readonly checksum?: string;
  /** The same times in each round, in order; absent when there was one round only. */
  readonly rounds?: { readonly [C in Clock]?: readonly number[] };
}

/** The least and the most that any round measured. */
export type Range = readonly [least: number, most: number];

export interface GuestResults {
  /** By kernel, then by runner. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, Figure>>>>;
  /** Memory beyond the guest's RAM, by runner. */
  readonly extraBytes: Readonly<Record<string, number>>;
}

export interface Results {
  readonly machine: { readonly processor: string; readonly cores: number; readonly load: number };
  readonly commit: string;
  /** Day of the run, as YYYY-MM-DD. */
  readonly date: string;
  readonly rounds: number;
  /** What was typed to make this run. */
  readonly command?: string;
  /** By runner. */
  readonly versions: Readonly<Record<string, string>>;
  readonly guests: Readonly<Partial<Record<GuestName, GuestResults>>>;
}

/** The end of the names of runners of another checkout. */
export const BEFORE = '-before';
/** The figure of the way to the prompt. */
export const BOOT = 'boot';

/** The middle value; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** The geometric mean; undefined of none. */
export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Medians of one runner's rounds, by kernel. */
export function medians(rounds: readonly RunResult[]): ReadonlyMap<string, Figure> {
  const names = new Set(rounds.flatMap(({ samples }) => samples.map(({ name }) => name)));
  const samplesOf = (name: string) =>
    rounds.flatMap(({ samples }) => samples.filter((sample) => sample.name === name));
  return new Map(
    [...names].map((name) => {
      const samples = samplesOf(name);
      const instructions = samples.flatMap((sample) => sample.instructions ?? []);
      const all = samples.flatMap((sample) => sample.allSeconds ?? []);
      const checksum = samples[0]?.checksum;
      return [
        name,
        {
          cpuSeconds: median(samples.map(({ cpuSeconds }) => cpuSeconds)),
          wallSeconds: median(samples.map(({ wallSeconds }) => wallSeconds)),
          ...(all.length === 0 ? {} : { allSeconds: median(all) }),
          ...(instructions.length === 0 ? {} : { instructions: median(instructions) }),
          ...(checksum === undefined ? {} : { checksum }),
          ...(samples.length < 2 ? {} : { rounds: roundsOf(samples) }),
        },
      ];
    }),
  );
}

function roundsOf(samples: readonly Sample[]): NonNullable<Figure['rounds']> {
  const all = samples.flatMap((sample) => sample.allSeconds ?? []);
  return {
    cpuSeconds: samples.map(({ cpuSeconds }) => cpuSeconds),
    wallSeconds: samples.map(({ wallSeconds }) => wallSeconds),
    ...(all.length === samples.length ? { allSeconds: all } : {}),
  };
}

/** One guest's figures out of all rounds of all runners. */
export function gather(
  kernels: readonly string[],
  measured: ReadonlyMap<string, readonly RunResult[]>,
): GuestResults {
  const figures: Record<string, Record<string, Figure>> = {};
  const extraBytes: Record<string, number> = {};
  for (const kernel of [BOOT, ...kernels]) figures[kernel] = {};
  for (const [runner, results] of measured) {
    for (const [kernel, figure] of medians(results))
      Object.assign(figures[kernel] ?? {}, { [runner]: figure });
    const most = Math.max(...results.map((result) => result.extraBytes ?? Number.NEGATIVE_INFINITY));
    if (Number.isFinite(most)) extraBytes[runner] = most;
  }
  return { figures, extraBytes };
}

/** Kernels whose result is not the same everywhere: a wrong computation. */
export function disagreements(results: Results): string[] {
  return GUEST_NAMES.flatMap((guest) =>
    Object.entries(results.guests[guest]?.figures ?? {}).flatMap(([kernel, byRunner]) => {
      const sums = Object.entries(byRunner).flatMap(([runner, { checksum }]) =>
        checksum === undefined ? [] : [`${runner} ${checksum}`],
      );
      const different = new Set(sums.map((sum) => sum.split(' ')[1]));
      return different.size > 1 ? [`${guest} ${kernel}: ${sums.join(', ')}`] : [];
    }),
  );
}

/** Time of a runner over that of another, for one kernel. */
export function ratio(
  { figures }: GuestResults,
  kernel: string,
  runner: string,
  reference: string,
  clock: Clock = 'cpuSeconds',
): number | undefined {
  const [own, other] = [figures[kernel]?.[runner]?.[clock], figures[kernel]?.[reference]?.[clock]];
  return own === undefined || other === undefined ? undefined : own / other;
}

/** The least and the most ratio of the rounds: the machines took turns in each, so a busy host slows both. */
export function ratioRange(
  { figures }: GuestResults,
  kernel: string,
  runner: string,
  reference: string,
  clock: Clock = 'cpuSeconds',
): Range | undefined {
  const own = figures[kernel]?.[runner]?.rounds?.[clock];
  const other = figures[kernel]?.[reference]?.rounds?.[clock];
  if (own === undefined || other === undefined || own.length !== other.length) return undefined;
  return rangeOf(own.map((value, round) => value / (other[round] ?? Number.NaN)));
}

/** The least and the most; undefined of fewer than two. */
export function rangeOf(values: readonly number[]): Range | undefined {
  return values.length < 2 ? undefined : [Math.min(...values), Math.max(...values)];
}

/** The ratios of all kernels that both have run; of boots and disks only with `all`. */
export function ratios(
  guest: GuestResults,
  runner: string,
  reference: string,
  clock: Clock = 'cpuSeconds',
  all = false,
): { readonly kernel: string; readonly value: number }[] {
  return Object.keys(guest.figures).flatMap((kernel) => {
    if (!all && (kernel === BOOT || needsDrive(kernel))) return [];
    const value = ratio(guest, kernel, runner, reference, clock);
    return value === undefined ? [] : [{ kernel, value }];
  });
}

/** The geometric mean of the kernels' ratios in each round: its least and most. */
export function meanRange(
  guest: GuestResults,
  runner: string,
  reference: string,
  clock: Clock = 'cpuSeconds',
): Range | undefined {
  const byKernel = Object.entries(guest.figures).flatMap(([kernel, byRunner]) => {
    if (kernel === BOOT || needsDrive(kernel)) return [];
    const [own, other] = [byRunner[runner]?.rounds?.[clock], byRunner[reference]?.rounds?.[clock]];
    return own === undefined || other === undefined || own.length !== other.length ? [] : [{ own, other }];
  });
  const rounds = Math.min(...byKernel.map(({ own }) => own.length));
  if (!Number.isFinite(rounds)) return undefined;
  const means = Array.from({ length: rounds }, (_, round) =>
    geometricMean(
      byKernel.map(({ own, other }) => (own[round] ?? Number.NaN) / (other[round] ?? Number.NaN)),
    ),
  );
  return rangeOf(means.flatMap((mean) => mean ?? []));
}

/** Guest instructions per microsecond of CPU time. */
export function mips({ instructions, cpuSeconds }: Figure): number | undefined {
  return instructions === undefined ? undefined : instructions / cpuSeconds / 1e6;
}
