import { expect } from '@playwright/test';
import { downloadedSha256, imageRow, noise, pastedText, sha256, upload } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

test.beforeEach(async ({ guestless }) => {
  await expect(guestless.getByText('No disk images yet')).toBeVisible();
});

test('an upload comes back byte for byte, also after a reload', FIREFOX, async ({ page }) => {
  const bytes = noise(3 * 2 ** 20 + 12_345);
  await upload(page, 'test.img', bytes);
  await expect(imageRow(page, '/tmp/test.img')).toContainText('3.0 MiB');
  expect(await downloadedSha256(page, '/tmp/test.img')).toBe(sha256(bytes));
  await page.reload();
  await expect(imageRow(page, '/tmp/test.img')).toBeVisible();
  expect(await downloadedSha256(page, '/tmp/test.img')).toBe(sha256(bytes));
});

test('a file of zero bytes and a file of zeros', async ({ page }) => {
  await upload(page, 'zeros.img', Buffer.alloc(2 ** 20));
  await expect(imageRow(page, '/tmp/zeros.img')).toContainText('1 MiB, 0 B stored');
  expect(await downloadedSha256(page, '/tmp/zeros.img')).toBe(sha256(Buffer.alloc(2 ** 20)));
  await upload(page, 'nothing.img', Buffer.alloc(0));
  await expect(imageRow(page, '/tmp/nothing.img')).toContainText('0 B');
});

test('a large upload shows progress and can be cancelled without a trace', async ({ page }) => {
  // A file of 1.5 GiB that needs no room here: the same blob many times.
  await page.evaluate(() => {
    const piece = new Blob([new Uint8Array(16 << 20).fill(0x5a)]);
    const file = new File(
      Array.from({ length: 96 }, () => piece),
      'large.img',
    );
    const transfer = new DataTransfer();
    transfer.items.add(file);
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
  });
  const row = page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');
  await expect(row).toContainText('of 1.5 GiB');
  await expect.poll(() => row.getByRole('progressbar').getAttribute('value')).not.toBe('0');
  await page.getByRole('button', { name: 'Cancel the upload of /tmp/large.img' }).click();
  await expect(row).toHaveCount(0);
  await expect(page.getByText('No disk images yet')).toBeVisible();
});

test('an empty image is made, renamed and deleted', async ({ page }) => {
  await page.getByRole('button', { name: 'New empty image' }).click();
  const form = page.getByRole('dialog', { name: 'New empty image' });
  await form.getByLabel('Path in the emulated host').fill('/tmp/empty.img');
  await form.getByLabel('Size').fill('viel');
  await form.getByRole('button', { name: 'Create' }).click();
  await expect(form.getByRole('alert')).toContainText('is not a size');
  await form.getByLabel('Size').fill('8G');
  await form.getByRole('button', { name: 'Create' }).click();
  await expect(imageRow(page, '/tmp/empty.img')).toContainText('8 GiB, 0 B stored');

  await page.getByRole('button', { name: 'Rename /tmp/empty.img' }).click();
  const rename = page.getByRole('dialog', { name: 'Rename image' });
  await rename.getByLabel('Path in the emulated host').fill('/home/me/other.img');
  await rename.getByRole('button', { name: 'Rename' }).click();
  await expect(imageRow(page, '/home/me/other.img')).toBeVisible();
  await expect(imageRow(page, '/tmp/empty.img')).toHaveCount(0);

  await page.getByRole('button', { name: 'Delete /home/me/other.img' }).click();
  const remove = page.getByRole('dialog', { name: 'Delete image' });
  await remove.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No disk images yet')).toBeVisible();
});

test('a taken name is not overwritten: the page proposes another', FIREFOX, async ({ page }) => {
  const first = noise(5000, 1);
  const second = noise(6000, 2);
  await upload(page, 'test.img', first);
  await expect(imageRow(page, '/tmp/test.img')).toBeVisible();
  await upload(page, 'test.img', second);
  const form = page.getByRole('dialog', { name: 'Name for the uploaded image' });
  await expect(form.getByLabel('Path in the emulated host')).toHaveValue('/tmp/test-2.img');
  await form.getByRole('button', { name: 'Upload' }).click();
  await expect(imageRow(page, '/tmp/test-2.img')).toBeVisible();
  expect(await downloadedSha256(page, '/tmp/test.img')).toBe(sha256(first));
  expect(await downloadedSha256(page, '/tmp/test-2.img')).toBe(sha256(second));
});

test('another tab sees new images at once', async ({ page, context }) => {
  const other = await context.newPage();
  await other.goto('./');
  await expect(other.getByText('No disk images yet')).toBeVisible();
  await upload(page, 'shared.img', noise(1000));
  await expect(imageRow(other, '/tmp/shared.img')).toBeVisible();
});

test('a click on the path copies it', FIREFOX, async ({ page }) => {
  await upload(page, 'copy me.img', noise(1000));
  await page.getByRole('button', { name: 'Copy the path /tmp/copy-me.img' }).click();
  expect(await pastedText(page)).toBe('/tmp/copy-me.img');
});
