import { type Dialog, expect, type Page, test } from '@playwright/test';
import {
  guestCommand,
  imageRow,
  makeImage,
  monitorCommand,
  plug,
  typeInto,
  waitForGuest,
  waitForText,
} from './support/page.ts';

const IMAGE = '/tmp/test.img';
const badge = (page: Page) => page.locator('.badge');

test('Reset and Cold boot ask while a disk is plugged, and only then', async ({ page }) => {
  test.setTimeout(400_000);
  await page.goto('./');
  await waitForGuest(page);
  await makeImage(page);
  await plug(page, IMAGE);
  for (const [button, title] of [
    ['Reset', 'Reset the machine?'],
    ['Cold boot', 'Throw this machine away?'],
  ] as const) {
    await page.locator('#controls').getByRole('button', { name: button }).click();
    const dialog = page.getByRole('dialog', { name: title });
    await expect(dialog).toContainText('not yet written to disk1 (/tmp/test.img) is lost');
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
    await expect(page.locator('#controls').getByRole('button', { name: button })).toBeFocused();
  }
  expect(await guestCommand(page, 'ls /sys/block | grep -c vda')).toBe('1');
  // By keys alone.
  await page.locator('#controls').getByRole('button', { name: 'Cold boot' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(imageRow(page, IMAGE)).not.toContainText('in use', { timeout: 60_000 });
  await waitForText(page, 'console', /(Linux version[\s\S]*){2}guest# ?$/m, 200_000);
  // Nothing is plugged any more.
  await page.locator('#controls').getByRole('button', { name: 'Reset' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await waitForText(page, 'console', /(Linux version[\s\S]*){3}/, 60_000);
});

test('while a cold boot loads, the page says so and offers no second one', async ({ page }) => {
  test.setTimeout(240_000);
  await page.route('**/vmlinu*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await route.continue();
  });
  await page.goto('./');
  await waitForGuest(page);
  const cold = page.locator('#controls').getByRole('button', { name: 'Cold boot' });
  await cold.click();
  await expect(badge(page)).toHaveText('Loading', { timeout: 2000 });
  await expect(cold).toBeDisabled();
  await expect(badge(page)).toHaveText('Running', { timeout: 60_000 });
  await expect(cold).toBeEnabled();
});

test('a cold boot that finds no kernel says so, and the machine goes on where it was', async ({ page }) => {
  test.setTimeout(120_000);
  await page.route('**/vmlinu*', (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto('./');
  await waitForGuest(page);
  await page.locator('#controls').getByRole('button', { name: 'Cold boot' }).click();
  await expect(page.getByRole('alert')).toContainText('The guest image is missing');
  await expect(badge(page)).toHaveText('Paused');
  await expect(page.locator('.boot-card')).toBeHidden();
  await page.getByRole('button', { name: 'Start' }).click();
  expect(await guestCommand(page, 'echo still here')).toBe('still here');
});

test('quit ends the machine at once, keeps what was written, and the page says so', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto('./');
  await waitForGuest(page);
  await makeImage(page);
  await plug(page, IMAGE);
  await guestCommand(page, 'echo kept | dd of=/dev/vda conv=fsync 2>/dev/null');
  await typeInto(page, 'monitor', 'quit\r');
  await expect(badge(page)).toHaveText('Powered off');
  await expect(page.locator('.notices')).toContainText('quit ended the machine');
  await expect(imageRow(page, IMAGE)).not.toContainText('in use');
  await page.getByRole('button', { name: 'Start' }).click();
  await waitForText(page, 'console', /Linux version[\s\S]*Linux version[\s\S]*guest# ?$/m, 200_000);
  await plug(page, IMAGE);
  expect(await guestCommand(page, 'head -c 4 /dev/vda; echo')).toBe('kept');
});

test('leaving the page asks while writes are not flushed or a file is on its way, and only then', async ({
  page,
}) => {
  test.setTimeout(240_000);
  const asked: Dialog[] = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog);
    dialog.dismiss().catch(() => {});
  });
  /** Whether the page wants to stay; it then does. */
  const asks = async () => {
    const before = asked.length;
    await page.evaluate(() => {
      location.hash = '';
      location.reload();
    });
    await page.waitForTimeout(500);
    return asked.length > before;
  };
  await page.goto('./');
  await waitForGuest(page);
  await makeImage(page);
  await plug(page, IMAGE);
  // Direct writes reach the host, and no flush follows.
  await guestCommand(page, 'dd if=/dev/urandom of=/dev/vda bs=4k count=4 oflag=direct 2>/dev/null');
  expect(await asks()).toBe(true);
  expect(asked[0]?.type()).toBe('beforeunload');
  await guestCommand(page, 'sync /dev/vda');
  await page.evaluate(() => {
    const piece = new Blob([new Uint8Array(16 << 20).fill(0x5a)]);
    const file = new File(new Array<Blob>(96).fill(piece), 'large.img');
    const transfer = new DataTransfer();
    transfer.items.add(file);
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
  });
  const upload = page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');
  await expect(upload).toContainText('of 1.5 GiB');
  expect(await asks()).toBe(true);
  await page.getByRole('button', { name: 'Cancel the upload of /tmp/large.img' }).click();
  await expect(upload).toHaveCount(0);
  expect(await asks()).toBe(false);
  await waitForGuest(page);
  expect(await monitorCommand(page, 'info status')).toBe('VM status: running');
});

test('a refused clipboard is said where everybody sees it', async ({ page, context }) => {
  await context.clearPermissions();
  await page.goto('./');
  await page.evaluate(() => {
    navigator.clipboard.readText = () => Promise.reject(new DOMException('denied', 'NotAllowedError'));
  });
  await page.getByRole('button', { name: 'Paste into the Monitor' }).click();
  const toast = page.locator('.toast');
  await expect(toast).toBeVisible();
  await expect(toast).toHaveText(/does not let this page read the clipboard/);
  await expect(toast).toHaveAttribute('role', 'status');
  await expect(toast).toBeEmpty({ timeout: 20_000 });
});
