import { expect } from '@playwright/test';
import { guestCommand, waitForGuest } from './support/page.ts';
import { test } from './support/pages.ts';
import { type StaticServer, serveSite } from './support/static-server.ts';

const MINUTES = 60_000;
const INTERPRETER_ONLY = /^interpreter only: this page’s policy forbids compiled code$/;

let site: StaticServer | undefined;
test.afterEach(() => site?.close());

test('under a policy without unsafe-eval the guest boots in the interpreter, and the page says so', async ({
  page,
}) => {
  test.setTimeout(5 * MINUTES);
  site = await serveSite({ 'Content-Security-Policy': "script-src 'self'" });
  await page.goto(site.url);
  await expect(page.locator('#controls')).toContainText('interpreter only', { timeout: 60_000 });
  await expect(page.locator('#controls .policy')).toHaveText(INTERPRETER_ONLY);
  await waitForGuest(page);
  expect(await guestCommand(page, 'uname -m')).toBe('x86_64');
});

test('without such a policy the page says nothing of it', async ({ guest }) => {
  await expect(guest.locator('#controls').getByRole('button', { name: 'Pause' })).toBeEnabled();
  await expect(guest.locator('#controls .policy')).toBeEmpty();
});
