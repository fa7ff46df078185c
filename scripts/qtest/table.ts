/** The table of docs/testing.md: what came of each of QEMU's qtest programs. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Outcome } from './run-program.ts';

const BEGIN = '<!-- npm run qtest writes from here -->';
const END = '<!-- to here -->';

function row(name: string, outcomes: readonly Outcome[]): string {
  const count = (wanted: Outcome['result']): number =>
    outcomes.filter(({ result }) => result === wanted).length;
  const missing = [...new Set(outcomes.flatMap(({ absent }) => absent ?? []))].sort().join(', ');
  return `| ${name} | ${count('passed')} | ${count('failed')} | ${count('absent')} | ${missing} |`;
}

/** Replaces the table of the file at `path`. */
export function writeTable(path: string, outcomes: ReadonlyMap<string, readonly Outcome[]>): void {
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${path} has no place for the table`);
  const names = [...outcomes.keys()].sort();
  const all = names.flatMap((name) => outcomes.get(name) ?? []);
  const rows = [
    ...names.map((name) => row(name, outcomes.get(name) ?? [])),
    row(
      'together',
      all.map(({ absent: _, ...outcome }) => outcome),
    ),
  ];
  const table = [
    '| program | passed | failed | absent | what is absent |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  writeFileSync(path, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`);
}
