/** Clients of monitors as they should not be: too many, too quick, gone in the middle, or two that want the same. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ANSWER_MS, connected, eventually, type Run } from '../support/program.ts';
import { programRuns, WAITING } from '../support/program-runs.ts';
import { QmpClient } from '../support/qmp-socket.ts';

const { at, start } = programRuns(...WAITING);
const PROMPT = '(qemu) ';
const MIB = 2 ** 20;
let sockets = 0;

/** A socket for a monitor, and the option's value that makes it. */
function newSocket(): { readonly path: string; readonly spec: string } {
  const name = `monitor${sockets++}`;
  return { path: at(name), spec: `unix:${name},server=on,wait=off` };
}

async function negotiated(path: string): Promise<QmpClient> {
  const client = await QmpClient.connect(path);
  await client.greeting();
  await client.ask('qmp_capabilities');
  return client;
}

/** A person's monitor on a socket. */
class HmpClient {
  readonly socket: Socket;
  #text = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#text += bytes.toString('latin1');
    });
    socket.on('error', () => {});
  }

  static async connect(path: string): Promise<HmpClient> {
    const client = new HmpClient(await connected(path));
    await client.#prompt();
    return client;
  }

  /** What a line is answered, without its echo. */
  async run(line: string): Promise<string> {
    this.socket.write(`${line}\n`);
    const text = await this.#prompt();
    return text.slice(text.indexOf('\r\n') + 2).replaceAll('\r\n', '\n');
  }

  async #prompt(): Promise<string> {
    await eventually(
      () => this.#text.endsWith(PROMPT),
      ANSWER_MS,
      () => `a prompt in ${this.#text.slice(-500)}`,
    );
    const text = this.#text.slice(0, -PROMPT.length);
    this.#text = '';
    return text;
  }
}

/** Files, sockets and pipes that the program has open. */
function openFiles({ process }: Run): number {
  return readdirSync(`/proc/${process.pid}/fd`).length;
}

function residentBytes({ process }: Run): number {
  const [, kib = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

describe('two monitors that want the same id at once', () => {
  it('of which one gets it, and the other is told so, whatever kind of monitor it is', async () => {
    const [first, second, third] = [newSocket(), newSocket(), newSocket()];
    start('-qmp', first.spec, '-qmp', second.spec, '-monitor', third.spec);
    const clients = [await negotiated(first.path), await negotiated(second.path)];
    const person = await HmpClient.connect(third.path);
    for (let round = 0; round < 20; round++) {
      const id = `r${round}`;
      const [text, ...answers] = await Promise.all([
        person.run(`device_add virtio-rng-pci,id=${id}`),
        ...clients.map((client) => client.run('device_add', { driver: 'virtio-rng-pci', id })),
      ]);
      const refusals = [
        text.replace(/^Error: (.*)\n$/, '$1'),
        ...answers.map(({ error }) => error?.desc ?? ''),
      ];
      expect(refusals.sort()).toEqual(['', `Duplicate device ID '${id}'`, `Duplicate device ID '${id}'`]);
      expect(await clients[0]?.ask('qom-list', { path: '/machine/peripheral' })).toContainEqual({
        name: id,
        type: 'child<virtio-rng-pci>',
      });
    }
    const made = await Promise.all(
      clients.map((client) => client.run('chardev-add', { id: 'c', backend: { type: 'null', data: {} } })),
    );
    expect(made.filter(({ error }) => error === undefined)).toHaveLength(1);
  });
});

describe('a hundred clients at once', () => {
  it('on a hundred monitors are all answered, and all hear of an event', { timeout: 120_000 }, async () => {
    const monitors = Array.from({ length: 100 }, newSocket);
    start(...monitors.flatMap(({ spec }) => ['-qmp', spec]));
    const clients = await Promise.all(monitors.map(({ path }) => negotiated(path)));
    const answers = await Promise.all(clients.map((client) => client.ask('query-target')));
    expect(answers).toEqual(clients.map(() => ({ arch: 'x86_64' })));
    await clients[0]?.ask('system_reset');
    await Promise.all(clients.map((client) => client.event('RESET')));
  });

  it('on one monitor: one is served, those who wait are served in turn, the others are turned away', async () => {
    const { path, spec } = newSocket();
    start('-qmp', spec);
    const first = await negotiated(path);
    const others = await Promise.all(Array.from({ length: 99 }, () => QmpClient.connect(path)));
    // Who is not among the few that may wait is disconnected without a word.
    await eventually(
      () => others.filter(({ isClosed }) => isClosed).length >= 99 - 16,
      ANSWER_MS,
      () => `refusals, not ${others.filter(({ isClosed }) => isClosed).length}`,
    );
    expect(await first.ask('query-kvm')).toEqual({ enabled: false, present: true });
    const waiting = others.filter(({ isClosed }) => !isClosed);
    expect(waiting.every(({ messages }) => messages.length === 0)).toBe(true);
    first.socket.destroy();
    for (let left = waiting.length; left > 0; left--) {
      await eventually(
        () => waiting.some(({ messages }) => messages.length > 0),
        ANSWER_MS,
        () => `a greeting, with ${left} left`,
      );
      const next = waiting.find(({ messages }) => messages.length > 0);
      await next?.greeting();
      await next?.ask('qmp_capabilities');
      expect(await next?.ask('query-target')).toEqual({ arch: 'x86_64' });
      waiting.splice(waiting.indexOf(next as QmpClient), 1);
      next?.socket.destroy();
    }
    expect(await (await negotiated(path)).ask('query-target')).toEqual({ arch: 'x86_64' });
  });
});

describe('a client that leaves', () => {
  it('in mid-command is not answered through the next one, and what it began is done', async () => {
    const { path, spec } = newSocket();
    start('-qmp', spec);
    const first = await negotiated(path);
    const where = newSocket();
    const addr = { type: 'unix', data: { path: where.path } };
    const backend = { type: 'socket', data: { addr, server: true, wait: true } };
    first.send(
      JSON.stringify({ execute: 'chardev-add', arguments: { id: 's', backend }, id: 'of the first' }),
    );
    // The command waits for a client of the new device, and the next client of the monitor for the end of the command.
    await eventually(
      () => existsSync(where.path),
      ANSWER_MS,
      () => where.path,
    );
    first.socket.destroy();
    const second = await QmpClient.connect(path);
    await second.greeting();
    const ready = second.ask('qmp_capabilities');
    const peer = await connected(where.path);
    await ready;
    expect(await second.ask('query-chardev')).toContainEqual(expect.objectContaining({ label: 's' }));
    expect(second.messages.filter(({ id }) => id === 'of the first')).toEqual([]);
    peer.destroy();
  });
});

describe('a connection that hangs', () => {
  it('is ended out of band; its socket waits for the next client', async () => {
    const [monitor, port] = [newSocket(), newSocket()];
    start(
      '-qmp',
      monitor.spec,
      '-chardev',
      `socket,id=c,path=${port.path},server=on,wait=off`,
      '-serial',
      'chardev:c',
    );
    const client = await QmpClient.connect(monitor.path);
    await client.greeting();
    await client.ask('qmp_capabilities', { enable: ['oob'] });
    const ids = ['compat_monitor0', 'c'];
    expect(await client.ask('query-yank')).toEqual(ids.map((id) => ({ type: 'chardev', id })));
    for (const _ of [1, 2]) {
      const peer = await connected(port.path);
      let isEnded = false;
      peer.on('close', () => {
        isEnded = true;
      });
      peer.resume();
      await eventually(
        () => !peer.connecting,
        ANSWER_MS,
        () => 'a connection',
      );
      const instances = [{ type: 'chardev', id: 'c' }];
      // The program may not have taken the client yet, and then there is nothing to end.
      while (!isEnded) {
        client.send(JSON.stringify({ 'exec-oob': 'yank', arguments: { instances }, id: 'yank' }));
        expect(await client.next(({ id }) => id === 'yank')).toHaveProperty('return');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    expect(await client.ask('query-chardev')).toContainEqual(
      expect.objectContaining({ label: 'c', filename: expect.stringMatching(/^disconnected:/) }),
    );
  });
});

describe('a command that waits for a pipe', () => {
  it('holds up those behind it but not what comes out of band, and goes on when the pipe was written', async () => {
    const { path, spec } = newSocket();
    start('-qmp', spec);
    const pipe = at('rules');
    execFileSync('mkfifo', [pipe]);
    const client = await QmpClient.connect(path);
    await client.greeting();
    await client.ask('qmp_capabilities', { enable: ['oob'] });
    const image = { driver: 'null-co' };
    const node = { driver: 'blkdebug', 'node-name': 'b', config: pipe, image };
    for (const request of [
      { execute: 'blockdev-add', id: 1, arguments: node },
      { execute: 'query-name', id: 2 },
      { 'exec-oob': 'migrate-pause', id: 3 },
    ]) {
      client.send(JSON.stringify(request));
    }
    expect(await client.next(({ id }) => id === 3)).toHaveProperty('error');
    expect(client.messages.filter(({ id }) => id !== undefined)).toEqual([]);
    writeFileSync(pipe, '[inject-error]\nevent = "nosuch"\n');
    const { error } = await client.next(({ id }) => id === 1);
    expect(error?.desc).toBe('invalid parameter value: nosuch');
    expect(await client.next(({ id }) => id === 2)).toHaveProperty('return');
  });
});

describe('two hundred quick connections', () => {
  it('change neither memory nor open files nor answers', { timeout: 120_000 }, async () => {
    const [qmp, hmp] = [newSocket(), newSocket()];
    const run = start('-qmp', qmp.spec, '-monitor', hmp.spec);
    (await connected(qmp.path)).destroy();
    const answers = async (): Promise<readonly unknown[]> => {
      const client = await negotiated(qmp.path);
      const person = await HmpClient.connect(hmp.path);
      const told = [
        await client.ask('query-chardev'),
        await client.ask('query-status'),
        await client.ask('query-commands'),
        await client.ask('qom-list', { path: '/machine' }),
        await person.run('info chardev'),
        await person.run('info qtree'),
      ];
      for (const { socket } of [client, person]) socket.destroy();
      return told;
    };
    const connections = async (): Promise<void> => {
      for (let n = 0; n < 200; n++) {
        const socket = await connected(n % 2 === 0 ? qmp.path : hmp.path);
        if (n % 3 === 0) socket.write('{"execute":"qmp_capabilities"}{"exec');
        socket.destroy();
      }
    };
    const files = openFiles(run);
    const before = await answers();
    // The first connections make room in the heap that stays.
    await connections();
    const warm = residentBytes(run);
    await connections();
    expect(await answers()).toEqual(before);
    expect(residentBytes(run) - warm).toBeLessThan(8 * MIB);
    // Who has just left may still be seen for a moment, at the start, too.
    await eventually(
      () => openFiles(run) <= files,
      ANSWER_MS,
      () => `at most ${files} open files, not ${openFiles(run)}`,
    );
  });
});
