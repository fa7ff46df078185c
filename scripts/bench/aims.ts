/** What the project wants to reach, and whether a run has reached it. */
import { KERNELS } from './kernels.ts';
import {
  BOOT,
  type Figure,
  type GuestResults,
  geometricMean,
  type Results,
  ratio,
  ratios,
} from './results.ts';

const MB = 1e6;

export interface Outcome {
  readonly aim: string;
  readonly runner: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Each of our runners, and the runner of v86 in the same engine. */
export const OURS: Readonly<Record<string, string>> = {
  node: 'v86-node',
  chromium: 'v86-chromium',
  firefox: 'v86-firefox',
};

/** All outcomes of which the run has the figures. */
export function outcomes({ guests, versions }: Results): Outcome[] {
  return Object.keys(OURS)
    .filter((runner) => runner in versions)
    .flatMap((runner) => [
      ...(guests.i386 === undefined ? [] : against32(guests.i386, runner)),
      ...(guests.amd64 === undefined ? [] : against64(guests.amd64, runner)),
      ...memory(Object.values(guests), runner),
      ...(guests.indexeddb === undefined ? [] : stored(guests.indexeddb, runner)),
    ]);
}

function against32(guest: GuestResults, runner: string): Outcome[] {
  const v86 = OURS[runner] ?? '';
  const found = ratios(guest, runner, v86);
  const boot = ratio(guest, BOOT, runner, v86);
  return [
    ...speed("32-bit kernels at v86's speed or above (wanted: 1.3 ×)", runner, found, 1),
    ...worst('no 32-bit kernel takes over 3 × the time of v86', runner, found, 3),
    ...atMost('Debian 686 boots within 1.5 × the time of v86', runner, boot, 1.5),
  ];
}

function against64(guest: GuestResults, runner: string): Outcome[] {
  const found = ratios(guest, runner, 'qemu');
  const mean = geometricMean(found.map(({ value }) => value));
  const boot = ratio(guest, BOOT, runner, 'qemu');
  const wall = guest.figures[BOOT]?.[runner]?.wallSeconds;
  return [
    ...atMost('64-bit kernels within 3 × the time of QEMU (wanted: 1.5 ×)', runner, mean, 3),
    ...worst('no 64-bit kernel takes over 12 × the time of QEMU', runner, found, 12),
    ...atMost('the default guest boots within 5 × the time of QEMU', runner, boot, 5),
    ...(wall === undefined ? [] : [limit('prompt within 45 s', runner, wall, 45, `${wall.toFixed(1)} s`)]),
    ...disk(guest, 'blkread', 'virtio-blk from memory: read ≥ 300 MB/s', runner, 300),
    ...disk(guest, 'blkwrite', 'virtio-blk from memory: write ≥ 200 MB/s', runner, 200),
  ];
}

/** The most that any guest made the emulator take. */
function memory(guests: readonly GuestResults[], runner: string): Outcome[] {
  const most = Math.max(...guests.map(({ extraBytes }) => extraBytes[runner] ?? Number.NEGATIVE_INFINITY));
  if (!Number.isFinite(most)) return [];
  const measured = `${(most / MB).toFixed(0)} MB`;
  return [limit("memory beyond the guest's ≤ 200 MB", runner, most, 200 * MB, measured)];
}

/** Somebody waits for these: they are measured on the clock. */
function stored(guest: GuestResults, runner: string): Outcome[] {
  const seconds = ({ wallSeconds }: Figure): number => wallSeconds;
  return [
    ...disk(guest, 'blkwrite', 'IndexedDB: sequential write with a flush ≥ 100 MB/s', runner, 100, seconds),
    ...disk(guest, 'blksync', 'IndexedDB: ≥ 200 flushed 4 KiB writes a second', runner, 200, seconds),
  ];
}

type Found = readonly { readonly kernel: string; readonly value: number }[];

function speed(aim: string, runner: string, found: Found, least: number): Outcome[] {
  const mean = geometricMean(found.map(({ value }) => 1 / value));
  if (mean === undefined) return [];
  return [{ aim, runner, measured: `${mean.toFixed(2)} ×`, met: mean >= least }];
}

function atMost(aim: string, runner: string, value: number | undefined, most: number): Outcome[] {
  if (value === undefined) return [];
  return [limit(aim, runner, value, most, `${value.toFixed(2)} ×`)];
}

function worst(aim: string, runner: string, found: Found, most: number): Outcome[] {
  if (found.length === 0) return [];
  const beyond = found.filter(({ value }) => value > most).sort((a, b) => b.value - a.value);
  const [top] = [...found].sort((a, b) => b.value - a.value);
  const named = beyond.length > 0 ? beyond : top === undefined ? [] : [top];
  const measured = named.map(({ kernel, value }) => `${kernel} ${value.toFixed(1)} ×`).join(', ');
  return [{ aim, runner, measured, met: beyond.length === 0 }];
}

function limit(aim: string, runner: string, value: number, most: number, measured: string): Outcome {
  return { aim, runner, measured, met: value <= most };
}

function disk(
  guest: GuestResults,
  kernel: string,
  aim: string,
  runner: string,
  least: number,
  seconds = ({ cpuSeconds }: Figure): number => cpuSeconds,
): Outcome[] {
  const own = guest.figures[kernel]?.[runner];
  const { bytes, requests } = KERNELS.find(({ name }) => name === kernel) ?? {};
  const amount = bytes === undefined ? requests : bytes / MB;
  if (own === undefined || amount === undefined) return [];
  const value = amount / seconds(own);
  const unit = bytes === undefined ? 'a second' : 'MB/s';
  return [{ aim, runner, measured: `${value.toFixed(0)} ${unit}`, met: value >= least }];
}
