/** Our machine in a web worker of Debian's Chromium. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright';
import { bundleForBrowser } from '../bundle.ts';
import type { Files, Runner } from './runner.ts';
import type { Job, RunResult } from './session.ts';

const { HOTSLOT_CHROMIUM = '/usr/bin/chromium' } = process.env;
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

export function hotslotChromiumRunner(files: Files): Runner {
  let worker: Promise<string> | undefined;
  const launch = () => chromium.launch({ executablePath: HOTSLOT_CHROMIUM, args: ARGUMENTS });
  return {
    name: 'chromium',
    version: async () => {
      const browser = await launch();
      const version = browser.version();
      await browser.close();
      return `Hotslot in Chromium ${version}`;
    },
    run: async (job, limitMs) => {
      worker ??= bundleForBrowser('scripts/bench/runners/chromium-worker.ts', 'chromium-worker');
      const server = await serve(await worker, files, { job, limitMs });
      const browser = await launch();
      try {
        const page = await browser.newPage();
        await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
        return (await page.evaluate(IN_PAGE)) as RunResult;
      } finally {
        await browser.close();
        server.close();
      }
    },
  };
}

/** Runs in the page. */
const IN_PAGE = `new Promise((resolve, reject) => {
  const worker = new Worker('/worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => (data.error === undefined ? resolve(data.result) : reject(new Error(data.error)));
  worker.onerror = (event) => reject(new Error(event.message));
})`;

function serve(
  worker: string,
  { kernel, initrd }: Files,
  order: { job: Job; limitMs: number },
): Promise<Server> {
  const answers: Readonly<Record<string, readonly [type: string, body: () => Uint8Array | string]>> = {
    '/': ['text/html', () => '<!doctype html><title>bench</title>'],
    '/worker.js': ['text/javascript', () => readFileSync(worker)],
    '/order.json': ['application/json', () => JSON.stringify(order)],
    '/kernel': ['application/octet-stream', () => readFileSync(kernel)],
    '/initrd': ['application/octet-stream', () => readFileSync(initrd)],
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'Content-Type': answer[0] }).end(answer[1]());
  });
  return new Promise((resolve) => {
    server.listen(0, 'localhost', () => resolve(server));
  });
}
