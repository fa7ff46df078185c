/** A host whose sockets are in the test's hand. */
import type {
  Endpoint,
  FrameRelay,
  HostFile,
  Listener,
  NetFailure,
  NetHost,
  NotAdopted,
  RelayEvents,
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

export interface TestRelay extends FrameRelay {
  readonly url: string;
  readonly events: RelayEvents;
  readonly sent: Uint8Array[];
  queuedBytes: number;
  isClosed: boolean;
}

const NOT_OURS: NetFailure = { failure: 'Cannot assign requested address' };
/** All of the host's addresses, or its loopback. */
const isOwn = (address: number): boolean => address === 0 || address >>> 24 === 127;
const IN_USE: NetFailure = { failure: 'Address already in use' };

export class TestNetHost implements NetHost {
  readonly tcp: TestTcpSocket[] = [];
  readonly udp: TestUdpSocket[] = [];
  readonly relays: TestRelay[] = [];
  readonly files = new Map<string, string>();
  readonly closedFiles: string[] = [];
  readonly listening = new Map<number, (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined>();
  nameServer: number | undefined = 0x0808_0808;
  /** Connections that were there before; 5 is a file, and 6 a socket of datagrams. */
  readonly open = new Map<number, TcpSocket>();
  /** Ports that somebody has already. */
  readonly taken = new Set<number>();
  onConnect: (socket: TestTcpSocket) => void = () => {};

  connectTcp(to: Endpoint, events: TcpEvents): TcpSocket | undefined {
    if (to.address === 0xffff_ffff) return undefined;
    const socket = new TestTcpSocket(to, events);
    this.tcp.push(socket);
    this.onConnect(socket);
    return socket;
  }

  listenTcp(
    { address, port }: Endpoint,
    accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  ): Promise<Listener | NetFailure> {
    if (!isOwn(address)) return Promise.resolve(NOT_OURS);
    if (this.taken.has(port) || this.listening.has(port)) return Promise.resolve(IN_USE);
    this.listening.set(port, accept);
    return Promise.resolve({ close: () => void this.listening.delete(port) });
  }

  adoptStream(fd: number): TcpSocket | NotAdopted {
    if (fd === 5) return 'no socket';
    if (fd === 6) return 'no stream';
    const socket = this.open.get(fd);
    this.open.delete(fd);
    return socket ?? 'no file';
  }

  openUdp(receive: UdpReceiver): UdpSocket {
    return this.#udp(undefined, receive);
  }

  bindUdp(at: Endpoint, receive: UdpReceiver): Promise<UdpSocket | NetFailure> {
    if (!isOwn(at.address)) return Promise.resolve(NOT_OURS);
    return Promise.resolve(this.taken.has(at.port) ? IN_USE : this.#udp(at, receive));
  }

  joinGroup(group: Endpoint, _local: number, receive: UdpReceiver): Promise<UdpSocket | NetFailure> {
    return Promise.resolve(this.#udp(group, receive));
  }

  openFile(folder: string, name: string): Promise<HostFile | undefined> {
    const text = this.files.get(`${folder}/${name}`.replace(/\/+/g, '/'));
    if (text === undefined) return Promise.resolve(undefined);
    const bytes = new TextEncoder().encode(text);
    return Promise.resolve({
      sizeBytes: bytes.length,
      read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
      close: () => void this.closedFiles.push(name),
    });
  }

  resolve(name: string): Promise<number | undefined> {
    return Promise.resolve(name === 'localhost' ? 0x7f00_0001 : undefined);
  }

  openRelay(url: string, events: RelayEvents): FrameRelay {
    const relay: TestRelay = {
      ...{ url, events, sent: [], queuedBytes: 0, isClosed: false },
      send: (frame) => void relay.sent.push(frame),
      close() {
        relay.isClosed = true;
      },
    };
    this.relays.push(relay);
    return relay;
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
