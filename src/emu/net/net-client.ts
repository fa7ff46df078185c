/**
 * The two ends of a wire. A card has a client, a back end has one, and each is the other's peer: what one sends, the other receives.
 *
 * An end that has no room for a packet says so: its client keeps the packet, and those that come after it, until `flush`. What is kept
 * is bounded; what finds no room there is dropped and counted.
 */

import type { PacketFilter } from './packet-filter.ts';

/** A packet: an Ethernet frame without its checksum. Who receives it may keep it, nobody writes to it. */
export type Packet = Uint8Array;

/** What a client stands for. */
export interface NetEnd {
  /** It would take a packet now. */
  readonly canReceive: boolean;
  /** False: it has no room, and the packet comes again. */
  receive(packet: Packet): boolean;
  /** The cable was plugged or pulled. */
  linkChanged?(): void;
  /** The other end takes packets again, which it did not. */
  resume?(): void;
}

export const NET_CLIENT_TYPES = ['nic', 'user', 'socket', 'hubport'] as const;
export type NetClientType = (typeof NET_CLIENT_TYPES)[number];

const HELD_PACKETS = 1024;
const HELD_BYTES = 1 << 20;

export interface NetClientSpec {
  readonly name: string;
  readonly type: NetClientType;
  /** A card's type. */
  readonly model?: string;
  /** It came from `-netdev` or `netdev_add`, and may be taken away as such. */
  readonly isNetdev?: boolean;
  /** What `info network` shows of it behind its type. */
  readonly info: () => string;
}

export class NetClient {
  readonly spec: NetClientSpec;
  peer: NetClient | undefined;
  /** The cable is pulled. */
  linkDown = false;
  /** Of a card: its back end was taken away. It stays to be seen until the card goes. */
  isPeerGone = false;
  /** In QEMU's order. Each is asked about what the client sends, and in the opposite order about what is sent to it. */
  filters: readonly PacketFilter[] = [];
  /** Packets that were lost between the ends. */
  dropped = 0;
  readonly #end: NetEnd;
  #held: Packet[] = [];
  #heldBytes = 0;
  #delivering = false;

  constructor(spec: NetClientSpec, end: NetEnd) {
    this.spec = spec;
    this.#end = end;
  }

  get name(): string {
    return this.spec.name;
  }

  /** Packets that wait until the end has room. */
  get heldPackets(): number {
    return this.#held.length;
  }

  connect(peer: NetClient): void {
    this.peer = peer;
    peer.peer = this;
  }

  /** Sends to the peer. False: it keeps the packet for later, and it is better to wait until `NetEnd.resume`. */
  send(packet: Packet): boolean {
    const { peer } = this;
    if (peer === undefined || this.linkDown) {
      this.dropped++;
      return true;
    }
    for (const filter of this.filters) filter.see(packet, 'tx');
    for (let at = peer.filters.length - 1; at >= 0; at--) peer.filters[at].see(packet, 'rx');
    // QEMU: filters see what does not arrive because the cable is pulled at the other end.
    if (peer.linkDown) {
      this.dropped++;
      return true;
    }
    return peer.#take(packet);
  }

  /** What is sent now does not wait. Nobody waits for a wire that leads nowhere. */
  get isPeerReady(): boolean {
    const { peer } = this;
    if (peer === undefined || this.linkDown || peer.linkDown) return true;
    return peer.#held.length === 0 && peer.#end.canReceive;
  }

  /**
   * The end has room: it gets what was kept for it, and the peer may send again.
   * @param hasRoom asked before each packet; false ends it, and `flush` must come again
   */
  flush(hasRoom: () => boolean = () => true): void {
    if (this.#delivering) return;
    let count = 0;
    while (count < this.#held.length && this.#end.canReceive && hasRoom()) {
      const packet = this.#held[count];
      if (!this.#deliver(packet)) break;
      this.#heldBytes -= packet.length;
      count++;
    }
    if (count > 0) this.#held.splice(0, count);
    if (this.#held.length === 0 && this.#end.canReceive) this.peer?.resume();
  }

  /** The peer takes packets again. */
  resume(): void {
    this.#end.resume?.();
  }

  /** Forgets what was kept for the end. */
  purge(): void {
    this.dropped += this.#held.length;
    this.#held = [];
    this.#heldBytes = 0;
  }

  setLink(up: boolean): void {
    if (this.linkDown === !up) return;
    this.linkDown = !up;
    this.#end.linkChanged?.();
  }

  #take(packet: Packet): boolean {
    const waits = this.#delivering || this.#held.length > 0 || !this.#end.canReceive;
    return (!waits && this.#deliver(packet)) || this.#hold(packet);
  }

  #deliver(packet: Packet): boolean {
    this.#delivering = true;
    const taken = this.#end.receive(packet);
    this.#delivering = false;
    return taken;
  }

  #hold(packet: Packet): false {
    if (this.#held.length >= HELD_PACKETS || this.#heldBytes + packet.length > HELD_BYTES) {
      this.dropped++;
      return false;
    }
    this.#held.push(packet);
    this.#heldBytes += packet.length;
    return false;
  }
}
