/**
 * Our machine in a web worker, of which the page's side holds the clock: the console's text goes out with the count of
 * instructions. At a mark the machine stands still until the clock was read.
 */
import { createMachine, runMachine } from './machine-run.ts';
import type { Job } from './session.ts';

/** From the worker. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | {
      readonly type: 'console';
      readonly text: string;
      readonly instructions: number;
      readonly waits: boolean;
    }
  | { readonly type: 'error'; readonly error: string };

/** To the worker. `go`: the answer to `ready` and to a console message that waits. */
export type PageMessage =
  | { readonly type: 'go' }
  | { readonly type: 'input'; readonly text: string }
  | { readonly type: 'stop' };

/** What a dedicated worker's global scope has, beside what Node knows too. */
interface Scope {
  postMessage(message: WorkerMessage): void;
  onmessage: ((event: { readonly data: PageMessage }) => void) | null;
}

const scope = globalThis as unknown as Scope;

async function bytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  return new Uint8Array(await response.arrayBuffer());
}

async function main(): Promise<void> {
  let go = (): void => {};
  let input = (_text: string): void => {};
  let stopped = false;
  scope.onmessage = ({ data }) => {
    if (data.type === 'go') go();
    else if (data.type === 'input') input(data.text);
    else stopped = true;
  };
  const ask = (message: WorkerMessage): Promise<void> => {
    return new Promise((resolve) => {
      go = resolve;
      scope.postMessage(message);
    });
  };
  const order = (await (await fetch('/order.json')).json()) as { job: Job; limitMs: number };
  const files = { kernel: await bytes('/kernel'), initrd: await bytes('/initrd') };
  await ask({ type: 'ready' });
  const machine = await createMachine(files, order.job);
  input = (text) => machine.serial.send(new TextEncoder().encode(text));
  const decoder = new TextDecoder();
  let text = '';
  machine.onSerial = (sent) => {
    text += decoder.decode(sent, { stream: true });
    if (text.endsWith('\n') && text.includes('@@')) machine.stop();
  };
  await runMachine(machine, order.limitMs, async () => {
    const { retiredInstructions: instructions, runState } = machine;
    const waits = runState === 'paused';
    if (text !== '') {
      const message: WorkerMessage = { type: 'console', text, instructions, waits };
      text = '';
      if (waits) await ask(message);
      else scope.postMessage(message);
    }
    if (waits) machine.cont();
    return stopped;
  });
}

main().catch((error: unknown) => scope.postMessage({ type: 'error', error: String(error) }));
