/** A cold boot that counts. Prints the profile. */
import { bootOnly, readGuestImage } from '../guests.ts';
import { createMachine, memoryImages } from '../page/hotslot-machine.ts';
import { NodeLoop } from '../runners/node-loop.ts';
import * as counters from './counters.ts';
import { instrument } from './instrument.ts';

const LIMIT_MS = 300_000;
const PROMPT = 'guest# ';

const { interpreter, events } = counters;
const lines: string[] = [];

/** `total` 0: counts of different things, no shares. */
function table(
  title: string,
  rows: Iterable<readonly [name: string, count: number]>,
  limit: number,
  total?: number,
): void {
  const sorted = [...rows].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  const all = total ?? sorted.reduce((sum, [, count]) => sum + count, 0);
  lines.push('', `## ${title} (${sorted.length} rows${all === 0 ? '' : `, total ${all}`})`);
  let sum = 0;
  for (const [name, count] of sorted.slice(0, limit)) {
    sum += count;
    const shares = all === 0 ? '' : ` ${percent(count, all)} ${percent(sum, all)}`;
    lines.push(`${String(count).padStart(12)}${shares} ${name}`);
  }
}

function percent(part: number, all: number): string {
  return `${((100 * part) / all).toFixed(2).padStart(6)}%`;
}

const named = (counts: ArrayLike<number>, names: readonly string[]): [string, number][] =>
  Array.from(counts, (count, n) => [names[n] ?? String(n), count ?? 0]);

counters.watchClasses();
const image = readGuestImage();
const start = performance.now();
const job = bootOnly(image);
const machine = await createMachine(image, job, memoryImages(job), instrument);
counters.watchMachine(machine);
let output = '';
machine.onSerial = (bytes) => {
  output += Buffer.from(bytes).toString('latin1');
};
await new NodeLoop().run(machine, LIMIT_MS, () => output.includes(PROMPT));
const seconds = (performance.now() - start) / 1000;

const { retiredInstructions } = machine;
const executed = interpreter.kinds.reduce((sum, n) => sum + n, 0);
lines.push(
  `cold boot with counters: ${seconds.toFixed(1)} s wall, ${retiredInstructions} instructions, ${executed} records`,
);
table('record kinds executed', named(interpreter.kinds, counters.RECORD_NAMES), 120);
table('pairs of record kinds', pairs(), 80, executed);
table(
  'calls out of the interpreter (all)',
  Object.entries(interpreter.calls).map(([name, [calls]]) => [name, calls]),
  60,
);
table(
  'calls out of the interpreter that answered 0',
  Object.entries(interpreter.calls).map(([name, [, zero]]) => [name, zero]),
  60,
);
table('helpers', named(interpreter.helpers, counters.HELPER_NAMES), 80);
table('SSE operations', named(interpreter.sse, counters.SSE_NAMES), 30);
table('events', events, 120, 0);
const pages = [...counters.dropped].map(([page, n]): [string, number] => [`page ${page.toString(16)}`, n]);
table('pages dropped (guest-physical page number)', pages, 30);
table('pages by how often they were dropped', histogram(counters.dropped.values()), 20);
table('blocks by how often they were decoded', histogram(counters.translated.values()), 20);
table('blocks decoded most often', counters.translated, 30);
process.stdout.write(`${lines.join('\n')}\n`);

function* pairs(): Iterable<[string, number]> {
  const { records } = interpreter;
  for (let n = 0; n < records * records; n++) {
    const count = interpreter.pairs[n] ?? 0;
    if (count === 0) continue;
    yield [
      `${counters.RECORD_NAMES[Math.floor(n / records)]} → ${counters.RECORD_NAMES[n % records]}`,
      count,
    ];
  }
}

function histogram(counts: Iterable<number>): Map<string, number> {
  const buckets = new Map<string, number>();
  for (const count of counts) {
    const bucket = 2 ** Math.floor(Math.log2(count));
    const name = `${bucket}–${2 * bucket - 1} times`;
    buckets.set(name, (buckets.get(name) ?? 0) + 1);
  }
  return buckets;
}
