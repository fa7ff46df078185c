/** QEMU's monitor as a reader and writer of JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RESET } from '../tests/support/qmp-echo.ts';
import { connected } from './unix-socket.ts';

export class JsonQemu {
  readonly #folder: string;
  readonly #qemu: ChildProcess;
  readonly #socket: Socket;
  #heard = '';
  /** Called when QEMU said something, or is gone. */
  #wake: () => void = () => {};
  #cases = 0;

  private constructor(folder: string, qemu: ChildProcess, socket: Socket) {
    this.#folder = folder;
    this.#qemu = qemu;
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#heard += text;
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  static async start(pretty = false): Promise<JsonQemu> {
    const folder = mkdtempSync(join(tmpdir(), 'hotslot-json-'));
    const path = join(folder, 'qmp');
    const monitor = [pretty ? '-qmp-pretty' : '-qmp', `unix:${path},server=on,wait=off`];
    const machine = ['-display', 'none', '-S', '-m', '64', '-nodefaults', '-accel', 'tcg'];
    const qemu = spawn('qemu-system-x86_64', [...machine, ...monitor], { stdio: 'ignore' });
    const started = new JsonQemu(folder, qemu, await connected(path));
    await started.answers(Buffer.from('{"execute":"qmp_capabilities"}'));
    return started;
  }

  /** The lines that QEMU answers to bytes and RESET. */
  async answers(bytes: Uint8Array): Promise<readonly string[]> {
    return (await this.allAnswers([bytes]))[0] ?? [];
  }

  /** The same for each of many cases. */
  async allAnswers(cases: readonly Uint8Array[]): Promise<readonly (readonly string[])[]> {
    const ends = cases.map((bytes) => {
      const end = `end-of-case-${this.#cases++}`;
      this.#socket.write(bytes);
      this.#socket.write(RESET);
      this.#socket.write(`{"execute":"e","id":"${end}"}\n`);
      return end;
    });
    const last = ends.at(-1) ?? '';
    while (!this.#heard.includes(last) || !/\n\}?\r?\n$|\}\r?\n$/.test(this.#heard)) {
      if (this.#socket.destroyed) throw new Error('QEMU is gone');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const lines = this.#heard.split(/\r?\n/).slice(0, -1);
    this.#heard = '';
    return ends.map((end) => {
      const at = lines.findIndex((line) => line.includes(`"${end}"`));
      // Printed prettily, the answer is more than the line with its id.
      const first = lines[at]?.startsWith('{') ? at : at - 1;
      const answers = lines.splice(0, first);
      lines.splice(0, first === at ? 1 : lines.indexOf('}') + 1);
      return answers;
    });
  }

  async stop(): Promise<void> {
    const exited = once(this.#qemu, 'exit');
    this.#socket.destroy();
    this.#qemu.kill();
    await exited;
    rmSync(this.#folder, { recursive: true });
  }
}
