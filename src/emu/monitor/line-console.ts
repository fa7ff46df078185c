/** A terminal on which lines are entered, one command at a time: prompt, line editing, what is typed ahead. Bytes in, text out. */
import { type Completion, Readline } from './readline.ts';

/** QEMU redraws the line after each character. A paste, or a program that types, needs it drawn once. */
const DRAWN_ONE_BY_ONE = 256;
/** What one who cannot be made to wait may type ahead. */
const MAX_WAITING = 4 << 20;

/** The terminal, where it may be behind: then commands wait, as on QEMU they do not, so that one who does not read cannot fill the host's memory. */
export interface ConsoleOutput {
  isFull(): boolean;
  /** Something waits until `goOn` is called, when there is room again. */
  waits(): void;
  /** Resolves when others have had their turn, between two commands that were typed together. */
  turn?(): Promise<void>;
}

const ALWAYS_ROOM: ConsoleOutput = { isFull: () => false, waits() {} };

export interface LineConsoleOptions {
  readonly prompt: string;
  /** Whole lines, shown before the first prompt. */
  readonly banner: string;
  /** Runs a line; gives its output, whole lines or nothing. */
  run(line: string): Promise<string>;
  complete(beforeCursor: string): Completion;
}

export class LineConsole {
  /** All that was typed has been taken; whoever looks at `waitingCharacters` may go on. */
  onTaken: () => void = () => {};
  readonly #write: (text: string) => void;
  readonly #options: LineConsoleOptions;
  readonly #readline: Readline;
  readonly #output: ConsoleOutput;
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** What came while a command ran, from `#taken` on. */
  #waiting = '';
  #taken = 0;
  #busy = false;
  #hasPrompt = false;

  /**
   * @param write shows text on the terminal; lines end in CR LF
   * @param output where the terminal may be behind
   */
  constructor(
    write: (text: string) => void,
    options: LineConsoleOptions,
    output: ConsoleOutput = ALWAYS_ROOM,
  ) {
    this.#write = write;
    this.#options = options;
    this.#output = output;
    this.#readline = new Readline({
      prompt: options.prompt,
      write,
      onLine: (line) => this.#run(line),
      complete: (line) => options.complete(line),
    });
  }

  /** Lines that were entered, oldest first. */
  get history(): readonly string[] {
    return this.#readline.history;
  }

  /** Shows the banner and the first prompt. */
  start(): void {
    // Half a character of whoever was here before is not the beginning of what comes next.
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    this.#write(crLf(this.#options.banner));
    this.restart();
  }

  /** A new prompt: the terminal was used for something else. */
  restart(): void {
    this.#hasPrompt = true;
    this.#readline.start();
  }

  /** Shows whole lines above the one that is being typed. */
  tell(lines: string): void {
    if (this.#busy || !this.#hasPrompt) this.#write(crLf(lines));
    else this.#readline.above(crLf(lines));
  }

  /** UTF-16 units that were typed and not taken yet. */
  get waitingCharacters(): number {
    return this.#waiting.length - this.#taken;
  }

  /** What the user typed. While a command runs it waits; false when it was too much and is lost. */
  input(bytes: Uint8Array | string): boolean {
    const text = typeof bytes === 'string' ? bytes : this.#decoder.decode(bytes, { stream: true });
    if (this.waitingCharacters + text.length > MAX_WAITING) return false;
    this.#waiting = this.#waiting.slice(this.#taken) + text;
    this.#taken = 0;
    this.#drain();
    return true;
  }

  /** The terminal has room again. */
  goOn(): void {
    this.#drain();
  }

  #drain(): void {
    const together = this.waitingCharacters > DRAWN_ONE_BY_ONE;
    while (!this.#busy && this.#taken < this.#waiting.length) {
      if (this.#output.isFull()) {
        this.#output.waits();
        return;
      }
      const code = this.#waiting.codePointAt(this.#taken) ?? 0;
      const character = String.fromCodePoint(code);
      const end = this.#taken + character.length;
      // The other half of a character comes with what is typed next.
      if (isHighSurrogate(code) && end === this.#waiting.length) return;
      this.#taken = end;
      this.#readline.input(character, together && end < this.#waiting.length);
    }
    if (this.waitingCharacters === 0) this.onTaken();
  }

  #run(line: string): void {
    this.#busy = true;
    const finish = (output: string): void => {
      this.#write(crLf(output));
      this.#readline.start();
      const turn = this.waitingCharacters > 0 ? this.#output.turn?.() : undefined;
      if (turn === undefined) goOn();
      else turn.then(goOn, goOn);
    };
    const goOn = (): void => {
      this.#busy = false;
      this.#drain();
    };
    this.#options.run(line).then(finish, (error: unknown) => finish(`${String(error)}\n`));
  }
}

function crLf(text: string): string {
  return text.replaceAll('\n', '\r\n');
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
