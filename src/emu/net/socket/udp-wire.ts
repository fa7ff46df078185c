/** `-netdev socket,udp=` and `mcast=`: each frame is a datagram, to one place or to all who joined a group. */
import type { Clock } from '../../core/clock.ts';
import type { Backend } from '../backend.ts';
import { NetClient, type NetEnd, type Packet } from '../net-client.ts';
import {
  type Endpoint,
  isNetFailure,
  type NetFailure,
  type UdpReceiver,
  type UdpSocket,
} from '../net-host.ts';
import { PacketQueue } from '../packet-queue.ts';

/** Frames for the guest; of more, as of any datagrams that are not read, the last are lost. */
const FRAMES_MAX = 512;

/** Opens the socket through which the wire leads. */
export type OpenSocket = (receive: UdpReceiver) => Promise<UdpSocket | NetFailure>;

export class UdpWire implements NetEnd, Backend {
  readonly client: NetClient;
  readonly #queue: PacketQueue;
  readonly #to: Endpoint;
  #socket: UdpSocket | undefined;

  /** @param info as `info network` shows it */
  constructor(name: string, isNetdev: boolean, clock: Clock, { to, info }: { to: Endpoint; info: string }) {
    this.client = new NetClient({ name, type: 'socket', isNetdev, info: () => info }, this);
    this.#queue = new PacketQueue(this.client, clock, FRAMES_MAX, () => {});
    this.#to = to;
  }

  /** What is wrong; undefined: it is open. */
  async open(socket: OpenSocket): Promise<NetFailure | undefined> {
    const made = await socket((bytes) => {
      if (bytes.length > 0) this.#queue.push(bytes);
    });
    if (isNetFailure(made)) return made;
    this.#socket = made;
    return undefined;
  }

  get canReceive(): boolean {
    return true;
  }

  receive(packet: Packet): boolean {
    this.#socket?.send(packet, this.#to);
    return true;
  }

  resume(): void {
    this.#queue.schedule();
  }

  dropConnections(): void {
    this.#queue.clear();
  }

  close(): void {
    this.#socket?.close();
    this.#queue.clear();
  }
}
