import { describe, expect, it } from 'vitest';
import { FONT_SIZE, fontSizeFor, MIN_FONT_SIZE } from '../../src/ui/font-size.ts';

/** A pane of that width, in a font whose characters are 0.6 times as wide as it is high. */
const paneOf =
  (widthPx: number) =>
  (fontSize: number): number =>
    Math.floor(widthPx / (0.6 * fontSize));

describe('the font of a terminal', () => {
  it('is the usual one when no number of columns is asked for', () => {
    expect(fontSizeFor(0, paneOf(100))).toBe(FONT_SIZE);
  });

  it.each([
    [700, 13],
    [624, 13],
    [623, 12],
    [480, 10],
    [300, 6],
    [240, 5],
  ])('has room for 80 columns in %d pixels at size %d, and not in a larger size', (widthPx, size) => {
    const columnsAt = paneOf(widthPx);
    expect(fontSizeFor(80, columnsAt)).toBe(size);
    expect(columnsAt(size)).toBeGreaterThanOrEqual(80);
    if (size < FONT_SIZE) expect(columnsAt(size + 1)).toBeLessThan(80);
  });

  it('ends at the smallest size that can be read, with fewer columns', () => {
    expect(fontSizeFor(80, paneOf(200))).toBe(MIN_FONT_SIZE);
  });
});
