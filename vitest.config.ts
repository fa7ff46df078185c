import { defineConfig } from 'vitest/config';

/** Boots of a guest, and starts of the command line: slow, and in need of the guest image. */
const GUEST = ['tests/{guest,node}/**/*.test.ts'];
/** Soaks and long fuzz runs. */
const LONG = ['tests/long/**/*.test.ts'];
/** What they measure is of their whole process: its heap, or what its compiler has learned. */
const ALONE = ['tests/unit/growth.test.ts', 'tests/property/strings.test.ts'];

/** Each is run by its name (scripts/testing/parts.ts). Without `isolate` files share their worker's modules, which are else loaded and heated for each. */
const project = (name: string, isolate: boolean, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  test: { name, isolate, include, exclude },
});

export default defineConfig({
  test: {
    testTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    /*
     * Node itself loads all but the test files. Vitest's own loader turns each use of an import into a look-up in an
     * object, and the emulator's loops are full of them: a guest would take twice the processor time.
     */
    execArgv: ['--import', 'tsx'],
    server: { deps: { external: [/\/(src|scripts|tests\/support)\/.*\.ts$/] } },
    projects: [
      project('unit', false, ['tests/**/*.test.ts'], ['tests/e2e/**', ...ALONE, ...GUEST, ...LONG]),
      project('alone', true, ALONE),
      project('guest', false, GUEST),
      project('long', true, LONG),
    ],
  },
});
