/** v86 in a web worker. */

import type { Job } from '../runners/session.ts';
import { ConsoleLink, readOrder, runWorker, tell } from './link.ts';
import { startV86, type V86Files, type V86Machine } from './v86-machine.ts';

const FILES: V86Files = {
  module: '/v86/libv86.mjs',
  binary: '/v86/v86.wasm',
  bios: '/v86/bios.bin',
  vgaBios: '/v86/vgabios.bin',
  kernel: '/kernel',
  initrd: '/initrd',
};

runWorker(async () => {
  const { job } = await readOrder<{ job: Job }>();
  // All is there before the clock is read.
  const files = new Map<string, ArrayBuffer>();
  for (const path of Object.values(FILES)) files.set(path, await (await fetch(path)).arrayBuffer());
  tell({ type: 'ready' });
  let machine: V86Machine | undefined;
  const link = new ConsoleLink(
    () => machine?.instructions() ?? 0,
    ({ input, stop }) => {
      if (input !== '') machine?.send(input);
      if (stop) machine?.stop();
    },
  );
  const read = (path: string) => Promise.resolve(files.get(path) ?? new ArrayBuffer(0));
  machine = await startV86(FILES, read, job, (text) => link.feed(text));
});
