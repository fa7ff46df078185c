/** Our machine in a Node process of its own, from a bundle. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundle } from '../bundle.ts';
import { CACHE, type Files, type Runner } from './runner.ts';
import type { RunResult } from './session.ts';

const execute = promisify(execFile);

export function hotslotNodeRunner({ kernel, initrd }: Files): Runner {
  let program: Promise<string> | undefined;
  return {
    name: 'node',
    version: () => Promise.resolve(`Hotslot in Node ${process.version}`),
    run: async (job, limitMs) => {
      program ??= bundle('scripts/bench/runners/node-program.ts', 'node-program');
      const order = join(CACHE, 'order.json');
      writeFileSync(order, JSON.stringify({ kernel, initrd, job, limitMs }));
      const { stdout } = await execute(process.execPath, [await program, order]);
      return JSON.parse(stdout) as RunResult;
    },
  };
}
