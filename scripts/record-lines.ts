/** Records sessions of lines, all of them or those whose names have a word that the program was given. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { playLines } from './qtest-lines.ts';

export interface LineSession {
  readonly name: string;
  readonly lines: readonly string[];
}

/** @param pack what is kept of an answer */
export async function recordLines(
  output: URL,
  sessions: readonly LineSession[],
  { withNetwork = false, pack = (answer: string): string => answer } = {},
): Promise<void> {
  const wanted = process.argv.slice(2);
  const records: Record<string, readonly string[]> = existsSync(output)
    ? (JSON.parse(readFileSync(output, 'utf8')) as Record<string, readonly string[]>)
    : {};
  for (const { name, lines } of sessions) {
    if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
    records[name] = (await playLines(lines, withNetwork)).map(pack);
    process.stdout.write(`${name}\n`);
  }
  writeFileSync(output, `${JSON.stringify(records, undefined, 1)}\n`);
}
