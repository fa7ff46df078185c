/** Our machine in a Node process of its own, from a bundle. */
import { bundle, THIS_CHECKOUT } from '../bundle.ts';
import { PLAIN_GUESTS } from '../guests.ts';
import { runNode } from './node-process.ts';
import type { Runner } from './runner.ts';

export function hotslotNodeRunner(checkout = THIS_CHECKOUT): Runner {
  let program: Promise<string> | undefined;
  return {
    name: `node${checkout.suffix}`,
    guests: PLAIN_GUESTS,
    version: () => Promise.resolve(`Hotslot in Node ${process.version}`),
    run: async ({ kernel, initrd }, job, limitMs) => {
      program ??= bundle('scripts/bench/runners/node-program.ts', 'node-program', checkout);
      return runNode(await program, { kernel, initrd, job, limitMs });
    },
  };
}
