/** Figures of a bench run: medians over rounds, by guest, kernel and runner. Plain data, kept as a baseline for later runs. */
import { GUEST_NAMES, type GuestName } from './guests.ts';
import { needsDrive } from './kernels.ts';
import type { RunResult } from './runners/session.ts';

export interface Figure {
  /** Of the busiest thread. */
  readonly cpuSeconds: number;
  /** Of all threads. */
  readonly allSeconds?: number;
  readonly wallSeconds: number;
  readonly instructions?: number;
  readonly checksum?: string;
}

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
  /** By runner. */
  readonly versions: Readonly<Record<string, string>>;
  readonly guests: Readonly<Partial<Record<GuestName, GuestResults>>>;
}

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
        },
      ];
    }),
  );
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

/** CPU time of a runner over that of another, for one kernel. */
export function ratio(
  { figures }: GuestResults,
  kernel: string,
  runner: string,
  reference: string,
): number | undefined {
  const [own, other] = [figures[kernel]?.[runner], figures[kernel]?.[reference]];
  return own === undefined || other === undefined ? undefined : own.cpuSeconds / other.cpuSeconds;
}

/** The ratios of all kernels that both have run; boots and disks are not among them. */
export function ratios(
  guest: GuestResults,
  runner: string,
  reference: string,
): { readonly kernel: string; readonly value: number }[] {
  return Object.keys(guest.figures).flatMap((kernel) => {
    if (kernel === BOOT || needsDrive(kernel)) return [];
    const value = ratio(guest, kernel, runner, reference);
    return value === undefined ? [] : [{ kernel, value }];
  });
}

/** Guest instructions per microsecond of CPU time. */
export function mips({ instructions, cpuSeconds }: Figure): number | undefined {
  return instructions === undefined ? undefined : instructions / cpuSeconds / 1e6;
}
