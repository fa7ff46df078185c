/** Plays lines to a real QEMU 7.2 that a client drives over qtest, and gives its answers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connected } from './unix-socket.ts';

const OWN = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-m', '16'];
const BIOS_BYTES = 65_536;
const HLT = 0xf4;
/** Debian's QEMU has no clock that a client steps: the world's is waited for, and a little longer. */
const WAIT_MS = 12;
const NS_PER_MS = 1_000_000;
/** What is sent to a card is there after so long, or never. */
const FRAME_MS = 30;
/** Each frame has its length before it. */
const LENGTH_BYTES = 4;

/** The far end of a card's wire, whose netdev is called `far`. */
class FarEnd {
  #socket: Socket | undefined;
  #bytes = Buffer.alloc(0);
  readonly #server = createServer((socket) => {
    this.#socket = socket;
    socket.on('data', (more: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, more]);
    });
  });

  async listen(): Promise<readonly string[]> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    return ['-netdev', `socket,id=far,connect=127.0.0.1:${port}`];
  }

  send(frame: Buffer): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(frame.length);
    this.#socket?.write(Buffer.concat([length, frame]));
  }

  /** The frames that came since the last call, in base 16. */
  heard(): readonly string[] {
    const frames: string[] = [];
    while (this.#bytes.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#bytes.readUInt32BE(0);
      if (this.#bytes.length < end) break;
      frames.push(this.#bytes.subarray(LENGTH_BYTES, end).toString('hex'));
      this.#bytes = this.#bytes.subarray(end);
    }
    return frames;
  }

  close(): void {
    this.#socket?.destroy();
    this.#server.close();
  }
}

/**
 * The answers to lines of the qtest protocol that have one. Besides there are `hmp LINE` for the monitor, `send HEX` for a frame to the
 * card and `heard` for what it sent.
 */
export async function playLines(lines: readonly string[], withNetwork = false): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'qtest-'));
  const path = join(folder, 'qmp');
  const bios = join(folder, 'bios');
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  const far = new FarEnd();
  const network = withNetwork ? await far.listen() : [];
  const sockets = ['-bios', bios, '-qtest', 'stdio', '-qmp', `unix:${path},server=on,wait=off`];
  const qemu = spawn('qemu-system-x86_64', [...OWN, ...sockets, ...network], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const socket = await connected(path);
  const messages = createInterface(socket)[Symbol.asyncIterator]();
  const qmp = async (execute: string, more: object = {}): Promise<string> => {
    socket.write(`${JSON.stringify({ execute, arguments: more })}\n`);
    for (;;) {
      const answer = JSON.parse((await messages.next()).value) as { return?: unknown; error?: unknown };
      if (answer.error !== undefined) throw new Error(JSON.stringify(answer));
      if (answer.return !== undefined) return typeof answer.return === 'string' ? answer.return : '';
    }
  };
  await messages.next();
  await qmp('qmp_capabilities');
  const said: string[] = [];
  const qtest = async (line: string): Promise<void> => {
    qemu.stdin.write(`${line}\n`);
    for (;;) {
      const { value = 'no answer', done = false } = await answers.next();
      if (done || /^(ERR|FAIL)/.test(value)) throw new Error(`${line}: ${value}`);
      if (!value.startsWith('OK')) continue;
      said.push(value.slice(3));
      return;
    }
  };
  for (const line of lines) {
    const [word = ''] = line.split(' ', 1);
    const rest = line.slice(word.length + 1);
    if (word === 'hmp') {
      const text = await qmp('human-monitor-command', { 'command-line': rest });
      said.push(text.replaceAll('\r\n', '\n'));
    } else if (word === 'clock_step') {
      await sleep(WAIT_MS + Number(rest) / NS_PER_MS);
    } else if (word === 'send') {
      far.send(Buffer.from(rest, 'hex'));
      await sleep(FRAME_MS);
    } else if (word === 'heard') {
      await sleep(FRAME_MS);
      said.push(`heard ${far.heard().join(' ')}`);
    } else {
      await qtest(line);
    }
  }
  qemu.kill();
  socket.destroy();
  far.close();
  rmSync(folder, { recursive: true });
  return said.filter((text) => text !== '');
}
