/**
 * The back end `user`: a small network of its own, behind whose gateway the host is. Its guest-visible side follows QEMU's.
 *
 * | address, in 10.0.2.0/24 | who is there |
 * |---|---|
 * | .2 | the gateway: DHCP, ping; as a host of UDP and TCP, the host's own loopback |
 * | .3 | the host's name server |
 * | .15 and the next | guests |
 *
 * Frames leave from the machine's clock only: what the host's sockets say while the machine stands still waits in their connections.
 * Not modelled: IPv6, SMB; a ping to the outside, for which a host needs more than sockets, is answered as unreachable.
 */
import type { Clock } from '../../core/clock.ts';
import type { EntropySource } from '../../core/entropy.ts';
import { CLOCK, ENTROPY, type Services } from '../../qdev/services.ts';
import type { Backend } from '../backend.ts';
import { NetClient, type NetEnd, type Packet } from '../net-client.ts';
import { type Endpoint, NET_HOST, type NetHost } from '../net-host.ts';
import { BOOTP_CLIENT, BOOTP_SERVER, DhcpServer } from './dhcp.ts';
import { GuestForwards } from './guest-forwards.ts';
import { ETHERNET_HEADER, ETHERTYPE_ARP, ETHERTYPE_IPV4, GuestLink } from './guest-link.ts';
import { HostForwards } from './host-forwards.ts';
import {
  echoReply,
  ICMP_ERROR_TOS,
  ICMP_TTL,
  isEcho,
  NET_UNREACHABLE,
  PORT_UNREACHABLE,
  unreachable,
} from './icmp.ts';
import {
  BROADCAST,
  buildDatagrams,
  type Datagram,
  type DatagramToSend,
  formatIpv4,
  PROTO_ICMP,
  PROTO_TCP,
  PROTO_UDP,
  parseDatagram,
  viewOf,
} from './ipv4.ts';
import { Reassembly } from './reassembly.ts';
import { buildSegment, parseSegment } from './tcp-segment.ts';
import { TcpTable } from './tcp-table.ts';
import { TFTP_PORT, TftpServer } from './tftp.ts';
import { buildUdp, parseUdp, type UdpDatagram, UdpFlows } from './udp-flows.ts';
import type { UserConfig } from './user-config.ts';

/** Minimise delay. QEMU: of what its own servers answer. */
const SERVER_TOS = 0x10;

interface UserNetWiring {
  readonly host: NetHost;
  readonly clock: Clock;
  readonly entropy: EntropySource;
}

export interface UserNetName {
  readonly name: string;
  readonly isNetdev: boolean;
}

export class UserNet implements NetEnd, Backend {
  readonly client: NetClient;
  readonly config: UserConfig;
  readonly tcp: TcpTable;
  readonly udp: UdpFlows;
  readonly forwards: HostForwards;
  readonly guestForwards: GuestForwards;
  readonly #link: GuestLink;
  readonly #tftp: TftpServer;
  readonly #dhcp: DhcpServer;
  readonly #reassembly: Reassembly;
  #ident = 0;

  constructor(config: UserConfig, services: Services, { name, isNetdev }: UserNetName) {
    const wiring: UserNetWiring = {
      ...{ host: services.get(NET_HOST), clock: services.get(CLOCK), entropy: services.get(ENTROPY) },
    };
    this.config = config;
    const restrict = config.isRestricted ? 'on' : 'off';
    const info = (): string => `net=${formatIpv4(config.network)},restrict=${restrict}`;
    this.client = new NetClient({ name, type: 'user', isNetdev, info }, this);
    this.guestForwards = new GuestForwards(config, services);
    this.#link = new GuestLink(config, this.client, wiring.clock, {
      onRoom: () => this.tcp.pump(),
      answers: (address) => this.guestForwards.addresses.includes(address),
    });
    this.#dhcp = new DhcpServer(config);
    this.#tftp = new TftpServer(config.tftpFolder, wiring, (datagram) => this.#sendUdp(datagram, SERVER_TOS));
    this.#reassembly = new Reassembly(wiring.clock);
    this.udp = new UdpFlows({ ...wiring, config }, (datagram) => this.#sendUdp(datagram));
    const link = this.#link;
    this.tcp = new TcpTable(
      { ...wiring, config, guestForwards: this.guestForwards },
      {
        get hasRoom() {
          return link.hasRoom;
        },
        send: (segment, from, to) => this.#sendTcp(buildSegment(segment, from.address, to.address), from, to),
        unreachable: (datagram) => this.#sendUnreachable(datagram, NET_UNREACHABLE),
        schedule: () => link.schedule(),
      },
    );
    this.forwards = new HostForwards(wiring.host, config, {
      tcp: this.tcp,
      toGuest: (datagram) => this.#sendUdp(datagram),
    });
  }

  get canReceive(): boolean {
    return true;
  }

  receive(packet: Packet): boolean {
    if (packet.length < ETHERNET_HEADER || !this.config.hasIpv4) return true;
    const type = viewOf(packet).getUint16(12);
    if (type === ETHERTYPE_ARP) this.#link.receiveArp(packet);
    else if (type === ETHERTYPE_IPV4) this.#receiveIpv4(packet);
    return true;
  }

  resume(): void {
    this.#link.resume();
  }

  /** Connections end at the host's side; the guest is told when it speaks of them. Forwarded ports stay. */
  dropConnections(): void {
    this.tcp.clear();
    this.udp.clear();
    this.#tftp.clear();
    this.#reassembly.clear();
    this.#link.clear();
  }

  /** The back end is gone. */
  close(): void {
    this.dropConnections();
    this.forwards.close();
    this.guestForwards.close();
  }

  #receiveIpv4(packet: Packet): void {
    const piece = parseDatagram(packet.subarray(ETHERNET_HEADER));
    if (piece === undefined) return;
    const mac = packet.subarray(6, 12);
    if (piece.source !== 0) this.#link.learn(piece.source, mac);
    const datagram = this.#reassembly.add(piece);
    if (datagram === undefined) return;
    if (datagram.protocol === PROTO_ICMP) this.#receiveIcmp(datagram);
    else if (datagram.protocol === PROTO_UDP) this.#receiveUdp(datagram);
    else if (datagram.protocol === PROTO_TCP) this.#receiveTcp(datagram);
  }

  #receiveIcmp(datagram: Datagram): void {
    if (!isEcho(datagram)) return;
    const { host, nameServer, isRestricted } = this.config;
    const { source, destination } = datagram;
    if (destination === host || destination === nameServer) {
      this.#sendIcmp(destination, source, echoReply(datagram), 0);
    } else if (!isRestricted) this.#sendUnreachable(datagram, NET_UNREACHABLE);
  }

  #receiveUdp(datagram: Datagram): void {
    const udp = parseUdp(datagram);
    if (udp === undefined) return;
    const { host, isRestricted } = this.config;
    const { address, port } = udp.to;
    if (port === BOOTP_SERVER && (address === host || address === BROADCAST)) {
      this.#receiveDhcp(udp);
      return;
    }
    if (port === TFTP_PORT && address === host && !isRestricted) {
      this.#tftp.receive(udp);
      return;
    }
    if (this.forwards.sendUdp(udp)) return;
    if (isRestricted || this.udp.send(udp)) return;
    if (address !== BROADCAST) this.#sendUnreachable(datagram, PORT_UNREACHABLE);
  }

  #receiveDhcp({ payload }: UdpDatagram): void {
    const answer = this.#dhcp.answer(payload);
    if (answer === undefined) return;
    const { lease } = answer;
    if (lease !== undefined) this.#link.learn(lease.address, lease.mac);
    const from = { address: this.config.host, port: BOOTP_SERVER };
    const to = { address: BROADCAST, port: BOOTP_CLIENT };
    const payload2 = buildUdp({ from, to, payload: answer.payload });
    const reply = { source: from.address, destination: BROADCAST, protocol: PROTO_UDP, payload: payload2 };
    for (const piece of this.#pieces({ ...reply, tos: SERVER_TOS })) this.#link.broadcast(piece);
  }

  #receiveTcp(datagram: Datagram): void {
    const segment = parseSegment(datagram);
    if (segment !== undefined) this.tcp.receive(datagram, segment);
  }

  #sendUdp(datagram: UdpDatagram, tos = 0): void {
    const { from, to } = datagram;
    const payload = buildUdp(datagram);
    this.#send({ source: from.address, destination: to.address, protocol: PROTO_UDP, payload, tos });
  }

  #sendTcp(payload: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.#send({ source: from.address, destination: to.address, protocol: PROTO_TCP, payload });
  }

  #sendIcmp(source: number, destination: number, payload: Uint8Array, tos: number): void {
    this.#send({ source, destination, protocol: PROTO_ICMP, payload, ttl: ICMP_TTL, tos });
  }

  #sendUnreachable(datagram: Datagram, code: number): void {
    this.#sendIcmp(this.config.host, datagram.source, unreachable(datagram, code), ICMP_ERROR_TOS);
  }

  #send(datagram: DatagramToSend): void {
    for (const piece of this.#pieces(datagram)) this.#link.sendTo(datagram.destination, piece);
  }

  #pieces(datagram: DatagramToSend): readonly Uint8Array[] {
    const ident = this.#ident;
    this.#ident = (ident + 1) & 0xffff;
    return buildDatagrams(datagram, ident);
  }
}
