/** The lockstep test of `tests/property` with forty times the programs, and others at each run; the seed is printed. */
import { env, stdout } from 'node:process';

env['HOTSLOT_JIT_SEED'] ??= String(Date.now() % 2 ** 31);
env['HOTSLOT_JIT_RUNS'] ??= '20000';
stdout.write(`HOTSLOT_JIT_SEED=${env['HOTSLOT_JIT_SEED']} HOTSLOT_JIT_RUNS=${env['HOTSLOT_JIT_RUNS']}\n`);

await import('../property/jit-lockstep.test.ts');
