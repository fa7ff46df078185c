/** Runs one job in a web worker: fetches `order.json`, the kernel and the initrd beside itself and posts the result. */
import { runOnMachine } from './machine-run.ts';
import type { Job } from './session.ts';

const scope = globalThis as unknown as { postMessage(message: unknown): void };

async function bytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  return new Uint8Array(await response.arrayBuffer());
}

async function main(): Promise<void> {
  const order = (await (await fetch('/order.json')).json()) as { job: Job; limitMs: number };
  const files = { kernel: await bytes('/kernel'), initrd: await bytes('/initrd') };
  scope.postMessage({ result: await runOnMachine(files, order.job, order.limitMs) });
}

main().catch((error: unknown) => scope.postMessage({ error: String(error) }));
