/** A bench run as Markdown: the aims, tables, and the change against a baseline. */
import { OURS, outcomes } from './aims.ts';
import { GUEST_NAMES, type GuestName } from './guests.ts';
import { KERNELS, needsDrive } from './kernels.ts';
import {
  BEFORE,
  BOOT,
  type Clock,
  disagreements,
  type Figure,
  type GuestResults,
  geometricMean,
  meanRange,
  mips,
  type Range,
  type Results,
  rangeOf,
  ratio,
  ratioRange,
  ratios,
} from './results.ts';

/** Changes of a ratio below this are noise. */
const NOTABLE = 0.15;

const TITLES: Readonly<Record<GuestName, string>> = {
  amd64: '64-bit: Debian amd64',
  i386: '32-bit: Debian 686',
  indexeddb: 'A disk in IndexedDB',
};

const CLOCKS: readonly (readonly [clock: Clock, what: string])[] = [
  ['cpuSeconds', 'busiest thread'],
  ['allSeconds', 'all threads'],
  ['wallSeconds', 'on the clock'],
];

/**
 * Heading, tables and aims; what goes to the terminal and into the document.
 * @param baseline the run that boots must not fall behind
 */
export function report(results: Results, baseline?: Results): string[] {
  const lines = [...heading(results), '', '## Aims', '', ...aimsTable(results, baseline)];
  for (const name of GUEST_NAMES) {
    const guest = results.guests[name];
    if (guest === undefined) continue;
    lines.push('', `## ${TITLES[name]}`, '');
    if (name === 'indexeddb') lines.push(...diskTable(results, guest, ({ wallSeconds }) => wallSeconds));
    else {
      lines.push(...timeTable(results, guest), '');
      const clocks = clocksTable(results, guest);
      if (clocks.length > 0) lines.push(...clocks, '');
      lines.push(...bootTable(results, guest));
      const disk = diskTable(results, guest, ({ cpuSeconds }) => cpuSeconds);
      if (disk.length > 0) lines.push('', ...disk);
      const memory = memoryTable(results, guest);
      if (memory.length > 0) lines.push('', ...memory);
    }
  }
  const wrong = disagreements(results);
  if (wrong.length > 0) lines.push('', 'CHECKSUMS DIFFER:', ...wrong.map((text) => `- ${text}`));
  return lines;
}

function heading({ machine, versions, commit, rounds, date, command }: Results): string[] {
  const how = rounds === 1 ? 'one round: no medians, no spread' : `medians of ${rounds} interleaved rounds`;
  return [
    `${date}, commit ${commit}, ${how}${command === undefined ? '' : `, \`${command}\``}.`,
    `Machine: ${machine.processor}, ${machine.cores} cores, load ${machine.load.toFixed(1)} at the end.`,
    '',
    ...Object.entries(versions).map(([runner, version]) => `- ${runner}: ${version}`),
  ];
}

function aimsTable(results: Results, baseline: Results | undefined): string[] {
  const rows = outcomes(results, baseline).map(({ aim, goal, limit, runner, measured, spread, met }) => [
    aim,
    goal ?? '',
    limit,
    runner,
    measured,
    spread ?? '',
    met ? 'met' : 'missed',
  ]);
  const aims = table([['aim', 'goal', 'limit', 'runner', 'measured', 'spread of the rounds', ''], ...rows]);
  if (baseline === undefined) return aims;
  const { date, commit } = baseline;
  return [
    `The limits of boot and prompt are 1.2 × the ratios of the baseline of ${date}, commit ${commit}.`,
    '',
    ...aims,
  ];
}

/** Pairs of runners whose times are divided. */
function comparisons(runners: readonly string[]): readonly (readonly [own: string, reference: string])[] {
  return Object.entries(OURS)
    .flatMap(([own, v86]): [string, string][] => [
      [own, v86],
      [own, 'qemu'],
      [own, `${own}${BEFORE}`],
    ])
    .filter(([own, reference]) => runners.includes(own) && runners.includes(reference));
}

function runnersOf({ versions }: Results, { figures }: GuestResults): string[] {
  return Object.keys(versions).filter((runner) =>
    Object.values(figures).some((byRunner) => runner in byRunner),
  );
}

function timeTable(results: Results, guest: GuestResults): string[] {
  const runners = runnersOf(results, guest);
  const ours = runners.filter((runner) => runner in OURS);
  const rows = [['CPU seconds, busiest thread', ...runners, ...ours.map((runner) => `${runner} MIPS`)]];
  for (const [kernel, byRunner] of Object.entries(guest.figures)) {
    if (needsDrive(kernel)) continue;
    rows.push([
      kernel,
      ...runners.map((runner) => figure(byRunner[runner]?.cpuSeconds, 3)),
      ...ours.map((runner) => figure(byRunner[runner] && mips(byRunner[runner]), 0)),
    ]);
  }
  return table(rows);
}

/** What a virtio disk moves in a second. */
function diskTable(results: Results, guest: GuestResults, seconds: (figure: Figure) => number): string[] {
  const disks = KERNELS.filter(({ name }) => needsDrive(name)).map(({ name }) => guest.figures[name] ?? {});
  const runners = runnersOf(results, guest).filter((runner) => disks.some((byRunner) => runner in byRunner));
  if (runners.length === 0) return [];
  const rows = KERNELS.flatMap(({ name, bytes, requests }) => {
    const byRunner = guest.figures[name];
    const amount = bytes === undefined ? requests : bytes / 1e6;
    if (byRunner === undefined || amount === undefined) return [];
    const unit = bytes === undefined ? 'flushed 4 KiB writes a second' : 'MB/s';
    const cells = runners.map((runner) => {
      const own = byRunner[runner];
      return figure(own && amount / seconds(own), 0);
    });
    return [[`${name}, ${unit}`, ...cells]];
  });
  return table([['virtio-blk', ...runners], ...rows]);
}

function memoryTable({ versions }: Results, { extraBytes }: GuestResults): string[] {
  const runners = Object.keys(versions).filter((runner) => runner in extraBytes);
  if (runners.length === 0) return [];
  const cells = runners.map((runner) => figure((extraBytes[runner] ?? 0) / 1e6, 0));
  return table([
    ["memory beyond the guest's", ...runners],
    ['MB', ...cells],
  ]);
}

/** The same ratios by all three clocks: compilers and collectors of garbage run on threads of their own. */
function clocksTable(results: Results, guest: GuestResults): string[] {
  const pairs = comparisons(runnersOf(results, guest));
  if (pairs.length === 0) return [];
  const rows = [
    [
      'ratio of times',
      ...pairs.flatMap(([own, other]) => CLOCKS.map(([, what]) => `${own} ÷ ${other}, ${what}`)),
    ],
  ];
  for (const kernel of Object.keys(guest.figures)) {
    if (pairs.every(([own, other]) => ratio(guest, kernel, own, other) === undefined)) continue;
    rows.push([
      kernel,
      ...pairs.flatMap(([own, other]) =>
        CLOCKS.map(([clock]) =>
          withRange(ratio(guest, kernel, own, other, clock), 2, ratioRange(guest, kernel, own, other, clock)),
        ),
      ),
    ]);
  }
  rows.push([
    'geometric mean of the kernels',
    ...pairs.flatMap(([own, other]) =>
      CLOCKS.map(([clock]) => {
        const mean = geometricMean(ratios(guest, own, other, clock).map(({ value }) => value));
        return withRange(mean, 2, meanRange(guest, own, other, clock));
      }),
    ),
  ]);
  return table(rows);
}

/** A boot keeps more than one thread busy: compilers run beside it. */
function bootTable(results: Results, guest: GuestResults): string[] {
  const boot = guest.figures[BOOT] ?? {};
  const runners = runnersOf(results, guest).filter((runner) => runner in boot);
  const row = (clock: Clock, what: string): string[] => [
    what,
    ...runners.map((runner) => {
      const rounds = boot[runner]?.rounds?.[clock] ?? [];
      return withRange(boot[runner]?.[clock], 1, rangeOf(rounds));
    }),
  ];
  return table([
    ['cold boot to the prompt', ...runners],
    row('cpuSeconds', 'CPU s, busiest thread'),
    row('allSeconds', 'CPU s, all threads'),
    row('wallSeconds', 'seconds on the clock'),
  ]);
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)];
}

/** A median, and in parentheses the least and the most of its rounds. */
function withRange(value: number | undefined, digits: number, range: Range | undefined): string {
  const spread = range === undefined ? '' : ` (${figure(range[0], digits)}–${figure(range[1], digits)})`;
  return `${figure(value, digits)}${spread}`;
}

function figure(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits);
}

/** Only ratios are compared: they mean the same on another machine, or beside other work. */
export function changes(results: Results, baseline: Results): string[] {
  const lines: string[] = [];
  for (const name of GUEST_NAMES) {
    const [guest, before] = [results.guests[name], baseline.guests[name]];
    if (guest === undefined || before === undefined) continue;
    for (const [own, reference] of comparisons(runnersOf(results, guest))) {
      const say = (what: string, now: number | undefined, then: number | undefined): void => {
        if (now === undefined || then === undefined || Math.abs(now / then - 1) < NOTABLE) return;
        const word = now < then ? 'faster' : 'slower';
        lines.push(
          `- ${name} ${what}, ${own}: ${then.toFixed(2)} → ${now.toFixed(2)} × ${reference}, ${word}`,
        );
      };
      for (const kernel of Object.keys(guest.figures))
        say(kernel, ratio(guest, kernel, own, reference), ratio(before, kernel, own, reference));
    }
  }
  return [
    `Against the baseline of ${baseline.date}, commit ${baseline.commit}:`,
    '',
    ...(lines.length === 0 ? ['- no notable change'] : lines),
  ];
}
