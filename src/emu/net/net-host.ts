/** What the network back ends need of the world: sockets. Node has them, a page has not. */
import { ServiceName } from '../qdev/services.ts';

/** An IPv4 address, most significant byte first: 0x0a000202 is 10.0.2.2. */
export type Ipv4 = number;

export interface Endpoint {
  readonly address: Ipv4;
  readonly port: number;
}

/** Why a connection ended, or did not come about. */
export type TcpFailure = 'refused' | 'unreachable' | 'reset';

/** What a connection tells. Nothing comes before the call has returned that made it, after `closed`, or after `TcpSocket.destroy`. */
export interface TcpEvents {
  connected(): void;
  /** Who is told keeps the bytes. */
  data(bytes: Uint8Array): void;
  /** The other side sends no more. */
  end(): void;
  /** What was written has left. */
  drain(): void;
  /** @param failure absent: both sides had ended it */
  closed(failure?: TcpFailure): void;
}

export interface TcpSocket {
  /** Bytes that were written and that the network has not taken. */
  readonly queuedBytes: number;
  /** The bytes are the socket's from then on. */
  write(bytes: Uint8Array): void;
  /** Nothing more is written. */
  end(): void;
  destroy(): void;
  /** No data for now; a little may be on its way. */
  pause(): void;
  resume(): void;
}

export interface UdpSocket {
  send(bytes: Uint8Array, to: Endpoint): void;
  close(): void;
}

export interface Listener {
  close(): void;
}

export type UdpReceiver = (bytes: Uint8Array, from: Endpoint) => void;

/** Why the host has no such socket, in the words of the C library: `Address already in use`. */
export interface NetFailure {
  readonly failure: string;
}

export function isNetFailure(made: object): made is NetFailure {
  return 'failure' in made;
}

/** Why a number is no connection that the program was started with: nothing is open there, no socket, or one of datagrams. */
export type NotAdopted = 'no file' | 'no socket' | 'no stream';

/** What a relay tells. Nothing comes before the call has returned that made it, or after `FrameRelay.close`. */
export interface RelayEvents {
  opened(): void;
  /** An Ethernet frame; who is told keeps the bytes. */
  frame(bytes: Uint8Array): void;
  /** The relay is gone, or never answered; it may be opened again. */
  closed(): void;
}

/** A server that passes Ethernet frames on between those who are connected to it. */
export interface FrameRelay {
  /** Bytes that were sent and that the network has not taken. */
  readonly queuedBytes: number;
  send(frame: Uint8Array): void;
  close(): void;
}

/** A file of the host's. */
export interface HostFile {
  readonly sizeBytes: number;
  /** Fewer bytes at the end of the file. Rejects when they cannot be read. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): void;
}

export interface NetHost {
  /** A file to be read, in a folder; undefined: there is none. @param name with slashes, none of its parts is `..` */
  openFile(folder: string, name: string): Promise<HostFile | undefined>;
  /** Undefined: there are no connections to the outside here. */
  connectTcp(to: Endpoint, events: TcpEvents): TcpSocket | undefined;
  /** @param accept told each connection; gives back whom it tells what happens, undefined: nobody */
  listenTcp(
    at: Endpoint,
    accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  ): Promise<Listener | NetFailure>;
  /** A connection that the program was started with, by its number; absent: there are none. */
  adoptStream?(fd: number, events: TcpEvents): TcpSocket | NotAdopted;
  /** A socket at any free port; undefined: there are none here. */
  openUdp(receive: UdpReceiver): UdpSocket | undefined;
  /** A socket at this port. */
  bindUdp(at: Endpoint, receive: UdpReceiver): Promise<UdpSocket | NetFailure>;
  /**
   * A socket that hears what anybody sends to the group.
   * @param local the address of the host's by which it reaches the group; 0: the host chooses
   */
  joinGroup(group: Endpoint, local: Ipv4, receive: UdpReceiver): Promise<UdpSocket | NetFailure>;
  /** The address that a name has; undefined: none. */
  resolve(name: string): Promise<Ipv4 | undefined>;
  /** Undefined: there are no relays here. @param url `ws:` or `wss:` */
  openRelay(url: string, events: RelayEvents): FrameRelay | undefined;
  /** The host's own name server; undefined: none is known. */
  readonly nameServer: Ipv4 | undefined;
}

const NO_SOCKETS: NetFailure = { failure: 'Operation not supported' };

/** A host without sockets: everything is refused. */
export const NO_NET_HOST: NetHost = {
  connectTcp: () => undefined,
  listenTcp: () => Promise.resolve(NO_SOCKETS),
  openUdp: () => undefined,
  bindUdp: () => Promise.resolve(NO_SOCKETS),
  joinGroup: () => Promise.resolve(NO_SOCKETS),
  openFile: () => Promise.resolve(undefined),
  resolve: () => Promise.resolve(undefined),
  openRelay: () => undefined,
  nameServer: undefined,
};

export const NET_HOST = new ServiceName<NetHost>('net-host', () => NO_NET_HOST);
