/** The human monitor on a terminal: banner, prompt, line editing. Bytes in, text out. */
import { Monitor, type MonitorOptions } from '../monitor.ts';
import { QEMU_VERSION } from '../version.ts';
import { completeLine } from './completion.ts';
import { Readline } from './readline.ts';

export const HMP_PROMPT = '(qemu) ';
export const HMP_BANNER = `QEMU ${QEMU_VERSION} monitor - type 'help' for more information`;

export class HmpConsole {
  readonly monitor: Monitor;
  readonly #write: (text: string) => void;
  readonly #readline: Readline;
  readonly #decoder = new TextDecoder();
  /** Characters that came while a command ran. */
  readonly #waiting: string[] = [];
  #busy = false;

  /**
   * @param write shows text on the terminal; lines end in CR LF
   * @param options of the monitor that runs the lines
   */
  constructor(write: (text: string) => void, options: Omit<MonitorOptions, 'history'>) {
    this.#write = write;
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
    this.#write(`${HMP_BANNER}\r\n`);
    this.#readline.start();
  }

  /** A new prompt: the terminal was used for something else. */
  restart(): void {
    this.#readline.start();
  }

  /** What the user typed. While a command runs it waits. */
  input(bytes: Uint8Array | string): void {
    const text = typeof bytes === 'string' ? bytes : this.#decoder.decode(bytes, { stream: true });
    this.#waiting.push(...text);
    this.#drain();
  }

  #drain(): void {
    while (!this.#busy && this.#waiting.length > 0) this.#readline.input(this.#waiting.shift() ?? '');
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
