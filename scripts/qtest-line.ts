/** A QEMU that stands still, driven by the lines of its qtest protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class QtestLine {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(args: readonly string[]) {
    const common = [
      '-display',
      'none',
      '-nodefaults',
      '-S',
      '-qtest',
      'stdio',
      '-qtest-log',
      '/dev/null',
      '-monitor',
      'none',
    ];
    this.#process = spawn('qemu-system-x86_64', [...common, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('no qtest');
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
  }

  /** The answer without its OK. Rejects where there is another. */
  async ask(line: string): Promise<string> {
    this.#process.stdin?.write(`${line}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`${line}: QEMU has ended`);
      if (value.startsWith('OK')) return value.slice(3);
      if (!value.startsWith('IRQ')) throw new Error(`${line}: ${value}`);
    }
  }

  /** A number that is asked for. */
  async number(line: string): Promise<number> {
    return Number(await this.ask(line));
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}
