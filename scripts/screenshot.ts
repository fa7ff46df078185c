/** `npm run screenshot`: boots the guest in Chromium, plugs in a disk as a user does, and writes docs/screenshot.png. */
import { chromium, type Page } from 'playwright';
import { preview } from 'vite';

const OUTPUT = 'docs/screenshot.png';
const BOOT_LIMIT_MS = 600_000;
const STEP_LIMIT_MS = 60_000;
const DISK_BYTES = 32 << 20;

type Pane = 'console' | 'monitor';

/** Waits until the pane's text matches. */
async function waitFor(page: Page, pane: Pane, pattern: string, timeout: number): Promise<void> {
  await page.waitForFunction(
    `new RegExp(${JSON.stringify(pattern)}, 'm').test(hotslot.${pane}.text())`,
    null,
    {
      timeout,
      polling: 250,
    },
  );
}

/** Types a line; `then` is what the pane's last lines look like once it is done. */
async function enter(page: Page, pane: Pane, line: string, then: string): Promise<void> {
  await page.evaluate(`hotslot.${pane}.type(${JSON.stringify(`${line}\r`)})`);
  await waitFor(page, pane, then, STEP_LIMIT_MS);
}

async function tellStory(page: Page): Promise<void> {
  await waitFor(page, 'console', '^guest# ?$', BOOT_LIMIT_MS);
  await page.getByLabel('Disk images to upload').setInputFiles({
    name: 'test.img',
    mimeType: 'application/octet-stream',
    buffer: Buffer.alloc(DISK_BYTES),
  });
  await page.locator('.image[data-path="/tmp/test.img"]').waitFor();
  const prompt = '\\(qemu\\) ?\\s*$';
  await enter(
    page,
    'monitor',
    'drive_add 0 if=none,file=/tmp/test.img,format=raw,id=disk1',
    `OK\\s+${prompt}`,
  );
  await enter(
    page,
    'monitor',
    'device_add virtio-blk-pci,drive=disk1,id=myvirtio1',
    `id=myvirtio1\\s+${prompt}`,
  );
  await waitFor(page, 'console', 'vda', STEP_LIMIT_MS);
  await page.evaluate(`hotslot.console.type('\\r')`);
  await enter(page, 'console', 'lspci', 'Virtio block device[^$]*guest# ?\\s*$');
  await enter(page, 'console', 'mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt', 'mounted filesystem[^$]*$');
  await enter(page, 'console', '', 'guest# ?\\s*$');
  await enter(page, 'console', 'lsblk', 'vda .*/mnt[^$]*guest# ?\\s*$');
  await enter(page, 'monitor', 'info block', `/tmp/test\\.img[^$]*${prompt}`);
}

const server = await preview({ preview: { port: 0, host: '127.0.0.1' }, logLevel: 'error' });
const { HOTSLOT_CHROMIUM = '/usr/bin/chromium' } = process.env;
const browser = await chromium.launch({
  executablePath: HOTSLOT_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1360, height: 820 }, colorScheme: 'dark' });
  await page.goto(server.resolvedUrls?.local[0] ?? '');
  try {
    await tellStory(page);
  } finally {
    await page.screenshot({ path: OUTPUT });
  }
} finally {
  await browser.close();
  await server.close();
}
