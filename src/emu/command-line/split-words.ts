/** A command line as text, split as a shell splits it. */
import { startError } from './start-error.ts';

/** One word, and where it is in the text. */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The words that a shell would pass on. Of its syntax there are quotes, backslashes and lines that go on. Throws StartError. */
export function splitWords(line: string): readonly Word[] {
  const words: Word[] = [];
  // Unquoted: no blank, quote or backslash. Quoted: as in sh, inside double quotes a backslash protects only what is special there.
  const piece = /((?:[^\s'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+)|(\s+)/y;
  for (let at = 0; at < line.length; at = piece.lastIndex) {
    piece.lastIndex = at;
    const [, raw, blank] = piece.exec(line) ?? [];
    if (raw === undefined && blank === undefined)
      throw startError('a quote or backslash has no end', line.slice(at));
    if (raw === undefined) continue;
    const text = unquoted(raw);
    // A backslash before the end of a line stands for nothing.
    if (text !== '' || /['"]/.test(raw)) words.push({ text, start: at, end: at + raw.length });
  }
  return words;
}

function unquoted(raw: string): string {
  return raw.replaceAll(
    /\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"/g,
    (_, escaped: string | undefined, single: string | undefined, double: string | undefined) => {
      if (escaped !== undefined) return escaped === '\n' ? '' : escaped;
      return single ?? (double ?? '').replaceAll(/\\([$`"\\])/g, '$1').replaceAll('\\\n', '');
    },
  );
}
