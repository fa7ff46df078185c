/** What the project wants to reach, what it must not fall behind, and whether a run has reached it. */
import { KERNELS } from './kernels.ts';
import {
  BEFORE,
  BOOT,
  type Clock,
  type Figure,
  type GuestResults,
  geometricMean,
  meanRange,
  type Range,
  type Results,
  rangeOf,
  ratio,
  ratioRange,
  ratios,
} from './results.ts';

const MB = 1e6;
/** A ratio of one run may be so much worse than the baseline's: machines and their load differ. */
const RATCHET = 1.2;

export interface Outcome {
  readonly aim: string;
  /** What is hoped for; absent where the limit is all that is asked. */
  readonly goal?: string;
  /** Beyond it the aim is missed. */
  readonly limit: string;
  readonly runner: string;
  readonly measured: string;
  /** The least and the most of the rounds. */
  readonly spread?: string;
  readonly met: boolean;
}

interface Aim {
  readonly aim: string;
  readonly goal?: string;
}

/** Each of our runners, and the runner of v86 in the same engine. */
export const OURS: Readonly<Record<string, string>> = {
  node: 'v86-node',
  chromium: 'v86-chromium',
  firefox: 'v86-firefox',
};

/**
 * All outcomes of which the run has the figures.
 * @param baseline a run that this one must not fall behind, where a fixed limit would guard nothing
 */
export function outcomes({ guests, versions }: Results, baseline?: Results): Outcome[] {
  return Object.keys(OURS)
    .filter((runner) => runner in versions)
    .flatMap((runner) => [
      ...(guests.i386 === undefined ? [] : against32(guests.i386, runner)),
      ...(guests.amd64 === undefined ? [] : against64(guests.amd64, runner, baseline?.guests.amd64)),
      ...(guests.amd64 === undefined ? [] : againstBefore(guests.amd64, runner)),
      ...memory(Object.values(guests), runner),
      ...(guests.indexeddb === undefined ? [] : stored(guests.indexeddb, runner)),
    ]);
}

function against32(guest: GuestResults, runner: string): Outcome[] {
  const v86 = OURS[runner] ?? '';
  const mean = geometricMean(ratios(guest, runner, v86).map(({ value }) => 1 / value));
  const range = meanRange(guest, runner, v86);
  const speed: Range | undefined = range && [1 / range[1], 1 / range[0]];
  return [
    ...atLeast(
      { aim: "32-bit kernels: v86's speed", goal: '1.3 ×' },
      runner,
      mean,
      1,
      (value) => times(value),
      speed,
    ),
    ...worst('slowest 32-bit kernel: time of v86', runner, v86, guest, 3),
    ...boot({ aim: 'Debian 686 boots: time of v86' }, guest, runner, v86, 1.5),
  ];
}

function against64(guest: GuestResults, runner: string, before: GuestResults | undefined): Outcome[] {
  const mean = geometricMean(ratios(guest, runner, 'qemu').map(({ value }) => value));
  return [
    ...atMost(
      { aim: '64-bit kernels: time of QEMU', goal: '1.5 ×' },
      runner,
      mean,
      3,
      times,
      meanRange(guest, runner, 'qemu'),
    ),
    ...worst('slowest 64-bit kernel: time of QEMU', runner, 'qemu', guest, 12),
    ...ratcheted('the default guest boots: time of QEMU', guest, before, runner, 'cpuSeconds'),
    ...ratcheted(
      'prompt after a cold boot, on the clock: time of QEMU',
      guest,
      before,
      runner,
      'wallSeconds',
    ),
    ...disk(guest, 'blkread', 'virtio-blk from memory: read', runner, 300),
    ...disk(guest, 'blkwrite', 'virtio-blk from memory: write', runner, 200),
  ];
}

/** What a change may cost: `--against` has measured the checkout before it in the same rounds. */
function againstBefore(guest: GuestResults, runner: string): Outcome[] {
  const before = `${runner}${BEFORE}`;
  const mean = geometricMean(ratios(guest, runner, before, 'cpuSeconds', true).map(({ value }) => value));
  return atMost({ aim: 'boot, kernels and disk: time of the checkout before' }, runner, mean, 1.03, times);
}

/** A boot must not fall behind the baseline's by more than noise. */
function ratcheted(
  aim: string,
  guest: GuestResults,
  before: GuestResults | undefined,
  runner: string,
  clock: Clock,
): Outcome[] {
  const then = before && ratio(before, BOOT, runner, 'qemu', clock);
  if (then === undefined) return [];
  return boot({ aim }, guest, runner, 'qemu', then * RATCHET, clock);
}

function boot(
  aim: Aim,
  guest: GuestResults,
  runner: string,
  reference: string,
  most: number,
  clock: Clock = 'cpuSeconds',
): Outcome[] {
  const range = ratioRange(guest, BOOT, runner, reference, clock);
  return atMost(aim, runner, ratio(guest, BOOT, runner, reference, clock), most, times, range);
}

/** The most that any guest made the emulator take. */
function memory(guests: readonly GuestResults[], runner: string): Outcome[] {
  const most = Math.max(...guests.map(({ extraBytes }) => extraBytes[runner] ?? Number.NEGATIVE_INFINITY));
  if (!Number.isFinite(most)) return [];
  const megabytes = (value: number): string => `${value.toFixed(0)} MB`;
  return atMost({ aim: "memory beyond the guest's" }, runner, most / MB, 200, megabytes);
}

/** Somebody waits for these: they are measured on the clock. */
function stored(guest: GuestResults, runner: string): Outcome[] {
  return [
    ...disk(
      guest,
      'blkwrite',
      'IndexedDB: sequential write with a flush, on the clock',
      runner,
      100,
      'wallSeconds',
    ),
    ...disk(
      guest,
      'blksync',
      'IndexedDB: flushed 4 KiB writes a second, on the clock',
      runner,
      200,
      'wallSeconds',
    ),
  ];
}

type Format = (value: number) => string;

function times(value: number): string {
  return `${value.toFixed(2)} ×`;
}

function outcome(
  { aim, goal }: Aim,
  runner: string,
  measured: string,
  limit: string,
  met: boolean,
  spread?: string,
): Outcome {
  return {
    aim,
    runner,
    measured,
    limit,
    met,
    ...(goal === undefined ? {} : { goal }),
    ...(spread === undefined ? {} : { spread }),
  };
}

function spreadOf(range: Range | undefined, format: Format): string | undefined {
  return range && `${format(range[0])} – ${format(range[1])}`;
}

function atMost(
  aim: Aim,
  runner: string,
  value: number | undefined,
  most: number,
  format: Format,
  range?: Range,
): Outcome[] {
  if (value === undefined) return [];
  const spread = spreadOf(range, format);
  return [outcome(aim, runner, format(value), `≤ ${format(most)}`, value <= most, spread)];
}

function atLeast(
  aim: Aim,
  runner: string,
  value: number | undefined,
  least: number,
  format: Format,
  range?: Range,
): Outcome[] {
  if (value === undefined) return [];
  const spread = spreadOf(range, format);
  return [outcome(aim, runner, format(value), `≥ ${format(least)}`, value >= least, spread)];
}

/** The slowest of the kernels, or all that are beyond the limit. */
function worst(aim: string, runner: string, reference: string, guest: GuestResults, most: number): Outcome[] {
  const found = ratios(guest, runner, reference).sort((a, b) => b.value - a.value);
  const [top] = found;
  if (top === undefined) return [];
  const beyond = found.filter(({ value }) => value > most);
  const named = beyond.length > 0 ? beyond : [top];
  const measured = named.map(({ kernel, value }) => `${kernel} ${value.toFixed(1)} ×`).join(', ');
  const range = ratioRange(guest, top.kernel, runner, reference);
  return [outcome({ aim }, runner, measured, `≤ ${most} ×`, beyond.length === 0, spreadOf(range, times))];
}

function disk(
  guest: GuestResults,
  kernel: string,
  aim: string,
  runner: string,
  least: number,
  clock: Clock = 'cpuSeconds',
): Outcome[] {
  const own: Figure | undefined = guest.figures[kernel]?.[runner];
  const { bytes, requests } = KERNELS.find(({ name }) => name === kernel) ?? {};
  const amount = bytes === undefined ? requests : bytes / MB;
  const seconds = own?.[clock];
  if (seconds === undefined || amount === undefined) return [];
  const range = rangeOf((own?.rounds?.[clock] ?? []).map((round) => amount / round));
  const rate = (value: number): string => `${value.toFixed(0)}${bytes === undefined ? '' : ' MB/s'}`;
  return atLeast({ aim }, runner, amount / seconds, least, rate, range);
}
