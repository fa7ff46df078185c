import { expect, test } from '@playwright/test';
import {
  guestCommand,
  imageRow,
  monitorCommand,
  typeInto,
  upload,
  waitForDisk,
  waitForGuest,
  waitForText,
} from './support/page.ts';
import { keepGuestAway } from './support/pages.ts';

const IMAGE = '/tmp/crash.img';
const IN_USE = 'in use';
const PLUG = [
  `drive_add 0 if=none,file=${IMAGE},format=raw,id=disk1`,
  'device_add virtio-blk-pci,drive=disk1,id=myvirtio1',
];

/** Prints the first eight bytes of a sector. */
const readSector = (sector: number) =>
  `dd if=/dev/vda bs=512 skip=${sector} count=1 2>/dev/null | head -c 8; echo`;

// Not in Firefox: only Chromium's own protocol kills a tab.
test('a tab killed in the middle of writes: what was flushed is there, the rest is old or new, and other tabs see its image free', async ({
  context,
  page,
}) => {
  test.setTimeout(900_000);
  const watcher = await context.newPage();
  await keepGuestAway(watcher);
  await watcher.goto('./');
  const mark = expect(imageRow(watcher, IMAGE));
  await page.goto('./');
  await upload(page, 'crash.img', Buffer.alloc(8 * 2 ** 20, 'old-data'));
  await expect(imageRow(page, IMAGE)).toBeVisible();
  await waitForGuest(page);
  for (const command of PLUG) await monitorCommand(page, command);
  await waitForDisk(page, true);
  await mark.toContainText(IN_USE);
  await guestCommand(page, 'yes flushed= | tr -d "\\n" | head -c 1048576 > /tmp/one');
  await guestCommand(page, 'yes newer-d= | tr -d "\\n" | head -c 1048576 > /tmp/two');
  await guestCommand(page, 'dd if=/tmp/one of=/dev/vda bs=64k conv=fsync 2>/dev/null');
  // From here on without a flush of the whole; the tab dies while it runs.
  await typeInto(
    page,
    'console',
    'echo go-"now"; while :; do dd if=/tmp/two of=/dev/vda bs=4k seek=512 conv=notrunc oflag=direct 2>/dev/null; done\r',
  );
  await waitForText(page, 'console', /^go-now$/m, 20_000);
  await page.waitForTimeout(300);
  const session = await context.newCDPSession(page);
  const died = page.waitForEvent('crash');
  session.send('Page.crash').catch(() => {});
  await died;
  await mark.not.toContainText(IN_USE, { timeout: 30_000 });

  const again = await context.newPage();
  await again.goto('./');
  await waitForGuest(again);
  for (const command of PLUG) await monitorCommand(again, command);
  await waitForDisk(again, true);
  await mark.toContainText(IN_USE);
  for (const sector of [0, 1, 1000, 2047])
    expect(await guestCommand(again, readSector(sector))).toBe('flushed=');
  for (const sector of [4096, 4097, 5000, 6143]) {
    expect(['old-data', 'newer-d=']).toContain(await guestCommand(again, readSector(sector)));
  }
  expect(await guestCommand(again, readSector(10_000))).toBe('old-data');
  await again.close();
  await mark.not.toContainText(IN_USE, { timeout: 30_000 });
});
