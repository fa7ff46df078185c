/** Whether the guest's console is as large as the terminal that shows it. */
import { expect, type Page } from '@playwright/test';
import { guestCommand } from './page.ts';

/** Width of a character, in parts of the font's size. */
const COLUMN_EM = 0.6;

export interface ConsoleSize {
  readonly rows: number;
  readonly columns: number;
}

/** Rows and columns that the page draws. */
export async function drawnSize(page: Page): Promise<ConsoleSize> {
  const rows = await page.locator('#console .xterm-rows > div').count();
  const width = (await page.locator('#console .xterm-screen').boundingBox())?.width ?? 0;
  return { rows, columns: Math.round(width / (COLUMN_EM * (await fontPx(page)))) };
}

/** Size of the font in which the guest's console is drawn. */
export function fontPx(page: Page): Promise<number> {
  return page
    .locator('#console .xterm-rows')
    .evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize));
}

/** What the guest takes its terminal for. */
export async function guestSize(page: Page): Promise<ConsoleSize> {
  const [rows = 0, columns = 0] = (await guestCommand(page, 'stty size')).split(' ').map(Number);
  return { rows, columns };
}

/** Waits until the guest has the size that is drawn; gives its columns. */
export async function expectFollowing(page: Page): Promise<number> {
  let columns = 0;
  await expect
    .poll(
      async () => {
        const drawn = await drawnSize(page);
        const guest = await guestSize(page);
        columns = guest.columns;
        return guest.rows === drawn.rows && Math.abs(columns - drawn.columns) <= 2;
      },
      { timeout: 60_000, message: 'the guest has the size of its pane' },
    )
    .toBe(true);
  return columns;
}
