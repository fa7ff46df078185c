/** Compares our reader and writer of JSON with QEMU's on made bytes: `npx tsx scripts/fuzz-json.ts [cases] [seed]`. */
import { Dice, jsonBytes } from '../tests/support/json-bytes.ts';
import { QmpEcho, RESET } from '../tests/support/qmp-echo.ts';
import { JsonQemu } from './json-qemu.ts';

const AT_ONCE = 100;
const SHOWN = 10;
const [cases = 20_000, seed = 1] = process.argv.slice(2).map(Number);

const dice = new Dice(seed);
/** Where a case is cut in two for our reader. */
const cuts = new Dice(seed);
const qemu = await JsonQemu.start();
const echo = new QmpEcho();
let differing = 0;
let messages = 0;
for (let done = 0; done < cases; done += AT_ONCE) {
  const all = Array.from({ length: Math.min(AT_ONCE, cases - done) }, () => jsonBytes(dice));
  const answers = await qemu.allAnswers(all);
  for (const [at, bytes] of all.entries()) {
    const cut = cuts.below(bytes.length + 1);
    echo.reader.feed(bytes.subarray(0, cut));
    echo.reader.feed(bytes.subarray(cut));
    echo.reader.feed(RESET);
    const ours = echo.take();
    const theirs = answers[at] ?? [];
    messages += theirs.length;
    const line = theirs.findIndex((text, number) => text !== ours[number]);
    if (line < 0 && ours.length === theirs.length) continue;
    if (++differing > SHOWN) continue;
    const input = JSON.stringify(Buffer.from(bytes).toString('latin1'));
    process.stdout.write(`${input}\n  QEMU: ${theirs[line]}\n  ours: ${ours[line]}\n`);
  }
}
await qemu.stop();
process.stdout.write(`seed ${seed}: ${cases} cases, ${messages} answers, ${differing} differ\n`);
process.exitCode = differing === 0 ? 0 : 1;
