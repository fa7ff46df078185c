/**
 * Columns of a terminal that a character takes. The facts are those of Unicode Standard Annex 11, East Asian Width, as xterm.js
 * draws them by default: scripts of East Asia are wide, emoji are not.
 */

/** First and last code points whose characters take two columns, in order. */
const WIDE: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3040, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x2fffd],
  [0x30000, 0x3fffd],
];
const FIRST_ODD = 0x7f;
const SOFT_HYPHEN = 0xad;
/** Marks that lie over the character before, characters that only direct others, and vowels and finals of Hangul. */
const WITHOUT_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\u{1160}-\u{11ff}\u{7f}-\u{9f}]$/u;

/** Columns of one character, given as its code point's text: 0, 1 or 2. */
export function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < FIRST_ODD) return 1;
  if (code !== SOFT_HYPHEN && WITHOUT_WIDTH.test(character)) return 0;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** Columns of characters that stand beside each other. */
export function textWidth(characters: Iterable<string>): number {
  let columns = 0;
  for (const character of characters) columns += characterWidth(character);
  return columns;
}

/** What the cursor moves over at once: a character with the marks that lie over it. */
export function clustersOf(text: string): string[] {
  const clusters: string[] = [];
  for (const character of text) {
    const last = clusters.length - 1;
    if (last >= 0 && characterWidth(character) === 0) clusters[last] += character;
    else clusters.push(character);
  }
  return clusters;
}
