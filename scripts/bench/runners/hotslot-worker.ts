/** Our machine in a web worker. */
import { createMachine, runMachine } from './machine-run.ts';
import { ConsoleLink, readOrder, runWorker, tell } from './page-link.ts';
import type { Job } from './session.ts';

async function bytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  return new Uint8Array(await response.arrayBuffer());
}

runWorker(async () => {
  const { job, limitMs } = await readOrder<{ job: Job; limitMs: number }>();
  const files = { kernel: await bytes('/kernel'), initrd: await bytes('/initrd') };
  tell({ type: 'ready' });
  const machine = await createMachine(files, job);
  let stopped = false;
  const link = new ConsoleLink(
    () => machine.retiredInstructions,
    ({ input, stop }) => {
      if (input !== '') machine.serial.send(new TextEncoder().encode(input));
      stopped = stop;
    },
  );
  const decoder = new TextDecoder();
  machine.onSerial = (sent) => link.feed(decoder.decode(sent, { stream: true }));
  // The memory of the machine is measured when it has ended.
  Object.assign(globalThis, { machine });
  await runMachine(machine, limitMs, () => stopped);
});
