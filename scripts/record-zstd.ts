/** Records what Zstandard's own program makes of the inputs in tests/support/zstd-inputs.ts; it must be installed. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZSTD_INPUTS, ZSTD_LEVELS } from '../tests/support/zstd-inputs.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/zstd');

mkdirSync(OUTPUT, { recursive: true });
for (const [name, input] of Object.entries(ZSTD_INPUTS)) {
  for (const level of ZSTD_LEVELS) {
    // One without, one with a checksum and a size that is not said.
    const options = level === 1 ? [] : ['--no-check', `--stream-size=${input().length}`];
    const { status, stdout } = spawnSync('zstd', ['-q', `-${level}`, ...options, '-c'], { input: input() });
    if (status !== 0) throw new Error(`zstd failed on ${name}`);
    writeFileSync(join(OUTPUT, `${name}-${level}.zst`), stdout);
  }
}
