/** `-chardev socket,server=on`: clients come to the machine, one after another. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type InetAddress, MonitorError, type SocketAddress, type SocketRequest } from '../emu/index.ts';
import { SocketChannel } from './chardev-socket.ts';
import { listenInet, listenUnix, resolveInet } from './socket-address.ts';

/** More that connect while a client is served are turned away. */
const MAX_WAITING = 16;

export class ServerChannel extends SocketChannel {
  protected readonly suffix = ',server=on';
  readonly #address: SocketAddress;
  readonly #nodelay: boolean;
  readonly #servers: Server[] = [];
  readonly #waiting: Socket[] = [];
  #isClosed = false;
  /** Told when a client came. */
  #onClient: () => void = () => {};

  private constructor(request: SocketRequest) {
    super(request);
    this.#address = request.address;
    this.#nodelay = request.nodelay;
  }

  /** Rejects with MonitorError when the address cannot be used. */
  static async listen(request: SocketRequest): Promise<ServerChannel> {
    const channel = new ServerChannel(request);
    const { address } = request;
    if (address.type === 'unix') {
      const server = channel.#newServer();
      await listenUnix(server, address);
      channel.#servers.push(server);
    } else await channel.#listenInet(address);
    return channel;
  }

  /** QEMU: one of a name's addresses is enough. */
  async #listenInet(address: InetAddress): Promise<void> {
    let first: unknown;
    for (const endpoint of await resolveInet(address, true)) {
      const server = this.#newServer();
      try {
        await listenInet(server, endpoint, address.to);
        this.#servers.push(server);
      } catch (error) {
        if (!(error instanceof MonitorError)) throw error;
        first ??= error;
      }
    }
    if (this.#servers.length === 0) throw first;
  }

  /** Resolves when a client is there. */
  client(): Promise<void> {
    if (this.isConnected) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onClient = resolve;
    });
  }

  protected get place(): string {
    if (this.#address.type === 'unix') return this.unixName;
    const bound = this.#servers[0]?.address();
    if (bound === undefined || bound === null || typeof bound === 'string') return '';
    return `${this.protocol}:${bound.address}:${bound.port}${this.suffix}`;
  }

  protected get unixName(): string {
    return this.#address.type === 'unix' ? `unix:${this.#address.path}${this.suffix}` : '';
  }

  override close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    super.close();
    for (const server of this.#servers) server.close();
    if (this.#address.type === 'unix') rmSync(this.#address.path, { force: true });
  }

  protected gone(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) this.attach(next);
  }

  #newServer(): Server {
    const server = createServer({ pauseOnConnect: true, noDelay: this.#nodelay });
    server.on('connection', (socket) => this.#accept(socket));
    return server;
  }

  #accept(socket: Socket): void {
    this.watch(socket, () => {
      const at = this.#waiting.indexOf(socket);
      if (at >= 0) this.#waiting.splice(at, 1);
    });
    if (!this.isConnected) {
      this.attach(socket);
      this.#onClient();
    } else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(socket);
    else socket.destroy();
  }
}
