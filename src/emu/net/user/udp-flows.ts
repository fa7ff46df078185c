/** UDP between the guest and the host: each port of the guest's that sends has a socket of the host's for a while. Spec: RFC 768. */
import type { Clock } from '../../core/clock.ts';
import { foldSum, sumWords } from '../internet-checksum.ts';
import type { Endpoint, Ipv4, NetHost, UdpSocket } from '../net-host.ts';
import { type Datagram, LOOPBACK, PROTO_UDP, pseudoHeaderSum, viewOf } from './ipv4.ts';
import type { UserConfig } from './user-config.ts';

const HEADER = 8;
const DNS_PORT = 53;
/** A guest may send from all of its ports. */
const FLOWS_MAX = 256;
/** QEMU: how long a flow is kept that moves nothing, and one that only asked for a name. */
const EXPIRE_NS = 240e9;
const EXPIRE_DNS_NS = 10e9;
const NS_PER_S = 1e9;

export interface UdpDatagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload: Uint8Array;
}

/** Undefined: it is none, or its checksum is wrong. */
export function parseUdp({ source, destination, payload }: Datagram): UdpDatagram | undefined {
  if (payload.length < HEADER) return undefined;
  const view = viewOf(payload);
  const length = view.getUint16(4);
  if (length < HEADER || length > payload.length) return undefined;
  const bytes = payload.subarray(0, length);
  const start = pseudoHeaderSum(source, destination, PROTO_UDP, length);
  // A sum of zero: the sender made none.
  if (view.getUint16(6) !== 0 && foldSum(sumWords(bytes, start)) !== 0) return undefined;
  return {
    from: { address: source, port: view.getUint16(0) },
    to: { address: destination, port: view.getUint16(2) },
    payload: bytes.subarray(HEADER),
  };
}

export function buildUdp({ from, to, payload }: UdpDatagram): Uint8Array {
  const bytes = new Uint8Array(HEADER + payload.length);
  const view = viewOf(bytes);
  view.setUint16(0, from.port);
  view.setUint16(2, to.port);
  view.setUint16(4, bytes.length);
  bytes.set(payload, HEADER);
  const start = pseudoHeaderSum(from.address, to.address, PROTO_UDP, bytes.length);
  // A sum that happens to be zero is written as its other form.
  view.setUint16(6, foldSum(sumWords(bytes, start)) || 0xffff);
  return bytes;
}

interface Flow {
  readonly guest: Endpoint;
  readonly socket: UdpSocket;
  /** Whom the guest spoke to last, as it names it, and where that was. */
  virtual: Endpoint;
  real: Endpoint;
  expiresNs: number;
}

export interface UdpFlowRow {
  readonly guest: Endpoint;
  readonly remote: Endpoint;
  readonly expiresS: number;
}

export class UdpFlows {
  readonly #host: NetHost;
  readonly #clock: Clock;
  readonly #config: UserConfig;
  readonly #toGuest: (datagram: UdpDatagram) => void;
  /** By the guest's port, the one that was used longest ago first. */
  readonly #flows = new Map<string, Flow>();

  constructor(
    { host, clock, config }: { host: NetHost; clock: Clock; config: UserConfig },
    toGuest: (datagram: UdpDatagram) => void,
  ) {
    this.#host = host;
    this.#clock = clock;
    this.#config = config;
    this.#toGuest = toGuest;
  }

  /** Sends what the guest sent. False: it leads nowhere. */
  send({ from, to, payload }: UdpDatagram): boolean {
    const address = realAddress(to, this.#config, this.#host);
    if (address === undefined) return false;
    const key = `${from.address}:${from.port}`;
    const flow = this.#flows.get(key) ?? this.#open(from);
    if (flow === undefined) return false;
    flow.virtual = to;
    flow.real = { address, port: to.port };
    flow.expiresNs = this.#clock.nowNs() + (to.port === DNS_PORT ? EXPIRE_DNS_NS : EXPIRE_NS);
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    flow.socket.send(payload, flow.real);
    return true;
  }

  rows(): readonly UdpFlowRow[] {
    this.#expire();
    const nowNs = this.#clock.nowNs();
    return [...this.#flows.values()].map(({ guest, virtual, expiresNs }) => ({
      guest,
      remote: virtual,
      expiresS: Math.floor((expiresNs - nowNs) / NS_PER_S),
    }));
  }

  clear(): void {
    for (const { socket } of this.#flows.values()) socket.close();
    this.#flows.clear();
  }

  #open(guest: Endpoint): Flow | undefined {
    this.#expire();
    for (const [key, { socket }] of this.#flows) {
      if (this.#flows.size < FLOWS_MAX) break;
      socket.close();
      this.#flows.delete(key);
    }
    const socket = this.#host.openUdp((bytes, from) => {
      if (this.#flows.get(`${guest.address}:${guest.port}`) === flow) this.#received(flow, bytes, from);
    });
    if (socket === undefined) return undefined;
    const flow: Flow = { guest, socket, virtual: guest, real: guest, expiresNs: 0 };
    return flow;
  }

  /** What comes from where the guest had sent to is shown to it under the name that it used. */
  #received(flow: Flow, payload: Uint8Array, from: Endpoint): void {
    const isAnswer = from.address === flow.real.address && from.port === flow.real.port;
    const address = isAnswer ? flow.virtual.address : guestsName(from.address, this.#config);
    this.#toGuest({ from: { address, port: from.port }, to: flow.guest, payload });
  }

  #expire(): void {
    const nowNs = this.#clock.nowNs();
    for (const [key, { socket, expiresNs }] of this.#flows) {
      if (expiresNs > nowNs) continue;
      socket.close();
      this.#flows.delete(key);
    }
  }
}

/** Where the guest's address is in the world; undefined: nowhere. */
export function realAddress(
  { address }: Endpoint,
  { host, nameServer, network, mask, isRestricted }: UserConfig,
  world: NetHost,
): Ipv4 | undefined {
  if (isRestricted) return undefined;
  if (address === host) return LOOPBACK;
  if (address === nameServer) return world.nameServer;
  // There is nobody else in the guest's own network.
  return (address & mask) >>> 0 === network ? undefined : address;
}

/** The host itself is the gateway to the guest. */
export function guestsName(address: Ipv4, { host }: UserConfig): Ipv4 {
  return address >>> 24 === LOOPBACK >>> 24 ? host : address;
}
