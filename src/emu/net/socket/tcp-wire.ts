/**
 * `-netdev socket,listen=`, `connect=` and `fd=`: frames in a connection of TCP, or in one that was open before, such as one with a real QEMU.
 *
 * A listener has one connection at a time; those who come meanwhile wait. While nobody is connected its link is down: what the guest
 * sends is lost. QEMU: the guest's card is not told; who connects does so once, and stays without a link when the connection ends.
 */
import type { Clock } from '../../core/clock.ts';
import type { Backend } from '../backend.ts';
import { NetClient, type NetEnd, type Packet } from '../net-client.ts';
import {
  type Endpoint,
  isNetFailure,
  type Listener,
  type NetFailure,
  type NetHost,
  type NotAdopted,
  type TcpEvents,
  type TcpSocket,
} from '../net-host.ts';
import { PacketQueue } from '../packet-queue.ts';
import { formatIpv4 } from '../user/ipv4.ts';
import { FrameReader, frameBytes } from './frame-stream.ts';

/** Bytes for the host beyond which the guest's card waits. */
const HIGH_WATER = 1 << 20;
/** Frames for the guest beyond which the connection rests, and those that there is room for: a piece of a stream holds many. */
const PAUSE_FRAMES = 256;
const FRAMES_MAX = 1 << 16;
/** Connections that wait for their turn. */
const WAITING_MAX = 16;

interface Waiting {
  readonly socket: TcpSocket;
  readonly peer: Endpoint;
  readonly events: Connection;
}

/** One connection, of which the wire is told while it is the wire's. */
class Connection implements TcpEvents {
  wire: TcpWire | undefined;
  readonly reader = new FrameReader();
  readonly #closed: (connection: Connection) => void;

  constructor(closed: (connection: Connection) => void) {
    this.#closed = closed;
  }

  connected(): void {
    this.wire?.opened();
  }

  data(bytes: Uint8Array): void {
    this.wire?.data(bytes);
  }

  end(): void {
    this.wire?.lost();
  }

  drain(): void {
    this.wire?.client.flush();
  }

  closed(): void {
    this.#closed(this);
  }
}

export class TcpWire implements NetEnd, Backend {
  readonly client: NetClient;
  readonly #queue: PacketQueue;
  #listener: Listener | undefined;
  #socket: TcpSocket | undefined;
  #connection: Connection | undefined;
  #isOpen = false;
  #isPaused = false;
  #waiting: readonly Waiting[] = [];
  #info = '';

  constructor(name: string, isNetdev: boolean, clock: Clock) {
    this.client = new NetClient({ name, type: 'socket', isNetdev, info: () => this.#info }, this);
    this.#queue = new PacketQueue(this.client, clock, FRAMES_MAX, () => this.#goOn());
  }

  /** What is wrong; undefined: it listens. */
  async listen(host: NetHost, at: Endpoint): Promise<NetFailure | undefined> {
    this.client.linkDown = true;
    const made = await host.listenTcp(at, (socket, peer) => this.#accept(socket, peer));
    if (isNetFailure(made)) return made;
    this.#listener = made;
    return undefined;
  }

  /** False: there are no connections here. That nobody listens there shows later. */
  connect(host: NetHost, to: Endpoint): boolean {
    const connection = new Connection(() => this.lost());
    const socket = host.connectTcp(to, connection);
    if (socket === undefined) return false;
    this.#use(socket, connection, `socket: connect to ${formatIpv4(to.address)}:${to.port}`);
    return true;
  }

  /** What is wrong; undefined: it has the connection of this number. */
  adopt(host: NetHost, fd: number): NotAdopted | undefined {
    const connection = new Connection(() => this.lost());
    const socket = host.adoptStream?.(fd, connection) ?? 'no file';
    if (typeof socket === 'string') return socket;
    this.#use(socket, connection, `socket: fd=${fd}`);
    this.opened();
    return undefined;
  }

  get canReceive(): boolean {
    return this.#isOpen && this.#socket !== undefined && this.#socket.queuedBytes < HIGH_WATER;
  }

  receive(packet: Packet): boolean {
    this.#socket?.write(frameBytes(packet));
    return true;
  }

  resume(): void {
    this.#queue.schedule();
  }

  dropConnections(): void {
    this.#queue.clear();
    this.#goOn();
  }

  close(): void {
    this.#listener?.close();
    for (const { socket } of this.#waiting) socket.destroy();
    this.#waiting = [];
    this.#disconnect();
  }

  /** The connection is made. */
  opened(): void {
    this.#isOpen = true;
    this.client.flush();
  }

  data(bytes: Uint8Array): void {
    const frames = this.#connection?.reader.take(bytes);
    if (frames === undefined) {
      this.lost();
      return;
    }
    for (const frame of frames) this.#queue.push(frame);
    if (this.#queue.length < PAUSE_FRAMES || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  /** The connection has ended; a listener takes the next. */
  lost(): void {
    this.#disconnect();
    const [next, ...others] = this.#waiting;
    if (next === undefined) return;
    this.#waiting = others;
    this.#serve(next);
  }

  #accept(socket: TcpSocket, peer: Endpoint): TcpEvents | undefined {
    const events = new Connection((connection) => this.#left(connection));
    const waiting = { socket, peer, events };
    if (this.#socket === undefined) this.#serve(waiting);
    else if (this.#waiting.length < WAITING_MAX) this.#waiting = [...this.#waiting, waiting];
    else {
      socket.destroy();
      return undefined;
    }
    return events;
  }

  #left(connection: Connection): void {
    if (connection === this.#connection) this.lost();
    else this.#waiting = this.#waiting.filter(({ events }) => events !== connection);
  }

  #serve({ socket, peer, events }: Waiting): void {
    this.client.linkDown = false;
    this.#use(socket, events, `socket: connection from ${formatIpv4(peer.address)}:${peer.port}`);
    socket.resume();
    this.opened();
  }

  #use(socket: TcpSocket, connection: Connection, info: string): void {
    connection.wire = this;
    this.#connection = connection;
    this.#socket = socket;
    this.#info = info;
  }

  #disconnect(): void {
    if (this.#connection !== undefined) this.#connection.wire = undefined;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#connection = undefined;
    this.#isOpen = false;
    this.#isPaused = false;
    this.#info = '';
    this.client.linkDown = true;
    this.client.purge();
    this.#queue.clear();
  }

  /** All frames have reached the guest. */
  #goOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }
}
