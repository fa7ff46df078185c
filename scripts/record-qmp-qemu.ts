/** QEMU as a client of QMP records it: one process for a flow, and what it says to each packet. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QmpFlow } from './record-qmp-packets.ts';

/** So long nothing has come: the answer is whole. */
const QUIET_MS = 80;
/** So long nothing has come at all: there is no answer. */
const SILENCE_MS = 1000;

export class Qemu {
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  #text = '';
  #lastMs = Date.now();

  private constructor(process: ChildProcess, socket: Socket) {
    this.#process = process;
    this.#socket = socket;
    socket.on('data', (data: Buffer) => {
      this.#text += data.toString('utf8');
      this.#lastMs = Date.now();
    });
    socket.on('error', () => {});
  }

  static async start(args: readonly string[], directory: string): Promise<Qemu> {
    const path = join(directory, 'qmp');
    for (const name of ['qmp', 'hmp']) rmSync(join(directory, name), { force: true });
    const unix = (name: string): string => `unix:${join(directory, name)},server=on,wait=off`;
    const monitors = ['-monitor', unix('hmp'), '-qmp', unix('qmp'), '-serial', 'null'];
    const all = ['-display', 'none', '-S', '-m', '64', '-nodefaults', ...monitors, ...args];
    const child = spawn('qemu-system-x86_64', all, { stdio: 'inherit' });
    for (let tries = 0; ; tries++) {
      try {
        const socket = await new Promise<Socket>((resolve, reject) => {
          const made = connect(path, () => resolve(made));
          made.on('error', reject);
        });
        // So that the other monitor has its client, too.
        connect(join(directory, 'hmp')).on('error', () => {});
        return new Qemu(child, socket);
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(50);
      }
    }
  }

  send(text: string): void {
    this.#socket.write(`${text}\n`);
  }

  /** What came until nothing did for a while; events may come long before the answer. */
  async answer(): Promise<string> {
    const start = Date.now();
    this.#lastMs = start;
    const isAnswered = (): boolean => /"(?:return|error|QMP)": /.test(this.#text);
    while (!isAnswered() && Date.now() - start < SILENCE_MS) await sleep(QUIET_MS / 4);
    while (Date.now() - this.#lastMs < QUIET_MS) await sleep(QUIET_MS / 4);
    const text = this.#text;
    this.#text = '';
    return text;
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

/**
 * Writes what QEMU said to `output`/<name>.txt; `/tmp/` stands for `directory`, which has the images.
 * @param output a folder of tests/golden
 */
export async function recordFlow(
  { name, args, sent }: QmpFlow,
  directory: string,
  output: string,
): Promise<void> {
  const here = (text: string): string => text.replaceAll('/tmp/', `${directory}/`);
  const qemu = await Qemu.start(args.map(here), directory);
  const lines = [`# flow: ${name}`, `# qemu-system-x86_64 ${args.join(' ')}`];
  const note = (text: string): void => {
    for (const line of text.split('\r\n')) if (line !== '') lines.push(`<<< ${line}`);
  };
  note(await qemu.answer());
  for (const packet of sent) {
    qemu.send(here(packet));
    lines.push(`>>> ${JSON.stringify(packet)}`);
    note(await qemu.answer());
  }
  qemu.end();
  writeFileSync(join(output, `${name}.txt`), `${lines.join('\n').replaceAll(directory, '/tmp')}\n`);
  process.stdout.write(`${name}: recorded\n`);
}
