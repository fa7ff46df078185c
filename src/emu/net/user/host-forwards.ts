/** The ports of the host that lead to the guest: `hostfwd=`, `hostfwd_add`, `hostfwd_remove`. */
import { type Endpoint, isNetFailure, type Listener, type NetHost, type UdpSocket } from '../net-host.ts';
import type { ForwardProtocol, HostForward } from './host-forward.ts';
import type { TcpTable } from './tcp-table.ts';
import { guestsName, type UdpDatagram } from './udp-flows.ts';
import type { UserConfig } from './user-config.ts';

/** A client of a monitor may ask for ever more. */
const FORWARDS_MAX = 256;

interface OpenForward {
  readonly rule: HostForward;
  readonly listener: Listener;
  readonly udp: UdpForward | undefined;
}

interface UdpForward {
  readonly socket: UdpSocket;
  /** Who spoke last, as the guest sees it, and where that is. */
  peer: { readonly seen: Endpoint; readonly real: Endpoint } | undefined;
}

export interface ForwardTargets {
  readonly tcp: TcpTable;
  readonly toGuest: (datagram: UdpDatagram) => void;
}

export class HostForwards {
  readonly #host: NetHost;
  readonly #config: UserConfig;
  readonly #targets: ForwardTargets;
  #open: readonly OpenForward[] = [];
  #isClosed = false;

  constructor(host: NetHost, config: UserConfig, targets: ForwardTargets) {
    this.#host = host;
    this.#config = config;
    this.#targets = targets;
  }

  /** Oldest first. */
  get rules(): readonly HostForward[] {
    return this.#open.map(({ rule }) => rule);
  }

  /** False: the host does not listen there. */
  async add(rule: HostForward): Promise<boolean> {
    if (this.#open.length >= FORWARDS_MAX) return false;
    const made = rule.protocol === 'tcp' ? await this.#listenTcp(rule) : await this.#bindUdp(rule);
    if (made === undefined) return false;
    if (this.#isClosed) {
      made.listener.close();
      return false;
    }
    this.#open = [...this.#open, made];
    return true;
  }

  /** False: there is no such rule. */
  remove(protocol: ForwardProtocol, { address, port }: Endpoint): boolean {
    const found = this.#open.find(
      ({ rule }) => rule.protocol === protocol && rule.host.address === address && rule.host.port === port,
    );
    if (found === undefined) return false;
    found.listener.close();
    this.#open = this.#open.filter((one) => one !== found);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const { listener } of this.#open) listener.close();
    this.#open = [];
  }

  /** What the guest sends from a forwarded port goes back where it came from. False: it is none, or nobody has spoken yet. */
  sendUdp({ from, to, payload }: UdpDatagram): boolean {
    const found = this.#open.find(
      ({ rule: { guest }, udp }) =>
        guest.address === from.address &&
        guest.port === from.port &&
        udp?.peer?.seen.address === to.address &&
        udp.peer.seen.port === to.port,
    );
    if (found?.udp?.peer === undefined) return false;
    found.udp.socket.send(payload, found.udp.peer.real);
    return true;
  }

  async #listenTcp(rule: HostForward): Promise<OpenForward | undefined> {
    const listener = await this.#host.listenTcp(rule.host, (socket, peer) => {
      const seen = { address: guestsName(peer.address, this.#config), port: peer.port };
      const events = this.#targets.tcp.accept(socket, seen, rule.guest);
      if (events === undefined) socket.destroy();
      return events;
    });
    return isNetFailure(listener) ? undefined : { rule, listener, udp: undefined };
  }

  async #bindUdp(rule: HostForward): Promise<OpenForward | undefined> {
    let udp: UdpForward | undefined;
    const socket = await this.#host.bindUdp(rule.host, (payload, from) => {
      if (udp === undefined) return;
      const seen = { address: guestsName(from.address, this.#config), port: from.port };
      udp.peer = { seen, real: from };
      this.#targets.toGuest({ from: seen, to: rule.guest, payload });
    });
    if (isNetFailure(socket)) return undefined;
    udp = { socket, peer: undefined };
    return { rule, listener: socket, udp };
  }
}
