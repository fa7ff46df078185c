import { existsSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Channel, ChannelUser } from './chardev.ts';

/** More that connect while a client is served are turned away. */
const MAX_WAITING = 16;

/** A Unix socket. As a server it serves one client at a time; others wait. What is written without a client is lost. */
export class UnixChannel implements Channel {
  readonly #path: string;
  readonly #server: Server | undefined;
  #socket: Socket | undefined;
  readonly #waiting: Socket[] = [];
  #user: ChannelUser | undefined;
  #held = false;
  /** Told when a client came. */
  #onClient: () => void = () => {};

  private constructor(path: string, server: Server | undefined) {
    this.#path = path;
    this.#server = server;
  }

  /** Rejects with Node's error when the path cannot be used. QEMU: a socket that is there already is replaced. */
  static listen(path: string): Promise<UnixChannel> {
    // Node calls this EACCES.
    if (!existsSync(dirname(path))) return Promise.reject(Object.assign(new Error(path), { code: 'ENOENT' }));
    rmSync(path, { force: true });
    const server = createServer({ pauseOnConnect: true });
    const channel = new UnixChannel(path, server);
    server.on('connection', (socket) => channel.#accept(socket));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve(channel);
      });
    });
  }

  /** Rejects with Node's error when nobody listens at `path`. */
  static connect(path: string): Promise<UnixChannel> {
    const socket = connect(path);
    const channel = new UnixChannel(path, undefined);
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        socket.pause();
        channel.#accept(socket);
        resolve(channel);
      });
    });
  }

  /** Resolves when a client is there. */
  client(): Promise<void> {
    if (this.#socket !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onClient = resolve;
    });
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    if (this.#socket !== undefined) this.#begin(this.#socket);
  }

  /** QEMU: a client's own end has no path. */
  get filename(): string {
    const at = this.#server === undefined ? 'unix:' : `unix:${this.#path},server=on`;
    return this.#socket === undefined ? `disconnected:${at}` : at;
  }

  get queuedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#socket?.pause();
    else this.#socket?.resume();
  }

  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#socket?.destroySoon();
    this.#server?.close();
    if (this.#server !== undefined) rmSync(this.#path, { force: true });
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#gone(socket));
    if (this.#socket !== undefined) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push(socket);
      else socket.destroy();
      return;
    }
    this.#socket = socket;
    this.#onClient();
    if (this.#user !== undefined) this.#begin(socket);
  }

  #begin(socket: Socket): void {
    socket.on('data', (bytes: Uint8Array) => this.#user?.input(bytes));
    if (!this.#held) socket.resume();
    this.#user?.opened();
  }

  #gone(socket: Socket): void {
    const at = this.#waiting.indexOf(socket);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#user?.closed();
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#socket = next;
    this.#begin(next);
  }
}
