/**
 * npm run bench: the same guests, kernels and command lines on the host itself, QEMU TCG, v86, and our machine in Node
 * and in browsers, in turns, so that ratios hold on a busy machine too.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import '../generate.ts';
import type { Checkout } from './bundle.ts';
import { writeDocument } from './document.ts';
import { GUEST_NAMES, type GuestName } from './guests.ts';
import { type Choice, measure, prepareGuest } from './measure.ts';
import { profileKernels } from './profile/kernels.ts';
import { profile } from './profile/main.ts';
import { measurePrompt } from './prompt.ts';
import { changes, report } from './report.ts';
import { BEFORE, disagreements, type Results } from './results.ts';
import { hotslotChromiumRunner, v86ChromiumRunner } from './runners/chromium.ts';
import { firefoxRunner } from './runners/firefox.ts';
import { hotslotNodeRunner } from './runners/hotslot-node.ts';
import { nativeRunner } from './runners/native.ts';
import { qemuRunner } from './runners/qemu.ts';
import type { Runner } from './runners/runner.ts';
import { v86NodeRunner } from './runners/v86-node.ts';

const BASELINE = 'docs/performance-baseline.json';

const MAKERS: Readonly<Record<string, () => Runner>> = {
  native: nativeRunner,
  qemu: qemuRunner,
  node: hotslotNodeRunner,
  chromium: hotslotChromiumRunner,
  firefox: firefoxRunner,
  'v86-node': v86NodeRunner,
  'v86-chromium': v86ChromiumRunner,
};
const RUNNERS = Object.keys(MAKERS).join(',');
/** Runners that another checkout can have too. */
const BEFORE_MAKERS: Readonly<Record<string, (checkout: Checkout) => Runner>> = {
  node: hotslotNodeRunner,
  chromium: hotslotChromiumRunner,
};

const USAGE = `npm run bench -- [options]
  --full            all kernels and three rounds (else some, one round)
  --rounds N        rounds, interleaved over the runners
  --guests A,B      of ${GUEST_NAMES.join(', ')}
  --only A,B        these kernels; boot is always measured ("--only boot": nothing else)
  --runners A,B     of ${RUNNERS.replaceAll(',', ', ')}
  --against DIR     also the emulator of another checkout, built there by npm run generate, in the same rounds
  --save            writes docs/performance.md, and the figures as JSON (${BASELINE})
  --baseline FILE   compares with figures kept before (${BASELINE}, where it exists)
  --profile         where a cold boot in Node spends its time: records, helpers, slow paths, V8's profile;
                    with --only, where those kernels do
  --prompt DIR,…    how soon a visitor of these built sites (dist, or another checkout's dist) has the prompt,
                    in turns; five rounds
`;

const { values: options } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    guests: { type: 'string', default: GUEST_NAMES.join(',') },
    only: { type: 'string' },
    runners: { type: 'string', default: RUNNERS },
    against: { type: 'string' },
    save: { type: 'boolean', default: false },
    baseline: { type: 'string', default: BASELINE },
    profile: { type: 'boolean', default: false },
    prompt: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function wantedGuests(): GuestName[] {
  return options.guests.split(',').map((name) => {
    const found = GUEST_NAMES.find((guest) => guest === name);
    if (found === undefined) throw new Error(`no guest ${name}`);
    return found;
  });
}

async function availableRunners(): Promise<[runner: Runner, version: string][]> {
  const found: [Runner, string][] = [];
  const names = options.runners.split(',');
  const unknown = names.find((name) => !(name in MAKERS));
  if (unknown !== undefined) throw new Error(`no runner ${unknown}`);
  const { against } = options;
  const before = against === undefined ? undefined : { directory: against, suffix: BEFORE };
  const runners = names.flatMap((name) => [
    MAKERS[name]?.() ?? [],
    (before && BEFORE_MAKERS[name]?.(before)) ?? [],
  ]);
  for (const runner of runners.flat()) {
    const { name } = runner;
    try {
      found.push([runner, await runner.version()]);
    } catch (error) {
      say(`${name} is skipped: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    }
  }
  return found;
}

/** Indented, with the rounds of a figure in one line. */
function baselineText(results: Results): string {
  const text = JSON.stringify(results, undefined, 2);
  return `${text.replace(/\[[\s\d.,e+-]*\]/g, (list) => list.replace(/\s+/g, ' '))}\n`;
}

function readBaseline(): Results | undefined {
  return existsSync(options.baseline) ? JSON.parse(readFileSync(options.baseline, 'utf8')) : undefined;
}

async function bench(): Promise<void> {
  const choice: Choice = { full: options.full, only: options.only?.split(',') };
  const guests = wantedGuests().flatMap((name) => prepareGuest(name, choice, say) ?? []);
  const rounds = Number(options.rounds ?? (options.full ? 3 : 1));
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const results = { ...(await measure(await availableRunners(), guests, rounds, say)), command };
  const baseline = readBaseline();
  const compared = baseline === undefined ? [] : ['', ...changes(results, baseline)];
  process.stdout.write(`${[...report(results, baseline), ...compared].join('\n')}\n`);
  if (options.save) {
    writeDocument(results, baseline);
    writeFileSync(BASELINE, baselineText(results));
  }
  if (disagreements(results).length > 0) process.exitCode = 1;
}

async function prompt(sites: readonly string[]): Promise<void> {
  const lines = await measurePrompt(sites, Number(options.rounds ?? 5), say);
  process.stdout.write(`${lines.join('\n')}\n`);
}

if (options.help) process.stdout.write(USAGE);
else if (options.prompt !== undefined) await prompt(options.prompt.split(','));
else if (options.profile && options.only !== undefined)
  await profileKernels(wantedGuests(), options.only.split(','), say);
else if (options.profile) await profile();
else await bench();
