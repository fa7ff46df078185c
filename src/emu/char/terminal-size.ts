/**
 * The other end of a serial line on which a guest asks how large the terminal of its console is. Each of its lines is the size
 * that the console has, "rows columns"; the answer has the same form and comes when the terminal's size differs, at once or as
 * soon as it changes. docs/guest-image.md tells the guest's side.
 */

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Longer than any size; the rest of a longer line is no question. */
const MAX_LINE = 32;
const LINE_FEED = 0x0a;
const QUESTION = /^(\d+) (\d+)\s*$/;

export class TerminalSizePort {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #asked: () => void;
  #size: TerminalSize | undefined;
  /** The size that the guest asked with; undefined while it does not wait for an answer. */
  #question: TerminalSize | undefined;
  #line = '';

  /**
   * @param send to the guest
   * @param asked called when the guest asks: it follows the terminal
   */
  constructor(send: (bytes: Uint8Array) => void, asked: () => void) {
    this.#send = send;
    this.#asked = asked;
  }

  /** The terminal has this size now. */
  resize(size: TerminalSize): void {
    this.#size = size;
    this.#answer();
  }

  /** The guest of a snapshot waits for an answer since before the snapshot was taken. */
  resume(): void {
    this.#ask({ rows: 0, columns: 0 });
  }

  /** Bytes from the guest. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte !== LINE_FEED) {
        if (this.#line.length < MAX_LINE) this.#line += String.fromCharCode(byte);
        continue;
      }
      const [, rows, columns] = QUESTION.exec(this.#line) ?? [];
      this.#line = '';
      if (rows !== undefined) this.#ask({ rows: Number(rows), columns: Number(columns) });
    }
  }

  #ask(question: TerminalSize): void {
    this.#question = question;
    this.#asked();
    this.#answer();
  }

  #answer(): void {
    const size = this.#size;
    const question = this.#question;
    if (size === undefined || question === undefined) return;
    if (size.rows === question.rows && size.columns === question.columns) return;
    this.#question = undefined;
    // A line that nobody reads, since the guest was reset, loses its first byte when the port is opened: an empty line is harmless.
    this.#send(new TextEncoder().encode(`\n${size.rows} ${size.columns}\n`));
  }
}
