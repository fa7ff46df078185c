/** One client of the qtest protocol: lines come, each is answered by a line, and interrupts are told between them. */
import { IrqIntercept } from './irq-intercept.ts';
import { MAX_LINE, QTEST_COMMANDS, TIME_COMMANDS } from './qtest-commands.ts';
import type { QtestMachine } from './qtest-machine.ts';
import { QtestError } from './qtest-words.ts';

export interface QtestOutput {
  /** Sends a line with its end. */
  send(text: string): void;
  /** A line for the log, with its end. */
  log(text: string): void;
  /** Milliseconds of the host's clock. */
  nowMs(): number;
}

const NEWLINE = 10;
const MS_PER_S = 1000;

export class QtestSession {
  readonly #output: QtestOutput;
  readonly #context: { readonly machine: QtestMachine; readonly irqs: IrqIntercept };
  /** All that means something in a line is ASCII. */
  readonly #decoder = new TextDecoder('latin1');
  /** Of a line that has not ended yet. */
  #parts: string[] = [];
  #length = 0;
  #openedMs: number | undefined;

  constructor(output: QtestOutput, machine: QtestMachine) {
    this.#output = output;
    const irqs = new IrqIntercept(machine, (index, level) => {
      this.#send(`IRQ ${level ? 'raise' : 'lower'} ${index}\n`);
    });
    this.#context = { machine, irqs };
  }

  /** A client is there. */
  opened(): void {
    this.#openedMs = this.#output.nowMs();
    this.#dropLine();
    this.#log('I', ' OPENED\n');
  }

  closed(): void {
    this.#log('I', ' CLOSED\n');
    this.#openedMs = undefined;
    this.#dropLine();
  }

  /** Bytes of the client's: parts of lines, or several. */
  input(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#add(bytes.subarray(start, end));
      start = end + 1;
      this.#endLine();
    }
    this.#add(bytes.subarray(start));
  }

  #add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > MAX_LINE) this.#parts = [];
    else this.#parts.push(this.#decoder.decode(bytes));
  }

  #endLine(): void {
    const line = this.#length > MAX_LINE ? undefined : this.#parts.join('');
    this.#dropLine();
    if (line === undefined) this.#send(`FAIL A line has at most ${MAX_LINE} characters\n`);
    else this.#run(line);
  }

  #dropLine(): void {
    this.#parts = [];
    this.#length = 0;
  }

  #run(line: string): void {
    const [name = '', ...words] = line.split(' ');
    this.#log('R', ` ${line}\n`);
    this.#send(this.#carryOut(name, words));
  }

  #carryOut(name: string, words: readonly string[]): string {
    const { machine } = this.#context;
    const isTime = machine.steppedTime !== undefined;
    const command = QTEST_COMMANDS.get(name) ?? (isTime ? TIME_COMMANDS.get(name) : undefined);
    if (command === undefined) return `FAIL Unknown command '${name}'\n`;
    try {
      const result = command(this.#context, words);
      return result === undefined ? 'OK\n' : `OK ${result}\n`;
    } catch (error) {
      if (!(error instanceof QtestError)) throw error;
      return `${error.message}\n`;
    }
  }

  #send(text: string): void {
    this.#output.send(text);
    this.#log('S', ` ${text}`);
  }

  /** QEMU: with the time since the client came; nothing while none is there. */
  #log(kind: 'I' | 'R' | 'S', text: string): void {
    if (this.#openedMs === undefined) return;
    const seconds = (this.#output.nowMs() - this.#openedMs) / MS_PER_S;
    this.#output.log(`[${kind} +${seconds.toFixed(6)}]${text}`);
  }
}
