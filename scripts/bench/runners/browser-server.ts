/** Serves a page with one worker, and answers what the worker says: the session is here, where threads can be seen. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, MESSAGE_PATH, ORDER_PATH, type WorkerMessage } from '../page/link.ts';
import { type Job, type RunResult, Session } from './session.ts';
import type { CpuTime } from './threads.ts';

/** Address to file, all that a worker fetches. */
export type Served = Readonly<Record<string, string>>;

const PAGE = `<!doctype html><title>bench</title><script>
globalThis.worker = new Worker('/worker.js', { type: 'module' });
worker.onerror = ({ message }) => fetch('${MESSAGE_PATH}', {
  method: 'POST', body: JSON.stringify({ type: 'error', error: message })
});
</script>`;
// Memory can be measured in isolated pages only.
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', mjs: 'text/javascript' };

export interface BrowserRun {
  readonly address: string;
  /** The session's end. Rejects with the worker's error, or after the limit. */
  readonly done: Promise<Session>;
  close(): void;
}

/**
 * @param findProcess called when the worker is about to start its machine
 * @returns the clock of the worker's process
 */
export async function serveBrowser(
  files: Served,
  job: Job,
  limitMs: number,
  findProcess: () => Promise<() => CpuTime>,
): Promise<BrowserRun> {
  let session: Session | undefined;
  let instructions = 0;
  let input = '';
  let resolve = (_session: Session): void => {};
  let reject = (_error: unknown): void => {};
  const done = new Promise<Session>((good, bad) => {
    [resolve, reject] = [good, bad];
  });
  const timer = setTimeout(
    () => reject(new Error(`no end within ${limitMs} ms after ${session?.tail ?? 'nothing'}`)),
    limitMs,
  );
  const receive = async (message: WorkerMessage): Promise<Answer> => {
    if (message.type === 'error') reject(new Error(message.error));
    else if (message.type === 'ready') {
      const time = await findProcess();
      const read = () => ({
        ...time(),
        wallSeconds: performance.now() / 1000,
        instructions,
      });
      session = new Session(job, read, (text) => {
        input += text;
      });
    } else {
      instructions = message.instructions;
      session?.feed(message.text);
      if (session?.done === true) resolve(session);
    }
    const answer = { input, stop: session?.done === true };
    input = '';
    return answer;
  };
  const server = createServer((request, response) => {
    const answer = async (): Promise<readonly [type: string, body: string | Uint8Array]> => {
      const url = request.url ?? '';
      const json = 'application/json';
      if (url === '/') return ['text/html', PAGE];
      if (url === MESSAGE_PATH) {
        const message = JSON.parse(await body(request)) as WorkerMessage;
        return [json, JSON.stringify(await receive(message))];
      }
      if (url === ORDER_PATH) return [json, JSON.stringify({ job, limitMs })];
      const file = files[url];
      if (file === undefined) throw new Error(`no ${url}`);
      return [TYPES[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream', readFileSync(file)];
    };
    answer().then(
      ([type, content]) => response.writeHead(200, { ...ISOLATION, 'Content-Type': type }).end(content),
      (error: unknown) => {
        if (request.url === MESSAGE_PATH) reject(error);
        response.writeHead(404).end();
      },
    );
  });
  await listen(server);
  return {
    address: `http://localhost:${(server.address() as AddressInfo).port}/`,
    done: done.finally(() => clearTimeout(timer)),
    close: () => {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, 'localhost', () => resolve());
  });
}

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** What a job measured; `bytes`: all memory of the page. */
export function resultOf(session: Session, job: Job, bytes: unknown): RunResult {
  const known = job.memoryBytes + (job.driveIn === 'memory' ? job.driveBytes : 0);
  return session.result(typeof bytes === 'number' ? bytes - known : undefined);
}
