/**
 * Debian's Firefox as Playwright wants it. Playwright drives a stock Firefox through WebDriver BiDi; it starts this
 * program instead, which starts Firefox and passes on what the two say to each other. Playwright always sends some
 * commands that Firefox ESR does not have yet: they are answered here, with nothing done. And Playwright knows a
 * download by an id, which Firefox ESR does not give.
 */
import { spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket, WebSocketServer } from 'ws';

const { HOTSLOT_FIREFOX = 'firefox-esr' } = process.env;
/** What Firefox prints when it listens, and what Playwright waits for. */
const LISTENING = 'WebDriver BiDi listening on ';
/** The command that chooses colours and motion for the user: no test that runs in Firefox chooses any. */
const ANSWERED_HERE: readonly string[] = ['emulation.setMediaFeaturesOverride'];

interface Command {
  readonly id: number;
  readonly method: string;
}

interface Download {
  readonly url: string;
  /** When it begins. */
  readonly suggestedFilename?: string;
  /** When it has ended well. */
  readonly filepath?: string;
}

interface Event {
  readonly method?: string;
  readonly params: Download;
}

/**
 * What Firefox says, as Playwright understands it: a download gets its address as id, for the address of a blob is used
 * once; and its file the name that was announced, where Playwright looks for it. Firefox adds a number to a name that
 * an earlier download has.
 */
function downloadsNamed(): (text: string) => string {
  const names = new Map<string, string>();
  return (text) => {
    if (!text.includes('browsingContext.download')) return text;
    const event: Event = JSON.parse(text);
    if (event.method?.startsWith('browsingContext.download') !== true) return text;
    const { url, suggestedFilename, filepath } = event.params;
    if (suggestedFilename !== undefined) names.set(url, suggestedFilename);
    const name = names.get(url);
    if (filepath !== undefined && name !== undefined) renameSync(filepath, join(dirname(filepath), name));
    return JSON.stringify({ ...event, params: { ...event.params, download: url } });
  };
}

function relay(playwright: WebSocket, firefoxUrl: string): void {
  const firefox = new WebSocket(firefoxUrl);
  const early: string[] = [];
  playwright.on('message', (data) => {
    const text = String(data);
    const { id, method }: Command = JSON.parse(text);
    if (ANSWERED_HERE.includes(method)) playwright.send(JSON.stringify({ type: 'success', id, result: {} }));
    else if (firefox.readyState === WebSocket.CONNECTING) early.push(text);
    else firefox.send(text);
  });
  firefox.on('open', () => {
    for (const text of early) firefox.send(text);
  });
  const named = downloadsNamed();
  firefox.on('message', (data) => playwright.send(named(String(data))));
  firefox.on('close', () => playwright.close());
  firefox.on('error', () => playwright.close());
  playwright.on('close', () => firefox.close());
}

const browser = spawn(HOTSLOT_FIREFOX, process.argv.slice(2), { stdio: ['ignore', 'inherit', 'pipe'] });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => browser.kill(signal));
browser.on('exit', (code) => process.exit(code ?? 1));
browser.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
createInterface(browser.stderr).on('line', (line) => {
  const [before, url] = line.split(LISTENING);
  if (url === undefined) {
    process.stderr.write(`${line}\n`);
    return;
  }
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (playwright) => relay(playwright, `${url}/session`));
  server.on('listening', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    process.stderr.write(`${before}${LISTENING}ws://127.0.0.1:${port}\n`);
  });
});
