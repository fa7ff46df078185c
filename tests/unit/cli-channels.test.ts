import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseChardevOptions } from '../../src/emu/char/chardev-options.ts';
import { readCommandLine } from '../../src/emu/command-line/options.ts';
import type { Channel, ChannelUser } from '../../src/node/chardev.ts';
import { type Channels, openChannels } from '../../src/node/chardev-open.ts';
import { RunLoop } from '../../src/node/run-loop.ts';

const ENVIRONMENT = {
  ...{ warn: () => {}, say: () => {}, onExit: () => {}, nowMs: () => 0, ended: new Promise<never>(() => {}) },
  wake: () => {},
};
const NO_OPTIONS = { serials: [], monitors: [], chardevs: [] };
/** What a command line opens. */
const open = (...args: readonly string[]): Promise<Channels> => {
  const wanted = readCommandLine(['-display', 'none', '-nodefaults', ...args], () => {});
  if ('text' in wanted) throw new Error(wanted.text);
  return openChannels(wanted, ENVIRONMENT);
};
/** What -chardev makes of `text`; its id is c. */
const chardev = async (text: string): Promise<Channel> => {
  const at = `-chardev ${text}`;
  const chardevs = [{ options: parseChardevOptions(text, () => {}), at }];
  const { set } = await openChannels({ ...NO_OPTIONS, chardevs }, ENVIRONMENT);
  return set.take('c', 'monitor');
};
const NOBODY: ChannelUser = { input() {}, opened() {}, closed() {}, focus() {}, sendBreak() {} };

async function eventually(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries > 500) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('channels', () => {
  let folder: string;
  const closing: { close?: () => void; destroy?: () => void }[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hotslot-channels-'));
  });
  afterEach(() => {
    for (const one of closing.splice(0)) (one.close ?? one.destroy)?.call(one);
    rmSync(folder, { recursive: true, force: true });
  });

  function client(path: string): { socket: Socket; text: () => string } {
    let text = '';
    const socket = connect(path);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    closing.push(socket);
    return { socket, text: () => text };
  }

  async function unix(path: string): Promise<Channel> {
    const [channel] = (await open('-serial', `unix:${path},server=on,wait=off`)).serials;
    if (channel === undefined) throw new Error('no channel');
    closing.push(channel);
    return channel;
  }

  it('a socket keeps few clients waiting', async () => {
    const path = join(folder, 'crowd');
    await unix(path);
    let gone = 0;
    for (let n = 0; n < 40; n++) client(path).socket.on('close', () => gone++);
    await eventually(() => gone === 40 - 1 - 16);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(gone).toBe(23);
  });

  it('a serial port that is none is no port; the others keep their place', async () => {
    const { serials, monitors } = await open(
      ...['-serial', 'none', '-serial', 'null', '-serial', 'vc', '-monitor', 'none', '-monitor', 'null'],
    );
    expect(serials.map((channel) => channel !== undefined)).toEqual([false, true, true]);
    expect(monitors.length).toBe(1);
  });

  it('mon: puts the monitor beside the serial port', async () => {
    const { serials, monitors } = await open('-serial', 'mon:null');
    expect(serials.length).toBe(1);
    expect(monitors.length).toBe(1);
  });

  it('a file is emptied and gets what is written', async () => {
    const path = join(folder, 'log');
    for (const text of ['first, longer', 'second']) {
      const [channel] = (await open('-serial', `file:${path}`)).serials;
      channel?.write(Buffer.from(text));
      channel?.close();
      expect(readFileSync(path, 'latin1')).toBe(text);
    }
  });

  it('a Unix socket serves one client after the other', async () => {
    const path = join(folder, 'socket');
    const channel = await unix(path);
    let input = '';
    let opened = 0;
    let closed = 0;
    channel.connect({
      ...NOBODY,
      input: (bytes) => {
        input += Buffer.from(bytes).toString('latin1');
      },
      opened: () => opened++,
      closed: () => closed++,
    });
    channel.write(Buffer.from('nobody hears this'));
    const first = client(path);
    await eventually(() => opened === 1);
    const second = client(path);
    first.socket.write('one');
    second.socket.write('two');
    await eventually(() => input === 'one');
    channel.write(Buffer.from('to the first'));
    await eventually(() => first.text() === 'to the first');
    first.socket.end();
    first.socket.destroy();
    await eventually(() => input === 'onetwo');
    expect(closed).toBe(1);
    channel.write(Buffer.from('to the second'));
    await eventually(() => second.text() === 'to the second');
    expect(opened).toBe(2);
  });

  it('-chardev opens what a device is given, and says what it leads to', async () => {
    const path = join(folder, 'socket');
    const server = await chardev(`socket,id=c,path=${path},server=on,wait=off`);
    closing.push(server);
    expect(server.filename).toBe(`disconnected:unix:${path},server=on`);
    const log: string[] = [];
    server.connect({ ...NOBODY, opened: () => log.push('opened'), closed: () => log.push('closed') });
    const asClient = await chardev(`socket,id=c,path=${path}`);
    await eventually(() => log.length === 1);
    expect([server.filename, asClient.filename]).toEqual([`unix:${path},server=on`, 'unix:']);
    asClient.close();
    await eventually(() => log.length === 2);
    expect(log).toEqual(['opened', 'closed']);
    expect(server.filename).toBe(`disconnected:unix:${path},server=on`);
    const file = await chardev(`file,id=c,path=${join(folder, 'log')}`);
    file.write(Buffer.from('text'));
    file.close();
    expect([file.filename, readFileSync(join(folder, 'log'), 'latin1')]).toEqual(['file', 'text']);
  });

  it('a second server takes the path over, a client finds it', async () => {
    const path = join(folder, 'socket');
    await unix(path);
    const server = await unix(path);
    let input = '';
    server.connect({
      ...NOBODY,
      input: (bytes) => {
        input += Buffer.from(bytes).toString('latin1');
      },
    });
    const [other] = (await open('-serial', `unix:${path}`)).serials;
    if (other !== undefined) closing.push(other);
    other?.connect(NOBODY);
    other?.write(Buffer.from('hello'));
    await eventually(() => input === 'hello');
  });

  it('server=on waits for its client', async () => {
    const path = join(folder, 'socket');
    const warnings: string[] = [];
    const opening = openChannels(
      { ...NO_OPTIONS, serials: [{ spec: `unix:${path},server`, at: '-serial x' }] },
      { ...ENVIRONMENT, warn: (text) => warnings.push(text) },
    );
    await eventually(() => warnings.length === 1);
    expect(warnings[0]).toBe(
      `hotslot-system-x86_64: -serial x: info: QEMU waiting for connection on: disconnected:unix:${path},server=on`,
    );
    client(path);
    const [channel] = (await opening).serials;
    if (channel !== undefined) closing.push(channel);
    expect(channel).toBeDefined();
  });
});

describe('the run loop', () => {
  const host = { queuedBytes: () => 0, crashed: () => {} };
  const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it('sleeps while the machine is idle, and wakes at once', async () => {
    let runs = 0;
    const machine = {
      run: () => {
        runs++;
        return { idleMs: Number.POSITIVE_INFINITY };
      },
    };
    const loop = new RunLoop(machine, host);
    loop.wake();
    await eventually(() => runs === 2);
    await later(50);
    expect(runs).toBe(2);
    loop.wake();
    await eventually(() => runs > 2);
    loop.stop();
  });

  it('lets the guest wait for a reader that is too slow', async () => {
    let queued = 10 * 1024 * 1024;
    let runs = 0;
    const machine = {
      run: () => {
        runs++;
        return { idleMs: 0 };
      },
    };
    const loop = new RunLoop(machine, { ...host, queuedBytes: () => queued });
    loop.wake();
    await later(30);
    expect(runs).toBe(0);
    queued = 0;
    await eventually(() => runs > 5);
    loop.stop();
  });

  it('stands still when the machine throws, and tells it', () => {
    const machine = {
      run: (): never => {
        throw new Error('ours');
      },
    };
    return new Promise<void>((resolve) => {
      const loop = new RunLoop(machine, {
        ...host,
        crashed: (error) => {
          expect(String(error)).toContain('ours');
          resolve();
        },
      });
      loop.wake();
    });
  });
});
