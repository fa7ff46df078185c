/**
 * The host of the guest's network in a page, which has no sockets.
 *
 * | where the guest wants to go | who is there |
 * |---|---|
 * | this host, 127.0.0.0/8 | this tab and the other tabs of the site: they share their ports |
 * | port 53 of UDP, anywhere | a name server that gives every name an address of its own |
 * | port 123 of UDP, anywhere | the browser's clock |
 * | port 80 of TCP, elsewhere | the web, by the browser's `fetch` |
 * | anywhere else | nobody: it is refused, and the reader is told |
 */
import type {
  Endpoint,
  Ipv4,
  Listener,
  NetFailure,
  NetHost,
  TcpEvents,
  TcpSocket,
  UdpReceiver,
  UdpSocket,
} from '../../emu/index.ts';
import { formatIpv4 } from '../../emu/index.ts';
import { HostNames } from './host-names.ts';
import { answerName } from './name-server.ts';
import type { Outside } from './outside.ts';
import { type Locks, TabTcp } from './tab-tcp.ts';
import { TabUdp } from './tab-udp.ts';
import { answerTime } from './time-server.ts';
import type { WebClientWorld } from './web-client.ts';
import { WebConnection } from './web-connection.ts';
import { type RelaySocket, WebSocketRelay } from './web-socket-relay.ts';

/** Any address would do. */
const NAME_SERVER: Ipv4 = 0x7f00_0035;
const DNS_PORT = 53;
const NTP_PORT = 123;
const HTTP_PORT = 80;
const NO_SOCKETS: NetFailure = { failure: 'Operation not supported' };

export interface PageNetWorld extends WebClientWorld {
  /** Undefined: there are no other tabs, as in a sandboxed frame. */
  readonly locks: Locks | undefined;
  readonly outside: Outside;
  readonly connectRelay: (url: string) => RelaySocket;
  readonly nowMs: () => number;
  /** Called after each event: the machine may sleep. */
  readonly wake: () => void;
}

const isLoopback = ({ address }: Endpoint): boolean => address >>> 24 === 127 || address === 0;

export class PageNetHost implements NetHost {
  readonly nameServer = NAME_SERVER;
  readonly #world: PageNetWorld;
  readonly #names = new HostNames();
  readonly #tcp: TabTcp | undefined;
  readonly #udp: TabUdp | undefined;

  constructor(world: PageNetWorld) {
    this.#world = world;
    const { locks, wake } = world;
    this.#tcp = locks && new TabTcp(locks, wake);
    this.#udp = locks && new TabUdp(locks, wake);
  }

  connectTcp(to: Endpoint, events: TcpEvents): TcpSocket | undefined {
    if (isLoopback(to)) return this.#tcp?.connect(to, events);
    const { outside, wake } = this.#world;
    if (to.port !== HTTP_PORT) {
      outside.refuse();
      return undefined;
    }
    if (!outside.ask()) return undefined;
    const site = this.#names.nameOf(to.address) ?? formatIpv4(to.address);
    return new WebConnection(site, this.#world, events, wake);
  }

  listenTcp(
    { port }: Endpoint,
    accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  ): Promise<Listener | NetFailure> {
    return this.#tcp?.listen(port, accept) ?? Promise.resolve(NO_SOCKETS);
  }

  openUdp(receive: UdpReceiver): UdpSocket {
    const { wake, nowMs } = this.#world;
    const names = this.#names;
    let tabs: UdpSocket | undefined;
    let isClosed = false;
    const open = (): UdpSocket | undefined => this.#udp?.open(receive);
    return {
      send: (bytes, to) => {
        const answer =
          to.port === DNS_PORT
            ? answerName(bytes, names)
            : to.port === NTP_PORT
              ? answerTime(bytes, nowMs())
              : undefined;
        if (answer !== undefined) {
          setTimeout(() => {
            if (isClosed) return;
            receive(answer, to);
            wake();
          }, 0);
        } else if (isLoopback(to)) {
          tabs ??= open();
          tabs?.send(bytes, to);
        }
      },
      close() {
        isClosed = true;
        tabs?.close();
      },
    };
  }

  bindUdp(at: Endpoint, receive: UdpReceiver): Promise<UdpSocket | NetFailure> {
    return this.#udp?.bind(at, receive) ?? Promise.resolve(NO_SOCKETS);
  }

  joinGroup(group: Endpoint, _local: Ipv4, receive: UdpReceiver): Promise<UdpSocket | NetFailure> {
    return Promise.resolve(this.#udp?.join(group, receive) ?? NO_SOCKETS);
  }

  /** There are no folders. */
  openFile(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  resolve(name: string): Promise<Ipv4 | undefined> {
    return Promise.resolve(this.#names.addressOf(name));
  }

  openRelay(url: string, events: ConstructorParameters<typeof WebSocketRelay>[1]): WebSocketRelay {
    const { outside, wake, connectRelay } = this.#world;
    return new WebSocketRelay(() => connectRelay(url), events, outside, wake);
  }
}
