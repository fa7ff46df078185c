/** A serial console's text in larger pieces: whole lines, and what may be a prompt. */
export class LineBuffer {
  readonly #sink: (text: string) => void;
  #text = '';

  constructor(sink: (text: string) => void) {
    this.#sink = sink;
  }

  feed(text: string): void {
    this.#text += text;
    if (!text.endsWith('\n') && !this.#text.endsWith('# ')) return;
    const whole = this.#text;
    this.#text = '';
    this.#sink(whole);
  }
}
