/** Where the bench keeps what it fetches and makes. Two runs at once do not see each other's work. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Kept from run to run: what was fetched. */
export const CACHE = '.cache/bench';

const PREFIX = 'run-';
const ABANDONED_MS = 3_600_000 * 6;

let directory: string | undefined;

/** A directory of this run alone, gone at its end. */
export function workDirectory(): string {
  if (directory !== undefined) return directory;
  mkdirSync(CACHE, { recursive: true });
  for (const name of readdirSync(CACHE).filter((entry) => entry.startsWith(PREFIX))) {
    const old = join(CACHE, name);
    if (Date.now() - statSync(old).mtimeMs > ABANDONED_MS) rmSync(old, { recursive: true, force: true });
  }
  const made = mkdtempSync(join(CACHE, PREFIX));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  directory = made;
  return made;
}
