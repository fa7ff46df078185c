/** Frames between the user network and the guest's card: Ethernet, ARP, and what waits until the card has room. Spec: RFC 826, RFC 894. */
import type { Clock } from '../../core/clock.ts';
import { isBroadcast } from '../mac-address.ts';
import type { NetClient, Packet } from '../net-client.ts';
import type { Ipv4 } from '../net-host.ts';
import { PacketQueue } from '../packet-queue.ts';
import { viewOf } from './ipv4.ts';
import type { UserConfig } from './user-config.ts';

export const ETHERNET_HEADER = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
const FRAME_LEAST = 60;
const ARP_BYTES = 28;
/** QEMU: an answer of ARP is four bytes longer than the shortest frame. */
const ARP_FRAME = 64;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const BROADCAST_MAC = new Uint8Array(6).fill(0xff);
/** Whose address is known; a guest may claim more. */
const NEIGHBOURS_MAX = 64;
/** Frames that wait for the clock or the card. */
const WAITING_MAX = 512;
/** TCP fills no more of that. */
const ROOMY = 64;

export interface GuestLinkEvents {
  /** All that waited is sent. */
  onRoom(): void;
  /** Somebody but the gateway and the name server is there. */
  answers(address: Ipv4): boolean;
}

export class GuestLink {
  readonly #config: UserConfig;
  readonly #client: NetClient;
  readonly #queue: PacketQueue;
  readonly #answers: (address: Ipv4) => boolean;
  readonly #neighbours = new Map<Ipv4, Uint8Array>();
  /** One datagram for each neighbour that is being asked for its address. */
  readonly #unaddressed = new Map<Ipv4, Uint8Array>();

  constructor(config: UserConfig, client: NetClient, clock: Clock, events: GuestLinkEvents) {
    this.#config = config;
    this.#client = client;
    this.#queue = new PacketQueue(client, clock, WAITING_MAX, events.onRoom);
    this.#answers = events.answers;
  }

  get hasRoom(): boolean {
    return this.#queue.length < ROOMY && this.#client.isPeerReady;
  }

  /** The guest's card takes packets again. */
  resume(): void {
    this.#queue.schedule();
  }

  /** Something is to be done as soon as the machine's clock moves: the host's sockets speak while the machine stands still, too. */
  schedule(): void {
    this.#queue.schedule();
  }

  learn(address: Ipv4, mac: Uint8Array): void {
    const { network, mask } = this.#config;
    if ((address & mask) >>> 0 !== network || isBroadcast(mac)) return;
    this.#neighbours.delete(address);
    for (const oldest of this.#neighbours.keys()) {
      if (this.#neighbours.size < NEIGHBOURS_MAX) break;
      this.#neighbours.delete(oldest);
    }
    this.#neighbours.set(address, mac.slice());
    const waiting = this.#unaddressed.get(address);
    this.#unaddressed.delete(address);
    if (waiting !== undefined) this.sendTo(address, waiting);
  }

  /** Sends a datagram to a neighbour, whose address is asked for first where it is not known. */
  sendTo(address: Ipv4, datagram: Uint8Array): void {
    const mac = this.#neighbours.get(address);
    if (mac !== undefined) {
      this.#sendFrame(mac, ETHERTYPE_IPV4, datagram);
      return;
    }
    if (this.#unaddressed.size >= NEIGHBOURS_MAX) this.#unaddressed.clear();
    this.#unaddressed.set(address, datagram);
    const { host } = this.#config;
    this.#sendFrame(
      BROADCAST_MAC,
      ETHERTYPE_ARP,
      arp(ARP_REQUEST, host, this.macOf(host), address, new Uint8Array(6)),
    );
  }

  broadcast(datagram: Uint8Array): void {
    this.#sendFrame(BROADCAST_MAC, ETHERTYPE_IPV4, datagram);
  }

  receiveArp(packet: Packet): void {
    if (packet.length < ETHERNET_HEADER + ARP_BYTES) return;
    const body = packet.subarray(ETHERNET_HEADER);
    const view = viewOf(body);
    const [operation, sender, target] = [view.getUint16(6), view.getUint32(14), view.getUint32(24)];
    const mac = body.subarray(8, 14);
    if (operation === ARP_REPLY || sender === target) {
      this.learn(sender, mac);
      return;
    }
    if (operation !== ARP_REQUEST) return;
    const { host, nameServer } = this.#config;
    if (target !== host && target !== nameServer && !this.#answers(target)) return;
    this.learn(sender, mac);
    // QEMU: it goes where the question came from, whatever that says of its sender.
    this.#sendFrame(
      packet.subarray(6, 12),
      ETHERTYPE_ARP,
      arp(ARP_REPLY, target, this.macOf(target), sender, mac),
      ARP_FRAME,
      target,
    );
  }

  /** QEMU: what is inside has an address that says its place. */
  macOf(address: Ipv4): Uint8Array {
    const mac = new Uint8Array(6);
    mac.set([0x52, 0x55]);
    viewOf(mac).setUint32(2, address);
    return mac;
  }

  clear(): void {
    this.#queue.clear();
    this.#unaddressed.clear();
  }

  #sendFrame(
    to: Uint8Array,
    type: number,
    body: Uint8Array,
    least = FRAME_LEAST,
    from: Ipv4 = this.#config.host,
  ): void {
    const frame = new Uint8Array(Math.max(least, ETHERNET_HEADER + body.length));
    frame.set(to);
    frame.set(this.macOf(from), 6);
    viewOf(frame).setUint16(12, type);
    frame.set(body, ETHERNET_HEADER);
    this.#queue.push(frame);
  }
}

function arp(operation: number, from: Ipv4, fromMac: Uint8Array, to: Ipv4, toMac: Uint8Array): Uint8Array {
  const body = new Uint8Array(ARP_BYTES);
  const view = viewOf(body);
  view.setUint16(0, 1);
  view.setUint16(2, ETHERTYPE_IPV4);
  body.set([6, 4], 4);
  view.setUint16(6, operation);
  body.set(fromMac, 8);
  view.setUint32(14, from);
  body.set(toMac, 18);
  view.setUint32(24, to);
  return body;
}
