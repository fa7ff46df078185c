import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { projectFiles } from '../support/project.ts';

const LIMIT = 500;
/** Longer files, up to a limit of their own, and why. */
const LONGER: Readonly<Record<string, { readonly limit: number; readonly why: string }>> = {
  'src/emu/cpu/models/cpu-model-table.ts': { limit: 1200, why: 'a recorded table' },
};

it('source files stay short enough to be read in one go', () => {
  const long = projectFiles()
    .filter((file) => /^src\/.*\.ts$/.test(file))
    .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .filter(({ file, lines }) => lines > (LONGER[file]?.limit ?? LIMIT));
  expect(long).toEqual([]);
});

it('every exception is still needed', () => {
  for (const file of Object.keys(LONGER)) {
    expect(readFileSync(file, 'utf8').split('\n').length - 1, file).toBeGreaterThan(LIMIT);
  }
});
