/** Patterns with `*` for any text and `?` for any character. QEMU: g_pattern_match_simple. */

/** True: `pattern` matches all of `text`. Takes at most as many steps as one has characters times those of the other. */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let next = 0;
  /** The last star, and how much of the text it has. */
  let star = -1;
  let taken = 0;
  while (next < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      taken = next;
    } else if (pattern[at] === '?' || pattern[at] === text[next]) {
      at++;
      next++;
    } else if (star >= 0) {
      at = star + 1;
      next = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
