/** The page at many sizes: nothing lies over anything else, nothing sticks out, each terminal has lines. */
import { expect, type Locator, type Page } from '@playwright/test';
import { FIREFOX, test } from './support/pages.ts';

const SIZES = [
  [320, 320],
  [320, 640],
  [390, 844],
  [568, 320],
  [600, 800],
  [667, 375],
  [683, 384],
  [759, 700],
  [760, 700],
  [761, 521],
  [761, 700],
  [800, 600],
  [844, 390],
  [859, 700],
  [860, 700],
  [940, 700],
  [941, 700],
  [1024, 768],
  [1040, 700],
  [1041, 700],
  [1366, 768],
  [1920, 1080],
  [2560, 320],
  [2560, 1440],
] as const;
const HEADER_PARTS = '#controls :is(h1, .subtitle, .badge, .hardware, .mips, .policy, button, select)';
const PANES = '#controls, #console, #monitor, #images';
const LINES_MIN = 4;
/** From this size on the panes stand in two columns. */
const COLUMN_WIDTH = 761;
const COLUMN_HEIGHT = 521;

interface Box {
  readonly name: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where the elements are that can be seen. */
function boxes(page: Page, selector: string): Promise<Box[]> {
  return page.evaluate(
    (wanted) =>
      [...document.querySelectorAll(wanted)].flatMap((element) => {
        const { left, top, right, bottom, width } = element.getBoundingClientRect();
        const name = element.id || element.textContent || element.className;
        return width === 0 ? [] : [{ name, left, top, right, bottom }];
      }),
    selector,
  );
}

function overlaps(all: readonly Box[]): readonly string[] {
  const pairs = all.flatMap((a, at) => all.slice(at + 1).map((b) => [a, b] as const));
  return pairs
    .filter(([a, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1)
    .filter(([a, b]) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
    .map(([a, b]) => `${a.name} and ${b.name}`);
}

/** Lines of a terminal that can be seen at once when the reader has scrolled to it. */
function visibleLines(page: Page, pane: string): Promise<number> {
  return page.evaluate((id) => {
    const frame = document.querySelector(`${id} .terminal-frame`);
    frame?.scrollIntoView({ block: 'center', behavior: 'instant' });
    const clip = frame?.getBoundingClientRect();
    if (clip === undefined) return 0;
    const bottom = Math.min(clip.bottom, innerHeight);
    const rows = [...document.querySelectorAll(`${id} .xterm-rows > div`)];
    return rows.filter((row) => {
      const box = row.getBoundingClientRect();
      return box.height > 0 && box.top >= Math.max(clip.top, 0) - 1 && box.bottom <= bottom + 1;
    }).length;
  }, pane);
}

test(
  'from a small phone to a large screen nothing overlaps and each terminal has lines',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(180_000);
    for (const [width, height] of SIZES) {
      const size = `${width} × ${height}`;
      await page.setViewportSize({ width, height });
      for (const pane of ['#console', '#monitor']) {
        await expect
          .poll(() => visibleLines(page, pane), { message: `${size}: lines of ${pane}` })
          .toBeGreaterThanOrEqual(LINES_MIN);
      }
      const parts = await boxes(page, HEADER_PARTS);
      expect(parts.length, size).toBeGreaterThan(6);
      expect.soft(overlaps(parts), `${size}: header`).toEqual([]);
      const panes = await boxes(page, PANES);
      expect.soft(overlaps(panes), `${size}: panes`).toEqual([]);
      const outside = [...parts, ...panes].filter(({ left, right }) => left < 0 || right > width + 1);
      expect.soft(outside, `${size}: sticks out`).toEqual([]);
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      expect.soft(scrollWidth, `${size}: width`).toBeLessThanOrEqual(width);
      // In two columns the panes scroll, the page does not.
      if (width < COLUMN_WIDTH || height < COLUMN_HEIGHT) continue;
      const scrollHeight = await page.evaluate(() => document.documentElement.scrollHeight);
      expect.soft(scrollHeight, `${size}: height`).toBeLessThanOrEqual(height);
    }
  },
);

test(
  'dialogs fit into the smallest page, and their buttons can be reached',
  FIREFOX,
  async ({ guestless: page }) => {
    await page.setViewportSize({ width: 320, height: 320 });
    await expectFits(page, 'Help', 'Close');
    await expectFits(page, 'New empty image', 'Create');
  },
);

test('so does the one with the command line, whatever it says', FIREFOX, async ({ guest: page }) => {
  await page.setViewportSize({ width: 320, height: 320 });
  await expectFits(page, 'Machine…', 'OK', async (dialog) => {
    for (const [line, answer] of [
      [`-name ${'x'.repeat(300)} -foo`, '-foo: invalid option'],
      ['-help', '-smp [cpus=]n'],
    ] as const) {
      await dialog.getByRole('textbox').fill(line);
      await page.keyboard.press('Enter');
      await expect(dialog).toContainText(answer);
      if (answer.startsWith('-foo')) await expect(dialog.getByRole('alert')).toBeInViewport();
    }
  });
});

/** Opens a dialog on a page of 320 by 320 pixels, and leaves it by Escape. `use` is done before it is looked at. */
async function expectFits(
  page: Page,
  opener: string,
  last: string,
  use: (dialog: Locator) => Promise<void> = async () => {},
): Promise<void> {
  await page.getByRole('button', { name: opener }).click();
  const dialog = page.getByRole('dialog');
  await use(dialog);
  const box = await dialog.boundingBox();
  expect(box?.x).toBeGreaterThanOrEqual(0);
  expect((box?.x ?? 0) + (box?.width ?? 999)).toBeLessThanOrEqual(320);
  const sideways = await dialog.evaluate((element) => element.scrollWidth - element.clientWidth);
  expect(sideways).toBeLessThanOrEqual(0);
  await dialog.getByRole('button', { name: last, exact: true }).scrollIntoViewIfNeeded();
  await expect(dialog.getByRole('button', { name: last, exact: true })).toBeInViewport({ ratio: 0.98 });
  await page.keyboard.press('Escape');
}
