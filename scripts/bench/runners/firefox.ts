/** Our machine in Debian's Firefox, where that is installed. Nothing drives the browser: the page tells all. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleForBrowser } from '../bundle.ts';
import { workDirectory } from '../cache.ts';
import { GUEST_NAMES } from '../guests.ts';
import { resultOf, serveBrowser } from './browser-server.ts';
import type { Runner } from './runner.ts';
import { cpuTime, descendants, hasThread } from './threads.ts';

const { HOTSLOT_FIREFOX = 'firefox-esr' } = process.env;
/** Firefox's name for it. */
const WORKER_THREAD = 'DOM Worker';
/** No pages and questions of its own, nothing fetched from its maker. */
const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
};

export function firefoxRunner(): Runner {
  let worker: Promise<string> | undefined;
  return {
    name: 'firefox',
    guests: GUEST_NAMES,
    version: async () => `Hotslot in ${version()}`,
    run: async ({ kernel, initrd }, job, limitMs) => {
      worker ??= bundleForBrowser('scripts/bench/page/hotslot-worker.ts', 'firefox-worker');
      const files = { '/worker.js': await worker, '/kernel': kernel, '/initrd': initrd };
      let firefox = 0;
      const run = await serveBrowser(files, job, limitMs, async () => {
        const found = descendants(firefox).find((pid) => hasThread(pid, WORKER_THREAD));
        if (found === undefined) throw new Error(`no process of Firefox has a thread ${WORKER_THREAD}`);
        return () => cpuTime(found);
      });
      const profile = makeProfile();
      const browser = spawn(
        HOTSLOT_FIREFOX,
        ['--headless', '--no-remote', '--profile', profile, run.address],
        { stdio: 'ignore' },
      );
      firefox = browser.pid ?? 0;
      const ended = new Promise<void>((done) => browser.once('exit', () => done()));
      try {
        const gone = ended.then(() => Promise.reject(new Error('Firefox ended')));
        return resultOf(await Promise.race([run.done, gone]), job, undefined);
      } finally {
        browser.kill('SIGTERM');
        await ended;
        run.close();
        rmSync(profile, { recursive: true, force: true });
      }
    },
  };
}

function version(): string {
  try {
    return execFileSync(HOTSLOT_FIREFOX, ['--version'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    throw new Error(`there is no ${HOTSLOT_FIREFOX} on this machine`);
  }
}

function makeProfile(): string {
  const directory = mkdtempSync(join(resolve(workDirectory()), 'firefox-'));
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
  );
  writeFileSync(join(directory, 'user.js'), `${lines.join('\n')}\n`);
  return directory;
}
