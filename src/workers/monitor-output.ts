/** What the page may have waiting of the monitor's text, in UTF-16 units. */
const WINDOW = 1 << 20;

/** The monitor's text on its way to the page: one message per turn of the event loop, however many pieces the monitor prints. */
export class MonitorOutput {
  readonly #post: (text: string) => void;
  #text = '';
  #unshown = 0;

  constructor(post: (text: string) => void) {
    this.#post = post;
  }

  /** The page has not shown what it was given: commands wait. */
  get isFull(): boolean {
    return this.#unshown + this.#text.length > WINDOW;
  }

  write(text: string): void {
    if (this.#text === '') queueMicrotask(() => this.#flush());
    this.#text += text;
  }

  /** The page's terminal has taken so much. */
  shown(length: number): void {
    this.#unshown -= length;
  }

  #flush(): void {
    const text = this.#text;
    this.#text = '';
    this.#unshown += text.length;
    this.#post(text);
  }
}
