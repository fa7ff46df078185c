/** Snapshots of the machine as a user of the page has them: taken and gone back to in the monitor, listed, brought away and back. */
import { expect } from '@playwright/test';
import {
  deleteImage,
  guestCommand,
  imageRow,
  makeImage,
  monitorCommand,
  plug,
  terminalText,
  waitForDisk,
  waitForGuest,
} from './support/page.ts';
import { test } from './support/pages.ts';

const KEPT = '/tmp/kept.hotslot-snapshot';

test('savevm survives a reload, is downloaded, deleted, uploaded and gone back to, disk and all', async ({
  page,
}) => {
  test.setTimeout(240_000);
  await page.goto('/');
  await waitForGuest(page);
  await makeImage(page);
  await plug(page, '/tmp/test.img');
  await waitForDisk(page, true);
  await guestCommand(page, 'echo first > /root/file; dd if=/root/file of=/dev/vda conv=fsync 2> /dev/null');
  expect(await monitorCommand(page, 'savevm kept')).not.toContain('Error');
  await expect(imageRow(page, KEPT)).toBeVisible();
  await guestCommand(page, 'echo other > /root/file; dd if=/root/file of=/dev/vda conv=fsync 2> /dev/null');

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: `Download ${KEPT}` }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('kept.hotslot-snapshot');
  const file = test.info().outputPath('kept.hotslot-snapshot');
  await download.saveAs(file);
  await deleteImage(page, KEPT);

  await page.reload();
  await waitForGuest(page);
  await page.getByLabel('Disk images to upload').setInputFiles(file);
  await expect(imageRow(page, KEPT)).toBeVisible();
  await plug(page, '/tmp/test.img');
  await waitForDisk(page, true);
  expect(await guestCommand(page, 'head -c 5 /dev/vda')).toContain('other');
  expect(await monitorCommand(page, 'info snapshots')).toContain('--        kept');
  await page.getByRole('button', { name: `Write a loadvm line for ${KEPT}` }).click();
  await expect.poll(() => terminalText(page, 'monitor')).toMatch(/\(qemu\) loadvm kept$/);
  await page.keyboard.press('Enter');
  await expect.poll(() => terminalText(page, 'monitor')).toMatch(/loadvm kept\n\(qemu\) ?$/);
  expect(await guestCommand(page, 'cat /root/file; head -c 5 /dev/vda')).toMatch(/first\s+first/);
  expect(await monitorCommand(page, 'info status')).toContain('running');
});
