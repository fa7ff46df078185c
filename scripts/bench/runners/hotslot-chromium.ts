/** Our machine in a web worker of Debian's Chromium. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright';
import { bundleForBrowser } from '../bundle.ts';
import type { PageMessage, WorkerMessage } from './chromium-worker.ts';
import type { Files, Runner } from './runner.ts';
import { type Job, type RunResult, Session } from './session.ts';
import { busiestThreadSeconds, hasThread } from './threads.ts';

const { HOTSLOT_CHROMIUM = '/usr/bin/chromium' } = process.env;
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  // Memory is measured at once, not at the next garbage collection.
  '--enable-blink-features=ForceEagerMeasureMemory',
];

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
        return await watch(browser, page, job);
      } finally {
        await browser.close();
        server.close();
      }
    },
  };
}

/** The session is here, where the renderer's threads can be seen; the worker only talks. */
async function watch(browser: Browser, page: Page, job: Job): Promise<RunResult> {
  const send = (message: PageMessage): void => {
    page.evaluate(`worker.postMessage(${JSON.stringify(message)})`).catch(() => {});
  };
  let renderer = 0;
  let instructions = 0;
  let session: Session | undefined;
  await new Promise<void>((resolve, reject) => {
    const receive = async (message: WorkerMessage): Promise<void> => {
      if (message.type === 'error') reject(new Error(message.error));
      else if (message.type === 'ready') {
        renderer = await workersRenderer(browser);
        session = new Session(job, read, (text) => send({ type: 'input', text }));
        send({ type: 'go' });
      } else {
        instructions = message.instructions;
        session?.feed(message.text);
        if (message.waits) send({ type: 'go' });
        if (session?.done === true) resolve();
      }
    };
    const read = () => ({
      cpuSeconds: busiestThreadSeconds(renderer),
      wallSeconds: performance.now() / 1000,
      instructions,
    });
    page
      .exposeFunction('receive', receive)
      .then(() => page.evaluate(START_WORKER))
      .catch(reject);
  });
  send({ type: 'stop' });
  const bytes: unknown = await page.evaluate(MEASURE_MEMORY);
  return (
    session?.result(typeof bytes === 'number' ? bytes - job.memoryBytes - job.driveBytes : undefined) ?? {
      samples: [],
    }
  );
}

/** Chromium's name for it, cut to what Linux keeps. */
const WORKER_THREAD = 'DedicatedWorker';

const START_WORKER = `{
  globalThis.worker = new Worker('/worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = (event) => receive({ type: 'error', error: event.message });
}`;
/** Of the page and its worker, array buffers included. */
const MEASURE_MEMORY = `performance.measureUserAgentSpecificMemory?.().then(({ bytes }) => bytes)`;

/** The process that runs the worker: a browser keeps spare ones. */
async function workersRenderer(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const found = processInfo.find(({ type, id }) => type === 'renderer' && hasThread(id, WORKER_THREAD));
  if (found === undefined) throw new Error(`no process of Chromium has a thread ${WORKER_THREAD}`);
  return found.id;
}

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
  // Memory can be measured in isolated pages only.
  const isolation = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...isolation, 'Content-Type': answer[0] }).end(answer[1]());
  });
  return new Promise((resolve) => {
    server.listen(0, 'localhost', () => resolve(server));
  });
}
