/** A real QEMU with its monitor, its guest's serial port and its events on sockets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RULE_FILES } from '../tests/golden/block/rule-files.ts';
import { connected } from './unix-socket.ts';

export const QEMU = 'qemu-system-x86_64';
/** The images that a dialogue may name. */
const DISKS = {
  'disk1.img': 64 * 1024 * 1024,
  'disk2.img': 64 * 1024 * 1024,
  'odd.img': 1000,
  'odd2.img': 1000,
};
const PROMPT = '(qemu) ';
const GUEST_PROMPT = 'guest# ';
const BOOT_SECONDS = 240;
const ANSWER_SECONDS = 60;

export function makeDisks(directory: string): void {
  for (const [name, bytes] of Object.entries(DISKS)) {
    writeFileSync(join(directory, name), '');
    truncateSync(join(directory, name), bytes);
  }
  for (const [name, text] of Object.entries(RULE_FILES)) writeFileSync(join(directory, name), text);
}

/** What came as bytes, one a character, read as UTF-8. */
function decoded(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The bytes of a text as UTF-8, one a character. */
function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** One socket as text, one character a byte. */
class Channel {
  readonly #socket: Socket;
  #text = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => {
      this.#text += data.toString('latin1');
    });
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  static async open(path: string): Promise<Channel> {
    return new Channel(await connected(path));
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** All text up to what `matches`; an Error after the time. */
  async until(matches: RegExp, seconds: number): Promise<string> {
    for (const end = Date.now() + seconds * 1000; ; await sleep(20)) {
      if (matches.test(this.#text)) break;
      if (this.#closed || Date.now() > end) throw new Error(`no ${matches} in ${JSON.stringify(this.#text)}`);
    }
    return this.take();
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  close(): void {
    this.#socket.destroy();
  }
}

export class RecordedQemu {
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #hmp: Channel;
  readonly #qmp: Channel;
  readonly #serial: Channel | undefined;

  private constructor(
    process: ChildProcess,
    directory: string,
    channels: readonly [Channel, Channel, Channel | undefined],
  ) {
    this.#process = process;
    this.#directory = directory;
    [this.#hmp, this.#qmp, this.#serial] = channels;
  }

  /**
   * @param directory where sockets and disks are; `serial` also gives the guest a console
   * @param program QEMU, or one that is told to be like it
   */
  static async start(
    directory: string,
    args: readonly string[],
    serial: boolean,
    [program, ...before]: readonly [string, ...string[]] = [QEMU],
  ): Promise<RecordedQemu> {
    const at = (name: string): string => join(directory, name);
    const log = openSync(at('stderr'), 'w');
    const child = spawn(
      program,
      [
        ...before,
        ...args,
        '-monitor',
        `unix:${at('hmp')},server=on,wait=off`,
        '-qmp',
        `unix:${at('qmp')},server=on,wait=off`,
        ...(serial ? ['-serial', `unix:${at('serial')},server=on,wait=on`] : []),
      ],
      { cwd: directory, stdio: ['ignore', log, log] },
    );
    const console = serial ? await Channel.open(at('serial')) : undefined;
    const hmp = await Channel.open(at('hmp'));
    const qmp = await Channel.open(at('qmp'));
    const qemu = new RecordedQemu(child, directory, [hmp, qmp, console]);
    await hmp.until(/\(qemu\) $/, ANSWER_SECONDS);
    qmp.send('{"execute":"qmp_capabilities"}\n');
    await qmp.until(/"return"/, ANSWER_SECONDS);
    return qemu;
  }

  /** The output of one monitor line, without echo and prompt. */
  async hmp(line: string): Promise<string> {
    this.#hmp.send(encoded(`${line}\n`));
    const raw = await this.#hmp.until(/\r\n(?:[\s\S]*\r\n)?\(qemu\) $/, ANSWER_SECONDS);
    const output = raw.slice(raw.indexOf('\r\n') + 2, -PROMPT.length);
    await sleep(50);
    return decoded(output.replaceAll('\r\n', '\n'));
  }

  /** What the terminal is sent for these keys. */
  async keys(text: string): Promise<string> {
    this.#hmp.send(text);
    await sleep(300);
    return this.#hmp.take();
  }

  /** Events since the last call. */
  events(): readonly string[] {
    return this.#qmp
      .take()
      .split('\n')
      .filter((line) => line.includes('"event"'))
      .map((line) => {
        const { event, data } = JSON.parse(line) as { event: string; data?: unknown };
        return JSON.stringify(data === undefined ? { event } : { event, data });
      });
  }

  /** Waits for the guest's shell. */
  async boot(): Promise<void> {
    await this.#console.until(/guest# /, BOOT_SECONDS);
    await sleep(500);
    await this.guest('stty -echo cols 200; dmesg -n 1');
    await this.guest('true');
  }

  /** The output of one shell command. */
  async guest(command: string): Promise<string> {
    this.#console.take();
    this.#console.send(`${command}\n`);
    const raw = await this.#console.until(/guest# $/, ANSWER_SECONDS);
    const text = decoded(raw.replaceAll('\r', '').slice(0, -GUEST_PROMPT.length));
    return text.startsWith(`${command}\n`) ? text.slice(command.length + 1) : text;
  }

  /** Waits until nothing more comes or goes in the guest. */
  async settle(): Promise<void> {
    for (let last = '', same = 0; same < 2; await sleep(600)) {
      const now = await this.guest('dmesg | wc -l; ls /sys/bus/pci/devices /sys/block');
      same = now === last ? same + 1 : 0;
      last = now;
    }
  }

  /** Ends QEMU and gives what it printed on its standard error. */
  async close(): Promise<string> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
    for (const channel of [this.#hmp, this.#qmp, this.#serial]) channel?.close();
    return readFileSync(join(this.#directory, 'stderr'), 'utf8')
      .split('\n')
      .filter((line) => !/terminating on signal|waiting for connection/.test(line))
      .join('\n');
  }

  get #console(): Channel {
    if (this.#serial === undefined) throw new Error('this QEMU has no guest');
    return this.#serial;
  }
}
