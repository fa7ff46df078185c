/** docs/performance.md: what a run has measured, under what is always true of a run, above what stands in the way. */
import { readFileSync, writeFileSync } from 'node:fs';
import { report } from './report.ts';
import type { Results } from './results.ts';

const DOCUMENT = 'docs/performance.md';
const NOTES = 'scripts/bench/notes.md';

/** Writes the document. */
export function writeDocument(results: Results, baseline?: Results): void {
  writeFileSync(DOCUMENT, documentOf(results, readFileSync(NOTES, 'utf8'), baseline));
}

/** Its text; the notes are the part that people write. */
export function documentOf(results: Results, notes: string, baseline?: Results): string {
  const [before = '', after = ''] = notes.split('<!-- tables -->\n');
  return `${before}${report(results, baseline).join('\n')}\n${after === '' ? '' : `\n${after.trimStart()}`}`;
}
