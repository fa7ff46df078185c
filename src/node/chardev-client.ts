/** `-chardev socket` without `server=on`: the machine goes to a server, again and again with `reconnect=`. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { MonitorError, type SocketAddress, type SocketRequest } from '../emu/index.ts';
import { SocketChannel } from './chardev-socket.ts';
import { clientEndpoints, connectError } from './socket-address.ts';

const MS_PER_S = 1000;

export interface ClientOptions {
  readonly id: string;
  /** Told once why nobody answers, until somebody does. */
  readonly warn: (text: string) => void;
}

export class ClientChannel extends SocketChannel {
  protected readonly suffix = '';
  // QEMU: a client's own end has no path.
  protected readonly unixName = 'unix:';
  readonly #request: SocketRequest;
  readonly #options: ClientOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isTold = false;

  private constructor(request: SocketRequest, options: ClientOptions) {
    super(request);
    this.#request = request;
    this.#options = options;
  }

  /** Rejects with MonitorError when nobody answers, unless it is to try again. */
  static async open(request: SocketRequest, options: ClientOptions): Promise<ClientChannel> {
    const channel = new ClientChannel(request, options);
    if (request.reconnect > 0) void channel.#try();
    else await channel.#connect();
    return channel;
  }

  protected get place(): string {
    const { address } = this.#request;
    return address.type === 'unix'
      ? `unix:${address.path}`
      : `${this.protocol}:${address.host}:${address.port}`;
  }

  override close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    super.close();
  }

  protected gone(): void {
    this.#later();
  }

  #later(): void {
    const { reconnect } = this.#request;
    if (reconnect <= 0 || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#try(), reconnect * MS_PER_S);
    // A machine that ends does not wait for it.
    this.#timer.unref();
  }

  async #try(): Promise<void> {
    try {
      await this.#connect();
      this.#isTold = false;
    } catch (error) {
      if (!(error instanceof MonitorError)) throw error;
      if (!this.#isTold) {
        this.#options.warn(`Unable to connect character device ${this.#options.id}: ${error.message}`);
      }
      this.#isTold = true;
      this.#later();
    }
  }

  async #connect(): Promise<void> {
    const { address, nodelay } = this.#request;
    const socket = await firstOf(address);
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(nodelay);
    this.watch(socket, () => {});
    this.attach(socket);
  }
}

/** A connection to the first of an address's ends that answers. */
async function firstOf(address: SocketAddress): Promise<Socket> {
  let last: unknown;
  for (const options of await clientEndpoints(address)) {
    try {
      return await connected(options);
    } catch (error) {
      last = error;
    }
  }
  throw connectError(address, last);
}

function connected(options: NetConnectOpts): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.pause();
      resolve(socket);
    });
  });
}
