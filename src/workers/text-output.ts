/** What the page may have waiting of an endpoint's text, in UTF-16 units; so much is also kept for a page that is behind. */
const WINDOW = 1 << 20;

/**
 * An endpoint's text on its way to the page: one message per turn of the event loop, however many pieces are printed.
 * Commands wait for a page that is behind; what comes by itself, as QMP's events, does not: then the newest is kept.
 */
export class TextOutput {
  readonly #post: (text: string) => void;
  #text = '';
  #unshown = 0;
  #skipped = 0;
  #isFlushing = false;

  constructor(post: (text: string) => void) {
    this.#post = post;
  }

  /** The page has not shown what it was given: commands wait. */
  get isFull(): boolean {
    return this.#unshown + this.#text.length > WINDOW;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#unshown > WINDOW && this.#text.length > WINDOW) this.#skip();
    this.#flushSoon();
  }

  /** The page's terminal has taken so much. */
  shown(length: number): void {
    this.#unshown -= length;
    if (this.#text !== '') this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#unshown > WINDOW) return;
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    const text = this.#skippedNote() + this.#text;
    this.#text = '';
    this.#unshown += text.length;
    this.#post(text);
  }

  /** Half of what is kept goes, in whole lines, so that this is seldom done. */
  #skip(): void {
    const half = this.#text.length - WINDOW / 2;
    const from = this.#text.indexOf('\n', half) + 1 || half;
    this.#skipped += from;
    this.#text = this.#text.slice(from);
  }

  #skippedNote(): string {
    if (this.#skipped === 0) return '';
    const note = `\r\n[${this.#skipped} characters of output skipped: this page was not shown]\r\n`;
    this.#skipped = 0;
    return note;
  }
}
