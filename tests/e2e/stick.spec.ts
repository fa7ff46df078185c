/** Files go into a stick and come out of one, by clicks. */
import { readFileSync } from 'node:fs';
import { expect } from '@playwright/test';
import { guestCommand, imageRow, monitorCommand, terminalText } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

const STICK = '/tmp/stick.img';

test(
  'files are put on a stick, plugged in by clicks, read and written by Linux, and downloaded',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(180_000);
    const files = page.getByLabel('Files for a USB stick');
    await files.setInputFiles([
      { name: 'hello.txt', mimeType: 'text/plain', buffer: Buffer.from('from the reader\n') },
      { name: 'A longer name, with spaces.bin', mimeType: '', buffer: Buffer.alloc(100_000, 7) },
    ]);
    const dialog = page.getByRole('dialog', { name: `Plug in ${STICK} as` });
    await dialog.getByRole('button', { name: 'SCSI disk' }).click();
    // Three lines, each when the one before was answered.
    for (const line of [
      'device_add virtio-scsi-pci,id=scsi1',
      `drive_add 0 if=none,file=${STICK},format=raw,id=disk1`,
      'device_add scsi-hd,drive=disk1,id=sd1',
    ]) {
      await expect
        .poll(async () => (await terminalText(page, 'monitor')).trimEnd().split('\n').at(-1))
        .toContain(`(qemu) ${line}`);
      await page.keyboard.press('Enter');
    }
    await expect(imageRow(page, STICK)).toContainText('in use');
    await guestCommand(page, 'until test -b /dev/sda1; do sleep 0.1; done; mount -t vfat /dev/sda1 /mnt');
    expect(await guestCommand(page, 'cat /mnt/hello.txt; wc -c < /mnt/A*')).toBe('from the reader\n100000');
    await guestCommand(page, 'mkdir /mnt/out; seq 1 1000 > /mnt/out/numbers.txt; umount /mnt');

    await page.getByRole('button', { name: `Files in ${STICK}` }).click();
    const list = page.getByRole('dialog', { name: `Files in ${STICK}` });
    await expect(list).toContainText('A longer name, with spaces.bin');
    await list.getByRole('button', { name: 'Open out' }).click();
    const download = page.waitForEvent('download');
    await list.getByRole('button', { name: 'Download numbers.txt' }).click();
    const numbers = Array.from({ length: 1000 }, (_, n) => `${n + 1}\n`).join('');
    expect(readFileSync(await (await download).path(), 'utf8')).toBe(numbers);
    await list.getByRole('button', { name: 'The folder above' }).click();
    await expect(list).toContainText('hello.txt');
    await list.getByRole('button', { name: 'Close' }).click();
    expect(await monitorCommand(page, 'device_del sd1')).toBe('');
    await expect(imageRow(page, STICK)).not.toContainText('in use');
    expect(await monitorCommand(page, 'device_del scsi1')).toBe('');
    await expect.poll(() => monitorCommand(page, 'info qtree')).not.toContain('virtio-scsi-pci');
  },
);
