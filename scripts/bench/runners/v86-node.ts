/** v86 in a Node process of its own. */
import { pathToFileURL } from 'node:url';
import { bundle } from '../bundle.ts';
import { V86_VERSION, v86Package } from '../v86-package.ts';
import { runNode } from './node-process.ts';
import type { Runner } from './runner.ts';
import type { V86Order } from './v86-node-program.ts';

export function v86NodeRunner(): Runner {
  let program: Promise<string> | undefined;
  return {
    name: 'v86-node',
    guests: ['i386'],
    version: async () => {
      v86Package();
      return `v86 ${V86_VERSION} in Node ${process.version}`;
    },
    run: async ({ kernel, initrd }, job, limitMs) => {
      program ??= bundle('scripts/bench/runners/v86-node-program.ts', 'v86-node-program');
      const v86 = v86Package();
      const module = pathToFileURL(v86.module).href;
      const order: V86Order = { kernel, initrd, job, limitMs, files: { ...v86, module, kernel, initrd } };
      return runNode(await program, order);
    },
  };
}
