/** The machine by its command line: in the dialog, in the page's address, in a link. */
import { expect, type Page, test as plain } from '@playwright/test';
import { guestCommand, makeImage, monitorCommand, plug, waitForGuest } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';
import { type StaticServer, serveSite } from './support/static-server.ts';

const BOOT_MS = 120_000;
const OTHER = '-smp 2,maxcpus=3 -m 320';
const OTHER_HASH = '#cmd=-smp%202,maxcpus=3%20-m%20320';

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Machine' });
const field = (page: Page) => dialog(page).getByRole('textbox', { name: 'Command line' });
const hardware = (page: Page) => page.locator('.hardware');
const hash = (page: Page) => page.evaluate(() => location.hash);
/** What is selected in the field. */
const marked = (page: Page) =>
  field(page).evaluate((element: HTMLTextAreaElement) =>
    element.value.slice(element.selectionStart, element.selectionEnd),
  );

async function openDialog(page: Page): Promise<void> {
  await page.locator('#controls').getByRole('button', { name: 'Machine…' }).click();
  await expect(field(page)).toBeFocused();
}

test('a bad line is refused where it is wrong, and the machine goes on', FIREFOX, async ({ guest: page }) => {
  await guestCommand(page, 'alive=yes');
  await openDialog(page);
  await expect(field(page)).toHaveValue('-smp 1,maxcpus=4 -m 256,slots=4,maxmem=2G');
  const error = dialog(page).getByRole('alert');
  for (const [line, text, part] of [
    [
      '-m 256 -smp 4,maxcpus=2',
      'Invalid CPU topology: maxcpus must be equal to or greater than smp',
      '-smp 4,maxcpus=2',
    ],
    ['-m 256,slots=4 -S', 'slots specified but no max-size', '-m 256,slots=4'],
    ['-cpu foo', "unable to find CPU model 'foo'", '-cpu foo'],
    ['-S -foo', '-foo: invalid option', '-foo'],
    ['-m 64 -kernel vmlinuz', 'this page starts the kernel of its guest image', '-kernel vmlinuz'],
  ] as const) {
    await field(page).fill(line);
    await page.keyboard.press('Enter');
    await expect(error).toContainText(text);
    await expect(field(page)).toHaveAttribute('aria-invalid', 'true');
    await expect(field(page)).toBeFocused();
    expect(await marked(page)).toBe(part);
  }
  await field(page).fill('-M help');
  await dialog(page).getByRole('button', { name: 'OK' }).click();
  await expect(dialog(page).getByText('Supported machines are:')).toBeVisible();
  await expect(error).toBeEmpty();
  await dialog(page).getByRole('button', { name: 'Write the default command line' }).click();
  await expect(field(page)).toHaveValue('-smp 1,maxcpus=4 -m 256,slots=4,maxmem=2G');
  await page.keyboard.press('Escape');
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.locator('#controls').getByRole('button', { name: 'Machine…' })).toBeFocused();
  expect(await guestCommand(page, 'echo $alive')).toBe('yes');
  expect(await hash(page)).toBe('');
});

test(
  'another machine is booted after the question, is named by the address, and is there after a reload',
  FIREFOX,
  async ({ page }) => {
    test.setTimeout(400_000);
    await page.goto('./');
    await waitForGuest(page);
    await makeImage(page);
    await plug(page, '/tmp/test.img');
    await openDialog(page);
    await field(page).fill(OTHER);
    await page.keyboard.press('Enter');
    const question = page.getByRole('dialog', { name: 'Throw this machine away?' });
    await expect(question).toContainText('disk1 (/tmp/test.img)');
    // No is no: the machine is still there, and so is what was typed.
    await page.keyboard.press('Escape');
    await expect(field(page)).toHaveValue(OTHER);
    expect(await hash(page)).toBe('');
    await dialog(page).getByRole('button', { name: 'OK' }).click();
    await question.getByRole('button', { name: 'Switch on' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expect(hardware(page)).toHaveText('2 of 3 CPUs · 320 MiB', { timeout: BOOT_MS });
    expect(await hash(page)).toBe(OTHER_HASH);
    await expect.poll(() => bootedAgain(page), { timeout: BOOT_MS }).toBe(true);
    // The size of the terminal arrives a moment after the prompt, and draws the line again.
    await expect.poll(() => guestCommand(page, 'nproc')).toBe('2');
    expect(await monitorCommand(page, 'info block')).not.toContain('disk1');

    await page.reload();
    await expect(hardware(page)).toHaveText('2 of 3 CPUs · 320 MiB', { timeout: BOOT_MS });
    expect(await hash(page)).toBe(OTHER_HASH);
    await waitForGuest(page);
    // The size of the terminal arrives a moment after the prompt, and draws the line again.
    await expect.poll(() => guestCommand(page, 'nproc')).toBe('2');

    // Back to the default machine, which is at its prompt at once, and which no address has to name.
    await openDialog(page);
    await expect(field(page)).toHaveValue(OTHER);
    await dialog(page).getByRole('button', { name: 'Write the default command line' }).click();
    const restored = page.waitForRequest(/snapshot-1\.zst/);
    await dialog(page).getByRole('button', { name: 'OK' }).click();
    await restored;
    await expect(hardware(page)).toHaveText('1 of 4 CPUs · 256 MiB', { timeout: 60_000 });
    await expect.poll(() => hash(page)).toBe('');
    await expect.poll(() => guestCommand(page, 'nproc')).toBe('1');
  },
);

/** The console shows the prompt of a second boot. */
function bootedAgain(page: Page): Promise<boolean> {
  return page.evaluate(() => /(Run \/init[\s\S]*){2}guest# ?$/m.test(window.hotslot?.console.text() ?? ''));
}

test(
  'a link to a bad line starts nothing and shows what is wrong; Cancel starts the default machine',
  FIREFOX,
  async ({ page }) => {
    test.setTimeout(240_000);
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto('./#cmd=-smp%202%20-kernel%20x');
    await expect(dialog(page)).toContainText('The address of this page names a machine that cannot be made.');
    await expect(dialog(page).getByRole('alert')).toContainText(
      '-kernel x: this page starts the kernel of its guest image',
    );
    expect(await marked(page)).toBe('-kernel x');
    await expect(page.locator('.badge')).toHaveText('Loading');
    await expect(page.locator('.boot-card')).toBeHidden();
    expect(requests.filter((url) => /snapshot|vmlinux|initrd/.test(url))).toEqual([]);
    await dialog(page).getByRole('button', { name: 'Cancel' }).click();
    await waitForGuest(page);
    await expect(hardware(page)).toHaveText('1 of 4 CPUs · 256 MiB');
    expect(await hash(page)).toBe('');
  },
);

test('an address that changes while the page is open asks, and never acts by itself', async ({
  guest: page,
}) => {
  await guestCommand(page, 'alive=yes');
  await page.evaluate(() => {
    location.hash = '#cmd=-smp%208,maxcpus=8';
  });
  await expect(dialog(page)).toContainText('The address of this page was changed');
  await expect(field(page)).toHaveValue('-smp 8,maxcpus=8');
  await page.keyboard.press('Escape');
  await expect.poll(() => hash(page)).toBe('');
  await page.evaluate(() => {
    location.hash = '#cmd=-device%20foo,';
  });
  await expect(field(page)).toHaveValue('-device foo,');
  // That there is no such device is known when the machine is made: the one that there is stays.
  await page.keyboard.press('Enter');
  await expect(dialog(page).getByRole('alert')).toContainText("'foo' is not a valid device model name", {
    timeout: BOOT_MS,
  });
  await page.keyboard.press('Escape');
  await expect.poll(() => hash(page)).toBe('');
  await expect(page.locator('.badge')).toHaveText('Running');
  expect(await guestCommand(page, 'echo $alive')).toBe('yes');
});

let site: StaticServer | undefined;
plain.afterEach(() => site?.close());

plain('in the strictest sandbox a frame opens the machine of its address', FIREFOX, async ({ page }) => {
  plain.setTimeout(240_000);
  const frameTag = `<iframe sandbox="allow-scripts" src="./index.html${OTHER_HASH}" width="1200" height="720"></iframe>`;
  site = await serveSite(
    { 'Access-Control-Allow-Origin': '*' },
    { '/around.html': `<!doctype html>${frameTag}` },
  );
  await page.goto(`${site.url}around.html`);
  const frame = page.frames()[1];
  if (frame === undefined) throw new Error('the page has no frame');
  await expect(frame.locator('.hardware')).toHaveText('2 of 3 CPUs · 320 MiB', { timeout: BOOT_MS });
  await waitForGuest(frame);
  // The size of the terminal arrives a moment after the prompt, and draws the line again.
  await expect.poll(() => guestCommand(frame, 'nproc')).toBe('2');
  await frame.locator('#controls').getByRole('button', { name: 'Machine…' }).click();
  await frame.getByRole('textbox', { name: 'Command line' }).fill('-m 192 -S');
  await frame.getByRole('button', { name: 'OK' }).click();
  await expect(frame.locator('.hardware')).toHaveText('1 CPU · 192 MiB', { timeout: BOOT_MS });
  await expect(frame.locator('.badge')).toHaveText('Ready');
  expect(await frame.evaluate(() => location.hash)).toBe('#cmd=-m%20192%20-S');
});
