import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, type Page, test } from '@playwright/test';
import { expectFollowing } from './support/console-size.ts';
import {
  guestCommand,
  imageRow,
  monitorCommand,
  noise,
  terminalText,
  typeInto,
  upload,
  waitForGuest,
  waitForText,
} from './support/page.ts';

const IMAGE = join(import.meta.dirname, '../../public/images/debian-amd64');
const DISK = '/tmp/disk1.img';
/** Long: how soon it comes is measured by `npm run bench -- --prompt`. That nothing boots is told by what is downloaded. */
const PROMPT_MS = 60_000;

declare global {
  interface Window {
    /** Milliseconds after the navigation: the prompt is there, a key that was typed at it shows. */
    promptMs?: number;
    echoMs?: number;
  }
}

/** Types at the prompt as soon as it is there; in the page, so that no round trip counts. */
function watchStart(): void {
  const timer = setInterval(() => {
    const last = window.hotslot?.console.text().trimEnd().split('\n').at(-1);
    if (last === 'guest#' && window.promptMs === undefined) {
      window.promptMs = performance.now();
      window.hotslot?.console.type('#');
    }
    if (last !== 'guest# #') return;
    window.echoMs = performance.now();
    clearInterval(timer);
  }, 10);
}

async function secondsOff(page: Page): Promise<number> {
  const seconds = Number(await guestCommand(page, 'date +%s'));
  return Math.abs(seconds - Date.now() / 1000);
}

const RANDOM_BYTES = 'head -c 16 /dev/urandom | od -An -tx1';

test('a visitor has a live prompt at once, with the right time and random numbers of their own, and can plug, unplug and reset', async ({
  page,
  context,
}) => {
  test.setTimeout(240_000);
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.addInitScript(watchStart);
  await page.goto('./');
  await waitForText(page, 'console', /^guest# #$/m, PROMPT_MS);
  const [prompt = 0, echo = 0] = await page.evaluate(() => [window.promptMs, window.echoMs]);
  process.stdout.write(
    `      prompt after ${prompt.toFixed(0)} ms, a key shows after ${echo.toFixed(0)} ms\n`,
  );
  await typeInto(page, 'console', '\r');
  expect(await terminalText(page, 'console')).toContain('Linux version');
  expect(requests.filter((url) => /vmlinux|initrd/.test(url))).toEqual([]);
  const random = await guestCommand(page, RANDOM_BYTES);
  expect(await secondsOff(page)).toBeLessThan(5);
  await expectFollowing(page);
  const second = await context.newPage();
  await second.goto('./');
  await waitForGuest(second);
  expect(await guestCommand(second, RANDOM_BYTES)).not.toBe(random);
  await second.close();
  await upload(page, 'disk1.img', noise(1 << 20));
  await expect(imageRow(page, DISK)).toBeVisible();
  expect(await monitorCommand(page, `drive_add 0 if=none,file=${DISK},format=raw,id=disk1`)).toBe('OK');
  expect(await monitorCommand(page, 'device_add virtio-blk-pci,drive=disk1,id=disk1')).toBe('');
  await expect
    .poll(() => guestCommand(page, 'lsblk -dno NAME,SIZE'), { timeout: 30_000 })
    .toMatch(/^vda +1M/m);
  await monitorCommand(page, 'device_del disk1');
  await expect.poll(() => guestCommand(page, 'lsblk'), { timeout: 30_000 }).toBe('');
  await page.getByRole('button', { name: 'Reset' }).click();
  await waitForText(page, 'console', /(Run \/init[\s\S]*){2}guest# ?$/m, 120_000);
  expect(requests.some((url) => url.includes('vmlinux'))).toBe(true);
  await expectFollowing(page);
});

test('a snapshot that is damaged, foreign or gone makes the guest boot', async ({ page }) => {
  test.setTimeout(180_000);
  const damaged = readFileSync(join(IMAGE, 'snapshot-0.zst'));
  damaged.fill(0x5a, damaged.length >> 1, (damaged.length >> 1) + 64);
  const answers = [
    { body: damaged, why: /damaged/ },
    { body: gzipSync('a letter to somebody else'), why: /This is no snapshot of a machine/ },
    { status: 404, body: '', why: /is not there/ },
  ];
  for (const { why, ...answer } of answers) {
    await page.route('**/snapshot-0.zst', (route) => route.fulfill(answer));
    await page.goto('./');
    const notices = page.locator('.notices');
    await expect(notices).toContainText('could not be restored, so the guest boots', { timeout: 30_000 });
    await expect(notices).toContainText(why);
    await page.unroute('**/snapshot-0.zst');
  }
  await waitForGuest(page);
});
