/** Our machine in a web worker, in the loop and on the storage that the page's own worker has. */
import type { ImageOpener } from '../../../src/emu/index.ts';
import { WakingImages } from '../../../src/emu/index.ts';
import { RunLoop } from '../../../src/workers/run-loop.ts';
import { openStorage } from '../../../src/workers/storage/open-storage.ts';
import type { Job } from '../runners/session.ts';
import { createMachine, IMAGE, memoryImages } from './hotslot-machine.ts';
import { ConsoleLink, fail, readOrder, runWorker, tell } from './link.ts';

async function bytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  return new Uint8Array(await response.arrayBuffer());
}

/** The browser's storage with an empty image in it. */
async function storedImages(driveBytes: number): Promise<ImageOpener> {
  const store = await openStorage({ onNotice: ({ message }) => fail(new Error(message)) });
  await store.createEmpty(IMAGE, driveBytes);
  return store;
}

runWorker(async () => {
  const { job } = await readOrder<{ job: Job }>();
  const files = { kernel: await bytes('/kernel'), initrd: await bytes('/initrd') };
  const images = job.driveIn === 'indexeddb' ? await storedImages(job.driveBytes) : memoryImages(job);
  tell({ type: 'ready' });
  let wake = (): void => {};
  const machine = await createMachine(files, job, new WakingImages(images, () => wake()));
  const loop = new RunLoop(machine, {
    afterSlice: () => {
      if (machine.runState !== 'running') fail(new Error(`the guest is ${machine.runState}`));
    },
    crashed: fail,
  });
  wake = () => loop.wake();
  const link = new ConsoleLink(
    () => machine.retiredInstructions,
    ({ input, stop }) => {
      if (input !== '') machine.serial.send(new TextEncoder().encode(input));
      if (stop) loop.stop();
    },
  );
  const decoder = new TextDecoder();
  machine.onSerial = (sent) => link.feed(decoder.decode(sent, { stream: true }));
  // The memory of the machine is measured when it has ended.
  Object.assign(globalThis, { machine });
  machine.cont();
  loop.wake();
});
