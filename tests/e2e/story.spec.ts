import { expect } from '@playwright/test';
import {
  guestCommand,
  imageRow,
  monitorCommand,
  textFromNow,
  typeInto,
  upload,
  waitForDisk,
  waitForGuest,
} from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

const DRIVE_ADD = 'drive_add 0 if=none,file=/tmp/test.img,format=raw,id=disk1';
const DEVICE_ADD = 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1';

test(
  'a disk is uploaded, plugged, written, unplugged, and read again after a reload',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(900_000);
    await upload(page, 'test.img', Buffer.alloc(32 * 2 ** 20));
    await expect(imageRow(page, '/tmp/test.img')).toBeVisible();

    await page.getByRole('button', { name: `Write into the monitor: ${DRIVE_ADD}` }).click();
    const answer = await textFromNow(page, 'monitor');
    await page.keyboard.press('Enter');
    await expect.poll(answer).toMatch(/^OK$/m);
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
    await guestCommand(page, 'umount /mnt');
  },
);

test('a second tab cannot plug the same disk', async ({ guest: other }) => {
  test.setTimeout(600_000);
  const page = await other.context().newPage();
  await page.goto('./');
  await upload(page, 'test.img', Buffer.alloc(2 ** 20));
  await expect(imageRow(page, '/tmp/test.img')).toBeVisible();
  await waitForGuest(page);
  for (const tab of [page, other]) expect(await monitorCommand(tab, DRIVE_ADD)).toBe('OK');
  expect(await monitorCommand(page, DEVICE_ADD)).toBe('');
  expect(await monitorCommand(other, DEVICE_ADD)).toContain('Failed to get "write" lock');
  await page.close();
  // The browser takes its time to end the closed tab's worker.
  await expect.poll(() => monitorCommand(other, DEVICE_ADD), { timeout: 20_000 }).toBe('');
});
