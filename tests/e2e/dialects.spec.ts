/** The monitor with the words of another year: chosen in the dialog, kept in the address. */
import { expect, type Page, test } from '@playwright/test';
import { makeImage, monitorCommand, terminalText } from './support/page.ts';

const BOOT_MS = 120_000;
/** A machine that waits: it needs no boot. */
const LINE = '-m 192 -S';

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Machine' });
const field = (page: Page) => dialog(page).getByRole('textbox', { name: 'Command line' });
const choice = (page: Page) => dialog(page).getByRole('combobox', { name: 'Monitor speaks as' });

const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));

test('a lesson of 2012: the choice in "Machine…", the address, pci_add, the chords', async ({ page }) => {
  test.setTimeout(240_000);
  await page.goto(`./#cmd=${encodeURIComponent(`${LINE} -compat-monitor 1.5`)}`);
  await expect(page.locator('.badge')).toHaveText('Ready', { timeout: BOOT_MS });
  await expect.poll(() => terminalText(page, 'monitor')).toContain('QEMU 1.5.0 monitor');
  expect(await terminalText(page, 'qmpShell')).toContain('Connected to QEMU 1.5.0');
  await makeImage(page);

  await page.locator('#controls').getByRole('button', { name: 'Machine…' }).click();
  await expect(field(page)).toHaveValue(`${LINE} -compat-monitor 1.5`);
  await expect(choice(page)).toHaveValue('1.5');
  await choice(page).selectOption('7.2');
  await expect(field(page)).toHaveValue(LINE);
  await choice(page).selectOption('QEMU 1.1');
  await expect(field(page)).toHaveValue(`${LINE} -compat-monitor 1.1`);
  await field(page).fill(`-compat-monitor 3.0 ${LINE}`);
  await expect(choice(page)).toHaveValue('');
  await page.keyboard.press('Enter');
  await expect(dialog(page).getByRole('alert')).toContainText('unsupported monitor version');
  await choice(page).selectOption('QEMU 1.1');
  await dialog(page).getByRole('button', { name: 'OK' }).click();
  await expect
    .poll(() => terminalText(page, 'monitor'), { timeout: BOOT_MS })
    .toContain('QEMU 1.1.90 monitor');
  expect(await page.evaluate(() => location.hash)).toBe('#cmd=-m%20192%20-S%20-compat-monitor%201.1');

  expect(await monitorCommand(page, 'pci_add auto storage file=/tmp/test.img,format=raw,if=virtio')).toMatch(
    /^OK domain 0, bus 0, slot \d+, function 0$/,
  );
  expect(await monitorCommand(page, 'info pci   # the disk is here')).toContain('note: comment dropped');
  expect(await monitorCommand(page, 'info block')).toMatch(
    /^virtio0: removable=0 [\s\S]*file=\/tmp\/test\.img/,
  );
  // A4: the chords of QEMU's window.
  for (const [keys, label] of [
    ['Control+Alt+Digit1', 'Guest console'],
    ['Control+Alt+Digit2', 'Monitor'],
  ] as const) {
    await page.keyboard.press(keys);
    await expect.poll(() => focused(page), keys).toBe(label);
  }
});
