/** The guest's console is as large as the terminal that shows it, and text is drawn as it is. */
import { expect, type Page } from '@playwright/test';
import { drawnSize, expectFollowing } from './support/console-size.ts';
import { guestCommand, terminalText, typeInto, waitForText } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

/** Other work may share the processors. */
const PATIENT = { timeout: 30_000 };

/** What a terminal shows with its rows put together: who edits a long line may end each row by itself. */
async function joinedRows(page: Page, terminal: 'console' | 'monitor'): Promise<string> {
  return (await terminalText(page, terminal)).replaceAll('\n', '');
}

test(
  'the guest follows the pane when the window or the dividing bar changes it',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(180_000);
    const wide = await expectFollowing(page);
    await page.setViewportSize({ width: 1900, height: 1000 });
    expect(await expectFollowing(page)).toBeGreaterThan(wide);
    const bar = page.getByRole('separator', { name: 'Width of the guest console' });
    for (let n = 0; n < 3; n++) await bar.press('Shift+ArrowLeft');
    await expectFollowing(page);
    await page.setViewportSize({ width: 1100, height: 700 });
    expect(await expectFollowing(page)).toBeLessThan(80);
    await bar.press('Enter');
    await expectFollowing(page);
  },
);

test('a long line below 80 columns is edited where it stands', FIREFOX, async ({ guest: page }) => {
  test.setTimeout(120_000);
  await page.setViewportSize({ width: 1000, height: 700 });
  expect(await expectFollowing(page)).toBeLessThan(75);
  const long = 'echo '.padEnd(150, 'abcdefghij');
  await typeInto(page, 'console', `${long}\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[CX\x05Y`);
  const line = `guest# echo X${long.slice(5)}Y`;
  await expect.poll(() => joinedRows(page, 'console'), PATIENT).toContain(line);
  await typeInto(page, 'console', '\x7f\x7f\x15');
  await expect
    .poll(async () => (await terminalText(page, 'console')).split('\n').at(-1)?.trimEnd(), PATIENT)
    .toBe('guest#');
});

test('vi and less fill the pane, and draw anew while they run', FIREFOX, async ({ guest: page }) => {
  test.setTimeout(120_000);
  await guestCommand(page, 'seq 1000 > /tmp/lines');
  const lastNumber = async (): Promise<number> => {
    const shown = (await terminalText(page, 'console')).split('\n').map((text) => text.trim());
    return Number(shown.filter((text) => /^\d+$/.test(text)).at(-1));
  };
  for (const [program, leave] of [
    ['vi', ':q!\r'],
    ['less', 'q'],
  ] as const) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await expectFollowing(page);
    await typeInto(page, 'console', `${program} /tmp/lines\r`);
    await expect.poll(lastNumber, PATIENT).toBe((await drawnSize(page)).rows - 1);
    const before = (await drawnSize(page)).rows;
    await page.setViewportSize({ width: 1280, height: 1000 });
    await expect.poll(async () => (await drawnSize(page)).rows).toBeGreaterThan(before);
    await expect.poll(lastNumber, { ...PATIENT, message: program }).toBe((await drawnSize(page)).rows - 1);
    await typeInto(page, 'console', leave);
    await guestCommand(page, 'clear');
  }
});

test(
  'text of any kind is shown: halves of characters, wide ones, and bytes that are no text',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(120_000);
    await typeInto(page, 'console', 'echo "<\ud842');
    await typeInto(page, 'console', '\udfb7>"\r');
    await waitForText(page, 'console', /^<𠮷>$/m, 30_000);
    expect(await guestCommand(page, "printf '[\\377\\303]\\n'")).toContain('[\ufffd\ufffd]');
    await typeInto(page, 'monitor', 'info 日本語.img');
    await typeInto(page, 'monitor', `${'\x1b[D'.repeat(5)}木`);
    await expect.poll(() => terminalText(page, 'monitor'), PATIENT).toMatch(/\(qemu\) info 日本木語\.img$/);
    const long = '語'.repeat(60);
    await typeInto(page, 'monitor', `\x05\x15${long}\x01x\x1b[Cy`);
    await expect
      .poll(() => joinedRows(page, 'monitor'), PATIENT)
      .toMatch(new RegExp(`\\(qemu\\) x語y${'語'.repeat(59)}$`));
  },
);
