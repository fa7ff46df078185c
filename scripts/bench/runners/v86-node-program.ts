/** Runs one job on v86 in a process of its own. Bundled. */
import { readFile } from 'node:fs/promises';
import { startV86, type V86Files, type V86Machine } from '../page/v86-machine.ts';
import { finish, type Order, readOrder } from './node-process.ts';
import { Session } from './session.ts';
import { ownCpuTime } from './threads.ts';

export interface V86Order extends Order {
  readonly files: V86Files;
}

const { files, job, limitMs } = readOrder<V86Order>();
let machine: V86Machine | undefined;
const session = new Session(
  job,
  () => ({
    ...ownCpuTime(),
    wallSeconds: performance.now() / 1000,
    instructions: machine?.instructions() ?? 0,
  }),
  (text) => machine?.send(text),
);
const read = async (path: string): Promise<ArrayBuffer> => new Uint8Array(await readFile(path)).buffer;
setTimeout(() => finish(session.result()), limitMs);
machine = await startV86(files, read, job, (text) => {
  session.feed(text);
  if (session.done) finish(session.result());
});
