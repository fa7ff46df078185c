/**
 * TCP between the guest and this computer, through the user network: npx tsx scripts/bench/network.ts [CARD…]
 *
 * For each card the guest fetches bytes from a server here and sends as many to another, in Hotslot's program and in QEMU TCG with the
 * same kernel, initrd and options; a table with megabits a second and the ratio is printed. The time is this server's, from the first byte to
 * the last, without the guest's start.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readGuestImage } from './guests.ts';

const CARDS = ['virtio-net-pci', 'e1000', 'e1000e'];
const HOTSLOT = join(import.meta.dirname, '../../bin/hotslot-system-x86_64');
const QEMU = 'qemu-system-x86_64';
const BYTES = Number(process.env['BYTES'] ?? 64 << 20);
const PIECE = new Uint8Array(1 << 16);
const PROMPT = 'guest# ';
const LIMIT_MS = 240_000;
const BITS = 8;
const MEGA = 1e6;

/** What one connection carried, once it is over. */
class Meter {
  #firstMs = 0;
  #done: (mbps: number) => void = () => {};
  readonly result = new Promise<number>((resolve) => {
    this.#done = resolve;
  });

  first(): void {
    if (this.#firstMs === 0) this.#firstMs = performance.now();
  }

  last(bytes: number): void {
    this.#done((bytes * BITS) / MEGA / ((performance.now() - this.#firstMs) / 1000));
  }
}

async function listening(serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Sends `BYTES` to whom connects; the end is when the guest has hung up. */
function source(meter: Meter): (socket: Socket) => void {
  return (socket) => {
    let left = BYTES;
    meter.first();
    const more = (): void => {
      while (left > 0) {
        const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
        left -= piece.length;
        if (!socket.write(piece)) {
          socket.once('drain', more);
          return;
        }
      }
      socket.end();
    };
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => meter.last(BYTES));
    more();
  };
}

/** Counts what comes. */
function sink(meter: Meter): (socket: Socket) => void {
  return (socket) => {
    let bytes = 0;
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      meter.first();
      bytes += piece.length;
    });
    socket.on('end', () => meter.last(bytes));
  };
}

/** A guest at its prompt. */
class Guest {
  readonly #process: ChildProcess;
  #text = '';

  constructor(program: string, args: readonly string[]) {
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.#text += text;
    });
  }

  async prompt(): Promise<void> {
    const end = performance.now() + LIMIT_MS;
    while (!this.#text.endsWith(PROMPT)) {
      if (performance.now() > end) throw new Error(`no prompt after ${this.#text.slice(-500)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async run(line: string): Promise<void> {
    this.#text = '';
    this.#process.stdin?.write(`${line}\n`);
    await this.prompt();
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

interface Rates {
  readonly down: number;
  readonly up: number;
}

async function measure(program: string, card: string, files: readonly string[]): Promise<Rates> {
  const common = ['-machine', 'pc', '-m', '256', '-display', 'none', '-nodefaults', '-serial', 'stdio'];
  const accel = program === QEMU ? ['-accel', 'tcg,thread=single'] : [];
  const network = ['-netdev', 'user,id=n0', '-device', `${card},netdev=n0`];
  const guest = new Guest(program, [...common, ...accel, ...network, ...files]);
  const [down, up] = [new Meter(), new Meter()];
  const servers = [await listening(source(down)), await listening(sink(up))];
  const [from, to] = servers.map(portOf);
  try {
    await guest.prompt();
    await guest.run('ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; sleep 3');
    await guest.run(`nc 10.0.2.2 ${from} < /dev/null > /dev/null`);
    // By bash, whose redirection is the connection: busybox's nc copies a kilobyte at a time, and is what would be measured.
    await guest.run(`dd if=/dev/zero bs=64k count=${BYTES >> 16} 2> /dev/null > /dev/tcp/10.0.2.2/${to}`);
    return { down: await down.result, up: await up.result };
  } finally {
    guest.end();
    for (const server of servers) server.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hotslot-network-'));
try {
  const { kernel, initrd, append } = readGuestImage();
  const paths = { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd') };
  writeFileSync(paths.kernel, kernel);
  writeFileSync(paths.initrd, initrd);
  const files = ['-kernel', paths.kernel, '-initrd', paths.initrd, '-append', append];
  const named = process.argv.slice(2);
  process.stdout.write(
    '| card | direction | Hotslot Mbit/s | QEMU Mbit/s | ratio |\n|---|---|---|---|---|\n',
  );
  for (const card of named.length === 0 ? CARDS : named) {
    const ours = await measure(HOTSLOT, card, files);
    const theirs = await measure(QEMU, card, files);
    for (const [way, text] of [
      ['down', 'host to guest'],
      ['up', 'guest to host'],
    ] as const) {
      const ratio = (ours[way] / theirs[way]).toFixed(2);
      process.stdout.write(
        `| ${card} | ${text} | ${ours[way].toFixed(0)} | ${theirs[way].toFixed(0)} | ${ratio} |\n`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
