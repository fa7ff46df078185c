/** QMP beside the monitor, as a user has it who opens its tab and types. */
import { expect, type Page } from '@playwright/test';
import {
  guestCommand,
  imageRow,
  makeImage,
  monitorCommand,
  terminalText,
  textFromNow,
  typeInto,
  waitForDisk,
  waitForGuest,
  waitForText,
} from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

const GREETING = 'Welcome to the QMP low-level shell!';

const tab = (page: Page, name: 'Monitor' | 'QMP') => page.getByRole('tab', { name, exact: true });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
const inputLine = async (page: Page) =>
  (await terminalText(page, 'qmpShell')).split('(QEMU) ').at(-1)?.replaceAll('\n', '');

/** Rows of the terminal in the panel, and how much of the panel's height they take. */
async function rows(page: Page, panel: string): Promise<{ count: number; share: number }> {
  return page.locator(panel).evaluate((element) => {
    const all = [...element.querySelectorAll('.xterm-rows > div')];
    const height = all.reduce((sum, row) => sum + row.getBoundingClientRect().height, 0);
    return { count: all.length, share: height / element.clientHeight };
  });
}

/** A line with nothing typed after it; gives what is shown once the answer is there. */
async function ask(page: Page, line: string): Promise<string> {
  const shown = await textFromNow(page, 'qmpShell');
  await page.keyboard.type(`${line}\r`);
  await expect.poll(shown).toMatch(/^ *"(return|error)": [\s\S]*^\(QEMU\) ?$/m);
  return shown();
}

test(
  'a click opens QMP and gives it the keyboard: a command, its completion, its answer',
  FIREFOX,
  async ({ guest: page }) => {
    await tab(page, 'QMP').click();
    await expect(tab(page, 'QMP')).toHaveAttribute('aria-selected', 'true');
    await expect(tab(page, 'Monitor')).toHaveAttribute('aria-selected', 'false');
    await expect(page.locator('#panel-monitor')).toBeHidden();
    await expect(page.locator('#panel-qmp .xterm-rows')).toContainText('(QEMU)');
    expect(await terminalText(page, 'qmpShell')).toContain(GREETING);
    expect(await focused(page)).toBe('QMP shell');
    const shown = await textFromNow(page, 'qmpShell');
    await page.keyboard.type('query-mem');
    await page.keyboard.press('Tab');
    await expect.poll(shown).toMatch(/query-memdev +query-memory-devices *\n+query-memory-size-summary/);
    await page.keyboard.press('Control+U');
    await page.keyboard.type('query-statu');
    await page.keyboard.press('Tab');
    await expect.poll(() => inputLine(page)).toMatch(/^query-status ?$/);
    await page.keyboard.press('Enter');
    await expect.poll(shown).toMatch(/^ *"status": "running"$/m);
    expect(await shown()).toMatch(/^ *"execute": "query-status"$/m);
    // The line of before is in the history.
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => inputLine(page)).toBe('query-status');
  },
);

test('its terminal has the size of the pane from the moment it is seen', FIREFOX, async ({ guest: page }) => {
  await tab(page, 'QMP').click();
  await expect.poll(async () => (await rows(page, '#panel-qmp')).share).toBeGreaterThan(0.75);
  // Hidden while the page changes its size.
  await tab(page, 'Monitor').click();
  await page.setViewportSize({ width: 390, height: 844 });
  await tab(page, 'QMP').click();
  await expect.poll(async () => (await rows(page, '#panel-qmp')).share).toBeGreaterThan(0.75);
  const { count } = await rows(page, '#panel-qmp');
  expect(count).toBeGreaterThan(4);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(sideways).toBeLessThanOrEqual(390);
});

test(
  'its last line is in sight when it is opened, whatever came while it was hidden',
  FIREFOX,
  async ({ guest: page }) => {
    await tab(page, 'Monitor').click();
    for (let n = 0; n < 6; n++) {
      await monitorCommand(page, 'stop');
      await monitorCommand(page, 'cont');
      await tab(page, 'QMP').click();
      await expect(page.locator('#panel-qmp .xterm-rows > div').filter({ hasText: /\S/ }).last()).toHaveText(
        /^\(QEMU\)\s*$/,
      );
      await tab(page, 'Monitor').click();
    }
  },
);

test('tabs are changed by keys, and terminals are reached by theirs', FIREFOX, async ({ guest: page }) => {
  await tab(page, 'Monitor').focus();
  await page.keyboard.press('ArrowRight');
  await expect(tab(page, 'QMP')).toBeFocused();
  await expect(page.getByRole('tabpanel', { name: 'QMP' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Copy from the QMP shell/ })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Copy from the Monitor/ })).toBeHidden();
  await page.keyboard.press('Home');
  await expect(tab(page, 'Monitor')).toBeFocused();
  await expect(page.getByRole('tabpanel', { name: 'QMP' })).toBeHidden();
  for (const [keys, label] of [
    ['Control+Alt+Digit4', 'QMP shell'],
    ['Control+Alt+Digit1', 'Guest console'],
    // The monitor that was seen last.
    ['F6', 'QMP shell'],
    ['Control+Alt+Digit2', 'Monitor'],
  ] as const) {
    await page.keyboard.press(keys);
    await expect.poll(() => focused(page), keys).toBe(label);
  }
  const nameless = await page
    .locator('#monitor')
    .evaluate((pane) =>
      [...pane.querySelectorAll('button, [role=tabpanel], textarea')]
        .filter((element) => !element.hasAttribute('aria-labelledby'))
        .filter((element) => (element.getAttribute('aria-label') ?? element.textContent) === ''),
    );
  expect(nameless).toEqual([]);
});

test('what is typed into the monitor is told to QMP as events', FIREFOX, async ({ guest: page }) => {
  const shown = await textFromNow(page, 'qmpShell');
  await typeInto(page, 'qmpShell', 'query-na');
  expect(await monitorCommand(page, 'stop')).toBe('');
  await expect.poll(shown).toMatch(/^ *"event": "STOP",\n *"timestamp": \{/m);
  await expect.poll(() => inputLine(page)).toBe('query-na');
  expect(await monitorCommand(page, 'cont')).toBe('');
  await expect.poll(shown).toMatch(/^ *"event": "RESUME"/m);
  expect(await monitorCommand(page, 'info chardev')).toMatch(
    /^compat_monitor1: filename=vc\n[\s\S]*compat_monitor0: filename=vc/m,
  );
});

test('a disk is plugged in by key=value, the guest has it, and it goes', FIREFOX, async ({ guest: page }) => {
  test.setTimeout(180_000);
  await makeImage(page);
  expect(await monitorCommand(page, 'drive_add 0 if=none,file=/tmp/test.img,format=raw,id=disk1')).toBe('OK');
  await tab(page, 'QMP').click();
  const added = await ask(page, 'device_add driver=virtio-blk-pci drive=disk1 id=myvirtio1');
  expect(added).toMatch(/^ *"return": \{\}$/m);
  await waitForDisk(page, true);
  await expect(imageRow(page, '/tmp/test.img')).toContainText('in use');
  expect(await guestCommand(page, 'lsblk -dno SIZE /dev/vda')).toBe('64M');
  expect(await ask(page, 'device_add driver=nosuch')).toMatch(
    /"desc": "'nosuch' is not a valid device model name"/,
  );
  const shown = await textFromNow(page, 'qmpShell');
  expect(await ask(page, 'device_del id=myvirtio1')).toMatch(/"return": \{\}/);
  await waitForDisk(page, false);
  await expect.poll(shown).toMatch(/"device": "myvirtio1",[\s\S]*"event": "DEVICE_DELETED"/);
});

test('the story and its commands go to the monitor', FIREFOX, async ({ guest: page }) => {
  await tab(page, 'QMP').click();
  await page.getByRole('button', { name: 'Write into the monitor: device_del myvirtio1' }).click();
  await expect(tab(page, 'Monitor')).toHaveAttribute('aria-selected', 'true');
  expect(await focused(page)).toBe('Monitor');
  await expect.poll(() => terminalText(page, 'monitor')).toMatch(/\(qemu\) device_del myvirtio1$/);
});

test('a machine that is switched on anew greets in both tabs', async ({ page }) => {
  test.setTimeout(300_000);
  await page.addInitScript(() => localStorage.setItem('hotslot.monitor-tab', 'qmp'));
  await page.goto('./');
  // Typed before there is a machine, and chosen in an earlier visit.
  await expect(tab(page, 'QMP')).toHaveAttribute('aria-selected', 'true');
  await typeInto(page, 'qmpShell', 'query-name\r');
  await waitForText(page, 'qmpShell', /"execute": "query-name"[\s\S]*"return": \{\}/, 120_000);
  await waitForGuest(page);
  const [monitor, qmp] = [await textFromNow(page, 'monitor'), await textFromNow(page, 'qmpShell')];
  await page.getByRole('button', { name: 'Cold boot' }).click();
  await expect.poll(qmp, { timeout: 120_000 }).toContain(GREETING);
  await expect.poll(monitor).toContain('QEMU 7.2.22 monitor');
  await expect(page.locator('.badge')).toHaveText('Running', { timeout: 120_000 });
  const answer = await textFromNow(page, 'qmpShell');
  await page.locator('#panel-qmp').click();
  await page.keyboard.type('query-status\r');
  await expect.poll(answer).toMatch(/"status": "running"/);
});
