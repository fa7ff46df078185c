/** A bench run as Markdown: tables, what was aimed for, and the change against a baseline. */
import { KERNELS } from './kernels.ts';
import { disagreements, type Figure, mips, type Results, ratio } from './results.ts';

/** Changes of a ratio below this are noise. */
const NOTABLE = 0.15;
const MB = 1e6;

/** What the project promises, on two idle cores. */
const GOALS = {
  bootMips: 30,
  bootWallSeconds: 45,
  extraBytes: 250 * MB,
  diskBytesPerSecond: 50 * MB,
} as const;

export function report(results: Results, baseline: Results | undefined): string {
  const { machine, versions, commit, rounds } = results;
  const lines = [
    `Machine: ${machine.processor}, ${machine.cores} cores, load ${machine.load.toFixed(1)}; commit ${commit}; ${rounds} round(s)`,
    ...Object.entries(versions).map(([runner, version]) => `- ${runner}: ${version}`),
    '',
    ...timeTable(results),
    '',
    ...goals(results),
  ];
  const wrong = disagreements(results);
  if (wrong.length > 0) lines.push('', 'CHECKSUMS DIFFER:', ...wrong.map((text) => `- ${text}`));
  if (baseline !== undefined) lines.push('', ...changes(results, baseline));
  return `${lines.join('\n')}\n`;
}

function timeTable(results: Results): string[] {
  const runners = Object.keys(results.versions);
  const ours = runners.filter((runner) => runner !== 'qemu' && runner !== 'native');
  const rows = [
    [
      'CPU seconds',
      ...runners,
      ...ours.map((runner) => `${runner} ÷ qemu`),
      ...ours.map((runner) => `${runner} MIPS`),
    ],
  ];
  for (const [kernel, byRunner] of Object.entries(results.figures)) {
    rows.push([
      kernel,
      ...runners.map((runner) => figure(byRunner[runner]?.cpuSeconds, 3)),
      ...ours.map((runner) => figure(ratio(results, kernel, runner), 2)),
      ...ours.map((runner) => figure(byRunner[runner] && mips(byRunner[runner]), 1)),
    ]);
  }
  for (const runner of ours) rows.push(geometricMean(results, runner, rows[0]?.length ?? 0));
  return table(rows);
}

/** Of the ratios to QEMU over all kernels, the boot not included. */
function geometricMean(results: Results, runner: string, columns: number): string[] {
  const ratios = Object.keys(results.figures).flatMap((kernel) =>
    kernel === 'boot' ? [] : (ratio(results, kernel, runner) ?? []),
  );
  const mean = Math.exp(ratios.reduce((sum, value) => sum + Math.log(value), 0) / ratios.length);
  const text =
    ratios.length === 0 ? '–' : `${mean.toFixed(2)} × qemu (geometric mean of ${ratios.length} kernels)`;
  return [`all, ${runner}`, text, ...Array.from({ length: columns - 2 }, () => '')];
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)];
}

function figure(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits);
}

function goals(results: Results): string[] {
  const measured = (kernel: string, runner: string): Figure | undefined => results.figures[kernel]?.[runner];
  const rows = [['aim', 'runner', 'measured', '']];
  const row = (aim: string, runner: string, measured: string, met: boolean): void => {
    rows.push([aim, runner, measured, met ? 'met' : 'missed']);
  };
  const disk = (kernel: string, runner: string): void => {
    const own = measured(kernel, runner);
    const bytes = KERNELS.find(({ name }) => name === kernel)?.bytes;
    if (own === undefined || bytes === undefined) return;
    const speed = bytes / own.cpuSeconds;
    const aim =
      kernel === 'blkread' ? `virtio-blk read ≥ ${GOALS.diskBytesPerSecond / MB} MB/s` : 'virtio-blk write';
    row(
      aim,
      runner,
      `${(speed / MB).toFixed(0)} MB/s`,
      kernel !== 'blkread' || speed >= GOALS.diskBytesPerSecond,
    );
  };
  for (const runner of Object.keys(results.versions)) {
    const boot = measured('boot', runner);
    const speed = boot && mips(boot);
    if (boot !== undefined && speed !== undefined) {
      row(`cold boot ≥ ${GOALS.bootMips} MIPS`, runner, `${speed.toFixed(1)} MIPS`, speed >= GOALS.bootMips);
      const seconds = boot.wallSeconds;
      row(
        `prompt within ${GOALS.bootWallSeconds} s`,
        runner,
        `${seconds.toFixed(1)} s`,
        seconds <= GOALS.bootWallSeconds,
      );
    }
    const extra = results.extraBytes[runner];
    if (extra !== undefined) {
      const text = `${(extra / MB).toFixed(0)} MB`;
      row(`memory beyond the guest's < ${GOALS.extraBytes / MB} MB`, runner, text, extra < GOALS.extraBytes);
    }
    disk('blkread', runner);
    disk('blkwrite', runner);
  }
  return table(rows);
}

/** Only ratios are compared: they mean the same on another machine, or beside other work. */
function changes(results: Results, baseline: Results): string[] {
  const lines: string[] = [];
  for (const kernel of Object.keys(results.figures)) {
    for (const runner of Object.keys(results.versions)) {
      if (runner === 'qemu' || runner === 'native') continue;
      const [now, then] = [ratio(results, kernel, runner), ratio(baseline, kernel, runner)];
      if (now === undefined || then === undefined || Math.abs(now / then - 1) < NOTABLE) continue;
      const word = now < then ? 'faster' : 'slower';
      lines.push(`- ${kernel} on ${runner}: ${then.toFixed(2)} → ${now.toFixed(2)} × qemu, ${word}`);
    }
  }
  return [
    `Against the baseline of ${baseline.commit}:`,
    ...(lines.length === 0 ? ['- no notable change'] : lines),
  ];
}
