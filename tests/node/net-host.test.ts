/** The guest's network over real sockets of this host, on its loopback. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { closeSync, openSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Endpoint, TcpEvents, TcpSocket } from '../../src/emu/index.ts';
import { nodeNetHost } from '../../src/node/net-host.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/hotslot-system-x86_64');
const LOOPBACK = 0x7f00_0001;
let wakes = 0;
const host = nodeNetHost(() => {
  wakes++;
});

/** What a connection told, and a promise of its end. */
function listener() {
  const log: string[] = [];
  let done: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    done = resolve;
  });
  const events: TcpEvents = {
    connected: () => void log.push('connected'),
    data: (bytes) => void log.push(`data ${new TextDecoder().decode(bytes)}`),
    end: () => void log.push('end'),
    drain: () => void log.push('drain'),
    closed(failure) {
      log.push(`closed ${failure ?? ''}`);
      done();
    },
  };
  return { log, closed, events };
}

async function listening(serve: (socket: Socket) => void): Promise<{ at: Endpoint; close(): void }> {
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { at: { address: LOOPBACK, port }, close: () => void server.close() };
}

it('connects, and each side ends what it sends', async () => {
  const server = await listening((socket) => {
    socket.on('data', (bytes) => void socket.write(bytes));
    socket.on('end', () => void socket.end('bye'));
  });
  const { log, closed, events } = listener();
  const socket = host.connectTcp(server.at, events);
  socket?.write(new TextEncoder().encode('hello'));
  await expect.poll(() => log).toContain('data hello');
  socket?.end();
  await closed;
  expect(log.filter((one) => one !== 'drain')).toEqual([
    'connected',
    'data hello',
    'data bye',
    'end',
    'closed ',
  ]);
  expect(wakes).toBeGreaterThan(3);
  server.close();
});

it('is refused where nobody listens', async () => {
  const server = await listening(() => {});
  server.close();
  const { log, closed, events } = listener();
  host.connectTcp(server.at, events);
  await closed;
  expect(log).toEqual(['closed refused']);
});

it('tells nothing of what was destroyed', async () => {
  const server = await listening((socket) => void socket.on('error', () => {}));
  const { log, events } = listener();
  host.connectTcp(server.at, events)?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(log).toEqual([]);
  server.close();
});

it('listens, once at a place', async () => {
  const free = await listening(() => {});
  free.close();
  const { log, events } = listener();
  let accepted: TcpSocket | undefined;
  const made = await host.listenTcp(free.at, (socket, peer) => {
    accepted = socket;
    expect(peer.address).toBe(LOOPBACK);
    return events;
  });
  expect(await host.listenTcp(free.at, () => undefined)).toEqual({ failure: 'Address already in use' });
  const client = connect(free.at.port, '127.0.0.1');
  client.write('hi');
  await expect.poll(() => accepted).toBeDefined();
  // It was accepted asleep, as a connection begins that the guest has not answered.
  expect(log).toEqual([]);
  accepted?.resume();
  await expect.poll(() => log).toContain('data hi');
  client.destroy();
  if ('close' in made) made.close();
});

it('sends and receives datagrams', async () => {
  const echo = createSocket('udp4');
  echo.on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
  await new Promise<void>((resolve) => echo.bind(0, '127.0.0.1', resolve));
  const { port } = echo.address();
  const heard: string[] = [];
  const socket = host.openUdp((bytes, from) => {
    heard.push(`${new TextDecoder().decode(bytes)} ${from.address === LOOPBACK && from.port === port}`);
  });
  socket?.send(new TextEncoder().encode('hello'), { address: LOOPBACK, port });
  socket?.send(new Uint8Array(1), { address: LOOPBACK, port: 0 });
  await expect.poll(() => heard).toEqual(['hello true']);
  expect(await host.bindUdp({ address: LOOPBACK, port }, () => {})).toEqual({
    failure: 'Address already in use',
  });
  socket?.close();
  socket?.close();
  echo.close();
});

it('takes over connections that the program was started with', async () => {
  const ends = ['socket,fd=3,id=a', 'socket,fd=4,id=b'].flatMap((end) => ['-netdev', end]);
  const ports = ['hubport,hubid=0,id=p,netdev=a', 'hubport,hubid=0,id=q,netdev=b'];
  const args = ['-nodefaults', '-display', 'none', '-accel', 'qtest', ...ends];
  const program = spawn(PROGRAM, [...args, ...ports.flatMap((port) => ['-netdev', port])], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const [one, other] = [program.stdio[3], program.stdio[4]] as unknown as readonly [Socket, Socket];
  // A length of four bytes, and a frame.
  const frame = Buffer.from([0, 0, 0, 60, ...new Uint8Array(60).fill(7)]);
  let heard = Buffer.alloc(0);
  other.on('data', (bytes: Buffer) => {
    heard = Buffer.concat([heard, bytes]);
  });
  one.write(frame);
  await expect.poll(() => heard.length, { timeout: 60_000 }).toBe(frame.length);
  expect(heard.equals(frame)).toBe(true);
  program.kill('SIGTERM');
  const status = await new Promise((resolve) => program.on('exit', resolve));
  expect(status).toBe(0);
});

it('takes no file for a connection', () => {
  const file = openSync(PROGRAM, 'r');
  expect(host.adoptStream?.(file, listener().events)).toBe('no socket');
  closeSync(file);
  expect(host.adoptStream?.(file, listener().events)).toBe('no file');
});
