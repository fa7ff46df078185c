/** A host whose sockets are in the test's hand. */
import type {
  Endpoint,
  Listener,
  NetHost,
  TcpEvents,
  TcpFailure,
  TcpSocket,
  UdpReceiver,
  UdpSocket,
} from '../../src/emu/net/net-host.ts';

/** One connection, seen from the other side of it. */
export class TestTcpSocket implements TcpSocket {
  readonly to: Endpoint;
  readonly events: TcpEvents;
  readonly written: number[] = [];
  readonly log: string[] = [];
  /** What the network has not taken yet, in the test's words. */
  queuedBytes = 0;
  onWrite: (bytes: Uint8Array) => void = () => {};

  constructor(to: Endpoint, events: TcpEvents) {
    this.to = to;
    this.events = events;
  }

  write(bytes: Uint8Array): void {
    this.written.push(...bytes);
    this.onWrite(bytes);
  }

  end(): void {
    this.log.push('end');
  }

  destroy(): void {
    this.log.push('destroy');
  }

  pause(): void {
    this.log.push('pause');
  }

  resume(): void {
    this.log.push('resume');
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.written));
  }
}

export interface TestUdpSocket extends UdpSocket {
  readonly at: Endpoint | undefined;
  readonly sent: { readonly text: string; readonly to: Endpoint }[];
  readonly receive: UdpReceiver;
  isClosed: boolean;
}

export class TestNetHost implements NetHost {
  readonly tcp: TestTcpSocket[] = [];
  readonly udp: TestUdpSocket[] = [];
  readonly listening = new Map<number, (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined>();
  nameServer: number | undefined = 0x0808_0808;
  /** Ports that somebody has already. */
  readonly taken = new Set<number>();
  onConnect: (socket: TestTcpSocket) => void = () => {};

  connectTcp(to: Endpoint, events: TcpEvents): TcpSocket {
    const socket = new TestTcpSocket(to, events);
    this.tcp.push(socket);
    this.onConnect(socket);
    return socket;
  }

  listenTcp(
    { port }: Endpoint,
    accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  ): Promise<Listener | undefined> {
    if (this.taken.has(port) || this.listening.has(port)) return Promise.resolve(undefined);
    this.listening.set(port, accept);
    return Promise.resolve({ close: () => void this.listening.delete(port) });
  }

  openUdp(receive: UdpReceiver): UdpSocket {
    return this.#udp(undefined, receive);
  }

  bindUdp(at: Endpoint, receive: UdpReceiver): Promise<UdpSocket | undefined> {
    return Promise.resolve(this.taken.has(at.port) ? undefined : this.#udp(at, receive));
  }

  #udp(at: Endpoint | undefined, receive: UdpReceiver): UdpSocket {
    const socket: TestUdpSocket = {
      ...{ at, receive, sent: [], isClosed: false },
      send(bytes, to) {
        socket.sent.push({ text: new TextDecoder().decode(bytes), to });
      },
      close() {
        socket.isClosed = true;
      },
    };
    this.udp.push(socket);
    return socket;
  }
}

export function failed(failure: TcpFailure): (socket: TestTcpSocket) => void {
  return ({ events }) => void setTimeout(() => events.closed(failure), 0);
}
