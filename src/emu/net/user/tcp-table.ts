/** The connections between a guest and the host's sockets. */
import type { Clock, Timer } from '../../core/clock.ts';
import type { EntropySource } from '../../core/entropy.ts';
import type { Endpoint, NetHost, TcpEvents, TcpSocket } from '../net-host.ts';
import type { Connect, GuestForwards } from './guest-forwards.ts';
import type { Datagram } from './ipv4.ts';
import { TcpConnection, type TcpLink } from './tcp-connection.ts';
import { ACK, resetFor, type Segment, SYN } from './tcp-segment.ts';
import { realAddress } from './udp-flows.ts';
import type { UserConfig } from './user-config.ts';

/** A guest may open connections and never end them. */
const CONNECTIONS_MAX = 256;

/** What the table needs of its network. */
export interface TcpTableLink {
  readonly hasRoom: boolean;
  send(segment: Segment, from: Endpoint, to: Endpoint): void;
  unreachable(datagram: Datagram): void;
  schedule(): void;
}

export interface TcpTableWiring {
  readonly config: UserConfig;
  readonly host: NetHost;
  readonly clock: Clock;
  readonly entropy: EntropySource;
  readonly guestForwards: Pick<GuestForwards, 'find'>;
}

export class TcpTable {
  readonly #wiring: TcpTableWiring;
  readonly #link: TcpTableLink;
  readonly #connections = new Map<string, TcpConnection>();
  /** The guest's question of each connection that the host has not made yet. */
  readonly #questions = new Map<TcpConnection, Datagram>();
  readonly #timer: Timer;

  constructor(wiring: TcpTableWiring, link: TcpTableLink) {
    this.#wiring = wiring;
    this.#link = link;
    this.#timer = wiring.clock.timer(() => this.#timeouts());
  }

  /** Oldest first. */
  get connections(): readonly TcpConnection[] {
    return [...this.#connections.values()];
  }

  receive(datagram: Datagram, segment: Segment): void {
    const guest = { address: datagram.source, port: segment.sourcePort };
    const remote = { address: datagram.destination, port: segment.destinationPort };
    const known = this.#connections.get(keyOf(guest, remote));
    if (known !== undefined) known.receive(segment);
    else if ((segment.flags & (SYN | ACK)) === SYN) this.#open(guest, remote, datagram, segment);
    else this.#refuse(segment, guest, remote);
  }

  /** Somebody has connected to a forwarded port of the host. @param peer as the guest shall see it */
  accept(socket: TcpSocket, peer: Endpoint, guest: Endpoint): TcpEvents | undefined {
    if (this.#isFull || this.#connections.has(keyOf(guest, peer))) return undefined;
    const connection = this.#make(guest, peer);
    connection.forwarded(socket);
    return connection;
  }

  /** The guest's card has room. */
  pump(): void {
    for (const connection of this.connections) {
      if (!this.#link.hasRoom) return;
      connection.pump();
    }
  }

  /** Ends all of them at the host's side. */
  clear(): void {
    for (const connection of this.connections) connection.forget();
    this.#timer.cancel();
  }

  get #isFull(): boolean {
    return this.#connections.size >= CONNECTIONS_MAX;
  }

  #open(guest: Endpoint, remote: Endpoint, datagram: Datagram, syn: Segment): void {
    const { config, host, guestForwards } = this.#wiring;
    const inside = guestForwards.find(remote);
    // QEMU: what a restricted guest asks of the outside is not answered.
    if (inside === undefined && config.isRestricted) return;
    const address = realAddress(remote, config, host);
    const connectTo =
      inside ?? (address === undefined ? undefined : outside(host, { address, port: remote.port }));
    if (this.#isFull || connectTo === undefined) {
      this.#refuse(syn, guest, remote);
      return;
    }
    const connection = this.#make(guest, remote);
    const socket = connectTo(connection);
    if (socket === undefined) {
      connection.forget();
      this.#refuse(syn, guest, remote);
      return;
    }
    this.#questions.set(connection, datagram);
    connection.opened(socket, syn);
  }

  #refuse(segment: Segment, guest: Endpoint, remote: Endpoint): void {
    const reset = resetFor(segment);
    if (reset !== undefined) this.#link.send(reset, remote, guest);
  }

  #make(guest: Endpoint, remote: Endpoint): TcpConnection {
    const connection = new TcpConnection(this.#connectionLink, guest, remote, this.#firstSequence());
    this.#connections.set(keyOf(guest, remote), connection);
    return connection;
  }

  get #connectionLink(): TcpLink {
    const link = this.#link;
    return {
      send: ({ guest, remote }, segment) => link.send(segment, remote, guest),
      get hasRoom() {
        return link.hasRoom;
      },
      nowNs: () => this.#wiring.clock.nowNs(),
      changed: () => {
        this.#armTimer();
        link.schedule();
      },
      unreachable: (connection) => {
        const question = this.#questions.get(connection);
        if (question !== undefined) link.unreachable(question);
      },
      closed: (connection) => {
        this.#connections.delete(keyOf(connection.guest, connection.remote));
        this.#questions.delete(connection);
      },
    };
  }

  /** Spec: RFC 9293 §3.4.1: one that nobody guesses. */
  #firstSequence(): number {
    const bytes = new Uint8Array(4);
    this.#wiring.entropy.random(bytes);
    return new DataView(bytes.buffer).getUint32(0);
  }

  #timeouts(): void {
    const nowNs = this.#wiring.clock.nowNs();
    for (const connection of this.connections) if (connection.deadlineNs <= nowNs) connection.timeout();
    this.#armTimer();
  }

  #armTimer(): void {
    const deadline = Math.min(...this.connections.map(({ deadlineNs }) => deadlineNs));
    if (deadline === Number.POSITIVE_INFINITY) this.#timer.cancel();
    else if (this.#timer.deadlineNs > deadline) this.#timer.arm(deadline);
  }
}

const outside =
  (host: NetHost, to: Endpoint): Connect =>
  (events) =>
    host.connectTcp(to, events);

function keyOf(guest: Endpoint, remote: Endpoint): string {
  return `${guest.address}:${guest.port} ${remote.address}:${remote.port}`;
}
