/** Character devices of the program: TCP, clients that wait for their server, terminals that are shared, what a monitor opens. */
import { execFileSync, spawnSync } from 'node:child_process';
import { constants, existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ANSWER_MS, connected, eventually, PROGRAM } from '../support/program.ts';
import { programRuns, WAITING } from '../support/program-runs.ts';
import { QmpClient } from '../support/qmp-socket.ts';

const { at, start } = programRuns(...WAITING);
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server; with port 0 on one that is free. */
function listen(port = 0): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, sockets, port: typeof address === 'object' ? (address?.port ?? 0) : 0 });
    });
  });
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const { server, port } = await listen();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function negotiated(client: QmpClient): Promise<QmpClient> {
  await client.greeting();
  await client.ask('qmp_capabilities');
  return client;
}

/** All that is said at a connection. */
function heard(socket: Socket): () => string {
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  return () => text;
}

const until = (what: () => boolean, told: () => string): Promise<void> => eventually(what, ANSWER_MS, told);

describe('sockets', () => {
  it('QMP and a monitor on TCP; a port that is taken is refused and status is 1', async () => {
    const port = await freePort();
    const run = start('-qmp', `tcp:127.0.0.1:${port},server=on,wait=off`, '-monitor', 'stdio');
    const client = await negotiated(await QmpClient.connect(port));
    const { localPort } = client.socket;
    expect(await client.ask('query-chardev')).toContainEqual({
      label: 'compat_monitor0',
      filename: `tcp:127.0.0.1:${port},server=on <-> 127.0.0.1:${localPort}`,
      'frontend-open': true,
    });
    const second = start('-monitor', `tcp:127.0.0.1:${port},server=on,wait=off`);
    expect(await second.ended).toBe(1);
    expect(second.stderr).toBe(
      `hotslot-system-x86_64: -monitor tcp:127.0.0.1:${port},server=on,wait=off: Failed to find an available port: Address already in use\n`,
    );
    client.socket.destroy();
    // It may hear of that after what is typed.
    const gone = `compat_monitor0: filename=disconnected:tcp:127.0.0.1:${port},server=on\r\n`;
    for (let shown = await run.until('(qemu) '); !shown.includes(gone); shown = await run.until('(qemu) ')) {
      run.type('info chardev\n');
    }
    run.type('quit\n');
    expect(await run.ended).toBe(0);
  });

  it('QMP goes to its server, which comes later, goes and comes again', async () => {
    const port = await freePort();
    const run = start('-qmp', `tcp:127.0.0.1:${port},reconnect=1`, '-monitor', 'stdio');
    await until(
      () => run.stderr !== '',
      () => run.stdout,
    );
    expect(run.stderr).toBe(
      `hotslot-system-x86_64: Unable to connect character device compat_monitor0: Failed to connect to '127.0.0.1:${port}': Connection refused\n`,
    );
    run.type('info chardev\n');
    await run.until(`compat_monitor0: filename=disconnected:tcp:127.0.0.1:${port}\r\n`);
    for (let n = 0; n < 2; n++) {
      const { server, sockets } = await listen(port);
      await until(
        () => sockets.length === 1,
        () => run.stderr,
      );
      const client = await negotiated(new QmpClient(sockets[0] as Socket));
      expect(await client.ask('query-target')).toEqual({ arch: 'x86_64' });
      client.socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  it('twenty monitors at once, of clients that ask, that leave in the middle and that do not read', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `m${n}`);
    const run = start(...names.flatMap((name) => ['-monitor', `unix:${name},server=on,wait=off`]));
    await until(
      () => names.every((name) => existsSync(at(name))),
      () => run.stderr,
    );
    // The last is there a moment before somebody listens.
    (await connected(at('m19'))).destroy();
    const sockets = names.slice(0, 19).map((name) => connect(at(name)));
    const texts = sockets.map(heard);
    for (const [n, socket] of sockets.entries()) {
      if (n % 3 === 0) socket.write('info qtr');
      if (n % 3 === 1) {
        socket.pause();
        for (let times = 0; times < 200; times++) socket.write('info qtree\n');
      }
      if (n % 3 === 2) socket.write('info status\n');
    }
    for (const [n, socket] of sockets.entries()) if (n % 3 === 0) socket.destroy();
    for (const [n, text] of texts.entries()) {
      if (n % 3 === 2) await until(() => text().includes('paused (prelaunch)'), text);
    }
    sockets[2]?.write('quit\n');
    expect(await run.ended).toBe(0);
    expect(names.filter((name) => existsSync(at(name)))).toEqual([]);
  });

  it('a path that is too long is refused and leaves nothing behind', async () => {
    const path = 'x'.repeat(109);
    const run = start('-monitor', `unix:${path},server=on,wait=off`, '-serial', 'file:never');
    expect(await run.ended).toBe(1);
    expect(run.stderr).toContain(
      `UNIX socket path '${path}' is too long\nPath must be less than 108 bytes\n`,
    );
    expect([existsSync(at(path)), existsSync(at('never'))]).toEqual([false, false]);
  });
});

describe('a shared terminal', () => {
  it('C-a c goes round monitors and serial ports; the last has it first; what is said is in the log', async () => {
    const run = start(
      ...['-chardev', 'stdio,id=t,mux=on,signal=off,logfile=log'],
      ...['-serial', 'chardev:t', '-mon', 't', '-serial', 'chardev:t', '-monitor', 'chardev:t'],
    );
    // Monitors come before serial ports.
    run.type('\x01c');
    await run.until('(qemu) ');
    run.type('info chardev\n');
    const shown = await run.until('(qemu) ');
    expect(shown).toContain('t: filename=mux\r\n');
    expect(shown).toContain('t-base: filename=stdio\r\n');
    expect(shown).not.toContain('serial0');
    run.type('\x01c');
    await run.until("monitor - type 'help' for more information\r\n(qemu) ");
    run.type('\x01c\x01c\x01cinfo status\n');
    await run.until('paused (prelaunch)');
    run.type('chardev-remove t\nchardev-change t null\n');
    expect(await run.until('Mux device hotswap not supported yet\r\n(qemu) ')).toContain(
      "Error: Chardev 't' is busy",
    );
    run.type('\x01x');
    expect(await run.ended).toBe(0);
    expect(readFileSync(at('log'), 'latin1')).toContain('VM status: paused (prelaunch)');
  });

  it('mon: works on any kind', async () => {
    const run = start('-serial', 'mon:unix:shared,server=on,wait=off');
    const socket = await connected(at('shared'));
    const text = heard(socket);
    socket.write('\x01c');
    await until(() => text().endsWith('(qemu) '), text);
    socket.write('quit\n');
    expect(await run.ended).toBe(0);
  });

  it('a monitor for programs cannot be on it', async () => {
    const run = start('-chardev', 'null,id=n,mux=on', '-mon', 'n,mode=control');
    expect(await run.ended).toBe(1);
    expect(run.stderr).toContain('a monitor for programs cannot share its character device');
  });
});

describe('what a monitor opens', () => {
  it('a socket for a port that is plugged in while the machine runs', async () => {
    start('-qmp', 'unix:qmp,server=on,wait=off', '-device', 'virtio-serial-pci');
    const client = await negotiated(await QmpClient.connect(at('qmp')));
    const add = (id: string, type: string, data: object): Promise<unknown> =>
      client.ask('chardev-add', { id, backend: { type, data } });
    const inet = (port: number): object => ({
      type: 'inet',
      data: { host: '127.0.0.1', port: String(port) },
    });
    const port = await freePort();
    expect(await add('s', 'socket', { addr: inet(port) })).toEqual({});
    await expect(add('s', 'null', {})).rejects.toThrow("Chardev with id 's' already exists");
    await expect(add('t', 'socket', { addr: inet(port) })).rejects.toThrow(
      "Failed to add chardev 't': Failed to find an available port: Address already in use",
    );
    await expect(add('t', 'socket', { addr: inet(1), server: false })).rejects.toThrow(
      "Failed to add chardev 't': Failed to connect to '127.0.0.1:1': Connection refused",
    );
    expect(await client.ask('device_add', { driver: 'virtconsole', id: 'c', chardev: 's' })).toEqual({});
    await expect(client.ask('chardev-remove', { id: 's' })).rejects.toThrow("Chardev 's' is busy");
    const one = connect(port, '127.0.0.1');
    const filename = async (): Promise<string | undefined> => {
      const all = (await client.ask('query-chardev')) as readonly { label: string; filename: string }[];
      return all.find(({ label }) => label === 's')?.filename;
    };
    while ((await filename())?.startsWith('disconnected:'))
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await filename()).toBe(`tcp:127.0.0.1:${port},server=on <-> 127.0.0.1:${one.localPort}`);
    expect(await client.ask('device_del', { id: 'c' })).toEqual({});
    expect(await client.ask('chardev-remove', { id: 's' })).toEqual({});
    await until(
      () => one.readyState === 'closed' || one.destroyed,
      () => one.readyState,
    );
    await expect(client.ask('chardev-send-break', { id: 's' })).rejects.toThrow("Chardev 's' not found");
  });

  it('another end for a serial port', async () => {
    const run = start('-monitor', 'stdio', '-serial', 'null');
    await run.until('(qemu) ');
    run.type('chardev-change serial0 socket,path=later,server=on,wait=off\ninfo chardev\n');
    await run.until('serial0: filename=disconnected:unix:later,server=on');
    expect(existsSync(at('later'))).toBe(true);
    run.type('chardev-send-break serial0\nchardev-change compat_monitor0 null\n');
    await run.until('Error: Chardev user does not support chardev hotswap');
    run.type('quit\n');
    expect(await run.ended).toBe(0);
    expect(existsSync(at('later'))).toBe(false);
  });
});

describe('signals and ends', () => {
  it('SIGUSR1 opens no debugger', async () => {
    const run = start('-monitor', 'stdio');
    await run.until('(qemu) ');
    run.process.kill('SIGUSR1');
    run.type('info status\n');
    await run.until('paused (prelaunch)');
    await new Promise((resolve) => setTimeout(resolve, 200));
    run.type('quit\n');
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
  });

  it('a monitor on named pipes answers, and does not keep the program from ending', async () => {
    for (const name of ['p.in', 'p.out']) execFileSync('mkfifo', [at(name)]);
    const run = start('-monitor', 'pipe:p');
    const [input, output] = await Promise.all(['p.in', 'p.out'].map((name) => openFile(at(name), 'r+')));
    let text = '';
    while (!text.includes('(qemu) ')) {
      const { bytesRead, buffer } = (await output?.read(Buffer.alloc(4096), 0, 4096)) ?? { bytesRead: 0 };
      text += buffer?.toString('latin1', 0, bytesRead) ?? '';
    }
    await input?.write('quit\n');
    expect(await run.ended).toBe(0);
    await input?.close();
    await output?.close();
  });
});

describe('a pseudo terminal', () => {
  const TOLD = /char device redirected to (\/dev\/pts\/\d+) \(label (\S+)\)\n/;

  const WITHOUT_CONTROL = constants.O_RDWR | constants.O_NOCTTY;

  /** What comes out of the other end until it has `wanted`. */
  async function readUntil(terminal: FileHandle, wanted: string): Promise<string> {
    let text = '';
    while (!text.includes(wanted)) {
      const { bytesRead, buffer } = await terminal.read(Buffer.alloc(4096), 0, 4096);
      text += buffer.toString('latin1', 0, bytesRead);
    }
    return text;
  }

  it('has a monitor, which a terminal program opens, leaves and opens again', async () => {
    const run = start('-monitor', 'pty', '-serial', 'null');
    await eventually(
      () => TOLD.test(run.stdout),
      ANSWER_MS,
      () => run.stdout,
    );
    const [, path = '', label] = TOLD.exec(run.stdout) ?? [];
    expect(label).toBe('compat_monitor0');
    for (const line of ['info name', 'info chardev']) {
      const terminal = await openFile(path, WITHOUT_CONTROL);
      await readUntil(terminal, '(qemu) ');
      await terminal.write(`${line}\n`);
      const answer = await readUntil(terminal, '\n(qemu) ');
      if (line === 'info chardev') expect(answer).toContain(`compat_monitor0: filename=pty:${path}\r\n`);
      await terminal.close();
      // Somebody must have seen that it was closed.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const terminal = await openFile(path, WITHOUT_CONTROL);
    await terminal.write('quit\n');
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
    await terminal.close();
    expect(existsSync(path)).toBe(false);
  });

  it('is made and told by monitors', async () => {
    const run = start(
      '-monitor',
      'stdio',
      '-qmp',
      'unix:pty,server=on,wait=off',
      '-chardev',
      'pty,id=c,mux=on',
    );
    const client = await QmpClient.connect(at('pty'));
    await client.greeting();
    await client.ask('qmp_capabilities');
    const made = await client.ask('chardev-add', { id: 'p', backend: { type: 'pty', data: {} } });
    expect(made).toEqual({ pty: expect.stringMatching(/^\/dev\/pts\/\d+$/) });
    expect(await client.ask('query-chardev-backends')).toContainEqual({ name: 'pty' });
    expect(await client.ask('query-chardev')).toContainEqual({
      ...{ label: 'p', 'frontend-open': false },
      filename: `pty:${(made as { pty: string }).pty}`,
    });
    expect(TOLD.exec(run.stdout)?.[2]).toBe('c-base');
    run.type('chardev-add pty,id=h\n');
    await run.until('(label h)');
    run.type('chardev-change h pty\ninfo chardev\n');
    // QEMU says it of none that takes another's place.
    expect(await run.until('h: filename=pty:')).not.toContain('redirected');
    run.type('quit\n');
    expect(await run.ended).toBe(0);
  });

  it('that the host takes away is told of, and is no longer listed', async () => {
    const run = start('-monitor', 'stdio', '-serial', 'pty');
    await run.until('(label serial0)');
    execFileSync('pkill', ['-9', '-P', String(run.process.pid), 'perl']);
    await eventually(
      () => /: the program that holds the pseudo terminal has ended\n$/.test(run.stderr),
      ANSWER_MS,
      () => run.stderr,
    );
    run.type('info chardev\n');
    await run.until('serial0: filename=pty\r\n');
    run.type('quit\n');
    expect(await run.ended).toBe(0);
  });

  it('is refused where the host has no program for it', async () => {
    const args = [PROGRAM, ...WAITING, '-chardev', 'pty,id=c'];
    const { status, stderr } = spawnSync(process.execPath, args, { env: { PATH: '/nowhere' } });
    expect(status).toBe(1);
    expect(stderr.toString()).toBe(
      'hotslot-system-x86_64: -chardev pty,id=c: Failed to create PTY: Function not implemented\n' +
        'Pseudo terminals need Linux and Perl; a socket does the same.\n',
    );
  });
});
