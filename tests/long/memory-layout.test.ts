/** The test of random memory layouts of `tests/property` with many more of them, others at each run; the seed is printed. */
import { env, stdout } from 'node:process';

env['HOTSLOT_LAYOUT_SEED'] ??= String(Date.now() % 2 ** 31);
env['HOTSLOT_LAYOUT_RUNS'] ??= '3000';
stdout.write(
  `HOTSLOT_LAYOUT_SEED=${env['HOTSLOT_LAYOUT_SEED']} HOTSLOT_LAYOUT_RUNS=${env['HOTSLOT_LAYOUT_RUNS']}\n`,
);

await import('../property/memory-layout.test.ts');
