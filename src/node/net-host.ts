/** The host's sockets, for the guest's network. */
import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { getServers } from 'node:dns';
import { connect, createServer, isIPv4, type Socket } from 'node:net';
import type {
  Endpoint,
  Listener,
  NetHost,
  TcpEvents,
  TcpFailure,
  TcpSocket,
  UdpReceiver,
  UdpSocket,
} from '../emu/index.ts';
import { formatIpv4, parseIpv4 } from '../emu/index.ts';

/** @param wake called after each event: the machine may sleep */
export function nodeNetHost(wake: () => void): NetHost {
  return {
    connectTcp({ address, port }, events) {
      const socket = connect({ host: formatIpv4(address), port, allowHalfOpen: true });
      return new NodeTcpSocket(socket, events, wake);
    },
    listenTcp: (at, accept) => listenTcp(at, accept, wake),
    openUdp(receive) {
      return new NodeUdpSocket(createSocket('udp4'), receive, wake);
    },
    bindUdp: (at, receive) => bindUdp(at, receive, wake),
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

function failureOf(code: string | undefined): TcpFailure {
  if (code === 'ECONNREFUSED') return 'refused';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'unreachable';
}

function listenTcp(
  { address, port }: Endpoint,
  accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  wake: () => void,
): Promise<Listener | undefined> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const peer = { address: parseIpv4(socket.remoteAddress ?? '') ?? 0, port: socket.remotePort ?? 0 };
    acceptSocket(socket, peer, accept, wake);
  });
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
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
  receive: UdpReceiver,
  wake: () => void,
): Promise<UdpSocket | undefined> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(undefined));
    socket.bind(port, formatIpv4(address), () => resolve(new NodeUdpSocket(socket, receive, wake)));
  });
}
