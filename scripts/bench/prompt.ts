/** How soon a visitor has the prompt and sees a typed key, of one site or of several in turns: `npm run bench -- --prompt DIR,DIR`. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { type Browser, chromium } from 'playwright';
import { median } from './results.ts';

const { HOTSLOT_CHROMIUM = '/usr/bin/chromium' } = process.env;
const LIMIT_MS = 60_000;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

interface Start {
  /** Milliseconds from the navigation to the prompt. */
  readonly promptMs: number;
  /** Milliseconds from the navigation until a key shows that was typed at the prompt. */
  readonly echoMs: number;
}

/** Runs in the page: types a key at the prompt as soon as it is there, so that no round trip counts. */
const WATCH = `{
  const start = (window.hotslotStart = {});
  const timer = setInterval(() => {
    const last = window.hotslot?.console.text().trimEnd().split('\\n').at(-1);
    if (last === 'guest#' && start.promptMs === undefined) {
      start.promptMs = performance.now();
      window.hotslot.console.type('#');
    }
    if (last !== 'guest# #') return;
    start.echoMs = performance.now();
    clearInterval(timer);
  }, 10);
}`;

/** Measures the sites (folders with an index.html) in turns and gives the lines of a report. */
export async function measurePrompt(
  sites: readonly string[],
  rounds: number,
  say: (text: string) => void,
): Promise<string[]> {
  const found: Start[][] = sites.map(() => []);
  const browser = await chromium.launch({
    executablePath: HOTSLOT_CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  try {
    // The first visit of a browser pays for what all later ones have.
    for (const site of sites) await visit(browser, site);
    for (let round = 1; round <= rounds; round++) {
      for (const [at, site] of sites.entries()) {
        const start = await visit(browser, site);
        found[at]?.push(start);
        say(`round ${round} of ${rounds}: ${site}, prompt after ${start.promptMs.toFixed(0)} ms`);
      }
    }
  } finally {
    await browser.close();
  }
  return report(sites, found, rounds);
}

async function visit(browser: Browser, site: string): Promise<Start> {
  const server = await serve(site);
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.addInitScript(WATCH);
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    const echoed = 'window.hotslotStart.echoMs !== undefined';
    await page.waitForFunction(echoed, undefined, { timeout: LIMIT_MS, polling: 100 });
    return await page.evaluate<Start>('window.hotslotStart');
  } finally {
    await context.close();
    server.close();
    server.closeAllConnections();
  }
}

function serve(site: string): Promise<Server> {
  if (!existsSync(join(site, 'index.html'))) throw new Error(`${site} has no index.html: npm run build`);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = join(site, normalize(pathname === '/' ? '/index.html' : pathname));
    if (!existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type }).end(readFileSync(file));
  });
  return new Promise((resolve) => {
    server.listen(0, 'localhost', () => resolve(server));
  });
}

function report(sites: readonly string[], found: readonly (readonly Start[])[], rounds: number): string[] {
  const cell = (values: readonly number[]): string =>
    `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`;
  return [
    `${rounds} interleaved rounds, medians with least and most. ${cpus()[0]?.model ?? ''}, ${cpus().length} cores, load ${(loadavg()[0] ?? 0).toFixed(1)} at the end.`,
    '',
    '| site | prompt, ms after the navigation | a typed key shows, ms after the prompt |',
    '| --- | ---: | ---: |',
    ...sites.map((site, at) => {
      const starts = found[at] ?? [];
      const prompt = cell(starts.map(({ promptMs }) => promptMs));
      return `| ${site} | ${prompt} | ${cell(starts.map(({ promptMs, echoMs }) => echoMs - promptMs))} |`;
    }),
  ];
}
