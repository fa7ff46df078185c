/** The property of `tests/property` with many times the situations, and others at each run; the seed is printed. */
import { env, stdout } from 'node:process';

env['HOTSLOT_STRINGS_SEED'] ??= String(Date.now() % 2 ** 31);
env['HOTSLOT_STRINGS_RUNS'] ??= '20000';
stdout.write(
  `HOTSLOT_STRINGS_SEED=${env['HOTSLOT_STRINGS_SEED']} HOTSLOT_STRINGS_RUNS=${env['HOTSLOT_STRINGS_RUNS']}\n`,
);

await import('../property/strings.test.ts');
