/** Figures of a bench run: medians over rounds, by kernel and runner. Plain data, kept as a baseline for later runs. */
import type { RunResult } from './runners/session.ts';

export interface Figure {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly instructions?: number;
  readonly checksum?: string;
}

export interface Results {
  readonly machine: { readonly processor: string; readonly cores: number; readonly load: number };
  readonly commit: string;
  readonly rounds: number;
  /** By runner. */
  readonly versions: Readonly<Record<string, string>>;
  /** By kernel, then by runner. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, Figure>>>>;
  /** Memory beyond the guest's RAM, by runner. */
  readonly extraBytes: Readonly<Record<string, number>>;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Medians of one runner's rounds, by kernel. */
export function medians(rounds: readonly RunResult[]): ReadonlyMap<string, Figure> {
  const names = new Set(rounds.flatMap(({ samples }) => samples.map(({ name }) => name)));
  const all = (name: string) =>
    rounds.flatMap(({ samples }) => samples.filter((sample) => sample.name === name));
  return new Map(
    [...names].map((name) => {
      const samples = all(name);
      const instructions = samples.flatMap((sample) => sample.instructions ?? []);
      const checksum = samples[0]?.checksum;
      return [
        name,
        {
          cpuSeconds: median(samples.map(({ cpuSeconds }) => cpuSeconds)),
          wallSeconds: median(samples.map(({ wallSeconds }) => wallSeconds)),
          ...(instructions.length === 0 ? {} : { instructions: median(instructions) }),
          ...(checksum === undefined ? {} : { checksum }),
        },
      ];
    }),
  );
}

/** Kernels whose result is not the same everywhere: a wrong computation. */
export function disagreements(results: Results): string[] {
  return Object.entries(results.figures).flatMap(([kernel, byRunner]) => {
    const sums = Object.entries(byRunner).flatMap(([runner, { checksum }]) =>
      checksum === undefined ? [] : [`${runner} ${checksum}`],
    );
    const different = new Set(sums.map((sum) => sum.split(' ')[1]));
    return different.size > 1 ? [`${kernel}: ${sums.join(', ')}`] : [];
  });
}

/** The runner that others are compared with. */
export const REFERENCE: string = 'qemu';

/** CPU time of a runner over QEMU's, for one kernel. */
export function ratio(results: Results, kernel: string, runner: string): number | undefined {
  const byRunner = results.figures[kernel];
  const [own, qemu] = [byRunner?.[runner], byRunner?.[REFERENCE]];
  return own === undefined || qemu === undefined ? undefined : own.cpuSeconds / qemu.cpuSeconds;
}

/** Guest instructions per microsecond of CPU time. */
export function mips({ instructions, cpuSeconds }: Figure): number | undefined {
  return instructions === undefined ? undefined : instructions / cpuSeconds / 1e6;
}
