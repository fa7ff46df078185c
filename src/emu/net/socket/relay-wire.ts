/**
 * `-netdev socket,connect=wss://…`: a relay, to which each frame goes as a message of its own, without anything before it. It is ours:
 * QEMU has no such thing. What is lost is opened again.
 */
import type { Clock, Timer } from '../../core/clock.ts';
import type { Backend } from '../backend.ts';
import { NetClient, type NetEnd, type Packet } from '../net-client.ts';
import type { FrameRelay, NetHost, RelayEvents } from '../net-host.ts';
import { PacketQueue } from '../packet-queue.ts';
import { FRAME_MAX } from './frame-stream.ts';

const FRAMES_MAX = 512;
const HIGH_WATER = 1 << 20;
/** Until it is tried again, in virtual time. */
const RETRY_NS = 5e9;

export function isRelayUrl(text: string): boolean {
  return /^wss?:\/\//i.test(text);
}

export class RelayWire implements NetEnd, Backend, RelayEvents {
  readonly client: NetClient;
  readonly #host: NetHost;
  readonly #url: string;
  readonly #queue: PacketQueue;
  readonly #clock: Clock;
  readonly #retry: Timer;
  #relay: FrameRelay | undefined;

  constructor(
    name: string,
    isNetdev: boolean,
    { host, clock, url }: { host: NetHost; clock: Clock; url: string },
  ) {
    this.client = new NetClient({ name, type: 'socket', isNetdev, info: () => `socket: relay ${url}` }, this);
    this.client.linkDown = true;
    this.#host = host;
    this.#url = url;
    this.#clock = clock;
    this.#queue = new PacketQueue(this.client, clock, FRAMES_MAX, () => {});
    this.#retry = clock.timer(() => this.open());
  }

  /** False: there are no relays here. */
  open(): boolean {
    this.#relay = this.#host.openRelay(this.#url, this);
    return this.#relay !== undefined;
  }

  /** A message cannot be taken back: who sends more than the network takes loses it. */
  get canReceive(): boolean {
    return true;
  }

  receive(packet: Packet): boolean {
    if (this.#relay !== undefined && this.#relay.queuedBytes < HIGH_WATER) this.#relay.send(packet);
    else this.client.dropped++;
    return true;
  }

  resume(): void {
    this.#queue.schedule();
  }

  opened(): void {
    this.client.linkDown = false;
  }

  frame(bytes: Uint8Array): void {
    if (bytes.length > 0 && bytes.length <= FRAME_MAX) this.#queue.push(bytes);
  }

  closed(): void {
    this.#relay = undefined;
    this.client.linkDown = true;
    this.#retry.arm(this.#clock.nowNs() + RETRY_NS);
  }

  dropConnections(): void {
    this.#queue.clear();
  }

  close(): void {
    this.#retry.cancel();
    this.#relay?.close();
    this.#relay = undefined;
    this.#queue.clear();
  }
}
