/** The table of docs/testing.md: what came of each of QEMU's qtest programs. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Outcome } from './run-program.ts';

const BEGIN = '<!-- npm run qtest writes from here -->';
const END = '<!-- to here -->';
const TITLE = ['| program | passed | failed | absent | what is absent |', '|---|---|---|---|---|'];
const ROW = /^\| (\S+) \| (\d+) \| (\d+) \| (\d+) \| (.*?) ?\|$/;

interface Row {
  /** Passed, failed, absent. */
  readonly counts: readonly number[];
  readonly missing: string;
}

function rowOf(outcomes: readonly Outcome[]): Row {
  const count = (wanted: Outcome['result']): number =>
    outcomes.filter(({ result }) => result === wanted).length;
  const missing = [...new Set(outcomes.flatMap(({ absent }) => absent ?? []))].sort().join(', ');
  return { counts: [count('passed'), count('failed'), count('absent')], missing };
}

const textOf = (name: string, { counts, missing }: Row): string =>
  `| ${name} | ${counts.join(' | ')} | ${missing} |`;

/** Replaces the rows of these programs in the table of the file at `path`, and their sum. @param isWhole all others go */
export function writeTable(
  path: string,
  outcomes: ReadonlyMap<string, readonly Outcome[]>,
  isWhole: boolean,
): void {
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const [table, after] = rest?.split(END) ?? [];
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error(`${path} has no place for the table`);
  }
  const rows = new Map<string, Row>();
  for (const line of isWhole ? [] : table.split('\n')) {
    const [, name = '', passed, failed, absent, missing = ''] = ROW.exec(line) ?? [];
    if (name !== '') rows.set(name, { counts: [passed, failed, absent].map(Number), missing });
  }
  rows.delete('together');
  for (const [name, some] of outcomes) rows.set(name, rowOf(some));
  const sums = [0, 1, 2].map((at) =>
    [...rows.values()].reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0),
  );
  const lines = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, row]) => textOf(name, row));
  const all = [...TITLE, ...lines, textOf('together', { counts: sums, missing: '' })];
  writeFileSync(path, `${before}${BEGIN}\n\n${all.join('\n')}\n\n${END}${after}`);
}
