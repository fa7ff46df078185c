/** The parts of `npm test`, in their order. */
import { join } from 'node:path';
import { type Counts, playwrightCounts, vitestCounts } from './counts.ts';

export const REPORTS = '.cache/test';

export interface Part {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
  readonly minutes: number;
  /** Parts to run before it. */
  readonly needs?: readonly string[];
  /** Parts that it waits for where they run, but can do without. */
  readonly after?: readonly string[];
  /** Brings what is no npm package. Where it cannot, the part is skipped, or under CI fails. */
  readonly setup?: readonly string[];
  /** Runs beside the parts after it until one needs it. */
  readonly beside?: boolean;
  /** The part itself only brings something that others need. */
  readonly optional?: boolean;
  /** Runs only when it is named. */
  readonly onlyNamed?: boolean;
  /** Reads the runner's report; a part without is one check. */
  readonly counts?: () => Counts | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

const tool = (name: string): string => join('node_modules/.bin', name);
const reportOf = (name: string): string => join(REPORTS, `${name}.json`);

/** @param projects of vitest.config.ts */
function vitest(name: string, what: string, minutes: number, projects: readonly string[]): Part {
  const report = reportOf(name);
  const reporters = ['--reporter=agent', '--reporter=json', `--outputFile.json=${report}`];
  return {
    name,
    what,
    minutes,
    command: [
      tool('vitest'),
      'run',
      '--passWithNoTests',
      ...reporters,
      ...projects.map((project) => `--project=${project}`),
    ],
    counts: () => vitestCounts(report),
  };
}

/** Tests of the page in a browser that `setup.sh` brings. */
function playwright(
  name: string,
  what: string,
  minutes: number,
  browser: string,
  args: readonly string[],
): Part {
  const report = reportOf(name);
  return {
    name,
    what,
    minutes,
    command: [tool('playwright'), 'test', '--reporter=list,json', ...args],
    needs: ['images', 'build'],
    setup: ['sh', 'scripts/setup.sh', browser],
    counts: () => playwrightCounts(report),
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  };
}

export const PARTS: readonly Part[] = [
  { name: 'generate', what: 'generated sources', command: [tool('tsx'), 'scripts/generate.ts'], minutes: 1 },
  {
    name: 'tools',
    what: 'programs that some tests ask',
    command: ['sh', 'scripts/setup.sh', 'tools'],
    minutes: 3,
    optional: true,
  },
  {
    name: 'images',
    what: 'guest image',
    command: [tool('tsx'), 'scripts/images/main.ts', '--if-needed'],
    minutes: 8,
    needs: ['generate'],
    optional: true,
    beside: true,
  },
  {
    name: 'types',
    what: 'TypeScript, one project per layer',
    command: ['sh', 'scripts/typecheck.sh'],
    minutes: 4,
    needs: ['generate'],
  },
  {
    name: 'lint',
    what: 'Biome',
    command: [tool('biome'), 'check', '--diagnostic-level=error', '.'],
    minutes: 2,
  },
  {
    ...vitest('unit', 'architecture, unit, conformance and golden tests', 9, ['unit', 'alone']),
    needs: ['generate'],
    after: ['tools'],
  },
  {
    ...vitest('guest', 'Linux and its hotplug, without a browser', 20, ['guest']),
    needs: ['generate', 'images'],
    after: ['tools'],
  },
  {
    name: 'build',
    what: 'the site',
    command: ['npm', 'run', 'build'],
    minutes: 2,
    // The site takes the guest image along.
    after: ['images'],
  },
  playwright('e2e', 'the page in Chromium', 18, 'chromium', []),
  {
    ...playwright('firefox', 'the page in Firefox', 18, 'firefox', ['--config=playwright.firefox.config.ts']),
    onlyNamed: true,
  },
  {
    ...vitest('long', 'soaks and long fuzz runs', 180, ['long']),
    needs: ['generate', 'images'],
    onlyNamed: true,
  },
];

/** The named parts with what they need, in order; without a name all but those that must be named. Gives the first unknown name instead. */
export function selectParts(names: readonly string[]): readonly Part[] | string {
  const wanted = new Set<string>();
  const want = (name: string): boolean => {
    const part = PARTS.find((candidate) => candidate.name === name);
    if (part === undefined) return false;
    wanted.add(name);
    return (part.needs ?? []).every(want);
  };
  for (const name of names) if (!want(name)) return name;
  return names.length === 0
    ? PARTS.filter(({ onlyNamed }) => onlyNamed !== true)
    : PARTS.filter(({ name }) => wanted.has(name));
}
