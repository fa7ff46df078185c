/** The host's sockets, for the guest's network. */
import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { getServers } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, isIPv4, Socket } from 'node:net';
import type {
  Endpoint,
  HostFile,
  Ipv4,
  Listener,
  NetFailure,
  NetHost,
  NotAdopted,
  TcpEvents,
  TcpFailure,
  TcpSocket,
  UdpReceiver,
  UdpSocket,
} from '../emu/index.ts';
import { formatIpv4, parseIpv4 } from '../emu/index.ts';
import { hostErrorText } from './host-errors.ts';

/** @param wake called after each event: the machine may sleep */
export function nodeNetHost(wake: () => void): NetHost {
  return {
    connectTcp({ address, port }, events) {
      const socket = connect({ host: formatIpv4(address), port, allowHalfOpen: true });
      return new NodeTcpSocket(socket, events, wake);
    },
    adoptStream: (fd, events) => adoptStream(fd, events, wake),
    listenTcp: (at, accept) => listenTcp(at, accept, wake),
    openUdp(receive) {
      return new NodeUdpSocket(createSocket('udp4'), receive, wake);
    },
    bindUdp: (at, receive) => bindUdp(at, createSocket('udp4'), receive, wake),
    joinGroup: (group, local, receive) => joinGroup(group, local, receive, wake),
    openFile,
    resolve,
    // Not modelled: Node's own WebSocket comes with later versions than those that this program runs on.
    openRelay: () => undefined,
    get nameServer() {
      const server = getServers().find((one) => isIPv4(one));
      return server === undefined ? undefined : parseIpv4(server);
    },
  };
}

class NodeTcpSocket implements TcpSocket {
  readonly #socket: Socket;
  #failure: TcpFailure | undefined;
  #isDestroyed = false;

  constructor(socket: Socket, events: TcpEvents, wake: () => void) {
    this.#socket = socket;
    const tell = (what: () => void): void => {
      if (this.#isDestroyed) return;
      what();
      wake();
    };
    socket.setNoDelay(true);
    socket.on('connect', () => tell(() => events.connected()));
    socket.on('data', (bytes: Uint8Array) => tell(() => events.data(bytes)));
    socket.on('end', () => tell(() => events.end()));
    socket.on('drain', () => tell(() => events.drain()));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure = failureOf(error.code);
    });
    socket.on('close', () => tell(() => events.closed(this.#failure)));
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

function adoptStream(fd: number, events: TcpEvents, wake: () => void): TcpSocket | NotAdopted {
  try {
    if (!fstatSync(fd).isSocket()) return 'no socket';
  } catch {
    return 'no file';
  }
  try {
    return new NodeTcpSocket(new Socket({ fd, allowHalfOpen: true }), events, wake);
  } catch {
    // Node knows connections, of TCP and of Unix, and refuses what else may be behind a number.
    return 'no stream';
  }
}

function failureOf(code: string | undefined): TcpFailure {
  if (code === 'ECONNREFUSED') return 'refused';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'unreachable';
}

function listenTcp(
  { address, port }: Endpoint,
  accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  wake: () => void,
): Promise<Listener | NetFailure> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const peer = { address: parseIpv4(socket.remoteAddress ?? '') ?? 0, port: socket.remotePort ?? 0 };
    acceptSocket(socket, peer, accept, wake);
  });
  return new Promise((resolve) => {
    server.once('error', (error) => resolve({ failure: hostErrorText(error) }));
    server.listen({ host: formatIpv4(address), port }, () => {
      resolve({ close: () => void server.close() });
    });
  });
}

/** What is told of the socket before somebody listens is told to nobody. */
function acceptSocket(
  socket: Socket,
  peer: Endpoint,
  accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  wake: () => void,
): void {
  let events: TcpEvents | undefined;
  const later: TcpEvents = {
    connected() {},
    data: (bytes) => events?.data(bytes),
    end: () => events?.end(),
    drain: () => events?.drain(),
    closed: (failure) => events?.closed(failure),
  };
  events = accept(new NodeTcpSocket(socket, later, wake), peer);
  wake();
}

class NodeUdpSocket implements UdpSocket {
  readonly #socket: DatagramSocket;
  #isClosed = false;

  constructor(socket: DatagramSocket, receive: UdpReceiver, wake: () => void) {
    this.#socket = socket;
    socket.on('message', (bytes: Uint8Array, { address, port }: RemoteInfo) => {
      const from = parseIpv4(address);
      if (from === undefined || this.#isClosed) return;
      receive(bytes, { address: from, port });
      wake();
    });
    // A datagram that the host cannot send is lost, as on any way.
    socket.on('error', () => {});
  }

  send(bytes: Uint8Array, { address, port }: Endpoint): void {
    // Port 0 is nowhere, and Node throws at it.
    if (!this.#isClosed && port > 0) this.#socket.send(bytes, port, formatIpv4(address), () => {});
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}

function bindUdp(
  { address, port }: Endpoint,
  socket: DatagramSocket,
  receive: UdpReceiver,
  wake: () => void,
): Promise<UdpSocket | NetFailure> {
  return new Promise((resolve) => {
    const refused = (error: Error): void => resolve({ failure: hostErrorText(error) });
    socket.once('error', refused);
    socket.bind(port, formatIpv4(address), () => {
      socket.off('error', refused);
      resolve(new NodeUdpSocket(socket, receive, wake));
    });
  });
}

/** Everybody on this host and in its network who joins the group hears what one sends, the sender too. */
async function joinGroup(
  group: Endpoint,
  local: Ipv4,
  receive: UdpReceiver,
  wake: () => void,
): Promise<UdpSocket | NetFailure> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const made = await bindUdp(group, socket, receive, wake);
  if ('failure' in made) return made;
  try {
    const by = local === 0 ? undefined : formatIpv4(local);
    socket.addMembership(formatIpv4(group.address), by);
    socket.setMulticastLoopback(true);
    if (by !== undefined) socket.setMulticastInterface(by);
    return made;
  } catch (error) {
    made.close();
    return { failure: hostErrorText(error) };
  }
}

async function openFile(folder: string, name: string): Promise<HostFile | undefined> {
  const file = await open(`${folder}/${name}`).catch(() => undefined);
  const stat = await file?.stat();
  if (file === undefined || stat?.isFile() !== true) {
    await file?.close();
    return undefined;
  }
  return {
    sizeBytes: stat.size,
    async read(offset, length) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: () => void file.close().catch(() => {}),
  };
}

async function resolve(name: string): Promise<Ipv4 | undefined> {
  const found = await lookup(name, { family: 4 }).catch(() => undefined);
  return found === undefined ? undefined : parseIpv4(found.address);
}
