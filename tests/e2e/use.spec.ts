import { expect, type Page } from '@playwright/test';
import {
  guestCommand,
  imageRow,
  makeImage,
  monitorCommand,
  pastedText,
  plug,
  typeInto,
  upload,
  waitForDisk,
  waitForGuest,
  waitForText,
} from './support/page.ts';
import { FIREFOX, keepGuestAway, test } from './support/pages.ts';

const IMAGE = '/tmp/test.img';
const IN_USE = 'in use';

/** Types a line into the monitor and nothing after it. */
const enter = (page: Page, command: string) => typeInto(page, 'monitor', `${command}\r`);

test(
  'marks follow the machine, in every tab, with nothing typed after the command',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(300_000);
    const other = await page.context().newPage();
    await keepGuestAway(other);
    await other.goto('./');
    await makeImage(page);
    for (const tab of [page, other]) await expect(imageRow(tab, IMAGE)).toBeVisible();
    const marks = async (used: boolean) => {
      for (const tab of [page, other]) {
        const row = expect(imageRow(tab, IMAGE), tab === page ? 'this tab' : 'the other tab');
        if (used) await row.toContainText(IN_USE, { timeout: 60_000 });
        else await row.not.toContainText(IN_USE, { timeout: 60_000 });
      }
    };
    for (let round = 0; round < 5; round++) {
      await enter(page, `drive_add 0 if=none,file=${IMAGE},format=raw,id=disk1`);
      await marks(true);
      await enter(page, 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1');
      await waitForDisk(page, true);
      await marks(true);
      await enter(page, 'device_del myvirtio1');
      await marks(false);
    }
    await enter(page, `drive_add 0 if=none,file=${IMAGE},format=raw,id=disk1`);
    await marks(true);
    await enter(page, 'drive_del disk1');
    await marks(false);
    await other.close();
  },
);

test('the size in the list follows what the guest stores', async ({ guest: page }) => {
  test.setTimeout(180_000);
  await makeImage(page);
  await plug(page, IMAGE);
  await expect(imageRow(page, IMAGE)).toContainText('64 MiB, 0 B stored');
  await guestCommand(page, 'yes | dd of=/dev/vda bs=1M count=2 iflag=fullblock conv=fsync 2>/dev/null');
  await expect(imageRow(page, IMAGE)).toContainText('64 MiB, 2 MiB stored', { timeout: 15_000 });
});

test(
  'the drive_add button proposes an id that the machine does not have',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(180_000);
    await upload(page, 'one.img', Buffer.alloc(1 << 20));
    await upload(page, 'two.img', Buffer.alloc(1 << 20));
    await expect(imageRow(page, '/tmp/two.img')).toBeVisible();
    const propose = async (path: string, id: string) => {
      await page.getByRole('button', { name: `Write a drive_add line for ${path}` }).click();
      await waitForText(
        page,
        'monitor',
        new RegExp(`drive_add 0 if=none,file=${path},format=raw,id=${id}$`),
        10_000,
      );
    };
    // A drive that no image is in, and a device of that name.
    expect(await monitorCommand(page, 'drive_add 0 if=none,id=disk2')).toBe('OK');
    await propose('/tmp/one.img', 'disk1');
    await page.keyboard.press('Enter');
    await waitForText(page, 'monitor', /id=disk1\nOK\n\(qemu\)$/, 10_000);
    await propose('/tmp/two.img', 'disk3');
    await page.keyboard.press('Enter');
    await waitForText(page, 'monitor', /id=disk3\nOK\n\(qemu\)$/, 10_000);
    // Its name is gone, its id is taken until its device is gone.
    expect(await monitorCommand(page, 'device_add virtio-blk-pci,drive=disk1,id=disk4')).toBe('');
    expect(await monitorCommand(page, 'drive_del disk1')).toBe('');
    await propose('/tmp/one.img', 'disk5');
    // The story goes on with the machine's drive.
    await expect(
      page.getByRole('button', {
        name: 'Write into the monitor: drive_add 0 if=none,file=/tmp/two.img,format=raw,id=disk3',
      }),
    ).toBeVisible();
  },
);

test(
  'an I/O error of a disk is said once, with the disk and the reason, and counted',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(180_000);
    await makeImage(page);
    // Without format= a write that looks like another format's header is refused.
    expect(await monitorCommand(page, `drive_add 0 if=none,file=${IMAGE},id=disk1`)).toContain('OK');
    expect(await monitorCommand(page, 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1')).toBe('');
    await waitForDisk(page, true);
    const write = 'printf "QFI\\373\\000\\000\\000\\003%504s" | dd of=/dev/vda bs=512 count=1 oflag=direct';
    await guestCommand(page, write);
    const notice = page.getByRole('alert');
    await expect(notice).toContainText(
      'A write to disk disk1 (/tmp/test.img) failed: Operation not permitted.',
    );
    await expect(notice).toContainText('format=raw');
    await guestCommand(page, `for i in $(seq 40); do ${write} 2>/dev/null; done`);
    await expect(notice).toContainText('41 times', { timeout: 15_000 });
    await expect(notice).toHaveCount(1);
  },
);

// Not in Firefox: Playwright reaches no worker there, and the fault has to happen in one.
test('a fault of the emulator shows its text and details that can be copied', async ({ page }) => {
  test.setTimeout(180_000);
  await page.goto('./');
  await waitForGuest(page);
  const worker = page.workers().find((one) => one.url().includes('emulator-worker'));
  await worker?.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => {
      performance.now = now;
      throw new Error('a clock that broke');
    };
  });
  const notice = page.getByRole('alert');
  await expect(notice).toContainText('stopped by a fault of its own: a clock that broke', {
    timeout: 20_000,
  });
  await expect(page.locator('.badge')).toHaveText('Stopped by a fault');
  await notice.getByText('Details for a report').click();
  await notice.getByRole('button', { name: 'Copy the details' }).click();
  await expect(page.locator('.toast')).toHaveText('Copied');
  const report = await pastedText(page);
  expect(report).toMatch(/a clock that broke\n\s+at /);
  expect(report).toContain('Last messages of the machine:');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.locator('.badge')).toHaveText('Running', { timeout: 60_000 });
  await worker?.evaluate(() => {
    void Promise.reject(new Error('nobody waited for this'));
  });
  await expect(page.getByRole('alert').last()).toContainText('nobody waited for this');
});
