/** `tcp:[host]:port`, as the gdb server takes it: a server that nobody waits for. */
import { createServer, type Server, type Socket } from 'node:net';
import { MonitorError } from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';
import { hostErrorText } from './host-errors.ts';

const ADDRESS = /^tcp:([^:,]*):(\d{1,5})(?:,.*)?$/;
const MAX_PORT = 65535;
/** More that connect while a client is served are turned away. */
const MAX_WAITING = 16;

export class TcpChannel implements Channel {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #socket: Socket | undefined;
  #user: ChannelUser | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects with MonitorError. */
  static listen(spec: string): Promise<TcpChannel> {
    const [, host = '', port = ''] = ADDRESS.exec(spec) ?? [];
    if (port === '' || Number(port) > MAX_PORT) throw new MonitorError(`'${spec}' is not a valid address`);
    const server = createServer({ pauseOnConnect: true, noDelay: true });
    const channel = new TcpChannel(server);
    server.on('connection', (socket) => channel.#accept(socket));
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        reject(new MonitorError(`Failed to find an available port: ${hostErrorText(error)}`));
      });
      server.listen({ port: Number(port), ...(host === '' ? {} : { host }) }, () => resolve(channel));
    });
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    if (this.#socket !== undefined) this.#begin(this.#socket);
  }

  get filename(): string {
    const bound = this.#server.address();
    const place = bound === null || typeof bound === 'string' ? '' : `${bound.address}:${bound.port}`;
    return `${this.#socket === undefined ? 'disconnected:' : ''}tcp:${place},server=on`;
  }

  get queuedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  hold(held: boolean): void {
    if (held) this.#socket?.pause();
    else this.#socket?.resume();
  }

  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#socket?.destroySoon();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#gone(socket));
    if (this.#socket === undefined) this.#begin(socket);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(socket);
    else socket.destroy();
  }

  #begin(socket: Socket): void {
    this.#socket = socket;
    if (this.#user === undefined) return;
    socket.on('data', (bytes: Uint8Array) => this.#user?.input(bytes));
    socket.resume();
    this.#user.opened();
  }

  #gone(socket: Socket): void {
    const at = this.#waiting.indexOf(socket);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#user?.closed();
    const next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
  }
}
