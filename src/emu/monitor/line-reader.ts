/** Reads a line of the human monitor from left to right: words, quotes, what is left. */
import { ArgumentError } from './argument-error.ts';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', '\\': '\\', "'": "'", '"': '"' };

/** The spaces of C. QEMU reads bytes: a no-break space is part of a word. */
export function isSpace(character: string | undefined): boolean {
  return character !== undefined && ' \t\n\v\f\r'.includes(character);
}

/**
 * How an error shows the character at `at`. QEMU takes a line for bytes and shows the one that it is at: of a character that has several
 * this is the first, which alone is none.
 */
export function shownByte(text: string, at: number): string {
  const character = text[at] ?? '';
  return character < '\u0080' ? character : '\ufffd';
}

export class LineReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get rest(): string {
    return this.#text.slice(this.#at);
  }

  skipSpaces(): void {
    while (isSpace(this.#text[this.#at])) this.#at++;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The name of a command: up to a space or a slash. */
  commandName(): string {
    this.skipSpaces();
    const name = /^[^ \t\n\v\f\r/]*/.exec(this.rest)?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  take(length: number): void {
    this.#at += length;
  }

  takeRest(): string {
    const { rest } = this;
    this.#at = this.#text.length;
    return rest;
  }

  /** A word or a quoted text; undefined at the end of the line. Throws `ArgumentError` with what QEMU's process prints. */
  word(): string | undefined {
    this.skipSpaces();
    if (this.atEnd) return undefined;
    if (this.#text[this.#at] === '"') return this.#quoted();
    const word = /^[^ \t\n\v\f\r]*/.exec(this.rest)?.[0] ?? '';
    this.#at += word.length;
    return word;
  }

  #quoted(): string {
    let text = '';
    for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) {
      if (this.atEnd) throw new ArgumentError('unterminated string', true);
      if (this.#text[this.#at] !== '\\') {
        text += this.#text[this.#at];
        continue;
      }
      this.#at++;
      const letter = this.#text[this.#at] ?? '';
      const character = ESCAPES[letter];
      if (character === undefined)
        throw new ArgumentError(`unsupported escape code: '\\${shownByte(this.#text, this.#at)}'`, true);
      text += character;
    }
    this.#at++;
    return text;
  }
}
