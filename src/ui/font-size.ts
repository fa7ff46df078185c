/** In pixels. */
export const FONT_SIZE = 13;
/** Smaller text cannot be read. */
export const MIN_FONT_SIZE = 5;

/**
 * The largest font size, up to the usual one, in which a terminal has at least so many columns; where its pane is too
 * narrow for that in any size, the smallest.
 * @param columnsAt how many columns have room in a font of that size
 */
export function fontSizeFor(minColumns: number, columnsAt: (fontSize: number) => number): number {
  let size = FONT_SIZE;
  while (size > MIN_FONT_SIZE && columnsAt(size) < minColumns) size--;
  return size;
}
