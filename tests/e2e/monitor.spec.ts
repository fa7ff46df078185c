import { expect, type Page } from '@playwright/test';
import { monitorCommand, terminalText, textFromNow, typeInto } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

const LONG = 'x'.repeat(40) + 'y'.repeat(70) + 'z'.repeat(30);

/** xterm forgets that a line is wrapped when the cursor goes back over its start. */
const inputLine = async (page: Page) =>
  (await terminalText(page, 'monitor')).split('(qemu) ').at(-1)?.replaceAll('\n', '');

test('lines longer than the pane are edited as on a wide screen', FIREFOX, async ({ guest: page }) => {
  await typeInto(page, 'monitor', LONG);
  await expect.poll(() => inputLine(page)).toBe(LONG);
  await typeInto(page, 'monitor', '\x01A');
  await expect.poll(() => inputLine(page)).toBe(`A${LONG}`);
  await typeInto(page, 'monitor', '\x05B');
  await expect.poll(() => inputLine(page)).toBe(`A${LONG}B`);
  await typeInto(page, 'monitor', '\x01\x1b[C\x1b[C\x1b[3~\x05\x7f');
  await expect.poll(() => inputLine(page)).toBe(`A${LONG.slice(0, 1)}${LONG.slice(2)}`);
  await typeInto(page, 'monitor', '\x15');
  await expect.poll(() => terminalText(page, 'monitor')).toMatch(/\(qemu\)$/);
});

test('completion, history and errors come from the monitor', FIREFOX, async ({ guest: page }) => {
  await typeInto(page, 'monitor', 'info statu\t');
  await expect.poll(() => inputLine(page)).toBe('info status');
  const answer = await textFromNow(page, 'monitor');
  await typeInto(page, 'monitor', '\r');
  await expect.poll(answer).toMatch(/^VM status: running$/m);
  await typeInto(page, 'monitor', '\x1b[A');
  await expect.poll(() => inputLine(page)).toBe('info status');
  await typeInto(page, 'monitor', '\x15');
  expect(await monitorCommand(page, 'pci_add auto storage')).toBe("unknown command: 'pci_add'");
  expect(await monitorCommand(page, 'stop')).toBe('');
  await expect(page.locator('.badge')).toHaveText('Paused');
  expect(await monitorCommand(page, 'cont')).toBe('');
  await expect(page.locator('.badge')).toHaveText('Running');
});

test(
  'a click on a step of the story replaces what is on the input line',
  FIREFOX,
  async ({ guest: page }) => {
    await typeInto(page, 'monitor', 'half a comm');
    await page.getByRole('button', { name: 'Write into the monitor: device_del myvirtio1' }).click();
    await expect.poll(() => inputLine(page)).toBe('device_del myvirtio1');
    const answer = await textFromNow(page, 'monitor');
    await page.keyboard.press('Enter');
    await expect.poll(answer).toMatch(/^Error: Device 'myvirtio1' not found$/m);
  },
);
