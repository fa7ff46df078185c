import { type Dialog, expect } from '@playwright/test';
import { guestCommand, makeImage, monitorCommand, plug, waitForGuest } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

const IMAGE = '/tmp/test.img';

test(
  'leaving the page asks while writes are not flushed or a file is on its way, and only then',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    const asked: Dialog[] = [];
    const stay = (dialog: Dialog): void => {
      asked.push(dialog);
      dialog.dismiss().catch(() => {});
    };
    page.on('dialog', stay);
    /**
     * Tries to load the page again, as the browser's button does: whether the page asks, and so stays, or is loaded. By script
     * Firefox loads no page again that has stayed once.
     */
    const asks = async () => {
      const outcome = Promise.race([
        page.waitForEvent('dialog').then(() => true),
        page.waitForEvent('load').then(() => false),
      ]);
      page.reload().catch(() => {});
      return await outcome;
    };
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
    page.off('dialog', stay);
    await waitForGuest(page);
    expect(await monitorCommand(page, 'info status')).toBe('VM status: running');
  },
);

test('a refused clipboard is said where everybody sees it', FIREFOX, async ({ guestless: page }) => {
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
