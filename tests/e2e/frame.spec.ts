/** The page in a frame of another page: sandboxed, and beside an input that has the keyboard. */
import { expect, type Frame, type Page, test } from '@playwright/test';
import { guestCommand, imageRow, monitorCommand, waitForGuest } from './support/page.ts';
import { FIREFOX, keepGuestAway } from './support/pages.ts';
import { type StaticServer, serveSite } from './support/static-server.ts';

const SITE_PATH = '/index.html';
const ANYBODY = { 'Access-Control-Allow-Origin': '*' };

let site: StaticServer | undefined;
test.afterEach(() => site?.close());

/** A page that frames the site; `attributes` are the frame's, `before` stands above it. */
async function openFrame(
  page: Page,
  headers: Readonly<Record<string, string>>,
  attributes: string,
  before = '',
  hash = '',
): Promise<Frame> {
  const frame = `<iframe ${attributes} src=".${SITE_PATH}${hash}" width="1200" height="720"></iframe>`;
  site = await serveSite(headers, { '/around.html': `<!doctype html>${before}${frame}` });
  await page.goto(`${site.url}around.html`);
  await expect.poll(() => page.frames().length).toBe(2);
  const [, inner] = page.frames();
  if (inner === undefined) throw new Error('the page has no frame');
  return inner;
}

async function makeImage(frame: Frame, path: string): Promise<void> {
  await frame.getByRole('button', { name: 'New empty image' }).click();
  const form = frame.getByRole('dialog', { name: 'New empty image' });
  await form.getByLabel('Path in the emulated host').fill(path);
  await form.getByLabel('Size').fill('64M');
  await form.getByRole('button', { name: 'Create' }).click();
  await expect(imageRow(frame, path)).toBeVisible();
  await expect(form).toHaveCount(0);
}

test('in the strictest sandbox the page works in memory, and says so', FIREFOX, async ({ page }) => {
  test.setTimeout(180_000);
  const frame = await openFrame(page, ANYBODY, 'sandbox="allow-scripts"');
  await expect(frame.locator('.notices')).toContainText('Nothing is kept in this sandboxed frame');
  expect(await frame.evaluate(() => window.origin)).toBe('null');
  await waitForGuest(frame);
  await makeImage(frame, '/tmp/memory.img');
  const drive = 'drive_add 0 if=none,file=/tmp/memory.img,format=raw,id=disk1';
  expect(await monitorCommand(frame, drive)).toBe('OK');
  expect(await monitorCommand(frame, 'device_add virtio-blk-pci,drive=disk1,id=disk1')).toBe('');
  await expect
    .poll(() => guestCommand(frame, 'lsblk -dno NAME,SIZE'), { timeout: 30_000 })
    .toMatch(/^vda +64M/m);
  await frame.getByRole('button', { name: 'Download /tmp/memory.img' }).click();
  await expect(frame.getByText('does not allow downloads')).toBeVisible();
});

test(
  'a sandbox with an origin needs no forms: images are made, renamed and deleted',
  FIREFOX,
  async ({ page }) => {
    await keepGuestAway(page);
    const frame = await openFrame(page, {}, 'sandbox="allow-scripts allow-same-origin"');
    await makeImage(frame, '/tmp/one.img');
    await frame.getByRole('button', { name: 'Rename /tmp/one.img' }).click();
    const path = frame.getByRole('dialog', { name: 'Rename image' }).getByLabel('Path in the emulated host');
    await path.fill('/tmp/two.img');
    await path.press('Enter');
    await expect(imageRow(frame, '/tmp/two.img')).toBeVisible();
    await frame.getByRole('button', { name: 'Delete /tmp/two.img' }).click();
    await frame
      .getByRole('dialog', { name: 'Delete image' })
      .getByRole('button', { name: 'Delete', exact: true })
      .click();
    await expect(frame.getByText('No disk images yet')).toBeVisible();
  },
);

test('where the server permits nothing a sandboxed page says what is missing', FIREFOX, async ({ page }) => {
  const frame = await openFrame(page, {}, 'sandbox="allow-scripts"');
  await expect(frame.getByRole('alert')).toContainText('the server does not let sandboxed pages read');
  await expect(frame.getByRole('alert')).toContainText('Access-Control-Allow-Origin');
  await expect(frame.locator('.badge')).toHaveText('Not started');
  await expect(frame.getByRole('alert')).toHaveCount(1);
});

test('where a policy forbids workers from blobs a sandboxed page says so', FIREFOX, async ({ page }) => {
  const policy = { ...ANYBODY, 'Content-Security-Policy': "script-src 'self'" };
  const frame = await openFrame(page, policy, 'sandbox="allow-scripts"');
  await expect(frame.getByRole('alert').first()).toContainText('must allow workers from blob: addresses');
});

test('a frame takes no keys from the page around it and does not scroll it', FIREFOX, async ({ page }) => {
  test.setTimeout(120_000);
  const before = '<input id="outer" autofocus /><div style="height: 1800px"></div>';
  const frame = await openFrame(page, ANYBODY, 'id="inner"', before);
  await waitForGuest(frame);
  // Nobody has acted yet: the keyboard is where the page around the frame has put it.
  await expect(page.locator('#outer')).toBeFocused();
  await page.keyboard.type('still mine');
  await expect(page.locator('#outer')).toHaveValue('still mine');
  expect(await page.evaluate(() => scrollY)).toBe(0);
  // A click is how the reader comes in.
  await frame.locator('#console .terminal-frame').click();
  await page.keyboard.type('echo came$((1))in\r');
  await expect.poll(() => frame.evaluate(() => window.hotslot?.console.text())).toContain('\ncame1in');
  await expect(page.locator('#outer')).toHaveValue('still mine');
});

test(
  'a frame whose address names a bad machine says so, and leaves the keyboard where it is',
  FIREFOX,
  async ({ page }) => {
    const before = '<input id="outer" autofocus />';
    const frame = await openFrame(page, ANYBODY, 'id="inner"', before, '#cmd=-foo');
    const dialog = frame.getByRole('dialog', { name: 'Machine' });
    await expect(dialog.getByRole('alert')).toHaveText('-foo: invalid option');
    await expect(page.locator('#outer')).toBeFocused();
    await page.keyboard.type('still mine');
    await expect(page.locator('#outer')).toHaveValue('still mine');
    // A click is how the reader comes in.
    await dialog.getByRole('textbox').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('-bar');
    await page.keyboard.press('Enter');
    await expect(dialog.getByRole('alert')).toHaveText('-bar: invalid option');
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
  },
);
