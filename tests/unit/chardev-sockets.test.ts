/** Sockets and named pipes of the host, and what can be around them. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CharBackend, CharFrontend } from '../../src/emu/char/char-backend.ts';
import { parseChardevOptions } from '../../src/emu/char/chardev-options.ts';
import { Chardevs } from '../../src/emu/char/chardevs.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { ChannelSet } from '../../src/node/channel-set.ts';
import type { Channel, ChannelUser } from '../../src/node/chardev.ts';

const MIB = 1 << 20;

async function eventually(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries > 1000) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Who is at the machine's side, and what happened to it. */
class User implements ChannelUser {
  readonly log: string[] = [];
  text = '';

  input(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString('latin1');
  }

  opened(): void {
    this.log.push('opened');
  }

  closed(): void {
    this.log.push('closed');
  }

  focus(): void {}

  sendBreak(): void {
    this.log.push('break');
  }
}

class Client {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  constructor(where: { port: number } | { path: string }) {
    this.socket = connect('port' in where ? { ...where, host: '127.0.0.1' } : where);
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    this.socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1');
    });
  }
}

let folder = '';
let warnings: string[] = [];
let set: ChannelSet;
const clients: Client[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotslot-sockets-'));
  warnings = [];
  set = new ChannelSet({
    ...{ warn: (text) => warnings.push(text), say() {}, onExit() {}, nowMs: () => 0, wake() {} },
    ended: new Promise<never>(() => {}),
  });
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  set.close();
  rmSync(folder, { recursive: true, force: true });
});

const options = (text: string) => parseChardevOptions(text, () => {});

/** Opens a character device with the id c for a monitor. */
async function opened(text: string): Promise<Channel> {
  await set.add(options(`${text},id=c`));
  return set.take('c', 'monitor');
}

function client(where: { port: number } | { path: string }): Client {
  const one = new Client(where);
  clients.push(one);
  return one;
}

/** The port at which a server waits. */
const portOf = ({ filename }: Channel): number =>
  Number(/^disconnected:tcp:127\.0\.0\.1:(\d+),server=on$/.exec(filename)?.[1]);

async function tcpServer(more = ''): Promise<{ channel: Channel; user: User; port: number }> {
  const channel = await opened(`socket,host=127.0.0.1,port=0,server=on,wait=off${more}`);
  const port = portOf(channel);
  const user = new User();
  channel.connect(user);
  return { channel, user, port };
}

function listening(port = 0): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, sockets, port: typeof address === 'object' ? (address?.port ?? 0) : 0 });
    });
  });
}

describe('a TCP server', () => {
  it('says who is there, and serves a hundred clients one after another', async () => {
    const { channel, user, port } = await tcpServer();
    for (let n = 0; n < 100; n++) {
      const one = client({ port });
      one.socket.write(`${n};`);
      if (n % 10 === 0) {
        await eventually(() => user.text.endsWith(`${n};`));
        channel.write(Buffer.from(`to ${n}`));
        await eventually(() => one.text === `to ${n}`);
        const { localPort } = one.socket;
        expect(channel.filename).toBe(`tcp:127.0.0.1:${port},server=on <-> 127.0.0.1:${localPort}`);
      }
      one.socket.end();
      await eventually(() => one.isClosed);
    }
    await eventually(() => user.log.length === 200);
    expect(user.log.join(' ')).toBe('opened closed '.repeat(100).trim());
    expect(user.text).toBe(Array.from({ length: 100 }, (_, n) => `${n};`).join(''));
    expect(channel.filename).toBe(`disconnected:tcp:127.0.0.1:${port},server=on`);
  });

  it('loses a client that never reads, and takes the next', async () => {
    const { channel, user, port } = await tcpServer();
    const deaf = client({ port });
    deaf.socket.pause();
    await eventually(() => user.log.length === 1);
    for (let n = 0; n < 64; n++) channel.write(new Uint8Array(MIB));
    expect(channel.queuedBytes).toBeLessThanOrEqual(18 * MIB);
    await eventually(() => user.log.length === 2);
    const next = client({ port });
    await eventually(() => user.log.length === 3);
    channel.write(Buffer.from('hello'));
    await eventually(() => next.text === 'hello');
    expect(user.log).toEqual(['opened', 'closed', 'opened']);
  });

  it('does not keep its place for one that says goodbye and does not go', async () => {
    const { channel, user, port } = await tcpServer();
    const half = client({ port });
    half.socket.pause();
    await eventually(() => user.log.length === 1);
    channel.write(new Uint8Array(8 * MIB));
    half.socket.end();
    await eventually(() => user.log.length === 2);
    expect(user.log).toEqual(['opened', 'closed']);
  });

  it('takes the next port with to=, or says that there is none', async () => {
    const { server, port } = await listening();
    const used = `host=127.0.0.1,port=${port},server=on,wait=off`;
    await expect(set.add(options(`socket,${used},id=a`))).rejects.toThrow(
      'Failed to find an available port: Address already in use',
    );
    expect(set.has('a')).toBe(false);
    const channel = await opened(`socket,${used},to=${port + 20}`);
    expect(portOf(channel)).toBeGreaterThan(port);
    expect(portOf(channel)).toBeLessThanOrEqual(port + 20);
    server.close();
  });

  it('waits for its client, unless wait=off', async () => {
    let port = 0;
    const adding = set.add(options('socket,id=c,host=127.0.0.1,port=0,server=on'));
    await eventually(() => warnings.length === 1);
    const [, place, digits] =
      /^hotslot-system-x86_64: info: QEMU waiting for connection on: (disconnected:tcp:127\.0\.0\.1:(\d+),server=on)$/.exec(
        warnings[0] ?? '',
      ) ?? [];
    expect(place).toBeDefined();
    port = Number(digits);
    client({ port });
    await adding;
    expect(set.take('c', 'monitor').filename).toContain(' <-> ');
  });

  it('with telnet=on takes commands out of what is typed, however they are cut', async () => {
    const channel = await opened('socket,host=127.0.0.1,port=0,server=on,wait=off,telnet=on');
    const [, port] = /^disconnected:telnet:127\.0\.0\.1:(\d+),server=on$/.exec(channel.filename) ?? [];
    const user = new User();
    channel.connect(user);
    const one = client({ port: Number(port) });
    // What QEMU 7.2 says.
    await eventually(() => one.text === '\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00');
    const typed = Buffer.from('in\xff\xfb\x01fo\xff\xf3 \xff\xff\xff\xfd\x03.', 'latin1');
    for (const byte of typed) {
      one.socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await eventually(() => user.text.endsWith('.'));
    one.socket.write(typed);
    await eventually(() => user.text.length === 14);
    expect(user.text).toBe('info \xff.info \xff.');
    expect(user.log).toEqual(['opened', 'break', 'break']);
    expect(channel.filename).toMatch(/^telnet:.*,server=on <-> /);
  });

  it('with an empty host listens everywhere', async () => {
    const channel = await opened('socket,host=,port=0,server=on,wait=off');
    expect(channel.filename).toMatch(/^disconnected:tcp:0\.0\.0\.0:\d+,server=on$/);
  });
});

describe('a client', () => {
  it('finds its server, and stays away when that is gone', async () => {
    const { server, port, sockets } = await listening();
    const channel = await opened(`socket,host=127.0.0.1,port=${port}`);
    const user = new User();
    channel.connect(user);
    await eventually(() => sockets.length === 1);
    expect(channel.filename).toBe(`tcp:127.0.0.1:${sockets[0]?.remotePort} <-> 127.0.0.1:${port}`);
    sockets[0]?.write('hi');
    await eventually(() => user.text === 'hi');
    sockets[0]?.destroy();
    await eventually(() => user.log.length === 2);
    expect(channel.filename).toBe(`disconnected:tcp:127.0.0.1:${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sockets.length).toBe(1);
    server.close();
  });

  it('with reconnect= waits for a server that comes later, and for the next one; it complains once', async () => {
    const { server: first, port } = await listening();
    await new Promise((resolve) => first.close(resolve));
    const channel = await opened(`socket,host=127.0.0.1,port=${port},reconnect=1`);
    const user = new User();
    channel.connect(user);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(warnings).toEqual([
      `hotslot-system-x86_64: Unable to connect character device c: Failed to connect to '127.0.0.1:${port}': Connection refused`,
    ]);
    expect(channel.filename).toBe(`disconnected:tcp:127.0.0.1:${port}`);
    const { server, sockets } = await listening(port);
    await eventually(() => user.log.length === 1);
    sockets[0]?.destroy();
    await eventually(() => user.log.length === 3);
    expect(user.log).toEqual(['opened', 'closed', 'opened']);
    expect(sockets.length).toBe(2);
    channel.close();
    await eventually(() => user.log.length === 4);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(sockets.length).toBe(2);
    server.close();
  });
});

describe('a Unix socket', () => {
  it('is not there when it could not be made, and no longer at the end', async () => {
    const long = `socket,path=${join(folder, 'x'.repeat(109))},server=on,wait=off,id=c`;
    await expect(set.add(options(long))).rejects.toThrow('is too long');
    const path = join(folder, 's');
    await opened(`socket,path=${path},server=on,wait=off`);
    expect(existsSync(path)).toBe(true);
    set.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('may have a path of 107 bytes', async () => {
    const path = join(folder, 'x'.repeat(107 - folder.length - 1));
    const channel = await opened(`socket,path=${path},server=on,wait=off`);
    const user = new User();
    channel.connect(user);
    client({ path });
    await eventually(() => user.log.length === 1);
    expect(channel.filename).toBe(`unix:${path},server=on`);
  });
});

describe('named pipes', () => {
  const fifo = (name: string): string => {
    const path = join(folder, name);
    execFileSync('mkfifo', [path]);
    return path;
  };

  it('path.in leads in, path.out leads out', async () => {
    const [input, output] = [fifo('p.in'), fifo('p.out')];
    const channel = await opened(`pipe,path=${join(folder, 'p')}`);
    const user = new User();
    channel.connect(user);
    expect(channel.filename).toBe('pipe');
    const writer = await openFile(input, 'r+');
    await writer.write('to the machine');
    await eventually(() => user.text === 'to the machine');
    channel.write(Buffer.from('from it'));
    const reader = await openFile(output, 'r+');
    const { bytesRead, buffer } = await reader.read(Buffer.alloc(100), 0, 100);
    expect(buffer.toString('latin1', 0, bytesRead)).toBe('from it');
    expect(user.text).toBe('to the machine');
    await writer.close();
    await reader.close();
  });

  it('a path that is none is refused', async () => {
    writeFileSync(join(folder, 'plain'), '');
    await expect(opened(`pipe,path=${join(folder, 'plain')}`)).rejects.toThrow('it is no named pipe');
  });
});

describe('what is around a channel', () => {
  it('logfile= keeps what is sent, heard or not; logappend= keeps what was there', async () => {
    const log = join(folder, 'log');
    for (const [more, text] of [
      ['', 'one'],
      ['', 'two'],
      [',logappend=on', 'twothree'],
    ] as const) {
      const channel = await opened(`null,logfile=${log}${more}`);
      channel.write(Buffer.from(text.slice(-5)));
      set.close();
      expect(readFileSync(log, 'latin1')).toBe(text);
      set = new ChannelSet({
        ...{
          warn() {},
          say() {},
          onExit() {},
          nowMs: () => 0,
          wake() {},
          ended: new Promise<never>(() => {}),
        },
      });
    }
  });

  it('append= keeps what was in the file', async () => {
    const path = join(folder, 'out');
    writeFileSync(path, 'old ');
    (await opened(`file,path=${path},append=on`)).write(Buffer.from('new'));
    expect(readFileSync(path, 'latin1')).toBe('old new');
  });

  it('a device whose reader does not read waits until it does', async () => {
    const chardevs = new Chardevs(new ObjectTree('none-machine'));
    chardevs.setHost(set);
    const path = join(folder, 's');
    await chardevs.open(options(`socket,path=${path},server=on,wait=off,id=c`));
    const backend = chardevs.attach('c') as CharBackend;
    let ready = 0;
    const events: string[] = [];
    const frontend: CharFrontend = {
      canReceive: () => 100,
      receive() {},
      event: (event) => events.push(event),
      outputReady: () => ready++,
    };
    backend.connect(frontend);
    const one = client({ path });
    one.socket.pause();
    await eventually(() => events.includes('opened'));
    const block = 64 << 10;
    let taken = 0;
    for (let n = 0; n < 100; n++) {
      taken += backend.write(new Uint8Array(block));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(3 * MIB);
    expect(ready).toBe(0);
    one.socket.resume();
    await eventually(() => ready > 0 && one.text.length === taken);
    expect(backend.write(new Uint8Array(1))).toBe(1);
  });
});

describe('by the monitor', () => {
  it('an open file is a name, which QEMU’s command line takes for a number', async () => {
    for (const [text, fd] of [
      ['socket,id=s', ''],
      ['socket,id=s,fd=3', '3'],
      ['socket,id=s,port=1,server=on,wait=off', ''],
    ] as const) {
      await expect(set.add(options(text), '-chardev')).rejects.toThrow(`Unable to parse FD number ${fd}`);
      await expect(set.open(options(text))).rejects.toThrow(
        `File descriptor named '${fd}' has not been found`,
      );
    }
    await set.add(options('null,id=s'), '-chardev');
    await expect(set.replace(options('socket,id=s,fd=x'))).rejects.toThrow("named 'x' has not been found");
  });

  const ids = (chardevs: Chardevs): string =>
    chardevs
      .query()
      .map(({ label, filename }) => `${label} ${filename}`)
      .sort()
      .join(', ');

  it('chardev-add, chardev-change and chardev-remove open and close', async () => {
    const chardevs = new Chardevs(new ObjectTree('none-machine'));
    chardevs.setHost(set);
    const path = join(folder, 's');
    await chardevs.open(options(`socket,path=${path},server=on,wait=off,id=c`));
    await expect(chardevs.open(options('null,id=c'))).rejects.toThrow('duplicate property');
    await chardevs.open(options('ringbuf,id=m,mux=on'));
    expect(ids(chardevs)).toBe(`c disconnected:unix:${path},server=on, m mux, m-base ringbuf`);
    expect(() => chardevs.remove('m')).toThrow("Chardev 'm' is busy");
    const one = client({ path });
    await chardevs.change('c', options(`file,path=${join(folder, 'f')}`));
    expect(existsSync(path)).toBe(false);
    await eventually(() => one.isClosed);
    expect(ids(chardevs)).toBe('c file, m mux, m-base ringbuf');
    await expect(chardevs.change('c', options('socket,path=/nonexistent/x'))).rejects.toThrow(
      "Failed to add chardev 'c': Failed to connect to '/nonexistent/x': No such file or directory",
    );
    expect(ids(chardevs)).toBe('m mux, m-base ringbuf');
    await expect(chardevs.change('m', options('null'))).rejects.toThrow(
      'Mux device hotswap not supported yet',
    );
    await expect(chardevs.change('c', options('null'))).rejects.toThrow("Chardev 'c' does not exist");
    expect(() => chardevs.sendBreak('c')).toThrow("Chardev 'c' not found");
  });

  it('four devices can be on a multiplexer, and what they say goes to what is below', async () => {
    const chardevs = new Chardevs(new ObjectTree('none-machine'));
    chardevs.setHost(set);
    await chardevs.open(options('ringbuf,id=m,mux=on'));
    const events: string[] = [];
    for (const name of 'abcd') {
      expect(chardevs.checkFree('m', 'x', 'chardev')).toBeUndefined();
      const backend = chardevs.attach('m');
      backend?.connect({
        ...{ canReceive: () => 0, receive() {}, outputReady() {} },
        event: (event) => events.push(`${name} ${event}`),
      });
      backend?.write(Buffer.from(name));
    }
    expect(chardevs.checkFree('m', 'x', 'chardev')?.message).toContain("Device 'm' is in use");
    await eventually(() => chardevs.ringBuffer('m-base').usedBytes === 4);
    expect(Buffer.from(chardevs.ringBuffer('m-base').read(9)).toString()).toBe('abcd');
    chardevs.sendBreak('m');
    expect(events.filter((event) => event.endsWith('break'))).toEqual(
      ['a', 'b', 'c', 'd'].map((n) => `${n} break`),
    );
  });

  it('who uses it for good keeps it, but a serial port goes on with another', async () => {
    await set.add(options('null,id=m'));
    await set.add(options('null,id=s'));
    set.take('m', 'monitor');
    const serial = set.take('s', 'serial');
    const user = new User();
    serial.connect(user);
    const chardevs = new Chardevs(new ObjectTree('none-machine'));
    for (const one of set.chardevs()) chardevs.provide(one.id, one);
    chardevs.setHost(set);
    await expect(chardevs.change('m', options('null'))).rejects.toThrow(
      'Chardev user does not support chardev hotswap',
    );
    await chardevs.change('s', options('ringbuf,size=16'));
    expect(ids(chardevs)).toBe('m null, s ringbuf');
    serial.write(Buffer.from('after'));
    expect(Buffer.from(chardevs.ringBuffer('s').read(9)).toString()).toBe('after');
    await expect(chardevs.change('s', options('socket,path=/nonexistent/x'))).rejects.toThrow(
      'Failed to connect',
    );
    expect(ids(chardevs)).toBe('m null, s ringbuf');
    const path = join(folder, 's');
    await chardevs.change('s', options(`socket,path=${path},server=on,wait=off`));
    client({ path }).socket.write('typed');
    await eventually(() => user.text === 'typed');
    expect(() => chardevs.remove('s')).toThrow("Chardev 's' is busy");
  });
});
