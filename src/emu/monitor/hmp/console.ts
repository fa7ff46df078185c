/** The human monitor on a terminal: banner, prompt, line editing. Bytes in, text out. */
import { Monitor, type MonitorOptions } from '../monitor.ts';
import { QEMU_VERSION } from '../version.ts';
import { completeLine } from './completion.ts';
import { Readline } from './readline.ts';

export const HMP_PROMPT = '(qemu) ';
export const HMP_BANNER = `QEMU ${QEMU_VERSION} monitor - type 'help' for more information`;

/** QEMU redraws the line after each character. A paste, or a program that types, needs it drawn once. */
const DRAWN_ONE_BY_ONE = 256;
/** What one who cannot be made to wait may type ahead. */
const MAX_WAITING = 4 << 20;

/** The terminal, where it may be behind: then commands wait, as on QEMU they do not, so that one who does not read cannot fill the host's memory. */
export interface HmpOutput {
  isFull(): boolean;
  /** Something waits until `goOn` is called, when there is room again. */
  waits(): void;
}

const ALWAYS_ROOM: HmpOutput = { isFull: () => false, waits() {} };

export class HmpConsole {
  readonly monitor: Monitor;
  /** All that was typed has been taken; whoever looks at `waitingCharacters` may go on. */
  onTaken: () => void = () => {};
  readonly #write: (text: string) => void;
  readonly #readline: Readline;
  readonly #output: HmpOutput;
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** What came while a command ran, from `#taken` on. */
  #waiting = '';
  #taken = 0;
  #busy = false;

  /**
   * @param write shows text on the terminal; lines end in CR LF
   * @param options of the monitor that runs the lines
   * @param output where the terminal may be behind
   */
  constructor(
    write: (text: string) => void,
    options: Omit<MonitorOptions, 'history'>,
    output: HmpOutput = ALWAYS_ROOM,
  ) {
    this.#write = write;
    this.#output = output;
    this.monitor = new Monitor({ ...options, history: () => this.#readline.history });
    this.#readline = new Readline({
      prompt: HMP_PROMPT,
      write,
      onLine: (line) => this.#run(line),
      complete: (line) => completeLine(this.monitor.context, this.monitor.commands, line),
    });
  }

  /** Shows the banner and the first prompt. */
  start(): void {
    // Half a character of whoever was here before is not the beginning of what comes next.
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    this.#write(`${HMP_BANNER}\r\n`);
    this.#readline.start();
  }

  /** A new prompt: the terminal was used for something else. */
  restart(): void {
    this.#readline.start();
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
      this.#write(output.replaceAll('\n', '\r\n'));
      this.#readline.start();
      this.#busy = false;
      this.#drain();
    };
    this.monitor.execute(line).then(finish, (error: unknown) => finish(`${String(error)}\n`));
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
