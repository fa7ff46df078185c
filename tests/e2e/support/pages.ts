/** The pages that tests are given. `page` is Playwright's own: a new browser context with nothing in it. */
import { type BrowserContext, test as base, expect, type Page } from '@playwright/test';
import { deleteImage, monitorCommand, terminalText, typeInto, waitForGuest } from './page.ts';

/** Of tests that run in Firefox too, where `npm test -- firefox` is called. */
export const FIREFOX = { tag: '@firefox' };

const VIEWPORT = { width: 1280, height: 800 };
/** A guest that is restored beside other work. */
const RESTORED_MS = 240_000;

interface TestPages {
  /** A page of its own whose guest never arrives, for what needs none: restoring one takes most of a test's time. */
  guestless: Page;
  /**
   * A page with a guest at its prompt, which tests share one after the other, for what does not end the machine. A test
   * leaves no program in the guest; disks, images, notices and the size of the page are put back for it. Text of
   * earlier tests may still be shown. When a test fails the next one is given a new page.
   */
  guest: Page;
}

export const test = base.extend<TestPages, { sharedGuest: Page }>({
  guestless: async ({ page, context }, use) => {
    await keepGuestAway(context);
    await page.goto('./');
    await use(page);
  },
  sharedGuest: [
    async ({ browser }, use, { project }) => {
      const { baseURL = '' } = project.use;
      const context = await browser.newContext({ viewport: VIEWPORT, baseURL });
      const page = await context.newPage();
      await page.goto('./');
      await waitForGuest(page);
      await use(page);
      await context.close();
    },
    { scope: 'worker', timeout: RESTORED_MS },
  ],
  guest: async ({ sharedGuest }, use, info) => {
    await use(sharedGuest);
    if (info.status === info.expectedStatus) await putBack(sharedGuest);
  },
});

/** Requests for the guest's files stay without an answer: the page goes on loading. */
export async function keepGuestAway(target: BrowserContext | Page): Promise<void> {
  await target.route('**/images/debian-amd64/**', () => {});
}

/** Leaves the page as the next test expects it, by what a user can do; fails where that does not lead there. */
async function putBack(page: Page): Promise<void> {
  await page.setViewportSize(VIEWPORT);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await unplugAll(page);
  await page.getByRole('tab', { name: 'Monitor' }).click();
  await typeInto(page, 'qmpShell', '\x05\x15');
  const disk = page.getByRole('tab', { name: 'Disk' });
  if (await disk.isVisible()) await disk.click();
  for (const path of await page
    .locator('.image')
    .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-path') ?? ''))) {
    await deleteImage(page, path);
  }
  await expect(page.getByText('No disk images yet')).toBeVisible();
  const dismiss = page.locator('.notices').getByRole('button', { name: 'Dismiss' });
  while ((await dismiss.count()) > 0) await dismiss.first().click();
  await expect(page.locator('.badge')).toHaveText('Running');
  await typeInto(page, 'console', '\r');
  await expect
    .poll(async () => (await terminalText(page, 'console')).split('\n').at(-1)?.trimEnd(), {
      message: 'the guest is at its prompt',
    })
    .toBe('guest#');
}

/** All that was plugged goes, then the drives that are left. */
async function unplugAll(page: Page): Promise<void> {
  // Whatever stands on the input line goes first.
  await typeInto(page, 'monitor', '\x05\x15');
  const plugged = await monitorCommand(page, 'info block');
  for (const [, device = ''] of plugged.matchAll(/Attached to: +\/machine\/peripheral\/([^/]+)\//g)) {
    expect(await monitorCommand(page, `device_del ${device}`)).toBe('');
  }
  await expect.poll(() => monitorCommand(page, 'info block')).not.toContain('Attached to');
  const drives = await monitorCommand(page, 'info block');
  for (const [, drive = ''] of drives.matchAll(/^(\S+?)(?: \(#\w+\))?: /gm)) {
    expect(await monitorCommand(page, `drive_del ${drive}`)).toBe('');
  }
  await expect(page.locator('.image').filter({ hasText: 'in use' })).toHaveCount(0);
}
