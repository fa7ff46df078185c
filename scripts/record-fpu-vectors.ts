/** Records tests/vectors/fpu on the x86-64 processor that it runs on: `npx tsx scripts/record-fpu-vectors.ts`. Needs a C compiler. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { SSE_OPS } from '../src/emu/cpu/sse/ops.ts';
import { CANONICAL_BYTES, difference, families, RECORD_BYTES } from '../tests/support/fpu-vectors.ts';

const directory = mkdtempSync(join(tmpdir(), 'fpu-vectors-'));
const recorder = join(directory, 'recorder');
const source = new URL('record-fpu-vectors.c', import.meta.url).pathname;
const compiler = spawnSync('cc', ['-O1', '-o', recorder, source], { stdio: 'inherit' });
if (compiler.status !== 0) throw new Error('the recorder does not compile');

for (const { name, cases } of families(SSE_OPS)) {
  const input = Buffer.concat(cases.map((one) => one.record));
  const run = spawnSync(recorder, { input, maxBuffer: input.length + 1 });
  if (run.stdout.length !== input.length) throw new Error(`${name}: the recorder died (${run.signal})`);
  const out = Buffer.alloc(cases.length * CANONICAL_BYTES);
  for (const [i, one] of cases.entries()) {
    const after = run.stdout.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES);
    out.set(difference(one.record, after), i * CANONICAL_BYTES);
  }
  const packed = brotliCompressSync(out);
  writeFileSync(new URL(`../tests/vectors/fpu/${name}.br`, import.meta.url), packed);
  process.stdout.write(`${name}: ${cases.length} cases, ${packed.length} bytes\n`);
}
rmSync(directory, { recursive: true });
