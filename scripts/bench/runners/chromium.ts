/** Debian's Chromium: a page whose worker is our machine, or v86. */
import { type Browser, chromium } from 'playwright';
import { bundleForBrowser, THIS_CHECKOUT } from '../bundle.ts';
import { GUEST_NAMES, type GuestName } from '../guests.ts';
import { V86_VERSION, v86Package } from '../v86-package.ts';
import { resultOf, type Served, serveBrowser } from './browser-server.ts';
import type { Runner } from './runner.ts';
import { cpuTime, hasThread } from './threads.ts';

const { HOTSLOT_CHROMIUM = '/usr/bin/chromium' } = process.env;
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  // Memory is measured at once, not at the next garbage collection.
  '--enable-blink-features=ForceEagerMeasureMemory',
];
/** Chromium's name for it, cut to what Linux keeps. */
const WORKER_THREAD = 'DedicatedWorker';
/** Of the page and its worker, array buffers included. */
const MEASURE_MEMORY = `performance.measureUserAgentSpecificMemory?.().then(({ bytes }) => bytes)`;

/** Our machine. */
export function hotslotChromiumRunner(checkout = THIS_CHECKOUT): Runner {
  const name = `chromium${checkout.suffix}`;
  return runner(name, GUEST_NAMES, 'Hotslot', 'hotslot-worker', true, () => ({}), checkout);
}

/** The other machine that runs in a page. */
export function v86ChromiumRunner(): Runner {
  return runner('v86-chromium', ['i386'], `v86 ${V86_VERSION}`, 'v86-worker', false, () => {
    const { module, binary, bios, vgaBios } = v86Package();
    return {
      '/v86/libv86.mjs': module,
      '/v86/v86.wasm': binary,
      '/v86/bios.bin': bios,
      '/v86/vgabios.bin': vgaBios,
    };
  });
}

function runner(
  name: string,
  guests: readonly GuestName[],
  what: string,
  program: string,
  // Chromium does not count all of v86's memory.
  measuresMemory: boolean,
  more: () => Served,
  checkout = THIS_CHECKOUT,
): Runner {
  let worker: Promise<string> | undefined;
  const launch = () => chromium.launch({ executablePath: HOTSLOT_CHROMIUM, args: ARGUMENTS });
  return {
    name,
    guests,
    version: async () => {
      more();
      const browser = await launch();
      const version = browser.version();
      await browser.close();
      return `${what} in Chromium ${version}`;
    },
    run: async ({ kernel, initrd }, job, limitMs) => {
      worker ??= bundleForBrowser(`scripts/bench/page/${program}.ts`, program, checkout);
      const files = { '/worker.js': await worker, '/kernel': kernel, '/initrd': initrd, ...more() };
      const browser = await launch();
      const run = await serveBrowser(files, job, limitMs, async () => {
        const renderer = await workersRenderer(browser);
        return () => cpuTime(renderer);
      });
      try {
        const page = await browser.newPage();
        await page.goto(run.address);
        const session = await run.done;
        return resultOf(session, job, measuresMemory ? await page.evaluate(MEASURE_MEMORY) : undefined);
      } finally {
        await browser.close();
        run.close();
      }
    },
  };
}

/** The process that runs the worker: a browser keeps spare ones. */
async function workersRenderer(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const found = processInfo.find(({ type, id }) => type === 'renderer' && hasThread(id, WORKER_THREAD));
  if (found === undefined) throw new Error(`no process of Chromium has a thread ${WORKER_THREAD}`);
  return found.id;
}
