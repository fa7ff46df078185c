/** What servers and clients have in common: one connection at a time. */
import type { Socket } from 'node:net';
import type { SocketRequest } from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';
import { shownHost } from './socket-address.ts';
import { TELNET_GREETING, TelnetFilter } from './telnet.ts';

/** A client that has left so much unread, answers or events, is lost. */
const MAX_UNREAD_BYTES = 16 << 20;
/** One who has said goodbye gets this long to take the rest. */
const GOODBYE_MS = 1000;

/** A socket that serves one at the other end. What is written while nobody is there is lost. */
export abstract class SocketChannel implements Channel {
  #socket: Socket | undefined;
  #user: ChannelUser | undefined;
  #held = false;
  /** QEMU: as a client it speaks no Telnet, it is only called so. */
  readonly #isTelnet: boolean;
  /** What a socket of the internet is called. */
  protected readonly protocol: 'telnet' | 'tcp';

  constructor({ telnet, server }: SocketRequest) {
    this.protocol = telnet ? 'telnet' : 'tcp';
    this.#isTelnet = telnet && server;
  }

  /** Where it is while nobody is connected, as `info chardev` shows it. */
  protected abstract readonly place: string;
  /** What follows the socket's own end. */
  protected abstract readonly suffix: string;

  /** The one at the other end has gone. */
  protected abstract gone(): void;

  protected get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    if (this.#socket !== undefined) this.#begin(this.#socket);
  }

  get filename(): string {
    const socket = this.#socket;
    if (socket === undefined) return `disconnected:${this.place}`;
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    if (localAddress === undefined) return this.unixName;
    const end = (host: string | undefined, port: number | undefined): string =>
      `${shownHost(host ?? '')}:${port}`;
    return `${this.protocol}:${end(localAddress, localPort)}${this.suffix} <-> ${end(remoteAddress, remotePort)}`;
  }

  /** The name of a connected Unix socket. */
  protected abstract readonly unixName: string;

  get queuedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  write(bytes: Uint8Array): void {
    if (this.#socket === undefined) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.destroy();
  }

  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#socket?.pause();
    else if (this.#user !== undefined) this.#socket?.resume();
  }

  /** Ends the connection, if there is one. */
  yank(): void {
    this.#socket?.destroy();
  }

  close(): void {
    this.#socket?.destroySoon();
  }

  /** Somebody is at the other end from now on. */
  protected attach(socket: Socket): void {
    this.#socket = socket;
    if (this.#isTelnet) socket.write(TELNET_GREETING);
    if (this.#user !== undefined) this.#begin(socket);
  }

  /** Watches a socket, attached or not. */
  protected watch(socket: Socket, onClose: () => void): void {
    socket.on('error', () => socket.destroy());
    socket.on('end', () => {
      const timer = setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
      // A timer that is not over would keep the socket of a client that has gone.
      socket.once('close', () => clearTimeout(timer));
    });
    socket.on('close', () => {
      onClose();
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#user?.closed();
      this.gone();
    });
  }

  #begin(socket: Socket): void {
    const telnet = this.#isTelnet ? new TelnetFilter(() => this.#user?.sendBreak()) : undefined;
    socket.on('data', (bytes: Uint8Array) => this.#user?.input(telnet?.take(bytes) ?? bytes));
    if (this.#held) socket.pause();
    else socket.resume();
    this.#user?.opened();
  }
}
