import { CLEAR_LINE, TerminalScreen } from './terminal-screen.ts';

/** Spec: xterm control sequences, DECSET 45: a backspace at the left edge goes to the end of the wrapped line before. */
const REVERSE_WRAPAROUND = '\x1b[?45h';
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters
const RIGHT_MOVES = /((?:\x1b\[C)+)/;
const RIGHT_MOVE_LENGTH = '\x1b[C'.length;
const PROMPT = '(qemu) ';
const FAILED = /^Error:/m;

/** A terminal for one of QEMU's monitors. Editing, history and completion are the monitor's, not the page's. */
export class LineTerminal {
  readonly screen: TerminalScreen;
  readonly #send: (text: string) => void;
  /** Pieces of text, and at the end of each message whom to tell that it is shown. The worker does not send without end. */
  readonly #waiting: (string | (() => void))[] = [];
  #writing = false;
  /** Commands that come to the input line one by one, each when the one before was answered. */
  #queue: readonly string[] = [];
  /** What came since the user pressed Enter; undefined before. */
  #answer: string | undefined;

  constructor(title: string, send: (text: string) => void) {
    this.#send = send;
    const onInput = (text: string): void => {
      if (this.#queue.length > 0 && text.includes('\r')) this.#answer ??= '';
      send(text);
    };
    this.screen = new TerminalScreen({ title, scrollback: 5000, convertEol: true, onInput });
    this.screen.write(REVERSE_WRAPAROUND);
  }

  /** @param shown called when the terminal has taken the text */
  output(text: string, shown: () => void): void {
    for (const part of text.split(RIGHT_MOVES)) if (part !== '') this.#waiting.push(part);
    this.#waiting.push(shown);
    if (!this.#writing) this.#writeNext();
    this.#proposeNext(text);
  }

  /**
   * Puts a command on the input line in place of what is there; the user presses Enter.
   * @param others follow, each when the one before was answered without an error
   */
  propose(command: string, ...others: readonly string[]): void {
    this.#queue = others;
    this.#answer = undefined;
    this.#send(CLEAR_LINE + command);
    this.screen.focus();
  }

  #proposeNext(text: string): void {
    if (this.#answer === undefined) return;
    this.#answer += text;
    const [next, ...rest] = this.#queue;
    if (!this.#answer.endsWith(PROMPT) || next === undefined) return;
    const isWrong = FAILED.test(this.#answer);
    this.#queue = isWrong ? [] : rest;
    this.#answer = undefined;
    if (!isWrong) this.#send(CLEAR_LINE + next);
  }

  /**
   * QEMU's line editing moves the cursor by single columns and takes a line for one row. In a narrow pane a line wraps, so
   * that its moves are replaced by ones that go from row to row: backspaces to the left, and to the right the characters
   * that stand there already.
   */
  #writeNext(): void {
    let part = this.#waiting.shift();
    for (; typeof part === 'function'; part = this.#waiting.shift()) part();
    this.#writing = part !== undefined;
    if (part === undefined) return;
    const text = RIGHT_MOVES.test(part)
      ? this.screen.textAfterCursor(part.length / RIGHT_MOVE_LENGTH)
      : part.replaceAll('\x1b[D', '\b').replaceAll('\x1b[K', '\x1b[J');
    this.screen.write(text, () => this.#writeNext());
  }
}
