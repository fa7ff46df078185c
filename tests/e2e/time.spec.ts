import { type Browser, expect, type Page, test } from '@playwright/test';
import { guestCommand, monitorCommand, typeInto, waitForGuest } from './support/page.ts';

const LOAD = '(while :; do :; done) & true';
const STOPPED_MS = 12_000;

test("a busy guest answers, and its clock goes with the host's through load and a standstill of the tab", async ({
  page,
  browser,
}) => {
  test.setTimeout(600_000);
  await page.goto('./');
  await waitForGuest(page);
  const start = await secondsAhead(page);
  await guestCommand(page, LOAD);
  for (let n = 0; n < 10; n++) {
    expect(await monitorCommand(page, 'info status')).toBe('VM status: running');
    expect(await guestCommand(page, `echo answer-${n}`)).toBe(`answer-${n}`);
  }
  await expectSame(page, start);

  await guestCommand(page, 'dmesg -C');
  const renderers = await rendererIds(browser);
  for (const id of renderers) process.kill(id, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
  for (const id of renderers) process.kill(id, 'SIGCONT');
  await expectSame(page, start);
  expect(await guestCommand(page, 'dmesg | grep -ciE "stall|lockup|stuck"')).toBe('0');
  await typeInto(page, 'console', 'kill %1\r');
});

/** Seconds by which the guest's clock is ahead of ours, from any origin. */
async function secondsAhead(page: Page): Promise<number> {
  const asked = performance.now();
  const uptime = await guestCommand(page, 'cut -d " " -f 1 /proc/uptime');
  return Number(uptime) - (asked + performance.now()) / 2000;
}

/** It may lag for as long as it catches up. */
async function expectSame(page: Page, ahead: number): Promise<void> {
  await expect
    .poll(async () => Math.abs((await secondsAhead(page)) - ahead), { timeout: 120_000 })
    .toBeLessThan(3);
}

/** The tab's process among them: a browser keeps spare ones. */
async function rendererIds(browser: Browser): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}
