import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { expect, type Page } from '@playwright/test';
import { downloadedSha256, imageRow, noise, pastedText, sha256, upload } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

test.beforeEach(async ({ guestless }) => {
  await expect(guestless.getByText('No disk images yet')).toBeVisible();
});

const QCOW2 = Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), noise(5000)]);
const CONVERT = 'qemu-img convert -f qcow2 -O raw disk.qcow2 disk.img';
const uploads = (page: Page) => page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');

async function expectStored(page: Page, path: string, bytes: Uint8Array): Promise<void> {
  expect(await downloadedSha256(page, path)).toBe(sha256(bytes));
}

/** A file that is dropped: `parts` times the same bytes. */
function drop(page: Page, name: string, bytes: Buffer, parts = 1): Promise<void> {
  return page.evaluate(
    ({ fileName, base64, count }) => {
      const piece = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File(new Array<Uint8Array<ArrayBuffer>>(count).fill(piece), fileName));
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
    },
    { fileName: name, base64: bytes.toString('base64'), count: parts },
  );
}

test(
  'a qcow2 image is named, with the command that makes a raw one; it is stored only on request',
  FIREFOX,
  async ({ page }) => {
    await upload(page, 'disk.qcow2', QCOW2);
    await expect(uploads(page)).toContainText('disk.qcow2 is a qcow2 disk image');
    await expect(uploads(page).locator('code')).toHaveText(CONVERT);
    await page.getByRole('button', { name: 'Do not store disk.qcow2' }).click();
    await expect(uploads(page)).toHaveCount(0);
    await expect(page.getByText('No disk images yet')).toBeVisible();

    await drop(page, 'disk.qcow2', QCOW2);
    await page.getByRole('button', { name: 'Store disk.qcow2 as it is' }).click();
    await expect(imageRow(page, '/tmp/disk.qcow2')).toBeVisible();
    await expect(page.locator('.toast')).toHaveText('/tmp/disk.qcow2 is stored');
    await expectStored(page, '/tmp/disk.qcow2', QCOW2);
  },
);

test('the command that makes a raw image can be copied', FIREFOX, async ({ page }) => {
  await upload(page, 'disk.qcow2', QCOW2);
  await page.getByRole('button', { name: 'Copy the command' }).click();
  await expect(page.locator('.toast')).toHaveText('Copied');
  expect(await pastedText(page)).toBe(CONVERT);
});

test('several at once: each has its own word, the raw one is stored', FIREFOX, async ({ page }) => {
  const fixedVhd = Buffer.concat([noise(4096), Buffer.from('conectix'), Buffer.alloc(504)]);
  const xz = Buffer.concat([Buffer.from('fd377a585a000004', 'hex'), noise(100)]);
  await page.getByLabel('Disk images to upload').setInputFiles(
    [
      ['a.vhd', fixedVhd],
      ['raw.img', noise(2000)],
      ['b.img.xz', xz],
    ].map(([name, buffer]) => ({
      name: String(name),
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(buffer ?? ''),
    })),
  );
  await expect(imageRow(page, '/tmp/raw.img')).toBeVisible();
  await expect(uploads(page)).toHaveCount(2);
  await expect(uploads(page).first()).toContainText('qemu-img convert -f vpc -O raw a.vhd a.img');
  await expect(uploads(page).last()).toContainText('unxz -k b.img.xz');
});

test('gzip and zstd are unpacked on the way in, and lose their ending', FIREFOX, async ({ page }) => {
  const bytes = noise(3 << 20);
  await upload(page, 'disk.img.gz', gzipSync(bytes));
  await expect(imageRow(page, '/tmp/disk.img')).toContainText('3 MiB');
  await expectStored(page, '/tmp/disk.img', bytes);
  await drop(page, 'small.zst', Buffer.from('28b52ffd200421000061626364', 'hex'));
  await expect(imageRow(page, '/tmp/small')).toContainText('4 B');
  await expectStored(page, '/tmp/small', Buffer.from('abcd'));
});

test('damaged gzip and zstd leave no image and are said', FIREFOX, async ({ page }) => {
  await upload(page, 'cut.img.gz', gzipSync(noise(100_000)).subarray(0, 50_000));
  await expect(page.getByRole('alert')).toContainText(
    'Cannot store /tmp/cut.img: its gzip data are damaged, cut off, or followed by other data',
  );
  await upload(page, 'cut.zst', Buffer.from('28b52ffd2004210000616263', 'hex'));
  await expect(page.getByRole('alert').last()).toContainText('its zstd data are damaged or cut off');
  await expect(page.getByText('No disk images yet')).toBeVisible();
});

test('a bomb of terabytes shows progress, and can be cancelled', FIREFOX, async ({ page }) => {
  test.setTimeout(120_000);
  // Each block of four bytes is 128 KiB; the frame never ends.
  const head = Buffer.from('28b52ffd0038', 'hex');
  const blocks = Buffer.alloc(1 << 20, Buffer.from([0x02, 0x00, 0x10, 0x00]));
  await page.evaluate(
    ({ first, rest }) => {
      const bytes = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const piece = new Blob([bytes(rest)]);
      const file = new File([bytes(first), ...new Array<Blob>(64).fill(piece)], 'bomb.img.zst');
      const transfer = new DataTransfer();
      transfer.items.add(file);
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
    },
    { first: head.toString('base64'), rest: blocks.toString('base64') },
  );
  // A few kilobytes were read by then.
  await expect(uploads(page)).toContainText(/\d{3} MiB unpacked|GiB unpacked/, { timeout: 60_000 });
  await page.getByRole('button', { name: 'Cancel the upload of /tmp/bomb.img' }).click();
  await expect(uploads(page)).toHaveCount(0);
  await expect(page.locator('.toast')).toContainText('was cancelled');
  await expect(page.getByText('No disk images yet')).toBeVisible();
});
