import { expect, test } from '@playwright/test';
import {
  guestCommand,
  imageRow,
  monitorCommand,
  typeInto,
  upload,
  waitForGuest,
  waitForText,
} from './support/page.ts';

const DRIVE_ADD = 'drive_add 0 if=none,file=/tmp/test.img,format=raw,id=disk1';
const DEVICE_ADD = 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1';

test('a disk is uploaded, plugged, written, unplugged, and read again after a reload', async ({ page }) => {
  test.setTimeout(900_000);
  await page.goto('./');
  await waitForGuest(page);
  await upload(page, 'test.img', Buffer.alloc(32 * 2 ** 20));
  await expect(imageRow(page, '/tmp/test.img')).toBeVisible();

  await page.getByRole('button', { name: `Write into the monitor: ${DRIVE_ADD}` }).click();
  await page.keyboard.press('Enter');
  await waitForText(page, 'monitor', /^OK$/m, 10_000);
  expect(await monitorCommand(page, DEVICE_ADD)).toBe('');
  expect(await monitorCommand(page, 'info pci')).toMatch(
    /SCSI controller: PCI device 1af4:1001[\s\S]*id "myvirtio1"/,
  );
  const blocks = await monitorCommand(page, 'info block');
  expect(blocks).toContain('disk1');
  expect(blocks).toContain('/tmp/test.img (raw)');
  await expect(imageRow(page, '/tmp/test.img')).toContainText('in use');

  await waitForDisk(page, true);
  await guestCommand(page, 'mkfs.ext2 -q /dev/vda && mount /dev/vda /mnt', 120_000);
  await guestCommand(page, 'echo "written before unplug" > /mnt/story && umount /mnt');

  await page.getByRole('button', { name: 'Delete /tmp/test.img' }).click();
  const refused = page.getByRole('dialog', { name: 'Delete image' });
  await refused.getByRole('button', { name: 'Delete' }).click();
  await expect(refused.getByRole('alert')).toContainText('while it is in use');
  await page.keyboard.press('Escape');

  await typeInto(page, 'monitor', 'device_del myvirtio1\r');
  await expect(imageRow(page, '/tmp/test.img')).not.toContainText('in use', { timeout: 60_000 });
  await waitForDisk(page, false);
  expect(await monitorCommand(page, 'info pci')).not.toContain('myvirtio1');

  await page.reload();
  await waitForGuest(page);
  expect(await monitorCommand(page, DRIVE_ADD)).toBe('OK');
  expect(await monitorCommand(page, DEVICE_ADD)).toBe('');
  await waitForDisk(page, true);
  await guestCommand(page, 'mount /dev/vda /mnt');
  expect(await guestCommand(page, 'cat /mnt/story')).toBe('written before unplug');
});

test('a second tab cannot plug the same disk', async ({ page, context }) => {
  test.setTimeout(600_000);
  await page.goto('./');
  await upload(page, 'test.img', Buffer.alloc(2 ** 20));
  await expect(imageRow(page, '/tmp/test.img')).toBeVisible();
  const other = await context.newPage();
  await other.goto('./');
  for (const tab of [page, other]) {
    await waitForText(tab, 'monitor', /\(qemu\)/, 60_000);
    expect(await monitorCommand(tab, DRIVE_ADD)).toBe('OK');
  }
  expect(await monitorCommand(page, DEVICE_ADD)).toBe('');
  expect(await monitorCommand(other, DEVICE_ADD)).toContain('Failed to get "write" lock');
  await page.close();
  // The browser takes its time to end the closed tab's worker.
  await expect.poll(() => monitorCommand(other, DEVICE_ADD), { timeout: 20_000 }).toBe('');
});

test('pause, start, reset and the power button', async ({ page }) => {
  test.setTimeout(600_000);
  await page.goto('./');
  await waitForGuest(page);
  const badge = page.locator('.badge');
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(badge).toHaveText('Paused');
  await typeInto(page, 'console', 'echo while-paused\r');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(badge).toHaveText('Running');
  await waitForText(page, 'console', /^while-paused$/m, 20_000);
  // Late in the guest's start: the button's driver, and the program that listens to it.
  await expect.poll(() => guestCommand(page, 'pidof acpid | wc -w'), { timeout: 60_000 }).toBe('1');
  await page.getByRole('button', { name: 'Press the power button' }).click();
  await expect(badge).toHaveText('Powered off', { timeout: 60_000 });
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(badge).toHaveText('Running');
});

async function waitForDisk(page: Parameters<typeof guestCommand>[0], present: boolean): Promise<void> {
  const command = 'ls /sys/block | grep -c vda';
  await expect
    .poll(() => guestCommand(page, command), { timeout: 60_000, intervals: [500] })
    .toBe(present ? '1' : '0');
}
