/** A folder and the programs that run in it, for the tests of one file: what a test has started ends with it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { PROGRAM, Run } from './program.ts';

const BUILD_MS = 120_000;

export interface ProgramRuns {
  /** A path in the folder, which is there from the first test on. */
  at(name: string): string;
  /** Starts the program in the folder. */
  start(...args: readonly string[]): Run;
}

/** To be called once in a file, beside its tests. @param always arguments of every start */
export function programRuns(...always: readonly string[]): ProgramRuns {
  let folder = '';
  const runs: Run[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hotslot-program-'));
    // Not in a test's time: the first start may build the program.
    execFileSync(PROGRAM, ['-version']);
  }, BUILD_MS);
  afterEach(async () => {
    for (const run of runs.splice(0)) {
      run.process.kill('SIGKILL');
      await run.ended;
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    at: (name) => join(folder, name),
    start(...args) {
      const run = new Run([...always, ...args], folder);
      runs.push(run);
      return run;
    },
  };
}

/** A machine without display that waits for `cont`. */
export const WAITING = ['-display', 'none', '-nodefaults', '-S', '-m', '256'] as const;
